//! What lint finds, across files and inside of them: cases in our own words, each named after what it shows.
#![expect(clippy::unwrap_used, reason = "a fixture that is not what it should be ends the test")]

#[expect(dead_code, reason = "some cases are about numbers that no rule names")]
mod cases;

use callgate_check::lint::{FileReport, Ignore, Input, Located, Options, Policy, apply, finish, join, look};
use callgate_check::target::Target;
use callgate_core::baseline::{self, Kernel};
use callgate_core::{Arch, Severity, profile};

use cases::CASES;

/// A finding: file, line, code.
type Found = (String, usize, &'static str);

fn options() -> Options {
    Options::new(Arch::X86_64, "2026-11-26")
}

fn under(runtime: &str) -> Options {
    let mut options = options();
    let target = |name: &str| Target {
        loader: callgate_check::target::Loader::Oci,
        runtime: Some(name.parse().unwrap()),
        machine: options.machine.clone(),
        libseccomp: None,
        no_new_privs: false,
    };
    options.targets = vec![target(runtime)];
    options
}

fn reports(files: &[(&str, &str)], options: &Options) -> Vec<FileReport> {
    let of =
        |(name, text): &(&str, &str)| ((*name).to_owned(), look(Input { name, text, named: true }, options));
    let looked: Vec<_> = files.iter().map(of).collect();
    let joined = join(&looked, &[], options, &|index| Some(files[index].1.to_owned()));
    let finished = looked.into_iter().enumerate().map(|(index, (name, looked))| {
        let more =
            joined.findings.iter().filter(|(file, _)| *file == index).map(|(_, f)| f.clone()).collect();
        finish((&name, &files[index].1.into()), (looked, more), &[], (&Policy::default(), options)).report
    });
    finished.collect()
}

fn all(files: &[(&str, &str)], options: &Options) -> Vec<Located> {
    reports(files, options).into_iter().flat_map(|report| report.findings).collect()
}

fn found(files: &[(&str, &str)]) -> Vec<Found> {
    let reports = reports(files, &options()).into_iter();
    let one = |report: FileReport| {
        let name = report.name;
        report
            .findings
            .into_iter()
            .map(move |l| (name.clone(), l.start.line, l.finding.code))
            .collect::<Vec<_>>()
    };
    reports.flat_map(one).collect()
}

#[track_caller]
fn assert_found(files: &[(&str, &str)], expected: &[(&str, usize, &str)]) {
    let found = found(files);
    for (file, line, code) in expected {
        let met = found.iter().any(|(f, l, c)| (f.as_str(), *l, *c) == (*file, *line, *code));
        assert!(met, "{code} at {file}:{line} is missing; there are {found:#?}");
    }
}

fn errors(text: &str, options: &Options) -> Vec<String> {
    let found = all(&[("profile.json", text)], options).into_iter();
    let errors = found.filter(|located| located.finding.severity == Severity::Error);
    errors.map(|located| located.finding.message).collect()
}

#[test]
fn what_a_runtime_refuses_is_an_error_that_names_it() {
    for case in CASES {
        for (runtimes, becomes) in case.becomes {
            for runtime in runtimes.split(' ') {
                let errors = errors(case.profile, &under(runtime));
                let name = runtime.split('@').next().unwrap();
                if becomes.starts_with("refused") {
                    assert!(errors.iter().any(|e| e.contains(name)), "{}, {runtime}: {errors:?}", case.shows);
                } else if *becomes == "unconfined" {
                    assert!(!errors.is_empty(), "{}, {runtime}", case.shows);
                } else {
                    let refused = errors.iter().find(|e| e.contains("refuses the profile:"));
                    assert_eq!(refused, None, "{}, {runtime}", case.shows);
                }
            }
        }
    }
}

#[test]
fn what_a_runtime_drops_without_a_word_is_warned_of() {
    let rule = |names: &str, args: &str| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": [{names}], "action": "SCMP_ACT_ALLOW"{args}}}]}}"#
        )
    };
    let seven = (0..7)
        .map(|at| format!(r#"{{"index": {}, "value": 1, "op": "SCMP_CMP_EQ"}}"#, at % 6))
        .collect::<Vec<_>>();
    let seven = format!(r#", "args": [{}]"#, seven.join(", "));
    let kept = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO"}]}"#;
    for (shows, text, code) in [
        ("a name that is no call", rule(r#""opneat""#, ""), "unknown-call"),
        ("a name in capital letters", rule(r#""READ""#, ""), "unknown-call"),
        ("a rule that says what the default says", kept.to_owned(), "rule-equals-default"),
        ("a condition too many", rule(r#""mmap""#, &seven), "dropped-by-runtime"),
    ] {
        let found = all(&[("p.json", &text)], &under("crun"));
        let warned = found.iter().any(|l| l.finding.code == code && l.finding.severity >= Severity::Warning);
        assert!(warned, "{shows}: {found:#?}");
    }
}

#[test]
fn defaults_of_runtimes_have_no_error() {
    for name in ["docker", "containerd", "podman", "cri-o"] {
        let edition = baseline::named(name).unwrap();
        for arch in [Arch::X86_64, Arch::Aarch64] {
            let machine = edition.baseline.machine(arch, Kernel::new(6, 1));
            let text = profile::write(&edition.rules(&machine).profile(), false);
            let errors = errors(&text, &Options::new(arch, "2026-11-26"));
            assert_eq!(errors, [""; 0], "{name} on {arch}");
        }
    }
}

/// The four kinds of profile that people copy from articles: a list for a server, the fewest calls, one socket family,
/// lists by topic.
const SERVER: &str = r#"{
  "defaultAction": "SCMP_ACT_ERRNO",
  "architectures": [
    "SCMP_ARCH_X86_64",
    "SCMP_ARCH_X86",
    "SCMP_ARCH_X32"
  ],
  "syscalls": [
    {
      "names": ["accept4", "bind", "clone", "close", "connect", "epoll_wait", "exit_group", "futex", "listen", "open", "read", "socket", "write"],
      "action": "SCMP_ACT_ALLOW"
    }
  ]
}
"#;

#[test]
fn a_list_made_with_strace_starts_nothing_and_opens_doors() {
    assert_found(
        &[("server.json", SERVER)],
        &[
            ("server.json", 2, "fallback-errno"),
            ("server.json", 5, "x86-architecture"),
            ("server.json", 6, "x32-architecture"),
            ("server.json", 8, "runtime-calls-missing"),
            ("server.json", 8, "no-program-starts"),
            ("server.json", 10, "namespace-flags"),
        ],
    );
}

/// A profile in a ConfigMap that is mounted in the pod, where no runtime looks; and a pod that names it otherwise.
const MOUNTED: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: profiles
data:
  small-profile.json: |
    {
      "defaultAction": "SCMP_ACT_ERRNO",
      "syscalls": [
        {
          "names": ["read", "wirte"],
          "action": "SCMP_ACT_ALLOW"
        }
      ]
    }
---
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: app
    image: web:1
    securityContext:
      seccompProfile:
        type: Localhost
        localhostProfile: profiles/small-profile.json
    volumeMounts:
    - name: profiles
      mountPath: /var/lib/kubelet/seccomp/profiles
  - name: log
    image: log:1
    securityContext:
      seccompProfile:
        type: Localhost
        localhostProfile: profiles/small.json
  volumes:
  - name: profiles
    configMap:
      name: profiles
"#;

#[test]
fn a_profile_in_a_config_map_is_judged_where_it_stands_and_for_the_container_that_names_it() {
    let files = [("web.yaml", MOUNTED)];
    assert_found(
        &files,
        &[
            ("web.yaml", 11, "unknown-call"),
            ("web.yaml", 23, "escalation-allowed"),
            ("web.yaml", 28, "container-cannot-start"),
            ("web.yaml", 31, "profile-volume"),
            ("web.yaml", 37, "profile-not-found"),
        ],
    );
    let all = all(&files, &options());
    let name = all.iter().find(|l| l.finding.code == "unknown-call").unwrap();
    assert_eq!(&MOUNTED[name.finding.span.clone()], "\"wirte\"");
    assert_eq!(name.finding.pointer, "/0/ConfigMap profiles/small-profile.json/syscalls/0/names/1");
    let missing = all.iter().find(|l| l.finding.code == "profile-not-found").unwrap();
    assert!(missing.finding.hint.as_ref().unwrap().contains("small-profile.json"), "{missing:?}");
    let fix = name.finding.fix.as_ref().unwrap();
    let mended = apply(MOUNTED, &fix.edits).unwrap();
    assert!(mended.contains("          \"names\": [\"read\", \"write\"],"), "{mended}");
}

#[test]
fn stages_that_are_no_stages_are_told() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations:\n    seccomp.security.alpha.kubernetes.io/pod: \"audit\"\nspec:\n  containers:\n  - name: app\n    image: web:1\n";
    assert_found(
        &[("stage.yaml", text)],
        &[
            ("stage.yaml", 2, "no-profile"),
            ("stage.yaml", 6, "alpha-annotation"),
            ("stage.yaml", 6, "annotation-value"),
        ],
    );
}

#[test]
fn one_socket_family_resolves_no_names_and_flags_are_no_paths() {
    let rule = |name: &str, index: u8, value: u64, op: &str| {
        format!(
            "\n{{\"names\": [\"{name}\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{{\"index\": {index}, \"value\": {value}, \"valueTwo\": 0, \"op\": \"{op}\"}}]}}"
        )
    };
    let rules = [
        rule("socket", 0, 2, "SCMP_CMP_EQ"),
        rule("openat", 1, 2, "SCMP_CMP_MASKED_EQ"),
        rule("open", 1, 2, "SCMP_CMP_MASKED_EQ"),
    ];
    let text = format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{}]}}", rules.join(","));
    assert_found(
        &[("p.json", &text)],
        &[
            ("p.json", 2, "lonely-socket-family"),
            ("p.json", 3, "pointer-argument"),
            ("p.json", 4, "access-mode-bit"),
        ],
    );
}

/// Every kind that makes pods, as one template of a pod without a profile.
#[test]
fn pods_are_found_wherever_they_are_written() {
    let template = "metadata: {labels: {a: b}}, spec: {containers: [{name: app, image: web}]}";
    for (kind, spec) in [
        ("Pod", "containers: [{name: app, image: web}]".to_owned()),
        ("Deployment", format!("template: {{{template}}}")),
        ("StatefulSet", format!("template: {{{template}}}")),
        ("DaemonSet", format!("template: {{{template}}}")),
        ("ReplicaSet", format!("template: {{{template}}}")),
        ("ReplicationController", format!("template: {{{template}}}")),
        ("Job", format!("template: {{{template}}}")),
        ("CronJob", format!("jobTemplate: {{spec: {{template: {{{template}}}}}}}")),
        ("Rollout", format!("template: {{{template}}}")),
    ] {
        let text = format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: web}}\nspec: {{{spec}}}\n");
        assert_found(&[("m.yaml", &text)], &[("m.yaml", 2, "no-profile")]);
        let list = format!("apiVersion: v1\nkind: List\nitems:\n- {}", text.replace('\n', "\n  "));
        assert_found(&[("m.yaml", &list)], &[("m.yaml", 5, "no-profile")]);
        let many = format!("# one\n---\n{text}---\n{text}");
        assert_found(&[("m.yaml", &many)], &[("m.yaml", 4, "no-profile"), ("m.yaml", 9, "no-profile")]);
    }
    let template = format!("apiVersion: v1\nkind: PodTemplate\ntemplate: {{{template}}}\n");
    assert_found(&[("m.yaml", &template)], &[("m.yaml", 2, "no-profile")]);
    let json =
        r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "app", "image": "web"}]}}"#;
    assert_found(&[("m.json", json)], &[("m.json", 1, "no-profile")]);
}

