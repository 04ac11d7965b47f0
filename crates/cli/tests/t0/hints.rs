//! Errors name the way out.

use super::{PROFILE, SMALL};
use crate::harness::Lab;

#[test]
fn what_cannot_be_written_says_what_to_do() {
    let lab = Lab::new();
    lab.sh("mkdir dir").expect(0);
    for (file, words) in [
        ("no/such/p.json", "mkdir -p no/such"),
        ("dir", "hint: name a file in it"),
        ("/proc/p.json", "cannot write `/proc/p.json`"),
        ("/dev/null", "choose another file with -o"),
        ("..", "name a file, not a directory"),
        ("-", "standard output is the program's"),
    ] {
        let learn = format!("learn -o {file} -- touch ran");
        lab.callgate(&learn).expect(2).says("error:").says("hint:").says(words);
        lab.callgate(&learn.replace("learn", "record")).expect(125).says(words);
    }
    assert_eq!(lab.files(), ["dir"]);
}

#[test]
fn a_closed_directory_is_one_to_choose_another_file_than() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("learn -o /etc/p.json -- true")
        .expect(2)
        .says("Permission denied")
        .says("another file with -o");
}

#[test]
fn a_command_that_is_not_there_gets_a_guess() {
    let lab = Lab::new();
    lab.callgate("learn -o p.json -- unmae")
        .expect(2)
        .says("`unmae` not found")
        .says("did you mean `uname`?");
    lab.callgate("learn -o p.json -- frobnicate-it").expect(2).says("in no directory of PATH");
    lab.callgate("learn -o p.json")
        .command(&["ls -l /"])
        .expect(2)
        .says("-- ls -l /")
        .says("sh -c 'ls -l /'");
    lab.write("plain", "echo hello");
    lab.callgate("learn -o p.json -- ./plain").expect(2).says("chmod +x ./plain");
    assert_eq!(lab.files(), ["plain"]);
}

#[test]
fn a_failing_before_says_how_it_is_run() {
    let lab = Lab::new();
    lab.callgate("learn -o p.json --before false -- true")
        .expect(2)
        .says("`false` failed")
        .says("/bin/sh runs it");
}

#[test]
fn a_file_that_is_not_there_gets_a_guess() {
    let lab = Lab::new();
    lab.write("profile.json", PROFILE);
    lab.callgate("show profiel.json").expect(3).says("No such file").says("did you mean `./profile.json`?");
    lab.callgate("show x").expect(3).says("callgate learn -o PROFILE");
}

#[test]
fn allow_takes_calls_and_says_so_of_groups() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow @pipes -o p").expect(2).says("`@pipes`").says("its calls: pipe,pipe2");
    lab.callgate("generate t --allow @files -o p").expect(2).says("callgate groups @files");
    lab.callgate("generate t --allow @nosuch -o p").expect(2).says("`callgate groups`");
    lab.callgate("generate t --allow frobnicate -o p").expect(2).says("callgate syscalls");
}

#[test]
fn a_file_of_another_kind_is_recognised() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t -o p.json").expect(1);
    lab.callgate("show p.json.evidence")
        .expect(2)
        .says("the evidence of a profile")
        .says("show p.json --why");
    lab.callgate("generate p.json -o q.json")
        .expect(2)
        .says("this is a profile, not a trace")
        .says("callgate record");
    lab.callgate("generate p.json.evidence -o q.json").expect(2).says("evidence of a profile, not a trace");
    lab.callgate("record --known p.json -o u -- true").expect(125).says("this is a profile, not a trace");
    lab.callgate("compile t --emit raw -o f").expect(2).says("this is a trace").says("callgate generate t");
}

#[test]
fn a_default_action_that_claims_success_is_refused() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --default-action errno:0 -o p").expect(2).says("succeeded").says("errno:EPERM");
}

#[test]
fn a_profile_given_through_a_pipe_is_read_once() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    let file = lab.callgate("show p.json").expect(0).stdout;
    for verb in ["show", "compile --emit raw -o -"] {
        let script = format!("mkfifo f; cat p.json > f & \"$CALLGATE\" {verb} f; rm f");
        let shown = lab.sh(&script).env("COLUMNS", "100").run();
        assert_eq!(shown.code(), 0, "{}", shown.stderr);
        assert!(verb != "show" || shown.stdout == file, "{}", shown.stdout);
    }
}
