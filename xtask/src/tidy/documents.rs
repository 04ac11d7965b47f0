//! Documents that speak of code: what they name must be there.

use super::File;

/// The promises; every test it names exists.
const SPECIFICATION: &str = "SPECIFICATION.md";
/// The code map; every file it names exists.
const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// Words in a name, from which on it is a test's: tests are sentences.
const SENTENCE: usize = 3;

/// Names that lead nowhere.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut found = tests(files);
    found.extend(code_map(files));
    found
}

fn tests(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, name) in named(files, SPECIFICATION) {
        let is_word = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !is_word || name.split('_').count() < SENTENCE {
            continue;
        }
        let test = format!("fn {name}(");
        // The lint of that many words is the only other thing it could be.
        let exists =
            files.iter().any(|f| f.text.contains(&test) || (f.path == "Cargo.toml" && f.text.contains(name)));
        if !exists {
            found.push(format!("{SPECIFICATION}:{at}: there is no test `{name}`"));
        }
    }
    found
}

fn code_map(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    let mut place = "";
    for (at, name) in named(files, ARCHITECTURE) {
        if name.starts_with("crates/") && name.ends_with("/src") {
            place = name;
        }
        let path = format!("{place}/{name}");
        if !place.is_empty() && is_source(name) && files.iter().all(|f| f.path != path) {
            found.push(format!("{ARCHITECTURE}:{at}: there is no {path}"));
        }
    }
    found
}

fn is_source(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|e| e == "rs")
}

/// Everything in backticks, with its line.
fn named<'f>(files: &'f [File], path: &str) -> Vec<(usize, &'f str)> {
    let text = files.iter().find(|f| f.path == path).map_or("", |f| f.text.as_str());
    let lines = text.lines().enumerate();
    lines.flat_map(|(at, line)| line.split('`').skip(1).step_by(2).map(move |name| (at + 1, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_test_that_is_gone_is_missed() {
        let text = "| x | `it_is_so`, `it_was_so`, `show` |\n";
        let files = [file(SPECIFICATION, text), file("a.rs", "fn it_is_so() {}")];
        assert_eq!(tests(&files), ["SPECIFICATION.md:1: there is no test `it_was_so`"]);
    }

    #[test]
    fn a_file_that_is_gone_is_missed() {
        let text = "see `x.rs`\n### `crates/a/src`\n| `b.rs` | `c/d.rs` |\n";
        let files = [file(ARCHITECTURE, text), file("crates/a/src/b.rs", "")];
        assert_eq!(code_map(&files), ["ARCHITECTURE.md:3: there is no crates/a/src/c/d.rs"]);
    }
}