/// Classes of cases of the Pod Security Standards: what the pod says, what its containers say, in which release.
#[test]
fn pods_pass_and_fail_the_standards_as_the_admission_controller_has_it() {
    let pod = |pod: &str, app: &str, init: &str, rest: &str| {
        let context = |kind: &str| match kind {
            "" => String::new(),
            kind => format!(", securityContext: {{seccompProfile: {{type: {kind}, localhostProfile: x}}}}"),
        };
        let own = context(pod).replacen(", ", "", 1);
        let own = if own.is_empty() { own } else { format!("  {own}\n") };
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n{rest}spec:\n{own}  containers: [{{name: app, image: i{}}}]\n  initContainers: [{{name: init, image: i{}}}]\n",
            context(app),
            context(init)
        )
    };
    let note = |text: &str| format!("  annotations: {{seccomp.security.alpha.kubernetes.io/pod: {text}}}\n");
    for (level, text, passes) in [
        ("baseline", pod("", "", "", ""), true),
        ("baseline", pod("RuntimeDefault", "Localhost", "", ""), true),
        ("baseline", pod("Unconfined", "RuntimeDefault", "RuntimeDefault", ""), false),
        ("baseline", pod("RuntimeDefault", "Unconfined", "", ""), false),
        ("baseline", pod("RuntimeDefault", "", "Unconfined", ""), false),
        ("baseline@v1.18", pod("Unconfined", "", "", ""), true),
        ("baseline@v1.18", pod("", "", "", &note("unconfined")), false),
        ("baseline@v1.18", pod("", "", "", &note("runtime/default")), true),
        ("baseline@v1.19", pod("", "", "", &note("unconfined")), true),
        ("restricted", pod("", "", "", ""), false),
        ("restricted", pod("RuntimeDefault", "", "", ""), true),
        ("restricted", pod("Localhost", "", "", ""), true),
        ("restricted", pod("", "RuntimeDefault", "RuntimeDefault", ""), true),
        ("restricted", pod("", "RuntimeDefault", "", ""), false),
        ("restricted", pod("Unconfined", "RuntimeDefault", "RuntimeDefault", ""), false),
        ("restricted", pod("RuntimeDefault", "RuntimeDefault", "Unconfined", ""), false),
        ("restricted@v1.18", pod("", "", "", ""), true),
        ("restricted@v1.24", pod("", "", "", "").replace("spec:\n", "spec:\n  os: {name: windows}\n"), false),
        ("restricted@v1.25", pod("", "", "", "").replace("spec:\n", "spec:\n  os: {name: windows}\n"), true),
    ] {
        let mut options = options();
        options.pss = Some(level.parse().unwrap());
        let found = all(&[("pod.yaml", &text)], &options);
        let refused = found.iter().any(|l| l.finding.code.starts_with("pss-"));
        assert_eq!(!refused, passes, "{level}:\n{text}");
    }
}

