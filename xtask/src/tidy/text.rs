//! Rules about every text: nothing of the machine it was written on, links that lead somewhere, files that must be.

use std::path::Path;

use super::File;

/// What a project of this kind has.
const REQUIRED: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "SPECIFICATION.md",
];

/// Findings in one file.
pub(super) fn check(root: &Path, file: &File) -> Vec<String> {
    let mut found = Vec::new();
    let here = root.to_string_lossy();
    for (at, line) in file.text.lines().enumerate() {
        // Nothing in the tree may know where somebody keeps it.
        if here.len() > 1 && line.contains(here.as_ref()) {
            found.push(format!("{}:{}: names the directory this checkout lies in", file.path, at + 1));
        }
    }
    if file.is("md") {
        found.extend(links(root, file));
    }
    found
}

/// Files that are not there.
pub(super) fn required(files: &[File]) -> Vec<String> {
    let missing = REQUIRED.iter().filter(|path| files.iter().all(|f| f.path != **path));
    missing.map(|path| format!("{path}: missing")).collect()
}

/// Relative links that lead nowhere.
fn links(root: &Path, file: &File) -> Vec<String> {
    let base = root.join(&file.path);
    let base = base.parent().unwrap_or(root);
    let mut found = Vec::new();
    for (at, line) in prose(&file.text) {
        for target in targets(line) {
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !base.join(path).exists() {
                found.push(format!("{}:{at}: the link to `{target}` leads nowhere", file.path));
            }
        }
    }
    found
}

/// Numbered lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((at + 1, line))
    })
}

/// Targets of inline links that are files of ours.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let ends = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    ends.filter(|t| !t.contains("://") && !t.starts_with("mailto:") && !t.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_files_count() {
        let line = "[a](b.md#c), [web](https://x.y/z), [top](#top) and [d](e/f.rs)";
        assert_eq!(targets(line).collect::<Vec<_>>(), ["b.md#c", "e/f.rs"]);
        let text = "[a](b)\n```sh\n[c](d)\n```\nend\n";
        assert_eq!(prose(text).map(|(at, _)| at).collect::<Vec<_>>(), [1, 5]);
    }

    #[test]
    fn the_place_of_the_checkout_is_found() {
        let file = |text: &str| File { path: "a.txt".to_owned(), text: text.to_owned() };
        let root = Path::new("/somewhere/callgate");
        assert!(check(root, &file("see /somewhere/callgate/a\n"))[0].starts_with("a.txt:1: names"));
        assert!(check(root, &file("see /somewhere\n")).is_empty());
    }
}
