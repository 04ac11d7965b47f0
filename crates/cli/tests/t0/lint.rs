//! `callgate lint` and `callgate rule`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::SMALL;
use crate::harness::Lab;

/// Misspelt, and nothing else that matters on any machine.
const MISSPELT: &str = "{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"architectures\": [\"SCMP_ARCH_X86_64\"],\n  \"syscalls\": [\n    { \"names\": [\"mount\", \"umonut2\"], \"action\": \"SCMP_ACT_KIL_PROCESS\" }\n  ]\n}\n";

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata:
  name: web # the front
spec:
  securityContext:
    # as its node has it
    seccompProfile:
      type: localhost
      localhostProfile: /var/lib/kubelet/seccomp/profiles/web.json
  containers:
  - name: app
    image: web:1
    securityContext:
      allowPrivilegeEscalation: false
";

fn codes(document: &Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect()
}

#[test]
fn findings_have_the_fields_that_scripts_rely_on() {
    let lab = Lab::new();
    lab.write("p.json", MISSPELT);
    let found = lab.callgate("lint --runtime runc@1.1.5 --format json p.json").expect(1).json();
    assert_eq!(found["schema"], "callgate.dev/lint/v1");
    let action =
        found["findings"].as_array().unwrap().iter().find(|f| f["code"] == "unknown-action").unwrap();
    assert_eq!((action["severity"].as_str(), action["file"].as_str()), (Some("error"), Some("p.json")));
    let place = ["line", "column", "end_line", "end_column"].map(|key| action[key].as_u64().unwrap());
    assert_eq!(place, [5, 48, 5, 70]);
    assert!(action["message"].as_str().unwrap().contains("SCMP_ACT_KIL_PROCESS"));
    assert_eq!(action["fix"]["edits"][0]["text"], "\"SCMP_ACT_KILL_PROCESS\"");
    let refused =
        found["findings"].as_array().unwrap().iter().find(|f| f["code"] == "refused-by-runtime").unwrap();
    assert!(refused["message"].as_str().unwrap().contains("runc 1.1.5"), "{refused}");
}

#[test]
fn exit_codes_follow_what_is_found_and_not_the_format() {
    let lab = Lab::new();
    lab.write("p.json", MISSPELT);
    lab.write(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: i}]}\n",
    );
    for format in [
        "full",
        "concise",
        "json",
        "jsonl",
        "sarif",
        "junit",
        "github",
        "gitlab",
        "checkstyle",
        "rdjson",
        "tap",
    ] {
        lab.callgate(&format!("lint --format {format} p.json")).expect(1);
        lab.callgate(&format!("lint --format {format} pod.yaml")).expect(0);
    }
    lab.callgate("lint --fail-on warning pod.yaml").expect(1).says("1 warning");
    lab.callgate("lint --fail-on never p.json").expect(0);
    lab.callgate("lint nothing.json").expect(2).says("nothing.json");
    lab.callgate("lint --format xml p.json").expect(2).says("xml");
    lab.callgate("lint --runtime rnuc p.json").expect(2).says("did you mean `runc`?");
    lab.callgate("lint --pss restrcited pod.yaml").expect(2).says("did you mean `restricted`?");
    fs::create_dir(lab.path("empty")).unwrap();
    lab.callgate("lint empty").expect(3).says("there is no profile, manifest or pipeline in `empty`");
    lab.write("empty/package.json", "{\"name\": \"x\"}");
    lab.callgate("lint empty").expect(3);
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_looked_at() {
    let lab = Lab::new();
    lab.write("p.json", MISSPELT);
    lab.write("q.json", [b"{\"defaultAction\": \"".as_slice(), &[0xff, 0xfe], b"\"}"].concat());
    lab.callgate("lint --format concise p.json q.json").expect(2).shows("unknown-action").says("not UTF-8");
}