#[test]
fn suppressions_need_a_reason_and_end_on_their_day() {
    let pod = |comment: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  securityContext:\n    {comment}\n    seccompProfile: {{type: Unconfined}}\n  containers: []\n"
        )
    };
    let codes = |comment: &str| -> Vec<&str> {
        all(&[("a.yaml", &pod(comment))], &options()).iter().map(|l| l.finding.code).collect()
    };
    assert_eq!(codes("#"), ["unconfined"]);
    assert_eq!(codes("# callgate: ignore[unconfined] the driver needs it"), [""; 0]);
    assert_eq!(codes("# callgate: ignore[unconfined] the driver needs it until=2026-11-26"), [""; 0]);
    assert_eq!(
        codes("# callgate: ignore[unconfined] the driver needs it until=2026-11-25"),
        ["expired-suppression", "unconfined"]
    );
    assert_eq!(codes("# callgate: ignore[unconfined]"), ["suppression-without-reason", "unconfined"]);
    assert_eq!(codes("# callgate: ignore[unconfned] why"), ["unknown-rule", "unconfined"]);
    assert_eq!(codes("# callgate: ignore[no-profile] why"), ["unused-suppression", "unconfined"]);
    let noted = pod("#").replace(
        "{name: a}",
        "{name: a, annotations: {ignore.callgate.dev/unconfined: the driver needs it}}",
    );
    assert_eq!(all(&[("a.yaml", &noted)], &options()), []);
    let unused =
        pod("#").replace("{name: a}", "{name: a, annotations: {ignore.callgate.dev/no-profile: why}}");
    assert!(all(&[("a.yaml", &unused)], &options()).iter().any(|l| l.finding.code == "unused-suppression"));
}

