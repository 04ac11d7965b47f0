//! What holds for every format.

use proptest::prelude::*;

use super::*;
use crate::sysno;
use crate::trace::{Outcome, Record};

/// What came of a text.
#[derive(Debug)]
pub(super) struct Read(Result<Imported, ImportError>);

impl Read {
    pub(super) fn imported(&self) -> &Imported {
        self.0.as_ref().unwrap()
    }

    pub(super) fn error(self) -> ImportError {
        self.0.unwrap_err()
    }

    pub(super) fn trace(&self) -> &Trace {
        &self.imported().trace
    }

    /// `arch name count`, sorted.
    pub(super) fn calls(&self) -> Vec<String> {
        let word = |(arch, nr, record): (Arch, u32, &Record)| {
            let name = sysno::name(arch, nr).map_or_else(|| nr.to_string(), str::to_owned);
            let count = record.count.map_or_else(|| "?".to_owned(), |n| n.to_string());
            let arch = if arch == Arch::X86_64 { String::new() } else { format!("{arch} ") };
            format!("{arch}{name} {count}")
        };
        let mut words: Vec<String> = self.trace().made().map(word).collect();
        words.sort();
        words
    }

    pub(super) fn record(&self, name: &str) -> &Record {
        let nr = sysno::number(Arch::X86_64, name).unwrap();
        &self.trace().calls[&(Arch::X86_64, nr, Outcome::Made)]
    }

    /// Some note of the recording has these words.
    #[track_caller]
    pub(super) fn says(&self, words: &str) {
        let notes = &self.trace().recordings[0].notes;
        assert!(notes.iter().any(|n| n.contains(words)), "{words}: {notes:#?}");
    }
}

/// Reads a text in pieces of this size.
fn pieced(format: Format, arch: Arch, text: &[u8], size: usize) -> Result<Imported, ImportError> {
    let mut reader = Reader::new(format, arch);
    reader.begin("log", None);
    text.chunks(size).for_each(|piece| reader.feed(piece));
    reader.end();
    reader.finish()
}

/// Reads a text.
pub(super) fn read(format: Format, arch: Arch, text: impl AsRef<[u8]>) -> Read {
    Read(pieced(format, arch, text.as_ref(), usize::MAX))
}

/// A text of every format, smallest first.
const TEXTS: &[(Format, &str)] = &[
    (Format::Strace, "openat(AT_FDCWD, \"x\", O_RDONLY) = 3\n"),
    (
        Format::Audit,
        "type=SECCOMP msg=audit(1.2:3): pid=1 comm=\"x\" exe=\"/x\" sig=0 arch=c000003e syscall=257 compat=0 ip=0x7f code=0x7ffc0000\n",
    ),
    (Format::Perf, "     0.000 ( 0.010 ms): ls/123 openat(dfd: CWD, filename: \"x\") = 3\n"),
    (Format::Falco, "1 12:00:00.000000000 0 sh (123) > openat dirfd=-100(AT_FDCWD) name=x\n"),
    (
        Format::OciHook,
        "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"openat\"], \"action\": \"SCMP_ACT_ALLOW\"}]}\n",
    ),
    (
        Format::Spo,
        "kind: SeccompProfile\nspec:\n  defaultAction: SCMP_ACT_ERRNO\n  syscalls:\n  - names: [openat]\n    action: SCMP_ACT_ALLOW\n",
    ),
    (
        Format::InspektorGadget,
        "// web\n{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n\"syscalls\": [{\"names\": [\"openat\"], \"action\": \"SCMP_ACT_ALLOW\"}]}\n",
    ),
];

