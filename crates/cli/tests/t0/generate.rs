//! Traces in, profiles out: the same bytes every time.

use super::{SMALL, small_is_native, snapshot};
use crate::harness::Lab;

#[test]
fn a_committed_trace_gives_the_committed_profile_and_evidence() {
    if !small_is_native() {
        return;
    }
    let lab = Lab::new();
    lab.write("small.trace", SMALL);
    lab.callgate("generate small.trace --allow unshare -o p.json").expect(0).prints("");
    snapshot("generated-profile", &lab.read("p.json"));
    snapshot("generated-evidence", &lab.read("p.json.evidence"));
    let first = lab.read("p.json");
    lab.callgate("generate small.trace --allow unshare --force -o p.json").expect(0);
    assert_eq!(lab.read("p.json"), first);
}

#[test]
fn no_line_of_a_profile_is_longer_than_a_hundred_columns() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow unshare --default-action kill-process -o p.json").expect(0);
    let text = lab.read("p.json");
    assert!(text.lines().all(|l| l.len() <= 100), "{text}");
    assert!(text.contains("\"SCMP_ACT_KILL_PROCESS\""));
}

#[test]
fn a_dangerous_call_is_left_out_until_it_is_asked_for() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t -o p.json").expect(1).says("withheld: unshare").says("--allow unshare");
    assert!(!lab.read("p.json").contains("\"unshare\""));
    lab.callgate("generate t --force --allow unshare -o p.json").expect(0).never_says("withheld");
    assert!(lab.read("p.json").contains("\"unshare\""));
}

#[test]
fn a_call_another_filter_refused_gets_that_errno() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow unshare --default-action kill-process -o p.json").expect(0);
    let rules = lab.json("p.json")["syscalls"].clone();
    let refused = rules.as_array().unwrap().iter().find(|r| {
        r["names"].as_array().unwrap().iter().any(|n| n == "clone3") && r["action"] == "SCMP_ACT_ERRNO"
    });
    assert_eq!(refused.expect("a rule for clone3")["errnoRet"], 38);
}

#[test]
fn inet_sockets_bring_ipv6_and_off_constrains_nothing() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    let domains = |mode: &str| {
        lab.callgate(&format!("generate t --force --allow unshare --args {mode} -o p.json")).expect(0);
        let profile = lab.json("p.json");
        let rules = profile["syscalls"].as_array().unwrap().clone();
        let sockets = rules.into_iter().filter(|r| r["names"] == serde_json::json!(["socket"]));
        // An int is compared as its 32 bits: MASKED_EQ, whose second value is the one compared with.
        sockets.map(|r| r["args"][0]["valueTwo"].as_u64()).collect::<Vec<_>>()
    };
    let auto = domains("auto");
    for wanted in [1, 2, 10, 16] {
        assert!(auto.contains(&Some(wanted)), "{auto:?} has no {wanted}");
    }
    lab.callgate("generate t --force --allow unshare --args off -o p.json").expect(0);
    assert!(!lab.read("p.json").contains("\"args\""));
}

#[test]
fn without_completion_only_what_was_seen_is_allowed() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow unshare --no-completion -o p.json").expect(0);
    let profile = lab.json("p.json");
    let allowed = profile["syscalls"].as_array().unwrap().iter();
    let mut names: Vec<String> = allowed
        .filter(|r| r["action"] == "SCMP_ACT_ALLOW")
        .flat_map(|r| r["names"].as_array().unwrap().clone())
        .map(|n| n.as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names, ["clone", "execve", "exit_group", "mmap", "read", "socket", "unshare", "write"]);
}

#[test]
fn several_traces_make_one_profile_whatever_their_order() {
    let lab = Lab::new();
    lab.write("a", SMALL);
    lab.write("b", SMALL.replace("\"name\":\"read\",\"nr\":0", "\"name\":\"lseek\",\"nr\":8"));
    lab.callgate("generate a b --allow unshare -o ab.json").expect(0);
    lab.callgate("generate b a --allow unshare -o ba.json").expect(0);
    assert_eq!(lab.read("ab.json"), lab.read("ba.json"));
    assert!(lab.read("ab.json").contains("\"lseek\"") && lab.read("ab.json").contains("\"read\""));
}

#[test]
fn comments_are_written_when_asked_for_and_their_limits_said() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow unshare --with-comments -o p.json").expect(0).says("containerd");
    assert!(lab.read("p.json").contains("\"comment\""));
    lab.callgate("show p.json").expect(0);
}

#[test]
fn an_incomplete_trace_needs_to_be_asked_for() {
    let lab = Lab::new();
    let cut = SMALL.replace("\"complete\": true", "\"complete\": false");
    lab.write("t", cut.replacen("\"a note\"", "\"the disk was full\"", 1));
    lab.callgate("generate t --allow unshare -o p.json")
        .expect(2)
        .says("incomplete")
        .says("; the disk was full")
        .says("--incomplete");
    assert_eq!(lab.files(), ["t"]);
    lab.callgate("generate t --allow unshare --incomplete -o p.json").expect(0);
}

