//! Staged profiles under the models of runc and crun: what is allowed is what the table of stages allows, and nothing in them
//! depends on the insides of libseccomp.

use callgate_check::resolve::resolve;
use callgate_check::target::{Loader, Target};
use callgate_core::baseline::{Kernel, Machine};
use callgate_core::profile::{self, Condition, Profile, Rule};
use callgate_core::set::{CallSet, Op};
use callgate_core::stage::{Stage, stage};
use callgate_core::{Action, Arch};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const NAMES: [&str; 6] = ["read", "socket", "clone", "ioctl", "ptrace", "close_range"];

fn condition() -> impl Strategy<Value = Condition> {
    let op = select(vec![Op::Eq, Op::Ne, Op::Lt, Op::Ge, Op::MaskedEq]);
    (0u8..2, op, 0u64..9, 0u64..9).prop_map(|(index, op, value, value_two)| Condition {
        index,
        op,
        value,
        value_two,
    })
}

/// One condition per index, and one action per call: what runtimes and the raw meaning read alike.
fn candidate(actions: Vec<Action>) -> impl Strategy<Value = Profile> {
    let rule = (vec(select(&NAMES[..]), 1..3), select(actions), vec(condition(), 0..3));
    (vec(rule, 0..5), select(vec![Action::Errno(38), Action::KillProcess])).prop_map(|(rules, default)| {
        let mut said: Vec<(&str, Action)> = Vec::new();
        let mut made = Vec::new();
        for (names, action, mut conditions) in rules {
            conditions.sort();
            conditions.dedup_by_key(|c| c.index);
            let alike = |name: &&&str| said.iter().all(|(n, a)| n != *name || *a == action);
            let names: Vec<&str> = names.iter().filter(alike).copied().collect();
            said.extend(names.iter().map(|name| (*name, action)));
            if !names.is_empty() {
                let names = names.into_iter().map(str::to_owned);
                made.push(Rule { conditions, ..Rule::new(names, action) });
            }
        }
        Profile {
            default: default.into(),
            architectures: vec![Arch::X86_64.into()],
            rules: made,
            ..Profile::default()
        }
    })
}

fn under(runtime: &str, text: &str) -> callgate_check::Resolved {
    let machine = Machine::new(Arch::X86_64, Kernel::new(6, 18), []);
    let runtime = Some(runtime.parse().expect("a runtime"));
    let target = Target { loader: Loader::Oci, runtime, machine, libseccomp: None, no_new_privs: false };
    resolve(text, &target).unwrap_or_else(|refusal| panic!("{}: {text}", refusal.message))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stages_allow_under_runtimes_what_their_table_allows(
        ours in candidate(vec![Action::Allow, Action::Errno(1)]),
        theirs in candidate(vec![Action::Allow, Action::Errno(1), Action::Log]),
        which in select(vec![Stage::Audit, Stage::Complain, Stage::Enforce]),
    ) {
        let [meant, applied] = [&ours, &theirs].map(|p| profile::meaning(p, Arch::X86_64));
        let Ok((staged, notes)) = stage(&ours, (&meant, &applied), which, Arch::X86_64) else { return Ok(()) };
        let text = profile::write(&staged, false);
        let allowed = |meaning: &_| -> CallSet { CallSet::of(meaning, Action::permits) };
        let wanted = match which {
            Stage::Enforce => allowed(&meant),
            Stage::Complain => allowed(&meant).union(&allowed(&applied)),
            Stage::Audit => CallSet::arch(Arch::X86_64),
        };
        for runtime in ["runc", "crun"] {
            let found = under(runtime, &text);
            prop_assert!(found.undecided().is_empty(), "{runtime}: {:?} of {text}", found.undecided());
            let meaning = found.meaning().expect("a filter");
            prop_assert!(allowed(meaning) == wanted, "{which:?} under {runtime}: {text}");
            // What is logged may only be more.
            let logged = CallSet::of(meaning, |action| action == Action::Log);
            let must = wanted.difference(&allowed(&meant)).union(&CallSet::of(&meant, |action| action == Action::Log));
            prop_assert!(must.is_subset(&logged), "{which:?} under {runtime}: {text}");
            prop_assert!(!notes.is_empty() || logged == must || which == Stage::Enforce, "{text}");
        }
    }
}
