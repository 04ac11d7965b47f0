//! The end of `learn` on one screen: verdict and findings first, what was learned as far as there is room, what next.

use callgate_core::Arch;

use crate::input::Loaded;
use crate::output::{Output, Style, foreign, wrap};
use crate::summary;

/// A terminal has 24 rows, and the prompt wants one.
const ROWS: usize = 23;
/// A command to paste that takes more rows is not repeated.
const MAX_PASTED: usize = 6;

/// What there is to say.
pub(crate) struct Ending<'e> {
    pub(crate) style: Style,
    /// `proven:`.
    pub(crate) verdict: &'e str,
    /// What stands behind it.
    pub(crate) result: String,
    /// What is wrong, and what was left out; said even when quiet.
    pub(crate) findings: Vec<String>,
    /// What a failed run printed last on stderr.
    pub(crate) last_words: Vec<String>,
    /// What can be done about it; said even when quiet.
    pub(crate) advice: Vec<String>,
    /// What else is worth knowing.
    pub(crate) remarks: Vec<String>,
    pub(crate) loaded: &'e Loaded,
    pub(crate) native: Arch,
    /// The profile's path, the stage and the command, to be pasted.
    pub(crate) path: String,
    pub(crate) stage: String,
    pub(crate) command: String,
    /// It was learned in a container, or for one.
    pub(crate) container: bool,
    /// no_new_privs as the container has to have it.
    pub(crate) no_new_privs: Option<bool>,
}

/// Its lines, in two parts: what is said even when quiet, and the rest.
struct Lines {
    loud: Vec<String>,
    calm: Vec<String>,
}

impl Ending<'_> {
    /// Says it. `passed`: nothing has to be said where quiet was asked for.
    pub(crate) fn tell(&self, passed: bool, output: &Output) {
        let Lines { loud, calm } = self.lines(output.width());
        let painted = output.paint(self.style, self.verdict);
        for (number, line) in loud.iter().enumerate() {
            let line = if number == 0 { line.replacen(self.verdict, &painted, 1) } else { line.clone() };
            if passed { output.say(&line) } else { output.line(&line) }
        }
        for line in &calm {
            output.say(line);
        }
    }

    fn lines(&self, width: usize) -> Lines {
        let next = self.next(width);
        let head = lay(&[format!("{} {}", self.verdict, self.result)], width, "  ");
        let advice = lay(&indented(&self.advice), width, "    ");
        // A blank line before `next`.
        let mut left =
            ROWS.saturating_sub(rows(&next, width) + rows(&head, width) + rows(&advice, width) + 1);
        let findings = take(&indented(&self.findings), &mut left, width);
        let words: Vec<String> = self.last_words.iter().map(|w| format!("    {}", foreign(w))).collect();
        let mut loud = [head, findings].concat();
        if !words.is_empty() && left > words.len() {
            loud.push("  it said last:".to_owned());
            left -= 1;
            loud.extend(take(&words, &mut left, width));
        }
        loud.extend(advice);
        let mut calm = take(&indented(&self.remarks), &mut left, width);
        calm.extend(self.learned(left, width));
        calm.push(String::new());
        calm.extend(next);
        Lines { loud, calm }
    }

    /// The table and the comparison, as far as they fit.
    fn learned(&self, left: usize, width: usize) -> Vec<String> {
        let [numbers, named] =
            summary::beside_docker(self.loaded, self.native).map(|text| lay(&text, width, "    "));
        // Each part has a blank line before it.
        let fits = |lines: &Vec<String>| rows(lines, width) < left;
        let beside = [named, numbers].into_iter().find(fits).unwrap_or_default();
        if beside.is_empty() {
            return beside;
        }
        let left = left - rows(&beside, width) - 1;
        let table = summary::table(self.loaded, left.saturating_sub(1));
        let blank = || vec![String::new()];
        if table.is_empty() {
            return [blank(), beside].concat();
        }
        [blank(), table, blank(), beside].concat()
    }

    /// What to do next: lines to paste, which are not broken.
    fn next(&self, width: usize) -> Vec<String> {
        if self.container {
            return summary::next_in_a_container(&self.path, self.no_new_privs);
        }
        let line = |command: &str| {
            format!("  callgate run --profile {} --stage {} -- {command}", self.path, self.stage)
        };
        let full = line(&self.command);
        let run = if rows(std::slice::from_ref(&full), width) > MAX_PASTED { line("…") } else { full };
        let container = "for a container: learn --for runc,crun, or in one: --image, --bundle, --rootfs";
        let mut lines = vec!["next:".to_owned(), format!("  callgate show {} --why", self.path), run];
        lines.extend(lay(&[container.to_owned()], width, "  "));
        lines
    }
}

