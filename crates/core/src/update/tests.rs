//! What an update changes, what it leaves, and that a second one has nothing to do.

use super::*;
use crate::trace::{Observation, Outcome, Phase};

/// As somebody writes it: comments, two styles, an order of its own.
const HAND_EDITED: &str = r#"{
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [
        {
            "comment": "files, as agreed with the security team",
            "names": ["close", "openat", "read"],
            "action": "SCMP_ACT_ALLOW"
        },
        {
            "names": [
                "getpid",
                "getuid"
            ],
            "action": "SCMP_ACT_ALLOW"
        },
        {
            "names": ["chroot", "ptrace", "umask"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": 1
        }
    ]
}
"#;

fn trace(calls: &[(&str, [u64; 6])]) -> Trace {
    let mut trace = Trace::default();
    for (name, args) in calls {
        trace.observe(&Observation {
            arch: Arch::X86_64,
            nr: sysno::number(Arch::X86_64, name).unwrap(),
            args: *args,
            outcome: Outcome::Made,
            count: Some(1),
            phase: Phase::Unphased,
            executable: "/bin/x".to_owned(),
            at_ms: 3,
        });
    }
    trace
}

fn wanted() -> Wanted {
    let (allow, leave) = (BTreeSet::new(), BTreeSet::new());
    Wanted { args: ArgsMode::Auto, allow, leave, native: Arch::X86_64 }
}

fn updated(text: &str, calls: &[(&str, [u64; 6])], wanted: &Wanted) -> Result<Update, UpdateError> {
    let (profile, _) = profile::read(text).unwrap();
    update(text, &profile, &Evidence::default(), &trace(calls), wanted)
}

/// The lines that differ.
fn changed(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !HAND_EDITED.lines().any(|l| l == *line)).map(str::trim).collect()
}

#[test]
fn what_the_profile_allows_already_changes_nothing() {
    let done = updated(HAND_EDITED, &[("read", [0; 6]), ("getpid", [0; 6])], &wanted()).unwrap();
    assert_eq!((done.text.as_str(), done.added.len()), (HAND_EDITED, 0));
}

#[test]
fn a_call_joins_its_group_where_it_sorts_and_every_other_byte_stays() {
    let done = updated(HAND_EDITED, &[("pread64", [0; 6]), ("geteuid", [0; 6])], &wanted()).unwrap();
    assert_eq!(
        changed(&done.text),
        ["\"names\": [\"close\", \"openat\", \"pread64\", \"read\"],", "\"geteuid\","]
    );
    assert_eq!(done.text.lines().count(), HAND_EDITED.lines().count() + 1);
    assert!(done.text.contains("as agreed with the security team"));
    assert_eq!(done.added.len(), 2);
    assert!(done.evidence.rules.iter().any(|r| r.calls.contains_key("pread64")));
}

#[test]
fn a_call_with_conditions_gets_a_rule_that_looks_like_its_neighbours() {
    let done = updated(HAND_EDITED, &[("socket", [1, 1, 0, 0, 0, 0])], &wanted()).unwrap();
    let (profile, _) = profile::read(&done.text).unwrap();
    let rule = profile.rules.last().unwrap();
    assert!(!rule.conditions.is_empty() && rule.names[0].text == "socket");
    assert!(done.text.contains("\n        {\n            \"names\": [\"socket\"],\n"), "{}", done.text);
}

#[test]
fn a_name_leaves_the_rule_that_refuses_it_whatever_its_arguments() {
    let done = updated(HAND_EDITED, &[("umask", [0; 6])], &wanted()).unwrap();
    assert!(done.text.contains("\"names\": [\"chroot\", \"ptrace\"]"), "{}", done.text);
    let only = HAND_EDITED.replace("[\"chroot\", \"ptrace\", \"umask\"]", "[\"umask\"]");
    let done = updated(&only, &[("umask", [0; 6])], &wanted()).unwrap();
    assert!(
        !done.text.contains("SCMP_ACT_ERRNO\",\n            \"errnoRet\""),
        "the rule is gone: {}",
        done.text
    );
}

#[test]
fn dangerous_calls_stay_out_until_they_are_asked_for() {
    let calls = [("ptrace", [0; 6]), ("read", [0; 6])];
    let done = updated(HAND_EDITED, &calls, &wanted()).unwrap();
    assert_eq!((done.text.as_str(), done.withheld.len()), (HAND_EDITED, 1));
    let asked = Wanted { allow: BTreeSet::from(["ptrace".to_owned()]), ..wanted() };
    assert!(updated(HAND_EDITED, &calls, &asked).unwrap().added.iter().any(|a| a.name == "ptrace"));
}

