//! Rules about pods, over pods with every mistake there is: told of the same however they are written, and mended without harm.

#![expect(clippy::unwrap_used, reason = "a fixture that is not what it should be ends the test")]

use std::collections::BTreeSet;

use callgate_check::lint::{Family, Finding, Input, Options, apply, doc, look};
use callgate_core::{Arch, Severity};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use serde_json::{Map, Value, json};

/// Values of `seccompProfile`, fine ones first.
fn profiles() -> Vec<Value> {
    vec![
        json!({"type": "RuntimeDefault"}),
        json!({"type": "Localhost", "localhostProfile": "profiles/web.json"}),
        json!({"type": "Unconfined"}),
        Value::Null,
        json!({}),
        json!("RuntimeDefault"),
        json!({"type": "runtime/default"}),
        json!({"type": "localhost", "localhostProfile": "a.json"}),
        json!({"type": "Unconfind"}),
        json!({"type": 5}),
        json!({"type": "Localhost"}),
        json!({"type": "Localhost", "localhostProfile": ""}),
        json!({"type": "RuntimeDefault", "localhostProfile": "a.json"}),
        json!({"type": "Localhost", "localhostprofile": "a.json"}),
        json!({"Type": "RuntimeDefault"}),
        json!({"type": "Localhost", "localhostProfile": "/var/lib/kubelet/seccomp/a b\"c.json"}),
        json!({"type": "Localhost", "localhostProfile": "localhost/true"}),
        json!({"type": "Localhost", "localhostProfile": "/data/kubelet/seccomp/../a.json"}),
        json!({"type": "Localhost", "localhostProfile": "a\\b.json"}),
    ]
}

/// A security context, or none; `own` is what only containers have.
fn context(own: &'static [(&'static str, &'static str)]) -> impl Strategy<Value = Option<Value>> {
    let keys = prop_oneof![
        12 => Just("seccompProfile"), 1 => Just("seccompprofile"), 1 => Just("secompProfile"), 1 => Just("seccomp")
    ];
    let profile = proptest::option::weighted(0.7, (keys, select(profiles())));
    let flag = proptest::option::weighted(0.3, any::<bool>());
    let context = (profile, subsequence(own, 0..=own.len()), flag).prop_map(|(profile, own, flag)| {
        let own = own.into_iter().map(|(key, value)| (key.to_owned(), serde_json::from_str(value).unwrap()));
        let mut members: Map<String, Value> = own.collect();
        members.extend(profile.map(|(key, value)| (key.to_owned(), value)));
        members.extend(flag.map(|flag| ("runAsNonRoot".to_owned(), flag.into())));
        Value::Object(members)
    });
    proptest::option::weighted(0.7, context)
}

