//! Everything that can be wrong with a file: a message that names it and the way out, the documented exit code, and
//! nothing written.

use super::{PROFILE, SMALL};
use crate::harness::Lab;

/// `generate` on this trace fails with this code, says this, and writes nothing.
fn refused(trace: impl AsRef<[u8]>, code: i32, words: &[&str]) {
    let lab = Lab::new();
    lab.write("in.trace", trace);
    let mut ended = lab.callgate("generate in.trace --allow unshare -o p.json").expect(code).prints("");
    for words in words {
        ended = ended.says(words);
    }
    assert_eq!(lab.files(), ["in.trace"], "something was written");
}

/// Every verb that reads profiles fails with code 2, names the file, and says this.
fn invalid(profile: impl AsRef<[u8]>, words: &[&str]) {
    let lab = Lab::new();
    lab.write("in.json", profile);
    for (verb, code) in [
        ("show in.json", 2),
        ("show in.json --format json", 2),
        ("compile in.json --emit raw -o f.bpf", 2),
        ("run --profile in.json --stage enforce -- touch ran", 125),
    ] {
        let mut ended = lab.callgate(verb).expect(code).prints("").says("error:").says("in.json");
        for words in words {
            ended = ended.says(words);
        }
        assert_eq!(lab.files(), ["in.json"], "{verb} wrote something");
    }
}

#[test]
fn an_unknown_call_to_allow_stops_before_anything_runs() {
    let lab = Lab::new();
    lab.callgate("learn --allow opneat -o p.json -- touch ran")
        .expect(2)
        .says("unknown system call `opneat`")
        .says("did you mean `openat`");
    assert!(lab.files().is_empty());
}

#[test]
fn a_number_without_a_name_stops_generate() {
    let trace = SMALL.replace("\"name\":\"read\",\"nr\":0", "\"name\":null,\"nr\":4711");
    refused(trace, 2, &["4711", "x86_64", "newer callgate"]);
}

#[test]
fn a_name_that_does_not_fit_its_number_is_an_error() {
    let trace = SMALL.replace("\"name\":\"read\",\"nr\":0", "\"name\":\"read\",\"nr\":7");
    refused(trace, 2, &["`in.trace`", "`read` is not number 7 on x86_64"]);
}

#[test]
fn an_unknown_architecture_in_a_trace_is_named() {
    refused(SMALL.replace("\"arch\":\"x86_64\"", "\"arch\":\"vax\""), 2, &["`in.trace`", "`vax`"]);
}

#[test]
fn an_empty_trace_is_no_input() {
    refused("", 3, &["`in.trace`", "empty"]);
    refused("  \n", 3, &["`in.trace`", "empty"]);
    let nothing =
        "{\"schema\":\"callgate.dev/trace/v1\",\"complete\":true,\"lost\":0,\"recordings\":[],\"calls\":[]}";
    refused(nothing, 3, &["error:"]);
}

#[test]
fn a_truncated_trace_is_an_error() {
    for part in [1, 2, 3] {
        refused(&SMALL.as_bytes()[..SMALL.len() * part / 4], 2, &["`in.trace`", "not a trace"]);
    }
}

#[test]
fn a_trace_of_another_version_says_which() {
    refused(SMALL.replace("trace/v1", "trace/v9"), 2, &["`in.trace`", "trace/v9", "trace/v1"]);
    refused(PROFILE, 2, &["`in.trace`"]);
}

#[test]
fn bytes_that_are_no_text_are_an_error() {
    refused(b"\xff\xfe{}", 2, &["`in.trace`", "UTF-8"]);
    invalid(b"{\"defaultAction\":\"\xff\"}", &["UTF-8"]);
}

#[test]
fn files_that_are_not_there_or_not_readable_are_named() {
    let lab = Lab::new();
    for (verb, code) in [
        ("show missing.json", 3),
        ("generate missing.json -o p.json", 3),
        ("compile missing.json --emit raw -o f.bpf", 3),
        ("run --profile missing.json --stage audit -- touch ran", 125),
        ("record --known missing.json -o t -- touch ran", 125),
    ] {
        lab.callgate(verb).expect(code).says("cannot read `missing.json`").says("No such file");
    }
    for verb in ["explain docker bpf", "equiv docker p.json", "convert docker --to list"] {
        lab.callgate(verb).expect(3).says("`callgate default docker -o docker.json` writes");
    }
    lab.callgate("show .").expect(2).says("cannot read `.`").says("directory");
    assert!(lab.files().is_empty());
}

#[test]
fn a_profile_that_runtimes_take_for_none_is_invalid() {
    for nothing in ["{}", "null", "[]", "\"x\"", "1"] {
        invalid(nothing, &["in.json:1: invalid profile"]);
    }
    invalid(&PROFILE[..PROFILE.len() / 2], &["invalid profile"]);
    invalid("{\"defaultAction\": null, \"syscalls\": []}", &["invalid profile", "defaultAction"]);
    invalid("{\"syscalls\": []}", &["invalid profile", "defaultAction"]);
}

#[test]
fn an_empty_file_is_no_profile() {
    let lab = Lab::new();
    lab.write("in.json", "");
    lab.callgate("show in.json").expect(3).says("`in.json`").says("empty");
    lab.callgate("compile in.json --emit raw -o f.bpf").expect(2).says("in.json:1: invalid profile");
    lab.callgate("run --profile in.json --stage audit -- touch ran").expect(125).says("invalid profile");
    assert_eq!(lab.files(), ["in.json"]);
}

