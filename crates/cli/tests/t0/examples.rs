//! The examples that are handed out: profiles as callgate writes them, with a reason for every rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use callgate_core::Action;
use callgate_core::evidence::{Evidence, SCHEMA, Source, condition_text};
use callgate_core::profile::{Profile, Rule, read as parse, write};

use crate::harness::Lab;

/// Every program that has one.
pub(crate) const NAMES: [&str; 5] = ["nginx", "redis", "postgresql", "python", "node"];

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// The names of an example's files.
pub(crate) fn files(name: &str) -> Vec<String> {
    let entries = fs::read_dir(place(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// One of them.
pub(crate) fn read(name: &str, file: &str) -> String {
    fs::read_to_string(place(name).join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"))
}

fn profile(name: &str) -> Profile {
    let (profile, found) = parse(&read(name, &format!("{name}.json"))).unwrap();
    assert!(found.is_empty(), "{name}: {found:?}");
    profile
}

fn evidence(name: &str) -> Evidence {
    Evidence::from_json(&read(name, &format!("{name}.json.evidence"))).unwrap()
}

/// The calls that rules allow, of those that this holds for.
fn allowed(profile: &Profile, holds: impl Fn(&Rule) -> bool) -> BTreeSet<&str> {
    let rules = profile.rules.iter().filter(|r| r.action.action == Action::Allow && holds(r));
    rules.flat_map(|r| r.names.iter().map(|n| n.text.as_str())).collect()
}

#[test]
fn every_example_has_the_bytes_callgate_would_write() {
    for name in NAMES {
        assert_eq!(write(&profile(name), false), read(name, &format!("{name}.json")), "{name}");
        assert_eq!(evidence(name).to_json(), read(name, &format!("{name}.json.evidence")), "{name}");
    }
}

#[test]
fn every_rule_of_an_example_has_its_evidence_and_no_evidence_is_left_over() {
    for name in NAMES {
        let (profile, evidence) = (profile(name), evidence(name));
        assert_eq!((evidence.schema.as_str(), evidence.complete), (SCHEMA, true), "{name}");
        assert!(
            evidence.proof.as_ref().is_some_and(|p| p.starts_with("proven: ")),
            "{name}: {:?}",
            evidence.proof
        );
        assert!(evidence.withheld.is_empty(), "{name}: {:?}", evidence.withheld);
        let mut allowed = BTreeSet::new();
        for rule in &profile.rules {
            let conditions: Vec<String> = rule.conditions.iter().map(condition_text).collect();
            for call in &rule.names {
                assert!(
                    evidence.entry(rule, &call.text).is_some(),
                    "{name}: nothing speaks of {}",
                    call.text
                );
                allowed.insert((call.text.clone(), conditions.clone()));
            }
        }
        for entry in &evidence.rules {
            for call in entry.calls.keys() {
                let key = (call.clone(), entry.conditions.clone());
                assert!(allowed.contains(&key), "{name}: the profile has no {key:?}");
            }
        }
    }
}

#[test]
fn containers_start_under_every_example() {
    let lab = Lab::new();
    for name in NAMES {
        lab.write("p.json", read(name, &format!("{name}.json")));
        for runtime in ["runc", "crun"] {
            lab.callgate(&format!("show p.json --starts-under {runtime}")).expect(0);
        }
    }
}

#[test]
fn the_examples_know_no_machine_and_their_readme_has_their_figures() {
    let readme = read("", "README.md");
    for name in NAMES {
        for file in files(name) {
            let text = read(name, &file);
            for word in ["/root", "/home", "/tmp/"] {
                assert!(!text.contains(word), "{name}/{file} has {word}");
            }
        }
        let (profile, evidence) = (profile(name), evidence(name));
        let all = allowed(&profile, |_| true).len();
        let seen = allowed(&profile, |r| evidence.source_of(r) == Source::Seen).len();
        let version = read(name, "learned");
        let package = version.lines().find_map(|l| l.strip_prefix("package:  ")).unwrap();
        let row = format!("| [{name}]({name}) | {package} | {all} | {seen} |");
        assert!(readme.contains(&row), "examples/README.md lacks the row\n{row}");
    }
}
