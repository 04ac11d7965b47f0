//! `data/libseccomp.csv` → which release of libseccomp first knew a call.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};

use super::args::ARCHES;
use super::csv::Csv;
use super::defaults::VARIANTS;
use super::read;

pub(super) const SOURCES: &[&str] = &[DATA];

const DATA: &str = "data/libseccomp.csv";

pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    let text = read(root, DATA)?;
    let csv = Csv::parse(&text).context(DATA)?;
    let (mut since, mut numbered) = (BTreeMap::new(), BTreeMap::new());
    for row in csv.rows() {
        let version: Vec<u32> = row.get("since")?.split('.').map(str::parse).collect::<Result<_, _>>()?;
        ensure!(version.len() == 3, "{DATA}:{}: a release has three parts", row.line());
        let (name, arch) = (row.get("name")?, row.get("arch")?);
        let before = if arch.is_empty() {
            since.insert(name, version)
        } else {
            let at = ARCHES.iter().position(|known| *known == arch);
            let at = at.with_context(|| format!("{DATA}:{}: no such architecture", row.line()))?;
            numbered.insert((name, at), version)
        };
        ensure!(before.is_none(), "{DATA}:{}: the name stands here twice", row.line());
    }
    let mut out = String::from(
        "//! Which release of libseccomp first knew a call.\n\nuse callgate_core::Arch;\nuse callgate_core::floor::Version;\n\n\
         /// Sorted by name.\npub(super) const SINCE: &[(&str, Version)] = &[\n",
    );
    for (name, version) in since {
        let [major, minor, patch] = version[..] else { continue };
        out.push_str(&format!("(\"{name}\", Version::new({major}, {minor}, {patch})),\n"));
    }
    out.push_str("];\n\n/// Calls that had no number on an architecture until later than their name.\n");
    out.push_str("pub(super) const NUMBERED: &[(&str, Arch, Version)] = &[\n");
    for ((name, at), version) in numbered {
        let [major, minor, patch] = version[..] else { continue };
        let arch = VARIANTS[at];
        out.push_str(&format!("(\"{name}\", Arch::{arch}, Version::new({major}, {minor}, {patch})),\n"));
    }
    Ok(out + "];\n")
}