#[test]
fn ignores_from_outside_tell_whether_they_were_of_use() {
    let text = "{\"defaultAction\": \"SCMP_ACT_KILL\"}";
    let ignore = |code: &str| Ignore { codes: vec![code.to_owned()], reason: "so".to_owned(), until: None };
    let looked = look(Input { name: "p.json", text, named: true }, &options());
    let ignores = [ignore("kill-thread"), ignore("unconfined")];
    let finished =
        finish(("p.json", &text.into()), (looked, Vec::new()), &ignores, (&Policy::default(), &options()));
    assert_eq!((finished.suppressed, finished.used), (1, vec![true, false]));
}

#[test]
fn fingerprints_outlive_lines_that_move_and_tell_findings_apart() {
    let prints = |text: &str| -> Vec<String> {
        all(&[("p.json", text)], &options()).into_iter().map(|l| l.fingerprint).collect()
    };
    let text = r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["opneat", "raed", "opneat"], "action": "SCMP_ACT_ALLOW"}]}"#;
    let before = prints(text);
    let mut each = before.clone();
    each.sort();
    each.dedup();
    assert_eq!(each.len(), before.len());
    let moved = text.replace("\"syscalls\"", "\n\n  \"syscalls\"");
    assert_eq!(prints(&moved), before);
}