#[test]
fn a_wrapped_profile_says_how_to_unwrap_it() {
    let wrapped = format!(
        "{{\"apiVersion\":\"security-profiles-operator.x-k8s.io/v1beta1\",\"kind\":\"SeccompProfile\",\"spec\":{PROFILE}}}"
    );
    invalid(wrapped, &["invalid profile"]);
    invalid(format!("{{\"seccomp\":{PROFILE}}}"), &["invalid profile"]);
}

#[test]
fn an_unknown_action_in_a_profile_is_named_with_its_line() {
    invalid(PROFILE.replacen("SCMP_ACT_ALLOW", "SCMP_ACT_ALOW", 1), &["in.json:8", "SCMP_ACT_ALOW"]);
    invalid(PROFILE.replacen("\"SCMP_ACT_ALLOW\"", "null", 1), &["in.json:8", "invalid profile"]);
}

#[test]
fn an_unknown_operator_or_index_in_a_profile_is_named_with_its_line() {
    invalid(PROFILE.replace("SCMP_CMP_EQ", "SCMP_CMP_EQUAL"), &["in.json:13", "SCMP_CMP_EQUAL"]);
    invalid(PROFILE.replace("\"index\": 0", "\"index\": 6"), &["in.json:13", "6"]);
}

#[test]
fn an_unknown_name_in_a_profile_is_a_warning_with_a_guess() {
    let lab = Lab::new();
    lab.write("in.json", PROFILE.replace("\"write\"", "\"wirte\""));
    lab.callgate("show in.json").expect(0).says("warning:").says("in.json:7").says("wirte").says("`write`");
}

#[test]
fn evidence_that_is_broken_is_named() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    lab.write("p.json.evidence", "{");
    lab.callgate("show p.json").expect(2).says("`p.json.evidence`").says("learn again");
}

#[test]
fn compile_writes_whole_instructions_and_replaces_nothing() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    lab.callgate("compile p.json --emit raw -o f.bpf").expect(0);
    let length = std::fs::metadata(lab.path("f.bpf")).unwrap().len();
    assert!(length > 0 && length.is_multiple_of(8), "{length}");
    lab.callgate("compile p.json --emit raw -o f.bpf").expect(2).says("f.bpf").says("--force");
    lab.callgate("compile p.json --emit raw --force -o f.bpf").expect(0);
    lab.callgate("compile p.json --emit elf -o g").expect(2).says("raw");
    assert!(!lab.has("g"));
}

#[test]
fn a_profile_too_large_for_the_kernel_writes_nothing() {
    let lab = Lab::new();
    let rule = |n: u64| {
        format!(
            "{{\"names\":[\"ioctl\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{{\"index\":1,\"value\":{n},\"op\":\"SCMP_CMP_EQ\"}}]}}"
        )
    };
    let rules: Vec<String> = (0..9000).map(|n| rule(n * 7)).collect();
    let text = format!("{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{}]}}", rules.join(","));
    lab.write("big.json", text);
    lab.callgate("compile big.json --emit raw -o f.bpf").expect(2).says("4096").says("ioctl");
    assert_eq!(lab.files(), ["big.json"]);
}

#[test]
fn a_rule_with_name_and_names_is_invalid_as_it_is_for_docker() {
    let both = PROFILE.replacen("\"names\": [\"socket\"]", "\"name\": \"bind\", \"names\": [\"socket\"]", 1);
    invalid(both, &["in.json:11", "both `name` and `names`"]);
}

#[test]
fn a_refusal_that_claims_success_is_warned_of() {
    let lab = Lab::new();
    lab.write("in.json", PROFILE.replacen("\"errnoRet\": 1", "\"errnoRet\": 0", 1));
    lab.callgate("show in.json").expect(0).says("warning: in.json:17: errno 0 tells the program");
}

#[test]
fn thousands_of_unknown_names_are_read_at_once() {
    let lab = Lab::new();
    let takes = |names: Vec<String>| {
        lab.write("in.json", PROFILE.replacen("\"write\"", &names.join(","), 1));
        let started = std::time::Instant::now();
        lab.callgate("-q compile in.json --emit raw -o f --force").expect(0);
        started.elapsed()
    };
    let known = takes(vec!["\"write\"".to_owned(); 10_000]);
    let unknown = takes((0..10_000).map(|n| format!("\"nosuchcall{n}\"")).collect());
    // A guess for each of them took many seconds.
    assert!(unknown < known * 20, "{unknown:?} against {known:?}");
}

#[test]
fn a_byte_order_mark_is_named() {
    let lab = Lab::new();
    lab.write("p.json", "\u{feff}{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
    for verb in [
        "show p.json",
        "compile p.json --emit raw -o f",
        "sim p.json --arch x86_64 read",
        "equiv p.json p.json",
    ] {
        lab.callgate(verb).expect(2).says("byte order mark").says("save it as UTF-8 without one");
    }
    lab.callgate("disasm p.json").expect(2).says("this is a profile, not a filter");
}

#[test]
fn a_log_given_as_a_trace_is_called_what_it_is_with_the_way_on() {
    let lab = Lab::new();
    lab.write("ls.log", "openat(AT_FDCWD, \"/\", O_RDONLY) = 3\n");
    lab.callgate("generate ls.log -o p.json")
        .expect(2)
        .says("this is a log of strace, not a trace")
        .says("callgate import --from strace ls.log -o TRACE");
}
