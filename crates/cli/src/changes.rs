//! What changes between profiles, in words: for a person, for a pull request, for a program.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callgate_check::Decision;
use callgate_check::diff::{Change, Kind};
use callgate_core::{Arch, args};
use serde::Serialize;

use crate::output::{counted, foreign, wrap};

/// One change, for programs.
#[derive(Serialize)]
pub(crate) struct Entry {
    /// `allowed`, `refused` or `changed`.
    kind: &'static str,
    /// Whether more may happen than before.
    widens: bool,
    arch: &'static str,
    /// Null: every number without a name, from `nr` on.
    call: Option<&'static str>,
    nr: u32,
    /// Whether it is so for some arguments only.
    conditional: bool,
    witness: Witness,
    before: Side,
    after: Side,
    /// Why the call is dangerous; null: it is not known to be.
    danger: Option<String>,
}

#[derive(Serialize)]
struct Witness {
    args: [u64; 6],
    text: String,
}

#[derive(Serialize)]
struct Side {
    /// `SCMP_ACT_*`
    action: &'static str,
    errno: Option<u16>,
    /// The line of the rule that decides, from 1; null where none does, or in no file.
    line: Option<usize>,
}

impl From<&Change> for Entry {
    fn from(change: &Change) -> Self {
        let side = |d: Decision| Side { action: d.action.oci(), errno: d.action.errno(), line: d.line };
        Self {
            kind: change.kind.name(),
            widens: change.widens(),
            arch: change.witness.arch.name(),
            call: change.name,
            nr: change.witness.nr,
            conditional: change.conditional,
            witness: Witness { args: change.witness.args, text: example(change) },
            before: side(change.before),
            after: side(change.after),
            danger: change.danger.clone(),
        }
    }
}

/// The call that shows a change.
pub(crate) fn example(change: &Change) -> String {
    match change.name {
        Some(name) => args::format_call(change.witness.arch, name, &change.witness.args),
        None => format!("number {}", change.witness.nr),
    }
}

/// What stands for the calls of a change: the name, or an example where it depends on arguments.
fn what(change: &Change) -> String {
    match change.name {
        None => "all numbers without a name".to_owned(),
        Some(_) if change.conditional => format!("some calls, as {}", example(change)),
        Some(name) => name.to_owned(),
    }
}

/// Changes that can be told at once: alike but for the name of the call.
struct Told<'c> {
    first: &'c Change,
    arches: Vec<Arch>,
    calls: Vec<String>,
}

/// Changes of one kind, those of one call on several architectures as one, and calls that change alike together.
fn told(changes: &[Change], kind: Kind) -> Vec<Told<'_>> {
    let mut calls: BTreeMap<(String, Decision, Decision), (&Change, Vec<Arch>)> = BTreeMap::new();
    for change in changes.iter().filter(|c| c.kind == kind) {
        let key = (what(change), change.before, change.after);
        calls.entry(key).or_insert_with(|| (change, Vec::new())).1.push(change.witness.arch);
    }
    let mut found: Vec<Told<'_>> = Vec::new();
    for ((call, ..), (first, arches)) in calls {
        let alike = |t: &&mut Told<'_>| {
            (t.first.before, t.first.after, &t.arches, &t.first.danger)
                == (first.before, first.after, &arches, &first.danger)
        };
        match found.iter_mut().find(alike) {
            Some(group) => group.calls.push(call),
            None => found.push(Told { first, arches, calls: vec![call] }),
        }
    }
    // Dangerous ones first, then the larger groups.
    found.sort_by_key(|t| (t.first.danger.is_none(), std::cmp::Reverse(t.calls.len())));
    found
}

fn decision(d: Decision, name: &str) -> String {
    match d.line {
        Some(line) => format!("{} ({name}:{line})", d.action),
        None => format!("{} ({name})", d.action),
    }
}

fn heading(kind: Kind) -> &'static str {
    match kind {
        Kind::Allowed => "newly allowed",
        Kind::Refused => "newly refused",
        Kind::Changed => "changed",
    }
}

