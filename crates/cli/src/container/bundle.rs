//! Bundles: `config.json` of the runtime-spec, made from nothing or changed as little as can be.

use std::io::{self, Read as _};
use std::path::Path;

use callgate_core::{Arch, sysno};
use serde_json::{Value, json};

use super::{cannot, existing_directory};
use crate::exit::Failure;
use crate::input;

/// The capabilities Docker and containerd give a container that asks for nothing (moby `oci/caps/defaults.go`).
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];
/// What stays out of reach (the runtime-spec's own example, and what every engine hides).
const MASKED: [&str; 9] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
];
const READONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// A config.json is kilobytes; what is cut off here is no JSON.
const MAX_CONFIG: u64 = 16 << 20;
/// Its number (capabilities(7), `include/uapi/linux/capability.h`).
const CAP_SYS_RESOURCE: u32 = 24;
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What runs in a container.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pub(super) args: Vec<String>,
    pub(super) env: Vec<String>,
    pub(super) cwd: String,
    /// `user`, `uid`, `user:group`; empty: root.
    pub(super) user: String,
    pub(super) no_new_privs: bool,
}

/// Reads a bundle's `config.json`, with its root as an absolute path.
pub(super) fn read(dir: &Path) -> Result<Value, Failure> {
    let dir = existing_directory(dir, "--bundle")?;
    let file = dir.join("config.json");
    let text = read_text(&file).map_err(|e| {
        cannot("read", &file, &e).hint("--bundle names a directory with config.json; `runc spec` makes one")
    })?;
    let broken = |what: String| Failure::new(format!("`{}` is no OCI config: {what}", file.display()));
    let mut config: Value = serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
    let Some(root) = config.pointer("/root/path").and_then(Value::as_str) else {
        return Err(broken("it names no root.path".to_owned()));
    };
    let rootfs = existing_directory(&dir.join(root), "root.path")?;
    config["root"]["path"] = json!(rootfs);
    if !config["process"].is_object() || !config["linux"].is_object() {
        return Err(broken("it has no process or no linux section".to_owned()));
    }
    Ok(config)
}

fn read_text(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    super::unpack::regular_at(file)?.take(MAX_CONFIG).read_to_string(&mut text)?;
    Ok(text)
}

/// What a bundle runs.
pub(super) fn process_of(config: &Value) -> Result<Process, Failure> {
    let args = config["process"]["args"].as_array().into_iter().flatten();
    let args = args.map(|a| a.as_str().map(str::to_owned)).collect::<Option<_>>();
    let no_new_privs = config["process"]["noNewPrivileges"].as_bool().unwrap_or(false);
    let args =
        args.ok_or_else(|| Failure::new("config.json: process.args holds something that is no text"))?;
    Ok(Process { args, no_new_privs, ..Process::default() })
}

/// A bundle's config with what callgate decides: command, no_new_privs, filter, no terminal.
pub(super) fn edited(mut config: Value, process: &Process, seccomp: Value) -> Value {
    config["process"]["args"] = json!(process.args);
    config["process"]["noNewPrivileges"] = json!(process.no_new_privs);
    config["process"]["terminal"] = json!(false);
    config["linux"]["seccomp"] = seccomp;
    config
}

