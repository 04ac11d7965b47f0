//! Any bytes are a text of a recorder or an error, whatever pieces they come in; every call was made at least once, and
//! the trace survives writing and reading. strace has a target of its own.
#![no_main]

use callgate_core::import::{Format, ImportError, Imported, Reader};
use callgate_core::{Arch, trace};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for format in Format::ALL {
        let whole = read(format, bytes, bytes.len().max(1));
        assert_eq!(whole, read(format, bytes, 7), "pieces of a text mean something else than the text");
        let Ok(imported) = whole else { continue };
        assert!(imported.trace.calls.values().all(|r| r.count != Some(0)), "a call that was never made");
        let again = trace::read(&trace::write(&imported.trace)).expect("what we write is a trace");
        assert_eq!(again, imported.trace, "reading what was written changes it");
    }
});

fn read(format: Format, bytes: &[u8], size: usize) -> Result<Imported, ImportError> {
    let mut reader = Reader::new(format, Arch::X86_64);
    reader.begin("text", None);
    for piece in bytes.chunks(size) {
        reader.feed(piece);
    }
    reader.end();
    reader.finish()
}
