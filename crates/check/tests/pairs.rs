//! Random pairs of profiles: what differs and what is made of both, held against the reference verdict.

#[path = "../../bpf/tests/meanings/mod.rs"]
mod meanings;
#[path = "../../bpf/tests/profiles/mod.rs"]
mod profiles;

use callgate_check::diff::{Kind, diff};
use callgate_check::merge::{How, merge, taken};
use callgate_check::{Decision, Subject};
use callgate_core::express::Inexpressible;
use callgate_core::profile::{Profile, meaning, read, write};
use callgate_core::verdict::{Decided, verdict};
use callgate_core::{Action, Arch, Call};
use proptest::prelude::*;

const NATIVE: Arch = Arch::X86_64;

/// A profile from a file, with lines, whose actions OCI has words for.
fn profile() -> impl Strategy<Value = Profile> {
    profiles::profile().prop_map(|mut profile| {
        let plain = |action| match action {
            Action::Trap(_) => Action::Trap(0),
            Action::Trace(data) => Action::Trace(data.min(4095)),
            other => other,
        };
        profile.default = plain(profile.default.action).into();
        profile.rules.iter_mut().for_each(|rule| rule.action = plain(rule.action.action).into());
        read(&write(&profile, false)).expect("it was written by us").0
    })
}

/// What a profile does with a call, and the line that says so.
fn said(profile: &Profile, call: &Call) -> Decision {
    let verdict = verdict(profile, call, NATIVE);
    let line = match verdict.decided {
        Decided::Rule { line, .. } => Some(line),
        Decided::Default | Decided::Architecture => None,
    };
    Decision { action: verdict.action, line }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000, max_shrink_iters: 60, max_global_rejects: 4000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn every_change_is_what_the_verdicts_say_and_none_is_missed(
        a in profile(), b in profile(), extra in proptest::array::uniform6(meanings::word()),
    ) {
        let (m, n) = (meaning(&a, NATIVE), meaning(&b, NATIVE));
        let subject = |meaning, profile| Subject { meaning, profile: Some(profile), native: NATIVE };
        let changes = diff(&subject(&m, &a), &subject(&n, &b)).expect("they are small");
        for change in &changes {
            let (before, after) = (said(&a, &change.witness), said(&b, &change.witness));
            prop_assert_eq!((change.before, change.after), (before, after));
            prop_assert_eq!(change.kind == Kind::Allowed, after.action.permits() && !before.action.permits());
        }
        for call in [&m, &n].iter().flat_map(|m| meanings::probes(m, &extra)).filter_map(callgate_core::SeccompData::to_call) {
            let (before, after) = (said(&a, &call).action, said(&b, &call).action);
            let told = changes.iter().any(|c| {
                let same = c.witness.nr == call.nr || (c.name.is_none() && callgate_core::sysno::name(call.arch, call.nr).is_none());
                same && c.witness.arch == call.arch && (c.before.action, c.after.action) == (before, after)
            });
            prop_assert!(before == after || told, "{:?}: {} {}", call, before, after);
        }
    }

    #[test]
    fn what_is_merged_does_what_the_table_says_or_is_refused(
        a in profile(), b in profile(), alike in any::<bool>(), extra in proptest::array::uniform6(meanings::word()),
    ) {
        let b = if alike { Profile { architectures: a.architectures.clone(), ..b } } else { b };
        let (m, n) = (meaning(&a, NATIVE), meaning(&b, NATIVE));
        let subject = |meaning, profile| Subject { meaning, profile: Some(profile), native: NATIVE };
        let both = [subject(&m, &a), subject(&n, &b)];
        for how in [How::Union, How::Intersection] {
            let made = match merge(&both, how) {
                Ok((made, _)) => made,
                Err(Inexpressible::TooMany { .. }) => return Err(TestCaseError::reject("monstrous")),
                Err(Inexpressible::Architectures { one, other, left, right }) => {
                    let act = |call: &Call| how.action(said(&a, call).action, said(&b, call).action);
                    prop_assert!(!alike && left != right);
                    let judged = |call: &Call| m.arches.contains_key(&call.arch) && n.arches.contains_key(&call.arch);
                    prop_assert!(!judged(&one) || act(&one) == left);
                    prop_assert!(!judged(&other) || act(&other) == right);
                    continue;
                }
                Err(Inexpressible::Nameless { .. }) if !alike => continue,
                Err(refusal) => return Err(TestCaseError::fail(refusal.to_string())),
            };
            let expected = |call: &Call| {
                let (first, second) = (said(&a, call).action, said(&b, call).action);
                match (how, m.arches.contains_key(&call.arch), n.arches.contains_key(&call.arch)) {
                    (_, true, true) => how.action(first, second),
                    (How::Union, true, false) => first,
                    (How::Union, false, true) => second,
                    _ => Action::KillThread,
                }
            };
            for call in [&m, &n].iter().flat_map(|m| meanings::probes(m, &extra)).filter_map(callgate_core::SeccompData::to_call) {
                prop_assert_eq!(said(&made, &call).action, expected(&call), "{:?} {:?}", how, call);
            }
            if how == How::Intersection && alike {
                let left = meaning(&made, NATIVE);
                for loss in taken(&both, &Subject { meaning: &left, profile: None, native: NATIVE }).expect("small") {
                    prop_assert_eq!(loss.by, [0]);
                    prop_assert!(loss.change.after.action < loss.change.before.action);
                }
            }
        }
    }
}
