//! Whether this host lets us record by eBPF, and what is missing.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::proc;

/// The kernel's own types.
pub(super) const BTF: &str = "/sys/kernel/btf/vmlinux";
/// `CAP_SYS_ADMIN`, `CAP_PERFMON`, `CAP_BPF` (capabilities(7)).
const SYS_ADMIN: u32 = 21;
const PERFMON: u32 = 38;
const BPF: u32 = 39;

/// What keeps eBPF from recording here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A capability, by name.
    Capability(&'static str),
    /// `/sys/kernel/btf/vmlinux`: the kernel was built without CONFIG_DEBUG_INFO_BTF, or /sys is not mounted.
    Btf,
    /// The kernel is older than task storage for tracing (Linux 5.12).
    Kernel,
    /// Kernel lockdown in confidentiality mode forbids programs to read kernel memory.
    Lockdown,
    /// callgate runs under a filter that may refuse bpf(2).
    Filter,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability(name) => write!(f, "this process has no {name}: run as root"),
            Self::Btf => write!(
                f,
                "{BTF} cannot be read: a kernel with CONFIG_DEBUG_INFO_BTF has it, where /sys is mounted"
            ),
            Self::Kernel => f.write_str("the kernel is older than 5.12"),
            Self::Lockdown => f.write_str("kernel lockdown is in confidentiality mode"),
            Self::Filter => {
                f.write_str("callgate runs under a seccomp filter that refuses bpf(2): run it outside")
            }
        }
    }
}

/// What is missing; nothing, if recording by eBPF should work.
pub fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    let admin = proc::has_capability(SYS_ADMIN);
    for (number, name) in [(BPF, "CAP_BPF"), (PERFMON, "CAP_PERFMON")] {
        if !admin && !proc::has_capability(number) {
            missing.push(Missing::Capability(name));
        }
    }
    if fs::File::open(Path::new(BTF)).is_err() {
        missing.push(Missing::Btf);
    }
    if !crate::features::at_least((5, 12)) {
        missing.push(Missing::Kernel);
    }
    let lockdown = fs::read_to_string("/sys/kernel/security/lockdown").unwrap_or_default();
    if lockdown.contains("[confidentiality]") {
        missing.push(Missing::Lockdown);
    }
    if missing.is_empty() && proc::under_a_filter().unwrap_or(false) && !crate::sys::bpf::allowed() {
        missing.push(Missing::Filter);
    }
    missing
}
