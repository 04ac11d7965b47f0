//! callgate on a terminal: Ctrl-C, a question answered, and a status line that never stands in the program's output.

use crate::harness::{Call, Ended, Lab};

/// Runs a command on a terminal of its own; waits for each text and then types the next one.
const DRIVER: &str = r"
import os, pty, sys
talk, command = sys.argv[1].split('|'), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, waiting = b'', [t.encode().decode('unicode_escape').encode() for t in talk if t]
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    shown += data
    while len(waiting) > 1 and waiting[0] in shown:
        os.write(terminal, waiting[1])
        waiting = waiting[2:]
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.stdout.buffer.write(shown.replace(b'\r\n', b'\n'))
sys.exit(status)
";

/// callgate on a terminal of its own; `talk` is `WAIT FOR|TYPE|WAIT FOR|TYPE …`.
pub(crate) fn terminal<'l>(lab: &'l Lab, talk: &str, verb: &str) -> Call<'l> {
    let mut call = lab.program("/usr/bin/python3");
    call.args(["-c", DRIVER, talk]).arg(lab.callgate_path()).args(verb.split_whitespace());
    call
}

fn on_terminal(lab: &Lab, talk: &str, verb: &str, script: &str) -> Ended {
    terminal(lab, talk, verb).script(script).run()
}

#[test]
fn ctrl_c_reaches_the_program_once_and_ends_the_recording() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    let script = "trap 'echo caught; exit 5' INT; echo up; while :; do sleep 0.02; done";
    let ended = on_terminal(&lab, r"up|\x03", "learn -o p.json", script).expect(1);
    // At the end of its line, since the command stands in what is to be pasted, too.
    assert_eq!(ended.stdout.matches("caught\n").count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("interrupted"), "{}", ended.stdout);
    assert!(lab.has("p.json"));
}

#[test]
fn a_dangerous_call_is_allowed_by_an_answer_on_the_terminal() {
    let Some(lab) = Lab::nobody_with("t1", &["python3", "unshare"]) else { return };
    if lab.program("unshare").args(["--user", "true"]).run().code() != 0 {
        println!("skipped: user namespaces are not to be had here");
        return;
    }
    let ended =
        on_terminal(&lab, r"[y/N]|n\n", "learn --no-prove -o p.json", "unshare --user true").expect(1);
    assert!(ended.stdout.contains("withheld: unshare"), "{}", ended.stdout);
    let learn = "learn --force -o p.json";
    let ended = on_terminal(&lab, r"[y/N]|y\n", learn, "unshare --user true").expect(0);
    assert!(ended.stdout.contains("proven:"), "{}", ended.stdout);
    assert!(ended.stdout.contains("without the question: --allow unshare\n"), "{}", ended.stdout);
    assert!(lab.read("p.json").contains("\"unshare\""));
}

#[test]
fn ctrl_c_at_the_question_ends_learn_without_another_run() {
    let Some(lab) = Lab::nobody_with("t1", &["python3", "unshare"]) else { return };
    if lab.program("unshare").args(["--user", "true"]).run().code() != 0 {
        println!("skipped: user namespaces are not to be had here");
        return;
    }
    let script = "echo x >> runs; unshare --user true";
    let ended = on_terminal(&lab, r"[y/N]|\x03", "learn -o p.json", script).expect(1);
    assert!(ended.stdout.contains("interrupted before the proof"), "{}", ended.stdout);
    assert!(ended.stdout.contains("withheld: unshare"), "{}", ended.stdout);
    assert_eq!(lab.read("runs"), "x\n");
    assert!(lab.has("p.json"));
}

#[test]
fn the_status_line_is_cleared_before_the_programs_output() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    let ended = on_terminal(&lab, "", "record -o t", "sleep 0.5; echo first; echo second").expect(0);
    let text = &ended.stdout;
    assert!(text.contains("recording: "), "no status line: {text:?}");
    let before = text.split("first\nsecond\n").next().unwrap();
    assert!(before.ends_with("\r\u{1b}[K"), "{text:?}");
    let after = text.split("first\nsecond\n").nth(1).expect("the two lines stand together");
    assert!(!after.contains("recording: "), "{text:?}");
}

#[test]
fn the_status_line_says_which_run_it_is_and_what_it_waits_for() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    let text = on_terminal(&lab, "", "learn -o p.json", "sleep 0.4").expect(0).stdout;
    for run in
        ["learning, run 1 of 3: ", "learning, run 2 of 3, under the profile: ", "learning, run 3 of 3, under"]
    {
        assert!(text.contains(run), "no `{run}` in {text:?}");
    }
    let script = "sleep 0.4; > up; while :; do sleep 0.05; done";
    let learn = "learn --no-prove --ready cmd:test\u{a0}-e\u{a0}up --exercise true -o q.json";
    let text = on_terminal(&lab, "", &learn.replace('\u{a0}', "${IFS}"), script).expect(0).stdout;
    assert!(text.contains("learning: waiting for cmd:test"), "{text:?}");
    let script = "(setsid sleep 4 > /dev/null 2>&1 &); true";
    let text = on_terminal(&lab, "", "learn --no-prove -o r.json", script).expect(0).stdout;
    assert!(text.contains("learning: waits for `sleep`["), "{text:?}");
    assert!(text.contains("left behind by `sh`"), "{text:?}");
}

#[test]
fn after_ten_seconds_the_status_line_says_how_to_end_it() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    let text = on_terminal(&lab, r"Ctrl-C ends it|\x03", "learn -o p.json", "exec sleep 60").expect(1).stdout;
    assert!(text.contains("learning, run 1 of 3, Ctrl-C ends it: "), "{text:?}");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("--for 30s, or --ready PROBE --exercise COMMAND"), "{text:?}");
}

#[test]
fn output_that_is_passed_on_clears_the_status_line_first() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    let script = "sleep 0.4; echo first; sleep 0.4; echo second";
    let text = on_terminal(&lab, "", "learn --no-prove --same-output -o p.json", script).expect(0).stdout;
    let (before, after) = text.split_once("\r\u{1b}[Kfirst").expect("the line is cleared before the output");
    assert!(before.contains("learning: ") && !after.contains("learning: "), "{text:?}");
}

#[test]
fn quiet_shows_no_status_line() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    on_terminal(&lab, "", "record -q -o t", "sleep 0.3; echo only").expect(0).prints("only\n");
}

#[test]
fn a_filter_is_not_written_to_a_terminal() {
    let Some(lab) = Lab::nobody_with("t1", &["python3"]) else { return };
    lab.write("p.json", "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": []}");
    let mut call = lab.program("/usr/bin/python3");
    call.args(["-c", DRIVER, ""]).arg(lab.callgate_path());
    let ended = call.args(["compile", "p.json", "--emit", "raw", "-o", "-"]).run().expect(2);
    assert!(ended.stdout.contains("standard output is a terminal"), "{}", ended.stdout);
}