#[test]
fn a_list_of_one_kind_names_it_once() {
    let list = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: w}\n  spec:\n    containers:\n    - name: a\n      securityContext:\n        seccompProfile: {type: Unconfined}\n";
    let found = found(&[("pods.yaml", list)]);
    assert!(found.iter().any(|(_, line, code)| *line == 9 && *code == "unconfined"), "{found:?}");
}

#[test]
fn a_comment_that_is_nearly_a_suppression_is_not_passed_over() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: w}\nspec:\n  containers:\n  - name: a\n    securityContext: # callgate:ignore[unconfined] why\n      seccompProfile: {type: Unconfined}\n";
    let found = found(&[("pod.yaml", pod)]);
    assert!(
        found.iter().any(|(_, line, code)| *line == 7 && *code == "suppression-without-reason"),
        "{found:?}"
    );
}

/// The same profile, with a misspelt name, folded and as binary data: neither has characters that could be exchanged in place.
const UNFOLLOWED: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: profiles
data:
  folded.json: >
    {"defaultAction":"SCMP_ACT_ERRNO",
    "syscalls":[{"names":["raed"],"action":"SCMP_ACT_ALLOW"}]}
binaryData:
  binary.json: eyJkZWZhdWx0QWN0aW9uIjoiU0NNUF9BQ1RfRVJSTk8iLCJzeXNjYWxscyI6W3sibmFtZXMiOlsicmFlZCJdLCJhY3Rpb24iOiJTQ01QX0FDVF9BTExPVyJ9XX0K
  logo.png: iVBORw0KGgo=
  archive: eyBub3QgYmFzZTY0
"#;

#[test]
fn profiles_whose_characters_stand_nowhere_are_judged_and_say_why_there_is_no_patch() {
    let all = all(&[("map.yaml", UNFOLLOWED)], &options());
    let names: Vec<_> = all.iter().filter(|l| l.finding.code == "unknown-call").collect();
    assert_eq!(names.iter().map(|l| l.start.line).collect::<Vec<_>>(), [7, 10], "{all:#?}");
    let keys = names.iter().map(|l| l.finding.pointer.as_str()).collect::<Vec<_>>();
    let at = |key: &str| format!("/0/ConfigMap profiles/{key}");
    assert_eq!(keys, [at("folded.json"), at("binary.json")]);
    for name in names {
        let hint = name.finding.hint.as_deref().unwrap_or_default();
        assert!(name.finding.fix.is_none() && hint.ends_with("stood in a literal block (`|`)"), "{name:?}");
    }
}
