//! Profiles of which it is plain to see that no runtime refuses them: asking the models takes longer than all rules together.

use std::collections::BTreeMap;

use callgate_core::arch::Arch;
use callgate_core::profile::Rule;
use callgate_core::profile::json::{Node, Value};
use callgate_core::set::Op;
use callgate_core::{Action, Profile};

use super::subject::Subject;

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

/// So many boxes of arguments of one call are held against what starts containers.
const MAX_BOXES: usize = 1024;

/// Whether rules of one call have so many conditions that what they mean together takes too long to work out: `filter-too-long`
/// says so.
pub(super) fn is_tangled(profile: &Profile) -> bool {
    let mut boxes: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in profile.rules.iter().filter(|rule| !rule.conditions.is_empty()) {
        // What is not equal is above or below.
        let sides =
            |index: u8| 1 + rule.conditions.iter().filter(|c| c.index == index && c.op == Op::Ne).count();
        let own = (0..6).map(sides).fold(1, usize::saturating_mul).max(rule.conditions.len());
        for name in &rule.names {
            let all = boxes.entry(&name.text).or_default();
            *all = all.saturating_add(own);
        }
    }
    boxes.into_values().any(|boxes| boxes > MAX_BOXES)
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

/// One entry of `archMap`, of architectures as above.
fn is_map(entry: &Node) -> bool {
    let is_text = |node: &Node| node.text().is_some();
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
        let mut conditional = mentions.iter().map(|m| m.rule).filter(|rule| !rule.conditions.is_empty());
        let first = conditional.next().map(|rule| rule.action.action);
        conditional.all(|rule| Some(rule.action.action) == first)
    })
}
