//! `data/syscalls.csv` and `data/syscalls.history.csv` as const tables of `callgate_core::sysno`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::csv::Csv;

pub(super) const SOURCES: &[&str] = &["data/syscalls.csv", "data/syscalls.history.csv"];

/// Columns of the data, in the order of `callgate_core::Arch::ALL`.
const ABIS: [&str; 9] =
    ["x86_64", "x86", "x32", "aarch64", "arm", "riscv64", "s390x", "ppc64le", "loongarch64"];

/// From here up, all ABIs share one numbering, as Linux 5.1 decided for every call added since
/// (`scripts/syscall.tbl`).
const UNIFIED_FROM: u32 = 424;
/// The last numbers of x32's own range, which lies above [`UNIFIED_FROM`]
/// (`arch/x86/entry/syscalls/syscall_64.tbl`: "numbers 512-547").
const X32_OWN: std::ops::RangeInclusive<u32> = 512..=547;
/// The numbers private to 32-bit Arm start here (`__ARM_NR_BASE`, `arch/arm/include/uapi/asm/unistd.h`).
const ARM_PRIVATE: u32 = 0x000f_0000;

/// A kernel version as the data has it, with all its parts: `2.6.28`.
type Version = Vec<u16>;

/// One system call of one ABI.
struct Entry<'a> {
    name: &'a str,
    nr: u32,
    since: Version,
}

/// Generates `crates/core/src/sysno/table.rs`.
pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    let calls = super::read(root, SOURCES[0])?;
    let history = super::read(root, SOURCES[1])?;
    let firsts = firsts(&history).context(SOURCES[1])?;
    let tables = tables(&calls, &firsts).context(SOURCES[0])?;
    let mut out = String::from("//! System call numbers per ABI, and the kernel that introduced each.\n\n");
    out.push_str("use super::{Entry, Kernel};\n\n");
    let mut names: Vec<&str> = tables.values().flatten().map(|e| e.name).collect();
    names.sort_unstable();
    names.dedup();
    write!(
        out,
        "/// Every name of every ABI, sorted.\npub(super) static NAMES: [&str; {}] = {names:?};\n",
        names.len()
    )?;
    let place = |name: &str| names.binary_search(&name).ok().and_then(|at| u16::try_from(at).ok());
    for (abi, entries) in ABIS.iter().zip(tables.values()) {
        write_table(&mut out, abi, entries, &place)?;
    }
    let places: Vec<Vec<u16>> = tables.values().map(|entries| places(&names, entries)).collect();
    out.push_str("\n/// By the places of names, places in the tables of the ABIs; `u16::MAX`: this one does not have the call.\n");
    writeln!(out, "pub(super) static PLACES: [[u16; {}]; {}] = {places:?};", names.len(), ABIS.len())?;
    Ok(out)
}

/// Every name in the data; for checks of other data against it.
pub(super) fn names(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = super::read(root, SOURCES[0])?;
    Csv::parse(&text)?.rows().map(|row| Ok(row.get("name")?.to_owned())).collect()
}

/// Where each name stands in a table.
fn places(names: &[&str], entries: &[Entry<'_>]) -> Vec<u16> {
    let at = |name: &&str| entries.iter().position(|entry| entry.name == *name);
    names.iter().map(|name| at(name).and_then(|at| u16::try_from(at).ok()).unwrap_or(u16::MAX)).collect()
}

/// Names stand as numbers: a pointer would be relocated at every start of the program.
fn write_table(
    out: &mut String,
    abi: &str,
    entries: &[Entry<'_>],
    place: &dyn Fn(&str) -> Option<u16>,
) -> anyhow::Result<()> {
    let upper = abi.to_uppercase();
    let len = entries.len();
    write!(out, "\n/// Calls of {abi}, by number.\npub(super) static {upper}: [Entry; {len}] = [\n")?;
    for Entry { name, nr, since } in entries {
        let (major, minor) = (since[0], since[1]);
        let nr = underscored(*nr);
        let place = place(name).with_context(|| format!("`{name}` has no place"))?;
        writeln!(out, "    Entry::new({place}, {nr}, Kernel::new({major}, {minor})), // {name}")?;
    }
    out.push_str("];\n");
    Ok(())
}

/// Writes long numbers as clippy wants to read them: `983_041`.
fn underscored(nr: u32) -> String {
    if nr < 100_000 { nr.to_string() } else { format!("{}_{:03}", nr / 1000, nr % 1000) }
}

/// The first kernel of each ABI.
fn firsts(text: &str) -> anyhow::Result<BTreeMap<&str, Version>> {
    let csv = Csv::parse(text)?;
    let mut firsts = BTreeMap::new();
    for row in csv.rows() {
        let abi = row.get("abi")?;
        ensure!(ABIS.contains(&abi), "line {}: unknown ABI `{abi}`", row.line());
        ensure!(!row.get("source")?.is_empty(), "line {}: no source", row.line());
        firsts.insert(abi, version(row.get("first")?)?);
    }
    for abi in ABIS {
        ensure!(firsts.contains_key(abi), "no first kernel of `{abi}`");
    }
    Ok(firsts)
}

/// The tables in the order of [`ABIS`], each sorted by number.
fn tables<'a>(
    text: &'a str,
    firsts: &BTreeMap<&str, Version>,
) -> anyhow::Result<BTreeMap<usize, Vec<Entry<'a>>>> {
    let csv = Csv::parse(text)?;
    let mut tables: BTreeMap<usize, Vec<Entry<'_>>> = (0..ABIS.len()).map(|i| (i, Vec::new())).collect();
    let mut previous = "";
    for row in csv.rows() {
        let (name, line) = (row.get("name")?, row.line());
        ensure!(previous < name, "line {line}: `{name}` is not sorted or stands twice");
        ensure!(!row.get("source")?.is_empty(), "line {line}: `{name}` has no source");
        previous = name;
        let (anywhere, exceptions) =
            since(row.get("since")?).with_context(|| format!("line {line}: `{name}`"))?;
        let mut unified = BTreeSet::new();
        for (abi, entries) in ABIS.iter().zip(tables.values_mut()) {
            let cell = row.get(abi)?;
            if cell.is_empty() {
                ensure!(!exceptions.contains_key(abi), "line {line}: `{name}` does not exist on {abi}");
                continue;
            }
            let nr: u32 = cell.parse().with_context(|| format!("line {line}: bad number `{cell}`"))?;
            if shared(abi, nr) {
                unified.insert(nr);
            }
            let since = exceptions.get(abi).unwrap_or(&anywhere).max(&firsts[abi]).clone();
            entries.push(Entry { name, nr, since });
        }
        ensure!(unified.len() <= 1, "line {line}: `{name}` has several numbers in the unified range");
    }
    for (abi, entries) in ABIS.iter().zip(tables.values_mut()) {
        entries.sort_by_key(|e| e.nr);
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].nr == pair[1].nr) {
            anyhow::bail!("{abi}: `{}` and `{}` have the same number", pair[0].name, pair[1].name);
        }
    }
    Ok(tables)
}

