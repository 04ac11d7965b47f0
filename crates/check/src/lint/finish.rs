//! The end of a file: severities, suppressions, places for people, fingerprints.

use std::collections::BTreeMap;
use std::sync::Arc;

use callgate_core::Severity;
use sha2::{Digest as _, Sha256};

use super::finding::{Edit, FileReport, Finding, Located, Positions};
use super::look::Looked;
use super::options::Options;
use super::suppress::{self, Suppression};

/// What is kept quiet in a file from outside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    /// The rules.
    pub codes: Vec<String>,
    /// Why.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Option<String>,
}

/// What a repository has decided about rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Severities of codes, other than the rules' own; `None`: the rule is off.
    pub severities: BTreeMap<String, Option<Severity>>,
}

impl Policy {
    fn apply(&self, found: &mut Vec<Finding>) {
        found.retain_mut(|finding| match self.severities.get(finding.code) {
            Some(None) => false,
            Some(Some(severity)) => {
                finding.severity = *severity;
                true
            }
            None => true,
        });
    }
}

/// A file's report, and what was kept out of it.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The report.
    pub report: FileReport,
    /// How many findings were suppressed.
    pub suppressed: usize,
    /// Which of the ignores kept something quiet.
    pub used: Vec<bool>,
}

/// Finishes a file: `more` are the findings of [`super::join()`] that are in it, `ignores` what is to be kept quiet from outside.
pub fn finish(
    (name, text): (&str, &Arc<str>),
    (looked, more): (Looked, Vec<Finding>),
    ignores: &[Ignore],
    (policy, options): (&Policy, &Options),
) -> Finished {
    let mut found = looked.findings;
    found.extend(more);
    policy.apply(&mut found);
    let (mut suppressed, mut wrong) = suppress::apply(&mut found, &looked.suppressions, options);
    policy.apply(&mut wrong);
    found.append(&mut wrong);
    let mut used = vec![false; ignores.len()];
    found.retain(|finding| {
        let by = ignores.iter().position(|ignore| covers(ignore, finding, options));
        if let Some(by) = by {
            used[by] = true;
        }
        suppressed += usize::from(by.is_some());
        by.is_none()
    });
    found.sort_by(|a, b| {
        (a.span.start, a.span.end, a.code, &a.message).cmp(&(b.span.start, b.span.end, b.code, &b.message))
    });
    found.dedup();
    let report =
        FileReport { name: name.to_owned(), text: Arc::clone(text), findings: located(name, text, found) };
    Finished { report, suppressed, used }
}

fn covers(ignore: &Ignore, finding: &Finding, options: &Options) -> bool {
    let as_comment = Suppression {
        codes: ignore.codes.clone(),
        reason: ignore.reason.clone(),
        until: ignore.until.clone(),
        span: 0..0,
        covers: 0..usize::MAX,
        pointer: String::new(),
    };
    as_comment.covers(finding, &options.today)
}

fn located(name: &str, text: &str, found: Vec<Finding>) -> Vec<Located> {
    if found.is_empty() {
        return Vec::new();
    }
    let positions = Positions::of(text);
    let windows = text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
    let mut seen: BTreeMap<[u8; 32], u32> = BTreeMap::new();
    let mut placed = |mut finding: Finding| {
        if windows {
            finding.fix.iter_mut().flat_map(|fix| &mut fix.edits).for_each(with_carriage_returns);
        }
        let end = finding.span.end.min(text.len());
        finding.span = finding.span.start.min(end)..end;
        let subject = text.get(finding.span.clone()).unwrap_or_default();
        // A fingerprint must not change when something is put in before: neither lines nor bytes are part of it.
        let parts =
            [finding.code, name, &finding.pointer, subject.get(..subject.len().min(200)).unwrap_or_default()];
        let mut digest: [u8; 32] = Sha256::digest(parts.join("\0")).into();
        let count = seen.entry(digest).or_default();
        *count += 1;
        if *count > 1 {
            digest = Sha256::digest(format!("{}\0{count}", parts.join("\0"))).into();
        }
        let (high, _) = digest.split_at(16);
        let number = high.iter().fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
        let fingerprint = format!("{number:032x}");
        let (start, end) = (positions.at(finding.span.start), positions.at(finding.span.end));
        Located { finding, start, end, fingerprint }
    };
    found.into_iter().map(&mut placed).collect()
}

/// What comes into a file whose lines end in CRLF gets such ends, too.
fn with_carriage_returns(edit: &mut Edit) {
    if edit.text.contains('\n') {
        edit.text = edit.text.replace("\r\n", "\n").replace('\n', "\r\n");
    }
}