#[test]
fn what_was_generated_is_told_with_what_to_do_next() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    let ended = lab.callgate("generate t --allow unshare -o p.json").expect(0).says("calls, not proven");
    ended.says("p.json.evidence").says("next: callgate show p.json --why").says("--stage audit -- COMMAND");
    lab.callgate("generate t --allow unshare -o -").expect(0).never_says("next:");
}

#[test]
fn a_trace_is_translated_to_another_architecture_and_every_rule_is_marked() {
    let lab = Lab::new();
    lab.write("t.trace", include_str!("../data/small.trace"));
    lab.callgate("generate t.trace --arch aarch64 -o p.json").run().says("translated to aarch64");
    let shown = lab.callgate("show p.json --format json").expect(0).json();
    assert_eq!(shown["architectures"], serde_json::json!(["SCMP_ARCH_AARCH64"]));
    let evidence = lab.json("p.json.evidence");
    let seen = evidence["rules"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|r| r["source"] == "seen" || r["source"] == "floor");
    let reasons: Vec<String> = seen
        .flat_map(|r| r["calls"].as_object().unwrap().values().map(ToString::to_string).collect::<Vec<_>>())
        .collect();
    let marked =
        |reason: &String| reason.contains("translated from") || reason.contains("completes the values");
    assert!(!reasons.is_empty() && reasons.iter().all(marked), "{reasons:?}");
    lab.callgate("generate t.trace --arch aarch65 -o q.json").expect(2).says("aarch64");
}

#[test]
fn grouped_rules_hold_one_group_each_mean_the_same_and_keep_their_reasons() {
    let lab = Lab::new();
    lab.write("small.trace", SMALL);
    lab.callgate("generate small.trace -o plain.json").run();
    lab.callgate("generate small.trace --group-by --with-comments -o grouped.json").run();
    let allowed = |file: &str| {
        let shown = lab.callgate(&format!("show {file} --format json")).expect(0).json();
        let rules = shown["rules"].as_array().unwrap().clone();
        rules.into_iter().filter(|r| r["action"] == "SCMP_ACT_ALLOW").collect::<Vec<_>>()
    };
    let calls = |rules: &[serde_json::Value]| {
        let names = rules
            .iter()
            .flat_map(|r| r["names"].as_array().unwrap().iter().map(|n| format!("{n} {}", r["args"])));
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let (plain, grouped) = (allowed("plain.json"), allowed("grouped.json"));
    assert_eq!(calls(&plain), calls(&grouped));
    // One rule per group and conditions, which its comment names.
    let text = lab.json("grouped.json");
    let rules = text["syscalls"].as_array().unwrap().iter().filter(|r| r["action"] == "SCMP_ACT_ALLOW");
    let heads: Vec<String> = rules.map(|r| format!("{} {}", r["comment"], r["args"])).collect();
    assert!(heads.iter().all(|h| h.starts_with("\"@")), "{heads:?}");
    assert_eq!(heads.iter().collect::<std::collections::BTreeSet<_>>().len(), heads.len());
    let why = lab.callgate("show grouped.json --why").expect(0).stdout;
    assert!(why.contains("completion:") && why.contains("seen:"), "{why}");
}

#[test]
fn the_calls_of_container_runtimes_are_added_with_their_provenance() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    let generate = "generate t --allow unshare --force -o p.json";
    lab.callgate(generate).expect(0);
    lab.callgate("show p.json --starts-under runc@1.1").expect(1).says("--for runc@1.1");
    lab.callgate(&format!("{generate} --for runc@1.1,crun@1.8")).expect(0).never_says("refused");
    for runtime in ["runc@1.1", "crun@1.8"] {
        for nnp in ["", "--nnp true", "--nnp false"] {
            lab.callgate(&format!("show p.json --starts-under {runtime} {nnp}")).expect(0);
        }
    }
    let document = lab.callgate("show p.json --format json").expect(0).json();
    let floors = document["rules"].as_array().unwrap().iter().filter(|r| r["source"] == "floor");
    assert!(floors.map(|r| r["names"].to_string()).collect::<String>().contains("\"capset\""));
    let evidence = lab.read("p.json.evidence");
    assert!(
        evidence.contains("required by runc 1.1 to before 1.2")
            && evidence.contains("measured-by crun 1.8.1")
    );
    // With no_new_privs the filter comes last, and little is left to do.
    lab.callgate(&format!("{generate} --for runc@1.1,crun@1.8 --nnp true")).expect(0);
    assert!(!lab.read("p.json").contains("\"capset\""));
    lab.callgate("show p.json --starts-under crun@1.8 --nnp false").expect(1);
    lab.callgate(&format!("{generate} --for runc"))
        .expect(0)
        .says("stay refused, which it lives with")
        .says("fsopen");
    lab.callgate(&format!("{generate} --nnp true")).expect(2).says("--for");
}