#[test]
fn fixes_are_made_once_and_leave_everything_else_as_it_is() {
    let lab = Lab::new();
    lab.write("pod.yaml", POD);
    fs::set_permissions(lab.path("pod.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    let diff = lab.callgate("lint --diff pod.yaml").expect(1).stdout;
    assert!(diff.contains("-      type: localhost\n") && diff.contains("+      type: Localhost\n"), "{diff}");
    assert_eq!(lab.read("pod.yaml"), POD);
    lab.callgate("lint --fix pod.yaml").expect(0).says("made 2 changes in 1 file");
    let mended = POD.replace("type: localhost", "type: Localhost").replace("/var/lib/kubelet/seccomp/", "");
    assert_eq!(lab.read("pod.yaml"), mended);
    assert_eq!(fs::metadata(lab.path("pod.yaml")).unwrap().permissions().mode() & 0o777, 0o640);
    lab.callgate("lint --fix pod.yaml").expect(0).says("made 0 changes in 0 files");
    lab.callgate("lint --fix --diff pod.yaml").expect(0).prints("");
    lab.write("p.json", MISSPELT);
    lab.callgate("lint --fix p.json").expect(1).says("made 0 changes");
    lab.callgate("lint --unsafe-fixes p.json").expect(0);
    let mended = lab.read("p.json");
    assert!(
        mended.contains("[\"mount\", \"umount2\"]") && mended.contains("SCMP_ACT_KILL_PROCESS"),
        "{mended}"
    );
    lab.callgate("lint --fix -").input(POD).expect(2).says("standard input cannot be written back");
    let diff = lab.callgate("lint --diff -").input(POD).expect(1).stdout;
    assert!(diff.contains("\n+      type: Localhost\n"), "{diff}");
}

#[test]
fn rendered_charts_come_in_by_a_pipe() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("seccomp/profiles")).unwrap();
    lab.write("seccomp/profiles/web.json", "{\"defaultAction\": \"SCMP_ACT_LOG\"}");
    let rendered = format!(
        "---\n# Source: web/templates/a.yaml\n{}---\n",
        POD.replace("type: localhost", "type: Localhost")
    );
    let lint = |words: &str, text: &str| {
        lab.callgate(&format!("lint --profiles seccomp --format concise {words} -")).input(text).run()
    };
    let found = lint("--stdin-filename web.yaml", &rendered).expect(1);
    assert!(found.stdout.contains("web.yaml:12:25: error[localhost-profile-path]"), "{}", found.stdout);
    let right = rendered.replace("/var/lib/kubelet/seccomp/", "");
    let found = lint("", &right).expect(0);
    assert!(!found.stdout.contains("profile-not-found"), "{}", found.stdout);
    let other = right.replace("profiles/web.json", "profiles/wbe.json");
    lint("", &other)
        .expect(1)
        .shows("there is no profile `profiles/wbe.json` in seccomp")
        .shows("error[profile-not-found]");
    lint("--pss restricted", &right).expect(0);
    let template = "apiVersion: v1\nkind: Pod\nspec: {{ .Values.spec }\n";
    lab.callgate("lint -").input(template).expect(1).shows("helm template");
}

#[test]
fn several_formats_go_to_files_at_once() {
    let lab = Lab::new();
    lab.write("p.json", MISSPELT);
    let words = "lint --format sarif=out.sarif --format junit=out.xml --output-format gitlab=out.json p.json";
    lab.callgate(words).expect(1).shows("error[unknown-action]");
    assert_eq!(lab.json("out.sarif")["version"], "2.1.0");
    assert!(lab.read("out.xml").contains("<testsuite"));
    assert!(lab.json("out.json").as_array().is_some_and(|found| !found.is_empty()));
    lab.callgate("lint --format json --format sarif p.json")
        .expect(2)
        .says("only one format can go to standard output");
    let ci = lab.callgate("lint p.json").env("GITHUB_ACTIONS", "true").expect(1).stdout;
    assert!(ci.contains("\n::error file=p.json,line=5"), "{ci}");
}

