//! Standard streams: the program's own output and nothing else, shown once; the same input in every run.

use std::fs::File;

use crate::harness::Lab;

#[test]
fn stdout_is_the_programs_own() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o p.json -- echo hello").expect(0).prints("hello\n");
    lab.callgate("learn --same-output --force -o p.json -- echo hello").expect(0).prints("hello\n");
    lab.callgate("learn --runs 2 --force -o p.json -- echo hello").expect(0).prints("hello\n");
    lab.callgate("record -o t -- echo hello").expect(0).prints("hello\n");
    for how in ["audit", "complain", "enforce", "enforce --via log"] {
        lab.callgate(&format!("run --profile p.json --stage {how} -- echo hello"))
            .expect(0)
            .prints("hello\n");
    }
}

#[test]
fn quiet_leaves_the_programs_own_output_alone() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "echo out; echo err >&2";
    for verb in ["learn -q -o p.json", "record -q -o t", "run -q --profile p.json --stage enforce"] {
        let ended = lab.callgate(verb).script(script).expect(0).prints("out\n");
        assert_eq!(ended.stderr, "err\n", "{verb}");
    }
}

#[test]
fn piped_input_is_given_to_every_run_again() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o p.json").script("cat >> log").input("a\nb\n").expect(0);
    assert_eq!(lab.read("log"), "a\nb\n".repeat(3));
}

#[test]
fn much_piped_input_is_given_to_every_run_again() {
    let Some(lab) = Lab::nobody() else { return };
    let input = "0123456789abcde\n".repeat(40_000);
    lab.callgate("learn --runs 2 -o p.json").script("cksum >> log").input(&input).expect(0);
    let log = lab.read("log");
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|l| *l == lines[0] && l.contains("640000")), "{lines:?}");
}

#[test]
fn a_file_as_input_is_read_from_where_it_stood_in_every_run() {
    let Some(lab) = Lab::nobody() else { return };
    let file = lab.write("in", "skipped\nkept\n");
    let script = "read line; \"$CALLGATE\" learn -o p.json -- sh -c 'cat >> log'";
    lab.sh(script).stdin(File::open(file).unwrap()).expect(0);
    assert_eq!(lab.read("log"), "kept\n".repeat(3));
}

#[test]
fn a_program_that_ignores_its_input_is_no_problem() {
    let Some(lab) = Lab::nobody() else { return };
    let input = "x".repeat(1 << 20);
    lab.callgate("learn -o p.json -- true").input(&input).expect(0).says("proven:");
    lab.callgate("learn --force -o p.json -- head -c 5").input(&input).expect(0).prints("xxxxx");
}

#[test]
fn output_of_later_runs_is_compared_and_not_shown() {
    let Some(lab) = Lab::nobody() else { return };
    let script = "printf x >> runs; cat runs; echo e >&2";
    let ended = lab.callgate("learn -o p.json").script(script).expect(0).prints("x");
    assert_eq!(ended.stderr.lines().filter(|l| *l == "e").count(), 1);
    ended.says("compared by status only");
    lab.callgate("learn --force --same-output -o p.json")
        .script(script)
        .expect(1)
        .prints("xxxx")
        .says("printed something else");
}

#[test]
fn much_output_of_later_runs_is_taken_without_end_and_without_memory() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn --same-output -o p.json")
        .script("head -c 20000000 /dev/zero | tr '\\0' x | tail -c 3")
        .expect(0)
        .prints("xxx");
    let ended =
        lab.callgate("learn --force --runs 2 -o p.json").script("head -c 20000000 /dev/zero").expect(0);
    assert_eq!(ended.stdout.len(), 20_000_000);
    ended.says("status and output");
}
