//! The reference semantics: what a profile says about one call, under raw OCI meaning.
//!
//! Written for clarity and on its own: it reads the profile rule by rule, while the compiler goes through
//! [`crate::Meaning`]. Compiler, simulator and kernel are held against it.

use crate::action::Action;
use crate::arch::Arch;
use crate::call::Call;
use crate::profile::{Profile, Rule, filtered_arches};
use crate::sysno;

/// What happens to a call, and what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What happens.
    pub action: Action,
    /// Who decided.
    pub decided: Decided,
}

/// What decided a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// A rule: its index in the file and its line.
    Rule {
        /// Index in `syscalls`.
        index: usize,
        /// Line it starts on, from 1; 0 when it was never in a file.
        line: usize,
    },
    /// No rule: `defaultAction`.
    Default,
    /// The call came through an architecture the profile does not list.
    Architecture,
}

/// What `profile` says about `call` on a machine whose own architecture is `native`.
///
/// The laws, with their sources:
/// - The native architecture is always filtered, listed or not (libseccomp `seccomp_init`); any other that is not
///   listed kills the thread (libseccomp's bad-arch default), and x32 is an architecture of its own.
/// - A rule with the default's own action says nothing: libseccomp refuses it (EACCES), every runtime drops it.
/// - Conditions of a rule AND, rules of a call OR (runtime-spec `config-linux.md`).
/// - A rule without conditions beats rules with conditions; among several the first in the file stands (libseccomp
///   `db.c`: later ones are not added).
/// - Two conditional rules that both match but disagree have no defined meaning in OCI; the strictest action wins
///   here, in the kernel's order, so that nothing is allowed by accident.
///
/// Two calls are beyond any profile: from Linux 6.14 on the kernel lets `uretprobe` and `uprobe` of x86_64 pass every
/// filter (`kernel/seccomp.c`, `seccomp_uprobe_exception`). The answer here is the profile's, not the kernel's.
pub fn verdict(profile: &Profile, call: &Call, native: Arch) -> Verdict {
    if !filtered_arches(profile, native).contains(&call.arch) {
        return Verdict { action: Action::KillThread, decided: Decided::Architecture };
    }
    let name = sysno::name(call.arch, call.nr);
    let speaks = |rule: &Rule| rule.names.iter().any(|n| Some(n.text.as_str()) == name);
    let says = |rule: &Rule| rule.action.action != profile.default.action && speaks(rule);
    let rules = || profile.rules.iter().enumerate().filter(|(_, rule)| says(rule));
    let args = call.args.map(|a| call.arch.truncate(a));

    let unconditional = rules().find(|(_, rule)| rule.conditions.is_empty());
    let conditional = || {
        rules()
            .filter(|(_, rule)| rule.conditions.iter().all(|c| c.holds(&args)))
            .min_by_key(|(_, rule)| rule.action.action)
    };
    match unconditional.or_else(conditional) {
        Some((index, rule)) => {
            Verdict { action: rule.action.action, decided: Decided::Rule { index, line: rule.line } }
        }
        None => Verdict { action: profile.default.action, decided: Decided::Default },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::read;

    fn ask(rules: &str, arch: Arch, name: &str, args: [u64; 6]) -> (Action, Decided) {
        let text = format!(
            "{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],\n\"syscalls\":[\n{rules}]}}"
        );
        let (profile, _) = read(&text).unwrap();
        let nr = sysno::number(arch, name).unwrap();
        let verdict = verdict(&profile, &Call::new(arch, nr, args), Arch::X86_64);
        (verdict.action, verdict.decided)
    }

    const EQ: &str = r#"{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
{"names":["socket"],"action":"SCMP_ACT_KILL_PROCESS","args":[{"index":1,"value":3,"op":"SCMP_CMP_EQ"}]}"#;

    #[test]
    fn rules_of_a_call_or_and_the_deciding_line_is_named() {
        let decided = ask(EQ, Arch::X86_64, "socket", [1, 0, 0, 0, 0, 0]);
        assert_eq!(decided, (Action::Allow, Decided::Rule { index: 0, line: 3 }));
        assert_eq!(ask(EQ, Arch::X86_64, "socket", [2, 0, 0, 0, 0, 0]).1, Decided::Default);
    }

    #[test]
    fn disagreeing_conditional_rules_give_the_strictest_action() {
        assert_eq!(ask(EQ, Arch::X86_64, "socket", [1, 3, 0, 0, 0, 0]).0, Action::KillProcess);
    }

    #[test]
    fn an_unconditional_rule_beats_conditional_ones_in_either_order() {
        let rules = format!("{EQ},{{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_LOG\"}}");
        assert_eq!(ask(&rules, Arch::X86_64, "socket", [1, 3, 0, 0, 0, 0]).0, Action::Log);
    }

    #[test]
    fn a_rule_with_the_default_action_says_nothing_and_hides_nothing() {
        let rules = format!("{{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ERRNO\"}},{EQ}");
        assert_eq!(ask(&rules, Arch::X86_64, "socket", [1, 0, 0, 0, 0, 0]).0, Action::Allow);
    }

    #[test]
    fn upper_register_halves_do_not_exist_on_32_bit_abis() {
        let args = [0xffff_ffff_0000_0001, 0, 0, 0, 0, 0];
        assert_eq!(ask(EQ, Arch::X86, "socket", args).0, Action::Allow);
        assert_eq!(ask(EQ, Arch::X86_64, "socket", args).0, Action::Errno(1));
    }

    #[test]
    fn calls_of_unlisted_architectures_kill_the_thread() {
        let decided = ask(EQ, Arch::X32, "socket", [1, 0, 0, 0, 0, 0]);
        assert_eq!(decided, (Action::KillThread, Decided::Architecture));
    }
}
