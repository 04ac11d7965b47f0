//! Filters made, looked into and compared: `compile`, `disasm`, `sim`, `equiv`.

use std::fmt::Write as _;
use std::process::Command;

use super::{PROFILE, snapshot};
use crate::harness::{Lab, find};

/// A raw filter of these instructions, in host byte order.
fn raw(insns: &[(u16, u8, u8, u32)]) -> Vec<u8> {
    let bytes = |(code, jt, jf, k): &(u16, u8, u8, u32)| {
        [&code.to_ne_bytes()[..], &[*jt, *jf], &k.to_ne_bytes()[..]].concat()
    };
    insns.iter().flat_map(bytes).collect()
}

const RET: (u16, u8, u8, u32) = (0x06, 0, 0, 0x7fff_0000);

/// A lab with a profile for x86_64 and 32-bit x86, and its filter.
fn compiled() -> Lab {
    let lab = Lab::new();
    let profile = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], "syscalls": [
        {"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS"},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]}]}"#;
    lab.write("p.json", profile);
    lab.callgate("compile p.json --arch x86_64 --arch x86 --emit raw -o p.bpf").expect(0);
    lab
}

#[test]
fn a_compiled_filter_is_shown_with_names() {
    let lab = compiled();
    let shown = lab.callgate("disasm p.bpf").expect(0).stdout;
    snapshot("disasm", &shown);
    let piped = lab.sh("\"$CALLGATE\" disasm - < p.bpf").expect(0);
    piped.prints(&shown);
    let document = lab.callgate("disasm p.bpf --format json").expect(0).json();
    assert_eq!(document["schema"], "callgate.dev/filter/v1");
    let instructions = document["instructions"].as_array().unwrap();
    assert_eq!(instructions.len() + 2, shown.lines().count());
    for instruction in instructions {
        for key in ["index", "code", "jt", "jf", "k", "text", "note"] {
            assert!(instruction.get(key).is_some(), "no {key} in {instruction}");
        }
    }
    lab.callgate("disasm p.bpf --arch vax").expect(2).says("`vax`");
}

#[test]
fn a_filter_is_shown_by_what_it_does_to_calls() {
    let lab = compiled();
    let shown = lab.callgate("disasm p.bpf --calls --arch x86_64").expect(0);
    snapshot("disasm-calls", &shown.stdout);
    let all = lab.callgate("disasm p.bpf --calls").expect(0);
    all.shows("x86: ").shows("ALLOW if domain == AF_INET").shows("x32: KILL_THREAD");
    lab.write("f", raw(&[RET]));
    lab.callgate("disasm f --calls").expect(2).says("checks no architecture").says("--arch");
    lab.callgate("disasm f --calls --arch arm").expect(0).shows("arm: ALLOW");
}

#[test]
fn a_profile_and_its_filter_answer_alike_for_one_call() {
    let lab = compiled();
    for (call, action, errno, bitmap) in [
        ("read", "SCMP_ACT_ALLOW", None, true),
        ("0x0", "SCMP_ACT_ALLOW", None, true),
        ("ptrace", "SCMP_ACT_KILL_PROCESS", None, false),
        ("socket AF_INET SOCK_STREAM|SOCK_CLOEXEC 0", "SCMP_ACT_ALLOW", None, false),
        ("socket 012 1 -1", "SCMP_ACT_ERRNO", Some(38), false),
        ("socket 2 1 0 4 5 6", "SCMP_ACT_ALLOW", None, false),
        ("999", "SCMP_ACT_ERRNO", Some(38), false),
    ] {
        for file in ["p.bpf", "p.json"] {
            let words = format!("sim {file} --arch x86_64 {call} --format json");
            let answer = lab.callgate(&words).expect(0).json();
            assert_eq!(answer["schema"], "callgate.dev/sim/v1");
            assert_eq!(answer["action"], action, "{words}");
            assert_eq!(answer["errno"], serde_json::json!(errno), "{words}");
            assert_eq!(answer["bitmap"], bitmap, "{words}");
            assert_eq!(answer["path"].as_array().unwrap().len() as u64, answer["executed"], "{words}");
        }
    }
    let answer = lab.callgate("sim p.bpf --arch x86_64 socket AF_INET 1").expect(0).stdout;
    snapshot("sim", &answer);
    lab.callgate("sim p.bpf --arch x86_64 read").expect(0).shows("the kernel's allow bitmap answers first");
    lab.callgate("sim p.bpf --arch aarch64 read").expect(0).shows("kill-thread");
}

