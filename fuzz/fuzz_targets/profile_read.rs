//! Any text is a profile or an error; a profile that was read keeps its meaning through writing and reading.
#![no_main]

use callgate_core::{Arch, Call, Profile, profile, verdict};
use libfuzzer_sys::fuzz_target;

/// Argument registers at the edges of what conditions compare.
const REGISTERS: [u64; 4] = [0, 1, 0x8000_0000, u64::MAX];

fuzz_target!(|text: &str| {
    let Ok((first, _)) = profile::read(text) else { return };
    let written = profile::write(&first, true);
    let (second, _) = profile::read(&written).expect("what we write is a profile");
    assert_eq!(written, profile::write(&second, true), "writing is not byte-stable");
    for call in calls(&first) {
        let before = verdict::verdict(&first, &call, Arch::X86_64).action;
        let after = verdict::verdict(&second, &call, Arch::X86_64).action;
        assert_eq!(before, after, "writing changed what happens to {call:?}");
    }
});

/// Some calls on every architecture, and every call the profile names, at the edges of its conditions.
fn calls(profile: &Profile) -> Vec<Call> {
    let mut numbers: Vec<(Arch, u32)> = Arch::ALL.iter().flat_map(|arch| [(*arch, 0), (*arch, 59)]).collect();
    let mut values = REGISTERS.to_vec();
    for rule in profile.rules.iter().take(16) {
        for name in rule.names.iter().take(16) {
            let known = |arch: &Arch| callgate_core::sysno::number(*arch, &name.text).map(|nr| (*arch, nr));
            numbers.extend(Arch::ALL.iter().filter_map(known));
        }
        values.extend(rule.conditions.iter().take(6).flat_map(|c| [c.value, c.value_two]));
    }
    numbers.truncate(256);
    values.truncate(16);
    let all = |(arch, nr): (Arch, u32)| values.clone().into_iter().map(move |v| Call::new(arch, nr, [v; 6]));
    numbers.into_iter().flat_map(all).collect()
}