/// A pod's `metadata` and `spec`.
fn template() -> impl Strategy<Value = Value> {
    const OWN: &[(&str, &str)] = &[
        ("privileged", "true"),
        ("allowPrivilegeEscalation", "false"),
        ("allowPrivilegeEscalation", "true"),
        ("capabilities", r#"{"add": ["CAP_SYS_ADMIN", "NET_BIND_SERVICE"], "drop": ["ALL"]}"#),
    ];
    let annotations = [
        ("seccomp.security.alpha.kubernetes.io/pod", "runtime/default"),
        ("seccomp.security.alpha.kubernetes.io/pod", "audit"),
        ("container.seccomp.security.alpha.kubernetes.io/c0", "localhost/profiles/web.json"),
        ("container.seccomp.security.alpha.kubernetes.io/c9", "unconfined"),
        ("note", "kept"),
    ];
    let mounts = r#"[{"name": "v", "mountPath": "/var/lib/kubelet/seccomp/profiles"}]"#;
    let more = [("seccompProfile", r#"{"type": "RuntimeDefault"}"#), ("volumeMounts", mounts)];
    let volumes = [r#"{"configMap": {"name": "p"}}"#, r#"{"hostPath": {"path": "/var//lib/"}}"#];
    let container = (context(OWN), subsequence(more.to_vec(), 0..=1), 0..3_usize);
    let parts = (
        subsequence(annotations.to_vec(), 0..=2),
        context(&[]),
        prop::collection::vec(container, 1..4),
        select(volumes.to_vec()),
        prop::bool::weighted(0.1),
    );
    parts.prop_map(|(annotations, context, containers, volume, windows)| {
        let mut spec = json!({"volumes": [serde_json::from_str::<Value>(volume).unwrap()]});
        spec["volumes"][0]["name"] = "v".into();
        for (at, (context, more, role)) in containers.into_iter().enumerate() {
            let mut own = json!({"name": format!("c{at}"), "image": "web:1"});
            for (key, value) in more {
                own[key] = serde_json::from_str(value).unwrap();
            }
            if let Some(context) = context {
                own["securityContext"] = context;
            }
            let list = ["containers", "containers", "initContainers"][role];
            let spec = spec.as_object_mut().unwrap();
            spec.entry(list).or_insert_with(|| json!([])).as_array_mut().unwrap().push(own);
        }
        if let Some(context) = context {
            spec["securityContext"] = context;
        }
        if windows {
            spec["os"] = json!({"name": "windows"});
        }
        let annotations: Map<String, Value> =
            annotations.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        json!({"metadata": {"name": "a", "annotations": annotations}, "spec": spec})
    })
}

/// An object that makes pods, or is one.
fn object() -> impl Strategy<Value = Value> {
    let misplaced = prop::bool::weighted(0.1);
    (template(), select(vec!["Pod", "Deployment", "CronJob"]), misplaced).prop_map(|(template, kind, misplaced)| {
        let mut object = match kind {
            "Pod" => template,
            "Deployment" => json!({"metadata": {"name": "d"}, "spec": {"template": template}}),
            _ => json!({"metadata": {"name": "j"}, "spec": {"jobTemplate": {"spec": {"template": template}}}}),
        };
        if misplaced && kind != "Pod" {
            object["spec"]["securityContext"] = json!({"seccompProfile": {"type": "RuntimeDefault"}});
        }
        object["apiVersion"] = "v1".into();
        object["kind"] = kind.into();
        object
    })
}

/// YAML in block style, with a comment behind every scalar.
fn block(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                // Behind a dash the first key is on its line.
                let joined = out.ends_with("- ");
                out.push_str(&if joined { format!("{key}:") } else { format!("\n{pad}{key}:") });
                block(value, indent + 2, out);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("\n{pad}- "));
                block(item, indent + 2, out);
            }
        }
        scalar => out.push_str(&format!(" {scalar} # as it is")),
    }
}

