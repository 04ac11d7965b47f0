//! Profiles held against each other, and made of others: `diff`, `merge`, `stage`, `effective`.

use super::snapshot;
use crate::harness::Lab;

/// A profile for x86_64 alone, as `learn` makes them.
fn profile(rules: &str) -> String {
    format!(
        "{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 38,\n\"architectures\": [\"SCMP_ARCH_X86_64\"],\n\"syscalls\": [\n{rules}]}}\n"
    )
}

const OLD: &str = r#"{"names": ["read", "write", "openat"], "action": "SCMP_ACT_ALLOW"},
{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}
"#;
const NEW: &str = r#"{"names": ["read", "write", "close"], "action": "SCMP_ACT_ALLOW"},
{"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_NE"}]},
{"names": ["ptrace"], "action": "SCMP_ACT_ALLOW"},
{"names": ["mount"], "action": "SCMP_ACT_KILL_PROCESS"}
"#;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.write("old.json", profile(OLD));
    lab.write("new.json", profile(NEW));
    lab
}

/// Flags that make it the same machine everywhere.
const ON: &str = "--arch x86_64 --kernel 6.1";

#[test]
fn changes_are_told_by_direction_with_examples_lines_and_dangers() {
    let lab = lab();
    snapshot("diff", &lab.callgate(&format!("diff old.json new.json {ON}")).expect(1).stdout);
    snapshot(
        "diff-review",
        &lab.callgate(&format!("diff old.json new.json --as-review {ON}")).expect(1).stdout,
    );
    let equal = lab.callgate(&format!("diff old.json old.json {ON}")).expect(0).stdout;
    assert_eq!(equal, "equal: old.json and old.json mean the same\n");
}

#[test]
fn only_what_is_widened_fails_where_that_is_asked() {
    let lab = lab();
    lab.write("less.json", profile(r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW"}"#));
    lab.callgate(&format!("diff old.json less.json --fail-on widened {ON}")).expect(0).shows("newly refused");
    lab.callgate(&format!("diff less.json old.json --fail-on widened {ON}")).expect(1);
    lab.callgate(&format!("diff docker old.json --fail-on widened {ON}")).expect(0);
    lab.callgate("diff old.json missing.json").expect(3).says("`missing.json`");
    lab.callgate("diff dokcer old.json").expect(3).says("did you mean `docker`?");
    lab.callgate("diff - -").expect(2).says("only one can be standard input");
    let docker = r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}}"#;
    lab.write("docker.json", profile(docker));
    lab.callgate("diff docker.json old.json")
        .expect(2)
        .says("docker.json:4: `includes` has no raw OCI meaning");
}

