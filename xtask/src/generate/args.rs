//! `data/args.csv`, `data/flags.csv` and `data/packs.csv` → the tables of `core::args`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use super::csv::{Csv, Row};
use super::read;

pub(super) const SOURCES: &[&str] = &[ARGS, FLAGS, PACKS];

const ARGS: &str = "data/args.csv";
const FLAGS: &str = "data/flags.csv";
const PACKS: &str = "data/packs.csv";

/// The architectures, in the order of `Arch::ALL`.
pub(super) const ARCHES: [&str; 9] =
    ["x86_64", "x86", "x32", "aarch64", "arm", "riscv64", "s390x", "ppc64le", "loongarch64"];
const ALL: u16 = 0x1ff;

/// The types `core::args::make` has a constant for, in small letters.
const TYPES: [&str; 17] = [
    "int", "fd", "pid", "uint", "u32", "uid", "gid", "dev", "mode", "long", "offset", "ulong", "size", "u64",
    "pointer", "string", "word",
];

/// The functions of `core::args::make`.
const HELPERS: [&str; 9] =
    ["bit", "danger", "from", "ignoring", "never", "only", "ordinary", "surface", "value"];

struct Constant<'a> {
    name: &'a str,
    value: u64,
    kind: &'a str,
    arches: u16,
    danger: &'a str,
}

#[derive(Default)]
struct Set<'a> {
    field: u64,
    constants: Vec<Constant<'a>>,
}

type Sets<'a> = BTreeMap<&'a str, Set<'a>>;

/// One call: architectures of a list of rows (0: the list for all others) → the rows.
type Lists<'a, 'c> = Vec<(u16, Vec<Row<'a, 'c>>)>;

/// Generates `crates/core/src/args/table.rs`.
pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    let flags = read(root, FLAGS)?;
    let sets = sets(&flags).context(FLAGS)?;
    let mut out = String::from("//! Arguments of system calls and their constants.\n\n");
    let types = TYPES.map(str::to_uppercase).join(", ");
    writeln!(out, "use super::make::{{{}, {types}}};", HELPERS.join(", "))?;
    writeln!(out, "use super::{{Entry, Pack, Policy, Set}};\n")?;
    write_sets(&mut out, &sets)?;
    let args = read(root, ARGS)?;
    write_entries(&mut out, &args, &sets).context(ARGS)?;
    let packs = read(root, PACKS)?;
    write_packs(&mut out, &packs, &args, &sets).context(PACKS)?;
    Ok(out)
}

/// Every constant with its value on x86_64; where sets disagree about a name, none.
pub(super) fn constants(root: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let flags = read(root, FLAGS)?;
    let mut found: BTreeMap<String, Option<u64>> = BTreeMap::new();
    for constant in
        sets(&flags).context(FLAGS)?.values().flat_map(|s| &s.constants).filter(|c| c.arches & 1 == 1)
    {
        let slot = found.entry(constant.name.to_owned()).or_insert(Some(constant.value));
        *slot = slot.filter(|v| *v == constant.value);
    }
    Ok(found.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

fn sets(text: &str) -> anyhow::Result<Sets<'_>> {
    let csv = Csv::parse(text)?;
    let mut sets = Sets::new();
    let mut includes = Vec::new();
    for row in csv.rows() {
        let (set, name, kind) = (row.get("set")?, row.get("constant")?, row.get("kind")?);
        let at = || format!("line {}: {set},{name}", row.line());
        let slot = sets.entry(set).or_default();
        match kind {
            "field" => slot.field = number(row.get("value")?).with_context(at)?,
            "include" => includes.push((set, name)),
            "enum" | "bit" => {
                let arches = arches(row.get("arches")?).with_context(at)?;
                take_away(&mut slot.constants, name, arches).with_context(at)?;
                let named = slot.constants.iter().filter(|c| c.name == name).fold(0, |all, c| all | c.arches);
                let arches = if arches == 0 { ALL & !named } else { arches };
                if row.get("value")? != "-" {
                    let value = number(row.get("value")?).with_context(at)?;
                    ensure!(kind == "enum" || value != 0, "{}: a bit without bits", at());
                    slot.constants.push(Constant { name, value, kind, arches, danger: row.get("danger")? });
                }
            }
            other => bail!("{}: unknown kind `{other}`", at()),
        }
    }
    include(&mut sets, &includes)?;
    Ok(sets)
}

/// A row for certain architectures takes them from the constant's row for all.
fn take_away(constants: &mut [Constant<'_>], name: &str, arches: u16) -> anyhow::Result<()> {
    for earlier in constants.iter_mut().filter(|c| c.name == name) {
        ensure!(arches != 0, "given twice");
        earlier.arches &= !arches;
    }
    Ok(())
}

fn include<'a>(sets: &mut Sets<'a>, includes: &[(&'a str, &'a str)]) -> anyhow::Result<()> {
    for (set, other) in includes {
        let from = sets.get(other).with_context(|| format!("`{set}` includes unknown set `{other}`"))?;
        let copies: Vec<_> = from
            .constants
            .iter()
            .map(|c| Constant {
                name: c.name,
                value: c.value,
                kind: c.kind,
                arches: c.arches,
                danger: c.danger,
            })
            .collect();
        sets.entry(set).or_default().constants.extend(copies);
    }
    Ok(())
}

fn number(text: &str) -> anyhow::Result<u64> {
    let parsed = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(hex), _) => u64::from_str_radix(hex, 16),
        (_, Some(octal)) => u64::from_str_radix(octal, 8),
        _ => text.parse(),
    };
    parsed.with_context(|| format!("not a number: `{text}`"))
}

