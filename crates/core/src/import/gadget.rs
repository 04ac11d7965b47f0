//! Reads what Inspektor Gadget's advise_seccomp prints: a profile per container, each below a `// name` line.
//!
//! The form is that of `gadgets/advise_seccomp/go/program.go`, the limits those of `program.bpf.c` beside it: calls of
//! 32-bit programs are dropped and the three x86 ABIs listed whatever was seen, so only the native one is believed. A
//! number without a name is `syscall_1f4`, hexadecimal, or `unknown_syscall_500`.

use serde::de::IgnoredAny;

use super::Other;
use super::document::Form;
use super::draft::Draft;
use super::profile;
use crate::Profile;
use crate::arch::Arch;
use crate::profile::line_of;

/// How many numbers the gadget records. The byte behind theirs is a mark of its own (`SYSCALLS_COUNT`), which comes out
/// as if it were a call.
const RECORDED: u32 = 500;

/// Reads advise_seccomp's text.
#[derive(Debug)]
pub(super) struct Gadget {
    native: Arch,
}

impl Gadget {
    /// A reader; the names are of this ABI.
    pub(super) fn new(native: Arch) -> Self {
        Self { native }
    }
}

impl Form for Gadget {
    /// Without its comment the text is a profile as any other.
    fn takes(&self, other: Other) -> bool {
        other == Other::Profile
    }

    fn read(&mut self, text: &str, draft: &mut Draft) {
        let text = without_comments(text);
        let mut documents = serde_json::Deserializer::from_str(&text).into_iter::<IgnoredAny>();
        let (mut start, mut count, mut line) = (0, 0, 1);
        while let Some(document) = documents.next() {
            let end = documents.byte_offset();
            if let Err(error) = document {
                return draft.invalid(format!("not JSON: {error}"));
            }
            if let Err(error) = self.profile(&text[start..end], line, draft) {
                return draft.invalid(error);
            }
            line += memchr::memchr_iter(b'\n', &text.as_bytes()[start..end]).count();
            (start, count) = (end, count + 1);
        }
        if count > 1 {
            draft.note(format!("the profiles of {count} containers were united"));
        }
        let native = self.native;
        draft.note(format!(
            "advise_seccomp sees no arguments, drops calls of 32-bit programs and numbers from {RECORDED} on, and lists \
             x86_64, x86 and x32 whatever it saw: its names are taken for {native}'s alone"
        ));
    }
}

impl Gadget {
    fn profile(&self, text: &str, first: usize, draft: &mut Draft) -> Result<(), String> {
        let (mut read, _) = crate::profile::read(text).map_err(|e| e.to_string())?;
        if numbers(&mut read) {
            draft.note(format!(
                "number {RECORDED} is advise_seccomp's own mark for runc, no call, and was left out"
            ));
        }
        let line = |name: &crate::profile::Name| (first - 1 + line_of(text, name.span.start)) as u64;
        profile::fold(&read, &[self.native], &line, draft);
        Ok(())
    }
}

/// Blanks lines that begin with `//`, so that places stay what they are.
fn without_comments(text: &str) -> String {
    let line = |line: &str| if line.trim_start().starts_with("//") { String::new() } else { line.to_owned() };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Writes numbers as other names have them, and takes the mark out; whether there was one.
fn numbers(profile: &mut Profile) -> bool {
    let mut marked = false;
    for rule in &mut profile.rules {
        rule.names.retain_mut(|name| {
            let Some(nr) = number(&name.text) else { return true };
            name.text = format!("syscall_{nr}");
            marked |= nr == RECORDED;
            nr != RECORDED
        });
    }
    marked
}

/// `syscall_1f4` or `unknown_syscall_500`.
fn number(name: &str) -> Option<u32> {
    match name.strip_prefix("syscall_") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => name.strip_prefix("unknown_syscall_")?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use crate::arch::Arch;
    use crate::import::tests::{Read, read};
    use crate::import::{Format, ImportError};

    fn gadget(text: &str) -> Read {
        read(Format::InspektorGadget, Arch::X86_64, text)
    }

    /// What is printed of one container.
    fn container(name: &str, calls: &str) -> String {
        format!(
            "// {name}\n{{\n  \"defaultAction\": \"SCMP_ACT_ERRNO\",\n  \"architectures\": [\n    \"SCMP_ARCH_X86_64\",\n    \
             \"SCMP_ARCH_X86\",\n    \"SCMP_ARCH_X32\"\n  ],\n  \"syscalls\": [\n    {{\n      \"names\": [{calls}],\n      \
             \"action\": \"SCMP_ACT_ALLOW\"\n    }}\n  ]\n}}\n"
        )
    }

    #[test]
    fn only_the_native_architecture_is_believed() {
        let read = gadget(&container("nginx", "\"read\", \"openat\""));
        assert_eq!(read.calls(), ["openat ?", "read ?"]);
        read.says("drops calls of 32-bit programs");
        let bare = container("nginx", "\"read\"").replace("// nginx", "");
        assert_eq!(gadget(&bare).calls(), ["read ?"]);
        read.says("its names are taken for x86_64's alone");
        assert!(read.trace().complete);
    }

    #[test]
    fn numbers_are_kept_and_the_mark_behind_them_is_not() {
        let read = gadget(&container("nginx", "\"read\", \"syscall_1e0\", \"unknown_syscall_481\""));
        assert_eq!(read.calls(), ["480 ?", "481 ?", "read ?"]);
        for mark in ["syscall_1f4", "unknown_syscall_500"] {
            let read = gadget(&container("nginx", &format!("\"read\", \"{mark}\"")));
            assert_eq!(read.calls(), ["read ?"], "{mark}");
            read.says("number 500 is advise_seccomp's own mark");
        }
    }

    #[test]
    fn profiles_of_several_containers_are_united() {
        let text = format!("{}\n{}", container("a", "\"read\""), container("b", "\"write\""));
        let read = gadget(&text);
        assert_eq!(read.calls(), ["read ?", "write ?"]);
        read.says("the profiles of 2 containers were united");
        let ImportError::UnknownCalls { calls } = gadget(&text.replace("write", "wirte")).error() else {
            panic!()
        };
        assert_eq!((calls[0].name.as_str(), calls[0].line), ("wirte", 27));
        assert!(gadget(&text[..text.len() - 9]).error().to_string().contains("not JSON"));
    }
}
