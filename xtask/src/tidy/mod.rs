//! The house rules that no other tool checks: one function per rule, all findings at once.

mod deps;
mod documents;
mod licence;
mod source;
mod text;

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::metadata::Metadata;

/// Directories that hold nothing of ours, from the root of the workspace.
const FOREIGN: &[&str] = &[".git", "target", "fuzz/target", "fuzz/corpus", "fuzz/artifacts"];

/// One file of the project.
pub(crate) struct File {
    /// From the root, with slashes.
    pub(crate) path: String,
    /// Its text; empty where it is not UTF-8.
    pub(crate) text: String,
}

impl File {
    /// Whether its name ends in this extension.
    pub(crate) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|e| e == extension)
    }
}

/// Prints every broken rule; `true` if there is none.
pub(crate) fn run(root: &Path) -> anyhow::Result<bool> {
    let found = findings(root)?;
    for finding in &found {
        eprintln!("tidy: {finding}");
    }
    Ok(found.is_empty())
}

/// Every broken rule, as `path:line: what`.
fn findings(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    collect(root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let metadata = Metadata::read(root)?;
    let mut found = Vec::new();
    for file in &files {
        found.extend(source::check(file));
        found.extend(text::check(root, file));
    }
    found.extend(text::required(&files));
    found.extend(documents::check(&files));
    found.extend(deps::reasons(&files));
    found.extend(deps::direction(&metadata));
    found.extend(deps::fuzz_lock(&files, &metadata));
    found.extend(deps::banned(&metadata));
    found.extend(licence::check(&metadata));
    Ok(found)
}

/// Reads all files below `at`; symlinks are not followed.
fn collect(root: &Path, at: &str, files: &mut Vec<File>) -> anyhow::Result<()> {
    for entry in fs::read_dir(root.join(at)).with_context(|| format!("cannot list `{at}`"))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().with_context(|| format!("a name in `{at}` is not UTF-8"))?;
        let path = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !FOREIGN.contains(&path.as_str()) {
            collect(root, &path, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
            files.push(File { path, text: String::from_utf8(bytes).unwrap_or_default() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_keeps_the_house_rules() {
        let xtask = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
        let root = Path::new(&xtask).parent().expect("xtask lies in the workspace");
        assert_eq!(findings(root).expect("the tree can be read"), Vec::<String>::new());
    }
}
