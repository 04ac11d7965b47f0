//! A profile whose filter the kernel does not take.
//!
//! ## What it finds
//! A profile for which libseccomp writes more than the 4096 instructions that the kernel takes, by an estimate: one instruction for each
//! call and architecture, and four for each condition on arguments. A note says where conditions are so many, a thousand values of one
//! argument or a few of each of several arguments, that whether containers start with the profile was not worked out.
//!
//! ## Why it matters
//! The container does not start, with *invalid argument* in place of a reason. Fewer architectures and fewer values of arguments help
//! most.
//!
//! ## Example
//! A profile with a thousand conditions for three architectures.
//!
//! ## Better
//! ```json
//! {
//!   "defaultAction": "SCMP_ACT_ERRNO",
//!   "syscalls": [
//!     { "names": ["read"], "action": "SCMP_ACT_ALLOW" }
//!   ]
//! }
//! ```
//!
//! ## References
//! - Linux, include/uapi/linux/bpf_common.h, BPF_MAXINSNS
//! - `callgate compile PROFILE --stats` says what callgate's own compiler makes of it

use super::super::prelude::*;

pub(crate) static RULE: Rule = Rule {
    code: "filter-too-long",
    family: Family::Portability,
    severity: Severity::Warning,
    confidence: Confidence::Medium,
    check: Check::Profile(check),
};

/// The kernel takes so many (`kernel/seccomp.c`, seccomp_prepare_filter).
const MAX: usize = 4096;
/// What libseccomp writes for a condition on 64 bits: load, compare, for each half.
const PER_CONDITION: usize = 4;

fn check(subject: &Subject<'_>, profile: &Profile, sink: &mut Sink<'_>) {
    let arches = subject.arches(profile);
    let place = || subject.top("syscalls").start..subject.top("syscalls").start + 1;
    if subject.is_tangled(profile) {
        let message = "so many conditions on the same calls that whether containers start was not worked out";
        sink.report(place(), message).severity(Severity::Note).hint("list fewer values of arguments");
    }
    // Most are so short that nothing has to be counted.
    let most = profile
        .rules
        .iter()
        .map(|rule| rule.names.len() * (1 + PER_CONDITION * rule.conditions.len()))
        .sum::<usize>();
    if most * arches.len() <= MAX {
        return;
    }
    let mut estimate = 0;
    for rule in profile.rules.iter().filter(|rule| rule.action.action != profile.default.action) {
        let there = |name: &&callgate_core::profile::Name| {
            arches.iter().filter(|arch| sysno::number(**arch, &name.text).is_some()).count()
        };
        let calls: usize = rule.names.iter().map(|name| there(&name)).sum();
        estimate += calls * (1 + PER_CONDITION * rule.conditions.len());
    }
    if estimate > MAX {
        let message = format!("some {estimate} instructions by an estimate, and the kernel takes {MAX}");
        sink.report(place(), message).hint("list fewer architectures, or fewer values of arguments");
    }
}