#[test]
fn calls_and_arguments_that_are_none_are_named_with_the_way_out() {
    let lab = compiled();
    lab.callgate("sim p.bpf --arch x86_64 opneat").expect(2).says("`opneat`").says("did you mean `openat`");
    lab.callgate("sim p.bpf --arch x86_64 0x100000000").expect(2).says("`0x100000000`").says("32 bits");
    lab.callgate("sim p.bpf --arch x86_64 socket AF_INTE").expect(2).says("`AF_INTE`").says("AF_INET");
    lab.callgate("sim p.bpf --arch x86_64 999 AF_INET").expect(2).says("`AF_INET` is no number");
    lab.callgate("sim p.bpf --arch x86_64 getpid x").expect(2).says("getpid takes 0 arguments");
    lab.callgate("sim nothing --arch x86_64 read").expect(3).says("`nothing`");
}

#[test]
fn what_is_no_filter_is_refused_with_the_instruction_and_the_reason() {
    let lab = Lab::new();
    let long = raw(&vec![RET; 4097]);
    let cases: [(Vec<u8>, &str); 12] = [
        (Vec::new(), "an empty file is no filter"),
        (raw(&[RET])[..7].to_vec(), "7 bytes are no whole number of 8-byte instructions"),
        (b"no filter\n".to_vec(), "10 bytes are no whole number"),
        (long, "4097 instructions; the kernel takes at most 4096"),
        (raw(&[(0x28, 0, 0, 0), RET]), "instruction 0: opcode 0x0028 is not allowed"),
        (raw(&[RET, (0x15, 0, 9, 0), RET]), "instruction 1: jump beyond the end"),
        (raw(&[(0x05, 0, 0, u32::MAX), RET]), "instruction 0: jump beyond the end"),
        (raw(&[(0x20, 0, 0, 2), RET]), "instruction 0: load at 2 is not a word"),
        (raw(&[(0x20, 0, 0, 64), RET]), "instruction 0: load at 64 is not a word"),
        (raw(&[RET, (0x00, 0, 0, 1)]), "the last instruction is no return"),
        (raw(&[(0x60, 0, 0, 1), RET]), "instruction 0: scratch memory is read before it is written"),
        (raw(&[(0x34, 0, 0, 0), RET]), "instruction 0: operand out of range"),
    ];
    for (bytes, reason) in cases {
        lab.write("f", &bytes);
        for verb in ["disasm f", "sim f --arch x86_64 read"] {
            lab.callgate(verb).expect(2).says("`f`").says(reason).says("hint:");
        }
    }
    lab.write("p.json", PROFILE);
    lab.callgate("disasm p.json").expect(2).says("this is a profile, not a filter").says("compile");
    lab.write("other", "{}");
    lab.callgate("disasm other").expect(2).says("this is JSON, not a filter").says("compile");
}

#[test]
fn a_filter_the_kernel_would_refuse_is_shown_all_the_same() {
    let lab = Lab::new();
    lab.write("f", raw(&[(0x28, 0, 0, 0), RET]));
    lab.callgate("disasm f").expect(2).shows(".invalid 0x0028").shows("return ALLOW").says("instruction 0");
}

