//! The JSON documents scripts rely on: their schema names, their keys, and the order of things in them.

use serde_json::Value;

use super::{PROFILE, SMALL, small_is_native, snapshot};
use crate::harness::Lab;

/// The keys of an object, sorted.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_trace_as_json_is_the_documented_one() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    let shown = lab.callgate("show t --format json").expect(0);
    let document = shown.json();
    assert_eq!(document["schema"], "callgate.dev/trace/v1");
    assert_eq!(document["complete"], true);
    for call in document["calls"].as_array().unwrap() {
        for key in ["arch", "name", "nr", "count", "phase", "executables", "args"] {
            assert!(call.get(key).is_some(), "no {key} in {call}");
        }
    }
    let socket = document["calls"].as_array().unwrap().iter().find(|c| c["name"] == "socket").unwrap();
    let domain = &socket["args"]["0"];
    assert_eq!(keys(domain), ["name", "values", "widened"]);
    assert_eq!(keys(&domain["values"][0]), ["count", "text", "value"]);
    assert_eq!(domain["values"][0]["text"], "AF_INET");
    snapshot("show-trace-json", &shown.stdout);
}

#[test]
fn a_profile_as_json_is_the_documented_one() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    let shown = lab.callgate("show p.json --format json").expect(0);
    let document = shown.json();
    assert_eq!(document["schema"], "callgate.dev/profile/v1");
    assert_eq!(keys(&document["default"]), ["action", "errno"]);
    assert_eq!(document["architectures"], serde_json::json!(["SCMP_ARCH_X86_64"]));
    for rule in document["rules"].as_array().unwrap() {
        for key in ["names", "action", "errno", "args", "line", "source"] {
            assert!(rule.get(key).is_some(), "no {key} in {rule}");
        }
    }
    assert_eq!(document["rules"][0]["line"], 6);
    snapshot("show-profile-json", &shown.stdout);
}

#[test]
fn every_rule_of_a_generated_profile_has_a_documented_source() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow unshare,ptrace -o p.json").expect(0);
    let document = lab.callgate("show p.json --format json").expect(0).json();
    let sources: Vec<_> =
        document["rules"].as_array().unwrap().iter().map(|r| r["source"].as_str().unwrap_or("?")).collect();
    for source in &sources {
        assert!(["seen", "completion", "floor", "user"].contains(source), "{source}");
    }
    for source in ["seen", "completion", "user"] {
        assert!(sources.contains(&source), "no rule of source {source}");
    }
}

#[test]
fn whether_a_container_starts_as_json_is_the_documented_one() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    let shown = lab.callgate("show p.json --starts-under crun@1.8.1 --nnp true --format json").expect(1);
    let document = shown.json();
    assert_eq!(document["schema"], "callgate.dev/starts/v1");
    assert_eq!((&document["runtime"], &document["version"]), (&"crun".into(), &"1.8.1".into()));
    assert_eq!((&document["nnp"], &document["starts"]), (&true.into(), &false.into()));
    assert_eq!(document["missing"], serde_json::json!(["close", "execve"]));
    assert_eq!(document["classes"], serde_json::json!({"close": "tolerated", "execve": "required"}));
    assert_eq!(document["fatal"], serde_json::json!(["execve"]));
    assert_eq!(keys(&document["exec"]), ["classes", "fatal", "missing", "some_arguments", "starts"]);
    let all = lab.callgate("show p.json --starts-under crun --format json").expect(1).json();
    assert!(all["version"].is_null() && all["nnp"].is_null() && all["note"].is_null());
    let newer = lab.callgate("show p.json --starts-under crun@99 --format json").expect(1).json();
    assert!(newer["note"].as_str().unwrap().contains("newer"));
    snapshot("show-starts-json", &shown.stdout);
    snapshot(
        "show-starts",
        &lab.callgate("show p.json --starts-under runc@1.1 --nnp false").expect(1).stdout,
    );
    snapshot(
        "show-starts-why",
        &lab.callgate("show p.json --starts-under crun@1.8 --nnp true --why").expect(1).stdout,
    );
    lab.callgate("show p.json --starts-under rnuc").expect(2).says("`rnuc`").says("`runc`").says("crun");
}

#[test]
fn the_calls_of_an_architecture_as_json_are_the_documented_ones() {
    let lab = Lab::new();
    for arch in ["x86_64", "x86", "x32", "aarch64", "arm", "riscv64", "s390x", "ppc64le", "loongarch64"] {
        let document = lab.callgate(&format!("syscalls --arch {arch} --format json")).expect(0).json();
        assert_eq!(document["schema"], "callgate.dev/syscalls/v1");
        let calls = document["syscalls"].as_array().unwrap();
        assert!(calls.len() > 250, "{arch}: {}", calls.len());
        for call in calls {
            assert_eq!(keys(call), ["groups", "name", "nr", "since"]);
            assert!(!call["groups"].as_array().unwrap().is_empty(), "{call} is in no group");
        }
    }
    let document = lab.callgate("syscalls --arch x86_64 --format json").expect(0).json();
    let first: Vec<_> = document["syscalls"].as_array().unwrap().iter().take(3).collect();
    snapshot("syscalls-json", &serde_json::to_string_pretty(&first).unwrap());
}

