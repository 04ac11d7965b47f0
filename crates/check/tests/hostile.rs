//! Input of any kind: an answer or a located refusal, in time that grows with its size and not faster.

use std::time::{Duration, Instant};

use callgate_check::resolve::resolve;
use callgate_check::target::{Loader, Target};
use callgate_core::Arch;
use callgate_core::baseline::{Kernel, Machine};
use proptest::prelude::*;

fn targets() -> Vec<Target> {
    let machine = Machine::new(Arch::X86_64, Kernel::new(6, 18), ["CAP_SYS_ADMIN"]);
    let runtimes =
        [None, Some("runc@1.1.5"), Some("runc"), Some("crun"), Some("youki"), Some("kata"), Some("gvisor")];
    let target = |loader, runtime: Option<&str>| Target {
        loader,
        runtime: runtime.map(|name| name.parse().expect("a runtime")),
        machine: machine.clone(),
        libseccomp: None,
        no_new_privs: false,
    };
    Loader::ALL.into_iter().flat_map(|loader| runtimes.map(|runtime| target(loader, runtime))).collect()
}

/// Every loader with every runtime.
fn all(text: &str) {
    for target in targets() {
        match resolve(text, &target) {
            Ok(found) => drop(found.fate(&callgate_core::Call::new(Arch::X86_64, 0, [0; 6]))),
            Err(refusal) => assert!(!refusal.message.is_empty() && !refusal.by.is_empty(), "{text:.80}"),
        }
    }
}

#[test]
fn odd_documents_are_answered_or_refused_by_name() {
    let deep = "[".repeat(100_000);
    let rule = |args: &str| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{args}]}}]}}"#
        )
    };
    let values = [
        "18446744073709551615",
        "18446744073709551616",
        "-1",
        "1e400",
        "NaN",
        "1.5",
        "\"1\"",
        "null",
        "true",
        "[]",
    ];
    let odd = [
        "",
        " ",
        "null",
        "[]",
        "0",
        "\"\"",
        "{",
        "{}",
        "\u{feff}{}",
        "{}{}",
        "// x\n{}",
        "\r\n{\r\n}\r\n",
        &deep,
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "defaultAction": "SCMP_ACT_ERRNO"}"#,
        r#"{"defaultAction": 1, "syscalls": {}}"#,
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [null, 1, "x", [], {"names": null}, {"names": [null]}]}"#,
        r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read\u0000", "\u202eread"], "action": "x\ny"}]}"#,
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 99999999999999999999}"#,
    ];
    odd.into_iter().for_each(all);
    for value in values {
        for key in ["index", "value", "valueTwo", "op"] {
            all(&rule(&format!(r#"{{"index": 0, "value": 0, "op": "SCMP_CMP_EQ", "{key}": {value}}}"#)));
        }
    }
}

fn rules(count: usize) -> String {
    let rule = |i: usize| {
        format!(
            r#"{{"names": ["ioctl", "x{i}"], "action": "SCMP_ACT_{}", "args": [{{"index": 1, "value": {i}, "op": "SCMP_CMP_EQ"}}]}}"#,
            if i.is_multiple_of(2) { "ALLOW" } else { "LOG" }
        )
    };
    let rules: Vec<String> = (0..count).map(rule).collect();
    format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}}"#, rules.join(","))
}

fn names(count: usize) -> String {
    let names: Vec<String> = (0..count).map(|i| format!("\"name{i}\"")).collect();
    format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": [{}], "action": "SCMP_ACT_ALLOW"}}]}}"#,
        names.join(",")
    )
}

/// The best of three: others have the processor, too.
fn time(text: &str) -> Duration {
    let once = |_| {
        let start = Instant::now();
        all(text);
        start.elapsed()
    };
    (0..3).map(once).min().expect("three")
}

#[test]
fn ten_times_the_rules_or_names_take_no_square_of_the_time() {
    for make in [rules, names] {
        let (small, large) = (time(&make(500)), time(&make(5_000)));
        assert!(large < small * 40, "{small:?}, {large:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_and_changed_profiles_are_answered_or_refused(at in 0usize..400, byte in 32u8..127, cut in any::<bool>()) {
        let mut text = rules(4).into_bytes();
        let at = at % text.len();
        if cut { text.truncate(at) } else { text[at] = byte }
        all(&String::from_utf8(text).expect("ASCII"));
    }
}
