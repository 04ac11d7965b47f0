//! One audit record: what kind, when, and its fields.
//!
//! Records reach a text by several ways, each with a beginning of its own: `type=SECCOMP msg=audit(…): …` (auditd,
//! ausearch), `audit: type=1326 audit(…): …` (the kernel's log), `audit[12]: SECCOMP …` (journald), `audit(…): …`
//! (netlink). The fields are those of `audit_seccomp` and `audit_log_exit` (`kernel/auditsc.c`).

use crate::action::Action;
use crate::arch::Arch;
use crate::import::number::{number, seconds};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A filter had its say: AUDIT_SECCOMP, 1326.
    Seccomp,
    /// A call that an audit rule asks for: AUDIT_SYSCALL, 1300.
    Syscall,
    /// Something else.
    Other,
}

/// A record split into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'l> {
    pub(super) kind: Kind,
    /// Microseconds since the epoch; ausearch -i writes a date instead.
    pub(super) micros: Option<u64>,
    pub(super) serial: Option<u64>,
    pub(super) fields: &'l [u8],
}

/// Which call a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which<'l> {
    /// A number of an ABI.
    Number(Arch, u32),
    /// A name, as ausearch -i writes it.
    Name(Arch, &'l [u8]),
    /// A token there is no table for.
    NoTable(u32),
}

/// A call in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call<'l> {
    pub(super) which: Which<'l>,
    /// What the filter said: of [`Kind::Seccomp`].
    pub(super) action: Option<Action>,
    /// The first four registers: of [`Kind::Syscall`], unless ausearch -i put them into words.
    pub(super) registers: [Option<u64>; 4],
    /// It ended with EPERM or ENOSYS.
    pub(super) denied: bool,
    pub(super) executable: String,
    pub(super) pid: Option<u32>,
}

fn find(text: &[u8], needle: &str) -> Option<usize> {
    memchr::memmem::find(text, needle.as_bytes())
}

fn rfind(text: &[u8], needle: &str) -> Option<usize> {
    memchr::memmem::rfind(text, needle.as_bytes())
}

/// Splits a line; `None`: it is no record.
pub(super) fn split(line: &[u8]) -> Option<Record<'_>> {
    // auditd's ENRICHED format repeats fields in words behind a group separator (auditd.conf(5), log_format).
    let line = &line[..memchr::memchr(0x1d, line).unwrap_or(line.len())];
    let stamp = find(line, "audit(");
    if let Some(at) = find(line, "type=").filter(|at| stamp.is_some_and(|stamp| *at < stamp)) {
        let kind = line[at + 5..].split(|b| *b == b' ').next().unwrap_or_default();
        let kind = match kind {
            b"SECCOMP" | b"1326" => Kind::Seccomp,
            b"SYSCALL" | b"1300" => Kind::Syscall,
            _ => Kind::Other,
        };
        return stamped(&line[stamp?..], |_| kind);
    }
    if let Some(at) = stamp {
        return stamped(&line[at..], guess);
    }
    let at = match find(line, "audit[") {
        Some(at) => at + find(&line[at..], "]: ")? + 3,
        None => 0,
    };
    let word = line[at..].split(|b| *b == b' ').next().unwrap_or_default();
    let fields = &line[at + word.len()..];
    let kind = match word {
        b"SECCOMP" if find(fields, " code=").is_some() => Kind::Seccomp,
        b"SYSCALL" if fields.starts_with(b" arch=") => Kind::Syscall,
        [b'A'..=b'Z', b'A'..=b'Z' | b'_', ..] if at > 0 => Kind::Other,
        _ => return None,
    };
    Some(Record { kind, micros: None, serial: None, fields })
}

/// `audit(1795462384.213:508154): …`, or a date for the seconds and a blank before the colon.
fn stamped(text: &[u8], kind: impl Fn(&[u8]) -> Kind) -> Option<Record<'_>> {
    let end = memchr::memchr(b')', text)?;
    let inner = &text["audit(".len()..end];
    let colon = inner.iter().rposition(|b| *b == b':')?;
    let (serial, rest) = number(&inner[colon + 1..])?;
    let fields = text[end + 1..].trim_ascii_start().strip_prefix(b":")?;
    let micros = seconds(&inner[..colon]).filter(|(_, rest)| rest.is_empty()).map(|(micros, _)| micros);
    rest.is_empty().then_some(Record { kind: kind(fields), micros, serial: Some(serial), fields })
}

