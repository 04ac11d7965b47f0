//! Several profiles as one: what any of them allows, or what all of them do.
//!
//! | | union | intersection |
//! | --- | --- | --- |
//! | a call | allowed if one allows it; refused as the first refuses it that judges its architecture | the strictest action, as of stacked filters (`kernel/seccomp.c`, `seccomp_run_filters`) |
//! | an architecture | judged if one judges it | judged if all do; otherwise its calls kill the thread |
//! | `SECCOMP_FILTER_FLAG_SPEC_ALLOW` | if all have it | if all have it |
//! | other flags | if one has it | if one has it |
//! | the listener | of the first that has one | of the first that has one |

use std::collections::BTreeSet;

use callgate_core::express::{Inexpressible, express};
use callgate_core::meaning::Rules;
use callgate_core::{Action, Arch, Diagnostic, Meaning, Profile, pair, sysno};

use crate::subject::Subject;

const SPEC_ALLOW: &str = "SECCOMP_FILTER_FLAG_SPEC_ALLOW";

/// How profiles become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// What any of them allows.
    Union,
    /// What all of them allow.
    Intersection,
}

impl How {
    /// What happens to a call with which the two do this.
    pub fn action(self, first: Action, second: Action) -> Action {
        match self {
            Self::Intersection => first.min(second),
            Self::Union if first.permits() || second.permits() => first.max(second),
            Self::Union => first,
        }
    }

    /// What two meanings become.
    fn meaning(self, first: &Meaning, second: &Meaning) -> Result<Meaning, pair::TooMany> {
        let (mut first, mut second) = (first.clone(), second.clone());
        match self {
            // Who does not judge an architecture has no say there.
            Self::Union => {
                for (arch, rules) in &second.arches {
                    first.arches.entry(*arch).or_insert_with(|| refusing(rules));
                }
                for (arch, rules) in &first.arches {
                    second.arches.entry(*arch).or_insert_with(|| refusing(rules));
                }
            }
            Self::Intersection => {
                let both: BTreeSet<Arch> =
                    first.arches.keys().filter(|arch| second.arches.contains_key(arch)).copied().collect();
                first.arches.retain(|arch, _| both.contains(arch));
                second.arches.retain(|arch, _| both.contains(arch));
            }
        }
        pair::combine(&first, &second, |a, b| self.action(a, b))
    }
}

/// The same rules with nothing allowed, so that they add nothing: what is refused stays as it is.
fn refusing(rules: &Rules) -> Rules {
    let mut made = rules.clone();
    let refuse = |action: &mut Action| {
        if action.permits() {
            *action = Action::KillThread;
        }
    };
    made.calls.values_mut().flatten().for_each(|clause| refuse(&mut clause.action));
    refuse(&mut made.default);
    made.beyond.values_mut().for_each(refuse);
    made
}

