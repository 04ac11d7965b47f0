//! `data/defaults/*.toml` → the table of `core::baseline`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::{args, read, syscalls};

pub(super) const SOURCES: &[&str] = &["data/defaults/docker.toml", "data/flags.csv", "data/syscalls.csv"];

/// The default profiles, each a file.
const DEFAULTS: &[&str] = &["data/defaults/docker.toml"];

/// The architectures as `core::arch::Arch` spells them, in the order of [`args::ARCHES`].
pub(super) const VARIANTS: [&str; 9] =
    ["X86_64", "X86", "X32", "Aarch64", "Arm", "Riscv64", "S390x", "Ppc64le", "Loongarch64"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    name: String,
    aliases: Vec<String>,
    about: String,
    default: Action,
    companions: BTreeMap<String, Vec<String>>,
    rule: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    action: String,
    errno: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    reason: String,
    calls: Vec<String>,
    action: Option<String>,
    errno: Option<String>,
    #[serde(default)]
    args: Vec<Condition>,
    #[serde(default)]
    when: Circumstances,
    #[serde(default)]
    unless: Circumstances,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    index: u8,
    op: String,
    value: Value,
    #[serde(default)]
    equals: u64,
}

/// A number, or names of constants.
#[derive(Deserialize)]
#[serde(try_from = "toml::Value")]
enum Value {
    Number(u64),
    Names(String),
}

impl TryFrom<toml::Value> for Value {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        match value {
            toml::Value::Integer(number) => {
                u64::try_from(number).map(Self::Number).map_err(|e| e.to_string())
            }
            toml::Value::String(names) => Ok(Self::Names(names)),
            other => Err(format!("neither a number nor constants: {other:?}")),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Circumstances {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
    min_kernel: Option<String>,
}

/// What rules are checked against.
struct Words {
    calls: BTreeSet<String>,
    constants: BTreeMap<String, u64>,
}

/// Generates `crates/core/src/baseline/table.rs`.
pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    let words = Words { calls: syscalls::names(root)?, constants: args::constants(root)? };
    let mut out = String::from(
        "//! Default profiles.\n\nuse super::{Baseline, Circumstances, Kernel, Rule};\nuse crate::action::Action;\n\
         use crate::arch::Arch;\nuse crate::set::Op;\n\npub(super) static BASELINES: &[Baseline] = &[\n",
    );
    for path in DEFAULTS {
        let text = read(root, path)?;
        let baseline: Baseline = toml::from_str(&text).with_context(|| (*path).to_owned())?;
        write_baseline(&mut out, &baseline, &words).with_context(|| (*path).to_owned())?;
    }
    out.push_str("];\n");
    Ok(out)
}

fn write_baseline(out: &mut String, baseline: &Baseline, words: &Words) -> anyhow::Result<()> {
    let Baseline { name, aliases, about, default, companions, rule: rules } = baseline;
    let default = action(&default.action, default.errno.as_deref())?;
    writeln!(
        out,
        "Baseline {{ name: {name:?}, aliases: &{aliases:?}, about: {about:?}, default: {default},"
    )?;
    writeln!(out, "companions: &[")?;
    for (arch, others) in companions {
        writeln!(
            out,
            "({}, &{}),",
            arches(std::slice::from_ref(arch))?.trim_matches(['[', ']']),
            arches(others)?
        )?;
    }
    writeln!(out, "], rules: &[")?;
    for rule in rules {
        write_rule(out, rule, words).with_context(|| format!("rule `{}`", rule.reason))?;
    }
    writeln!(out, "] }},")?;
    Ok(())
}

fn write_rule(out: &mut String, rule: &Rule, words: &Words) -> anyhow::Result<()> {
    let reason = &rule.reason;
    ensure!(!reason.is_empty() && !reason.ends_with('.'), "a reason has no full stop");
    ensure!(!rule.calls.is_empty(), "no calls");
    ensure!(rule.calls.is_sorted(), "calls are not sorted");
    if let Some(call) = rule.calls.iter().find(|c| !words.calls.contains(*c)) {
        bail!("unknown call `{call}`");
    }
    let action = action(rule.action.as_deref().unwrap_or("allow"), rule.errno.as_deref())?;
    writeln!(out, "Rule {{ calls: &{:?}, action: {action}, args: &[", rule.calls)?;
    for condition in &rule.args {
        ensure!(condition.index < 6, "there is no argument {}", condition.index);
        let (op, value) = (op(&condition.op)?, value(&condition.value, words)?);
        writeln!(out, "({}, Op::{op}, {}, {}),", condition.index, hex(value), hex(condition.equals))?;
    }
    let (when, unless) = (circumstances(&rule.when)?, circumstances(&rule.unless)?);
    writeln!(out, "], when: {when}, unless: {unless}, reason: {reason:?} }},")?;
    Ok(())
}

fn action(action: &str, errno: Option<&str>) -> anyhow::Result<String> {
    Ok(match (action, errno) {
        ("allow", None) => "Action::Allow".to_owned(),
        ("log", None) => "Action::Log".to_owned(),
        ("kill-process", None) => "Action::KillProcess".to_owned(),
        ("errno", Some(name @ ("EPERM" | "ENOSYS"))) => format!("Action::Errno(crate::errno::{name})"),
        _ => bail!("unknown action `{action}` with errno {errno:?}"),
    })
}

fn op(text: &str) -> anyhow::Result<&'static str> {
    Ok(match text {
        "=" => "Eq",
        "!=" => "Ne",
        "<" => "Lt",
        "<=" => "Le",
        ">" => "Gt",
        ">=" => "Ge",
        "masked" => "MaskedEq",
        other => bail!("unknown operator `{other}`"),
    })
}

fn value(value: &Value, words: &Words) -> anyhow::Result<u64> {
    match value {
        Value::Number(number) => Ok(*number),
        Value::Names(names) => names.split('|').try_fold(0, |all, name| {
            let value = words.constants.get(name).with_context(|| format!("unknown constant `{name}`"))?;
            Ok(all | value)
        }),
    }
}

/// Grouped as clippy wants it.
fn hex(value: u64) -> String {
    if value <= 0xffff {
        return value.to_string();
    }
    let digits = format!("{value:x}");
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(4).rev().collect();
    let groups: Vec<_> = groups.into_iter().map(String::from_utf8_lossy).collect();
    format!("0x{}", groups.join("_"))
}

fn circumstances(given: &Circumstances) -> anyhow::Result<String> {
    let kernel = match &given.min_kernel {
        None => "None".to_owned(),
        Some(text) => {
            let (major, minor) = text.split_once('.').context("a kernel is written like 4.8")?;
            let (major, minor): (u16, u16) = (major.parse()?, minor.parse()?);
            format!("Some(Kernel::new({major}, {minor}))")
        }
    };
    if let Some(cap) = given.caps.iter().find(|c| !c.starts_with("CAP_")) {
        bail!("not a capability: `{cap}`");
    }
    let arches = arches(&given.arches)?;
    Ok(format!("Circumstances {{ caps: &{:?}, arches: &{arches}, min_kernel: {kernel} }}", given.caps))
}

/// `[Arch::X86, …]`
fn arches(names: &[String]) -> anyhow::Result<String> {
    let mut found = Vec::new();
    for name in names {
        let at = args::ARCHES.iter().position(|a| a == name);
        let at = at.with_context(|| format!("unknown architecture `{name}`"))?;
        found.push(format!("Arch::{}", VARIANTS[at]));
    }
    Ok(format!("[{}]", found.join(", ")))
}
