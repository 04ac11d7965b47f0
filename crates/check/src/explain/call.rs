//! One call: what happens to it, which rule says so, and why no other rule that names it does.

use callgate_core::args;
use callgate_core::call::Call;
use callgate_core::set::Op;
use callgate_core::{Action, Arch, sysno};

use crate::dialect::Dialect;
use crate::document::{Circumstances, Comparison, Document, Entry};
use crate::resolve::{By, Fate, Resolved};
use crate::runtime::Outcome;
use crate::target::Target;

/// A rule that names the call and does not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Which entry of `syscalls`, from 0.
    pub index: usize,
    /// The line it starts on, from 1.
    pub line: usize,
    /// Its action, as it is written.
    pub action: String,
    /// Why it does not decide.
    pub why: String,
}

/// The rules of the file that name the call, but the one that decides, in the order of the file.
pub fn others(text: &str, (resolved, target): (&Resolved, &Target), call: &Call, fate: &Fate) -> Vec<Other> {
    let Some(name) = sysno::name(call.arch, call.nr) else { return Vec::new() };
    // All of them are JSON to Go, which overlooks nothing that another would see.
    let Ok(document) = Dialect::Go.read(text) else { return Vec::new() };
    let decides = |entry: &Entry| matches!(fate.by, By::Rule { index, .. } if index == entry.index);
    let named = document.rules.iter().filter(|entry| names(entry).any(|n| n == name));
    let other = |entry: &Entry| Other {
        index: entry.index,
        line: entry.line,
        action: entry.action.clone(),
        why: Asked { resolved, target, call, fate, name }.why(entry),
    };
    named.filter(|entry| !decides(entry)).map(other).collect()
}

fn names(entry: &Entry) -> impl Iterator<Item = &String> {
    entry.names.iter().chain(std::iter::once(&entry.name).filter(|name| !name.is_empty()))
}

/// A question about one call.
struct Asked<'a> {
    resolved: &'a Resolved,
    target: &'a Target,
    call: &'a Call,
    fate: &'a Fate,
    name: &'a str,
}

impl Asked<'_> {
    fn why(&self, entry: &Entry) -> String {
        let handed =
            self.resolved.document.as_ref().and_then(|d| d.rules.iter().find(|e| e.index == entry.index));
        let Some(handed) = handed else { return left_out(entry, self.target) };
        match self.fate.by {
            By::Architecture => return format!("calls of {} are not judged by this profile", self.call.arch),
            By::Nothing => return "there is no filter".to_owned(),
            By::Beyond => return "runc answers before the filter is asked".to_owned(),
            _ => {}
        }
        if self.is_the_default(handed) {
            return "it does what defaultAction does: nobody adds it to the filter".to_owned();
        }
        match self.failing(handed) {
            Some(condition) => self.misses(condition),
            None => self.outranked(handed),
        }
    }

    /// Whether the rule's action is the default's.
    fn is_the_default(&self, entry: &Entry) -> bool {
        let Some(rules) = self.meaning().and_then(|meaning| meaning.arches.get(&self.call.arch)) else {
            return false;
        };
        Action::from_oci(&entry.action, entry.errno.map(|errno| errno as u16)) == Some(rules.default)
    }

    fn meaning(&self) -> Option<&callgate_core::Meaning> {
        match &self.resolved.outcome {
            Outcome::Filtered(made) => Some(&made.filter.meaning),
            _ => None,
        }
    }

    /// A condition that does not hold, which is the first, unless any one is enough.
    fn failing<'e>(&self, entry: &'e Entry) -> Option<&'e Comparison> {
        let args = Call::new(self.call.arch, self.call.nr, self.call.args).args;
        let holds = |c: &Comparison| {
            let value = usize::try_from(c.index).ok().and_then(|index| args.get(index));
            value.zip(c.operator()).is_some_and(|(value, op)| op.holds(*value, c.value, c.value_two))
        };
        let split = self.target.runtime.is_some() && repeats(entry);
        if split && entry.conditions.iter().any(holds) {
            return None;
        }
        entry.conditions.iter().find(|c| !holds(c))
    }

    /// `domain is AF_INET; the rule wants AF_UNIX`.
    fn misses(&self, condition: &Comparison) -> String {
        let index = condition.index as usize;
        let value = self.call.args.get(index).copied().unwrap_or_default();
        let (arch, name) = (self.call.arch, self.name);
        format!(
            "{} is {}; the rule wants {}",
            argument(arch, name, index),
            shown(arch, name, index, value),
            wanted(arch, name, condition)
        )
    }

    fn outranked(&self, entry: &Entry) -> String {
        match &self.fate.by {
            By::Rule { line, .. } if entry.conditions.is_empty() => {
                format!("it matches, too; the rule on line {line} was there first")
            }
            By::Rule { line, .. } => format!("it matches, too; the rule on line {line} outranks it"),
            By::Unknown(_) => "it matches; which of the rules that do counts is not known".to_owned(),
            _ => "it is not added to the filter".to_owned(),
        }
    }
}

