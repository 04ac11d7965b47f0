//! What loaders hand over, case by case: in our own words.

use callgate_check::dialect::Dialect;
use callgate_check::loader::{Loaded, load};
use callgate_check::target::Loader;
use callgate_core::Arch;
use callgate_core::baseline::{Kernel, Machine};

const LOADERS: [Loader; 3] = [Loader::Moby, Loader::ContainersCommon, Loader::Containerd];

fn machine(arch: Arch, kernel: (u16, u16), caps: &[&str]) -> Machine {
    Machine::new(arch, Kernel::new(kernel.0, kernel.1), caps.iter().copied())
}

/// The first call of every rule that is handed over with its errno, or what else becomes of the profile.
fn by(loader: Loader, text: &str, machine: &Machine) -> String {
    match load(loader, (text, Dialect::Go), machine, &mut Vec::new()) {
        Err(refusal) => format!("refused: {}", refusal.message),
        Ok(Loaded::Unconfined) => "unconfined".to_owned(),
        Ok(Loaded::Undecided(why)) => format!("undecided: {why}"),
        Ok(Loaded::Profile(document)) => {
            let errno = |errno: Option<u64>| errno.map(|e| format!("={e}")).unwrap_or_default();
            let rules: Vec<String> =
                document.rules.iter().map(|r| format!("{}{}", r.names.join("+"), errno(r.errno))).collect();
            let arches = document.architectures.join(",").replace("SCMP_ARCH_", "");
            format!("{} [{arches}] {}", errno(document.default_errno), rules.join(" ")).trim().to_owned()
        }
    }
}

/// The same by Docker, Podman and containerd.
fn all(text: &str, machine: &Machine) -> [String; 3] {
    LOADERS.map(|loader| by(loader, text, machine))
}

fn rule(more: &str) -> String {
    format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["mount"], "action": "SCMP_ACT_ERRNO", {more}}}]}}"#
    )
}

fn plain() -> Machine {
    machine(Arch::X86_64, (6, 1), &["CAP_CHOWN"])
}

#[test]
fn what_is_no_profile_is_no_seccomp_to_two_of_them() {
    for text in ["{}", "null", r#"{"spec": {"defaultAction": "SCMP_ACT_ERRNO"}}"#] {
        assert_eq!(all(text, &plain()), ["unconfined", "unconfined", "[]"], "{text}");
    }
}

#[test]
fn what_is_no_json_is_refused_by_all() {
    for text in [r#"{"defaultAction": "SCMP_ACT_ALLOW",}"#, "// no\n{}", "{} {}", "\u{feff}{}", ""] {
        for loader in LOADERS {
            let found = by(loader, text, &plain());
            assert!(
                found.to_lowercase().starts_with("refused: decoding seccomp profile failed: invalid json"),
                "{found}"
            );
        }
    }
}

