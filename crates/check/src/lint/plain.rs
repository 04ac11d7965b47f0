//! Profiles of which it is plain to see that no runtime refuses them: asking the models takes longer than all rules together.

use callgate_core::arch::Arch;
use callgate_core::profile::Rule;
use callgate_core::profile::json::{Node, Value};
use callgate_core::{Action, Profile};

use super::subject::Subject;
use crate::libseccomp::multiplex;

/// Architectures that every runtime adds on any of the usual machines; those of the other byte order are refused there.
const EVERYWHERE: [Arch; 5] = [Arch::X86_64, Arch::X86, Arch::X32, Arch::Aarch64, Arch::Arm];
/// Flags that the newest runc and crun take.
const FLAGS: [&str; 3] =
    ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"];

/// Whether the newest runc and crun make a filter of it, behind any loader, and nothing of it is undecided.
pub(super) fn is_plain(subject: &Subject<'_>) -> bool {
    let Ok((profile, notes)) = &subject.read else { return false };
    let fine = notes.iter().all(|note| matches!(note.code, "loader-dependent" | "unknown-call"));
    fine && top(profile, subject)
        && profile.rules.iter().zip(subject.rules()).all(|(rule, node)| is_plain_rule(rule, node))
        && agree(subject, profile)
}

fn top(profile: &Profile, subject: &Subject<'_>) -> bool {
    let listed = profile.architectures.iter().all(|a| a.arch.is_some_and(|arch| EVERYWHERE.contains(&arch)));
    let maps = subject.node.get("archMap");
    let mapped = maps.is_none_or(|maps| profile.architectures.is_empty() && maps.items().iter().all(is_map));
    let flags = profile.flags.iter().all(|flag| FLAGS.contains(&flag.as_str()));
    let errno = profile.default.errno.is_none() || takes_errno(profile.default.action);
    let known = profile.extra.iter().all(|extra| extra.key == "archMap");
    let native = EVERYWHERE.contains(&subject.native());
    native && listed && mapped && flags && errno && known && profile.default.action != Action::Notify
}

fn takes_errno(action: Action) -> bool {
    matches!(action, Action::Errno(_) | Action::Trace(_))
}

/// One entry of `archMap`, whose architectures are as above if it is for one of them: loaders take only those of the machine's own.
fn is_map(entry: &Node) -> bool {
    let everywhere = |node: &Node| EVERYWHERE.iter().any(|arch| node.text() == Some(arch.oci()));
    let applies = entry.get("architecture").is_some_and(everywhere);
    let is_text = |node: &Node| node.text().is_some() && (!applies || everywhere(node));
    entry.members().iter().all(|(key, value)| match key.name.as_str() {
        "architecture" => is_text(value),
        "subArchitectures" => {
            value.kind() == "null" || (value.kind() == "a list" && value.items().iter().all(is_text))
        }
        _ => false,
    })
}

fn is_plain_rule(rule: &Rule, node: &Node) -> bool {
    let mut seen = [false; 6];
    let once =
        rule.conditions.iter().all(|c| !std::mem::replace(&mut seen[usize::from(c.index).min(5)], true));
    let narrow = rule.conditions.iter().all(|c| u32::try_from(c.value.max(c.value_two)).is_ok());
    let errno = rule.action.errno.is_none() || takes_errno(rule.action.action);
    let circumstances = rule.extra.is_empty() || is_plain_circumstances(node);
    once && narrow && errno && circumstances && rule.action.action != Action::Notify
}

fn is_plain_circumstances(rule: &Node) -> bool {
    rule.members().iter().all(|(key, value)| match key.name.as_str() {
        "includes" | "excludes" => {
            value.members().iter().all(|(key, value)| match (key.name.as_str(), &value.value) {
                ("caps" | "arches", Value::List(items)) => items.iter().all(|item| item.text().is_some()),
                ("minKernel", Value::Text(text)) => {
                    text.split_once('.').is_some_and(|(a, b)| is_number(a) && is_number(b))
                }
                _ => false,
            })
        }
        "names" | "action" | "args" | "comment" | "errnoRet" => true,
        _ => false,
    })
}