#[test]
fn a_text_of_every_format_is_read_by_it_and_named_by_the_others() {
    for (format, text) in TEXTS {
        let whole = read(*format, Arch::X86_64, text);
        assert_eq!(whole.calls().len(), 1, "{}: {text}", format.name());
        assert!(whole.trace().complete && whole.imported().format == *format);
        for other in Format::ALL {
            let apart = *format != other && !alike(*format, other);
            if apart {
                let expected = format!("log is not {}: it looks like ", other.words());
                let error = read(other, Arch::X86_64, text).error();
                assert!(
                    error.to_string().starts_with(&expected),
                    "{} as {}: {error}",
                    format.name(),
                    other.name()
                );
                let ImportError::OtherFormat { other: Some(found), .. } = error else { panic!() };
                assert!(found.hint().contains(&format!("--from {}", format.name())), "{}", found.hint());
            }
        }
    }
}

/// Below its comment advise_seccomp's text is a profile as any other: without it, it can be read as either.
fn alike(format: Format, other: Format) -> bool {
    format == Format::OciHook && other == Format::InspektorGadget
}

#[test]
fn ends_of_lines_of_windows_and_a_byte_order_mark_mean_nothing() {
    for (format, text) in TEXTS.iter().filter(|(format, _)| *format != Format::Strace) {
        let plain = read(*format, Arch::X86_64, text);
        let marked = read(*format, Arch::X86_64, format!("\u{feff}{}", text.replace('\n', "\r\n")));
        assert_eq!(marked.imported(), plain.imported(), "{}", format.name());
    }
}

#[test]
fn nothing_and_nonsense_are_errors_with_a_way_on() {
    for format in Format::ALL {
        assert_eq!(read(format, Arch::X86_64, "").error(), ImportError::Empty { file: "log".to_owned() });
        for text in [&b"hello\n"[..], b"\0\0\0", b"\xff\xfe\xfd\n", b"\n\n"] {
            let error = read(format, Arch::X86_64, text).error();
            assert!(error.to_string().contains("log"), "{}: {error}", format.name());
        }
        assert!(!format.recipe().is_empty() && !format.blind().is_empty());
    }
}

#[test]
fn lines_and_documents_without_measure_are_read_or_refused_in_time() {
    let profile = "{\"defaultAction\": \"SCMP_ACT_ERRNO\"}\n";
    let names: Vec<String> = (0..20_000).map(|n| format!("\"x{n}\"")).collect();
    let rule = format!("{{\"names\": [{}], \"action\": \"SCMP_ACT_ALLOW\"}}", names.join(", "));
    // What looks back or begins anew at every sign of these would not end within a test's patience.
    for text in [
        format!("1 12:00:00.0 0 {}\n", "()".repeat(1 << 18)),
        format!("1 12:00:00.0 0 ({}\n", ")".repeat(1 << 18)),
        format!("     0.000 ( 0.010 ms): {}\n", "= ".repeat(1 << 18)),
        format!("type=SECCOMP msg=audit(1.2:3): {}\n", " arch=".repeat(1 << 16)),
        format!("// web\n{}", profile.repeat(5000)),
        format!("kind: SeccompProfile\nspec:\n  x: {}", "- ".repeat(1 << 16)),
        format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{rule}]}}"),
    ] {
        for format in Format::ALL {
            assert!(pieced(format, Arch::X86_64, text.as_bytes(), 1 << 16).is_err(), "{}", &text[..30]);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_whatever_pieces_they_come_in(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        size in 1_usize..60,
    ) {
        let (_, text) = which.get(TEXTS);
        let mut mixed = text.as_bytes().to_vec();
        let at = at.index(mixed.len());
        mixed.splice(at..at, bytes.iter().copied());
        for text in [&bytes, &mixed, &mixed[..at].to_vec()] {
            for format in Format::ALL {
                let whole = pieced(format, Arch::X86_64, text, usize::MAX);
                prop_assert_eq!(&pieced(format, Arch::X86_64, text, size), &whole);
                let Ok(imported) = whole else { continue };
                prop_assert!(imported.trace.calls.values().all(|r| r.count != Some(0)));
                let again = crate::trace::read(&crate::trace::write(&imported.trace)).unwrap();
                prop_assert_eq!(again, imported.trace);
            }
        }
    }
}
