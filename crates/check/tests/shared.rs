//! The models against what the real loaders and runtimes did, case by case: every line of data that is kept outside the
//! project. Skipped unless `CALLGATE_SHARED` says where it is.
#![expect(clippy::print_stderr, reason = "a skipped rung says why, and what was compared is counted")]
#![expect(clippy::unwrap_used, reason = "data that is not what it should be ends the test")]

use std::fs;
use std::path::PathBuf;

use callgate_check::explain::start::{Ending, start};
use callgate_check::lint::{Input, Located, Options, Policy, finish, join, look};
use callgate_check::resolve::resolve;
use callgate_check::target::{Loader, Target};
use callgate_check::{document::Document, flat, runtime::Outcome};
use callgate_core::baseline::{Machine, find};
use callgate_core::floor::{self, Version};
use callgate_core::sysno::Kernel;
use callgate_core::{Action, Arch, Call, Severity, profile};
use serde_json::{Value, json};

fn lines(file: &str) -> Vec<Value> {
    let Ok(shared) = std::env::var("CALLGATE_SHARED") else {
        eprintln!("skipped: CALLGATE_SHARED is not set");
        return Vec::new();
    };
    let path = PathBuf::from(shared).join("data").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("one JSON document per line")).collect()
}

fn target(loader: Loader, machine: Machine) -> Target {
    Target { loader, runtime: None, machine, libseccomp: None, no_new_privs: false }
}