/// What a record without a type is: netlink keeps that apart.
fn guess(fields: &[u8]) -> Kind {
    if fields.starts_with(b" arch=") {
        Kind::Syscall
    } else if find(fields, " compat=").is_some() && find(fields, " code=").is_some() {
        Kind::Seccomp
    } else {
        Kind::Other
    }
}

/// The value of a field: what follows ` key=` up to the next blank.
fn field<'l>(fields: &'l [u8], key: &str) -> Option<&'l [u8]> {
    let at = find(fields, key)? + key.len();
    fields[at..].split(|b| *b == b' ').next()
}

impl<'l> Record<'l> {
    /// The call it is about; `None`: it cannot be read.
    pub(super) fn call(&self) -> Option<Call<'l>> {
        match self.kind {
            Kind::Seccomp => self.seccomp(),
            Kind::Syscall => self.syscall(),
            Kind::Other => None,
        }
    }

    /// `… comm="x" exe="/x" sig=0 arch=c000003e syscall=110 compat=0 ip=0x7f code=0x7ffc0000`: what the program chooses
    /// stands before the last `arch=`, so that it cannot pose as what the kernel writes.
    fn seccomp(&self) -> Option<Call<'l>> {
        let at = rfind(self.fields, " arch=")?;
        let (head, tail) = self.fields.split_at(at);
        let action = action(field(tail, " code=")?)?;
        let exe = rfind(head, " exe=").map(|at| &head[at + 5..]).unwrap_or_default();
        let exe = &exe[..rfind(exe, " sig=").unwrap_or(exe.len())];
        Some(Call {
            which: which(tail)?,
            action: Some(action),
            registers: [None; 4],
            denied: false,
            executable: executable(exe),
            pid: pid(head),
        })
    }

    /// ` arch=c000003e syscall=59 success=yes exit=0 a0=… a3=… items=2 … comm="x" exe="/x" …`
    fn syscall(&self) -> Option<Call<'l>> {
        let (head, tail) = self.fields.split_at(find(self.fields, " comm=").unwrap_or(self.fields.len()));
        let which = which(head)?;
        // In words, ` a0=10` may be ten or sixteen.
        let words = matches!(which, Which::Name(..)) || self.micros.is_none() && self.serial.is_some();
        let register = |key| {
            let text = std::str::from_utf8(field(head, key)?).ok()?;
            u64::from_str_radix(text, 16).ok().filter(|_| !words)
        };
        let exit = field(head, " exit=").unwrap_or_default();
        let ends = [&b"-1"[..], b"-38"].contains(&exit);
        let denied = ends || exit.starts_with(b"EPERM(") || exit.starts_with(b"ENOSYS(");
        let exe = find(tail, " exe=").map(|at| &tail[at + 5..]).unwrap_or_default();
        let exe = exe.split(|b| *b == b' ').next().unwrap_or_default();
        Some(Call {
            which,
            action: None,
            registers: [" a0=", " a1=", " a2=", " a3="].map(register),
            denied,
            executable: executable(exe),
            pid: pid(head),
        })
    }
}

/// ` arch=c000003e syscall=110`, or both in words.
fn which(fields: &[u8]) -> Option<Which<'_>> {
    let arch = field(fields, " arch=")?;
    let call = field(fields, " syscall=")?;
    let text = std::str::from_utf8(arch).ok()?;
    let nr = || match call.strip_prefix(b"unknown-syscall(") {
        Some(rest) => number(rest).filter(|(_, rest)| *rest == b")"),
        None => number(call).filter(|(_, rest)| rest.is_empty()),
    };
    let nr = nr().and_then(|(nr, _)| u32::try_from(nr).ok());
    let token = if let Ok(token) = u32::from_str_radix(text, 16) {
        token
    } else {
        let arch: Arch = text.parse().ok()?;
        if nr.is_none() {
            let name = call.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
            return (name && !call.is_empty()).then_some(Which::Name(arch, call));
        }
        arch.token()
    };
    Some(Arch::split(token, nr?).map_or(Which::NoTable(token), |(arch, nr)| Which::Number(arch, nr)))
}

