//! Rules by their own documentation: examples have the finding, what is better has not, fixes do away with it.

use std::collections::BTreeSet;

use super::*;
use crate::lint::{Finding, Fix, Input, Options, Policy, apply, finish, join, look};

/// The headings of every rule's documentation, in their order.
const HEADINGS: [&str; 5] = ["What it finds", "Why it matters", "Example", "Better", "References"];

/// A file of an example.
#[derive(Clone)]
struct File {
    name: String,
    text: String,
}

/// The files in the fenced blocks of a section, and what they are looked at with.
fn example(body: &str) -> (Vec<File>, Options) {
    let mut options = Options::new(callgate_core::Arch::X86_64, "2026-11-26");
    let mut files: Vec<File> = Vec::new();
    let mut open = false;
    for line in body.lines() {
        if open && line == "```" {
            open = false;
        } else if open {
            let file = files.last_mut().expect("a fence began it");
            file.text.push_str(line);
            file.text.push('\n');
        } else if let Some((extension, words)) = super::fence(line) {
            open = true;
            let mut name = format!("example-{}.{extension}", files.len());
            for word in words {
                match word {
                    ("file", file) => name = file.to_owned(),
                    ("pss", standard) => options.pss = Some(standard.parse().expect("a standard")),
                    ("loader", loader) => options.loader = Some(loader.parse().expect("a loader")),
                    ("nnp", nnp) => options.no_new_privs = Some(nnp == "true"),
                    ("arch", arch) => options.machine.arch = arch.parse().expect("an architecture"),
                    ("runtime", runtime) => {
                        let own = options.targets(false).swap_remove(0);
                        let runtime = Some(runtime.parse().expect("a runtime"));
                        options.targets.push(crate::Target { runtime, ..own });
                    }
                    ("libseccomp", release) => {
                        let own = options.targets(false).swap_remove(0);
                        let (release, _) = callgate_core::floor::Version::series(release).expect("a release");
                        options.targets.push(crate::Target { libseccomp: Some(release), ..own });
                    }
                    other => panic!("unknown word in an example: {other:?}"),
                }
            }
            files.push(File { name, text: String::new() });
        }
    }
    (files, options)
}

fn run(files: &[File], options: &Options) -> Vec<(usize, Finding)> {
    let looked: Vec<_> = files
        .iter()
        .map(|file| {
            (file.name.clone(), look(Input { name: &file.name, text: &file.text, named: true }, options))
        })
        .collect();
    let joined = join(&looked, &[], options, &|index| Some(files[index].text.clone()));
    let mut found = Vec::new();
    for (index, (name, looked)) in looked.into_iter().enumerate() {
        let more =
            joined.findings.iter().filter(|(file, _)| *file == index).map(|(_, f)| f.clone()).collect();
        let text = &files[index].text;
        let finished =
            finish((&name, &text.as_str().into()), (looked, more), &[], (&Policy::default(), options));
        found.extend(finished.report.findings.into_iter().map(|located| (index, located.finding)));
    }
    found
}

fn codes(found: &[(usize, Finding)]) -> BTreeSet<&'static str> {
    found.iter().map(|(_, finding)| finding.code).collect()
}

fn section(doc: &Doc, title: &str) -> String {
    doc.sections.iter().find(|(own, _)| own == title).map(|(_, body)| body.clone()).unwrap_or_default()
}

#[test]
fn every_rule_is_documented_in_the_same_way() {
    let mut seen = BTreeSet::new();
    for (rule, source) in entries() {
        let doc = doc(rule.code).expect("it is there");
        let headings: Vec<&str> = doc.sections.iter().map(|(title, _)| title.as_str()).collect();
        assert_eq!(headings, HEADINGS, "{}", rule.code);
        assert!(!doc.summary.is_empty() && doc.summary.len() <= 80, "{}: {}", rule.code, doc.summary);
        assert!(doc.sections.iter().all(|(_, body)| !body.is_empty()), "{}", rule.code);
        assert!(source.len() < 20_000 && seen.insert(rule.code), "{}", rule.code);
        assert!(
            rule.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{}",
            rule.code
        );
        let family = Family::ALL.iter().position(|family| *family == rule.family).expect("it is one");
        let here = tables()[family].iter().any(|(other, _)| other.code == rule.code);
        assert!(here, "{} stands in another family's folder", rule.code);
    }
}

#[test]
fn every_example_has_the_finding_and_what_is_better_has_not() {
    let mut wrong = Vec::new();
    for (rule, _) in entries() {
        let doc = doc(rule.code).expect("it is there");
        let (files, options) = example(&section(&doc, "Example"));
        let found = run(&files, &options);
        if !files.is_empty() && !codes(&found).contains(rule.code) {
            wrong.push(format!("{}: the example has only {:?}", rule.code, codes(&found)));
        }
        let (files, options) = example(&section(&doc, "Better"));
        let found = run(&files, &options);
        if let Some((_, finding)) = found.iter().find(|(_, finding)| finding.code == rule.code) {
            wrong.push(format!("{}: what is better has it, too: {}", rule.code, finding.message));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Makes every fix of a rule in turn, until there is none.
fn mended(mut files: Vec<File>, options: &Options, code: &str) -> Result<Vec<File>, String> {
    for _ in 0..20 {
        let found = run(&files, options);
        let with_fix =
            |(file, f): &(usize, Finding)| Some((*file, f.fix.clone().filter(|_| f.code == code)?));
        let Some((file, Fix { edits, .. })) = found.iter().find_map(with_fix) else { return Ok(files) };
        let text = apply(&files[file].text, &edits).ok_or("edits that overlap")?;
        files[file].text = text;
    }
    Err("its fixes do not come to an end".to_owned())
}

#[test]
fn every_fix_of_an_example_does_away_with_the_finding_and_breaks_nothing() {
    let mut wrong = Vec::new();
    for (rule, _) in entries() {
        let (files, options) = example(&section(&doc(rule.code).expect("it is there"), "Example"));
        let before = run(&files, &options);
        if !before.iter().any(|(_, f)| f.code == rule.code && f.fix.is_some()) {
            continue;
        }
        match mended(files, &options, rule.code) {
            Err(why) => wrong.push(format!("{}: {why}", rule.code)),
            Ok(files) => {
                let after = run(&files, &options);
                let left = after.iter().find(|(_, f)| f.code == rule.code && f.fix.is_some());
                let broken = ["invalid-json", "invalid-yaml", "wrong-type"];
                let new =
                    codes(&after).difference(&codes(&before)).find(|code| broken.contains(code)).copied();
                if left.is_some() || new.is_some() {
                    wrong.push(format!("{}: {left:?} {new:?}\n{}", rule.code, files[0].text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
