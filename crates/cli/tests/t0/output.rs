//! Standard streams: `-`, closed and full ones, silence.

use super::{PROFILE, SMALL};
use crate::harness::Lab;

#[test]
fn a_dash_is_standard_input_and_output() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    lab.callgate("generate t --allow unshare -o p.json").expect(0);
    let piped = lab.callgate("generate - --allow unshare -o -").input(SMALL).expect(0).stdout;
    assert_eq!(piped, lab.read("p.json"));
    lab.callgate("show -").input(&piped).expect(0);
    lab.callgate("show - --format json").input(SMALL).expect(0);
    let raw = lab.callgate("compile - --emit raw -o f.bpf").input(&piped).expect(0);
    raw.prints("");
    assert_eq!(lab.files(), ["f.bpf", "p.json", "p.json.evidence", "t"]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    for verb in ["syscalls", "groups", "show p.json", "show p.json --format json", "man", "completions bash"]
    {
        // The status is written down, since a pipeline has its last command's only.
        lab.sh(&format!("{{ \"$CALLGATE\" {verb}; echo $? > status; }} | true")).expect(0).prints("");
        assert_eq!(lab.read("status"), "0\n", "{verb}");
    }
}

#[test]
fn a_closed_stdout_is_no_error() {
    Lab::new().sh("exec \"$CALLGATE\" syscalls >&-").expect(0).prints("");
}

#[test]
fn a_full_device_is_an_error() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    lab.write("t", SMALL);
    for verb in ["syscalls", "groups", "show p.json", "man", "doctor", "generate t --allow unshare -o -"] {
        let ended = lab.sh(&format!("\"$CALLGATE\" {verb} > /dev/full")).expect(2);
        ended.says("error:").says("No space left");
    }
}

#[test]
fn quiet_silences_all_but_errors_and_findings() {
    let lab = Lab::new();
    lab.write("t", SMALL);
    let quiet = lab.callgate("-q generate t --allow unshare -o p.json").expect(0);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    lab.callgate("generate t -q -o p.json").expect(2).says("error:");
}

#[test]
fn color_is_there_when_asked_for_and_only_then() {
    let lab = Lab::new();
    lab.callgate("--color always show missing").expect(3).says("\u{1b}[31merror:\u{1b}[0m");
    lab.callgate("show missing").expect(3).never_says("\u{1b}");
    lab.callgate("show missing").env("CLICOLOR_FORCE", "1").expect(3).says("\u{1b}[31m");
    lab.callgate("show missing")
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .expect(3)
        .never_says("\u{1b}");
}

#[test]
fn foreign_names_cannot_drive_the_terminal() {
    let lab = Lab::new();
    let name = "evil\u{1b}[31m\u{202e}.json";
    lab.write(name, "{}");
    let ended = lab.callgate("show").arg(name).expect(2);
    ended.says("evil").never_says("\u{1b}").never_says("\u{202e}");
    lab.write("t", SMALL.replace("/usr/bin/small", "/x\\u001b]0;owned\\u0007"));
    let shown = lab.callgate("show t --why").expect(0);
    assert!(!shown.stdout.contains('\u{1b}') && !shown.stdout.contains('\u{7}'));
    lab.callgate("generate t -o p.json").expect(1).never_says("\u{1b}");
}

#[test]
fn conditions_on_several_arguments_are_shown_in_words_as_long_as_they_are_few() {
    let lab = Lab::new();
    let rule = |domain: u8, kind: u8| {
        format!(
            "{{\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{{\"index\": 0, \"value\": \
             {domain}, \"op\": \"SCMP_CMP_EQ\"}}, {{\"index\": 1, \"value\": {kind}, \"op\": \"SCMP_CMP_EQ\"}}]}}"
        )
    };
    let profile = |rules: Vec<String>| {
        format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{}]}}", rules.join(","))
    };
    lab.write("few.json", profile(vec![rule(1, 1), rule(2, 2)]));
    lab.callgate("show few.json")
        .expect(0)
        .shows("socket(domain: AF_UNIX, type: SOCK_STREAM or domain: AF_INET, type: SOCK_DGRAM)");
    lab.write("many.json", profile((1..=7).map(|kind| rule(1, kind)).collect()));
    lab.callgate("show many.json").expect(0).shows("socket(7 alternatives)");
}