fn arch(goarch: &str) -> Option<Arch> {
    Some(match goarch {
        "amd64" => Arch::X86_64,
        "386" => Arch::X86,
        "arm64" => Arch::Aarch64,
        "arm" => Arch::Arm,
        "ppc64le" => Arch::Ppc64le,
        "riscv64" => Arch::Riscv64,
        "s390x" => Arch::S390x,
        "loong64" => Arch::Loongarch64,
        _ => return None,
    })
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What a loader hands over, as runtime-spec's JSON: rules that name nothing left out, as they say nothing.
fn handed_over(text: &str, target: &Target) -> Result<Option<Value>, String> {
    let resolved = resolve_loader(text, target)?;
    Ok(resolved.map(|document| comparable(serde_json::from_str(&flat::text(&document)).unwrap())))
}

fn resolve_loader(text: &str, target: &Target) -> Result<Option<Document>, String> {
    use callgate_check::{
        dialect::Dialect,
        loader::{Loaded, load},
    };
    match load(target.loader, (text, Dialect::Go), &target.machine, &mut Vec::new()) {
        Ok(Loaded::Profile(document)) => Ok(Some(*document)),
        Ok(Loaded::Unconfined) => Ok(None),
        Ok(Loaded::Undecided(why)) => panic!("undecided: {why}"),
        Err(refusal) => Err(refusal.message),
    }
}

/// Both sides in one form: no empty lists, no `valueTwo` of 0.
fn comparable(mut value: Value) -> Value {
    let Some(rules) = value.get_mut("syscalls").and_then(Value::as_array_mut) else { return value };
    rules.retain(|rule| rule["names"].as_array().is_some_and(|names| !names.is_empty()));
    for rule in rules.iter_mut() {
        for arg in rule["args"].as_array_mut().into_iter().flatten() {
            for key in ["value", "valueTwo", "index"] {
                if arg[key].is_null() {
                    arg[key] = json!(0);
                }
            }
        }
    }
    if rules.is_empty() {
        value.as_object_mut().unwrap().remove("syscalls");
    }
    value
}

#[test]
fn loaders_hand_over_what_the_real_ones_did() {
    let cases = lines("loaders.jsonl");
    for case in &cases {
        let caps = strings(&case["bounding_caps"]);
        let kernel: Kernel = case["kernel"].as_str().unwrap().parse().unwrap();
        let machine = Machine::new(arch(case["goarch"].as_str().unwrap()).unwrap(), kernel, caps);
        let text = case["profile_text"].as_str().unwrap();
        let keys = [
            ("moby", Loader::Moby),
            ("containers_common", Loader::ContainersCommon),
            ("containerd_localhost", Loader::Containerd),
        ];
        for (key, loader) in keys {
            let name = format!("{} by {key}", case["case"]);
            let found = handed_over(text, &target(loader, machine.clone()));
            match (&case[key], found) {
                (Value::Null, found) => assert_eq!(found, Ok(None), "{name}"),
                (expected, Err(message)) => {
                    let theirs =
                        expected["error"].as_str().unwrap_or_else(|| panic!("{name}: we refuse: {message}"));
                    let fragment =
                        message.split("invalid JSON").next().unwrap().split(" number").next().unwrap();
                    assert!(
                        theirs.to_lowercase().contains(&fragment.to_lowercase())
                            || fragment.is_empty()
                            || theirs.contains("invalid character"),
                        "{name}: {message} / {theirs}"
                    );
                }
                (expected, Ok(found)) => assert_eq!(found, Some(comparable(expected.clone())), "{name}"),
            }
        }
    }
    eprintln!("{} cases", cases.len());
}

fn expansion(file: &str, loader: Loader) {
    let cases = lines(file);
    for case in &cases {
        let name = case["profile"].as_str().unwrap().trim_start_matches("fixtures/");
        let text = fs::read_to_string(
            PathBuf::from(std::env::var("CALLGATE_SHARED").unwrap()).join("data/profiles").join(name),
        )
        .unwrap();
        let Some(arch) = arch(case["goarch"].as_str().unwrap()) else { continue };
        let kernel: Kernel = case["kernel"].as_str().unwrap_or("6.18").parse().unwrap();
        let machine = Machine::new(arch, kernel, strings(&case["bounding_caps"]));
        let what = format!("{name} on {arch}, {kernel}, {}", case["bounding_caps"]);
        if arch == Arch::Loongarch64 && loader == Loader::Moby {
            // Not to be relied on: said as undecided.
            continue;
        }
        let found = handed_over(&text, &target(loader, machine));
        assert_eq!(found, Ok(Some(comparable(case["expected"].clone()))), "{what}");
    }
    eprintln!("{} cases", cases.len());
}

#[test]
fn docker_expands_its_profiles_as_the_model_does() {
    expansion("moby-default-expansion.jsonl", Loader::Moby);
}

#[test]
fn podman_expands_its_profiles_as_the_model_does() {
    expansion("containers-common-default-expansion.jsonl", Loader::ContainersCommon);
}

/// The runtime in the data's words, and the libseccomp it was built with.
fn runtime(name: &str) -> (callgate_check::target::Runtime, Option<Version>) {
    let runtime = name.replacen('-', "@", 1).parse().unwrap();
    let old = matches!(name, "runc-1.1.5" | "crun-1.8.1");
    (runtime, Some(if old { Version::new(2, 5, 4) } else { Version::new(2, 6, 1) }))
}

/// `64:63:0:7` and `i386:20`: ABI, number, arguments.
fn call(probe: &str) -> Call {
    let parts: Vec<&str> = probe.split(':').collect();
    let raw: u32 = parts[1].parse().unwrap();
    let (arch, nr) = match parts[0] {
        "i386" => (Arch::X86, raw),
        "64" if raw >= 0x4000_0000 => (Arch::X32, raw - 0x4000_0000),
        "64" => (Arch::X86_64, raw),
        other => panic!("{other}"),
    };
    let mut args = [0; 6];
    for (arg, text) in args.iter_mut().zip(&parts[2..]) {
        *arg = text.parse::<u64>().unwrap();
    }
    Call::new(arch, nr, args)
}

/// What a probe would see of an action, and whether that is what it saw. A call that passes has the kernel's own result.
fn agrees(action: Action, seen: &str) -> bool {
    match action {
        Action::Errno(0) => seen == "OK",
        Action::Errno(errno) => seen == format!("E{errno}"),
        // ENOSYS where nobody traces or listens.
        Action::Trace(_) | Action::Notify => seen == "E38",
        Action::KillProcess | Action::KillThread | Action::Trap(_) => seen == "SIG31",
        // EPERM is the filter's word in every one of these probes.
        Action::Allow | Action::Log => seen == "OK" || (seen.starts_with('E') && seen != "E1"),
    }
}

/// Holds one runtime's answers to a profile against the model's.
fn check(name: &str, profile: &str, runtime_name: &str, seen: &Value, probes: &[(String, String)]) -> bool {
    let (runtime, libseccomp) = runtime(runtime_name);
    let docker = find("docker").expect("it is there");
    let machine = docker.machine(Arch::X86_64, Kernel::new(6, 18));
    let target =
        Target { loader: Loader::Oci, runtime: Some(runtime), machine, libseccomp, no_new_privs: false };
    let accepted = seen["accepted"].as_bool().unwrap_or_else(|| seen.is_array());
    let message = seen["error"].as_str().or_else(|| seen.as_str()).unwrap_or_default().to_owned();
    match resolve(profile, &target) {
        Err(refusal) => {
            assert!(!accepted, "{name}, {runtime}: the model refuses: {}", refusal.message);
            // Quotation marks came and went between versions.
            let plain = |text: &str| text.replace(['`', '"'], "").to_lowercase();
            assert!(
                plain(&message).contains(&plain(&refusal.message)),
                "{name}, {runtime}: {} / {message}",
                refusal.message
            );
        }
        Ok(resolved) => match &resolved.outcome {
            Outcome::Undecided(_) => return false,
            _ if message.contains("connect socket") => return false,
            _ => {
                assert!(accepted, "{name}, {runtime}: the model accepts: {message}");
                for (probe, seen) in probes {
                    let fate = resolved.fate(&call(probe));
                    let action =
                        fate.action.unwrap_or_else(|| panic!("{name}, {runtime}: {probe}: {fate:?}"));
                    assert!(agrees(action, seen), "{name}, {runtime}: {probe}: {seen}, not {fate:?}");
                }
            }
        },
    }
    true
}

#[test]
fn runtimes_accept_and_refuse_what_the_real_ones_did() {
    let (mut compared, mut open) = (0, 0);
    for case in lines("runtime-accept-reject.jsonl") {
        let profile = case["linux.seccomp"].to_string();
        for (runtime, seen) in case["results"].as_object().unwrap() {
            let probes = seen["probe"].as_object().into_iter().flatten();
            let probes: Vec<_> = probes.map(|(p, s)| (p.clone(), s.as_str().unwrap().to_owned())).collect();
            if check(case["case"].as_str().unwrap(), &profile, runtime, seen, &probes) {
                compared += 1;
            } else {
                open += 1;
            }
        }
    }
    eprintln!("{compared} answers compared, {open} open");
    // A listener that nobody listened at, and builds of runc that differ.
    assert!(open <= 8);
}

#[test]
fn conditions_mean_what_they_meant_to_real_filters() {
    for case in lines("arg-semantics.jsonl") {
        let probes = strings(&case["probes(arch:nr:a0..a5)"]);
        for (runtime, seen) in case["results"].as_object().unwrap() {
            let pairs: Vec<_> =
                probes.iter().zip(strings(seen)).map(|(p, s)| ((*p).to_owned(), s.to_owned())).collect();
            check(case["case"].as_str().unwrap(), &case["linux.seccomp"].to_string(), runtime, seen, &pairs);
        }
    }
}

#[test]
fn numbers_that_no_rule_names_do_what_they_did_under_real_runtimes() {
    for case in lines("enosys-stub.jsonl") {
        let mut names = strings(&case["base_allow"]);
        names.extend(strings(&case["extra_allowed"]));
        let rules = json!([{"names": names, "action": "SCMP_ACT_ALLOW"}]);
        let profile = json!({"defaultAction": case["defaultAction"], "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules}).to_string();
        for (runtime, seen) in
            case["results"].as_object().unwrap().iter().filter(|(_, seen)| !seen["probes"].is_null())
        {
            let pairs: Vec<_> = strings(&case["probes"])
                .iter()
                .zip(strings(&seen["probes"]))
                .map(|(p, s)| ((*p).to_owned(), s.to_owned()))
                .collect();
            check(
                &format!("{} + {}", case["defaultAction"], case["extra_allowed"]),
                &profile,
                runtime,
                &json!({"accepted": true}),
                &pairs,
            );
        }
    }
}

/// Profiles that were copied from an article, under runtimes of four versions, with and without no_new_privs.
#[test]
fn profiles_of_an_article_start_where_it_is_said() {
    let Ok(shared) = std::env::var("CALLGATE_SHARED") else {
        eprintln!("skipped: CALLGATE_SHARED is not set");
        return;
    };
    let dir = PathBuf::from(shared).join("data/profiles/article");
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let results: Value = serde_json::from_str(&read("results.json")).unwrap();
    let mut compared = 0;
    for case in results.as_array().unwrap() {
        let name = case["profile"].as_str().unwrap();
        let (profile, _) = profile::read(&read(name)).unwrap_or_else(|e| panic!("{name}: {}", e.message));
        for (setting, result) in case["results"].as_object().unwrap() {
            let (runtime, nnp) = setting.split_once(" nnp=").unwrap();
            let found = floor::find(&runtime.replace('-', "@")).unwrap();
            let said = start(&profile, Arch::X86_64, &found, Some(nnp == "True"));
            let starts = said.ending != Ending::Fails;
            assert_eq!(Some(starts), result["starts"].as_bool(), "{name}: {setting}: {:?}", said.lacks);
            assert!(starts || !said.lacks.is_empty(), "{name}: {setting}");
            compared += 1;
        }
    }
    eprintln!("{compared} cases");
}

/// A file of others, looked at; what was found.
fn linted(name: &str, text: &str, options: &Options) -> Vec<Located> {
    let looked = look(Input { name, text, named: true }, options);
    let files = [(name.to_owned(), looked.clone())];
    let more =
        join(&files, &[], options, &|_| Some(text.to_owned())).findings.into_iter().map(|(_, f)| f).collect();
    finish((name, &text.into()), (looked, more), &[], (&Policy::default(), options)).report.findings
}

fn files_below(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn pods_pass_and_fail_the_pod_security_standards_as_their_folders_say() {
    let Ok(shared) = std::env::var("CALLGATE_SHARED") else {
        eprintln!("skipped: CALLGATE_SHARED is not set");
        return;
    };
    let root = PathBuf::from(shared).join("data/pss");
    let mut files = Vec::new();
    files_below(&root, &mut files);
    for path in &files {
        let parts: Vec<&str> =
            path.strip_prefix(&root).unwrap().iter().map(|p| p.to_str().unwrap()).collect();
        let [level, version, verdict, _] = parts[..] else { panic!("{path:?}") };
        let mut options = Options::new(Arch::X86_64, "2026-11-26");
        options.pss = Some(format!("{level}@{version}").parse().unwrap());
        let found = linted("pod.yaml", &fs::read_to_string(path).unwrap(), &options);
        let refused =
            found.iter().any(|l| l.finding.code.starts_with("pss-") && l.finding.severity == Severity::Error);
        assert_eq!(refused, verdict == "fail", "{path:?}: {found:#?}");
    }
    eprintln!("{} pods", files.len());
    assert!(files.len() > 70);
}

#[test]
fn profiles_of_docker_and_podman_have_no_error() {
    let Ok(shared) = std::env::var("CALLGATE_SHARED") else {
        eprintln!("skipped: CALLGATE_SHARED is not set");
        return;
    };
    let folder = PathBuf::from(shared).join("data/profiles");
    for name in [
        "containers-common-seccomp.json",
        "containers-common-example.json",
        "moby-default.json",
        "moby-default-old-format.json",
    ] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let found = linted(name, &text, &Options::new(Arch::X86_64, "2026-11-26"));
        let errors: Vec<_> = found.iter().filter(|l| l.finding.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

#[test]
fn whatever_a_real_runtime_refused_is_an_error_that_names_it() {
    let mut compared = 0;
    for case in lines("runtime-accept-reject.jsonl") {
        let profile = case["linux.seccomp"].to_string();
        for (name, seen) in case["results"].as_object().unwrap() {
            let accepted = seen["accepted"].as_bool().unwrap_or(true);
            let message = seen["error"].as_str().unwrap_or_default();
            let (runtime, libseccomp) = runtime(name);
            let mut options = Options::new(Arch::X86_64, "2026-11-26");
            let machine = options.machine.clone();
            options.targets = vec![Target {
                loader: Loader::Oci,
                runtime: Some(runtime),
                machine,
                libseccomp,
                no_new_privs: false,
            }];
            let found = linted("profile.json", &profile, &options);
            let says = |l: &Located| {
                l.finding.code == "refused-by-runtime" && l.finding.message.contains(runtime.name.name())
            };
            let told = found.iter().any(|l| says(l) && l.finding.severity == Severity::Error);
            // A listener that nobody listened at, and builds of runc that differ, say nothing about the profile.
            let open = found.iter().any(|l| l.finding.message.contains("is not to be relied on"));
            if open || message.contains("connect socket") {
                continue;
            }
            assert_eq!(told, !accepted, "{}, {name}: {message}: {found:#?}", case["case"]);
            compared += 1;
        }
    }
    eprintln!("{compared} answers compared");
}

/// The article's own blocks: each known mistake at its line of the article.
#[test]
fn mistakes_of_an_article_are_found_at_their_lines() {
    let Ok(shared) = std::env::var("CALLGATE_SHARED") else {
        eprintln!("skipped: CALLGATE_SHARED is not set");
        return;
    };
    let article = fs::read_to_string(PathBuf::from(shared).join("seed.md")).unwrap();
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    let mut block: Option<(String, usize, String)> = None;
    for (at, line) in article.lines().enumerate() {
        match (line.strip_prefix("```"), block.take()) {
            (Some(kind), None) => block = Some((kind.to_owned(), at + 1, String::new())),
            (Some(_), Some((kind, start, text))) => {
                let name = if text.contains("gitlab-ci") {
                    ".gitlab-ci.yml".to_owned()
                } else {
                    format!("block.{kind}")
                };
                if kind != "bash" {
                    let options = Options::new(Arch::X86_64, "2026-11-26");
                    found.extend(
                        linted(&name, &text, &options).iter().map(|l| (start + l.start.line, l.finding.code)),
                    );
                }
            }
            (None, Some((kind, start, text))) => block = Some((kind, start, text + line + "\n")),
            (None, None) => {}
        }
    }
    let line_of = |needle: &str, nth: usize| {
        let mut lines = article.lines().enumerate().filter(|(_, line)| line.contains(needle));
        lines.nth(nth).unwrap_or_else(|| panic!("{needle}")).0 + 1
    };
    for (needle, nth, code) in [
        ("\"SCMP_ARCH_X86\"", 0, "x86-architecture"),
        ("\"SCMP_ARCH_X32\"", 0, "x32-architecture"),
        ("\"syscalls\": [", 0, "runtime-calls-missing"),
        ("\"syscalls\": [", 1, "runtime-calls-missing"),
        ("localhostProfile: profiles/minimal-profile.json", 0, "container-cannot-start"),
        ("mountPath: /var/lib/kubelet/seccomp/profiles", 0, "profile-volume"),
        ("\"index\": 0", 0, "lonely-socket-family"),
        ("kubernetes.io/pod: \"audit\"", 0, "annotation-value"),
        ("kubernetes.io/pod: \"audit\"", 0, "alpha-annotation"),
        ("- name: web-server", 0, "escalation-allowed"),
        ("- name: log-processor", 0, "escalation-allowed"),
        ("jq empty", 0, "syntax-only-check"),
        ("grep Running", 0, "pod-status-grep"),
    ] {
        // A condition's place is its brace, on the line before its index.
        let line = line_of(needle, nth) - usize::from(needle.contains("index"));
        assert!(found.contains(&(line, code)), "{code} at line {line}: {found:?}");
    }
}