fn arches(list: &[Arch]) -> String {
    list.iter().map(|a| a.name()).collect::<Vec<_>>().join(", ")
}

/// For a person: by kind, the dangerous ones first, with the lines that decide.
pub(crate) fn text(changes: &[Change], (before, after): (&str, &str), width: usize) -> String {
    let (before, after) = (foreign(before), foreign(after));
    if changes.is_empty() {
        return format!("equal: {before} and {after} mean the same\n");
    }
    let count = |kind| told(changes, kind).iter().map(|t| t.calls.len()).sum::<usize>();
    let counts = Kind::ALL.map(|kind| format!("{} {}", count(kind), heading(kind)));
    let mut out = format!("different: {}\n", counts.join(", "));
    for kind in Kind::ALL {
        let groups = told(changes, kind);
        if groups.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{}", heading(kind));
        for group in &groups {
            let first = group.first;
            let sides = format!("{} -> {}", decision(first.before, &before), decision(first.after, &after));
            let _ = writeln!(out, "  {sides}, on {}", arches(&group.arches));
            let _ = writeln!(out, "{}", wrap(&format!("    {}", group.calls.join(", ")), width, "    "));
            if let Some(why) = &first.danger {
                let _ =
                    writeln!(out, "{}", wrap(&format!("    dangerous: {}", foreign(why)), width, "      "));
            }
        }
    }
    out
}

/// Text that Markdown shows as it is: no markup, no mention, no link, no line of its own.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in foreign(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '-' | '!' | '|'
            | '~' | ':' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            _ => out.push(c),
        }
    }
    out
}

/// For a pull request: what is newly allowed first and open, the rest folded.
pub(crate) fn review(changes: &[Change], (before, after): (&str, &str)) -> String {
    let mut out = format!("### Seccomp profile: {} → {}\n\n", plain(before), plain(after));
    if changes.is_empty() {
        out.push_str("No call is treated differently.\n");
        return out;
    }
    for kind in Kind::ALL {
        let groups = told(changes, kind);
        let calls = groups.iter().map(|t| t.calls.len()).sum::<usize>();
        match (kind, calls) {
            (Kind::Allowed, 0) => out.push_str("**Nothing is newly allowed.**\n\n"),
            (_, 0) => {}
            (Kind::Allowed, _) => {
                let dangerous: usize =
                    groups.iter().filter(|t| t.first.danger.is_some()).map(|t| t.calls.len()).sum();
                let of_them =
                    if dangerous > 0 { format!(", {dangerous} of them dangerous") } else { String::new() };
                let _ = writeln!(out, "**Newly allowed: {}{of_them}**\n", counted(calls as u64, "call"));
                out.push_str(&rows(&groups));
            }
            _ => {
                let title = format!("{}: {}", heading(kind), counted(calls as u64, "call"));
                let _ =
                    writeln!(out, "<details><summary>{title}</summary>\n\n{}\n</details>\n", rows(&groups));
            }
        }
    }
    out
}

fn rows(groups: &[Told<'_>]) -> String {
    let mut out =
        "| calls | before | after | on | why it matters |\n| --- | --- | --- | --- | --- |\n".to_owned();
    let side = |d: Decision| match d.line {
        Some(line) => format!("{}, line {line}", plain(&d.action.to_string())),
        None => plain(&d.action.to_string()),
    };
    for Told { first, arches: on, calls } in groups {
        let danger =
            first.danger.as_ref().map_or(String::new(), |why| format!("⚠ dangerous: {}", plain(why)));
        let calls = plain(&calls.join(", "));
        let _ = writeln!(
            out,
            "| {calls} | {} | {} | {} | {danger} |",
            side(first.before),
            side(first.after),
            plain(&arches(on))
        );
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_in_a_review_is_no_markup() {
        let hostile = "a|b`<img src=x>`[x](http://e)@team\n::error::\u{202e}";
        let shown = plain(hostile);
        for odd in ["|", "`", "<", "[", "@", "\n", "::", "\u{202e}"] {
            assert!(!shown.contains(odd), "{odd:?} in {shown}");
        }
    }
}
