//! The allow bitmap against the meaning it was compiled from, and against the simulator.

mod meanings;

use callgate_bpf::{bitmap, emit, run};
use callgate_core::arch::X32_BIT;
use callgate_core::{Action, Arch, SeccompData};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_unconditional_allow_is_in_the_bitmap_and_nothing_else_is(
        meaning in meanings::meaning(&Arch::ALL), extra in proptest::array::uniform6(meanings::word()),
    ) {
        let program = emit(&meaning).expect("small meanings fit");
        let probes = meanings::probes(&meaning, &extra);
        for data in probes.iter().filter(|data| data.nr < X32_BIT) {
            let unconditional = data.to_call().is_some_and(|call| {
                meaning.arches.get(&call.arch).is_some_and(|rules| {
                    rules.calls.get(&call.nr).map_or(rules.otherwise(call.nr) == Action::Allow, |clauses| {
                        clauses.first().map_or(rules.otherwise(call.nr), |c| c.action) == Action::Allow
                            && clauses.first().is_none_or(|c| c.args.is_any())
                    })
                })
            });
            let answered = bitmap::always_allowed(&program, data.arch, data.nr);
            prop_assert!(answered || !unconditional, "{data:x?} is not in the bitmap");
            // The arguments of other probes are as good as random ones.
            for other in probes.iter().step_by(5).filter(|_| answered) {
                let call = SeccompData { nr: data.nr, arch: data.arch, ..*other };
                prop_assert_eq!(run(&program, &call), Ok(Action::Allow.to_ret()));
            }
        }
    }
}
