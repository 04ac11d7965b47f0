//! What callgate says about itself, and what it says when it is asked for something that is not there.

use super::snapshot;
use crate::harness::Lab;

const VERBS: [&str; 28] = [
    "learn",
    "record",
    "import",
    "generate",
    "update",
    "run",
    "show",
    "lint",
    "rule",
    "explain",
    "default",
    "expand",
    "effective",
    "diff",
    "merge",
    "equiv",
    "stage",
    "convert",
    "artifact",
    "compile",
    "disasm",
    "sim",
    "inspect",
    "syscalls",
    "groups",
    "doctor",
    "completions",
    "man",
];

#[test]
fn every_verb_explains_itself_with_an_example() {
    let lab = Lab::new();
    for verb in VERBS {
        let help = lab.callgate(&format!("{verb} --help")).expect(0).stdout;
        assert!(help.contains("Example"), "{verb} --help has no example");
        snapshot(&format!("help-{verb}"), &help);
    }
}

#[test]
fn the_help_lists_the_verbs_exit_codes_and_environment() {
    let help = Lab::new().callgate("--help").expect(0).stdout;
    for verb in VERBS {
        assert!(help.contains(&format!("\n  {verb} ")), "--help does not list {verb}");
    }
    for part in ["Exit codes:", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        assert!(help.contains(part), "--help does not mention {part}");
    }
    snapshot("help", &help);
}

#[test]
fn bare_callgate_says_in_ten_lines_what_it_is_and_what_to_paste() {
    let welcome = Lab::new().callgate("").expect(0).stdout;
    assert!(welcome.lines().count() <= 10);
    let commands = welcome.lines().filter(|l| l.starts_with("  callgate "));
    assert_eq!(commands.count(), 3);
    snapshot("bare", &welcome);
}

#[test]
fn what_callgate_says_about_itself_fits_80_columns() {
    let lab = Lab::new();
    let verbs = VERBS.iter().flat_map(|verb| [format!("{verb} --help"), format!("{verb} -h")]);
    let others =
        ["", "-h", "--help", "groups", "groups @dangerous", "groups @files", "groups read", "syscalls"];
    for call in verbs.chain(others.map(str::to_owned)) {
        for columns in ["80", ""] {
            let text = lab.callgate(&call).env("COLUMNS", columns).expect(0).stdout;
            let long = text.lines().find(|l| l.chars().count() > 80);
            assert_eq!(long, None, "callgate {call}");
        }
    }
}

#[test]
fn help_of_help_is_the_help() {
    let lab = Lab::new();
    let help = lab.callgate("help").expect(0).stdout;
    lab.callgate("help --help").expect(0).prints(&help);
    let learn = lab.callgate("learn --help").expect(0).stdout;
    lab.callgate("help learn --help").expect(0).prints(&learn);
}

#[test]
fn a_command_without_dashes_is_given_them() {
    let lab = Lab::new();
    lab.callgate("learn -o p.json ls -l /")
        .expect(2)
        .says("`learn` takes its command behind --")
        .says("put -- before the command: callgate learn -o p.json -- ls -l /");
    lab.callgate("run -p p.json --stage audit ls").expect(2).says("--stage audit -- ls");
    lab.callgate("show a b").expect(2).says("unexpected argument 'b'");
}

#[test]
fn a_verb_of_another_version_says_so() {
    let lab = Lab::new();
    for verb in ["test", "monitor", "why"] {
        lab.callgate(&format!("{verb} p.json")).expect(2).says(&format!("`{verb}` is not in this version"));
    }
}

#[test]
fn a_missing_stage_lists_the_stages() {
    let ended = Lab::new().callgate("run -p p.json -- ls").expect(2).says("`run` needs --stage");
    ended.says("--stage audit").says("--stage complain").says("--stage enforce");
}

#[test]
fn an_unknown_verb_gets_a_guess() {
    let lab = Lab::new();
    lab.callgate("lern").expect(2).says("lern").says("learn");
    lab.callgate("shwo x").expect(2).says("shwo").says("show");
}

