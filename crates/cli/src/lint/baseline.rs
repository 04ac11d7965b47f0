//! Baseline files: what was found once, so that only what is new fails.

use std::collections::BTreeSet;
use std::path::Path;

use callgate_check::lint::FileReport;
use callgate_linux::file::Output as File;
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::input;

const SCHEMA: &str = "callgate.dev/lint-baseline/v1";

#[derive(Deserialize, Serialize)]
struct Document {
    schema: String,
    findings: Vec<Entry>,
}

/// One finding; code and file are for people.
#[derive(Deserialize, Serialize)]
struct Entry {
    fingerprint: String,
    code: String,
    file: String,
}

/// Takes out what a baseline lists. Returns how many that were, and how many of the list were not found any more.
pub(crate) fn apply(path: &Path, reports: &mut [FileReport]) -> Result<(usize, usize), Failure> {
    // Not "nothing to look at": there is, and it was not.
    let missing =
        |failure: Failure| failure.hint("callgate lint --write-baseline FILE makes one").exit(Exit::Failed);
    let text = input::text(path).map_err(missing)?.text;
    let wrong = |what: String| {
        Failure::new(format!("`{}`: {what}", path.display()))
            .hint("make it anew: callgate lint --write-baseline FILE")
    };
    let document: Document =
        serde_json::from_str(&text).map_err(|error| wrong(format!("no baseline: {error}")))?;
    if document.schema != SCHEMA {
        return Err(wrong(format!("its schema is `{}`, not {SCHEMA}", document.schema)));
    }
    let listed: BTreeSet<String> = document.findings.into_iter().map(|entry| entry.fingerprint).collect();
    let mut met = BTreeSet::new();
    let mut out = 0;
    for report in reports {
        report.findings.retain(|located| {
            let old = listed.contains(&located.fingerprint);
            if old {
                met.insert(located.fingerprint.clone());
                out += 1;
            }
            !old
        });
    }
    Ok((out, listed.len() - met.len()))
}

/// Writes what was found.
pub(crate) fn write(path: &Path, reports: &[FileReport]) -> Result<usize, Failure> {
    let entry = |report: &FileReport| {
        let file = report.name.clone();
        let of = move |located: &callgate_check::lint::Located| Entry {
            fingerprint: located.fingerprint.clone(),
            code: located.finding.code.to_owned(),
            file: file.clone(),
        };
        report.findings.iter().map(of).collect::<Vec<_>>()
    };
    let findings: Vec<Entry> = reports.iter().flat_map(entry).collect();
    let count = findings.len();
    let document = Document { schema: SCHEMA.to_owned(), findings };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|e| Failure::new(format!("cannot write JSON: {e}")))?;
    File::prepare(path, true, 0o644)?.write((text + "\n").as_bytes())?;
    Ok(count)
}
