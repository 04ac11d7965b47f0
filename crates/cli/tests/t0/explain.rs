//! Whole profiles explained: for a person, a program, a pull request, a browser.

use super::{PROFILE, snapshot};
use crate::harness::Lab;

/// The same answers everywhere.
const HERE: &str = "--arch x86_64 --kernel 6.1";

/// Everything that could be taken for markup, in a name of a file and of a call.
const HOSTILE: &str = "a<script>alert(1)<|`'\"@x\u{202e}.json";

/// Opens what a reviewer has to see, and names a call that does not exist.
const OPEN: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
"syscalls": [
  {"names": ["read", "unshare", "clone", "clone3", "io_uring_setup", "keyctl", "bpf"], "action": "SCMP_ACT_ALLOW"},
  {"names": ["<img src=x>|`\u202e"], "action": "SCMP_ACT_ALLOW", "comment": "<b>|`"},
  {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 21522, "op": "SCMP_CMP_EQ"}]},
  {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]},
  {"names": ["ptrace"], "action": "SCMP_ACT_NOTIFY"}
]}"#;

/// The four kinds of profile that people write by hand and copy: a list for a server, the fewest calls of a program, one
/// socket family, lists by topic. Each forgets the runtime.
const BY_HAND: [&str; 4] = [
    r#"{"names":["accept4","bind","brk","clone","close","connect","epoll_wait","exit_group","fcntl","fstat","futex",
       "listen","mmap","mprotect","openat","read","recvfrom","rt_sigaction","sendto","socket","stat","write"],
       "action":"SCMP_ACT_ALLOW"}"#,
    r#"{"names":["read","write","exit","exit_group","rt_sigreturn"],"action":"SCMP_ACT_ALLOW"}"#,
    r#"{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]},
       {"names":["read","write","open","close","connect"],"action":"SCMP_ACT_ALLOW"}"#,
    r#"{"names":["open","openat","close"],"action":"SCMP_ACT_ALLOW"},
       {"names":["mmap","munmap","brk"],"action":"SCMP_ACT_ALLOW"}"#,
];

#[test]
fn a_profile_is_explained_whole_in_every_format() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    let explained =
        |format: &str| lab.callgate(&format!("explain p.json {HERE} --format {format}")).expect(0).stdout;
    snapshot("explain", &explained("human"));
    snapshot("explain-json", &explained("json"));
    snapshot("explain-markdown", &explained("markdown"));
    assert_eq!(explained("html"), explained("html"));
}

#[test]
fn as_json_every_call_is_in_one_place() {
    let lab = Lab::new();
    lab.write("p.json", OPEN);
    for arch in ["x86_64", "x86"] {
        let words = format!("explain p.json --arch {arch} --kernel 6.1 --format json");
        let document = lab.callgate(&words).expect(0).json();
        assert_eq!(document["schema"], "callgate.dev/surface/v1");
        let table = lab.callgate(&format!("syscalls --arch {arch} --format json")).expect(0).json();
        let mut names: Vec<&str> =
            table["syscalls"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
        let mut found = Vec::new();
        for group in document["groups"].as_array().unwrap() {
            for part in ["allowed", "refused"].iter().flat_map(|part| group[part].as_array().unwrap()) {
                found.extend(part["calls"].as_array().unwrap().iter().map(|call| call.as_str().unwrap()));
            }
            for part in ["conditional", "undecided"].iter().flat_map(|part| group[part].as_array().unwrap()) {
                found.push(part["call"].as_str().unwrap());
            }
        }
        names.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, names, "{arch}");
    }
}

#[test]
fn what_is_dangerous_is_told_beside_the_runtimes_default() {
    let lab = Lab::new();
    lab.write("p.json", OPEN);
    let document = lab.callgate(&format!("explain p.json {HERE} --format json")).expect(0).json();
    let surface = document["surface"].as_array().unwrap();
    let of = |call: &str| {
        surface.iter().find(|s| s["call"] == call).unwrap_or_else(|| panic!("{call} is not told"))
    };
    for (call, beside) in [
        ("unshare", "with-capability"),
        ("clone", "with-capability"),
        ("clone3", "with-capability"),
        ("bpf", "with-capability"),
        ("io_uring_setup", "refuses"),
        ("keyctl", "refuses"),
        ("ptrace", "allows"),
        ("ioctl", "allows"),
    ] {
        assert_eq!(of(call)["beside"], beside, "{call}");
    }
    assert_eq!(of("bpf")["caps"], serde_json::json!(["CAP_BPF", "CAP_SYS_ADMIN"]));
    assert_eq!(of("ioctl")["values"], serde_json::json!(["TIOCSTI"]));
    assert_eq!((&of("ioctl")["in_part"], &of("ioctl")["line"]), (&true.into(), &5.into()));
    assert_eq!((&of("ptrace")["asked"], &of("bpf")["asked"]), (&true.into(), &false.into()));
    assert!(surface.iter().any(|s| s["call"].is_null() && s["arch"] == "x86"), "{surface:?}");
    // To a container that has it, the default allows it as well.
    let words = format!("explain p.json {HERE} --caps default,CAP_BPF --format json");
    let with = lab.callgate(&words).expect(0).json();
    let bpf = with["surface"].as_array().unwrap().iter().find(|s| s["call"] == "bpf").unwrap();
    assert_eq!(bpf["beside"], "allows");
    lab.callgate(&format!("explain p.json {HERE} --baseline docker"))
        .expect(0)
        .shows("RuntimeDefault (docker)");
    lab.callgate("explain p.json --baseline dokcer").expect(2).says("did you mean `docker`?");
}

