//! A whole profile explained: one document, which programs read as JSON and writers make into text, Markdown and HTML.

mod html;
mod human;
mod make;
mod markdown;
mod picture;

use std::collections::BTreeMap;

use callgate_check::explain::surface::Standing;
use serde::Serialize;

use crate::output::{Output, counted};

pub(crate) use html::html;
pub(crate) use human::human;
pub(crate) use make::{Place, make};
pub(crate) use markdown::markdown;

/// Everything there is to say about a profile.
#[derive(Serialize)]
pub(crate) struct Report {
    schema: &'static str,
    profile: String,
    arch: &'static str,
    loader: &'static str,
    /// Null: nobody, the raw OCI meaning.
    runtime: Option<String>,
    /// Why there is no filter; null: there is one.
    unconfined: Option<String>,
    /// How many calls stand how.
    counts: BTreeMap<&'static str, usize>,
    /// The runtime's default that it is held against.
    beside: Default,
    /// Dangerous calls and arguments that are allowed; what the default refuses comes first.
    surface: Vec<Exposed>,
    /// Whether containers start.
    starts: Vec<StartDoc>,
    /// The calls that all of these lack.
    add: Vec<&'static str>,
    groups: Vec<Group>,
    /// What happens to numbers without a name, from each on.
    nameless: Vec<Stretch>,
    /// The other architectures that the machine may offer.
    architectures: Vec<Door>,
    diagnostics: Vec<Note>,
}

#[derive(Serialize)]
struct Default {
    name: String,
    source: &'static str,
    kernel: String,
    caps: Vec<String>,
    counts: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct Exposed {
    /// Null: that there are calls through this architecture at all.
    call: Option<&'static str>,
    arch: &'static str,
    group: &'static str,
    /// Constants of arguments; none: the call itself.
    values: Vec<&'static str>,
    /// In words.
    why: String,
    /// Whether some of what is dangerous about it is refused.
    in_part: bool,
    /// Whether a listener or a tracer decides.
    asked: bool,
    example: Option<String>,
    /// The line of the rule that allows it; null: no rule does.
    line: Option<usize>,
    /// What the default does: `allows`, `in-part`, `with-capability` or `refuses`.
    beside: &'static str,
    /// Each of these alone makes the default allow it, or some of it.
    caps: Vec<&'static str>,
}

#[derive(Serialize)]
struct StartDoc {
    runtime: String,
    /// `starts`, `starts-without-exec`, `fails`, `refused`, `unconfined`, `undecided` or `unknown`.
    result: &'static str,
    /// In words; null where `lacks` says it.
    why: Option<String>,
    lacks: Vec<Lack>,
    /// The calls that it treats otherwise than the first runtime does, whose answers the rest of the document has.
    differs: Vec<&'static str>,
    note: Option<String>,
}

#[derive(Serialize)]
struct Lack {
    call: &'static str,
    action: &'static str,
    errno: Option<u16>,
    /// Whether some arguments are allowed.
    in_part: bool,
    /// The action in words.
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct Group {
    name: &'static str,
    about: &'static str,
    allowed: Vec<Alike>,
    conditional: Vec<Conditional>,
    refused: Vec<Alike>,
    undecided: Vec<Undecided>,
    #[serde(skip)]
    cells: Vec<Cell>,
}

/// Calls that get the same.
#[derive(Serialize)]
struct Alike {
    /// More than one: it depends on the arguments.
    actions: Vec<ActionDoc>,
    calls: Vec<&'static str>,
    /// The actions in words.
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct ActionDoc {
    /// `SCMP_ACT_*`
    action: &'static str,
    errno: Option<u16>,
}

#[derive(Serialize)]
struct Conditional {
    call: &'static str,
    rules: Vec<RuleDoc>,
    /// What happens to some arguments, with an example each.
    examples: Vec<Example>,
}

#[derive(Serialize)]
struct RuleDoc {
    line: usize,
    #[serde(flatten)]
    action: ActionDoc,
    /// The conditions in words.
    when: String,
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct Example {
    #[serde(flatten)]
    action: ActionDoc,
    call: String,
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct Undecided {
    call: &'static str,
    why: &'static str,
}

#[derive(Serialize)]
struct Stretch {
    from: u32,
    #[serde(flatten)]
    action: ActionDoc,
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct Door {
    arch: &'static str,
    /// What happens to all its calls; null: they are judged by rules.
    action: Option<&'static str>,
    errno: Option<u16>,
    /// How many calls are allowed, wholly or in part.
    open: usize,
    #[serde(skip)]
    words: String,
}

#[derive(Serialize)]
struct Note {
    code: &'static str,
    severity: &'static str,
    message: String,
    hint: Option<String>,
}

/// One call of the picture.
struct Cell {
    call: &'static str,
    ours: Shade,
    theirs: Shade,
}

/// How a call is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Shade {
    standing: Standing,
    /// Whether something dangerous about it is allowed.
    dangerous: bool,
}

impl Report {
    /// Whether something in it is not known.
    pub(crate) fn is_undecided(&self) -> bool {
        self.groups.iter().any(|group| !group.undecided.is_empty())
    }

    /// Says on the way what is left out, split or not relied on.
    pub(crate) fn tell(&self, output: &Output) {
        for note in &self.diagnostics {
            let hint = note.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            output.warn(&format!("{}: {}{hint}", self.profile, note.message));
        }
    }

    fn count(&self, standing: Standing) -> usize {
        self.counts.get(standing.name()).copied().unwrap_or(0)
    }

    fn calls(&self) -> usize {
        self.counts.values().sum()
    }

    /// `3 allowed, 1 conditional, 380 refused of 384 calls`.
    fn tally(&self) -> String {
        let counted = Standing::ALL.iter().filter(|s| **s != Standing::Undecided || self.count(**s) > 0);
        let parts: Vec<String> = counted.map(|s| format!("{} {}", self.count(*s), s.name())).collect();
        format!("{} of {} calls", parts.join(", "), self.calls())
    }

    /// What it was asked for: `x86_64, as containerd and runc 1.1.5 take it`.
    fn place(&self) -> String {
        let who: Vec<&str> =
            Some(self.loader).filter(|l| *l != "oci").into_iter().chain(self.runtime.as_deref()).collect();
        match who.join(" and ") {
            who if who.is_empty() => format!("{}, raw OCI meaning", self.arch),
            who => format!("{}, under {who}", self.arch),
        }
    }

    /// What the default refuses, wholly or in part, and what it allows as well.
    fn surface_beyond(&self) -> (Vec<Told<'_>>, Vec<Told<'_>>) {
        let (beyond, too): (Vec<&Exposed>, Vec<&Exposed>) =
            self.surface.iter().partition(|exposed| exposed.beside != "allows");
        (told(&beyond, self), told(&too, self))
    }

    /// The rule that allows what containers lack.
    fn rule(&self) -> String {
        let names: Vec<String> = self.add.iter().map(|name| format!("\"{name}\"")).collect();
        format!("{{\"names\": [{}], \"action\": \"SCMP_ACT_ALLOW\"}}", names.join(", "))
    }
}

/// Calls that are dangerous alike.
struct Told<'r> {
    first: &'r Exposed,
    /// Each with the line of its rule.
    calls: Vec<(String, Option<usize>)>,
}

fn told<'r>(exposed: &[&'r Exposed], report: &Report) -> Vec<Told<'r>> {
    let mut found: Vec<Told<'r>> = Vec::new();
    for one in exposed {
        let call = (one.what(report), one.line);
        let key = |e: &Exposed| (e.why.clone(), e.beside, e.caps.clone(), e.how());
        match found.iter_mut().find(|told| key(told.first) == key(one)) {
            Some(told) => told.calls.push(call),
            None => found.push(Told { first: one, calls: vec![call] }),
        }
    }
    found
}

/// How many calls these are.
fn calls(told: &[Told<'_>]) -> usize {
    told.iter().map(|told| told.calls.len()).sum()
}

impl Exposed {
    /// `ptrace`, `socketcall through x86`, `x32`.
    fn what(&self, report: &Report) -> String {
        match self.call {
            None => self.arch.to_owned(),
            Some(call) if self.arch == report.arch => call.to_owned(),
            Some(call) => format!("{call} through {}", self.arch),
        }
    }

    /// How far it is open, where that is not wholly.
    fn how(&self) -> &'static str {
        match (self.asked, self.in_part) {
            (false, false) => "",
            (false, true) => "in part",
            (true, false) => "left to a listener or tracer",
            (true, true) => "in part left to a listener or tracer",
        }
    }

    /// What the default does with it: `refuses it; CAP_BPF alone opens it`.
    fn beside(&self) -> String {
        match self.beside {
            "allows" => "allows it, too".to_owned(),
            "in-part" => "allows a part of it".to_owned(),
            "with-capability" => format!("refuses it without {}", self.caps.join(" or ")),
            _ => "refuses it".to_owned(),
        }
    }
}

impl StartDoc {
    /// `does not start`.
    fn verdict(&self) -> String {
        let why = self.why.as_deref().unwrap_or_default();
        match self.result {
            "starts" => "starts".to_owned(),
            "starts-without-exec" => {
                "starts, but nothing can be executed in it, as probes and `exec` do".to_owned()
            }
            "fails" => "does not start".to_owned(),
            "refused" => format!("does not start: refuses the profile: {why}"),
            "unconfined" => format!("starts without a filter: {why}"),
            "undecided" => format!("undecided: {why}"),
            _ => format!("not known: {why}"),
        }
    }

