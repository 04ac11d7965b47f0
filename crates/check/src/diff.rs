//! What changes from one profile to another, by meaning: every call that is treated differently, with an example.

use callgate_core::pair::{self, TooMany};
use callgate_core::{Action, Call, args, group, sysno};

use crate::subject::{Decision, Subject};

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Refused before, allowed now.
    Allowed,
    /// Allowed before, refused now.
    Refused,
    /// Allowed otherwise than before, or refused otherwise.
    Changed,
}

impl Kind {
    /// Every kind, in the order of urgency.
    pub const ALL: [Self; 3] = [Self::Allowed, Self::Refused, Self::Changed];

    /// `allowed`, `refused`, `changed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Changed => "changed",
        }
    }
}

/// Calls of one number that are treated differently, in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// In which direction.
    pub kind: Kind,
    /// The name of the call; `None`: all numbers without one, from that of the witness on.
    pub name: Option<&'static str>,
    /// A call that shows it.
    pub witness: Call,
    /// Whether it is so for some arguments only.
    pub conditional: bool,
    /// What happened.
    pub before: Decision,
    /// What happens.
    pub after: Decision,
    /// Why the call, or this way to make it, is dangerous; `None`: it is not known to be.
    pub danger: Option<String>,
}

impl Change {
    /// Whether more may happen than before: it is allowed now, or left to a listener or tracer that may allow it.
    pub fn widens(&self) -> bool {
        let asks = |action| matches!(action, Action::Notify | Action::Trace(_));
        self.kind == Kind::Allowed
            || (asks(self.after.action) && !asks(self.before.action) && !self.before.action.permits())
    }
}

/// Every call that two treat differently, by architecture and number. None: they mean the same.
pub fn diff(before: &Subject<'_>, after: &Subject<'_>) -> Result<Vec<Change>, TooMany> {
    let found = pair::differences(before.meaning, after.meaning)?;
    Ok(found.iter().map(|difference| change(difference, before, after)).collect())
}

fn change(found: &pair::Difference, before: &Subject<'_>, after: &Subject<'_>) -> Change {
    let witness = found.witness;
    let name = sysno::name(witness.arch, witness.nr);
    let kind = match (found.before.permits(), found.after.permits()) {
        (false, true) => Kind::Allowed,
        (true, false) => Kind::Refused,
        _ => Kind::Changed,
    };
    Change {
        kind,
        name,
        witness,
        conditional: found.conditional,
        before: before.decide(&witness),
        after: after.decide(&witness),
        danger: name.and_then(|name| danger(&witness, name)),
    }
}

/// Why a call is dangerous: by itself, or by an argument of the example.
fn danger(call: &Call, name: &str) -> Option<String> {
    let argument = || {
        (0..6).find_map(|index| {
            let (constant, why) = args::danger(call.arch, name, index, call.args[index])?;
            Some(format!("{constant} {why}"))
        })
    };
    group::danger(name).map(str::to_owned).or_else(argument)
}

#[cfg(test)]
mod tests {
    use callgate_core::Arch;
    use callgate_core::profile::{Profile, meaning, read};

    use super::*;

    fn profile(rules: &str) -> Profile {
        let text = format!(
            "{{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86_64\"],\n\"syscalls\":[{rules}]}}"
        );
        read(&text).unwrap().0
    }

    fn changes(before: &str, after: &str) -> Vec<Change> {
        let (before, after) = (profile(before), profile(after));
        let [a, b] = [&before, &after].map(|p| meaning(p, Arch::X86_64));
        let subject = |meaning, profile| Subject { meaning, profile: Some(profile), native: Arch::X86_64 };
        diff(&subject(&a, &before), &subject(&b, &after)).unwrap()
    }

    const READ: &str = r#"{"names":["read"],"action":"SCMP_ACT_ALLOW"}"#;

    #[test]
    fn every_change_has_its_direction_its_lines_and_its_danger() {
        let after = r#"
{"names":["ptrace"],"action":"SCMP_ACT_ALLOW"},
{"names":["write"],"action":"SCMP_ACT_KILL_PROCESS"}"#;
        let found = changes(READ, after);
        let told: Vec<_> = found.iter().map(|c| (c.kind, c.name, c.before.line, c.after.line)).collect();
        assert_eq!(
            told,
            [
                (Kind::Refused, Some("read"), Some(2), None),
                (Kind::Changed, Some("write"), None, Some(4)),
                (Kind::Allowed, Some("ptrace"), None, Some(3)),
            ]
        );
        assert!(found[2].danger.is_some() && found[2].widens() && !found[1].widens());
        assert_eq!(changes(READ, READ), []);
    }

    #[test]
    fn a_change_for_some_arguments_has_an_example_that_shows_it() {
        let rule = |value: u32| {
            format!(
                r#"{{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{{"index":0,"value":{value},"op":"SCMP_CMP_NE"}}]}}"#
            )
        };
        let found = changes(&rule(40), &rule(16));
        let told: Vec<_> = found.iter().map(|c| (c.kind, c.witness.args[0], c.conditional)).collect();
        assert_eq!(told, [(Kind::Allowed, 40, true), (Kind::Refused, 16, true)]);
    }
}