#[test]
fn profiles_written_by_hand_are_told_why_no_container_starts_and_what_to_add() {
    let lab = Lab::new();
    for rules in BY_HAND {
        let profile =
            |more: &str| format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{rules}{more}]}}"#);
        lab.write("p.json", profile(""));
        let words = format!("explain p.json {HERE} --runtime runc@1.1.5,crun@1.8.1 --nnp true");
        lab.callgate(&words).expect(0).shows("runc@1.1.5: does not start").shows("execve");
        let document = lab.callgate(&format!("{words} --format json")).expect(0).json();
        for start in document["starts"].as_array().unwrap() {
            assert_eq!(start["result"], "fails", "{start}");
            let lacks = start["lacks"].as_array().unwrap();
            assert!(lacks.iter().any(|l| l["call"] == "execve" && l["errno"].is_number()), "{start}");
        }
        let add = serde_json::json!({"names": document["add"], "action": "SCMP_ACT_ALLOW"});
        lab.write("p.json", profile(&format!(",{add}")));
        let document = lab.callgate(&format!("{words} --format json")).expect(0).json();
        for start in document["starts"].as_array().unwrap() {
            assert_eq!(start["result"], "starts", "{start}");
        }
        assert_eq!(document["add"], serde_json::json!([]));
    }
}

#[test]
fn what_is_not_known_of_a_runtime_is_said() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    lab.callgate(&format!("explain p.json {HERE} --runtime youki")).expect(0).shows("not known");
    lab.callgate(&format!("explain p.json write {HERE} --runtime runc,kata"))
        .expect(0)
        .says("read in its source and not tried")
        .says("Kata drops every profile unless");
    // runc tells of calls above the newest that is named that there are none.
    lab.write(
        "old.json",
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["write"],"action":"SCMP_ACT_ALLOW"}]}"#,
    );
    let document =
        lab.callgate(&format!("explain old.json {HERE} --runtime crun,runc --format json")).expect(0).json();
    let [crun, runc] = document["starts"].as_array().unwrap().as_slice() else {
        panic!("two were asked for")
    };
    assert_eq!(crun["differs"], serde_json::json!([]));
    assert!(runc["differs"].as_array().unwrap().iter().any(|call| call == "openat2"), "{runc}");
    lab.write("trap.json", r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_NONE_SUCH"]}"#);
    let ended = lab.callgate(&format!("explain trap.json {HERE} --runtime runc")).run();
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    for format in ["markdown", "html"] {
        lab.callgate(&format!("explain p.json read --format {format}")).expect(2).says("leave the call out");
    }
    lab.callgate("explain p.json read --baseline docker").expect(2);
}

/// The names of elements that do not close themselves, in order; panics where they do not nest.
fn elements(page: &str) -> Vec<String> {
    let (mut open, mut seen) = (Vec::new(), Vec::new());
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        let end = rest.find('>').expect("a tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        assert!(!tag.contains(" on"), "<{tag}> runs something");
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        if tag.starts_with('!') || tag.ends_with('/') || ["meta", "br"].contains(&name.as_str()) {
            continue;
        }
        if tag.starts_with('/') {
            assert_eq!(open.pop().as_ref(), Some(&name), "before {rest:.60}");
        } else {
            seen.push(name.clone());
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
    seen
}

#[test]
fn a_page_is_well_formed_and_brings_nothing_to_run_or_to_load() {
    let lab = Lab::new();
    lab.write("p.json", PROFILE);
    lab.write("open.json", OPEN);
    lab.callgate(&format!("default docker {HERE} -o docker.json")).expect(0);
    for words in ["p.json", "open.json", "docker.json", "p.json --runtime runc@1.1.5,crun,youki --nnp true"] {
        let page = lab.callgate(&format!("explain {words} {HERE} --format html")).expect(0).stdout;
        let elements = elements(&page);
        for no in ["script", "img", "link", "iframe", "form"] {
            assert!(!elements.iter().any(|element| element == no), "{words}: <{no}>");
        }
        for no in ["http://", "https://", "url(", "@import"] {
            assert!(!page.contains(no), "{words}: {no}");
        }
        // As text, too, for who cannot see the picture.
        assert!(page.contains("role=\"img\"") && page.contains("<desc"), "{words}");
        assert!(elements.iter().filter(|e| *e == "details").count() > 30, "{words}");
    }
}

#[test]
fn foreign_text_is_no_markup_in_any_format() {
    let lab = Lab::new();
    lab.write(HOSTILE, OPEN);
    let of = |format: &str| {
        let mut call = lab.callgate("explain");
        call.arg(HOSTILE);
        call.args(format!("{HERE} --format {format}").split(' ')).expect(0).stdout
    };
    let page = of("html");
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page:.400}");
    assert!(!elements(&page).iter().any(|element| ["script", "img"].contains(&element.as_str())));
    let text = of("markdown");
    let foreign: Vec<&str> = text.lines().filter(|line| line.contains("alert")).collect();
    assert!(!foreign.is_empty());
    for odd in ["<script", "alert(", "|`", "@x", "<img"] {
        assert!(!text.contains(odd), "{odd}");
    }
    for format in ["html", "markdown", "human"] {
        assert!(!of(format).contains('\u{202e}'), "{format}");
    }
}

#[test]
fn a_runtime_that_refuses_a_profile_is_no_rule_of_it() {
    let lab = Lab::new();
    lab.write(
        "n.json",
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["write"],"action":"SCMP_ACT_NOTIFY"}]}"#,
    );
    let asked = lab.callgate(&format!("explain n.json write {HERE} --runtime runc --format json")).expect(2);
    let document = asked.json();
    assert_eq!((&document["decided"], &document["rule"]), (&"refused".into(), &serde_json::Value::Null));
    assert!(document["why"].as_str().unwrap().contains("runc"), "{document}");
}
