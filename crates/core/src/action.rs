//! Actions: what a filter tells the kernel to do with a call.

use std::cmp::Ordering;
use std::fmt;

/// `SECCOMP_RET_KILL_PROCESS` and its sisters, `include/uapi/linux/seccomp.h`.
mod ret {
    pub(super) const KILL_PROCESS: u32 = 0x8000_0000;
    pub(super) const KILL_THREAD: u32 = 0;
    pub(super) const TRAP: u32 = 0x0003_0000;
    pub(super) const ERRNO: u32 = 0x0005_0000;
    pub(super) const USER_NOTIF: u32 = 0x7fc0_0000;
    pub(super) const TRACE: u32 = 0x7ff0_0000;
    pub(super) const LOG: u32 = 0x7ffc_0000;
    pub(super) const ALLOW: u32 = 0x7fff_0000;
    pub(super) const ACTION_FULL: u32 = 0xffff_0000;
    pub(super) const DATA: u32 = 0x0000_ffff;
}

/// What the kernel does with a call, with its payload.
///
/// Ordered by the kernel's precedence: with several filters, or several rules of one call, the *smallest* wins
/// (`kernel/seccomp.c`, `seccomp_run_filters`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Kill the whole process with SIGSYS.
    KillProcess,
    /// Kill the calling thread with SIGSYS.
    KillThread,
    /// Send SIGSYS to the thread; the data reaches `si_errno`.
    Trap(u16),
    /// Fail the call with this errno; 0 makes it claim success.
    Errno(u16),
    /// Ask the listener in user space.
    Notify,
    /// Ask the tracer; ENOSYS when there is none. The data reaches `PTRACE_GETEVENTMSG`.
    Trace(u16),
    /// Allow the call and log it.
    Log,
    /// Allow the call.
    Allow,
}

impl Action {
    /// Whether the call itself goes ahead without asking anybody.
    pub fn permits(self) -> bool {
        matches!(self, Self::Allow | Self::Log)
    }

    /// The errno with which the call fails; `None` where it does not fail by the filter.
    pub fn errno(self) -> Option<u16> {
        match self {
            Self::Errno(errno) => Some(errno),
            _ => None,
        }
    }

    /// The value a filter returns, `SECCOMP_RET_*` with its data.
    pub fn to_ret(self) -> u32 {
        match self {
            Self::KillProcess => ret::KILL_PROCESS,
            Self::KillThread => ret::KILL_THREAD,
            Self::Trap(data) => ret::TRAP | u32::from(data),
            Self::Errno(errno) => ret::ERRNO | u32::from(errno),
            Self::Notify => ret::USER_NOTIF,
            Self::Trace(data) => ret::TRACE | u32::from(data),
            Self::Log => ret::LOG,
            Self::Allow => ret::ALLOW,
        }
    }

    /// Reads a filter's return value as the kernel does: unknown actions kill the process
    /// (`kernel/seccomp.c`, `__seccomp_filter`, the default arm).
    pub fn from_ret(value: u32) -> Self {
        let data = (value & ret::DATA) as u16;
        match value & ret::ACTION_FULL {
            ret::KILL_THREAD => Self::KillThread,
            ret::TRAP => Self::Trap(data),
            // `MAX_ERRNO`: larger ones are cut.
            ret::ERRNO => Self::Errno(data.min(crate::errno::MAX)),
            ret::USER_NOTIF => Self::Notify,
            ret::TRACE => Self::Trace(data),
            ret::LOG => Self::Log,
            ret::ALLOW => Self::Allow,
            _ => Self::KillProcess,
        }
    }

    /// The OCI name, without payload: `SCMP_ACT_ERRNO`.
    pub fn oci(self) -> &'static str {
        match self {
            Self::KillProcess => "SCMP_ACT_KILL_PROCESS",
            Self::KillThread => "SCMP_ACT_KILL_THREAD",
            Self::Trap(_) => "SCMP_ACT_TRAP",
            Self::Errno(_) => "SCMP_ACT_ERRNO",
            Self::Notify => "SCMP_ACT_NOTIFY",
            Self::Trace(_) => "SCMP_ACT_TRACE",
            Self::Log => "SCMP_ACT_LOG",
            Self::Allow => "SCMP_ACT_ALLOW",
        }
    }

    /// Builds an action from its OCI name and payload. `SCMP_ACT_KILL` is the old name of `KILL_THREAD`.
    ///
    /// `data` is used by ERRNO, TRAP and TRACE only; absent means EPERM for ERRNO and TRACE (runtime-spec
    /// `config-linux.md`, `errnoRet`) and 0 for TRAP. `None`: not an action.
    pub fn from_oci(name: &str, data: Option<u16>) -> Option<Self> {
        Some(match name {
            "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Self::KillThread,
            "SCMP_ACT_KILL_PROCESS" => Self::KillProcess,
            "SCMP_ACT_TRAP" => Self::Trap(0),
            "SCMP_ACT_ERRNO" => Self::Errno(data.unwrap_or(crate::errno::EPERM)),
            "SCMP_ACT_NOTIFY" => Self::Notify,
            "SCMP_ACT_TRACE" => Self::Trace(data.unwrap_or(crate::errno::EPERM)),
            "SCMP_ACT_LOG" => Self::Log,
            "SCMP_ACT_ALLOW" => Self::Allow,
            _ => return None,
        })
    }

    /// Every OCI action name, for messages and did-you-mean.
    pub const OCI_NAMES: [&'static str; 9] = [
        "SCMP_ACT_ALLOW",
        "SCMP_ACT_ERRNO",
        "SCMP_ACT_KILL",
        "SCMP_ACT_KILL_PROCESS",
        "SCMP_ACT_KILL_THREAD",
        "SCMP_ACT_LOG",
        "SCMP_ACT_NOTIFY",
        "SCMP_ACT_TRACE",
        "SCMP_ACT_TRAP",
    ];
}

impl Ord for Action {
    /// Kernel precedence, strictest first: signed comparison of the action part, as the kernel compares it.
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |a: &Self| ((a.to_ret() & ret::ACTION_FULL) as i32, a.to_ret() & ret::DATA);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Action {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillProcess => f.write_str("kill-process"),
            Self::KillThread => f.write_str("kill-thread"),
            Self::Trap(0) => f.write_str("trap (SIGSYS)"),
            Self::Trap(data) => write!(f, "trap (SIGSYS, data {data})"),
            Self::Errno(errno) => match crate::errno::name(*errno) {
                Some(name) => f.write_str(name),
                None => write!(f, "errno {errno}"),
            },
            Self::Notify => f.write_str("notify"),
            Self::Trace(data) => write!(f, "trace (data {data})"),
            Self::Log => f.write_str("allow + log"),
            Self::Allow => f.write_str("allow"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_the_kernels() {
        let order = [
            Action::KillProcess,
            Action::KillThread,
            Action::Trap(0),
            Action::Errno(1),
            Action::Notify,
            Action::Trace(1),
            Action::Log,
            Action::Allow,
        ];
        assert!(order.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn return_values_round_trip_and_unknown_ones_kill() {
        for action in
            [Action::KillProcess, Action::Errno(38), Action::Trap(7), Action::Allow, Action::KillThread]
        {
            assert_eq!(Action::from_ret(action.to_ret()), action);
        }
        assert_eq!(Action::from_ret(0x1234_0000), Action::KillProcess);
    }
}