/// One profile for several, on a machine of the first one's architecture, and what is not in it.
///
/// Exactly what the table above says, or the calls that show why no profile can say it.
pub fn merge(subjects: &[Subject<'_>], how: How) -> Result<(Profile, Vec<Diagnostic>), Inexpressible> {
    let Some((first, rest)) = subjects.split_first() else {
        // Of nothing, nothing.
        return Ok((Profile::default(), Vec::new()));
    };
    let wanted = rest.iter().try_fold(first.meaning.clone(), |all, next| how.meaning(&all, next.meaning))?;
    let profiles: Vec<&Profile> = subjects.iter().filter_map(|s| s.profile).collect();
    let mut notes = Vec::new();
    let made = Profile {
        flags: flags(&profiles, &mut notes),
        listener_path: first_of(&profiles, |p| p.listener_path.clone(), "listenerPath", &mut notes),
        listener_metadata: first_of(
            &profiles,
            |p| p.listener_metadata.clone(),
            "listenerMetadata",
            &mut notes,
        ),
        ..express(&wanted, first.native)?
    };
    notes.extend(subjects.iter().filter_map(|s| Some((s.profile?, s.meaning))).flat_map(|(p, m)| lost(p, m)));
    if how == How::Intersection {
        notes.extend(dropped(subjects, &made));
    }
    notes.dedup();
    Ok((made, notes))
}

fn flags(profiles: &[&Profile], notes: &mut Vec<Diagnostic>) -> Vec<String> {
    let all: BTreeSet<&String> = profiles.iter().flat_map(|p| &p.flags).collect();
    let everywhere = |flag: &str| profiles.iter().all(|p| p.flags.iter().any(|f| f == flag));
    let kept: Vec<String> = all
        .iter()
        .filter(|flag| **flag != SPEC_ALLOW || everywhere(flag))
        .map(|flag| (*flag).clone())
        .collect();
    if !all.iter().all(|flag| everywhere(flag)) {
        let words = if kept.is_empty() { "none".to_owned() } else { kept.join(", ") };
        notes.push(Diagnostic::warning(
            "flags-differ",
            format!("the flags are not the same in all; written: {words}"),
        ));
    }
    kept
}

fn first_of(
    profiles: &[&Profile],
    of: impl Fn(&Profile) -> Option<String>,
    key: &str,
    notes: &mut Vec<Diagnostic>,
) -> Option<String> {
    let all: BTreeSet<Option<String>> = profiles.iter().map(|p| of(p)).collect();
    if all.len() > 1 {
        let message = format!("`{key}` is not the same in all; the first one is written");
        notes.push(Diagnostic::warning("listener-differs", message));
    }
    profiles.iter().find_map(|p| of(p))
}

/// What a profile says that its meaning, and so what is made of it, does not hold.
pub fn lost(profile: &Profile, meaning: &Meaning) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let named: BTreeSet<&str> =
        profile.rules.iter().flat_map(|r| &r.names).map(|name| name.text.as_str()).collect();
    let exists = |name: &&&str| meaning.arches.keys().any(|arch| sysno::number(*arch, name).is_some());
    let nowhere: Vec<&str> = named.iter().filter(|name| !exists(name)).copied().collect();
    if !nowhere.is_empty() {
        let shown = nowhere.iter().take(5).copied().collect::<Vec<_>>().join(", ");
        let more = if nowhere.len() > 5 { format!(" and {} more", nowhere.len() - 5) } else { String::new() };
        let message =
            format!("not written: {shown}{more}, which no architecture that is judged has a call of");
        notes.push(Diagnostic::note("names-left-out", message));
    }
    let unknown: Vec<&str> =
        profile.architectures.iter().filter(|a| a.arch.is_none()).map(|a| a.name.as_str()).collect();
    if !unknown.is_empty() {
        let message = format!(
            "not written: {}, whose calls callgate does not know; under the result they kill the thread",
            unknown.join(", ")
        );
        notes.push(Diagnostic::warning("architectures-left-out", message));
    }
    let keys = || profile.extra.iter().chain(profile.rules.iter().flat_map(|r| &r.extra)).next();
    if profile.rules.iter().any(|r| r.comment.is_some()) || keys().is_some() {
        notes.push(Diagnostic::note("comments-left-out", "comments and unknown keys are not written"));
    }
    notes
}

/// Architectures that only some judge.
fn dropped(subjects: &[Subject<'_>], made: &Profile) -> Option<Diagnostic> {
    let some: BTreeSet<Arch> = subjects.iter().flat_map(|s| s.meaning.arches.keys()).copied().collect();
    let left: Vec<&str> = some
        .iter()
        .filter(|arch| made.architectures.iter().all(|a| a.arch != Some(**arch)))
        .map(|a| a.name())
        .collect();
    let message = format!("calls through {} kill the thread: not all list it", left.join(", "));
    (!left.is_empty()).then(|| Diagnostic::note("architectures-differ", message))
}

/// One call that the intersection takes away from the last of several, and who does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What it was, and what it is now.
    pub change: crate::diff::Change,
    /// Which of the others does what happens now.
    pub by: Vec<usize>,
}