    /// Whether it is known what becomes of a container.
    fn is_known(&self) -> bool {
        !matches!(self.result, "undecided" | "unknown")
    }

    /// What else there is to say of it: how far it can be relied on, and what it treats otherwise.
    fn notes(&self, report: &Report) -> Vec<String> {
        let first = report.runtime.as_deref().unwrap_or_default();
        let count = counted(self.differs.len() as u64, "call");
        let differs = format!("it treats {count} otherwise than {first}: {}", self.differs.join(", "));
        let differs = Some(differs).filter(|_| !self.differs.is_empty());
        self.note.clone().into_iter().chain(differs).collect()
    }

    /// The calls that it lacks by what happens to them: `EPERM: execve, fstatfs`.
    fn lacks(&self) -> Vec<String> {
        let mut alike: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
        for lack in &self.lacks {
            alike.entry((lack.in_part, &lack.words)).or_default().push(lack.call);
        }
        let part = |((in_part, words), calls): ((bool, &str), Vec<&str>)| {
            let some = if in_part { ", for some arguments" } else { "" };
            format!("{words}{some}: {}", calls.join(", "))
        };
        alike.into_iter().map(part).collect()
    }
}

impl Conditional {
    /// Its conditions, or examples where none is about it.
    fn told(&self) -> Vec<String> {
        if self.rules.is_empty() {
            let example = |e: &Example| format!("{}, as in {}", e.words, e.call);
            return self.examples.iter().map(example).collect();
        }
        self.rules.iter().map(|r| format!("{} if {} (line {})", r.words, r.when, r.line)).collect()
    }
}
