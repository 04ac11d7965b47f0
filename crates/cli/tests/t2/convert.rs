//! Forms of other programs, held against the programs.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::harness::{find, skip};

/// The release whose sets are in `data/systemd.toml`.
const RELEASE: &str = "systemd 252 ";

#[test]
fn the_sets_of_systemd_are_those_of_the_installed_one() {
    let Some(analyze) = find("systemd-analyze") else { return skip("t2", "no `systemd-analyze`") };
    let said = |words: &[&str]| {
        let out = Command::new(&analyze).args(words).output().expect("it runs");
        String::from_utf8(out.stdout).expect("UTF-8")
    };
    if !said(&["--version"]).starts_with(RELEASE) {
        return skip("t2", "another systemd than the one whose sets callgate has");
    }
    let text = said(&["syscall-filter"]);
    let mut theirs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut set = None;
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(word) if !word.starts_with('#') => {
                if let Some(set) = set {
                    theirs.entry(set).or_default().insert(word.trim());
                }
            }
            Some(_) => {}
            None => set = Some(line).filter(|line| line.starts_with('@') && *line != "@known"),
        }
    }
    let data = include_str!("../../../../data/systemd.toml");
    let mut ours: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for block in data.split("[[set]]").skip(1) {
        let mut words = block.split('"').skip(1).step_by(2);
        let name = words.next().expect("a name");
        ours.insert(name, words.collect());
    }
    assert_eq!(ours, theirs);
}
