//! The filters callgate loads for itself: to record, to try a profile, to let another process decide.

use std::collections::BTreeMap;

use callgate_core::meaning::{Clause, Rules};
use callgate_core::set::{ArgBox, ArgSet};
use callgate_core::trace::{Outcome, Trace, Values};
use callgate_core::{Action, Arch, Meaning, args, sysno};

/// More alternatives than this for one call, and a trimmed recording goes on asking about the call.
const MAX_ALTERNATIVES: usize = 64;

/// Every ABI a program on this machine can call through.
fn machine(native: Arch) -> impl Iterator<Item = Arch> {
    [native].into_iter().chain(native.companions().iter().copied())
}

/// A filter that asks about every call of every ABI.
pub fn recording(native: Arch) -> Meaning {
    Meaning::uniform(machine(native), Action::Notify, Action::Notify)
}

/// The same filter for a tracer: it asks by RET_TRACE where it asked by notification.
pub fn for_tracer(asking: &Meaning) -> Meaning {
    map(asking, |action| if action == Action::Notify { Action::Trace(0) } else { action })
}

/// Every action of a meaning changed.
fn map(meaning: &Meaning, to: impl Fn(Action) -> Action) -> Meaning {
    let clauses =
        |list: &Vec<Clause>| list.iter().map(|c| Clause { args: c.args, action: to(c.action) }).collect();
    let rules = |(arch, rules): (&Arch, &Rules)| {
        let calls = rules.calls.iter().map(|(nr, list)| (*nr, clauses(list))).collect();
        let beyond = rules.beyond.iter().map(|(from, action)| (*from, to(*action))).collect();
        (*arch, Rules { calls, default: to(rules.default), beyond })
    };
    Meaning { arches: meaning.arches.iter().map(rules).collect(), bad_arch: to(meaning.bad_arch) }
}

/// A filter that asks only about what `known` does not hold: calls of which nothing more can be learned are allowed,
/// calls with learned arguments only with values already seen.
///
/// execve and exit stay asked about: who makes a call, and how a task ends, is read there.
pub fn trimmed(native: Arch, known: &Trace, surface_only: bool) -> Meaning {
    let mut meaning = recording(native);
    for ((arch, nr, outcome), record) in &known.calls {
        let Some(rules) = meaning.arches.get_mut(arch).filter(|_| *outcome == Outcome::Made) else {
            continue;
        };
        let Some(name) = sysno::name(*arch, *nr) else { continue };
        if matches!(name, "seccomp" | "execve" | "execveat") {
            continue;
        }
        let Some(columns) = columns(*arch, name, &record.args, surface_only) else { continue };
        let clauses = product(&columns);
        rules.calls.insert(*nr, clauses);
    }
    meaning
}

/// Per learned argument the boxes of the values seen; `None` when the call has to be asked about anyway.
fn columns(
    arch: Arch,
    name: &str,
    seen: &BTreeMap<u8, Values>,
    surface_only: bool,
) -> Option<Vec<Vec<(usize, ArgSet)>>> {
    let params = args::params_on(arch, name).unwrap_or_default();
    let mut found = Vec::new();
    for (index, param) in params.iter().enumerate().take(6) {
        let wanted = match param.class {
            args::Class::Surface => true,
            args::Class::Ordinary => !surface_only,
            args::Class::Never => false,
        };
        if !wanted {
            continue;
        }
        // No values of an argument worth learning: something is odd, keep asking.
        let values = seen.get(&(index as u8))?;
        if !values.widened {
            let mask = callgate_core::trace::learned_value(param, u64::MAX)?;
            found.push(values.seen.keys().map(|v| (index, ArgSet::masked(mask, *v))).collect());
        }
    }
    let alternatives: usize = found.iter().map(Vec::len).product();
    (alternatives <= MAX_ALTERNATIVES).then_some(found)
}

fn product(columns: &[Vec<(usize, ArgSet)>]) -> Vec<Clause> {
    let mut boxes = vec![ArgBox::any()];
    for column in columns {
        boxes = boxes.iter().flat_map(|b| column.iter().map(|(i, set)| b.with(*i, *set))).collect();
    }
    boxes.into_iter().map(|args| Clause { args, action: Action::Allow }).collect()
}

/// The profile's filter with every refusal turned into a question.
pub fn trial(profile: &Meaning) -> Meaning {
    map(profile, |action| if action.permits() { action } else { Action::Notify })
}

/// A filter that allows everything.
pub fn allowing(native: Arch) -> Meaning {
    Meaning::uniform(machine(native), Action::Allow, Action::Allow)
}

/// The filter a profile means here, with the one change callgate makes and says: a call through an architecture the
/// profile does not list kills the process, not the thread, which would leave a threaded program hanging.
pub fn enforcing(profile: &Meaning) -> Meaning {
    Meaning { bad_arch: Action::KillProcess, ..profile.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callgate_core::Call;
    use callgate_core::trace::{Observation, Phase};

    fn known() -> Trace {
        let mut trace = Trace::default();
        for (name, args) in
            [("read", [0; 6]), ("socket", [1, 1, 0, 0, 0, 0]), ("socket", [10, 1, 0, 0, 0, 0])]
        {
            trace.observe(&Observation {
                arch: Arch::X86_64,
                nr: sysno::number(Arch::X86_64, name).unwrap(),
                args,
                outcome: Outcome::Made,
                count: Some(1),
                phase: Phase::Unphased,
                executable: String::new(),
                at_ms: 0,
            });
        }
        trace
    }

    fn action(meaning: &Meaning, name: &str, args: [u64; 6]) -> Action {
        meaning.action(&Call::new(Arch::X86_64, sysno::number(Arch::X86_64, name).unwrap(), args))
    }

    #[test]
    fn a_trimmed_recording_asks_about_new_calls_and_new_values_only() {
        let meaning = trimmed(Arch::X86_64, &known(), true);
        assert_eq!(action(&meaning, "read", [9; 6]), Action::Allow);
        assert_eq!(action(&meaning, "write", [9; 6]), Action::Notify);
        assert_eq!(action(&meaning, "socket", [10, 0x80001, 0, 0, 0, 0]), Action::Allow);
        assert_eq!(action(&meaning, "socket", [17, 1, 0, 0, 0, 0]), Action::Notify);
    }

    #[test]
    fn a_trial_asks_where_the_profile_refuses() {
        let profile = Meaning::uniform([Arch::X86_64], Action::KillProcess, Action::KillThread);
        let meaning = trial(&profile);
        assert_eq!(action(&meaning, "read", [0; 6]), Action::Notify);
        assert_eq!(meaning.bad_arch, Action::Notify);
    }
}
