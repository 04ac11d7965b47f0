//! `data/groups.toml` as const tables of `callgate_core::group`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

pub(super) const SOURCES: &[&str] = &["data/groups.toml", "data/syscalls.csv"];

/// The group that is made of the table of dangers.
const DANGEROUS: &str = "dangerous";
/// The group that `is_privileged` looks into.
const PRIVILEGED: &str = "privileged";

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    topic: BTreeMap<String, Group>,
    across: BTreeMap<String, Group>,
    danger: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    about: String,
    #[serde(default)]
    calls: BTreeSet<String>,
    #[serde(default)]
    groups: BTreeSet<String>,
}

/// Generates `crates/core/src/group/table.rs`.
pub(super) fn table(root: &Path) -> anyhow::Result<String> {
    let text = super::read(root, SOURCES[0])?;
    let names = super::syscalls::names(root)?;
    render(&text, &names).context(SOURCES[0])
}

fn render(text: &str, names: &BTreeSet<String>) -> anyhow::Result<String> {
    let data: Data = toml::from_str(text)?;
    let primary = primary(&data.topic, names)?;
    let groups = all_groups(&data)?;
    for (name, group) in &groups {
        check_group(name, group, &groups, names)?;
    }
    for (call, why) in &data.danger {
        ensure!(names.contains(call), "[danger]: unknown call `{call}`");
        ensure!(
            !why.is_empty() && !why.ends_with('.'),
            "[danger]: `{call}` needs a reason, without a full stop"
        );
    }
    let privileged = groups.get(PRIVILEGED).context("no group `privileged`")?;
    ensure!(privileged.groups.is_empty(), "`privileged` lists its calls itself");

    let mut out = String::from("//! Groups of system calls.\n\nuse super::Group;\n\n");
    write_groups(&mut out, &groups)?;
    out.push_str("\n/// The topic of every call, sorted by call.\n");
    write_pairs(&mut out, "PRIMARY", primary.iter().map(|(call, topic)| (*call, format!("@{topic}"))))?;
    out.push_str("\n/// Why a call is dangerous, sorted by call.\n");
    write_pairs(&mut out, "DANGERS", data.danger.iter().map(|(call, why)| (call.as_str(), why.clone())))?;
    let (len, calls) = (privileged.calls.len(), list(&privileged.calls));
    write!(out, "\n/// Calls of `@privileged`, sorted.\n")?;
    writeln!(out, "pub(super) static PRIVILEGED: [&str; {len}] = {calls};")?;
    Ok(out)
}

/// The one topic of every call; fails when a call has none or two.
fn primary<'a>(
    topics: &'a BTreeMap<String, Group>,
    names: &BTreeSet<String>,
) -> anyhow::Result<BTreeMap<&'a str, &'a str>> {
    let mut primary = BTreeMap::new();
    for (topic, group) in topics {
        for call in &group.calls {
            if let Some(other) = primary.insert(call.as_str(), topic.as_str()) {
                bail!("`{call}` stands in two topics: `{other}` and `{topic}`");
            }
        }
    }
    if let Some(call) = names.iter().find(|call| !primary.contains_key(call.as_str())) {
        bail!("`{call}` stands in no topic");
    }
    Ok(primary)
}

/// Topics and groups across them under one roof, `@dangerous` filled in.
fn all_groups(data: &Data) -> anyhow::Result<BTreeMap<String, Group>> {
    let mut groups = data.topic.clone();
    for (name, group) in &data.across {
        ensure!(!groups.contains_key(name), "`{name}` is both a topic and across them");
        groups.insert(name.clone(), group.clone());
    }
    let dangerous = groups.get_mut(DANGEROUS).context("no group `dangerous`")?;
    ensure!(
        dangerous.calls.is_empty() && dangerous.groups.is_empty(),
        "`dangerous` is made of [danger] and lists nothing itself"
    );
    dangerous.calls = data.danger.keys().cloned().collect();
    Ok(groups)
}

