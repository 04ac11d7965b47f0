//! Texts of another format than was said: what they look like, so that the error can say it.

use super::Format;

/// What a text is instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// A trace of callgate's.
    CallgateTrace,
    /// A seccomp profile.
    Profile,
    /// A SeccompProfile resource.
    Spo,
    /// A profile below a comment.
    Gadget,
    /// Some JSON.
    Json,
    /// `openat(AT_FDCWD, …) = 3`.
    Strace,
    /// `type=SECCOMP …`, `type=SYSCALL …`.
    AuditLog,
    /// `0.000 ( 0.010 ms): ls/123 openat(…`.
    PerfTrace,
    /// `1 12:00:00.000000000 0 sh (123) > openat …`.
    Sysdig,
    /// `puts("hi") = 3`, `SYS_brk(0)`.
    Ltrace,
    /// gzip, xz or zstd.
    Compressed,
}

impl Other {
    /// What it is.
    pub fn words(self) -> &'static str {
        match self {
            Self::CallgateTrace => "a callgate trace",
            Self::Profile => "a seccomp profile",
            Self::Spo => "a SeccompProfile resource",
            Self::Gadget => "output of advise_seccomp",
            Self::Json => "JSON",
            Self::Strace => "a log of strace",
            Self::AuditLog => "an audit log",
            Self::PerfTrace => "a log of perf trace",
            Self::Sysdig => "a log of sysdig or falco",
            Self::Ltrace => "a log of ltrace",
            Self::Compressed => "compressed",
        }
    }

    /// The format that reads it.
    pub fn format(self) -> Option<Format> {
        match self {
            Self::Strace => Some(Format::Strace),
            Self::AuditLog => Some(Format::Audit),
            Self::PerfTrace => Some(Format::Perf),
            Self::Sysdig => Some(Format::Falco),
            Self::Profile => Some(Format::OciHook),
            Self::Spo => Some(Format::Spo),
            Self::Gadget => Some(Format::InspektorGadget),
            _ => None,
        }
    }

    /// The way on.
    pub fn hint(self) -> String {
        if let Some(format) = self.format() {
            let import = format!("callgate import --from {} FILE -o TRACE", format.name());
            return match self {
                Self::Profile => {
                    format!("read it with: callgate show PROFILE; a trace of what it allows: {import}")
                }
                _ => format!("read it with: {import}"),
            };
        }
        match self {
            Self::CallgateTrace => "make a profile of it: callgate generate TRACE -o PROFILE".to_owned(),
            Self::Compressed => {
                "unpack it: zcat, xzcat or zstdcat FILE | callgate import --from RECORDER -".to_owned()
            }
            _ => {
                "no such text is read; record the same with callgate record, or with strace -f -o".to_owned()
            }
        }
    }
}

/// Guesses from the first bytes of a text.
pub(super) fn guess(head: &[u8]) -> Option<Other> {
    let has = |needle: &str| memchr::memmem::find(head, needle.as_bytes()).is_some();
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let magic: [&[u8]; 3] = [b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"];
    if magic.iter().any(|m| head.starts_with(m)) {
        Some(Other::Compressed)
    } else if head.trim_ascii_start().starts_with(b"{") {
        let profile = has("\"defaultAction\"") || has("\"syscalls\"");
        let trace = has("\"callgate.dev/trace/");
        Some(if trace {
            Other::CallgateTrace
        } else if has("\"SeccompProfile\"") || has("\"SeccompProfileList\"") {
            Other::Spo
        } else if profile {
            Other::Profile
        } else {
            Other::Json
        })
    } else if head.trim_ascii_start().starts_with(b"//") && has("\"defaultAction\"") {
        Some(Other::Gadget)
    } else if has("kind: SeccompProfile") {
        Some(Other::Spo)
    } else if has("type=SECCOMP") || has("type=SYSCALL") || has("type=1326") || has("msg=audit(") {
        Some(Other::AuditLog)
    } else if [" ms): ", "(         ): ", "(fd: ", "(dfd: ", "Summary of events:"].into_iter().any(has) {
        Some(Other::PerfTrace)
    } else if has(") > ") || has(") < ") {
        Some(Other::Sysdig)
    } else if has("SYS_") || has("__libc_start_main(") || has("+++ exited (status ") {
        Some(Other::Ltrace)
    } else if has(") = ") || has("<unfinished ...>") || has("usecs/call") {
        Some(Other::Strace)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_mistake_for_another_log_is_recognised() {
        let kind = |text: &str| guess(text.as_bytes());
        assert_eq!(kind("{\n\"schema\": \"callgate.dev/trace/v1\","), Some(Other::CallgateTrace));
        assert_eq!(kind("{\"defaultAction\": \"SCMP_ACT_ERRNO\"}"), Some(Other::Profile));
        assert_eq!(kind("{\"evt.type\": \"open\"}"), Some(Other::Json));
        assert_eq!(kind("type=SECCOMP msg=audit(1.2:3): syscall=1"), Some(Other::AuditLog));
        assert_eq!(kind("   0.000 ( 0.010 ms): ls/123 openat(dfd: CWD) = 3"), Some(Other::PerfTrace));
        assert_eq!(kind("1 12:00:00.000000000 0 sh (123) > openat dirfd=-100"), Some(Other::Sysdig));
        assert_eq!(kind("__libc_start_main(0x1, 1) = 0\nputs(\"hi\") = 3"), Some(Other::Ltrace));
        assert_eq!(kind("openat(AT_FDCWD, \"x\", O_RDONLY) = 3"), Some(Other::Strace));
        assert_eq!(kind("\u{1f}x"), None);
        assert_eq!(guess(b"\x1f\x8b\x08"), Some(Other::Compressed));
        assert_eq!(kind("To be, or not to be"), None);
    }
}