/// Neither zero nor more than any kernel's.
fn is_number(text: &str) -> bool {
    text.parse::<u16>().is_ok_and(|number| number > 0) && !text.starts_with(['0', '+'])
}

/// Whether no two rules with conditions of one call have different actions, and none are of calls that go through ipc(2).
fn agree(subject: &Subject<'_>, profile: &Profile) -> bool {
    let conditional = profile.rules.iter().filter(|rule| !rule.conditions.is_empty());
    let ipc = |name: &str| {
        name.starts_with("sem") || name.starts_with("shm") || name.starts_with("msg") || name == "ipc"
    };
    if conditional.flat_map(|rule| &rule.names).any(|name| ipc(&name.text)) {
        return false;
    }
    subject.named(profile).shared().all(|mentions| {
        // Of what goes through another call, rules without conditions have some there: its number.
        let multiplexed =
            mentions.first().is_some_and(|m| multiplex::goes_through_another(Arch::X86, &m.name.text));
        let rules = mentions.iter().map(|mention| mention.rule);
        let mut conditional = rules.filter(|rule| multiplexed || !rule.conditions.is_empty());
        let first = conditional.next().map(|rule| rule.action.action);
        conditional.all(|rule| Some(rule.action.action) == first)
    })
}

#[cfg(test)]
mod tests {
    use callgate_core::baseline::{Kernel, Machine};
    use callgate_core::profile::{Lines, json};
    use proptest::prelude::*;

    use super::super::embedded::SourceMap;
    use super::super::options::Options;
    use super::*;
    use crate::resolve::resolve;
    use crate::runtime::Outcome;
    use crate::target::{Loader, Target};

    /// A list of up to `most` of some words, as JSON.
    fn list(words: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
        let item = prop::sample::select(words).prop_map(|word| format!("\"{word}\""));
        prop::collection::vec(item, 0..=most).prop_map(|items| format!("[{}]", items.join(", ")))
    }

    fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
        prop::sample::select(words).prop_map(str::to_owned)
    }

    const ACTIONS: &[&str] = &[
        "\"SCMP_ACT_ALLOW\"",
        "\"SCMP_ACT_ERRNO\"",
        "\"SCMP_ACT_LOG\"",
        "\"SCMP_ACT_KILL\"",
        "\"SCMP_ACT_KILL_PROCESS\"",
        "\"SCMP_ACT_KILL_THREAD\"",
        "\"SCMP_ACT_TRAP\"",
        "\"SCMP_ACT_TRACE\"",
        "\"SCMP_ACT_NOTIFY\"",
    ];
    const ARCHES: &[&str] = &[
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_X86",
        "SCMP_ARCH_X32",
        "SCMP_ARCH_AARCH64",
        "SCMP_ARCH_ARM",
        "SCMP_ARCH_S390X",
        "SCMP_ARCH_RISCV64",
    ];
    const NAMES: &[&str] = &[
        "read",
        "write",
        "ioctl",
        "socket",
        "clone",
        "shmat",
        "semop",
        "msgget",
        "personality",
        "fcntl64",
        "nosuchcall",
    ];
    const FLAGS: &[&str] = &[
        "SECCOMP_FILTER_FLAG_LOG",
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
        "SECCOMP_FILTER_FLAG_TSYNC",
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    ];
    const NUMBERS: &[&str] =
        &["0", "1", "38", "4095", "4096", "2147483648", "4294967295", "4294967296", "18446744073709551615"];
    const OPERATORS: &[&str] = &["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];
    const KERNELS: &[&str] = &["4.8", "5.10", "04.8", "4", "x.y", "4.8.1", "0.1", "6.99999", ""];

    fn condition() -> impl Strategy<Value = String> {
        (0..7u8, word(NUMBERS), word(NUMBERS), word(OPERATORS)).prop_map(|(index, value, two, op)| {
            format!(r#"{{"index": {index}, "value": {value}, "valueTwo": {two}, "op": "SCMP_CMP_{op}"}}"#)
        })
    }

    /// Members, each of which is there or is not.
    fn members(all: Vec<Option<String>>) -> String {
        format!("{{{}}}", all.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }

    fn maybe(
        often: f64,
        key: &'static str,
        value: impl Strategy<Value = String>,
    ) -> impl Strategy<Value = Option<String>> {
        prop::option::weighted(often, value.prop_map(move |value| format!("\"{key}\": {value}")))
    }

    fn circumstances() -> impl Strategy<Value = String> {
        let caps = list(&["CAP_SYS_ADMIN", "CAP_NOSUCH", "", "cap_chown"], 2);
        let arches = list(&["amd64", "x86", "arm64", "s390x", ""], 2);
        let kernel = word(KERNELS).prop_map(|text| format!("\"{text}\""));
        (maybe(0.5, "caps", caps), maybe(0.3, "arches", arches), maybe(0.2, "minKernel", kernel))
            .prop_map(|(a, b, c)| members(vec![a, b, c]))
    }

    fn rule() -> impl Strategy<Value = String> {
        let args = prop::collection::vec(condition(), 0..3).prop_map(|all| format!("[{}]", all.join(", ")));
        let names = list(NAMES, 3);
        (
            maybe(0.98, "names", names),
            maybe(0.98, "action", word(ACTIONS)),
            maybe(0.4, "args", args),
            maybe(0.1, "errnoRet", word(NUMBERS)),
            maybe(0.2, "includes", circumstances()),
            maybe(0.1, "excludes", circumstances()),
            maybe(0.1, "comment", word(&["\"\"", "\"x\"", "null"])),
        )
            .prop_map(|(a, b, c, d, e, f, g)| members(vec![a, b, c, d, e, f, g]))
    }

    fn profile() -> impl Strategy<Value = String> {
        let map = (word(ARCHES), list(ARCHES, 2))
            .prop_map(|(arch, sub)| format!(r#"{{"architecture": "{arch}", "subArchitectures": {sub}}}"#));
        let maps = prop::collection::vec(map, 0..3).prop_map(|all| format!("[{}]", all.join(", ")));
        let rules = prop::collection::vec(rule(), 0..4).prop_map(|all| format!("[{}]", all.join(", ")));
        (
            maybe(0.98, "defaultAction", word(ACTIONS)),
            maybe(0.1, "defaultErrnoRet", word(NUMBERS)),
            maybe(0.2, "architectures", list(ARCHES, 3)),
            maybe(0.3, "archMap", maps),
            maybe(0.2, "flags", list(FLAGS, 2)),
            maybe(0.98, "syscalls", rules),
        )
            .prop_map(|(a, b, c, d, e, f)| members(vec![a, b, c, d, e, f]))
    }

    fn targets(loader: Loader, arch: Arch) -> Vec<Target> {
        let machine = Machine::new(arch, Kernel::new(6, 1), ["CAP_CHOWN"]);
        Options::usual(&[Target { loader, runtime: None, machine, libseccomp: None, no_new_privs: false }])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_plain_is_refused_by_no_runtime_and_undecided_by_none(
            text in profile(),
            arch in prop::sample::select(&[Arch::X86_64, Arch::Aarch64][..]),
        ) {
            let options = Options::new(arch, "2026-11-26");
            let (node, map) = (json::parse(&text).expect("JSON"), SourceMap::identity());
            let lines = Lines::of(&text);
            let subject = Subject::of((&text, &lines), (&node, &text, &map), &options);
            let docker = subject.docker_keys().next().is_some();
            let loaders = if docker { &[Loader::Moby][..] } else { &[Loader::Oci, Loader::Moby][..] };
            for target in loaders.iter().flat_map(|loader| targets(*loader, arch)).filter(|_| is_plain(&subject)) {
                let resolved = resolve(&text, &target);
                let resolved = resolved.map_err(|refusal| TestCaseError::fail(format!("{refusal:?}: {text}")))?;
                prop_assert!(resolved.undecided().is_empty(), "{:?}: {text}", resolved.undecided());
                prop_assert!(matches!(resolved.outcome, Outcome::Filtered(_)), "{:?}: {text}", resolved.outcome);
            }
        }
    }
}
