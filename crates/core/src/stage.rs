//! Stages: one candidate profile, applied step by step where a baseline applies now.
//!
//! | stage | a call C allows | a call C refuses, B allows | a call both refuse |
//! | --- | --- | --- | --- |
//! | audit | allow | allow, log | allow, log |
//! | complain | allow | allow, log | what B does |
//! | enforce | allow | what C does | what C does |
//!
//! A staged profile judges the architectures that either lists. What it refuses is logged by the kernel where the filter
//! is loaded with `SECCOMP_FILTER_FLAG_LOG`, which the profile asks for.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::Action;
use crate::arch::Arch;
use crate::diagnostic::Diagnostic;
use crate::express::{Inexpressible, express};
use crate::meaning::{Clause, Meaning, Rules};
use crate::pair::{self, TooMany};
use crate::profile::Profile;
use crate::sysno;

/// What makes the kernel log what the filter refuses (`include/uapi/linux/seccomp.h`).
pub const LOG_FLAG: &str = "SECCOMP_FILTER_FLAG_LOG";

/// How far a candidate is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Everything goes ahead; what the candidate refuses is logged.
    Audit,
    /// The baseline still decides about what the candidate refuses; what it allows is logged.
    Complain,
    /// The candidate decides.
    Enforce,
}

impl Stage {
    /// What happens to a call with which the two do this.
    pub fn action(self, candidate: Action, baseline: Action) -> Action {
        match self {
            _ if candidate.permits() => candidate,
            Self::Audit => Action::Log,
            Self::Complain if baseline.permits() => Action::Log,
            Self::Complain => baseline,
            Self::Enforce => candidate,
        }
    }
}

/// A filter that complains by itself, without a log: what the profile permits is permitted, about the rest the baseline
/// decides.
pub fn complaining(candidate: &Meaning, baseline: &Meaning) -> Result<Meaning, TooMany> {
    pair::combine(candidate, baseline, |ours, theirs| if ours.permits() { ours } else { theirs })
}

/// The profile for a stage, on a machine whose own architecture is `native`: the candidate with what it means there, and
/// what the baseline means.
///
/// It allows exactly what the table says. Where a profile cannot say it, because one call is allowed on one architecture
/// and to be logged on another, it is logged on both: that is among the diagnostics, as all that gets lost.
pub fn stage(
    candidate: &Profile,
    (ours, baseline): (&Meaning, &Meaning),
    stage: Stage,
    native: Arch,
) -> Result<(Profile, Vec<Diagnostic>), Inexpressible> {
    let wanted = match stage {
        Stage::Enforce => ours.clone(),
        Stage::Audit | Stage::Complain => {
            let mut both = pair::combine(ours, baseline, |ours, theirs| stage.action(ours, theirs))?;
            // What neither judges stays as it is: a profile kills the thread there.
            both.bad_arch = Action::KillThread;
            both
        }
    };
    let (wanted, logged) = over_reported(&wanted);
    let mut flags = candidate.flags.clone();
    if !flags.iter().any(|flag| flag == LOG_FLAG) {
        flags.push(LOG_FLAG.to_owned());
    }
    let profile = Profile {
        flags,
        listener_path: candidate.listener_path.clone(),
        listener_metadata: candidate.listener_metadata.clone(),
        ..express(&wanted, native)?
    };
    let mut notes = Vec::new();
    if !logged.is_empty() {
        notes.push(Diagnostic::warning("over-reported", over_reporting(&logged)).hint(format!(
            "list the same architectures in both; or, if nothing of this workload makes calls of another, stage for \
             {native} alone (--arch {native}): what does is killed then"
        )));
    }
    if stage == Stage::Audit {
        notes.push(Diagnostic::warning(
            "weaker-than-baseline",
            "audit refuses nothing: it is weaker than the baseline, and than a runtime's default profile",
        ));
    }
    Ok((profile, notes))
}

fn over_reporting(calls: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = calls.iter().take(5).copied().collect();
    let more = calls.len().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "logged although the profile allows them on one architecture: {}{more}; on another it does not, and a profile says \
         the same of a call everywhere",
        shown.join(", ")
    )
}