#[test]
fn every_form_of_a_filter_holds_the_same_instructions_and_the_same_bytes_each_time() {
    let lab = compiled();
    for form in ["raw", "c", "json", "rust"] {
        for name in ["one", "two"] {
            let words = format!("compile p.json --arch x86_64,x86 --emit {form} -o {name}.{form}");
            // Several architectures are several flags.
            lab.callgate(&words).expect(2).says("`x86_64,x86`");
            lab.callgate(&words.replace(',', " --arch ")).expect(0);
        }
        let read = |name: &str| std::fs::read(lab.path(name)).unwrap();
        assert_eq!(read(&format!("one.{form}")), read(&format!("two.{form}")));
    }
    let mut from_json = Vec::new();
    for insn in lab.json("one.json")["instructions"].as_array().unwrap() {
        let number = |key: &str| insn[key].as_u64().unwrap();
        let part = |key: &str| u8::try_from(number(key)).unwrap();
        let (code, k) = (u16::try_from(number("code")).unwrap(), u32::try_from(number("k")).unwrap());
        from_json.push((code, part("jt"), part("jf"), k));
    }
    assert_eq!(raw(&from_json), std::fs::read(lab.path("p.bpf")).unwrap());
    for (form, start) in [("c", "\t{ "), ("rust", "    libc::sock_filter { ")] {
        let text = lab.read(&format!("one.{form}"));
        assert_eq!(text.lines().filter(|l| l.starts_with(start)).count(), from_json.len());
        let mut expected = String::new();
        for (code, jt, jf, k) in &from_json {
            let names = if form == "c" { ["", "", "", ""] } else { ["code: ", "jt: ", "jf: ", "k: "] };
            let _ = writeln!(
                expected,
                "{start}{}{code:#06x}, {}{jt:#04x}, {}{jf:#04x}, {}{k:#010x} }},",
                names[0], names[1], names[2], names[3]
            );
        }
        let found: Vec<&str> = text.lines().filter(|l| l.starts_with(start)).collect();
        assert_eq!(found.join("\n") + "\n", expected);
    }
}

#[test]
fn the_array_in_c_compiles_without_a_warning_and_holds_the_raw_bytes() {
    if find("gcc").is_none() {
        return println!("skipped: no gcc");
    }
    let lab = compiled();
    lab.callgate("compile p.json --arch x86_64 --arch x86 --emit c -o filter.h").expect(0);
    let source = "#include \"filter.h\"\n#include <stdio.h>\nint main(void) { return fwrite(callgate_prog.filter, \
                  sizeof(struct sock_filter), callgate_prog.len, stdout) != callgate_prog.len; }\n";
    lab.write("main.c", source);
    lab.program("gcc").args(["-Wall", "-Wextra", "-Werror", "-o", "main", "main.c"]).expect(0);
    lab.sh("./main > from-c && cmp from-c p.bpf").expect(0);
}

#[test]
fn the_array_in_rust_compiles_and_holds_the_raw_bytes() {
    if find("rustc").is_none() {
        return println!("skipped: no rustc");
    }
    let lab = compiled();
    lab.callgate("compile p.json --arch x86_64 --arch x86 --emit rust -o filter.rs").expect(0);
    let source = "mod libc { pub struct sock_filter { pub code: u16, pub jt: u8, pub jf: u8, pub k: u32 } }\n\
        include!(\"filter.rs\");\nfn main() { use std::io::Write; for i in &FILTER {\n\
        let b = [&i.code.to_ne_bytes()[..], &[i.jt, i.jf], &i.k.to_ne_bytes()].concat();\n\
        std::io::stdout().write_all(&b).unwrap(); } }\n";
    lab.write("main.rs", format!("#![allow(non_camel_case_types)]\n{source}"));
    // rustup finds its compilers by the environment, which programs in the lab do not get.
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2021", "-o", "main", "main.rs"]).current_dir(&lab.dir);
    assert!(rustc.status().is_ok_and(|status| status.success()));
    lab.sh("./main > from-rust && cmp from-rust p.bpf").expect(0);
}