#[test]
fn every_change_in_the_document_is_what_sim_says_of_its_example() {
    let lab = lab();
    let document = lab.callgate(&format!("diff old.json new.json --format json {ON}")).expect(1).json();
    assert_eq!(
        (&document["schema"], &document["result"]),
        (&"callgate.dev/diff/v1".into(), &"different".into())
    );
    let changes = document["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 5);
    for change in changes {
        let args: Vec<String> =
            change["witness"]["args"].as_array().unwrap().iter().map(ToString::to_string).collect();
        for (file, side) in [("old.json", "before"), ("new.json", "after")] {
            let call = format!(
                "sim {file} --arch x86_64 {} {} --format json",
                change["call"].as_str().unwrap(),
                args.join(" ")
            );
            let said = lab.callgate(&call).expect(0).json();
            assert_eq!(
                (&said["action"], &said["errno"]),
                (&change[side]["action"], &change[side]["errno"]),
                "{change}"
            );
        }
    }
    let ptrace = changes.iter().find(|c| c["call"] == "ptrace").unwrap();
    assert_eq!(
        (&ptrace["kind"], &ptrace["after"]["line"], &ptrace["before"]["line"]),
        (&"allowed".into(), &6.into(), &().into())
    );
    assert!(ptrace["danger"].is_string());
}

#[test]
fn merged_profiles_are_what_either_or_both_say() {
    let lab = lab();
    lab.callgate(&format!("merge --union old.json new.json -o union.json {ON}"))
        .expect(0)
        .says("wrote union.json");
    lab.callgate(&format!("merge --intersect old.json new.json -o both.json {ON}")).expect(0);
    for wider in [("old.json", "union.json"), ("both.json", "new.json"), ("both.json", "old.json")] {
        lab.callgate(&format!("diff {} {} {ON} --fail-on widened", wider.1, wider.0)).expect(0);
    }
    snapshot("merge-union", &std::fs::read_to_string(lab.path("union.json")).unwrap());
    lab.callgate(&format!("merge --union old.json new.json -o union.json {ON}")).expect(2).says("--force");
    lab.callgate("merge old.json new.json -o x.json").expect(2);
    let apart = profile(NEW).replace("\"SCMP_ARCH_X86_64\"", "\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\"");
    lab.write("apart.json", apart);
    let refused =
        lab.callgate("merge --union old.json apart.json -o x.json --arch x86_64 --arch x86").expect(2);
    refused.says("no profile can say that: ").says("on x86_64: ENOSYS, but ").says("--arch x86_64");
    assert!(!lab.has("x.json"));
    lab.callgate("merge --union old.json apart.json -o x.json --arch x86_64").expect(0);
}

#[test]
fn stages_list_what_is_beyond_the_baseline_and_refuse_what_is_dangerous() {
    let lab = lab();
    lab.write("calm.json", profile(OLD));
    let stage = |stage: &str, profile: &str| {
        format!("stage {profile} {stage} --baseline docker -o {stage}.json {ON}")
    };
    for at in ["audit", "complain", "enforce"] {
        lab.callgate(&stage(at, "calm.json")).expect(0);
    }
    lab.callgate("equiv enforce.json calm.json --arch x86_64").expect(0);
    let complain = std::fs::read_to_string(lab.path("complain.json")).unwrap();
    assert!(complain.contains("SECCOMP_FILTER_FLAG_LOG") && complain.contains("SCMP_ACT_LOG"));
    lab.callgate(&format!("diff calm.json complain.json {ON} --format json")).expect(1);
    let say = |file: &str, call: &str| {
        lab.callgate(&format!("sim {file} --arch x86_64 {call} --format json")).expect(0).json()["action"]
            .clone()
    };
    assert_eq!(say("complain.json", "read"), "SCMP_ACT_ALLOW");
    assert_eq!(say("complain.json", "close"), "SCMP_ACT_LOG");
    assert_eq!(say("complain.json", "mount"), "SCMP_ACT_ERRNO");
    assert_eq!(say("audit.json", "mount"), "SCMP_ACT_LOG");
    lab.write(
        "wild.json",
        profile(r#"{"names": ["read", "bpf", "lookup_dcookie"], "action": "SCMP_ACT_ALLOW"}"#),
    );
    lab.callgate(&format!("stage wild.json complain --baseline docker -o wild2.json {ON}"))
        .expect(1)
        .says("beyond docker: bpf(")
        .says("lookup_dcookie")
        .says("--allow-beyond-baseline");
    assert!(!lab.has("wild2.json"));
    lab.callgate(&format!(
        "stage wild.json complain --baseline docker --allow-beyond-baseline -o wild2.json {ON}"
    ))
    .expect(0);
    lab.callgate(&format!(
        "stage wild.json audit --baseline docker --allow-beyond-baseline --no-log-flag -o - {ON}"
    ))
    .expect(0)
    .says("weaker than the baseline");
    lab.callgate(&format!("stage docker audit --baseline docker -o x.json {ON}"))
        .expect(2)
        .says("runtime's default");
}

#[test]
fn what_is_taken_away_is_told_with_who_takes_it() {
    let lab = lab();
    let shown = lab
        .callgate(&format!("effective --baseline docker --baseline old.json new.json -o left.json {ON}"))
        .expect(0);
    snapshot("effective", &shown.stdout);
    let words = format!("effective --baseline docker --base old.json new.json --format json {ON}");
    let document = lab.callgate(&words).expect(0).json();
    assert_eq!(document["inputs"], serde_json::json!(["docker", "old.json", "new.json"]));
    let close = document["taken_away"].as_array().unwrap().iter().find(|t| t["call"] == "close").unwrap();
    assert_eq!(close["by"], serde_json::json!(["old.json"]));
    let read = document["rules"].as_array().unwrap().iter().find(|r| r["names"][0] == "read").unwrap();
    assert_eq!(read["from"], serde_json::json!(["docker", "old.json", "new.json"]));
    for input in ["docker", "old.json", "new.json"] {
        lab.callgate(&format!("diff {input} left.json {ON} --fail-on widened")).expect(0);
    }
}