#[test]
fn a_rule_that_refuses_some_arguments_is_not_silenced() {
    let text = HAND_EDITED.replace(
        "\"errnoRet\": 1",
        "\"errnoRet\": 1,\n            \"args\": [{\"index\": 0, \"value\": 7, \"op\": \"SCMP_CMP_EQ\"}]",
    );
    let error = updated(&text, &[("umask", [1; 6])], &wanted()).unwrap_err();
    assert!(matches!(error, UpdateError::Stubborn { line: 17, .. }), "{error}");
}

#[test]
fn what_was_left_by_a_person_stays_left() {
    let leave = Wanted { leave: BTreeSet::from(["pread64".to_owned()]), ..wanted() };
    let done = updated(HAND_EDITED, &[("pread64", [0; 6])], &leave).unwrap();
    assert_eq!(done.text, HAND_EDITED);
}

#[test]
fn profiles_that_cannot_be_patched_say_why() {
    let loader = HAND_EDITED.replace("\"errnoRet\": 1", "\"includes\": {\"caps\": [\"CAP_SYS_CHROOT\"]}");
    assert!(matches!(updated(&loader, &[("umask", [0; 6])], &wanted()), Err(UpdateError::Undecided(_))));
    let bare = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": []}";
    assert!(matches!(updated(bare, &[("umask", [0; 6])], &wanted()), Err(UpdateError::NoRules)));
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    /// Calls of every kind: plain, constrained, dangerous.
    const CALLS: [&str; 12] = [
        "read",
        "pread64",
        "umask",
        "socket",
        "ioctl",
        "clone",
        "mmap",
        "personality",
        "ptrace",
        "getpid",
        "prctl",
        "openat",
    ];

    proptest! {
        /// A second update has nothing to do, whatever was seen and however the profile is laid out.
        #[test]
        fn updating_is_a_fixed_point(
            calls in prop::collection::vec((0..CALLS.len(), prop::array::uniform6(0_u64..40)), 1..12),
            flat in any::<bool>(),
        ) {
            let text = if flat { HAND_EDITED.split_whitespace().collect::<Vec<_>>().join(" ") } else { HAND_EDITED.to_owned() };
            let calls: Vec<(&str, [u64; 6])> = calls.iter().map(|(i, args)| (CALLS[*i], *args)).collect();
            let once = updated(&text, &calls, &wanted()).unwrap();
            let twice = updated(&once.text, &calls, &wanted()).unwrap();
            prop_assert_eq!(&once.text, &twice.text);
            prop_assert!(profile::read(&once.text).is_ok());
        }
    }
}

#[test]
fn an_updated_profile_is_no_longer_the_one_that_was_proven() {
    let (profile, _) = profile::read(HAND_EDITED).unwrap();
    let proven = Evidence { proof: Some("proven: 2 runs, no miss".to_owned()), ..Evidence::default() };
    let proof = |calls: &[(&str, [u64; 6])], evidence: &Evidence| {
        update(HAND_EDITED, &profile, evidence, &trace(calls), &wanted()).unwrap().evidence.proof
    };
    assert_eq!(proof(&[("pread64", [0; 6])], &proven).as_deref(), Some(evidence::UPDATED));
    assert_eq!(proof(&[("read", [0; 6])], &proven), proven.proof);
    assert_eq!(proof(&[("pread64", [0; 6])], &Evidence::default()), None);
}

#[test]
fn beside_a_rule_of_one_name_stands_a_new_one() {
    let text = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [\n  {\"name\": \"read\", \"action\": \
                \"SCMP_ACT_ALLOW\"},\n  {\"name\": \"umask\", \"action\": \"SCMP_ACT_ERRNO\"}\n]}\n";
    let done = updated(text, &[("write", [1; 6]), ("umask", [7; 6])], &wanted()).unwrap();
    let (new, _) = profile::read(&done.text).unwrap();
    let names: Vec<Vec<&str>> =
        new.rules.iter().map(|r| r.names.iter().map(|n| n.text.as_str()).collect()).collect();
    assert_eq!(names[0], ["read"]);
    assert!(done.text.contains("{\"name\": \"read\", \"action\": \"SCMP_ACT_ALLOW\"}"), "{}", done.text);
    assert!(!done.text.contains("SCMP_ACT_ERRNO\"}"), "no rule refuses umask any more: {}", done.text);
}

#[test]
fn lines_end_as_they_did() {
    let text = HAND_EDITED.replace('\n', "\r\n");
    let calls =
        [("write", [1; 6]), ("getgid", [0; 6]), ("personality", [0; 6]), ("ioctl", [0, 0x5401, 0, 0, 0, 0])];
    let done = updated(&text, &calls, &wanted()).unwrap();
    assert!(done.text.len() > text.len());
    assert_eq!(done.text.matches('\n').count(), done.text.matches("\r\n").count(), "{:?}", done.text);
}