#[test]
fn a_filter_as_json_is_read_as_the_filter_it_is() {
    let lab = compiled();
    lab.callgate("compile p.json --arch x86_64 --arch x86 --emit json -o p.bpf.json").expect(0);
    for pair in ["p.bpf.json p.bpf", "p.bpf p.bpf.json", "p.json p.bpf.json"] {
        lab.callgate(&format!("equiv {pair} --arch x86_64")).expect(0).shows("equal: ");
    }
    for verb in ["disasm F", "disasm F --calls", "disasm F --format json", "sim F --arch x86_64 socket 3"] {
        let raw = lab.callgate(&verb.replace('F', "p.bpf")).expect(0).stdout;
        lab.callgate(&verb.replace('F', "p.bpf.json")).expect(0).prints(&raw);
    }
    lab.sh("\"$CALLGATE\" disasm p.bpf --format json | \"$CALLGATE\" equiv - p.bpf").expect(0);
    let text = lab.read("p.bpf.json");
    let cases = [
        (text.replacen("\"index\": 1,", "\"index\": 2,", 1), "instruction 2 stands in place 1"),
        (text.replace("filter/v1", "filter/v9"), "its schema is `callgate.dev/filter/v9`"),
        (text.replacen("\"jt\": 0", "\"jt\": 256", 1), "256"),
        (text.replacen("\"jt\"", "\"jump\"", 1), "unknown field `jump`"),
        (text[..text.len() / 2].to_owned(), "EOF"),
        (
            "{\"schema\": \"callgate.dev/filter/v1\", \"instructions\": []}".to_owned(),
            "it has no instruction",
        ),
    ];
    for (bad, reason) in cases {
        lab.write("bad", bad);
        for verb in ["disasm bad", "sim bad --arch x86_64 read", "equiv p.bpf bad"] {
            lab.callgate(verb).expect(2).prints("").says("`bad`").says(reason).says("--emit json");
        }
    }
    lab.callgate("disasm p.json").expect(2).says("this is a profile").says("compile p.json --emit raw");
}

#[test]
fn a_filter_where_a_text_is_read_is_called_what_it_is() {
    let lab = compiled();
    lab.callgate("compile p.json --emit json -o p.bpf.json").expect(0);
    // This one is UTF-8 as well.
    lab.write("errno", raw(&[(0x06, 0, 0, 0x5_0001)]));
    for (verb, code) in [
        ("show F", 2),
        ("compile F --emit raw -o out", 2),
        ("inspect 1 --profile F", 2),
        ("update F --from F", 2),
        ("run --profile F --stage enforce -- touch out", 125),
    ] {
        for (file, what) in [
            ("p.bpf", "this is a raw filter, neither a profile nor a trace"),
            ("errno", "this is a raw filter, neither a profile nor a trace"),
            ("p.bpf.json", "this is a filter, not a profile"),
        ] {
            let said = lab.callgate(&verb.replace('F', file)).expect(code).prints("").says(file).says(what);
            said.says(&format!("callgate disasm {file}")).says(&format!("callgate equiv {file} PROFILE"));
        }
    }
    lab.callgate("generate p.bpf -o out").expect(2).says("this is a raw filter");
    lab.callgate("generate p.bpf.json -o out").expect(2).says("this is a filter, not a trace");
    lab.sh("\"$CALLGATE\" show - < p.bpf").expect(2).says("callgate disasm -");
    lab.sh("\"$CALLGATE\" show - < p.bpf.json").expect(2).says("callgate disasm -");
    assert!(!lab.has("out"));
    // What begins like one and is none is not called one.
    lab.write("cut", &std::fs::read(lab.path("p.bpf")).unwrap()[..20]);
    lab.callgate("show cut").expect(2).says("cut");
}

#[test]
fn profile_and_weights_are_not_both_standard_input() {
    let lab = compiled();
    let both = "\"$CALLGATE\" compile - --weights - --emit raw -o out < p.json";
    lab.sh(both).expect(2).says("PROFILE and --weights cannot both be standard input");
    assert!(!lab.has("out"));
}

