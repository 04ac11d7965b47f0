//! The reference verdict, the meaning, the compiled program and the written file say the same about random profiles.

mod meanings;
mod profiles;

use callgate_bpf::{check, emit, run};
use callgate_core::profile::{meaning, read, write};
use callgate_core::verdict::verdict;
use callgate_core::{Action, Arch, Profile};
use proptest::prelude::*;
use proptest::test_runner::Config;

fn cases() -> u32 {
    if std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1") { 20_000 } else { 2_000 }
}

/// What the file format can hold: TRAP has no payload there.
fn holdable(mut profile: Profile) -> Profile {
    let cut = |action| match action {
        Action::Trap(_) => Action::Trap(0),
        other => other,
    };
    profile.default = cut(profile.default.action).into();
    for rule in &mut profile.rules {
        rule.action = cut(rule.action.action).into();
    }
    profile
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn verdict_meaning_and_program_agree(profile in profiles::profile(), extra in any::<[u64; 6]>()) {
        let native = Arch::X86_64;
        let meaning = meaning(&profile, native);
        let program = emit(&meaning).expect("small profiles fit");
        prop_assert!(check(&program).is_ok());
        for data in meanings::probes(&meaning, &extra) {
            let expected = data.to_call().map_or(Action::KillThread, |call| verdict(&profile, &call, native).action);
            prop_assert_eq!(meaning.action_of_data(&data), expected, "meaning: {:x?}", data);
            prop_assert_eq!(run(&program, &data).map(Action::from_ret), Ok(expected), "program: {:x?}", data);
        }
    }

    #[test]
    fn writing_and_reading_changes_no_verdict(profile in profiles::profile(), extra in any::<[u64; 6]>()) {
        let native = Arch::X86_64;
        let profile = holdable(profile);
        let before = meaning(&profile, native);
        let (again, _) = read(&write(&profile, false)).expect("our own output is valid");
        for data in meanings::probes(&before, &extra) {
            let expected = data.to_call().map(|call| verdict(&profile, &call, native).action);
            prop_assert_eq!(data.to_call().map(|call| verdict(&again, &call, native).action), expected, "{:x?}", data);
        }
    }
}
