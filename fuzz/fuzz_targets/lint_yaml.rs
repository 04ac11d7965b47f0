//! lint of any YAML: places are in the text, patches leave YAML behind, and what is suppressed is one finding less.
#![no_main]

mod lint;

use callgate_check::yaml;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let report = lint::look("pod.yaml", text);
    let sound = |text: &str| yaml::documents(text).all(|document| document.is_ok());
    let was_sound = sound(text);
    lint::mend("pod.yaml", &report, |mended| {
        assert!(!was_sound || sound(mended), "a patch left no YAML: {mended}");
    });
    lint::suppress("pod.yaml", &report);
});
