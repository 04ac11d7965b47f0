//! Mistakes that tutorials about seccomp hand on, in fixtures of our own: each is found at its line, whatever else is.

use callgate_check::lint::{Input, Located, Options, Policy, finish, join, look};
use callgate_core::Arch;

/// A ConfigMap that the Pod mounts where the node has its profiles; a path that names none of its keys; no
/// allowPrivilegeEscalation.
const MOUNTED: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: profiles
data:
  small.json: |
    {
      "defaultAction": "SCMP_ACT_ERRNO",
      "architectures": ["SCMP_ARCH_X86_64"],
      "syscalls": [
        {"names": ["read", "write", "exit_group"], "action": "SCMP_ACT_ALLOW"}
      ]
    }
---
apiVersion: v1
kind: Pod
metadata:
  name: shop
spec:
  containers:
  - name: cart
    image: shop/cart:2
    securityContext:
      seccompProfile:
        type: Localhost
        localhostProfile: own/small.json
    volumeMounts:
    - name: profiles
      mountPath: /var/lib/kubelet/seccomp/own
  - name: till
    image: shop/till:2
    securityContext:
      seccompProfile:
        type: Localhost
        localhostProfile: own/smal.json
  volumes:
  - name: profiles
    configMap:
      name: profiles
"#;

/// A stage that is the value of an annotation.
const STAGES: &str = r#"apiVersion: v1
kind: Pod
metadata:
  name: first
  annotations:
    seccomp.security.alpha.kubernetes.io/pod: "audit"
spec:
  containers:
  - name: cart
    image: shop/cart:2
---
apiVersion: v1
kind: Pod
metadata:
  name: second
  annotations:
    container.seccomp.security.alpha.kubernetes.io/cart: complain
spec:
  containers:
  - name: cart
    image: shop/cart:2
"#;

/// A pipeline that looks at syntax, at one of the pods, at a table without calls, and for a word that no record has.
const PIPELINE: &str = r#"# .gitlab-ci.yml
profiles:
  stage: test
  script:
    - |
      for profile in profiles/*.json; do
        # One after the other.
        jq empty "$profile" || exit 1
      done

      kubectl apply -f pods/
      sleep 20
      kubectl get pods | grep shop- | grep Running
      kubectl delete -f pods/
    - strace -c -f -o calls.txt ./cart
    - grep -oP '^\s*\K[a-z_0-9]+(?=\()' calls.txt | sort -u > names.txt
    - journalctl -k | grep seccomp
"#;

/// File, text, line, code.
const MISTAKES: [(&str, &str, usize, &str); 13] = [
    ("mounted.yaml", MOUNTED, 29, "profile-volume"),
    ("mounted.yaml", MOUNTED, 35, "profile-not-found"),
    ("mounted.yaml", MOUNTED, 26, "container-cannot-start"),
    ("mounted.yaml", MOUNTED, 21, "escalation-allowed"),
    ("mounted.yaml", MOUNTED, 30, "escalation-allowed"),
    ("stages.yaml", STAGES, 6, "annotation-value"),
    ("stages.yaml", STAGES, 6, "alpha-annotation"),
    ("stages.yaml", STAGES, 17, "annotation-value"),
    ("stages.yaml", STAGES, 17, "alpha-annotation"),
    (".gitlab-ci.yml", PIPELINE, 8, "syntax-only-check"),
    (".gitlab-ci.yml", PIPELINE, 13, "pod-status-grep"),
    (".gitlab-ci.yml", PIPELINE, 15, "strace-summary"),
    (".gitlab-ci.yml", PIPELINE, 17, "violation-grep"),
];

fn linted(name: &str, text: &str) -> Vec<Located> {
    let options = Options::new(Arch::X86_64, "2026-11-26");
    let looked = look(Input { name, text, named: true }, &options);
    let joined = join(&[(name.to_owned(), looked.clone())], &[], &options, &|_| Some(text.to_owned()));
    let more = joined.findings.into_iter().map(|(_, finding)| finding).collect();
    finish((name, &text.into()), (looked, more), &[], (&Policy::default(), &options)).report.findings
}

#[test]
fn every_mistake_is_found_at_its_line() {
    for (name, text, line, code) in MISTAKES {
        let found = linted(name, text);
        let met = found.iter().any(|l| (l.start.line, l.finding.code) == (line, code));
        let all: Vec<_> = found.iter().map(|l| (l.start.line, l.finding.code)).collect();
        assert!(met, "{code} at {name}:{line} is missing; there are {all:?}");
    }
}

#[test]
fn a_path_that_names_no_profile_is_told_of_the_one_that_is_there() {
    let found = linted("mounted.yaml", MOUNTED);
    let missing: Vec<_> = found.iter().filter(|l| l.finding.code == "profile-not-found").collect();
    assert_eq!(missing.len(), 1, "{missing:#?}");
    let said = format!("{:?}", missing[0].finding);
    assert!(said.contains("small.json"), "{said}");
}

#[test]
fn every_finding_about_a_pipeline_names_a_command_to_use_instead() {
    for located in linted(".gitlab-ci.yml", PIPELINE) {
        let hint = located.finding.hint.unwrap_or_default();
        assert!(hint.contains("callgate "), "{}: {hint}", located.finding.code);
    }
}
