//! Ordinary programs: learned, proven, and held to what was learned.

use crate::harness::{Lab, hold_five_times, learn_and_hold, without_rule};

/// A pipeline with subshells, a background job and a here-document.
const PIPELINE: &str = "set -e; (seq 1 50; (echo a | tr a b)) | sort -r | head -n 3; sleep 0.01 & wait; \
                        x=$(printf '%s' one | wc -c); test \"$x\" -eq 3; cat <<EOF\nend\nEOF";

#[test]
fn ls_is_learned_proven_and_runs_under_its_profile() {
    let Some(lab) = Lab::nobody() else { return };
    learn_and_hold(&lab, "", &["ls", "-lR", "/etc/apt", "/usr/share/doc/base-files"]);
}

#[test]
fn a_pipeline_with_subshells_runs_under_its_profile() {
    let Some(lab) = Lab::nobody() else { return };
    learn_and_hold(&lab, "", &["sh", "-c", PIPELINE]);
}

#[test]
fn a_pipeline_runs_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody() else { return };
    learn_and_hold(&lab, "--default-action kill-process", &["sh", "-c", PIPELINE]);
}

#[test]
fn bash_with_subshells_runs_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "mapfile -t l < <(seq 9); ( ( echo ${#l[@]} ) ) | cat; coproc cat; kill %1; wait; exit 0";
    learn_and_hold(&lab, "--default-action kill-process --runs 2", &["bash", "-c", script]);
}

#[test]
fn three_recording_runs_are_compared_and_trimmed() {
    let Some(lab) = Lab::nobody() else { return };
    let ended = lab.callgate("learn --runs 3 -o p.json").command(&["ls", "-l", "/etc"]).expect(0);
    let ended = ended.says("5 times: 3 to record, 2 to prove").says("compared by status and output");
    let alone = lab.program("ls").args(["-l", "/etc"]).expect(0).stdout;
    assert_eq!(ended.stdout, alone, "the first run's output, and nothing else");
    hold_five_times(&lab, "", 0, &["ls", "-l", "/etc"]);
}

#[test]
fn a_trimmed_recording_has_only_what_is_new_and_no_counts() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("record -o a.trace -- ls /etc").expect(0);
    lab.callgate("record --known a.trace -o b.trace -- ls -l /etc").expect(0).says("counts not known");
    let names = |name: &str| {
        let document = lab.json(name);
        let calls = document["calls"].as_array().unwrap().clone();
        calls.iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (names("a.trace"), names("b.trace"));
    assert!(!second.contains(&"read".to_owned()), "read can teach nothing more: {second:?}");
    assert!(second.iter().any(|name| !first.contains(name)), "{second:?}");
    let document = lab.json("b.trace");
    assert_eq!(document["recordings"][0]["trimmed"], true);
    assert!(document["calls"].as_array().unwrap().iter().all(|c| c["count"].is_null()));
}

#[test]
fn every_rule_that_was_seen_is_needed() {
    let Some(lab) = Lab::nobody() else { return };
    let command = ["sh", "-c", "ls -l /etc/passwd | cat"];
    lab.callgate("learn -o p.json").command(&command).expect(0);
    let profile = lab.json("p.json");
    let shown = lab.callgate("show p.json --format json").expect(0).json();
    let mut dropped = 0;
    for (index, rule) in shown["rules"].as_array().unwrap().iter().enumerate() {
        if rule["source"] != "seen" || rule["action"] != "SCMP_ACT_ALLOW" {
            continue;
        }
        dropped += 1;
        lab.write("q.json", without_rule(&profile, index));
        let ended = lab.callgate("run --profile q.json --stage enforce").command(&command).run();
        // Without execve nothing starts, which is said in other words.
        let told = ended.stderr.contains("refused:") || ended.stderr.contains("refuses the execve");
        assert!(told, "dropping {} is not noticed:\n{}", rule["names"], ended.stderr);
    }
    assert!(dropped > 8, "{dropped}");
}

#[test]
fn a_rule_can_be_dropped_and_audit_goes_on_and_tells() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o p.json -- ls /etc").expect(0);
    let profile = lab.json("p.json");
    let rules = profile["syscalls"].as_array().unwrap();
    let index = rules.iter().position(|r| r["names"].to_string().contains("getdents64")).unwrap();
    lab.write("q.json", without_rule(&profile, index));
    let alone = lab.program("ls").arg("/etc").expect(0).stdout;
    let ended = lab.callgate("run --profile q.json --stage audit -- ls /etc").expect(0);
    ended.says("would be refused: getdents64(3").says("by ls[").says("q.json:1").prints(&alone);
}

#[test]
fn what_is_not_exercised_on_ipv6_is_not_refused() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    lab.write(
        "connect.py",
        "import os, socket\nfamily = socket.AF_INET6 if os.path.exists('six') else socket.AF_INET\n\
         host = '::1' if os.path.exists('six') else '127.0.0.1'\n\
         try:\n    s = socket.socket(family, socket.SOCK_STREAM)\nexcept OSError as e:\n    raise SystemExit(f'socket: {e}')\n\
         try:\n    s.connect((host, 1))\nexcept OSError as e:\n    print(e.errno)\n",
    );
    let command = ["/usr/bin/python3", "connect.py"];
    lab.callgate("learn -o p.json").command(&command).expect(0).prints("111\n");
    lab.write("six", "");
    lab.callgate("run --profile p.json --stage enforce")
        .command(&command)
        .expect(0)
        .never_says("refused:")
        // Refused by the other side, or no address there: in either case by the network, not by the profile.
        .never_says("socket:");
}
