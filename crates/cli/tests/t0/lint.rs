//! `callgate lint` and `callgate rule`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{PROFILE, SMALL};
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

/// A pod whose container uses a profile.
fn pod_with(path: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: w}}\nspec:\n  containers:\n  - name: a\n    image: b\n    \
         securityContext:\n      seccompProfile: {{type: Localhost, localhostProfile: {path}}}\n"
    )
}

#[test]
fn a_folder_of_profiles_may_be_spelt_as_paths_are() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("seccomp/profiles")).unwrap();
    fs::create_dir_all(lab.path("deploy")).unwrap();
    lab.write("seccomp/profiles/web.json", "{\"defaultAction\": \"SCMP_ACT_LOG\"}");
    lab.write("deploy/web.yaml", pod_with("profiles/web.json"));
    let here = lab.path("").display().to_string();
    let here = here.trim_end_matches('/');
    let words = [
        "--profiles seccomp deploy".to_owned(),
        "--profiles ./seccomp deploy".to_owned(),
        "--profiles seccomp// ./deploy/".to_owned(),
        "--profiles deploy/../seccomp deploy".to_owned(),
        format!("--profiles seccomp {here}"),
        format!("--profiles {here}/seccomp deploy"),
        format!("--profiles seccomp deploy {here}/seccomp/profiles/web.json"),
    ];
    for words in words {
        let found = lab.callgate(&format!("lint --format concise {words}")).run().expect(0);
        assert!(found.stdout.contains("deploy/web.yaml"), "{words}: {}", found.stdout);
        assert!(!found.stdout.contains("profile-not-found"), "{words}: {}", found.stdout);
    }
    lab.callgate("lint --profiles deploy deploy")
        .expect(1)
        .shows("there is no profile `profiles/web.json` in deploy");
}

#[test]
fn a_profile_on_the_node_is_found_whatever_it_is_called_and_however_bad_it_is() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("sec/profiles")).unwrap();
    let good = "{\"defaultAction\": \"SCMP_ACT_LOG\"}";
    for (name, text) in [
        ("profiles/web.json", good),
        ("profiles/noext", good),
        ("profiles/x.conf", good),
        ("profiles/up.JSON", good),
        ("profiles/bad.json", "{\"defaultAction\": \"SCMP_ACT_LOG\""),
        ("profiles/bom.json", "\u{feff}{\"defaultAction\": \"SCMP_ACT_LOG\"}"),
        ("profiles/empty.json", ""),
        ("profiles/nothing.json", "{}"),
    ] {
        lab.write(&format!("sec/{name}"), text);
        for spelt in [name.to_owned(), format!("./{name}"), name.replace('/', "//"), name.replace('/', "/./")]
        {
            lab.write("p.yaml", pod_with(&spelt));
            let found = lab.callgate("lint --profiles sec --format concise p.yaml").run();
            assert!(!found.stdout.contains("profile-not-found"), "{spelt}: {}", found.stdout);
            let file = found.stdout.lines().any(|line| line.starts_with(&format!("sec/{name}:")));
            assert!(file || text == good, "{name} is said to be wrong: {}", found.stdout);
        }
        fs::remove_file(lab.path(&format!("sec/{name}"))).unwrap();
    }
    lab.write("sec/notes", "no profile");
    lab.write("p.yaml", pod_with("notes"));
    lab.callgate("lint --profiles sec p.yaml").expect(1).shows("profile-not-found");
}

#[test]
fn a_config_map_is_on_no_node() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("sec")).unwrap();
    lab.write("p.yaml", pod_with("nowhere/web.json"));
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  web.json: |\n    {\"defaultAction\": \"SCMP_ACT_LOG\"}\n";
    lab.write("cm.yaml", map);
    lab.callgate("lint --profiles sec p.yaml cm.yaml").expect(1).shows("profile-not-found");
    let found = lab.callgate("lint p.yaml cm.yaml").run().expect(0);
    assert!(!found.stdout.contains("profile-not-found"), "{}", found.stdout);
}

#[test]
fn severities_hold_for_findings_about_suppressions() {
    let lab = Lab::new();
    lab.write(
        "p.yaml",
        "# callgate: ignore[unconfined] because\napiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec:\n  containers: []\n",
    );
    lab.callgate("lint p.yaml").expect(0).shows("warning[unused-suppression]");
    lab.write("callgate.toml", "[lint.severity]\nunused-suppression = \"error\"\n");
    lab.callgate("lint --config callgate.toml p.yaml").expect(1).shows("error[unused-suppression]");
    lab.write("callgate.toml", "[lint.severity]\nunused-suppression = \"off\"\n");
    let found = lab.callgate("lint --config callgate.toml p.yaml").run().expect(0);
    assert!(!found.stdout.contains("unused-suppression"), "{}", found.stdout);
}

#[test]
fn the_loader_of_the_command_line_goes_before_that_of_the_configuration() {
    let lab = Lab::new();
    let docker = r#"{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":[]}],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#;
    lab.write("d.json", docker);
    lab.write("callgate.toml", "[lint]\nloader = \"docker\"\n");
    let of = |words: &str| lab.callgate(&format!("lint --format json {words} d.json")).run().stdout;
    assert_eq!(of("--config callgate.toml"), of("--loader docker"));
    assert_eq!(of("--config callgate.toml --loader oci"), of("--loader oci"));
    assert_ne!(of("--loader docker"), of("--loader oci"));
}

#[test]
fn a_baseline_that_is_written_keeps_no_report_from_being_written() {
    let lab = Lab::new();
    lab.write("p.yaml", pod_with("/absolute.json"));
    lab.callgate("lint --write-baseline old.json --format json=found.json p.yaml").expect(0);
    assert!(
        lab.read("found.json").contains("localhost-profile-path")
            && lab.read("old.json").contains("fingerprint")
    );
}

#[test]
fn an_annotation_of_a_container_says_more_than_the_field_of_the_pod() {
    let lab = Lab::new();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: w\n  annotations:\n    keep: me\n    \
               seccomp.security.alpha.kubernetes.io/pod: localhost/p.json\n    \
               container.seccomp.security.alpha.kubernetes.io/a: runtime/default\nspec:\n  \
               containers:\n  - name: a\n    image: x\n  - name: b\n    image: y\n";
    lab.write("p.yaml", pod);
    lab.callgate("lint --unsafe-fixes --fail-on never p.yaml").expect(0);
    let mended = lab.read("p.yaml");
    assert!(!mended.contains("seccomp.security.alpha") && mended.contains("keep: me"), "{mended}");
    let (of_a, of_b) = (mended.find("name: a").unwrap(), mended.find("name: b").unwrap());
    assert!(mended[of_a..of_b].contains("type: RuntimeDefault"), "{mended}");
    assert!(
        mended.contains("localhostProfile: p.json") && !mended[of_b..].contains("RuntimeDefault"),
        "{mended}"
    );
}

#[test]
fn a_runtime_newer_than_all_that_are_known_is_said_to_be_taken_for_the_newest() {
    let lab = Lab::new();
    lab.write("in.json", PROFILE);
    for line in ["lint --fail-on never --runtime runc@9 in.json", "explain in.json read --runtime runc@9"] {
        lab.callgate(line).expect(0).says("runc 9.0 is newer than runc 1.4");
    }
}