/// A config like the one Docker would make.
pub(super) fn made(
    rootfs: &Path,
    process: &Process,
    host_network: bool,
    id: &str,
    seccomp: &Value,
) -> Result<Value, Failure> {
    let (uid, gid) = user(rootfs, &process.user)?;
    let mut env = process.env.clone();
    if !env.iter().any(|e| e.starts_with("PATH=")) {
        env.push(PATH.to_owned());
    }
    let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
    if !host_network {
        namespaces.push("network");
    }
    let namespaces: Vec<Value> = namespaces.iter().map(|kind| json!({"type": kind})).collect();
    let cwd = if process.cwd.is_empty() { "/" } else { &process.cwd };
    // With device rules crun raises a limit, for a BPF program on cgroup v2; without that right, no device can be made.
    let guarded = callgate_linux::proc::has_capability(CAP_SYS_RESOURCE);
    let caps: Vec<&str> = CAPABILITIES.iter().copied().filter(|c| guarded || *c != "CAP_MKNOD").collect();
    let devices = if guarded { json!({"devices": [{"allow": false, "access": "rwm"}]}) } else { json!({}) };
    // A user other than root keeps none of them (capabilities(7), "Effect of user ID changes").
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": uid, "gid": gid},
            "args": process.args,
            "env": env,
            "cwd": cwd,
            "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
            "noNewPrivileges": process.no_new_privs
        },
        "root": {"path": rootfs, "readonly": false},
        "hostname": "callgate",
        "mounts": mounts(),
        "linux": {
            "cgroupsPath": format!("/{id}"),
            "resources": devices,
            "namespaces": namespaces,
            "maskedPaths": MASKED,
            "readonlyPaths": READONLY,
            "seccomp": seccomp
        }
    }))
}

/// What is mounted into a container.
pub(super) fn mounts() -> Value {
    json!([
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
         "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
         "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "none", "source": "/sys",
         "options": ["rbind", "nosuid", "noexec", "nodev", "ro"]}
    ])
}

/// A filter that asks about every call the runtime's library can name but those that cannot be asked about. What the library cannot name is told ENOSYS, as it will be under any profile.
pub(super) fn asking(agent: &Path, not_asked: &[&str]) -> Result<Value, Failure> {
    let native = input::native()?;
    let abis: Vec<Arch> = [native].into_iter().chain(native.companions().iter().copied()).collect();
    let mut names: Vec<&str> = abis.iter().flat_map(|a| sysno::table(*a)).map(sysno::Entry::name).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !not_asked.contains(name));
    Ok(json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": abis.iter().map(|a| a.oci()).collect::<Vec<_>>(),
        "listenerPath": agent,
        "syscalls": [
            {"names": not_asked, "action": "SCMP_ACT_ALLOW"},
            {"names": names, "action": "SCMP_ACT_NOTIFY"}
        ]
    }))
}

/// Numbers of a user as images name it, by the container's own /etc/passwd and /etc/group.
fn user(rootfs: &Path, wanted: &str) -> Result<(u32, u32), Failure> {
    if wanted.is_empty() {
        return Ok((0, 0));
    }
    let (name, group) = wanted.split_once(':').map_or((wanted, None), |(u, g)| (u, Some(g)));
    let number = |field: Option<&String>| field.and_then(|n| n.parse::<u32>().ok());
    let entry = row(rootfs, "etc/passwd", name)?;
    let uid = number(entry.as_ref().and_then(|f| f.get(2))).or_else(|| name.parse().ok());
    let gid = match group {
        Some(group) => {
            let entry = row(rootfs, "etc/group", group)?;
            number(entry.as_ref().and_then(|f| f.get(2))).or_else(|| group.parse().ok())
        }
        None => Some(number(entry.as_ref().and_then(|f| f.get(3))).unwrap_or(0)),
    };
    match (uid, gid) {
        (Some(uid), Some(gid)) => Ok((uid, gid)),
        _ => Err(Failure::new(format!(
            "the image runs as `{wanted}`, whom its /etc/passwd and /etc/group do not know"
        ))),
    }
}

/// The fields of whom a file of the container knows by this name or number; a file that is not there knows nobody.
fn row(rootfs: &Path, file: &str, key: &str) -> Result<Option<Vec<String>>, Failure> {
    // The container's files, never the host's through a link.
    let text = match super::unpack::read_within(rootfs, file) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => {
            let message = format!("cannot read /{file} of the image, which says who `{key}` is: {e}");
            return Err(
                Failure::new(message).hint("build the image with a regular file there, or without a USER")
            );
        }
    };
    let mut rows = text.lines().map(|l| l.split(':').map(str::to_owned).collect::<Vec<_>>());
    Ok(rows.find(|f| f.first().is_some_and(|n| n == key) || f.get(2).is_some_and(|n| n == key)))
}