/// `0x7ffc0000`, or ausearch's word (`auparse/seccomptab.h`).
fn action(code: &[u8]) -> Option<Action> {
    let Some(hex) = code.strip_prefix(b"0x") else {
        return Some(match code {
            b"kill" | b"kill-thread" => Action::KillThread,
            b"kill-process" => Action::KillProcess,
            b"trap" => Action::Trap(0),
            b"errno" => Action::Errno(0),
            b"user-notify" => Action::Notify,
            b"trace" => Action::Trace(0),
            b"log" => Action::Log,
            b"allow" => Action::Allow,
            _ => return None,
        });
    };
    // A code has eight digits at most; where the separator behind it was lost, letters follow that are digits, too.
    let digits = hex.iter().take(8).take_while(|b| b.is_ascii_hexdigit()).count();
    let code = u32::from_str_radix(std::str::from_utf8(&hex[..digits]).ok()?, 16).ok()?;
    let action = Action::from_ret(code);
    // A code that was cut is none of the kernel's.
    (action.to_ret() == code).then_some(action)
}

/// `"/x"`, `2F78` where it holds blanks or quotes, `(null)`; `/x` in words (`audit_log_untrustedstring`).
fn executable(text: &[u8]) -> String {
    if let Some(quoted) = text.strip_prefix(b"\"") {
        return String::from_utf8_lossy(quoted.strip_suffix(b"\"").unwrap_or(quoted)).into_owned();
    }
    if text.starts_with(b"/") {
        return String::from_utf8_lossy(text).into_owned();
    }
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.chunks(2).map(|two| pair(two).filter(|_| two.len() == 2)).collect();
    String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
}