#[test]
fn an_unknown_flag_gets_a_guess() {
    let lab = Lab::new();
    lab.callgate("learn --exersise x -o p.json -- true").expect(2).says("--exersise").says("--exercise");
    lab.callgate("run --profil p.json --stage enforce -- true").expect(2).says("--profile");
}

#[test]
fn an_unknown_stage_lists_the_stages() {
    let lab = Lab::new();
    lab.callgate("run --profile p.json --stage enforced -- true").expect(2).says("enforced").says("complain");
}

#[test]
fn an_unknown_call_gets_a_guess() {
    let lab = Lab::new();
    lab.write("t", super::SMALL);
    lab.callgate("generate t --allow opneat -o p.json").expect(2).says("`opneat`").says("`openat`");
    lab.callgate("groups opneat").expect(2).says("`opneat`").says("openat");
    assert!(!lab.has("p.json") && !lab.has("p.json.evidence"));
}

#[test]
fn an_unknown_architecture_gets_a_guess() {
    let lab = Lab::new();
    lab.callgate("syscalls --arch aarch46").expect(2).says("`aarch46`").says("aarch64");
    lab.callgate("syscalls --arch vax").expect(2).says("`vax`").says("x86_64");
}

#[test]
fn an_unknown_action_gets_a_guess() {
    let lab = Lab::new();
    lab.write("t", super::SMALL);
    let wrong = "generate t -o p.json --default-action";
    lab.callgate(&format!("{wrong} kil-process"))
        .expect(2)
        .says("`kil-process`")
        .says("SCMP_ACT_KILL_PROCESS");
    lab.callgate(&format!("{wrong} errno:ENOSUCH")).expect(2).says("`ENOSUCH`");
    lab.callgate(&format!("{wrong} notify")).expect(2).says("`notify`").says("listener");
    assert_eq!(lab.files(), ["t"]);
}

#[test]
fn an_unknown_group_gets_a_guess() {
    Lab::new().callgate("groups @dangeros").expect(2).says("`@dangeros`").says("@dangerous");
}

#[test]
fn unknown_durations_and_probes_say_how_to_write_them() {
    let lab = Lab::new();
    lab.callgate("learn --for soon -o p.json -- true").expect(2).says("`soon`").says("30s");
    lab.callgate("learn --ready udp:1 -o p.json -- true").expect(2).says("`udp:1`").says("tcp:HOST:PORT");
    lab.callgate("record --for soon -o t -- true").expect(125).says("`soon`");
    lab.callgate("learn --ready tcp:h:0 -o p.json -- true").expect(2).says("port 0");
    lab.callgate("learn --ready http:ftp://h/ -o p.json -- true").expect(2).says("HTTP only");
    for flag in ["--exercise", "--before"] {
        lab.callgate("learn -o p.json").args([flag, " "]).command(&["true"]).expect(2).says(flag);
    }
    assert!(lab.files().is_empty());
}

#[test]
fn completions_know_every_verb() {
    let lab = Lab::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = lab.callgate(&format!("completions {shell}")).expect(0).stdout;
        for verb in VERBS {
            assert!(script.contains(verb), "{shell} completions without {verb}");
        }
    }
}

#[test]
fn every_verb_has_a_man_page() {
    let lab = Lab::new();
    for verb in VERBS {
        let page = lab.callgate(&format!("man {verb}")).expect(0).stdout;
        assert!(page.contains(".TH") && page.contains(verb), "{verb}: {page}");
    }
    assert!(lab.callgate("man").expect(0).stdout.contains(".TH"));
    lab.callgate("man lern").expect(2).says("`lern`");
}

#[test]
fn the_version_is_one_line() {
    let text = Lab::new().callgate("--version").expect(0).stdout;
    assert_eq!(text, format!("callgate {}\n", env!("CARGO_PKG_VERSION")));
}