#[test]
fn a_repository_decides_about_rules_and_says_why() {
    let lab = Lab::new();
    for folder in ["vendor", "deploy", "skipped"] {
        fs::create_dir(lab.path(folder)).unwrap();
        lab.write(&format!("{folder}/pod.yaml"), "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {securityContext: {seccompProfile: {type: Unconfined}}, containers: []}\n");
    }
    lab.write(".gitignore", "skipped/\n");
    let found = |words: &str, code: i32| -> Vec<(String, String)> {
        let document = lab.callgate(&format!("lint --format json {words}")).expect(code).json();
        let field = |f: &Value, key: &str| f[key].as_str().unwrap().to_owned();
        document["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (field(f, "file"), field(f, "severity")))
            .collect()
    };
    let pair = |file: &str, severity: &str| (format!("{file}/pod.yaml"), severity.to_owned());
    assert_eq!(found(".", 1), [pair("deploy", "error"), pair("vendor", "error")]);
    lab.write(
        "callgate.toml",
        "[lint]\nexclude = [\"vendor/\"]\n[lint.severity]\nunconfined = \"warning\"\n",
    );
    assert_eq!(found(".", 0), [pair("deploy", "warning")]);
    // What is named is looked at in any case.
    assert_eq!(found("vendor/pod.yaml", 0), [pair("vendor", "warning")]);
    lab.write("callgate.toml", "[lint]\nfail-on = \"note\"\n[[lint.ignore]]\npaths = [\"vendor/**\", \"deploy/\"]\ncodes = [\"unconfined\"]\nreason = \"old\"\n");
    assert_eq!(found(".", 0), []);
    for (text, words) in [
        ("[lint]\nfail-onn = \"note\"\n", "callgate.toml:2: unknown field `fail-onn`"),
        ("[lint]\n[lint.severity]\nunconfned = \"off\"\n", "did you mean `unconfined`?"),
        ("[lint]\n[lint.severity]\nunconfined = \"of\"\n", "none of off, note, warning, error"),
        (
            "[[lint.ignore]]\npaths = [\"*\"]\ncodes = [\"unconfined\"]\nreason = \"\"\n",
            "a reason is missing",
        ),
        (
            "[[lint.ignore]]\npaths = [\"*\"]\ncodes = [\"unconfined\"]\nreason = \"x\"\nuntil = \"soon\"\n",
            "`soon` is no day",
        ),
        ("lint = [\n", "callgate.toml:"),
    ] {
        lab.write("callgate.toml", text);
        lab.callgate("lint .").expect(2).says(words);
    }
    let unused = "[[lint.ignore]]\npaths = [\"*\"]\ncodes = [\"no-profile\"]\nreason = \"x\"\n";
    lab.write("callgate.toml", unused);
    lab.callgate("lint .").expect(1).says("there is nothing for it to suppress");
}

#[test]
fn a_baseline_fails_on_what_is_new_only() {
    let lab = Lab::new();
    lab.write("p.json", MISSPELT);
    lab.callgate("lint --write-baseline base.json p.json").expect(0).says("wrote base.json");
    lab.callgate("lint --baseline base.json p.json").expect(0).says("in the baseline");
    lab.write(
        "p.json",
        MISSPELT.replace("\"syscalls\"", "\n\n\"flags\": [\"SECCOMP_FILTER_FLAG_LGO\"], \"syscalls\""),
    );
    let found = lab.callgate("lint --baseline base.json --format json p.json").expect(1).json();
    assert!(codes(&found).contains(&"unknown-flag") && !codes(&found).contains(&"unknown-action"), "{found}");
    lab.write("p.json", "{\"defaultAction\": \"SCMP_ACT_KILL_PROCESS\"}");
    lab.callgate("lint --baseline base.json p.json").expect(0).says("are gone; write it anew");
    lab.write("base.json", "{}");
    lab.callgate("lint --baseline base.json p.json").expect(2).says("base.json");
}

#[test]
fn generate_announces_exactly_what_lint_finds() {
    let lab = Lab::new();
    lab.write("small.trace", SMALL);
    for words in ["", "--for runc,crun", "--args off --no-complete", "--args exact"] {
        let Ok(said) = std::panic::catch_unwind(|| {
            lab.callgate(&format!("generate small.trace {words} -o p.json --force")).run()
        }) else {
            continue;
        };
        if said.code() > 1 {
            continue;
        }
        let line = said.stderr.lines().find_map(|line| line.trim().strip_prefix("lint: "));
        let announced: Vec<String> = line
            .map(|line| line.split(" (").next().unwrap().split(", ").map(str::to_owned).collect())
            .unwrap_or_default();
        let document = lab.callgate("lint --format json p.json").expect(0).json();
        let mut found = codes(&document);
        found.sort_unstable();
        found.dedup();
        assert_eq!(announced, found, "{words}");
    }
}

#[test]
fn rules_are_explained_and_listed() {
    let lab = Lab::new();
    let list = lab.callgate("rule").expect(0).stdout;
    let all = lab.callgate("rule --format json").expect(0).json();
    let rules = all["rules"].as_array().unwrap();
    assert!(rules.len() > 90);
    for rule in rules {
        let code = rule["code"].as_str().unwrap();
        assert!(list.contains(&format!("\n  {code} ")), "{code}");
    }
    let one = lab.callgate("rule fallback-errno").expect(0).stdout;
    for words in [
        "fallback-errno: ",
        "What it finds",
        "Why it matters",
        "Example",
        "Better",
        "References",
        "\"defaultErrnoRet\": 38",
    ] {
        assert!(one.contains(words), "{words}: {one}");
    }
    assert!(one.lines().all(|line| line.chars().count() <= 100 || line.contains('"')), "{one}");
    lab.callgate("rule falback-errno").expect(2).says("did you mean `fallback-errno`?");
}

#[test]
fn foreign_text_moves_no_cursor() {
    let lab = Lab::new();
    let text = "{\"defaultAction\": \"\\u001b[2J\\u202e\", \"\\u001b[31m\": 1}";
    lab.write("p.json", text);
    for format in ["full", "concise", "tap", "github"] {
        let out = lab.callgate(&format!("lint --format {format} p.json")).expect(1).stdout;
        assert!(!out.contains('\u{1b}') && !out.contains('\u{202e}'), "{format}: {out:?}");
    }
}

#[test]
fn the_default_never_takes_the_place_of_a_profile_that_was_meant() {
    let lab = Lab::new();
    let pod = |metadata: &str, spec: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n{metadata}spec:\n{spec}  containers:\n  - name: app\n    image: web:1\n"
        )
    };
    let annotation = "  annotations:\n    seccomp.security.alpha.kubernetes.io/pod: localhost/strict.json\n";
    lab.write("annotated.yaml", pod(annotation, ""));
    let beside = "  seccompProfile:\n    type: Localhost\n    localhostProfile: strict.json\n";
    lab.write("beside.yaml", pod("", beside));
    for file in ["annotated.yaml", "beside.yaml"] {
        lab.callgate(&format!("lint --unsafe-fixes {file}")).run();
        let text = lab.read(file);
        assert!(text.contains("localhostProfile: strict.json") && !text.contains("RuntimeDefault"), "{text}");
        assert!(text.contains("securityContext:"), "{text}");
    }
}