fn pid(fields: &[u8]) -> Option<u32> {
    field(fields, " pid=").and_then(number).and_then(|(pid, _)| u32::try_from(pid).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &str = "auid=4294967295 uid=0 gid=0 ses=4294967295 pid=17 comm=\"x\" exe=\"/bin/x\" sig=0 arch=c000003e \
                          syscall=110 compat=0 ip=0x7fa8 code=0x7ffc0000";

    fn call(line: &str) -> Option<Call<'_>> {
        split(line.as_bytes()).and_then(|r| r.call())
    }

    #[test]
    fn a_record_is_the_same_by_whatever_way_it_came() {
        let expected = Call {
            which: Which::Number(Arch::X86_64, 110),
            action: Some(Action::Log),
            registers: [None; 4],
            denied: false,
            executable: "/bin/x".to_owned(),
            pid: Some(17),
        };
        for before in [
            "type=SECCOMP msg=audit(1700000000.213:5081): ",
            "node=web1 type=SECCOMP msg=audit(1700000000.213:5081): ",
            "audit: type=1326 audit(1700000000.213:5081): ",
            "[ 1922.016220] audit: type=1326 audit(1700000000.213:5081): ",
            "Jul  8 10:31:23 web1 kernel: [  270.8] audit: type=1326 audit(1700000000.213:5081): ",
            "Jul 8 web1 kernel: type=1326 audit(1700000000.213:5081): ",
            "audit(1700000000.213:5081): ",
            "jun 08 18:21:48 web1 audit[514405]: SECCOMP ",
            "SECCOMP ",
        ] {
            let line = format!("{before}{FIELDS}");
            assert_eq!(call(&line).as_ref(), Some(&expected), "{line}");
            for after in
                ["\u{1d}ARCH=x86_64 SYSCALL=getpid AUID=\"unset\"", " AUID=\"unset\"", "AUID=\"unset\""]
            {
                let line = format!("{line}{after}");
                assert_eq!(call(&line).as_ref(), Some(&expected), "{line}");
            }
        }
    }

    #[test]
    fn words_mean_what_the_numbers_mean() {
        let line = "type=SECCOMP msg=audit(11/23/26 19:33:04.213:508) : auid=unset uid=root gid=root ses=unset pid=17 \
                    comm=a b exe=/bin/a b sig=SIG0 arch=x86_64 syscall=getppid compat=0 ip=0x7fa8 code=log ";
        let record = split(line.as_bytes()).unwrap();
        assert_eq!((record.serial, record.micros), (Some(508), None));
        let call = record.call().unwrap();
        assert_eq!(call.which, Which::Name(Arch::X86_64, b"getppid"));
        assert_eq!((call.action, call.executable.as_str()), (Some(Action::Log), "/bin/a b"));
        let unknown = line.replace("getppid", "unknown-syscall(999)");
        assert_eq!(self::call(&unknown).unwrap().which, Which::Number(Arch::X86_64, 999));
    }

    #[test]
    fn a_program_cannot_pose_as_the_kernel_by_its_name() {
        let forged = "comm=\"exe=\" exe=\"/bin/x\" sig=0";
        let line = format!("audit: type=1326 audit(1.2:3): {FIELDS}")
            .replace("comm=\"x\" exe=\"/bin/x\" sig=0", forged);
        assert_eq!(call(&line).unwrap().executable, "/bin/x");
        let forged = "comm=x arch=c000003e syscall=59 code=log exe=/bin/x sig=SIG0";
        let line = line.replace("comm=\"exe=\" exe=\"/bin/x\" sig=0", forged);
        assert_eq!(call(&line).unwrap().which, Which::Number(Arch::X86_64, 110));
    }

    #[test]
    fn names_with_blanks_are_hexadecimal_and_some_programs_have_none() {
        for (text, expected) in [
            ("2F746D702F612062", "/tmp/a b"),
            ("(null)", ""),
            ("\"\"", ""),
            ("\"/\"", "/"),
            ("2F7", ""),
            ("", ""),
        ] {
            assert_eq!(executable(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn abis_are_told_by_token_and_number() {
        let at = |arch: &str, nr: &str| {
            let line = format!("audit: type=1326 audit(1.2:3): {FIELDS}");
            call(&line.replace("c000003e", arch).replace("=110", &format!("={nr}"))).map(|c| match c.which {
                Which::Number(arch, nr) => format!("{arch} {nr}"),
                other => format!("{other:?}"),
            })
        };
        for (arch, nr, expected) in [
            ("40000003", "11", Some("x86 11")),
            ("c000003e", "1073741863", Some("x32 39")),
            ("c00000b7", "56", Some("aarch64 56")),
            ("aarch64", "56", Some("aarch64 56")),
            ("80000016", "4", Some("s390x 4")),
            ("8", "4", Some("NoTable(8)")),
            ("c000003e", "-1", None),
            ("vax", "1", None),
            ("c000003e", "99999999999", None),
        ] {
            assert_eq!(at(arch, nr).as_deref(), expected, "{arch} {nr}");
        }
    }

    #[test]
    fn a_code_that_was_cut_is_no_code() {
        for (code, expected) in [
            ("0x80000000", Some(Action::KillProcess)),
            ("0x0", Some(Action::KillThread)),
            ("0x30000", Some(Action::Trap(0))),
            ("0x50001", Some(Action::Errno(1))),
            ("0x7fc00000", Some(Action::Notify)),
            ("0x7ff00000", Some(Action::Trace(0))),
            ("0x7ffc0000A", Some(Action::Log)),
            ("0x7ffc", None),
            ("0x", None),
            ("error", None),
        ] {
            assert_eq!(action(code.as_bytes()), expected, "{code}");
        }
    }

    #[test]
    fn other_records_and_other_lines_are_told_apart() {
        let kind = |line: &str| split(line.as_bytes()).map(|r| r.kind);
        assert_eq!(kind("type=AVC msg=audit(1613173578.156:2945): avc:  denied"), Some(Kind::Other));
        assert_eq!(
            kind("audit: type=1016 audit(1.2:3): arch=c000003e syscall=1 compat=0 code=0x0"),
            Some(Kind::Other)
        );
        assert_eq!(kind("jun 08 web1 audit[1]: SERVICE_START pid=1 uid=0"), Some(Kind::Other));
        assert_eq!(kind("type=1326 syscall=1"), None);
        assert_eq!(kind("systemd[1]: Started Session 3 of user me."), None);
        assert_eq!(kind("SECCOMP is great"), None);
    }
}
