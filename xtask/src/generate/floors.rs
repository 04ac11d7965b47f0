//! `data/floors.toml` → the table of `core::floor`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::{read, syscalls};

pub(crate) const SOURCES: &[&str] = &["data/floors.toml", "data/syscalls.csv"];

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Data {
    pub(crate) every: Vec<Every>,
    pub(crate) set: Vec<Set>,
}

/// Calls in every set of a runtime.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Every {
    pub(crate) runtime: String,
    source: String,
    pub(crate) asynchronous: BTreeSet<String>,
}

/// The calls of one runtime, in one way and one setting.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Set {
    pub(crate) runtime: String,
    pub(crate) versions: Vec<String>,
    pub(crate) way: String,
    pub(crate) no_new_privs: bool,
    #[serde(default)]
    measured: Vec<String>,
    pub(crate) required: BTreeSet<String>,
    pub(crate) tolerated: BTreeSet<String>,
    #[serde(default)]
    pub(crate) only_eperm: BTreeSet<String>,
    #[serde(default)]
    pub(crate) asynchronous: BTreeSet<String>,
    #[serde(default)]
    source: BTreeMap<String, BTreeSet<String>>,
}

/// Reads the file.
pub(crate) fn data(root: &Path) -> anyhow::Result<Data> {
    toml::from_str(&read(root, SOURCES[0])?).context(SOURCES[0])
}

/// Generates `crates/core/src/floor/table.rs`.
pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    render(&data(root)?, &syscalls::names(root)?).context(SOURCES[0])
}

impl Set {
    /// The classes, as the table names them, with their calls.
    pub(crate) fn classes(&self) -> [(&'static str, &BTreeSet<String>); 4] {
        [
            ("Required", &self.required),
            ("Asynchronous", &self.asynchronous),
            ("OnlyEperm", &self.only_eperm),
            ("Tolerated", &self.tolerated),
        ]
    }

    /// Whether it speaks of this version.
    pub(crate) fn holds(&self, version: [u32; 3]) -> anyhow::Result<bool> {
        for range in &self.versions {
            let (from, until) = ends(range)?;
            if (from..until).contains(&version) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn label(&self) -> String {
        format!("{} {} {}", self.runtime, self.versions.join(" "), self.way)
    }

    fn check(&self, names: &BTreeSet<String>) -> anyhow::Result<()> {
        let label = self.label();
        ensure!(["create", "exec"].contains(&self.way.as_str()), "{label}: a way is create or exec");
        ensure!(self.required.contains("execve"), "{label}: nothing starts without execve");
        let mut seen = BTreeSet::new();
        for call in self.classes().iter().flat_map(|(_, calls)| calls.iter()) {
            ensure!(names.contains(call), "{label}: unknown call `{call}`");
            ensure!(seen.insert(call), "{label}: `{call}` stands in two classes");
        }
        let sourced: BTreeSet<&String> = self.source.values().flatten().collect();
        if let Some(call) = sourced.iter().find(|call| !seen.contains(*call)) {
            anyhow::bail!("{label}: `{call}` has a source and no class");
        }
        let bare = seen.iter().find(|call| self.measured.is_empty() && !sourced.contains(*call));
        ensure!(
            bare.is_none(),
            "{label}: `{}` was neither measured nor read",
            bare.map_or("", |c| c.as_str())
        );
        Ok(())
    }
}

fn render(data: &Data, names: &BTreeSet<String>) -> anyhow::Result<String> {
    let mut out = String::from(
        "//! Floors.\n\nuse super::{Call, Class, Set, Version, Way};\n\npub(super) static SETS: &[Set] = &[\n",
    );
    for set in &data.set {
        set.check(names)?;
        let mut versions = String::new();
        for range in &set.versions {
            let (from, until) = ends(range)?;
            ensure!(from < until, "`{range}` is empty");
            versions += &format!("({}, {}),", version(from), version(until));
        }
        let way = if set.way == "exec" { "Exec" } else { "Create" };
        let measured: Vec<String> = set.measured.iter().map(|m| format!("{m:?}")).collect();
        write!(
            out,
            "Set {{ runtime: {:?}, versions: &[{versions}], way: Way::{way}, no_new_privs: {}, measured: &[{}], calls: &[",
            set.runtime,
            set.no_new_privs,
            measured.join(", ")
        )?;
        for (name, (class, source)) in calls(data, set) {
            writeln!(out, "Call {{ name: {name:?}, class: Class::{class}, source: {source:?} }},")?;
        }
        out.push_str("] },\n");
    }
    out.push_str("];\n");
    Ok(out)
}

/// Every call of a set with its class and, where it was not measured, its source.
fn calls<'d>(data: &'d Data, set: &'d Set) -> BTreeMap<&'d str, (&'static str, Option<&'d str>)> {
    let source =
        |call: &String| set.source.iter().find(|(_, calls)| calls.contains(call)).map(|(s, _)| s.as_str());
    let mut found = BTreeMap::new();
    for (class, calls) in set.classes() {
        found.extend(calls.iter().map(|call| (call.as_str(), (class, source(call)))));
    }
    for every in data.every.iter().filter(|e| e.runtime == set.runtime) {
        for call in &every.asynchronous {
            found.entry(call.as_str()).or_insert(("Asynchronous", Some(every.source.as_str())));
        }
    }
    found
}

/// `1.1.0..1.2.0`.
fn ends(range: &str) -> anyhow::Result<([u32; 3], [u32; 3])> {
    let (from, until) = range.split_once("..").with_context(|| format!("`{range}` is no range"))?;
    Ok((parts(from)?, parts(until)?))
}

/// The parts of a version; what is not said is 0.
pub(crate) fn parts(text: &str) -> anyhow::Result<[u32; 3]> {
    let said: Vec<u32> = text.split('.').map(str::parse).collect::<Result<_, _>>()?;
    let mut parts = [0; 3];
    ensure!(said.len() <= parts.len(), "`{text}` has more than three parts");
    parts[..said.len()].copy_from_slice(&said);
    Ok(parts)
}

pub(super) fn version([major, minor, patch]: [u32; 3]) -> String {
    format!("Version::new({major}, {minor}, {patch})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(set: &str) -> String {
        let names = ["close", "execve", "futex", "read"].map(str::to_owned).into();
        let text = format!(
            "[[every]]\nruntime = 'r'\nsource = 's'\nasynchronous = ['futex']\n[[set]]\nruntime = 'r'\nway = 'create'\n\
             no_new_privs = true\n{set}"
        );
        let data: Data = toml::from_str(&text).expect("the test's data are well formed");
        render(&data, &names).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn good_data_is_taken() {
        let set =
            "versions = ['1.0.0..1.1.0']\nmeasured = ['x']\nrequired = ['execve']\ntolerated = ['close']";
        assert_eq!(error(set), "");
    }

    #[test]
    fn bad_data_is_named() {
        let classes = "required = ['execve']\ntolerated = ['close']";
        assert!(
            error(&format!("versions = ['1.0.0..1.1.0']\n{classes}")).contains("neither measured nor read")
        );
        assert!(
            error(&format!("versions = ['1.1.0..1.1.0']\nmeasured = ['x']\n{classes}")).contains("is empty")
        );
        let twice = "versions = []\nmeasured = ['x']\nrequired = ['execve', 'read']\ntolerated = ['read']";
        assert!(error(twice).contains("`read` stands in two classes"));
        let unknown = "versions = []\nmeasured = ['x']\nrequired = ['execve', 'raed']\ntolerated = []";
        assert!(error(unknown).contains("unknown call `raed`"));
    }
}