/// `x86|arm` → bits; nothing → 0.
fn arches(text: &str) -> anyhow::Result<u16> {
    let mut mask = 0;
    for name in text.split('|').filter(|n| !n.is_empty()) {
        let at = ARCHES.iter().position(|a| *a == name);
        mask |= 1 << at.with_context(|| format!("unknown architecture `{name}`"))?;
    }
    Ok(mask)
}

fn write_sets(out: &mut String, sets: &Sets<'_>) -> anyhow::Result<()> {
    writeln!(out, "pub(super) const SETS: &[Set] = &[")?;
    for (name, set) in sets {
        writeln!(out, "Set {{ name: {name:?}, field: {:#x}, constants: &[", set.field)?;
        for c in set.constants.iter().filter(|c| c.arches != 0) {
            let mut text = format!("{}({:?}, {:#x})", c.kind.replace("enum", "value"), c.name, c.value);
            if c.arches != ALL {
                text = format!("only({:#x}, {text})", c.arches);
            }
            if !c.danger.is_empty() {
                text = format!("danger({:?}, {text})", c.danger);
            }
            writeln!(out, "{text},")?;
        }
        writeln!(out, "] }},")?;
    }
    writeln!(out, "];\n")?;
    Ok(())
}

fn write_entries(out: &mut String, text: &str, sets: &Sets<'_>) -> anyhow::Result<()> {
    let csv = Csv::parse(text)?;
    let mut calls: BTreeMap<&str, Lists<'_, '_>> = BTreeMap::new();
    for row in csv.rows() {
        let mask = arches(row.get("arches")?).with_context(|| format!("line {}", row.line()))?;
        let lists = calls.entry(row.get("call")?).or_default();
        match lists.iter_mut().find(|(m, _)| *m == mask) {
            Some((_, rows)) => rows.push(row),
            None => lists.push((mask, vec![row])),
        }
    }
    writeln!(out, "pub(super) const ENTRIES: &[Entry] = &[")?;
    for (call, lists) in &calls {
        writeln!(out, "Entry {{ call: {call:?}, variants: &[")?;
        for (mask, params) in variants(lists, sets).with_context(|| (*call).to_owned())? {
            writeln!(out, "({mask:#x}, &[{params}]),")?;
        }
        writeln!(out, "] }},")?;
    }
    writeln!(out, "];\n")?;
    Ok(())
}

/// What the arguments are on each architecture, equal ones together: lists differ by row and by the values of constants.
fn variants(lists: &Lists<'_, '_>, sets: &Sets<'_>) -> anyhow::Result<Vec<(u16, String)>> {
    let mut found: Vec<(u16, String)> = Vec::new();
    for (arch, name) in ARCHES.iter().enumerate() {
        let bit = 1 << arch;
        let own = lists.iter().find(|(m, _)| m & bit != 0).or_else(|| lists.iter().find(|(m, _)| *m == 0));
        let (_, rows) = own.with_context(|| format!("no arguments on {name}"))?;
        let mut text = String::new();
        for (at, row) in rows.iter().enumerate() {
            let param = param(row, at, (arch, sets));
            text += &param.with_context(|| format!("line {}", row.line()))?;
        }
        match found.iter_mut().find(|(_, t)| *t == text) {
            Some((mask, _)) => *mask |= bit,
            None => found.push((bit, text)),
        }
    }
    Ok(found)
}

