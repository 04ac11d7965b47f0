//! Misses in words: which call, by whom, which line decided, and what would allow it.

use std::collections::BTreeMap;

use callgate_core::generate::{Options, generate};
use callgate_core::profile::{self, Rule};
use callgate_core::trace::{self, Observation, Phase};
use callgate_core::verdict::{Decided, verdict};
use callgate_core::{Action, Arch, Call, Profile, Trace, args, sysno};
use callgate_linux::Miss;

use crate::input::Loaded;
use crate::output::foreign;

/// What a refused call means for the person who runs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The workload wanted it and the profile does not know it.
    Miss,
    /// Seen while recording and left out because it is dangerous.
    Withheld,
    /// The evidence says the workload lives with this refusal.
    Expected,
}

/// A miss held against its profile.
pub(crate) struct Judged {
    pub(crate) kind: Kind,
    /// The call's name, or its number where it has none.
    pub(crate) name: String,
    /// `socket(AF_PACKET, …)`.
    pub(crate) call: String,
    /// `curl[4242]`.
    pub(crate) who: String,
    /// The path of who made it.
    pub(crate) executable: String,
    /// `p.json:17`.
    pub(crate) place: String,
    pub(crate) action: Action,
    pub(crate) went_ahead: bool,
    /// The ABI the call came through, if the profile does not list it.
    pub(crate) unlisted: Option<Arch>,
}

/// Explains a miss by the profile it broke.
pub(crate) fn judge(miss: &Miss, loaded: &Loaded, native: Arch) -> Judged {
    let who = foreign(&format!("{}[{}]", short(&miss.executable), miss.tid));
    let Some((arch, nr)) = Arch::split(miss.token, miss.nr) else {
        return Judged {
            kind: Kind::Miss,
            name: miss.nr.to_string(),
            call: format!("call {} of architecture {:#x}", miss.nr, miss.token),
            who,
            executable: miss.executable.clone(),
            place: format!("{}:{}", foreign(&loaded.name), loaded.default_line()),
            action: Action::KillProcess,
            went_ahead: miss.went_ahead,
            unlisted: None,
        };
    };
    let call = Call::new(arch, nr, miss.args);
    let verdict = verdict(&loaded.profile, &call, native);
    let line = match verdict.decided {
        Decided::Rule { line, .. } if line > 0 => line,
        _ => loaded.default_line(),
    };
    let name = sysno::name(arch, nr).map_or_else(|| nr.to_string(), str::to_owned);
    let mut text = match sysno::name(arch, nr) {
        Some(name) => args::format_call_private(arch, name, &call.args),
        None => format!("system call {nr}"),
    };
    let unlisted = verdict.decided == Decided::Architecture;
    if unlisted {
        text =
            format!("{text} through {arch}, which the profile does not list (OCI runtimes kill the thread)");
    } else if arch != native {
        text = format!("{text} through {arch}");
    }
    let action = if unlisted { Action::KillProcess } else { verdict.action };
    let kind = match verdict.action {
        Action::Errno(errno) if loaded.evidence.expects(&name, errno) => Kind::Expected,
        _ if loaded.evidence.withholds(&name) => Kind::Withheld,
        _ => Kind::Miss,
    };
    let place = format!("{}:{line}", foreign(&loaded.name));
    Judged {
        kind,
        name,
        call: foreign(&text),
        who,
        executable: miss.executable.clone(),
        place,
        action,
        went_ahead: miss.went_ahead,
        unlisted: unlisted.then_some(arch),
    }
}

/// The file name of a path.
fn short(path: &str) -> &str {
    match path.rsplit('/').next() {
        Some(name) if !name.is_empty() => name,
        _ => "?",
    }
}

impl Judged {
    /// Whether it is a bare number: no profile can allow it, since profiles name calls.
    pub(crate) fn nameless(&self) -> bool {
        self.name.starts_with(|c: char| c.is_ascii_digit())
    }

    /// What happened, on one line. `times`: how often, where that is known.
    pub(crate) fn told(&self, times: &str) -> String {
        let verb = match (self.kind, self.went_ahead) {
            (Kind::Withheld, false) => "withheld",
            (_, false) => "refused",
            (_, true) => "would be refused",
        };
        format!("{verb}: {} by {}{times} — {} ({})", self.call, self.who, self.place, self.action)
    }

    /// The line a person reads, with the rule that would allow it.
    pub(crate) fn line(&self, miss: &Miss) -> String {
        if self.nameless() {
            return format!("{} — it has no name, so that no profile can allow it", self.told(""));
        }
        format!("{} — allow it: add {}", self.told(""), self.rule(miss))
    }

    /// What would have to be added to the profile: no more than this call needs, and the danger where there is one.
    fn rule(&self, miss: &Miss) -> String {
        if let Some(arch) = self.unlisted {
            return format!("\"{}\" to \"architectures\"", arch.oci());
        }
        let plain = format!("{{\"names\": [\"{}\"], \"action\": \"SCMP_ACT_ALLOW\"}}", self.name);
        match learned_rule(miss) {
            Some(Learned::Rule(rule)) => rule,
            Some(Learned::Dangerous(why)) => format!("{plain}, which is dangerous: {why}"),
            None => plain,
        }
    }
}

/// What `generate` makes of one call.
enum Learned {
    Rule(String),
    Dangerous(String),
}

fn learned_rule(miss: &Miss) -> Option<Learned> {
    let (arch, nr) = Arch::split(miss.token, miss.nr)?;
    let mut trace = Trace::default();
    trace.observe(&Observation {
        arch,
        nr,
        args: miss.args,
        outcome: trace::Outcome::Made,
        count: None,
        phase: Phase::Unphased,
        executable: String::new(),
        at_ms: 0,
    });
    let options = Options { completion: false, ..Options::new(arch) };
    let made = generate(&trace, &options).ok()?;
    if let Some(left) = made.evidence.withheld.first() {
        return Some(Learned::Dangerous(left.why.clone()));
    }
    let name = sysno::name(arch, nr)?;
    let fits = |r: &&Rule| {
        r.action.action.permits()
            && r.names.iter().any(|n| n.text == name)
            && r.conditions.iter().all(|c| c.holds(&miss.args))
    };
    let rule = made.profile.rules.iter().find(fits)?.clone();
    let alone = Profile { rules: vec![rule], default: Action::KillProcess.into(), ..Profile::default() };
    let text = profile::write(&alone, false);
    let body = text.split_once("\"syscalls\": [")?.1.rsplit_once(']')?.0;
    Some(Learned::Rule(body.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// How often each call was refused, for a summary.
pub(crate) fn totals(judged: &[(Judged, u64)]) -> BTreeMap<(Kind, String), u64> {
    let mut totals = BTreeMap::new();
    for (miss, count) in judged {
        *totals.entry((miss.kind, miss.name.clone())).or_default() += count;
    }
    totals
}
