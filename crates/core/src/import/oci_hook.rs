//! Reads the profiles of oci-seccomp-bpf-hook, and any other in the form of OCI or Docker.
//!
//! The form is that of the runtime-spec (`config-linux.md`, "Seccomp"), with Docker's additions. The hook writes one
//! architecture, ALLOW rules, and what its baseline (`if:`) had (its `trace.go`).

use super::document::Form;
use super::draft::Draft;
use super::profile;
use crate::arch::Arch;
use crate::profile::line_of;

/// Reads a profile.
#[derive(Debug)]
pub(super) struct OciHook {
    native: Arch,
}

impl OciHook {
    /// A reader; profiles that list no architecture are of this one.
    pub(super) fn new(native: Arch) -> Self {
        Self { native }
    }
}

impl Form for OciHook {
    fn read(&mut self, text: &str, draft: &mut Draft) {
        let (read, _) = match crate::profile::read(text) {
            Ok(read) => read,
            Err(error) => return draft.invalid(error.to_string()),
        };
        let arches = profile::arches(&read, self.native, draft);
        profile::fold(&read, &arches, &|name| line_of(text, name.span.start) as u64, draft);
        draft.note(
            "the hook sees no arguments, and looks up numbers of every ABI in the native table: calls of 32-bit programs \
             may stand under wrong names"
                .to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::arch::Arch;
    use crate::import::tests::{Read, read};
    use crate::import::{Format, ImportError};

    fn oci(text: &str) -> Read {
        read(Format::OciHook, Arch::X86_64, text)
    }

    /// A profile with these architectures and rules.
    fn profile(arches: &str, rules: &str) -> String {
        format!(
            "{{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"architectures\": [{arches}],\n\"syscalls\": [{rules}]}}\n"
        )
    }

    fn allow(names: &str, args: &str) -> String {
        format!("{{\"names\": [{names}], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{args}]}}")
    }

    fn condition(index: u8, value: u64, op: &str) -> String {
        format!("{{\"index\": {index}, \"value\": {value}, \"op\": \"SCMP_CMP_{op}\"}}")
    }

    #[test]
    fn names_become_calls_of_the_architectures_listed() {
        let rules = allow("\"read\", \"arch_prctl\", \"mmap2\"", "");
        let listed = oci(&profile("\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_X86\"", &rules));
        assert_eq!(
            listed.calls(),
            ["arch_prctl ?", "read ?", "x86 arch_prctl ?", "x86 mmap2 ?", "x86 read ?"]
        );
        listed.says("a profile holds no counts");
        assert!(listed.trace().complete && !listed.imported().arguments);
        let none = oci(&profile("", &allow("\"read\"", "")));
        assert_eq!(none.calls(), ["read ?"]);
        none.says("lists no architecture: its names are taken for x86_64's");
        let some = oci(&profile("\"SCMP_ARCH_X86_64\", \"SCMP_ARCH_MIPS\"", &allow("\"read\"", "")));
        some.says("no table of system calls for SCMP_ARCH_MIPS");
        assert!(!some.trace().complete);
    }

    #[test]
    fn calls_of_architectures_that_are_not_listed_are_said() {
        let read = oci(&profile("\"SCMP_ARCH_X86_64\"", &allow("\"read\", \"_llseek\", \"breakpoint\"", "")));
        assert_eq!(read.calls(), ["read ?"]);
        read.says("does not list were not carried over: _llseek, breakpoint");
    }

    #[test]
    fn only_equality_is_carried_over_and_the_rest_is_said() {
        let values = |rules: &[String]| {
            let read = oci(&profile("", &rules.join(", ")));
            let domain = &read.record("socket").args[&0];
            (domain.seen.keys().copied().collect::<Vec<_>>(), domain.widened)
        };
        let socket = |args: &str| allow("\"socket\"", args);
        let equal = |value| socket(&condition(0, value, "EQ"));
        assert_eq!(values(&[equal(1)]), (vec![1], false));
        assert_eq!(values(&[equal(1), equal(10)]), (vec![1, 10], false));
        assert_eq!(values(&[equal(1), socket("")]), (vec![], true));
        assert_eq!(values(&[equal(1), socket(&condition(1, 1, "EQ"))]), (vec![], true));
        assert_eq!(values(&[socket(&condition(0, 40, "NE"))]), (vec![], true));
        let two = [condition(0, 1, "EQ"), condition(0, 2, "EQ")].join(", ");
        assert_eq!(values(&[socket(&two)]), (vec![], true));
        let said = oci(&profile("", &socket(&condition(0, 40, "NE"))));
        said.says("any value counts, of socket");
        assert!(oci(&profile("", &equal(1))).imported().arguments);
    }

    #[test]
    fn what_is_refused_or_holds_sometimes_is_said() {
        let rules = [
            allow("\"read\"", ""),
            "{\"names\": [\"mount\", \"bpf\"], \"action\": \"SCMP_ACT_ERRNO\"}".to_owned(),
            "{\"names\": [\"chroot\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"CAP_SYS_CHROOT\"]}}".to_owned(),
        ];
        let read = oci(&profile("", &rules.join(",\n")));
        assert_eq!(read.calls(), ["chroot ?", "read ?"]);
        read.says("2 names that the profile does not allow were not carried over");
        read.says("1 rules hold under conditions only");
    }

    #[test]
    fn names_that_are_no_calls_stand_in_the_error_with_their_line() {
        let text = profile("", &allow("\"read\",\n\"opneat\"", ""));
        let ImportError::UnknownCalls { calls } = oci(&text).error() else { panic!() };
        assert_eq!((calls[0].name.as_str(), calls[0].line, calls[0].near), ("opneat", 4, Some("openat")));
    }

    #[test]
    fn a_list_of_what_is_refused_is_no_list_of_calls() {
        let text = profile("", "").replace("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW");
        assert_eq!(oci(&text).error(), ImportError::AllowsByDefault { file: "log".to_owned() });
        assert_eq!(oci(&profile("", "")).error(), ImportError::NoCall { file: "log".to_owned() });
        let cut = profile("", &allow("\"read\"", ""));
        assert!(oci(&cut[..cut.len() - 4]).error().to_string().starts_with("log: invalid profile, line "));
    }
}