#[test]
fn capabilities_decide_about_rules_with_two_of_them() {
    let needs = rule(r#""includes": {"caps": ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]}"#);
    assert_eq!(all(&needs, &plain()), ["[]", "[]", "[] mount"]);
    let both = machine(Arch::X86_64, (6, 1), &["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]);
    assert_eq!(all(&needs, &both), ["[] mount"; 3]);
    let gives_way = rule(r#""excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_CHOWN"]}"#);
    assert_eq!(all(&gives_way, &plain()), ["[]", "[]", "[] mount"]);
    let contradiction = rule(r#""includes": {"caps": ["CAP_CHOWN"]}, "excludes": {"caps": ["CAP_CHOWN"]}"#);
    assert_eq!(all(&contradiction, &plain()), ["[]", "[]", "[] mount"]);
}

#[test]
fn architectures_have_libseccomps_names() {
    let on = |name: &str| rule(&format!(r#""includes": {{"arches": ["{name}"]}}"#));
    assert_eq!(all(&on("amd64"), &plain())[..2], ["[] mount"; 2]);
    for wrong in ["x86_64", "SCMP_ARCH_X86_64", "AMD64"] {
        assert_eq!(all(&on(wrong), &plain())[..2], ["[]"; 2], "{wrong}");
    }
    assert_eq!(all(&on("arm64"), &machine(Arch::Aarch64, (6, 1), &[]))[..2], ["[] mount"; 2]);
}

#[test]
fn kernels_count_for_docker_alone() {
    let since = |version: &str| rule(&format!(r#""includes": {{"minKernel": {version}}}"#));
    assert_eq!(all(&since(r#""6.2""#), &plain()), ["[]", "[] mount", "[] mount"]);
    assert_eq!(all(&since(r#""6.1""#), &plain())[0], "[] mount");
    assert_eq!(all(&since(r#""""#), &plain())[0], "[] mount");
    for wrong in ["4.8", r#""4.8.1""#, r#""0.0""#, r#""4""#, r#""4.300""#, r#""+4.8""#] {
        let [docker, podman, _] = all(&since(wrong), &plain());
        assert!(docker.contains("invalid kernel version"), "{wrong}: {docker}");
        assert_eq!(podman, "[] mount");
    }
    // An empty one is 0.0, which every kernel has reached.
    assert_eq!(all(&rule(r#""excludes": {"minKernel": ""}"#), &plain())[0], "[]");
}

#[test]
fn errnos_have_names_for_podman_alone() {
    assert_eq!(all(&rule(r#""errno": "ENOSYS""#), &plain()), ["[] mount", "[] mount=38", "[] mount"]);
    assert_eq!(
        all(&rule(r#""errno": "38", "errnoRet": 1"#), &plain()),
        ["[] mount=1", "[] mount=38", "[] mount=1"]
    );
    assert_eq!(all(&rule(r#""errno": "ENOTHING""#), &plain())[1], "refused: unknown errno ENOTHING");
    let default = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS", "defaultErrnoRet": 1}"#;
    assert_eq!(all(default, &plain()), ["=1 []", "=38 []", "=1 []"]);
}

#[test]
fn the_machines_entry_of_arch_map_is_taken() {
    let map = r#"{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
        {"architecture": "SCMP_ARCH_PPC64LE", "subArchitectures": null}]}"#;
    assert_eq!(all(map, &plain()), ["[X86_64,X86]", "[X86_64,X86]", "[]"]);
    assert_eq!(all(map, &machine(Arch::Ppc64le, (6, 1), &[])), ["[PPC64LE]", "[]", "[]"]);
    assert_eq!(all(map, &machine(Arch::Riscv64, (6, 1), &[])), ["[]"; 3]);
    let twice = map.replace("\"archMap\"", "\"architectures\": [\"SCMP_ARCH_X86_64\"], \"archMap\"");
    let [docker, podman, containerd] = all(&twice, &plain());
    assert!(docker.contains("both 'architectures' and 'archMap' are specified"), "{docker}");
    assert!(podman.contains("'architectures' and 'archMap' were specified"), "{podman}");
    assert_eq!(containerd, "[X86_64]");
}

#[test]
fn the_old_name_is_one_to_two_of_them() {
    let old =
        r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"name": "read", "action": "SCMP_ACT_ALLOW"}]}"#;
    assert_eq!(all(old, &plain()), ["[] read", "[] read", "[]"]);
    let both = old.replace("\"name\"", "\"names\": [\"write\"], \"name\"");
    let [docker, podman, containerd] = all(&both, &plain());
    assert!(docker.contains("both 'name' and 'names' are specified"), "{docker}");
    assert!(podman.contains("'name' and 'names' were specified"), "{podman}");
    assert_eq!(containerd, "[] write");
}

#[test]
fn keys_are_matched_as_go_matches_them() {
    let odd = r#"{"DefaultAction": "SCMP_ACT_KILL", "defaultaction": "SCMP_ACT_ERRNO", "SYSCALLS": [{"Names": ["read"], "ACTION": "SCMP_ACT_ALLOW"}]}"#;
    assert_eq!(all(odd, &plain()), ["[] read"; 3]);
}

#[test]
fn what_is_read_past_is_said_with_its_lines() {
    let text = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [\n{\"names\": [\"bpf\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"CAP_BPF\"], \"minKernel\": \"5.8\"}}]}";
    let notes = |loader| {
        let mut notes = Vec::new();
        load(loader, (text, Dialect::Go), &plain(), &mut notes).expect("a profile");
        notes.into_iter().map(|note| note.message).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(notes(Loader::Moby), "");
    assert!(notes(Loader::CriO).contains("`minKernel` counts for nothing to CRI-O"));
    assert!(notes(Loader::Containerd).contains("the rule holds for every container (line 2)"));
}
