//! lint of any JSON: places are in the text, and patches leave JSON behind.
#![no_main]

mod lint;

use callgate_core::profile::json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let report = lint::look("profile.json", text);
    let bare = text.trim_start_matches('\u{feff}');
    let sound = json::parse(bare).is_ok();
    lint::mend("profile.json", &report, |mended| {
        let bare = mended.trim_start_matches('\u{feff}');
        assert!(!sound || json::parse(bare).is_ok(), "a patch left no JSON: {mended}");
    });
});