/// The same meaning, but logged on every architecture what is allowed on all and logged on some; and the names of the calls
/// of which that is so.
fn over_reported(wanted: &Meaning) -> (Meaning, BTreeSet<&'static str>) {
    let mut made = wanted.clone();
    let mut logged = BTreeSet::new();
    let defaults: BTreeSet<Action> = wanted.arches.values().flat_map(Rules::defaults).collect();
    let uneven = defaults.iter().all(|action| action.permits()) && defaults.len() > 1;
    for name in sysno::names() {
        let clauses = |(arch, rules): (&Arch, &Rules)| {
            let nr = sysno::number(*arch, name)?;
            Some((*arch, nr, pair::clauses(rules, *arch, nr)))
        };
        let mut lists: Vec<(Arch, u32, Vec<Clause>)> = wanted.arches.iter().filter_map(clauses).collect();
        lists.sort_by_key(|(arch, ..)| std::cmp::Reverse(arch.arg_bits()));
        let Some((_, _, first)) = lists.first() else { continue };
        let same = lists.iter().all(|(arch, _, list)| pair::agree(*arch, first, list));
        let joint = match same {
            true if !uneven => continue,
            true => Some(first.clone()),
            false => {
                lists.iter().try_fold(first.clone(), |all, (arch, _, list)| pair::logged(*arch, &all, list))
            }
        };
        let Some(joint) = joint else { continue };
        if !same {
            logged.insert(*name);
        }
        for (arch, nr, _) in lists {
            made.arches.entry(arch).and_modify(|rules| drop(rules.calls.insert(nr, joint.clone())));
        }
    }
    if uneven {
        for rules in made.arches.values_mut() {
            *rules = Rules { default: Action::Log, beyond: BTreeMap::new(), ..rules.clone() };
        }
    }
    (made, logged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::{self, Kernel};
    use crate::call::Call;
    use crate::profile::{meaning, read};
    use crate::set::{ArgBox, ArgSet};

    fn candidate(arches: &str) -> Profile {
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":[{arches}],"syscalls":[
            {{"names":["read","write","ptrace"],"action":"SCMP_ACT_ALLOW"}},
            {{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{{"index":0,"value":1,"op":"SCMP_CMP_EQ"}}]}}]}}"#
        );
        read(&text).unwrap().0
    }

    fn staged(profile: &Profile, at: Stage) -> Result<(Profile, Vec<Diagnostic>), Inexpressible> {
        stage(profile, (&meaning(profile, Arch::X86_64), &docker()), at, Arch::X86_64)
    }

    fn docker() -> Meaning {
        let docker = baseline::find("docker").unwrap();
        docker.newest().meaning(&docker.machine(Arch::X86_64, Kernel::new(6, 1)))
    }

    #[test]
    fn a_call_allowed_on_one_architecture_is_logged_on_both_and_said() {
        let (made, notes) = staged(&candidate("\"SCMP_ARCH_X86_64\""), Stage::Audit).unwrap();
        let read = made.rules.iter().find(|r| r.names.iter().any(|n| n.text == "read"));
        assert_eq!(read.map_or(made.default.action, |r| r.action.action), Action::Log);
        assert!(notes[0].message.contains("read"), "{notes:?}");
        let all = "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"";
        let (made, notes) = staged(&candidate(all), Stage::Audit).unwrap();
        let read = made.rules.iter().find(|r| r.names.iter().any(|n| n.text == "read")).unwrap();
        assert_eq!((read.action.action, made.default.action), (Action::Allow, Action::Log));
        assert_eq!(notes.iter().map(|n| n.code).collect::<Vec<_>>(), ["weaker-than-baseline"]);
    }

    #[test]
    fn what_would_have_to_allow_more_is_refused() {
        // io_uring_setup: Docker refuses it, so that on 32-bit x86 it has to stay refused.
        let mut profile = candidate("\"SCMP_ARCH_X86_64\"");
        profile.rules.push(crate::profile::Rule::new(["io_uring_setup".to_owned()], Action::Allow));
        let refused = staged(&profile, Stage::Complain).unwrap_err();
        assert!(refused.to_string().contains("io_uring_setup"), "{refused}");
    }

    #[test]
    fn enforce_is_the_candidate_and_asks_for_a_log() {
        let profile = candidate("\"SCMP_ARCH_X86_64\"");
        let (made, notes) = staged(&profile, Stage::Enforce).unwrap();
        assert_eq!(
            pair::differences(&meaning(&made, Arch::X86_64), &meaning(&profile, Arch::X86_64)),
            Ok(Vec::new())
        );
        assert!(notes.is_empty() && made.flags == [LOG_FLAG]);
    }

    #[test]
    fn complaining_is_the_profile_where_it_permits_and_the_baseline_elsewhere() {
        let socket = sysno::number(Arch::X86_64, "socket").unwrap();
        let family = |value, action| Clause { args: ArgBox::any().with(0, ArgSet::exactly(value)), action };
        let rules = |clauses: Vec<Clause>, default| {
            let calls = BTreeMap::from([(socket, clauses)]);
            let arches = BTreeMap::from([(Arch::X86_64, Rules { calls, ..Rules::new(default) })]);
            Meaning { arches, bad_arch: Action::KillThread }
        };
        let ours = [family(1, Action::Allow), family(2, Action::Errno(13))];
        let theirs = [family(16, Action::Allow), family(2, Action::Log), family(1, Action::Errno(97))];
        let profile = rules(ours.to_vec(), Action::KillProcess);
        let baseline = rules(theirs.to_vec(), Action::Errno(1));
        let both = complaining(&profile, &baseline).unwrap();
        for nr in [socket, socket + 1] {
            for domain in 0..20 {
                let call = Call::new(Arch::X86_64, nr, [domain, 0, 0, 0, 0, 0]);
                let (ours, theirs) = (profile.action(&call), baseline.action(&call));
                let expected = if ours.permits() { ours } else { theirs };
                assert_eq!(both.action(&call), expected, "{nr} {domain}");
            }
        }
    }
}