/// Whether a number lies where all ABIs agree.
fn shared(abi: &str, nr: u32) -> bool {
    (UNIFIED_FROM..ARM_PRIVATE).contains(&nr) && !(abi == "x32" && X32_OWN.contains(&nr))
}

/// Reads a `since` cell: `2.0; x86:4.3; s390x:4.3`.
fn since(cell: &str) -> anyhow::Result<(Version, BTreeMap<&str, Version>)> {
    let mut parts = cell.split(';').map(str::trim);
    let anywhere = version(parts.next().unwrap_or_default())?;
    let mut exceptions = BTreeMap::new();
    for part in parts {
        let (abi, text) = part.split_once(':').with_context(|| format!("no `ABI:VERSION`: `{part}`"))?;
        ensure!(ABIS.contains(&abi), "unknown ABI `{abi}`");
        let version = version(text)?;
        ensure!(version > anywhere, "{abi} cannot have it before anybody else");
        exceptions.insert(abi, version);
    }
    Ok((anywhere, exceptions))
}

fn version(text: &str) -> anyhow::Result<Version> {
    let parts: Result<Version, _> = text.split('.').map(str::parse).collect();
    let parts = parts.with_context(|| format!("bad kernel version `{text}`"))?;
    ensure!(parts.len() >= 2, "bad kernel version `{text}`");
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "name,x86_64,x86,x32,aarch64,arm,riscv64,s390x,ppc64le,loongarch64,since,source\n";

    fn tables_of(rows: &str) -> anyhow::Result<BTreeMap<usize, String>> {
        let text = format!("{HEADER}{rows}");
        let firsts = ABIS.iter().map(|abi| (*abi, vec![2, 6])).collect();
        let tables = tables(&text, &firsts)?;
        Ok(tables.into_iter().map(|(i, t)| (i, t.iter().map(show).collect())).collect())
    }

    fn show(entry: &Entry<'_>) -> String {
        format!("{}={}@{:?} ", entry.name, entry.nr, entry.since)
    }

    #[test]
    fn an_abi_has_a_call_no_earlier_than_itself() {
        let tables = tables_of("bind,49,361,,,,,,,,1.0; x86:4.3,x\nread,0,3,,,,,,,,1.0,x\n").unwrap();
        assert_eq!(tables[&0], "read=0@[2, 6] bind=49@[2, 6] ");
        assert_eq!(tables[&1], "read=3@[2, 6] bind=361@[4, 3] ");
    }

    #[test]
    fn bad_data_is_named() {
        let error = |rows| tables_of(rows).err().unwrap().to_string();
        assert_eq!(
            error("b,1,,,,,,,,,1.0,x\na,2,,,,,,,,,1.0,x\n"),
            "line 3: `a` is not sorted or stands twice"
        );
        assert_eq!(
            error("a,1,,,,,,,,,1.0,x\nb,1,,,,,,,,,1.0,x\n"),
            "x86_64: `a` and `b` have the same number"
        );
        assert_eq!(error("a,430,431,,,,,,,,1.0,x\n"), "line 2: `a` has several numbers in the unified range");
        assert_eq!(error("a,1,,,,,,,,,1.0; arm:5.0,x\n"), "line 2: `a` does not exist on arm");
        assert_eq!(error("a,1,,,,,,,,,1.0,\n"), "line 2: `a` has no source");
    }
}