#[test]
fn only_the_architectures_that_are_named_are_filtered() {
    let lab = compiled();
    lab.callgate("compile p.json --arch x86_64 --emit raw -o one.bpf").expect(0);
    let answer = |arch: &str| {
        let words = format!("sim one.bpf --arch {arch} read --format json");
        lab.callgate(&words).expect(0).json()["action"].clone()
    };
    assert_eq!((answer("x86_64"), answer("x86")), ("SCMP_ACT_ALLOW".into(), "SCMP_ACT_KILL_THREAD".into()));
    lab.callgate("compile p.json --arch x86_64 --arch arm --emit raw -o two.bpf")
        .expect(2)
        .says("filters no calls of arm")
        .says("SCMP_ARCH_ARM");
    assert!(!lab.has("two.bpf"));
    lab.callgate("compile p.json --arch s390x --emit c -o -").expect(0).shows("ARCH_S390X");
}

#[test]
fn the_figures_of_a_filter_are_on_stderr_and_add_up() {
    let lab = compiled();
    let told = lab.callgate("compile p.json --arch x86_64 --arch x86 --emit json --stats -o -").expect(0);
    let count = told.json()["instructions"].as_array().unwrap().len();
    snapshot("compile-stats", &told.stderr);
    let lines = told.stderr.lines().filter(|l| l.starts_with("  "));
    let numbers: Vec<usize> = lines.filter_map(|l| l.split_whitespace().next()?.parse().ok()).collect();
    let (all, parts) = numbers.split_last().unwrap();
    assert_eq!((*all, parts.iter().sum::<usize>()), (count, count));
}

#[test]
fn profiles_and_filters_that_do_the_same_are_proven_equal_however_they_are_written() {
    let lab = compiled();
    // One rule per call, the same condition by a mask, another order, a rule that says nothing.
    lab.write(
        "q.json",
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"], "syscalls": [
        {"names": ["mount"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 18446744073709551615, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]},
        {"names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS"},
        {"names": ["exit_group"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["write"], "action": "SCMP_ACT_ALLOW"}]}"#,
    );
    for (a, b) in [("p.json", "q.json"), ("p.json", "p.bpf"), ("p.bpf", "q.json"), ("p.bpf", "p.bpf")] {
        let equal = lab.callgate(&format!("equiv {a} {b} --arch x86_64")).expect(0);
        equal.shows("equal: ").shows("do the same with every call");
    }
    let document = lab.callgate("equiv p.json q.json --arch x86_64 --format json").expect(0).json();
    assert_eq!((&document["result"], &document["witness"]), (&"equal".into(), &serde_json::Value::Null));
}

#[test]
fn where_they_differ_a_call_shows_it_with_both_lines() {
    let lab = compiled();
    let other = lab.read("p.json").replace("\"value\": 2", "\"value\": 3");
    lab.write("q.json", &other);
    let shown = lab.callgate("equiv p.json q.json --arch x86_64").expect(1);
    shown.shows("different: socket(").shows("p.json:5: allow").shows("q.json: ENOSYS");
    // The same the other way round, and with the filter of one.
    lab.callgate("equiv q.json p.bpf --arch x86_64").expect(1).shows("different: socket(");
    let document = lab.callgate("equiv p.bpf q.json --arch x86_64 --format json").expect(1).json();
    assert_eq!(document["result"], "different");
    let witness = &document["witness"];
    assert_eq!((&witness["nr"], &witness["left"]["line"]), (&41.into(), &serde_json::Value::Null));
    let actions = [&witness["left"]["action"], &witness["right"]["action"]];
    assert!(
        actions.contains(&&"SCMP_ACT_ALLOW".into()) && actions.contains(&&"SCMP_ACT_ERRNO".into()),
        "{witness}"
    );
}

