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
    let name = sysno::name(found.witness.arch, found.witness.nr);
    let kind = match (found.before.permits(), found.after.permits()) {
        (false, true) => Kind::Allowed,
        (true, false) => Kind::Refused,
        _ => Kind::Changed,
    };
    let (witness, danger) = dangerous(found, name, before, after);
    Change {
        kind,
        name,
        witness,
        conditional: found.conditional,
        before: before.decide(&witness),
        after: after.decide(&witness),
        danger,
    }
}

/// The example, and why it is dangerous: the call itself is, or with a value of an argument, which then is the example.
fn dangerous(
    found: &pair::Difference,
    name: Option<&str>,
    before: &Subject<'_>,
    after: &Subject<'_>,
) -> (Call, Option<String>) {
    let Some(name) = name else { return (found.witness, None) };
    if let Some(why) = group::danger(name) {
        return (found.witness, Some(why.to_owned()));
    }
    let shown = |dangerous: &args::Dangerous| {
        let mut call = found.witness;
        call.args[dangerous.index] = dangerous.values.first()?.witness()?;
        let shows =
            (before.meaning.action(&call), after.meaning.action(&call)) == (found.before, found.after);
        shows.then(|| (call, Some(format!("{}: {}", dangerous.name, dangerous.why))))
    };
    args::dangers(found.witness.arch, name).iter().find_map(shown).unwrap_or((found.witness, None))
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
    fn the_dangerous_value_among_those_that_change_is_the_example() {
        let socket = |op: &str| {
            format!(
                r#"{{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{{"index":0,"value":1,"op":"SCMP_CMP_{op}"}}]}}"#
            )
        };
        let found = changes(&socket("LE"), &socket("GE"));
        let allowed = found.iter().find(|c| c.kind == Kind::Allowed).unwrap();
        assert!(allowed.danger.as_ref().is_some_and(|why| why.starts_with("AF_")), "{allowed:?}");
        assert!(allowed.witness.args[0] > 1);
    }

    #[test]
    fn a_change_for_some_arguments_has_an_example_that_shows_it() {
        let rule = |value: u32| {
            format!(
                r#"{{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{{"index":0,"value":{value},"op":"SCMP_CMP_NE"}}]}}"#
            )
        };
        let mut told: Vec<_> = changes(&rule(40), &rule(16))
            .iter()
            .map(|c| (c.kind, c.witness.args[0], c.conditional))
            .collect();
        told.sort_unstable();
        assert_eq!(told, [(Kind::Allowed, 40, true), (Kind::Refused, 16, true)]);
    }
}
