//! Commands of a shell: which program they run, its options, and what they search for.

use std::ops::Range;

/// A word without its quotes, and where it stands in the file.
pub(super) struct Word {
    pub(super) text: String,
    pub(super) span: Range<usize>,
    /// What it is where it stands behind `<` or `>`.
    pub(super) redirect: Option<Redirect>,
}

/// What the word behind a redirection is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirect {
    /// A file that input comes from.
    Input,
    /// A file, or a descriptor, that output goes to.
    Output,
    /// One that errors go to, and maybe output as well.
    Errors,
    /// What ends a here-document.
    Document,
}

/// A command: what it is given to by `|` is the next one of its pipeline.
#[derive(Default)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
}

/// What may stand before a command's name.
const BEFORE: [&str; 10] = ["!", "if", "elif", "while", "until", "then", "else", "do", "time", "{"];

/// Commands that run the one that is named among their words.
const RUNNERS: [&str; 14] = [
    "sudo", "env", "exec", "timeout", "nice", "nohup", "xargs", "find", "ssh", "docker", "podman", "kubectl",
    "nsenter", "chroot",
];

impl Command {
    /// Its words without redirections.
    fn plain(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|word| word.redirect.is_none())
    }

    /// The words from the name of one of some programs on, if the command runs it.
    pub(super) fn program(&self, names: &[&str]) -> Option<Vec<&Word>> {
        let assigns = |word: &str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
        let words: Vec<&Word> = self
            .plain()
            .skip_while(|word| BEFORE.contains(&word.text.as_str()) || assigns(&word.text))
            .collect();
        let is = |word: &&Word| names.contains(&base(&word.text));
        let runs = words.first().is_some_and(|first| RUNNERS.contains(&base(&first.text)));
        let at = if runs { words.iter().position(is) } else { words.first().filter(|w| is(w)).map(|_| 0) };
        Some(words[at?..].to_vec())
    }
}

/// Whether it is a name that the shell assigns to.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A program's name without its folder.
fn base(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// The options and the other words behind a program's name. Some letters take a value: the rest of their word, or the next one.
pub(super) struct Arguments<'w> {
    /// Letters and long names, with their values.
    pub(super) options: Vec<(&'w str, Option<&'w str>)>,
    /// What is no option.
    pub(super) others: Vec<&'w Word>,
}

impl<'w> Arguments<'w> {
    /// Reads words; `valued` are the letters and long names that take a value. With `until_other` options end at the first other
    /// word, as they do for programs that run another.
    pub(super) fn of(words: &[&'w Word], valued: &[&str], until_other: bool) -> Self {
        let mut read = Self { options: Vec::new(), others: Vec::new() };
        let mut rest = words.iter().skip(1);
        while let Some(word) = rest.next() {
            let text = word.text.as_str();
            if let Some(long) = text.strip_prefix("--") {
                let (name, value) =
                    long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let mut next = || rest.next().map(|word| word.text.as_str());
                let value = if value.is_none() && valued.contains(&name) { next() } else { value };
                read.options.push((name, value));
                continue;
            }
            let Some(letters) = text.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                read.others.push(word);
                if until_other {
                    read.others.extend(rest.by_ref());
                }
                continue;
            };
            for (at, c) in letters.char_indices() {
                let (letter, after) = (&letters[at..at + c.len_utf8()], &letters[at + c.len_utf8()..]);
                if valued.contains(&letter) {
                    let mut next = || rest.next().map(|word| word.text.as_str());
                    let value = if after.is_empty() { next() } else { Some(after) };
                    read.options.push((letter, value));
                    break;
                }
                read.options.push((letter, None));
            }
        }
        read
    }

    /// Whether one of some options is there.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(name))
    }

    /// The values of one of some options.
    pub(super) fn values(&self, names: &[&str]) -> Vec<&'w str> {
        self.options.iter().filter(|(name, _)| names.contains(name)).filter_map(|(_, value)| *value).collect()
    }
}

/// What a command looks for in lines.
pub(super) struct Search<'w> {
    /// Alternatives, as they are written.
    pub(super) patterns: Vec<&'w str>,
    /// Whether it asks for the lines with them, and not for those without.
    pub(super) asks: bool,
    /// Whether it says how many, and shows none.
    pub(super) counts: bool,
}

impl Search<'_> {
    /// Whether it shows the lines that it looks for.
    pub(super) fn shows(&self) -> bool {
        self.asks && !self.counts
    }
}

/// The search that a command is: grep and its like, or a pattern between slashes for awk or sed.
pub(super) fn search(command: &Command) -> Option<Search<'_>> {
    if let Some(words) = command.program(&["awk", "gawk", "mawk", "sed"]) {
        let (before, rest) = words.iter().skip(1).find_map(|word| word.text.split_once('/'))?;
        let (pattern, after) = rest.split_once('/')?;
        let asks = !before.ends_with('!') && !after.starts_with('d');
        return Some(Search { patterns: pattern.split('|').collect(), asks, counts: false });
    }
    let words = command.program(&["grep", "egrep", "fgrep", "zgrep", "rg"])?;
    let valued = ["e", "f", "A", "B", "C", "m", "d", "D", "regexp", "file", "max-count"];
    let arguments = Arguments::of(&words, &valued, false);
    let given = arguments.values(&["e", "regexp"]);
    let patterns = if given.is_empty() { vec![arguments.others.first()?.text.as_str()] } else { given };
    Some(Search {
        patterns: patterns.into_iter().flat_map(|pattern| pattern.split('|')).collect(),
        asks: !arguments.has(&["v", "invert-match", "f", "file"]),
        counts: arguments.has(&["c", "count"]),
    })
}