fn repeats(entry: &Entry) -> bool {
    let mut indices: Vec<u64> = entry.conditions.iter().map(|c| c.index).collect();
    indices.sort_unstable();
    indices.windows(2).any(|pair| pair[0] == pair[1])
}

/// Why a loader leaves a rule out.
fn left_out(entry: &Entry, target: &Target) -> String {
    let machine = &target.machine;
    let own = crate::loader::arch_name(machine.arch);
    let has = |cap: &&String| machine.caps.contains(*cap);
    let Circumstances { caps, arches, min_kernel } = &entry.excludes;
    if let Some(cap) = caps.iter().find(has) {
        return format!("left out for a container with {cap}");
    }
    if arches.iter().any(|arch| arch == own) {
        return format!("left out on {own}");
    }
    if let Some(cap) = entry.includes.caps.iter().find(|cap| !has(cap)) {
        return format!("only for a container with {cap}");
    }
    if !entry.includes.arches.is_empty() && !entry.includes.arches.iter().any(|arch| arch == own) {
        return format!("only on {}", entry.includes.arches.join(", "));
    }
    if min_kernel.is_some() || entry.includes.min_kernel.is_some() {
        return format!("left out on kernel {}", machine.kernel);
    }
    "left out".to_owned()
}

/// An argument by its name, where it has one.
fn argument(arch: Arch, call: &str, index: usize) -> String {
    let param = args::params_on(arch, call).and_then(|params| params.get(index));
    param.map_or_else(
        || format!("argument {index}"),
        |param| {
            // A filter sees the address, and nothing of what stands there.
            let kind = if param.is_pointer() { ", an address" } else { "" };
            format!("argument {index} ({}{kind})", param.name)
        },
    )
}

fn shown(arch: Arch, call: &str, index: usize, value: u64) -> String {
    args::format_value(arch, call, index, value)
}

/// A condition in words.
pub fn wanted(arch: Arch, call: &str, condition: &Comparison) -> String {
    let index = condition.index as usize;
    let value = |value| shown(arch, call, index, value);
    let Some(op) = condition.operator() else { return condition.op.clone() };
    match op {
        Op::Eq => value(condition.value),
        Op::Ne => format!("anything but {}", value(condition.value)),
        Op::Lt => format!("less than {}", condition.value),
        Op::Le => format!("at most {}", condition.value),
        Op::Gt => format!("more than {}", condition.value),
        Op::Ge => format!("at least {}", condition.value),
        Op::MaskedEq if condition.value_two & condition.value == 0 => {
            format!("none of {}", value(condition.value))
        }
        Op::MaskedEq => format!(
            "of the bits {:#x} exactly {}",
            condition.value,
            value(condition.value_two & condition.value)
        ),
    }
}

/// All conditions of a rule in words: `domain is AF_UNIX and protocol is 0`.
pub fn conditions(arch: Arch, call: &str, entry: &Entry) -> String {
    let one =
        |c: &Comparison| format!("{} is {}", argument(arch, call, c.index as usize), wanted(arch, call, c));
    entry.conditions.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// The entry of the file that decides.
pub fn deciding<'d>(document: Option<&'d Document>, fate: &Fate) -> Option<&'d Entry> {
    let By::Rule { index, .. } = fate.by else { return None };
    document.and_then(|document| document.rules.iter().find(|entry| entry.index == index))
}
