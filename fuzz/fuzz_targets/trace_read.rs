//! Any text is a trace or an error; a trace that was read survives writing and reading.
#![no_main]

use callgate_core::trace;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(first) = trace::read(text) else { return };
    let written = trace::write(&first);
    let second = trace::read(&written).expect("what we write is a trace");
    assert_eq!(first, second, "reading what was written changes it");
    assert_eq!(written, trace::write(&second), "writing is not byte-stable");
});
