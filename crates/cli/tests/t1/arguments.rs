//! `--args` on real programs, and `compile` on real profiles.

use crate::harness::{Lab, hold_five_times};

#[test]
fn exact_constrains_ordinary_arguments_and_still_holds() {
    let Some(lab) = Lab::nobody() else { return };
    let command = ["ls", "-l", "/etc"];
    lab.callgate("learn --args exact -o p.json").command(&command).expect(0);
    let profile = lab.json("p.json");
    let exact = profile["syscalls"].as_array().unwrap().iter();
    let constrained = exact.filter(|r| r["names"].to_string().contains("openat") && r["args"].is_array());
    assert!(constrained.count() > 0, "{profile}");
    hold_five_times(&lab, "", 0, &command);
}

#[test]
fn off_constrains_nothing_and_says_what_that_means() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn --args off -o p.json -- ls /etc").expect(0).says("no argument is constrained");
    assert!(!lab.read("p.json").contains("\"args\""));
}

#[test]
fn auto_refuses_what_is_dangerous_about_an_argument() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    let tool = "/usr/bin/python3";
    let script = "import mmap\nmmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE)";
    lab.callgate("learn -o p.json").command(&[tool, "-c", script]).expect(0);
    let script = "import mmap\ntry:\n    mmap.mmap(-1, 4096, prot=7)\nexcept OSError as e:\n    print('no')";
    lab.callgate("run --profile p.json --stage enforce")
        .command(&[tool, "-c", script])
        .expect(0)
        .prints("no\n")
        .says("refused: mmap(")
        .says("PROT_READ|PROT_WRITE|PROT_EXEC");
}

#[test]
fn a_learned_profile_compiles_to_whole_instructions() {
    let Some(lab) = Lab::nobody() else { return };
    for action in ["errno", "kill-process", "SCMP_ACT_KILL_THREAD", "trap"] {
        let learn = format!("learn --no-prove --force --default-action {action} -o p.json -- ls /etc");
        lab.callgate(&learn).expect(0);
        lab.callgate("compile p.json --force --emit raw -o p.bpf").expect(0);
        let length = std::fs::metadata(lab.path("p.bpf")).unwrap().len();
        assert!(length > 0 && length.is_multiple_of(8) && length <= 4096 * 8, "{action}: {length}");
    }
}

#[test]
fn every_default_action_is_proven() {
    let Some(lab) = Lab::nobody() else { return };
    for action in ["errno:EPERM", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL", "trap"] {
        let learn = format!("learn --force --default-action {action} -o p.json -- ls /etc");
        lab.callgate(&learn).expect(0).says("proven:");
    }
}
