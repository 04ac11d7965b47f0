//! The formats, and what is said about each.

/// Whose text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// strace's logs and tables.
    Strace,
    /// The audit log, by whatever way it came.
    Audit,
    /// `perf trace`.
    Perf,
    /// sysdig and falco.
    Falco,
    /// oci-seccomp-bpf-hook, and any profile in OCI's form.
    OciHook,
    /// The Security Profiles Operator.
    Spo,
    /// Inspektor Gadget's advise_seccomp.
    InspektorGadget,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::Strace, Self::Audit, Self::Perf, Self::Falco, Self::OciHook, Self::Spo, Self::InspektorGadget];

    /// The name: of `--from`, and of the recording's backend in the trace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Strace => "strace",
            Self::Audit => "audit",
            Self::Perf => "perf",
            Self::Falco => "falco",
            Self::OciHook => "oci-seccomp-bpf-hook",
            Self::Spo => "spo",
            Self::InspektorGadget => "inspektor-gadget",
        }
    }

    /// What such a text is.
    pub fn words(self) -> &'static str {
        match self {
            Self::Strace => "a log of strace",
            Self::Audit => "an audit log",
            Self::Perf => "a log of perf trace",
            Self::Falco => "a log of sysdig or falco",
            Self::OciHook => "a profile of oci-seccomp-bpf-hook",
            Self::Spo => "a SeccompProfile of the Security Profiles Operator",
            Self::InspektorGadget => "output of advise_seccomp",
        }
    }

    /// What no such text can show.
    pub fn blind(self) -> &'static str {
        match self {
            Self::Strace => {
                "calls answered by the vDSO, io_uring operations, and what strace was told to leave out (-e, -P, -z)"
            }
            Self::Audit => {
                "arguments beyond four, when in the program's life a call was made, and calls that no filter and no rule logs"
            }
            Self::Perf => {
                "arguments, paths of executables, calls that a filter refuses, and what perf was told to leave out (-e, --filter-pids)"
            }
            Self::Falco => {
                "arguments, paths of executables, calls that a filter refuses, and what the driver or a filter left out"
            }
            Self::OciHook => {
                "counts, executables, when a call was made, calls of other ABIs, and which names were seen rather than added"
            }
            Self::Spo => {
                "counts, executables, when a call was made, and which names were seen rather than added"
            }
            Self::InspektorGadget => {
                "counts, arguments, executables, when a call was made, and calls of 32-bit programs"
            }
        }
    }

    /// How to make one.
    pub fn recipe(self) -> &'static str {
        match self {
            Self::Strace => "strace -f -o LOG COMMAND",
            Self::Audit => "ausearch --raw -m SECCOMP,SYSCALL",
            Self::Perf => "perf trace -o LOG COMMAND",
            Self::Falco => "sysdig proc.name=NAME > LOG",
            Self::OciHook => "podman run --annotation io.containers.trace-syscall=of:PROFILE IMAGE",
            Self::Spo => "kubectl get seccompprofile NAME -o yaml",
            Self::InspektorGadget => "kubectl gadget run advise_seccomp",
        }
    }
}
