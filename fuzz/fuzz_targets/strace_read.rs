//! Any bytes are a log of strace or an error; every call that was counted has a number, whatever pieces the log came in,
//! and the trace survives writing and reading.
#![no_main]

use callgate_core::import::strace::Reader;
use callgate_core::import::{ImportError, Imported};
use callgate_core::trace::Outcome;
use callgate_core::{Arch, trace};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for arch in [Arch::X86_64, Arch::X86, Arch::X32, Arch::Arm, Arch::S390x] {
        let whole = read(arch, bytes, bytes.len().max(1));
        assert_eq!(whole, read(arch, bytes, 7), "pieces of a log mean something else than the log");
        let Ok(imported) = whole else { continue };
        for ((_, _, outcome), record) in &imported.trace.calls {
            assert_eq!(*outcome, Outcome::Made, "a log does not say that a filter refused a call");
            assert_ne!(record.count, Some(0), "a call that was never made");
        }
        let again = trace::read(&trace::write(&imported.trace)).expect("what we write is a trace");
        assert_eq!(again, imported.trace, "reading what was written changes it");
    }
});

fn read(arch: Arch, bytes: &[u8], size: usize) -> Result<Imported, ImportError> {
    let mut reader = Reader::new(arch);
    reader.begin("log", None);
    for piece in bytes.chunks(size) {
        reader.feed(piece);
    }
    reader.end();
    reader.finish()
}