#[test]
fn the_groups_as_json_have_names_lines_and_calls() {
    let lab = Lab::new();
    let document = lab.callgate("groups --format json").expect(0).json();
    assert_eq!(document["schema"], "callgate.dev/groups/v1");
    let groups = document["groups"].as_array().unwrap();
    for group in groups {
        assert_eq!(keys(group), ["about", "calls", "groups", "name"]);
        assert!(group["name"].as_str().unwrap().starts_with('@'));
    }
    for name in ["@file-io", "@network-client", "@process", "@privileged", "@dangerous"] {
        assert!(groups.iter().any(|g| g["name"] == name), "no {name}");
    }
    let human = lab.callgate("groups").expect(0).stdout;
    snapshot("groups", &human);
}

#[test]
fn the_doctor_as_json_says_whether_it_works_and_what_to_do() {
    let lab = Lab::new();
    let ended = lab.callgate("doctor --format json").run();
    let document = ended.json();
    assert_eq!(document["schema"], "callgate.dev/doctor/v1");
    assert_eq!(document["works"] == true, ended.code() == 0);
    for check in document["checks"].as_array().unwrap() {
        assert_eq!(keys(check), ["found", "name", "state", "way_out"]);
        let state = check["state"].as_str().unwrap();
        assert!(state == "ok" || check["way_out"].is_string(), "{check} has no way out");
    }
}

#[test]
fn a_trace_and_a_profile_show_themselves_to_a_person() {
    if !small_is_native() {
        return;
    }
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.write("p.json", PROFILE);
    snapshot("show-trace", &lab.callgate("show t").expect(0).stdout);
    snapshot("show-trace-why", &lab.callgate("show t --why").expect(0).stdout);
    snapshot("show-profile", &lab.callgate("show p.json").expect(0).stdout);
    lab.callgate("generate t --allow unshare -o q.json").expect(0);
    snapshot("show-generated-why", &lab.callgate("show q.json --why").expect(0).stdout);
}

#[test]
fn calls_that_share_line_and_reason_share_its_words_and_no_reason_is_made_up() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow unshare -o p.json").expect(0);
    let shown = lab.callgate("show p.json --why").expect(0).stdout;
    let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(flat.matches("programs expect EPERM where they lack the privilege").count(), 1, "{shown}");
    lab.sh("rm p.json.evidence").expect(0);
    let shown = lab.callgate("show p.json --why").expect(0).says("nobody knows why").stdout;
    assert!(!shown.contains(", user:") && shown.contains("no evidence"), "{shown}");
    let document = lab.callgate("show p.json --format json").expect(0).json();
    assert!(document["rules"].as_array().unwrap().iter().all(|r| r["source"].is_null()));
}

/// A profile of another machine than any the tests run on as such.
fn of_another_machine() -> String {
    let theirs = if cfg!(target_arch = "x86_64") { "AARCH64" } else { "X86_64" };
    format!(
        "{{\"defaultAction\": \"SCMP_ACT_KILL_PROCESS\", \"architectures\": [\"SCMP_ARCH_{theirs}\"],\n\"syscalls\": [\n\
         {{\"names\": [\"read\", \"execve\"], \"action\": \"SCMP_ACT_ALLOW\"}}]}}\n"
    )
}

#[test]
fn several_runtimes_are_asked_about_at_once_and_none_is_an_error() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    let both = lab.callgate("show p.json --starts-under runc@1.1,crun --nnp false").expect(1);
    both.shows("under runc@1.1, without").shows("under crun, without");
    let json = "show p.json --starts-under runc,crun --format json";
    lab.callgate(json).expect(2).says("takes one runtime").says("each by itself");
    lab.write("t", SMALL);
    for words in ["show p.json --starts-under", "generate t -o q.json --for"] {
        lab.callgate(words).arg("").expect(2).says("names no container runtime").says("runc@1.1,crun");
    }
    assert!(!lab.has("q.json"));
}

#[test]
fn a_call_that_is_fatal_to_lack_is_not_called_tolerated() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE.replace("SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"));
    for runtime in ["runc", "crun"] {
        let words = format!("show p.json --starts-under {runtime} --format json");
        let document = lab.callgate(&words).expect(1).json();
        for way in [&document, &document["exec"]] {
            for fatal in way["fatal"].as_array().unwrap() {
                assert_ne!(way["classes"][fatal.as_str().unwrap()], "tolerated", "{runtime}: {fatal}");
            }
        }
    }
}

#[test]
fn whether_a_profile_of_another_machine_starts_is_said_with_where_floors_were_measured() {
    if !cfg!(target_arch = "x86_64") {
        return println!("skipped: the profile is of aarch64");
    }
    let lab = Lab::new();
    lab.write("p.json", of_another_machine());
    lab.callgate("show p.json --starts-under runc@1.1").expect(1).says("measured on x86_64: on aarch64");
    let json = lab.callgate("show p.json --starts-under runc@1.1 --format json").expect(1).json();
    assert!(json["note"].as_str().unwrap().contains("measured on x86_64"), "{json}");
}
