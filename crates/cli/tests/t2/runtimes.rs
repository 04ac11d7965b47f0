//! What the models say of runc and crun, held against the two: filters are proven equal for every call there is, and what
//! is refused is refused with the words that were said.

#[path = "../../../check/tests/cases/mod.rs"]
mod cases;

use std::fs;
use std::process::Command;

use cases::{ABSENT, CASES, LIST};

use super::containers::{RUNTIMES, Runtime, busybox};
use super::outside_containers::podman;
use crate::harness::{Ended, Lab, skip, until};

/// Keeps a container's program apart from others'.
const SECONDS: u32 = 86_413;

/// The container's program, by its arguments; none if the container ended.
fn program(seconds: u32, ended: impl Fn() -> bool) -> Option<u32> {
    let wanted = format!("sleep\0{seconds}\0");
    let find = || {
        let entries = fs::read_dir("/proc").expect("/proc").flatten();
        let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.find(|pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == wanted))
    };
    until("the container runs or ends", || find().is_some() || ended());
    find()
}

/// Starts a container with this `linux.seccomp`, and hears what callgate says of its filter; or how the runtime refused.
fn inspect(lab: &Lab, runtime: &Runtime, (profile, seconds): (&str, u32)) -> Result<Ended, Ended> {
    lab.sh("rm -rf held && mkdir held && cd held && runc spec").expect(0);
    let mut config = lab.json("held/config.json");
    config["process"]["terminal"] = false.into();
    config["process"]["args"] = serde_json::json!(["sleep", seconds.to_string()]);
    config["root"]["path"] = lab.path("rootfs").to_str().expect("UTF-8").into();
    config["linux"]["resources"] = serde_json::json!({});
    config["linux"]["seccomp"] = serde_json::from_str(profile).expect("JSON");
    lab.write("held/config.json", config.to_string());
    lab.write("held.json", profile);
    let running = runtime.run_detached(lab, "held").start();
    let path = format!("/proc/{}", running.pid());
    let ended = || fs::read_to_string(format!("{path}/stat")).map_or(true, |stat| stat.contains(") Z"));
    let Some(pid) = program(seconds, ended) else { return Err(running.end()) };
    let words = format!(
        "inspect {pid} --profile held.json --runtime {} --libseccomp {}",
        runtime.versioned(),
        installed("libseccomp2")
    );
    let said = lab.callgate(&words).run();
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill").success();
    let ended = running.end();
    assert!(killed, "{profile}: {}{}{}", said.stderr, ended.stdout, ended.stderr);
    Ok(said)
}

/// The version of a Debian package.
pub(super) fn installed(package: &str) -> String {
    let out =
        Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output().expect("dpkg-query");
    String::from_utf8(out.stdout).expect("UTF-8").trim().to_owned()
}