fn check_group(
    name: &str,
    group: &Group,
    groups: &BTreeMap<String, Group>,
    names: &BTreeSet<String>,
) -> anyhow::Result<()> {
    ensure!(
        !group.about.is_empty() && !group.about.ends_with('.'),
        "`{name}` needs a description, no full stop"
    );
    ensure!(!group.calls.is_empty() || !group.groups.is_empty(), "`{name}` is empty");
    if let Some(call) = group.calls.iter().find(|call| !names.contains(*call)) {
        bail!("`{name}`: unknown call `{call}`");
    }
    // Depth first from here; a group that comes back to itself would never end.
    let mut todo: Vec<&str> = group.groups.iter().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    while let Some(next) = todo.pop() {
        ensure!(next != name, "`{name}` contains itself");
        let inner = groups.get(next).with_context(|| format!("`{name}`: unknown group `{next}`"))?;
        if seen.insert(next) {
            todo.extend(inner.groups.iter().map(String::as_str));
        }
    }
    Ok(())
}

fn write_groups(out: &mut String, groups: &BTreeMap<String, Group>) -> anyhow::Result<()> {
    write!(
        out,
        "/// Every group, sorted by name.\npub(super) static GROUPS: [Group; {}] = [\n",
        groups.len()
    )?;
    for (name, group) in groups {
        let (about, calls) = (&group.about, &group.calls);
        let nested: Vec<String> = group.groups.iter().map(|g| format!("@{g}")).collect();
        writeln!(
            out,
            "    Group {{ name: \"@{name}\", about: {about:?}, calls: &{}, groups: &{} }},",
            list(calls),
            list(&nested)
        )?;
    }
    out.push_str("];\n");
    Ok(())
}

/// A slice of strings as Rust source.
fn list<'a>(items: impl IntoIterator<Item = &'a String>) -> String {
    let quoted: Vec<String> = items.into_iter().map(|item| format!("{item:?}")).collect();
    format!("[{}]", quoted.join(", "))
}

fn write_pairs<'a>(
    out: &mut String,
    name: &str,
    pairs: impl ExactSizeIterator<Item = (&'a str, String)>,
) -> anyhow::Result<()> {
    writeln!(out, "pub(super) static {name}: [(&str, &str); {}] = [", pairs.len())?;
    for (key, value) in pairs {
        writeln!(out, "    ({key:?}, {value:?}),")?;
    }
    out.push_str("];\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACROSS: &str = "
        [across.dangerous]
        about = 'd'
        [across.privileged]
        about = 'p'
        calls = ['mount']
        [danger]
        mount = 'mounts'
    ";

    fn error(topics: &str) -> String {
        let names = ["mount", "read"].map(str::to_owned).into();
        render(&format!("{topics}{ACROSS}"), &names).err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn good_data_is_taken() {
        assert_eq!(error("[topic.a]\nabout = 'a'\ncalls = ['mount', 'read']\n"), "");
    }

    #[test]
    fn bad_data_is_named() {
        let a = "[topic.a]\nabout = 'a'\ncalls = ['mount', 'read']\n";
        assert_eq!(error("[topic.a]\nabout = 'a'\ncalls = ['mount']\n"), "`read` stands in no topic");
        assert_eq!(
            error(&format!("{a}[topic.b]\nabout = 'b'\ncalls = ['read']\n")),
            "`read` stands in two topics: `a` and `b`"
        );
        assert_eq!(
            error(&format!("{a}[topic.b]\nabout = 'b'\ncalls = ['reed']\n")),
            "`b`: unknown call `reed`"
        );
        assert_eq!(error(&format!("{a}groups = ['c']\n")), "`a`: unknown group `c`");
        assert_eq!(
            error(&format!("{a}groups = ['b']\n[topic.b]\nabout = 'b'\ngroups = ['a']\n")),
            "`a` contains itself"
        );
    }
}