#[test]
fn what_cannot_be_decided_is_said_and_is_no_equality() {
    let lab = compiled();
    // The number with a bit set, compared: not followed.
    lab.write("odd.bpf", raw(&[(0x20, 0, 0, 0), (0x44, 0, 0, 1), (0x15, 0, 1, 3), RET, RET]));
    lab.write("odder.bpf", raw(&[(0x20, 0, 0, 0), (0x44, 0, 0, 1), (0x15, 0, 1, 3), RET, (0x06, 0, 0, 0)]));
    lab.callgate("equiv odd.bpf odder.bpf").expect(2).shows("undecided").shows("instruction 2");
    lab.callgate("equiv odder.bpf p.json --arch x86_64 --format json").expect(2).shows("\"undecided\"");
    // What a trap tells the program, and where a call is made, are differences, too.
    lab.write("trap1", raw(&[(0x06, 0, 0, 0x3_0001)]));
    lab.write("trap2", raw(&[(0x06, 0, 0, 0x3_0002)]));
    lab.callgate("equiv trap1 trap2").expect(1).shows("data 1").shows("data 2");
    lab.write("from", raw(&[(0x20, 0, 0, 8), (0x15, 0, 1, 0x1000), RET, (0x06, 0, 0, 0)]));
    lab.write("never", raw(&[(0x06, 0, 0, 0)]));
    lab.callgate("equiv from never").expect(1).shows("from 0x1000");
    lab.callgate("sim p.bpf --arch x32 0xffffffff").expect(2).says("no call of x32");
    lab.callgate("equiv - -").expect(2).says("both cannot be standard input");
    lab.write("short", "1234");
    lab.callgate("equiv p.bpf short").expect(2).says("`short`");
    lab.callgate("equiv p.bpf missing").expect(3).says("`missing`");
}

#[test]
fn weights_change_the_order_of_questions_and_not_the_answers() {
    let lab = compiled();
    for (name, weights) in [("uniform.bpf", "uniform"), ("default.bpf", "default")] {
        lab.callgate(&format!(
            "compile p.json --arch x86_64 --arch x86 --weights {weights} --emit raw -o {name}"
        ))
        .expect(0);
    }
    lab.callgate("equiv uniform.bpf default.bpf").expect(0);
    let bytes = |name: &str| std::fs::read(lab.path(name)).unwrap();
    assert_eq!(bytes("default.bpf"), bytes("p.bpf"));
    // What a trace counted comes first: socket is called a million times, and is found by the first comparison.
    lab.write("t.strace", "socket(AF_INET, SOCK_STREAM, 0) = 3\n".repeat(1000));
    lab.callgate("import --from strace t.strace -o t").expect(0);
    lab.callgate("compile p.json --arch x86_64 --weights t --emit raw -o counted.bpf").expect(0);
    let executed = |file: &str| {
        let call = format!("sim {file} --arch x86_64 socket 3 --format json");
        lab.callgate(&call).expect(0).json()["executed"].as_u64().unwrap()
    };
    assert!(executed("counted.bpf") <= executed("uniform.bpf"));
    lab.callgate("equiv counted.bpf p.json --arch x86_64").expect(1);
    lab.callgate("compile p.json --weights heavy --emit raw -o w").expect(3).says("`heavy`");
}

#[test]
fn rules_that_refuse_one_value_of_many_arguments_compile_and_are_proven() {
    let lab = Lab::new();
    let condition =
        |index: u32| format!(r#"{{"index": {index}, "value": {}, "op": "SCMP_CMP_NE"}}"#, 1 + index);
    let profile = |args: &[String]| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
            {{"names": ["mmap"], "action": "SCMP_ACT_ALLOW", "args": [{}]}}]}}"#,
            args.join(", ")
        )
    };
    lab.write("p.json", profile(&(0..6).map(condition).collect::<Vec<_>>()));
    lab.callgate("compile p.json --arch x86_64 --emit raw -o p.bpf").expect(0);
    lab.callgate("equiv p.json p.bpf --arch x86_64").expect(0);
    // Six hundred values of one argument, too.
    let rules = (0..600).map(|value| {
        let one = format!(r#"{{"index": 1, "value": {}, "op": "SCMP_CMP_EQ"}}"#, 0x5400 + 3 * value);
        format!(r#"{{"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [{one}]}}"#)
    });
    let rules = rules.collect::<Vec<_>>().join(", ");
    lab.write("q.json", format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{rules}]}}"#));
    lab.callgate("compile q.json --arch x86_64 --emit raw -o q.bpf").expect(0);
    let executed = lab.callgate("sim q.bpf --arch x86_64 ioctl 0 0x5403 --format json").expect(0).json();
    assert!(executed["executed"].as_u64().unwrap() < 40, "{executed}");
}