#[test]
fn changes_are_shown_and_what_is_wrong_all_the_same_is_counted() {
    let lab = Lab::new();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  securityContext: {seccompProfile: {type: Localhost}}\n  \
               containers:\n  - {name: app, image: \"web:1\"}\n";
    lab.write("bad.yaml", pod);
    lab.callgate("lint --diff bad.yaml").expect(1).prints("").says("1 error");
    lab.callgate("lint --diff --fail-on never bad.yaml").expect(0);
}

#[test]
fn lines_that_end_in_crlf_get_company_of_their_kind() {
    let lab = Lab::new();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: app\n    image: web:1\n";
    let pod = pod.replace('\n', "\r\n");
    lab.write("pod.yaml", &pod);
    lab.callgate("lint --unsafe-fixes pod.yaml").run();
    let text = lab.read("pod.yaml");
    assert!(text.contains("RuntimeDefault") && text.len() > pod.len(), "{text}");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{text:?}");
}

#[test]
fn a_key_in_another_case_is_not_written_beside_itself() {
    let lab = Lab::new();
    lab.write("p.json", r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [], "Syscalls": []}"#);
    lab.callgate("lint --fix p.json").expect(1);
    assert_eq!(lab.read("p.json").matches("\"syscalls\"").count(), 1);
}

#[test]
fn nothing_is_changed_where_one_of_the_files_is_a_symbolic_link() {
    let lab = Lab::new();
    lab.write("a.yaml", POD);
    std::os::unix::fs::symlink("a.yaml", lab.path("link.yaml")).unwrap();
    lab.callgate("lint --unsafe-fixes a.yaml link.yaml").expect(2).says("symbolic link");
    assert_eq!(lab.read("a.yaml"), POD);
}

#[test]
fn two_formats_do_not_go_to_one_file() {
    let lab = Lab::new();
    lab.write("p.json", MISSPELT);
    lab.callgate("lint --format sarif=out --format junit=out p.json")
        .expect(2)
        .says("cannot both go to `out`");
    assert!(!lab.has("out"));
}