/// What was said of a case for this version or an earlier one that is the same to it.
fn said<'c>(becomes: &'c [(&str, &'c str)], runtime: &Runtime) -> Option<&'c str> {
    let version = runtime.versioned();
    let exact = |(runtimes, _): &&(&str, &str)| runtimes.split(' ').any(|r| version == r);
    becomes.iter().find(exact).map(|(_, what)| *what)
}

fn hold(lab: &Lab, runtime: &Runtime, shows: &str, (profile, becomes, seconds): (&str, &str, u32)) {
    let found = inspect(lab, runtime, (profile, seconds));
    let name = runtime.versioned();
    match (becomes.strip_prefix("refused: "), found) {
        (Some(message), Err(ended)) => {
            let plain = |text: &str| text.replace(['`', '"', '\\'], "").to_lowercase();
            let heard = plain(&format!("{}{}", ended.stdout, ended.stderr));
            assert!(heard.contains(&plain(message)), "{shows}, {name}: {heard}");
        }
        (Some(message), Ok(_)) => panic!("{shows}, {name}: not refused: {message}"),
        (None, Err(ended)) => panic!("{shows}, {name}: {}{}", ended.stdout, ended.stderr),
        // The strict reader wants a profile, whatever a runtime takes for one.
        (None, Ok(said)) if said.stderr.contains("invalid profile") => {}
        (None, Ok(said)) => {
            assert!(
                said.stdout.contains("equal to held.json"),
                "{shows}, {name}: {}{}",
                said.stdout,
                said.stderr
            );
        }
    }
}

#[test]
fn real_filters_are_proven_to_be_what_was_said_of_them() {
    let Some(lab) = Lab::root(&["runc", "crun", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    let mut seconds = SECONDS + std::process::id() % 1000 * 1000;
    let mut held = 0;
    for runtime in &RUNTIMES {
        for case in CASES {
            // Without a listener nothing starts, or it starts and hangs.
            let Some(becomes) = said(case.becomes, runtime).filter(|_| !case.profile.contains("NOTIFY"))
            else {
                continue;
            };
            seconds += 1;
            hold(&lab, runtime, case.shows, (case.profile, becomes, seconds));
            held += 1;
        }
        for (default, more, becomes) in ABSENT {
            let Some(becomes) = said(becomes, runtime) else { continue };
            // crun needs close_range, which a list that ends before it makes deadly.
            if *default == "KILL_PROCESS" {
                continue;
            }
            let profile = format!(
                r#"{{"defaultAction": "SCMP_ACT_{default}", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [{{"names": [{more}{LIST}], "action": "SCMP_ACT_ALLOW"}}]}}"#
            );
            seconds += 1;
            hold(&lab, runtime, default, (&profile, becomes, seconds));
            held += 1;
        }
    }
    // Versions that the cases do not speak of are skipped; Debian's are spoken of.
    println!("{held} profiles held against runtimes");
    assert!(held >= 60 || !["runc@1.1.5", "crun@1.8.1"].contains(&RUNTIMES[0].versioned().as_str()));
}

#[test]
fn dockers_default_profile_is_proven_to_be_what_runc_and_crun_load() {
    let Some(lab) = Lab::root(&["runc", "crun", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    let seconds = SECONDS + std::process::id() % 1000 * 1000 + 900;
    lab.write(
        "docker.json",
        fs::read_to_string("/usr/share/containers/seccomp.json").unwrap_or_else(|_| DOCKERS.to_owned()),
    );
    lab.callgate("expand docker.json --loader podman -o flat.json").expect(0);
    let flat = lab.read("flat.json");
    for (at, runtime) in RUNTIMES.iter().enumerate() {
        hold(&lab, runtime, "the default", (&flat, "equal", seconds + at as u32));
    }
}

#[test]
fn what_podman_hands_to_runc_is_proven_to_be_what_was_said_of_it() {
    let Some(lab) = Lab::root(&["podman", "runc", "busybox"]) else { return };
    busybox(&lab, "rootfs");
    lab.write("p.json", PODMANS);
    let runc = RUNTIMES[0].versioned();
    let seconds = SECONDS + std::process::id() % 1000 * 1000 + 950;
    // A machine may not let root raise its limits, which podman would do.
    let limits = "--network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024";
    let start = |words: &str, command: &[&str]| {
        let mut call = podman(&lab, &format!("run --rm {limits} {words}"));
        call.arg("--rootfs").arg(lab.path("rootfs")).args(command);
        call
    };
    let tried = start("", &["sleep", "0"]).run();
    if tried.code() != 0 {
        return skip("t2", &format!("podman cannot run a container here: {}", tried.stderr.trim()));
    }
    // With a capability that the profile asks for, and without.
    for (add, caps) in [("", "CAP_CHOWN"), ("--cap-add SYS_ADMIN", "CAP_CHOWN,CAP_SYS_ADMIN")] {
        let profile = lab.path("p.json");
        let words = format!("{add} --security-opt seccomp={}", profile.display());
        let running = start(&words, &["sleep", &seconds.to_string()]).start();
        let path = format!("/proc/{}", running.pid());
        let ended = || fs::read_to_string(format!("{path}/stat")).map_or(true, |stat| stat.contains(") Z"));
        let pid = program(seconds, ended).unwrap_or_else(|| panic!("it ended: {}", running.stderr()));
        let inspect = |caps: &str| {
            let release = installed("libseccomp2");
            let place = format!("--loader podman --runtime {runc} --libseccomp {release} --caps {caps}");
            lab.callgate(&format!("inspect {pid} --profile p.json {place}")).run()
        };
        let (right, wrong) = (inspect(caps), inspect(if add.is_empty() { "CAP_SYS_ADMIN" } else { "none" }));
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill").success());
        drop(running.end());
        assert!(right.stdout.contains("equal to p.json"), "{caps}: {}{}", right.stdout, right.stderr);
        assert!(wrong.stdout.contains("differs from p.json"), "{caps}: {}{}", wrong.stdout, wrong.stderr);
    }
}

/// Everything containers-common reads and runtimes do not; what runc and a shell need is allowed by the default.
const PODMANS: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]}],
    "syscalls": [{"names": ["bpf", "mount"], "action": "SCMP_ACT_ERRNO", "errno": "ENOSYS", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["ptrace"], "action": "SCMP_ACT_ERRNO", "errno": "EACCES", "errnoRet": 1, "includes": {"minKernel": "99.0"}},
        {"name": "swapon", "action": "SCMP_ACT_ERRNO", "includes": {"arches": ["amd64", "arm64"], "caps": ["CAP_CHOWN"]}},
        {"names": ["swapoff"], "action": "SCMP_ACT_ERRNO", "includes": {"arches": ["x86_64"]}},
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errno": "22", "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]}]}"#;

/// Where there is no default of containers-common: a profile in its language.
const DOCKERS: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrno": "ENOSYS",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
    "syscalls": [{"names": ["bpf", "mount"], "action": "SCMP_ACT_ERRNO", "errno": "EPERM", "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["clone", "close", "execve", "exit_group", "fstat", "openat", "read", "write", "brk", "mmap", "futex"], "action": "SCMP_ACT_ALLOW"}]}"#;
