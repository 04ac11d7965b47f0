//! `data/systemd.toml` → the sets of systemd's `SystemCallFilter=`.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::read;

pub(super) const SOURCES: &[&str] = &[DATA];

const DATA: &str = "data/systemd.toml";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    set: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    name: String,
    #[serde(default)]
    sets: Vec<String>,
    #[serde(default)]
    calls: Vec<String>,
}

pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    let document: Document = toml::from_str(&read(root, DATA)?).context(DATA)?;
    let names: Vec<&str> = document.set.iter().map(|set| set.name.as_str()).collect();
    ensure!(names.is_sorted(), "{DATA}: sets are sorted by name");
    let mut out = String::from(
        "//! The sets of systemd's `SystemCallFilter=`.\n\n/// Name, calls, and sets within; sorted by name.\n\
         pub(super) const SETS: &[(&str, &[&str], &[&str])] = &[\n",
    );
    for set in &document.set {
        let unknown = set.sets.iter().find(|inner| !names.contains(&inner.as_str()));
        ensure!(unknown.is_none(), "{DATA}: {}: there is no set {unknown:?}", set.name);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "({:?}, &{:?}, &{:?}),", set.name, set.calls, set.sets);
    }
    Ok(out + "];\n")
}
