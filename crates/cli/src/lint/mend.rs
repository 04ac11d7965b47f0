//! Patches: made until there is none left to make, then written, or shown.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use callgate_check::lint::{Edit, FileReport, Folder, Options, apply};
use callgate_linux::file::Output as File;
use similar::TextDiff;

use super::config::Config;
use super::run::{Loaded, Ran, run};
use crate::exit::Failure;
use crate::output::foreign;

/// One patch may show what another is for; more often than this none does.
const ROUNDS: usize = 10;

/// Makes all patches that may be made, in memory. Returns the last run, and how many were made.
pub(crate) fn mend(
    files: &mut [Loaded],
    folders: &[Folder],
    (options, config): (&Options, &Config),
    unsafe_too: bool,
) -> (Ran, usize) {
    let mut made = 0;
    let mut ran = run(files, folders, options, config);
    for _ in 0..ROUNDS {
        let mut changed = false;
        for (report, index) in ran.reports.iter().zip(&ran.of) {
            let (edits, count) = edits(report, unsafe_too);
            if let Some(text) =
                apply(&files[*index].text, &edits).filter(|text| **text != *files[*index].text)
            {
                files[*index].text = text.into();
                made += count;
                changed = true;
            }
        }
        if !changed {
            break;
        }
        ran = run(files, folders, options, config);
    }
    (ran, made)
}

/// The edits of a file's patches, those left out that meet one before them.
fn edits(report: &FileReport, unsafe_too: bool) -> (Vec<Edit>, usize) {
    // Where edits were taken: from where, to where; they do not meet.
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let mut edits = Vec::new();
    let mut count = 0;
    for fix in report.findings.iter().filter_map(|located| located.finding.fix.as_ref()) {
        let meets =
            |edit: &Edit| taken.range(..=edit.end).next_back().is_some_and(|(_, end)| edit.start <= *end);
        if (fix.safe || unsafe_too) && !fix.edits.iter().any(meets) {
            taken.extend(fix.edits.iter().map(|edit| (edit.start, edit.end)));
            edits.extend(fix.edits.iter().cloned());
            count += 1;
        }
    }
    (edits, count)
}

/// What was changed, as unified diffs.
pub(crate) fn difference(before: &[Loaded], after: &[Loaded]) -> String {
    let changed = before.iter().zip(after).filter(|(before, after)| before.text != after.text);
    let diff = changed.map(|(before, after)| {
        // A name may hold what a terminal or a runner takes for an order.
        let name = foreign(&before.source.name);
        let diff = TextDiff::from_lines(&*before.text, &*after.text);
        diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
    });
    diff.collect()
}

/// Writes what was changed, each file whole or not at all, with the permissions it had.
pub(crate) fn write(before: &[Loaded], after: &[Loaded]) -> Result<usize, Failure> {
    let changed = || before.iter().zip(after).filter(|(before, after)| before.text != after.text);
    // All that can be known to fail fails before anything is written.
    for (_, file) in changed() {
        let path = &file.source.path;
        if path.as_os_str() == "-" {
            return Err(
                Failure::new("standard input cannot be written back").hint("--diff shows the changes")
            );
        }
        if path.is_symlink() {
            drop(File::prepare(path, true, 0o644)?);
        }
    }
    let mut count = 0;
    for (_, file) in changed() {
        let path = &file.source.path;
        let mode = fs::metadata(path).map_or(0o644, |m| m.permissions().mode() & 0o7777);
        File::prepare(path, true, mode)?.write(file.text.as_bytes())?;
        count += 1;
    }
    Ok(count)
}