/// What is left of the last under the others, as calls that are treated more strictly.
pub fn taken(subjects: &[Subject<'_>], effective: &Subject<'_>) -> Result<Vec<Taken>, pair::TooMany> {
    let Some((last, others)) = subjects.split_last() else { return Ok(Vec::new()) };
    let changes = crate::diff::diff(last, effective)?;
    let by = |change: &crate::diff::Change| {
        let does = |(_, s): &(usize, &Subject<'_>)| s.meaning.action(&change.witness) == change.after.action;
        others.iter().enumerate().filter(does).map(|(at, _)| at).collect()
    };
    Ok(changes.into_iter().map(|change| Taken { by: by(&change), change }).collect())
}

#[cfg(test)]
mod tests {
    use callgate_core::Call;
    use callgate_core::profile::{meaning, read, write};
    use callgate_core::verdict::verdict;

    use super::*;

    fn profile(rules: &str) -> Profile {
        let text = format!(
            "{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],\"syscalls\":[{rules}]}}"
        );
        read(&text).unwrap().0
    }

    fn rule(name: &str, action: &str, conditions: &[(u8, u64)]) -> String {
        let conditions =
            conditions.iter().map(|(i, v)| format!(r#"{{"index":{i},"value":{v},"op":"SCMP_CMP_EQ"}}"#));
        let conditions = conditions.collect::<Vec<_>>().join(",");
        format!(r#"{{"names":["{name}"],"action":"SCMP_ACT_{action}","args":[{conditions}]}}"#)
    }

    /// Both ways to merge do with every one of these calls what their table says, by the reference verdict.
    fn check(rules: [&str; 2]) -> [Profile; 2] {
        let [a, b] = rules.map(profile);
        let [m, n] = [&a, &b].map(|p| meaning(p, Arch::X86_64));
        let subject = |meaning, profile| Subject { meaning, profile: Some(profile), native: Arch::X86_64 };
        let subjects = [subject(&m, &a), subject(&n, &b)];
        [How::Union, How::Intersection].map(|how| {
            let made = merge(&subjects, how).unwrap().0;
            for x in 0..6 {
                for y in 0..6 {
                    let call = Call::new(Arch::X86_64, 41, [x, y, 0, 0, 0, 0]);
                    let of = |p: &Profile| verdict(p, &call, Arch::X86_64).action;
                    assert_eq!(
                        of(&made),
                        how.action(of(&a), of(&b)),
                        "{how:?} {call:?} {}",
                        write(&made, false)
                    );
                }
            }
            made
        })
    }

    #[test]
    fn two_different_conditions_on_one_call_are_both_enough_or_both_needed() {
        let [union, both] = check([&rule("socket", "ALLOW", &[(0, 1)]), &rule("socket", "ALLOW", &[(1, 3)])]);
        assert_eq!((union.rules.len(), both.rules.len()), (2, 1));
        assert_eq!(both.rules[0].conditions.len(), 2);
        let [_, nothing] = check([&rule("socket", "ALLOW", &[(0, 1)]), &rule("socket", "ALLOW", &[(0, 2)])]);
        assert!(nothing.rules.is_empty());
    }

    #[test]
    fn a_condition_against_none_gives_none_or_the_condition() {
        let [union, both] = check([&rule("socket", "ALLOW", &[(0, 1)]), &rule("socket", "ALLOW", &[])]);
        assert!(union.rules[0].conditions.is_empty() && union.rules.len() == 1);
        assert_eq!(both.rules[0].conditions.len(), 1);
    }

    #[test]
    fn two_actions_inside_one_profile_stay_two() {
        let two = [rule("socket", "ALLOW", &[(0, 1)]), rule("socket", "KILL_PROCESS", &[(0, 2)])].join(",");
        let [union, both] = check([&two, &rule("socket", "LOG", &[(1, 3)])]);
        assert!(union.rules.len() > 2 && both.rules.iter().any(|r| r.action.action == Action::KillProcess));
    }

    #[test]
    fn pairs_on_two_indices_are_kept_as_pairs() {
        let pairs = |list: &[(u64, u64)]| {
            list.iter()
                .map(|(x, y)| rule("socket", "ALLOW", &[(0, *x), (1, *y)]))
                .collect::<Vec<_>>()
                .join(",")
        };
        let [union, both] = check([&pairs(&[(1, 1), (2, 2)]), &pairs(&[(1, 1), (2, 3), (3, 2)])]);
        assert_eq!((union.rules.len(), both.rules.len()), (4, 1));
    }

    #[test]
    fn what_no_profile_can_say_is_refused_with_the_call() {
        let one = r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],
            "syscalls":[{"names":["write"],"action":"SCMP_ACT_ALLOW"}]}"#;
        let (a, b) = (read(one).unwrap().0, profile(&rule("read", "ALLOW", &[])));
        let [m, n] = [&a, &b].map(|p| meaning(p, Arch::X86_64));
        let subject = |meaning, profile| Subject { meaning, profile: Some(profile), native: Arch::X86_64 };
        let refused = merge(&[subject(&m, &a), subject(&n, &b)], How::Union).unwrap_err().to_string();
        assert!(refused.starts_with("write(0, NULL, 0) on x86_64: allow, but"), "{refused}");
        let (made, notes) = merge(&[subject(&m, &a), subject(&n, &b)], How::Intersection).unwrap();
        assert_eq!((made.architectures.len(), notes[0].code), (1, "architectures-differ"));
    }

    #[test]
    fn flags_and_listeners_that_differ_are_said() {
        let with = |flags: &str| {
            read(&format!(r#"{{"defaultAction":"SCMP_ACT_ERRNO","flags":[{flags}],"syscalls":[]}}"#))
                .unwrap()
                .0
        };
        let a = with("\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\",\"SECCOMP_FILTER_FLAG_LOG\"");
        let b = with("");
        let m = meaning(&a, Arch::X86_64);
        let subject = |profile| Subject { meaning: &m, profile: Some(profile), native: Arch::X86_64 };
        let (made, notes) = merge(&[subject(&a), subject(&b)], How::Union).unwrap();
        assert_eq!(made.flags, ["SECCOMP_FILTER_FLAG_LOG"]);
        assert_eq!(notes[0].code, "flags-differ");
    }
}
