//! The published schemas, held against what is printed and what is read.

use std::collections::BTreeSet;

use callgate_core::arch::OCI_UNMODELLED;
use callgate_core::profile::{self, FLAGS};
use callgate_core::set::Op;
use callgate_core::{Action, Arch};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::ci::{BAD, CLEAN};
use crate::harness::Lab;

const LINT: &str = include_str!("../../../../docs/schema/lint.json");
const BASELINE: &str = include_str!("../../../../docs/schema/baseline.json");
const CONFIG: &str = include_str!("../../../../docs/schema/config.json");
const PROFILE: &str = include_str!("../../../../docs/schema/profile.json");

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::meta::validate(schema).unwrap_or_else(|e| panic!("no schema: {e}"));
    jsonschema::draft202012::new(schema).unwrap()
}

#[track_caller]
fn holds(schema: &Validator, document: &Value) {
    let wrong: Vec<String> =
        schema.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{document}");
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list["enum"].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn lists_in_schemas_are_those_of_the_program() {
    for (name, text) in [("lint", LINT), ("baseline", BASELINE), ("config", CONFIG), ("profile", PROFILE)] {
        let schema = parsed(text);
        validator(&schema);
        assert_eq!(schema["$id"], format!("https://callgate.dev/schema/{name}.json"));
    }
    let rules = Lab::new().callgate("rule --format json").expect(0).json();
    let codes: BTreeSet<&str> =
        rules["rules"].as_array().unwrap().iter().map(|rule| rule["code"].as_str().unwrap()).collect();
    for schema in [LINT, CONFIG].map(parsed) {
        assert_eq!(texts(&schema["$defs"]["code"]), codes);
    }
    let profile = parsed(PROFILE);
    assert_eq!(texts(&profile["$defs"]["action"]), Action::OCI_NAMES.into());
    assert_eq!(
        texts(&profile["$defs"]["condition"]["properties"]["op"]),
        Op::ALL.map(|(_, name)| name).into()
    );
    assert_eq!(texts(&profile["properties"]["flags"]["items"]), FLAGS.into());
    let arches = Arch::ALL.iter().map(|arch| arch.oci()).chain(OCI_UNMODELLED).collect();
    assert_eq!(texts(&profile["properties"]["architectures"]["items"]), arches);
}

/// Findings with fixes, labels and hints, in a profile, a manifest, and what is none of them.
fn repository() -> Lab {
    let lab = Lab::new();
    lab.write("bad.json", BAD);
    lab.write("clean.yaml", CLEAN);
    lab.write("broken.yaml", "kind: Pod\n  spec: [\n");
    lab.write(
        "rules.json",
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
            {"names": ["read", "raed"], "action": "SCMP_ACT_ALLOW"}, {"names": ["read"], "action": "SCMP_ACT_LOG"},
            {"names": ["clone3"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#,
    );
    lab.write(
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: app\n    image: web:1\n    \
         securityContext:\n      seccompProfile: {type: localhost, localhostProfile: /a/../b.json}\n",
    );
    lab
}

#[test]
fn what_lint_prints_is_as_its_schema_says() {
    let lab = repository();
    let found = lab.callgate("lint --pss restricted --format json .").expect(1).json();
    let schema = parsed(LINT);
    let document = validator(&schema);
    holds(&document, &found);
    let findings = found["findings"].as_array().unwrap();
    for key in ["hint", "labels", "fix"] {
        assert!(findings.iter().any(|finding| !finding[key].is_null()), "no finding with {key}");
    }
    holds(&document, &lab.callgate("lint --format json clean.yaml").expect(0).json());

    // A line of jsonl is a finding.
    let mut line = schema;
    line["$ref"] = json!("#/$defs/finding");
    for key in ["type", "properties", "required", "additionalProperties"] {
        line.as_object_mut().unwrap().remove(key);
    }
    let line = validator(&line);
    let lines = lab.callgate("lint --pss restricted --format jsonl .").expect(1).stdout;
    assert_eq!(lines.lines().count(), findings.len());
    lines.lines().for_each(|text| holds(&line, &parsed(text)));

    // And nothing less.
    for key in ["code", "severity", "message", "file", "line", "column", "end_line", "end_column"] {
        let mut less = found.clone();
        less["findings"][0].as_object_mut().unwrap().remove(key);
        assert!(!document.is_valid(&less), "{key}");
    }
}

#[test]
fn baselines_are_as_their_schema_says() {
    let lab = repository();
    lab.callgate("lint --write-baseline known.json .").expect(0);
    let written = lab.json("known.json");
    assert!(!written["findings"].as_array().unwrap().is_empty());
    let schema = validator(&parsed(BASELINE));
    holds(&schema, &written);
    assert!(!schema.is_valid(&json!({"schema": "callgate.dev/lint-baseline/v9", "findings": []})));
    assert!(!schema.is_valid(&json!({"schema": written["schema"]})));
}

#[test]
fn a_configuration_is_read_where_its_schema_takes_it_and_refused_where_not() {
    let schema = validator(&parsed(CONFIG));
    let lab = Lab::new();
    lab.write("clean.yaml", CLEAN);
    lab.write("known.json", r#"{"schema": "callgate.dev/lint-baseline/v1", "findings": []}"#);
    let good = [
        "",
        "[lint]\n",
        "[lint]\nfail-on = \"warning\"\npss = \"restricted@v1.30\"\nprofiles = [\".\"]\nruntime = [\"runc@1.1.5\", \"crun\"]\n\
         loader = \"containerd\"\nlibseccomp = \"2.5.4\"\nkernel = \"6.1\"\narch = \"x86_64\"\nexclude = [\"vendor/\"]\n\
         baseline = \"known.json\"\n[lint.severity]\nno-log-flag = \"off\"\nunknown-call = \"error\"\n\
         [[lint.ignore]]\npaths = [\"a/*\"]\ncodes = [\"no-log-flag\"]\nreason = \"why\"\nuntil = \"2027-01-31\"\n",
        "[lint]\npss = \"baseline@latest\"\nfail-on = \"never\"\n",
    ];
    let bad = [
        "[lynt]\n",
        "[lint]\nfail_on = \"error\"\n",
        "[lint]\nfail-on = \"fatal\"\n",
        "[lint]\npss = \"privileged\"\n",
        "[lint]\npss = \"restricted@1\"\n",
        "[lint]\nruntime = \"runc\"\n",
        "[lint.severity]\nno-such-rule = \"off\"\n",
        "[lint.severity]\nno-log-flag = \"fatal\"\n",
        "[[lint.ignore]]\npaths = [\"a\"]\ncodes = [\"no-log-flag\"]\n",
        "[[lint.ignore]]\npaths = [\"a\"]\ncodes = [\"no-log-flag\"]\nreason = \" \"\n",
        "[[lint.ignore]]\npaths = [\"a\"]\ncodes = [\"no-such-rule\"]\nreason = \"why\"\n",
        "[[lint.ignore]]\npaths = [\"a\"]\ncodes = [\"no-log-flag\"]\nreason = \"why\"\nuntil = \"soon\"\n",
    ];
    for (text, takes) in good.map(|text| (text, true)).into_iter().chain(bad.map(|text| (text, false))) {
        let document: Value = toml::from_str(text).unwrap();
        assert_eq!(schema.is_valid(&document), takes, "{text}");
        lab.write("callgate.toml", text);
        let code = lab.callgate("lint clean.yaml").run().code();
        assert_eq!(code != 2, takes, "{code}: {text}");
    }
}

/// A document with one thing in place of another.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [
            {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
            {"name": "write", "action": "SCMP_ACT_TRACE", "errnoRet": 65535},
            {"names": ["ioctl"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "comment": "why",
             "args": [{"index": 1, "value": 21522, "valueTwo": 0, "op": "SCMP_CMP_EQ"}],
             "includes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8"}, "excludes": {}},
        ],
    });
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[key] = value;
    document
}

#[test]
fn a_profile_is_read_where_its_schema_takes_it_and_refused_where_not() {
    let schema = validator(&parsed(PROFILE));
    let cases = [
        ("/defaultAction", json!("SCMP_ACT_ERRNO"), true),
        ("/defaultAction", json!("SCMP_ACT_TRACE"), true),
        ("/defaultAction", json!("SCMP_ACT_ALOW"), false),
        ("/defaultAction", json!(1), false),
        ("/defaultErrnoRet", json!(4095), true),
        ("/defaultErrnoRet", json!(4096), false),
        ("/defaultErrnoRet", json!(-1), false),
        ("/defaultErrnoRet", json!("1"), false),
        ("/architectures", json!([]), true),
        ("/architectures", json!(["SCMP_ARCH_MIPS"]), true),
        ("/architectures", json!(["amd64"]), false),
        ("/architectures", json!("SCMP_ARCH_X86"), false),
        ("/flags", json!(["SECCOMP_FILTER_FLAG_LOGS"]), false),
        ("/syscalls", json!([]), true),
        ("/syscalls", json!({}), false),
        ("/archMap", json!([{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": null}]), true),
        ("/listenerPath", json!("/run/agent.sock"), true),
        ("/listenerPath", json!(1), false),
        ("/somethingElse", json!({"kept": true}), true),
        ("/syscalls/0/names", json!([]), false),
        ("/syscalls/0/names", json!([""]), false),
        ("/syscalls/0/names", json!("read"), false),
        ("/syscalls/0/action", json!("ALLOW"), false),
        ("/syscalls/0/args", json!(null), true),
        ("/syscalls/0/somethingElse", json!(1), true),
        ("/syscalls/1/errnoRet", json!(65536), false),
        ("/syscalls/1/action", json!("SCMP_ACT_ERRNO"), false),
        ("/syscalls/1/name", json!(""), false),
        ("/syscalls/2/comment", json!(1), false),
        ("/syscalls/2/includes", json!(null), true),
        ("/syscalls/2/args/0/index", json!(5), true),
        ("/syscalls/2/args/0/index", json!(6), false),
        ("/syscalls/2/args/0/value", json!(u64::MAX), true),
        ("/syscalls/2/args/0/value", json!(1.5), false),
        ("/syscalls/2/args/0/valueTwo", json!(-1), false),
        ("/syscalls/2/args/0/op", json!("=="), false),
        ("/syscalls/2/args/0/values", json!(1), false),
    ];
    for (pointer, value, takes) in cases {
        let document = with(pointer, value);
        assert_eq!(schema.is_valid(&document), takes, "schema: {pointer} {document}");
        let read = profile::read(&document.to_string());
        assert_eq!(read.is_ok(), takes, "{pointer} {document}: {:?}", read.err());
    }
}

#[test]
fn a_profile_without_what_it_needs_is_refused_by_its_schema_and_not_read() {
    let schema = validator(&parsed(PROFILE));
    for (without, part) in
        [("/defaultAction", ""), ("/syscalls/0/action", "/syscalls/0"), ("/syscalls/0/names", "/syscalls/0")]
    {
        let mut document = with("/syscalls/0/comment", json!("why"));
        let key = without.rsplit('/').next().unwrap();
        document.pointer_mut(part).unwrap().as_object_mut().unwrap().remove(key).unwrap();
        assert!(!schema.is_valid(&document) && profile::read(&document.to_string()).is_err(), "{without}");
    }
}

#[test]
fn what_callgate_writes_is_a_profile_by_the_schema() {
    let schema = validator(&parsed(PROFILE));
    let lab = Lab::new();
    for default in ["docker", "containerd", "podman", "cri-o"] {
        holds(&schema, &parsed(&lab.callgate(&format!("default {default}")).expect(0).stdout));
    }
    for name in super::examples::NAMES {
        holds(&schema, &parsed(&super::examples::read(name, &format!("{name}.json"))));
    }
}
