//! What was learned, in few words: by group, beside Docker's default, and the command to paste.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use callgate_core::baseline;
use callgate_core::evidence::Source;
use callgate_core::{Arch, Meaning, Profile, group, profile, sysno};

use crate::input::Loaded;
use crate::output::foreign;
use crate::table::{Align, columns};
use crate::target;

/// Rows of the table, the one that sums up the rest among them.
const MAX_ROWS: usize = 9;
/// A table of fewer rows says nothing.
const MIN_ROWS: usize = 3;
/// Names listed before "and N more".
const MAX_NAMES: usize = 10;

/// The calls a meaning allows at least for some arguments.
pub(crate) fn allowed(meaning: &Meaning, arch: Arch) -> BTreeSet<&'static str> {
    let Some(rules) = meaning.arches.get(&arch) else { return BTreeSet::new() };
    let goes = |nr: u32| match rules.calls.get(&nr) {
        Some(clauses) => clauses.iter().any(|c| c.action.permits()) || rules.otherwise(nr).permits(),
        None => rules.otherwise(nr).permits(),
    };
    sysno::table(arch).iter().filter(|e| goes(e.nr)).map(sysno::Entry::name).collect()
}

/// Calls by primary group: seen, and added.
pub(crate) fn by_group(profile: &Profile, loaded: &Loaded) -> BTreeMap<&'static str, [BTreeSet<String>; 2]> {
    let mut groups: BTreeMap<&'static str, [BTreeSet<String>; 2]> = BTreeMap::new();
    for rule in profile.rules.iter().filter(|r| r.action.action.permits()) {
        for name in &rule.names {
            let source = loaded.evidence.entry(rule, &name.text).map_or(Source::User, |e| e.source);
            let added = usize::from(source != Source::Seen && source != Source::Floor);
            let group = group::primary(&name.text).unwrap_or("@unknown");
            groups.entry(group).or_default()[added].insert(name.text.clone());
        }
    }
    for [seen, added] in groups.values_mut() {
        *added = added.difference(seen).cloned().collect();
    }
    groups
}

/// The table by group, in at most so many rows: the rest is summed up in the last one. Too few rows: no table.
pub(crate) fn table(loaded: &Loaded, max_rows: usize) -> Vec<String> {
    let groups = by_group(&loaded.profile, loaded);
    let mut rows: Vec<(&str, usize, usize)> =
        groups.iter().map(|(name, [seen, added])| (*name, seen.len(), added.len())).collect();
    rows.sort_by_key(|(name, seen, _)| (std::cmp::Reverse(*seen), *name));
    // The head is a row, too.
    let room = max_rows.saturating_sub(1).min(MAX_ROWS);
    if room < MIN_ROWS {
        return Vec::new();
    }
    if rows.len() > room {
        let rest = rows.split_off(room - 1);
        let (seen, added) = rest.iter().fold((0, 0), |(s, a), r| (s + r.1, a + r.2));
        rows.push(("other groups", seen, added));
    }
    let mut cells = vec![vec!["group".to_owned(), "seen".to_owned(), "added".to_owned()]];
    cells.extend(
        rows.iter().map(|(name, seen, added)| vec![(*name).to_owned(), seen.to_string(), added.to_string()]),
    );
    let table = columns(&cells, &[Align::Left, Align::Right, Align::Right]);
    table.lines().map(str::to_owned).collect()
}

fn list(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().take(MAX_NAMES).copied().collect();
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// How this compares with Docker's default: the numbers, and then with names.
pub(crate) fn beside_docker(loaded: &Loaded, native: Arch) -> [Vec<String>; 2] {
    let (Some(docker), Ok(kernel)) = (baseline::find("docker"), target::kernel(None)) else {
        return Default::default();
    };
    let theirs = allowed(&docker.newest().meaning(&docker.machine(native, kernel)), native);
    let ours = allowed(&profile::meaning(&loaded.profile, native), native);
    let shut: BTreeSet<&str> = theirs.difference(&ours).copied().collect();
    let dangerous: BTreeSet<&str> = shut.iter().copied().filter(|n| group::is_dangerous(n)).collect();
    let beyond: BTreeSet<&str> = ours.difference(&theirs).copied().collect();
    let numbers = format!(
        "  beside Docker's default: {} calls allowed instead of {}, {} doors shut",
        ours.len(),
        theirs.len(),
        shut.len()
    );
    // What Docker's default refuses and this allows is never left out for want of room.
    let opened = (!beyond.is_empty())
        .then(|| format!("  allowed here and not by Docker's default: {}", list(&beyond)));
    let mut named = numbers.clone();
    if !dangerous.is_empty() {
        named += &format!(", dangerous ones among them: {}", list(&dangerous));
    }
    [numbers, named].map(|line| [Some(line), opened.clone()].into_iter().flatten().collect())
}

/// A command line to paste: words quoted where the shell needs it.
pub(crate) fn command_line(words: &[OsString]) -> String {
    let quote = |word: &OsString| {
        let text = word.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
        if !text.is_empty() && text.chars().all(plain) {
            text.into_owned()
        } else if foreign(&text) == text {
            format!("'{}'", text.replace('\'', "'\\''"))
        } else {
            ansi_c_quoted(word)
        }
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// `$'…'`, which bash, zsh and newer shells take: for words with line ends and other controls.
fn ansi_c_quoted(word: &OsString) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let escape = |byte: &u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
        b'\n' => "\\n".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x20..=0x7e => char::from(*byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    format!("$'{}'", word.as_bytes().iter().map(escape).collect::<String>())
}

/// What to do next with a profile that was has the floors of container runtimes.
pub(crate) fn next_in_a_container(path: &str, no_new_privs: Option<bool>) -> Vec<String> {
    let absolute = if path.starts_with('/') { path.to_owned() } else { format!("$PWD/{path}") };
    let name = std::path::Path::new(path).file_name().map_or(path.into(), |name| name.to_string_lossy());
    // Without no_new_privs runtimes need more than such a profile has.
    let (flag, field) = match no_new_privs {
        Some(true) => (" --security-opt no-new-privileges", "allowPrivilegeEscalation: false, "),
        _ => ("", ""),
    };
    vec![
        "next:".to_owned(),
        format!("  callgate show {path} --why"),
        format!("  docker run --security-opt seccomp={absolute}{flag} …"),
        format!("  podman run --security-opt seccomp={absolute}{flag} …"),
        "in a Pod, with the file in /var/lib/kubelet/seccomp/ of every node:".to_owned(),
        format!(
            "  securityContext: {{{field}seccompProfile: {{type: Localhost, localhostProfile: {name}}}}}"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted() {
        let words: Vec<OsString> = ["sh", "-c", "echo 'a b'", ""].iter().map(OsString::from).collect();
        assert_eq!(command_line(&["a\n'é".into()]), r"$'a\n\'\xc3\xa9'");
        assert_eq!(command_line(&words), r"sh -c 'echo '\''a b'\''' ''");
    }
}