/// One `Param`; nothing for the row of a call without arguments.
fn param(row: &Row<'_, '_>, at: usize, context: (usize, &Sets<'_>)) -> anyhow::Result<String> {
    let (name, ctype, set) = (row.get("name")?, row.get("type")?, row.get("set")?);
    if ctype == "none" {
        return Ok(String::new());
    }
    ensure!(row.get("index")? == at.to_string(), "index {} where {at} is next", row.get("index")?);
    ensure!(TYPES.contains(&ctype), "unknown type `{ctype}`");
    ensure!(set.is_empty() || context.1.contains_key(set), "unknown set `{set}`");
    let policy = policy(row.get("policy")?, set, context)?;
    let class = row.get("class")?;
    ensure!(["surface", "ordinary", "never"].contains(&class), "unknown class `{class}`");
    ensure!((class == "surface") == policy.is_some(), "surface arguments, and only these, have a policy");
    let mut text = format!("{class}({name:?}, {}", ctype.to_uppercase());
    if let Some(policy) = policy {
        write!(text, ", Policy::{policy}")?;
    }
    text += ")";
    if !set.is_empty() {
        text = format!("from({set:?}, {text})");
    }
    let ignore = values(row.get("ignore")?, set, context)?.into_iter().fold(0, |all, v| all | v);
    if ignore != 0 {
        text = format!("ignoring({ignore:#x}, {text})");
    }
    Ok(text + ",")
}

fn policy(text: &str, set: &str, context: (usize, &Sets<'_>)) -> anyhow::Result<Option<String>> {
    let (word, names) = text.split_once(':').unwrap_or((text, ""));
    let values = values(names, set, context)?;
    let mask = values.iter().fold(0, |all, v| all | v);
    Ok(match word {
        "" => None,
        "seen" => Some("Seen".to_owned()),
        "refuse-bits" => Some(format!("RefuseBits({mask:#x})")),
        "refuse-values" => Some(format!("RefuseValues(&{values:?})")),
        "not-both" => Some(format!("NotBoth({mask:#x})")),
        other => bail!("unknown policy `{other}`"),
    })
}

/// `A|B` → the values of these constants of the set on this architecture.
fn values(names: &str, set: &str, (arch, sets): (usize, &Sets<'_>)) -> anyhow::Result<Vec<u64>> {
    let names = names.split('|').filter(|n| !n.is_empty());
    names
        .map(|name| {
            let set = sets.get(set).with_context(|| format!("`{name}` without a set"))?;
            let found = set.constants.iter().find(|c| c.name == name && c.arches >> arch & 1 == 1);
            found.map(|c| c.value).with_context(|| format!("no constant `{name}` on {}", ARCHES[arch]))
        })
        .collect()
}

fn write_packs(out: &mut String, text: &str, args: &str, sets: &Sets<'_>) -> anyhow::Result<()> {
    let csv = Csv::parse(text)?;
    let args = Csv::parse(args)?;
    let mut seen_rows = BTreeSet::new();
    writeln!(out, "pub(super) const PACKS: &[Pack] = &[")?;
    for row in csv.rows() {
        let (call, index) = (row.get("call")?, row.get("index")?);
        ensure!(seen_rows.insert((call, index, row.get("seen")?)), "line {}: given twice", row.line());
        let mut set = "";
        for arg in args.rows() {
            if arg.get("call")? == call && arg.get("index")? == index {
                set = arg.get("set")?;
            }
        }
        // Packs are of values that are the same everywhere; x86_64 stands for all.
        let (seen, brings) =
            (values(row.get("seen")?, set, (0, sets))?, values(row.get("brings")?, set, (0, sets))?);
        let reason = row.get("reason")?;
        writeln!(
            out,
            "Pack {{ call: {call:?}, index: {index}, seen: &{seen:?}, brings: &{brings:?}, reason: {reason:?} }},"
        )?;
    }
    writeln!(out, "];")?;
    Ok(())
}