/// The object as JSON, and as YAML in two styles.
fn written(object: &Value) -> [(&'static str, String); 3] {
    let mut text = String::new();
    block(object, 0, &mut text);
    let flow = object.to_string();
    [("a.json", flow.clone()), ("b.yaml", text.trim_start().to_owned() + "\n"), ("c.yaml", flow)]
}

fn read(name: &str, text: &str) -> Result<Value, String> {
    if name == "a.json" {
        return serde_json::from_str(text).map_err(|e| e.to_string());
    }
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

/// What rules about manifests find.
fn found(name: &str, text: &str) -> Vec<Finding> {
    let options = Options::new(Arch::X86_64, "2026-11-26");
    let found = look(Input { name, text, named: true }, &options).findings.into_iter();
    found.filter(|finding| doc(finding.code).unwrap().family == Family::Kubernetes).collect()
}

/// Codes, with what is said of where.
fn told(found: &[Finding]) -> BTreeSet<(&'static str, String, String)> {
    found.iter().map(|finding| (finding.code, finding.message.clone(), finding.pointer.clone())).collect()
}

fn pod(object: &Value) -> &Value {
    let spec = &object["spec"];
    [&spec["template"], &spec["jobTemplate"]["spec"]["template"]]
        .into_iter()
        .find(|t| !t.is_null())
        .unwrap_or(object)
}

/// What each container gets, as the kubelet has it: its own, else the pod's; and whether it is privileged.
fn effective(object: &Value) -> Vec<(String, Value, bool)> {
    let spec = &pod(object)["spec"];
    let lists = ["initContainers", "containers"].into_iter().filter_map(|list| spec[list].as_array());
    let of = |container: &Value| {
        let (own, pods) = (&container["securityContext"], &spec["securityContext"]["seccompProfile"]);
        let profile = Some(&own["seccompProfile"]).filter(|own| !own.is_null()).unwrap_or(pods);
        (container["name"].as_str().unwrap().to_owned(), profile.clone(), own["privileged"] == true)
    };
    lists.flatten().map(of).collect()
}

/// Rules whose patch gives, changes or takes away profiles.
const ABOUT_PROFILES: [&str; 9] = [
    "no-profile",
    "unconfined",
    "alpha-annotation",
    "misplaced-profile",
    "unknown-profile-type",
    "stray-localhost-profile",
    "localhost-profile-path",
    "windows-profile",
    "container-overrides-pod",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_pod_has_the_same_findings_however_it_is_written(object in object()) {
        let [json, block, flow] = written(&object).map(|(name, text)| told(&found(name, &text)));
        prop_assert_eq!(&json, &block, "{}", object);
        prop_assert_eq!(&json, &flow, "{}", object);
    }

    #[test]
    fn a_patch_of_a_pod_mends_what_was_found_and_harms_nothing(object in object(), which in any::<Index>()) {
        for (name, text) in written(&object) {
            let before = found(name, &text);
            let patches: Vec<_> = before.iter().filter_map(|finding| Some((finding, finding.fix.as_ref()?))).collect();
            if patches.is_empty() {
                continue;
            }
            let (finding, fix) = which.get(&patches);
            let made = apply(&text, &fix.edits).unwrap();
            let after = read(name, &made);
            prop_assert!(after.is_ok(), "{}: {after:?}\n{text}\n->\n{made}", finding.code);
            let after = after.unwrap();
            let left = told(&found(name, &made));
            let own = (finding.code, finding.message.clone(), finding.pointer.clone());
            prop_assert!(!left.contains(&own), "{finding:?}\n{text}\n->\n{made}");
            for (old, new) in effective(&object).iter().zip(effective(&after)) {
                let same = old.1 == new.1 || ABOUT_PROFILES.contains(&finding.code);
                prop_assert!(same && (old.2 == new.2 || finding.code == "privileged-profile"), "{finding:?}\n{text}\n->\n{made}");
                // Who had a profile is never left without, but on Windows; and safe patches confine nobody less.
                let lost = new.1.is_null() && !old.1.is_null() && finding.code != "windows-profile";
                prop_assert!(!lost, "{finding:?}\n{text}\n->\n{made}");
            }
        }
    }

    #[test]
    fn what_a_container_gets_from_the_kubelet_is_what_is_judged(object in object()) {
        let told = told(&found("a.json", &object.to_string()));
        let has = |code: &str| told.iter().any(|(own, ..)| *own == code);
        let effective = effective(&object);
        let any = |is: &dyn Fn(&Value, bool) -> bool| effective.iter().any(|(_, profile, privileged)| is(profile, *privileged));
        let windows = pod(&object)["spec"]["os"]["name"] == "windows";
        prop_assert_eq!(has("no-profile"), !windows && any(&|profile, privileged| profile.is_null() && !privileged));
        prop_assert_eq!(has("privileged-profile"), any(&|_, privileged| privileged));
        prop_assert!(has("unconfined") || !any(&|profile, _| profile["type"] == "Unconfined"));
        prop_assert!(has("localhost-profile-missing") || !any(&|profile, _| profile["localhostProfile"] == ""));
        // Whatever the API server refuses is an error.
        let known = ["RuntimeDefault", "Localhost", "Unconfined"];
        let refused = any(&|profile, _| !profile.is_null() && !known.iter().any(|known| profile["type"] == *known));
        let errors = ["unknown-profile-type", "misplaced-profile"];
        prop_assert!(!refused || errors.into_iter().any(has), "{}", object);
    }
}

/// With which severity a rule tells of a pod, if it does.
#[track_caller]
fn assert_told(kind: &str, spec: &str, code: &str, expected: Option<Severity>) {
    let text = match kind {
        "Pod" => format!("apiVersion: v1\nkind: Pod\nspec: {spec}\n"),
        _ => format!("apiVersion: v1\nkind: {kind}\nspec: {{template: {{spec: {spec}}}}}\n"),
    };
    let found = found("a.yaml", &text);
    let told = found.iter().find(|finding| finding.code == code).map(|finding| finding.severity);
    assert_eq!(told, expected, "{code}\n{text}");
}

#[test]
fn folders_of_the_node_are_told_from_folders_of_the_container() {
    let mounted = |volume: &str, mount: &str| {
        format!(
            "{{volumes: [{{name: v, {volume}}}], containers: [{{name: c, volumeMounts: [{{name: v, mountPath: {mount}}}]}}]}}"
        )
    };
    let (error, warning, note) = (Some(Severity::Error), Some(Severity::Warning), Some(Severity::Note));
    for (volume, mount, expected) in [
        ("configMap: {name: p}", "/var/lib/kubelet/seccomp", error),
        ("emptyDir: {}", "/var/lib/k0s/kubelet/seccomp/a", error),
        ("secret: {}", "/var/lib/kubelet/", error),
        ("emptyDir: {}", "/var/lib/kubelet", None),
        ("configMap: {name: p}", "/etc/seccomp", None),
        ("hostPath: {path: /var/lib/kubelet/seccomp}", "/var/lib/kubelet/seccomp", None),
    ] {
        assert_told("Pod", &mounted(volume, mount), "profile-volume", expected);
    }
    for (kind, path, mount, expected) in [
        ("Pod", "/var/lib/kubelet/seccomp", "/a", warning),
        ("Pod", "//var/lib/", "/a", warning),
        ("DaemonSet", "/var/lib/kubelet/seccomp", "/a", note),
        ("Pod", "/", "/a, readOnly: true", None),
        ("Pod", "/var/lib", "/a, subPath: docker", None),
        ("Pod", "/var/lib", "/a, subPath: kubelet/seccomp/x", warning),
        ("Pod", "/var/log", "/a", None),
    ] {
        let spec = mounted(&format!("hostPath: {{path: {path}}}"), mount);
        assert_told(kind, &spec, "seccomp-host-path", expected);
    }
}

#[test]
fn what_a_container_may_is_told_as_far_as_it_bears_on_its_profile() {
    let (error, warning, note) = (Some(Severity::Error), Some(Severity::Warning), Some(Severity::Note));
    let pods = "securityContext: {seccompProfile: {type: RuntimeDefault}}, ";
    for (pods, own, code, expected) in [
        (pods, "capabilities: {add: [SYS_ADMIN]}", "capability-opens-calls", warning),
        (pods, "capabilities: {add: [all]}", "capability-opens-calls", warning),
        (pods, "capabilities: {add: [NET_BIND_SERVICE, CHOWN]}", "capability-opens-calls", None),
        (pods, "runAsUser: 0", "weak-context", note),
        (
            pods,
            "runAsUser: 7, readOnlyRootFilesystem: true, capabilities: {drop: [all]}",
            "weak-context",
            None,
        ),
        (pods, "privileged: true", "privileged-profile", error),
        ("", "privileged: true", "privileged-profile", warning),
    ] {
        let spec = format!("{{{pods}containers: [{{name: c, securityContext: {{{own}}}}}]}}");
        assert_told("Pod", &spec, code, expected);
    }
}

#[test]
fn profiles_of_what_makes_pods_belong_into_the_pods() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  securityContext:\n    seccompProfile: {type: RuntimeDefault}\n  template:\n    seccompProfile: {type: RuntimeDefault}\n    spec:\n      containers: [{name: c}]\n";
    let found = found("a.yaml", text);
    let places = found.iter().filter(|finding| finding.code == "misplaced-profile");
    let places: Vec<&str> = places.map(|finding| &text[finding.span.clone()]).collect();
    assert_eq!(places, ["securityContext", "seccompProfile"]);
    // Its own kinds may have such a field.
    let other = text
        .replace("Deployment", "Workload")
        .replace("    seccompProfile: {type: RuntimeDefault}\n    spec", "    spec");
    assert!(!told(&self::found("a.yaml", &other)).iter().any(|(code, ..)| *code == "misplaced-profile"));
}

#[test]
fn escalation_is_not_refused_beside_what_the_api_server_refuses_it_beside() {
    let pod = |cap: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: c\n    securityContext:\n      seccompProfile: {{type: Localhost, localhostProfile: a}}\n      capabilities: {{add: [{cap}]}}\n"
        )
    };
    for (cap, has_fix) in [("CAP_SYS_ADMIN", false), ("SYS_ADMIN", true), ("NET_RAW", true)] {
        let found = found("a.yaml", &pod(cap));
        let escalation = found.iter().find(|finding| finding.code == "escalation-allowed").unwrap();
        assert_eq!(escalation.fix.is_some(), has_fix, "{cap}");
    }
}
