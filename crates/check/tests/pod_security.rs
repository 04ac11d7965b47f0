//! `--pss` against what the admission controller decides, over every combination of what a pod and its containers say.

#![expect(clippy::unwrap_used, reason = "a fixture that is not what it should be ends the test")]

use callgate_check::lint::{Input, Options, look};
use callgate_core::Arch;

/// A `seccompProfile`: how it is written, whether it is set at all, and whether its type is one that is let through.
#[derive(Clone, Copy)]
struct Said {
    text: &'static str,
    set: bool,
    fine: bool,
}

const SAID: [Said; 8] = [
    Said { text: "", set: false, fine: false },
    Said { text: "null", set: false, fine: false },
    Said { text: "{type: RuntimeDefault}", set: true, fine: true },
    Said { text: "{type: Localhost, localhostProfile: a.json}", set: true, fine: true },
    Said { text: "{type: Unconfined}", set: true, fine: false },
    Said { text: "{type: runtime/default}", set: true, fine: false },
    Said { text: "{type: ''}", set: true, fine: false },
    Said { text: "{}", set: true, fine: false },
];

const SYSTEMS: [&str; 3] = ["", "linux", "windows"];
const RELEASES: [&str; 4] = ["v1.19", "v1.24", "v1.25", "latest"];

/// What the admission controller says of fields: `policy/check_seccompProfile_baseline.go` from 1.19 on; in place of it, at the
/// level `restricted`, `check_seccompProfile_restricted.go`.
fn admitted(restricted: bool, windows_exempt: bool, pod: Said, containers: &[Said]) -> bool {
    if restricted && windows_exempt {
        return true;
    }
    let bad = |said: &Said| said.set && !said.fine;
    let missing = restricted && !pod.fine && containers.iter().any(|own| !own.set);
    !(bad(&pod) || containers.iter().any(bad) || missing)
}

fn context(said: Said) -> String {
    if said.text.is_empty() {
        return String::new();
    }
    format!(", securityContext: {{seccompProfile: {}}}", said.text)
}

/// The codes of this family that a text is given.
fn codes(text: &str, standard: &str) -> Vec<&'static str> {
    let mut options = Options::new(Arch::X86_64, "2026-11-26");
    options.pss = Some(standard.parse().unwrap());
    let found = look(Input { name: "pod.yaml", text, named: true }, &options).findings;
    found.iter().map(|finding| finding.code).filter(|code| code.starts_with("pss-")).collect()
}

#[test]
fn every_pod_is_admitted_or_refused_as_the_admission_controller_has_it() {
    let mut compared = 0;
    for pod in SAID {
        for app in SAID {
            for other in SAID {
                for role in ["initContainers", "ephemeralContainers"] {
                    for system in SYSTEMS {
                        let os = if system.is_empty() {
                            String::new()
                        } else {
                            format!(", os: {{name: {system}}}")
                        };
                        let text = format!(
                            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: app{}}}], {role}: [{{name: other{}}}]{}{os}}}\n",
                            context(app),
                            context(other),
                            context(pod),
                        );
                        for release in RELEASES {
                            let exempt = system == "windows" && matches!(release, "v1.25" | "latest");
                            for level in ["baseline", "restricted"] {
                                let expected = admitted(level == "restricted", exempt, pod, &[app, other]);
                                let found = codes(&text, &format!("{level}@{release}"));
                                assert_eq!(
                                    found.is_empty(),
                                    expected,
                                    "{level}@{release}: {found:?}\n{text}"
                                );
                                compared += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert_eq!(compared, 8 * 8 * 8 * 2 * 3 * 4 * 2);
}

#[test]
fn a_place_is_told_of_once_at_the_strictest_level() {
    let pod = |own: &str, app: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  securityContext: {own}\n  containers:\n  - {{name: app{app}}}\n  - {{name: b}}\n"
        )
    };
    let unconfined = "{seccompProfile: {type: Unconfined}}";
    let default = ", securityContext: {seccompProfile: {type: RuntimeDefault}}";
    for (text, expected) in [
        (pod("{}", ""), vec!["pss-restricted"]),
        (pod("{}", default), vec!["pss-restricted"]),
        (pod(unconfined, ""), vec!["pss-baseline"]),
        (pod(unconfined, default), vec!["pss-baseline"]),
    ] {
        assert_eq!(codes(&text, "restricted"), expected, "{text}");
    }
}

/// Before 1.19: annotations of the pod alone, not those of what makes it, and of its own containers alone.
#[test]
fn before_there_were_fields_annotations_of_the_pod_decide() {
    let key = "seccomp.security.alpha.kubernetes.io/pod";
    let of = |name: &str| format!("container.seccomp.security.alpha.kubernetes.io/{name}");
    for (own, template, passes) in [
        (format!("{key}: unconfined"), String::new(), true),
        (String::new(), format!("{key}: unconfined"), false),
        (String::new(), format!("{key}: ''"), false),
        (String::new(), format!("{key}: localhost/a.json"), true),
        (String::new(), format!("{key}: localhost"), false),
        (String::new(), format!("{key}: docker/default"), true),
        (String::new(), format!("{}: audit", of("app")), false),
        (String::new(), format!("{}: unconfined", of("init")), false),
        (String::new(), format!("{}: unconfined", of("nobody")), true),
    ] {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a, annotations: {{{own}}}}}\nspec:\n  template:\n    metadata: {{annotations: {{{template}}}}}\n    spec:\n      securityContext: {{seccompProfile: {{type: Unconfined}}}}\n      containers: [{{name: app}}]\n      initContainers: [{{name: init}}]\n"
        );
        for standard in ["baseline@v1.0", "baseline@v1.18", "restricted@v1.18"] {
            assert_eq!(codes(&text, standard).is_empty(), passes, "{standard}:\n{text}");
        }
    }
}