fn indented(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| format!("  {line}")).collect()
}

/// Breaks every line at the width.
fn lay(lines: &[String], width: usize, indent: &str) -> Vec<String> {
    let broken = lines.iter().map(|line| wrap(line, width, indent));
    broken.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Rows on a terminal of this width, where what is longer goes on in the next row.
fn rows(lines: &[String], width: usize) -> usize {
    lines.iter().map(|line| line.chars().count().div_ceil(width.max(1)).max(1)).sum()
}

/// As many of the lines as there is room for, and how many are missing.
fn take(lines: &[String], left: &mut usize, width: usize) -> Vec<String> {
    let mut taken = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let laid = lay(std::slice::from_ref(line), width, "    ");
        let last = number + 1 == lines.len();
        let needed = rows(&laid, width) + usize::from(!last);
        if needed > *left && *left == 0 {
            return taken;
        }
        if needed > *left {
            taken.push(format!("  … and {} more", lines.len() - number));
            *left = left.saturating_sub(1);
            return taken;
        }
        *left -= rows(&laid, width);
        taken.extend(laid);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input;

    const PROFILE: &str = include_str!("../tests/data/profile.json");

    fn loaded() -> Loaded {
        let mut rules = Vec::new();
        for (group, call) in
            ["read", "openat", "mmap", "socket", "getpid", "futex", "pipe2", "nanosleep", "fstat", "getuid"]
                .iter()
                .enumerate()
        {
            let args = if group == 0 { "" } else { ",\"args\":[]" };
            rules.push(format!("{{\"names\":[\"{call}\"],\"action\":\"SCMP_ACT_ALLOW\"{args}}}"));
        }
        let text = format!("{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{}]}}", rules.join(","));
        input::parse_profile("p.json".to_owned(), text).unwrap()
    }

    fn ending<'e>(loaded: &'e Loaded, findings: usize, words: usize, command: &str) -> Ending<'e> {
        let finding = "withheld: chroot, first by /usr/bin/busybox after 3 ms: changes the root directory, a \
                       classic step out of a container — allow it: --allow chroot";
        Ending {
            style: Style::Bad,
            verdict: "not proven:",
            result: "p.json: 48 calls for `busybox`; it was compared with what the recording runs showed"
                .into(),
            findings: vec![finding.to_owned(); findings],
            last_words: vec!["x".repeat(150); words],
            advice: vec![
                "record more of what it does, or allow the call by name, or put state back".into();
                2
            ],
            remarks: vec!["state was reset".to_owned(); 2],
            loaded,
            native: Arch::X86_64,
            path: "p.json".to_owned(),
            stage: "audit".to_owned(),
            command: command.to_owned(),
            container: false,
            no_new_privs: None,
        }
    }

    #[test]
    fn every_end_fits_a_screen() {
        let loaded = loaded();
        for findings in [0, 1, 2, 3, 7, 40] {
            for words in [0, 1, 3] {
                for length in [3, 70, 300, 5000] {
                    let end = ending(&loaded, findings, words, &"c".repeat(length));
                    let Lines { loud, calm } = end.lines(80);
                    let lines = [loud, calm].concat();
                    assert!(rows(&lines, 80) <= ROWS, "{findings} {words} {length}:\n{}", lines.join("\n"));
                    assert!(lines.iter().any(|l| l.contains("--stage audit")));
                    assert_eq!(lines.iter().filter(|l| l.contains("record more of")).count(), 2);
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let loaded = loaded();
        let Lines { loud, .. } = ending(&loaded, 40, 3, "true").lines(80);
        let more = loud.iter().find(|l| l.contains("… and ")).unwrap();
        let shown = loud.iter().filter(|l| l.contains("withheld: chroot")).count();
        assert_eq!(*more, format!("  … and {} more", 40 - shown));
    }

    #[test]
    fn there_is_a_table_where_there_is_room() {
        let loaded = input::parse_profile("p.json".to_owned(), PROFILE.to_owned()).unwrap();
        let Lines { calm, .. } = ending(&loaded, 0, 0, "true").lines(80);
        assert!(calm.iter().any(|l| l.contains("beside Docker's default")), "{calm:?}");
        let many = self::loaded();
        let Lines { calm, .. } = ending(&many, 1, 0, "true").lines(80);
        assert!(calm.iter().any(|l| l.contains("other groups")), "{calm:?}");
    }
}
