//! What this kernel and this process may do: the facts behind `callgate doctor`.

use std::fs;

use callgate_core::{Action, Arch};

use crate::sys::seccomp;
use crate::{inspect, proc};

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Features {
    /// Kernel release.
    pub kernel: String,
    /// The machine's architecture, where callgate has a table for it.
    pub arch: Option<Arch>,
    /// seccomp(2) with filters.
    pub filters: bool,
    /// Notification listeners (Linux 5.0).
    pub listener: bool,
    /// Notified calls are not interrupted by signals (Linux 5.19).
    pub wait_killable: bool,
    /// The LOG flag (Linux 4.14).
    pub log_flag: bool,
    /// `kernel.seccomp.actions_logged`.
    pub actions_logged: String,
    /// This process is under a filter already.
    pub under_a_filter: bool,
    /// This process is traced already.
    pub traced: bool,
    /// `kernel.yama.ptrace_scope`, where there is Yama.
    pub ptrace_scope: Option<u32>,
    /// Limit of open files (soft).
    pub open_files: u64,
    /// Running as root.
    pub root: bool,
    /// Loaded filters can be read: why they cannot.
    pub inspect: Option<String>,
}

impl Features {
    /// Whether a listener may let calls go ahead (SECCOMP_USER_NOTIF_FLAG_CONTINUE, Linux 5.5): recording by notification.
    pub fn continues(&self) -> bool {
        self.listener && version(&self.kernel) >= (5, 5)
    }
}

/// Looks.
pub fn probe() -> Features {
    let read = |path: &str| fs::read_to_string(path).map(|t| t.trim().to_owned()).unwrap_or_default();
    Features {
        kernel: kernel_release(),
        arch: Arch::native(),
        filters: seccomp::action_available(Action::Errno(0).to_ret()),
        listener: seccomp::action_available(Action::Notify.to_ret())
            && seccomp::flags_available(seccomp::FLAG_NEW_LISTENER),
        wait_killable: seccomp::flags_available(
            seccomp::FLAG_NEW_LISTENER | seccomp::FLAG_WAIT_KILLABLE_RECV,
        ),
        log_flag: seccomp::flags_available(seccomp::FLAG_LOG),
        actions_logged: read("/proc/sys/kernel/seccomp/actions_logged"),
        under_a_filter: proc::under_a_filter().unwrap_or(false),
        traced: proc::traced(),
        ptrace_scope: read("/proc/sys/kernel/yama/ptrace_scope").parse().ok(),
        open_files: rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX),
        root: rustix::process::geteuid().is_root(),
        inspect: inspect::possible().err().map(|obstacle| obstacle.to_string()),
    }
}

/// The kernel's release: `6.1.0-13-amd64`.
pub fn kernel_release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Major and minor number of a release.
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(['.', '-']).map_while(|n| n.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Whether the running kernel is at least this one.
pub(crate) fn at_least(wanted: (u32, u32)) -> bool {
    version(&kernel_release()) >= wanted
}
