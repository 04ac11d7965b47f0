//! `callgate show`: what a profile or a trace says.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use callgate_core::evidence::{NOT_ASKED, Need, NeedClass, Source};
use callgate_core::profile::{Condition, Rule};
use callgate_core::{Arch, Trace, errno, group, sysno, trace};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Show};
use crate::exit::Outcome;
use crate::input::{self, Kind, Loaded};
use crate::output::{Output, foreign, wrap};
use crate::saturation;

#[derive(Serialize)]
struct Document<'p> {
    schema: &'static str,
    default: ActionDoc,
    proof: Option<&'p str>,
    /// Whether the profile is another one than the one that was proven. None: the evidence does not say.
    changed: Option<bool>,
    architectures: Vec<&'p str>,
    flags: &'p [String],
    rules: Vec<RuleDoc<'p>>,
}

#[derive(Serialize)]
struct ActionDoc {
    action: &'static str,
    errno: Option<u16>,
}

#[derive(Serialize)]
struct RuleDoc<'p> {
    names: Vec<&'p str>,
    action: &'static str,
    errno: Option<u16>,
    args: Vec<ArgDoc>,
    line: usize,
    /// None: there is no evidence.
    source: Option<&'static str>,
}

#[derive(Serialize)]
struct ArgDoc {
    index: u8,
    op: &'static str,
    value: u64,
    value_two: u64,
}

/// Shows.
pub(crate) fn run(args: &Show, output: &Output) -> Outcome {
    let named = input::text(&args.file)?;
    if input::kind(&named.text) == Kind::Trace && args.starts_under.is_none() {
        let trace = input::parse_trace(&named.name, &named.text)?;
        return match args.format {
            Format::Json => print(output, &trace::write(&trace)),
            Format::Human => print(output, &show_trace(&trace, args.why, output.width())),
        };
    }
    let loaded = input::profile_of(&args.file, named)?;
    if let Some(runtime) = &args.starts_under {
        return super::starts::run(args, &loaded, runtime, output);
    }
    match args.format {
        Format::Json => print_json(output, &document(&loaded)),
        Format::Human => {
            loaded.tell_notes(output);
            if loaded.evidence.schema.is_empty() {
                output
                    .warn(&format!("{}.evidence is not there: nobody knows why the rules are", loaded.name));
            }
            print(output, &show_profile(&loaded, args.why, output.width()))
        }
    }
}

fn errno_of(action: callgate_core::Action) -> Option<u16> {
    match action {
        callgate_core::Action::Errno(errno) | callgate_core::Action::Trace(errno) => Some(errno),
        _ => None,
    }
}

fn document(loaded: &Loaded) -> Document<'_> {
    let profile = &loaded.profile;
    let known = !loaded.evidence.schema.is_empty();
    let rule = |r: &'_ Rule| RuleDoc {
        names: Vec::new(),
        action: r.action.action.oci(),
        errno: errno_of(r.action.action),
        args: r.conditions.iter().map(arg).collect(),
        line: r.line,
        source: known.then(|| loaded.evidence.source_of(r).name()),
    };
    let with_names = |r| RuleDoc { names: names(r), ..rule(r) };
    Document {
        schema: "callgate.dev/profile/v1",
        default: ActionDoc { action: profile.default.action.oci(), errno: errno_of(profile.default.action) },
        proof: loaded.evidence.proof.as_deref(),
        changed: loaded.was_changed(),
        architectures: profile.architectures.iter().map(|a| a.name.as_str()).collect(),
        flags: &profile.flags,
        rules: profile.rules.iter().map(with_names).collect(),
    }
}

fn names(rule: &Rule) -> Vec<&str> {
    rule.names.iter().map(|n| n.text.as_str()).collect()
}

fn arg(c: &Condition) -> ArgDoc {
    ArgDoc { index: c.index, op: c.op.oci(), value: c.value, value_two: c.value_two }
}

fn show_profile(loaded: &Loaded, why: bool, width: usize) -> String {
    let profile = &loaded.profile;
    let arches: Vec<&str> = profile.architectures.iter().map(|a| a.name.as_str()).collect();
    let mut text = format!("everything else: {} (line {})\n", profile.default.action, loaded.default_line());
    let _ = writeln!(
        text,
        "architectures: {}",
        if arches.is_empty() { "the machine's own".to_owned() } else { foreign(&arches.join(", ")) }
    );
    if let Some(proof) = &loaded.evidence.proof {
        let proof = if proof == NOT_ASKED { "nobody asked for a proof".to_owned() } else { foreign(proof) };
        let when = match loaded.was_changed() {
            Some(false) => "",
            Some(true) => "changed since callgate wrote its evidence; before that: ",
            None => "as callgate left it: ",
        };
        text += &(wrap(&format!("{when}{proof}"), width, "  ") + "\n");
    }
    let mut sections: BTreeMap<(Section, &str), Vec<(&Rule, &str)>> = BTreeMap::new();
    for rule in &profile.rules {
        let section = Section::of(rule);
        for name in names(rule) {
            sections
                .entry((section, group::primary(name).unwrap_or("unknown calls")))
                .or_default()
                .push((rule, name));
        }
    }
    let mut last = None;
    let mut refused: Vec<(&Rule, &str)> = Vec::new();
    for ((section, group), entries) in sections {
        if last != Some(section) {
            text += &reasons(loaded, &std::mem::take(&mut refused), width);
            let _ = writeln!(text, "\n{}", section.title());
            last = Some(section);
        }
        if why && matches!(section, Section::Refused(_)) {
            // These mostly stand there for one reason, whatever their group.
            refused.extend(entries);
        } else {
            text += &show_group(loaded, group, &entries, (why, width));
        }
    }
    text += &reasons(loaded, &refused, width);
    text + &withheld(loaded, width)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Allowed,
    Refused(callgate_core::Action),
}

impl Section {
    fn of(rule: &Rule) -> Self {
        match rule.action.action {
            a if a.permits() => Self::Allowed,
            a => Self::Refused(a),
        }
    }

    fn title(self) -> String {
        match self {
            Self::Allowed => "allowed:".to_owned(),
            Self::Refused(action) => format!("refused ({action}):"),
        }
    }
}

fn show_group(
    loaded: &Loaded,
    group: &str,
    entries: &[(&Rule, &str)],
    (why, width): (bool, usize),
) -> String {
    if !why {
        let by_name = by_name(entries);
        let list: Vec<String> = by_name.iter().map(|(name, rules)| label(name, rules)).collect();
        return wrap(&format!("  {group}: {}", list.join(", ")), width, "      ") + "\n";
    }
    format!("  {group}\n{}", reasons(loaded, entries, width))
}

fn by_name<'r>(entries: &[(&'r Rule, &'r str)]) -> BTreeMap<&'r str, Vec<&'r Rule>> {
    let mut by_name: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
    for (rule, name) in entries {
        by_name.entry(name).or_default().push(rule);
    }
    by_name
}

/// A call with its conditions, where it is not free.
fn label(name: &str, rules: &[&Rule]) -> String {
    let free = rules.iter().any(|r| r.conditions.is_empty());
    let condition = if free { String::new() } else { conditions::summary(name, rules) };
    format!("{}{condition}", foreign(name))
}

/// Calls with line and reason; those that share both stand together, where the first of them would.
fn reasons(loaded: &Loaded, entries: &[(&Rule, &str)], width: usize) -> String {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for (name, rules) in by_name(entries) {
        for part in parts(loaded, name, &rules) {
            let why = reason(loaded, name, part[0]);
            let shown = label(name, &part);
            match lines.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, names)) => names.push(shown),
                None => lines.push((why, vec![shown])),
            }
        }
    }
    let line = |(why, names): &(String, Vec<String>)| {
        let text = match names.as_slice() {
            [name] => format!("    {name} — {why}"),
            names => format!("    {why}: {}", names.join(", ")),
        };
        wrap(&text, width, "        ") + "\n"
    };
    lines.iter().map(line).collect()
}

/// The rules of one call that are shown together: by source, unless only all of them together can be said in words.
fn parts<'r>(loaded: &Loaded, name: &str, rules: &[&'r Rule]) -> Vec<Vec<&'r Rule>> {
    let mut by_source: BTreeMap<Source, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        let source = loaded.evidence.entry(rule, name).map_or(Source::User, |e| e.source);
        by_source.entry(source).or_default().push(rule);
    }
    let whole = conditions::summary(name, rules);
    let together = whole.contains("all but") || whole.contains("never");
    if together {
        vec![by_source.into_values().flatten().collect()]
    } else {
        by_source.into_values().collect()
    }
}

fn reason(loaded: &Loaded, name: &str, rule: &Rule) -> String {
    let source = source_of(loaded, rule, name).map_or_else(String::new, |source| format!(", {source}"));
    let why = loaded.evidence.reason(rule, name).or(rule.comment.as_deref()).unwrap_or("no evidence");
    let allowed = rule.action.action.permits();
    let danger =
        group::danger(name).filter(|_| allowed).map(|d| format!(" — DANGEROUS: {d}")).unwrap_or_default();
    let need = need(loaded, name).filter(|_| allowed).unwrap_or_default();
    format!("line {}{source}: {}{need}{danger}", rule.line, foreign(why))
}

/// What `learn --minimise` found out about a call.
fn need(loaded: &Loaded, name: &str) -> Option<String> {
    let Need { class, errno, runs, outcome } = loaded.evidence.needs.get(name)?;
    let errno = errno::name(*errno).map_or_else(|| format!("errno {errno}"), str::to_owned);
    Some(match class {
        NeedClass::Required => format!("; required: with {errno}, {}", foreign(outcome)),
        NeedClass::Tolerated => format!("; tolerated: {runs} runs with {errno} were as before"),
    })
}

/// Where a rule comes from; without any evidence nobody knows.
fn source_of(loaded: &Loaded, rule: &Rule, name: &str) -> Option<&'static str> {
    let known = !loaded.evidence.schema.is_empty();
    known.then(|| loaded.evidence.entry(rule, name).map_or(Source::User, |e| e.source).name())
}

/// Calls that were seen and left out.
fn withheld(loaded: &Loaded, width: usize) -> String {
    let mut text = String::new();
    for left in &loaded.evidence.withheld {
        let values =
            if left.values.is_empty() { String::new() } else { format!(" with {}", left.values.join(" ")) };
        let by =
            if left.first_by.is_empty() { String::new() } else { format!(", first by {}", left.first_by) };
        let line = format!("  {}{values}: seen{by}; {}", left.name, left.why);
        text += &wrap(&foreign(&line), width, "      ");
        text.push('\n');
    }
    if text.is_empty() { text } else { format!("\nwithheld, since dangerous:\n{text}") }
}

/// Argument conditions in words.
mod conditions {
    use super::{Arch, Condition, Rule};
    use callgate_core::set::{ArgBox, Op, Region};
    use callgate_core::{args, sysno};

    /// `(domain: AF_UNIX AF_INET)`, `(cmd: all but TIOCSTI TIOCLINUX)`, or how many alternatives there are.
    pub(super) fn summary(call: &str, rules: &[&Rule]) -> String {
        let arch = Arch::native().filter(|a| sysno::number(*a, call).is_some()).unwrap_or(Arch::X86_64);
        let several = || format!("({} alternatives)", rules.len());
        one_argument(arch, call, rules).or_else(|| each(arch, call, rules)).unwrap_or_else(several)
    }

    /// `(domain: AF_UNIX, type: SOCK_STREAM or domain: AF_INET)`, where that is not too long.
    fn each(arch: Arch, call: &str, rules: &[&Rule]) -> Option<String> {
        const MOST: usize = 6;
        let params = args::params_on(arch, call)?;
        let condition = |c: &Condition| {
            let param = params.get(usize::from(c.index))?;
            let value = |v: u64| args::format_value(arch, call, usize::from(c.index), v);
            match equal(param, c) {
                Some(one) => Some(format!("{}: {}", param.name, value(one))),
                None if without_bits(c) => Some(format!("{}: without {}", param.name, value(c.value))),
                None => None,
            }
        };
        let rule =
            |r: &&Rule| r.conditions.iter().map(condition).collect::<Option<Vec<_>>>().map(|c| c.join(", "));
        let all: Vec<String> = rules.iter().take(MOST + 1).map(rule).collect::<Option<_>>()?;
        (all.len() <= MOST).then(|| format!("({})", all.join(" or ")))
    }

    fn one_argument(arch: Arch, call: &str, rules: &[&Rule]) -> Option<String> {
        let index = rules.first()?.conditions.first()?.index;
        if rules.iter().any(|r| r.conditions.len() != 1 || r.conditions[0].index != index) {
            return None;
        }
        let param = args::params_on(arch, call)?.get(usize::from(index))?;
        let value = |v: u64| args::format_value(arch, call, usize::from(index), v);
        if let Some(values) =
            rules.iter().map(|r| equal(param, &r.conditions[0])).collect::<Option<Vec<u64>>>()
        {
            let list: Vec<String> = values.into_iter().map(value).collect();
            return Some(format!("({}: {})", param.name, list.join(" ")));
        }
        if let [rule] = rules
            && without_bits(&rule.conditions[0])
        {
            return Some(format!("({}: without {})", param.name, value(rule.conditions[0].value)));
        }
        refused(arch, call, (index, param), rules)
    }

    /// The one value that a condition allows.
    fn equal(param: &args::Param, c: &Condition) -> Option<u64> {
        match c.op {
            Op::Eq => Some(c.value),
            Op::MaskedEq if c.value == args_mask(param) => Some(c.value_two),
            _ => None,
        }
    }

    fn without_bits(c: &Condition) -> bool {
        c.op == Op::MaskedEq && c.value_two == 0
    }

    fn args_mask(param: &args::Param) -> u64 {
        callgate_core::trace::learned_value(param, u64::MAX).unwrap_or(u64::MAX)
    }

    /// What is left out, found by the algebra: few values, or one pair of bits.
    fn refused(
        arch: Arch,
        call: &str,
        (index, param): (u8, &args::Param),
        rules: &[&Rule],
    ) -> Option<String> {
        let boxes = rules.iter().flat_map(|r| {
            let c = r.conditions[0];
            ArgBox::from_conditions(&[(usize::from(c.index), c.op, c.value, c.value_two)])
        });
        let allowed = boxes.fold(Region::none(), |all, b| all.union(&Region::from(b)));
        let left = allowed.complement();
        if let Some(args::Policy::NotBoth(mask)) = param.policy {
            let both = args::format_value(arch, call, usize::from(index), mask).replace('|', " with ");
            return Some(format!("({}: never {both})", param.name));
        }
        let mut texts = Vec::new();
        for found in left.boxes().iter().take(5) {
            let set = found.arg(usize::from(index));
            let value = set.witness()?;
            texts.push(args::format_value(arch, call, usize::from(index), value & args_mask(param)));
        }
        texts.sort();
        texts.dedup();
        (!texts.is_empty() && texts.len() <= 4)
            .then(|| format!("({}: all but {})", param.name, texts.join(" ")))
    }
}

fn show_trace(trace: &Trace, why: bool, width: usize) -> String {
    let mut text = recordings(trace);
    let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((arch, nr, outcome), record) in &trace.calls {
        let name = sysno::name(*arch, *nr);
        let mut label = name.map_or_else(|| format!("number {nr}"), str::to_owned);
        if Some(*arch) != Arch::native() {
            label = format!("{arch}:{label}");
        }
        if let trace::Outcome::Refused(errno) = outcome {
            label += &format!(" refused({errno})");
        }
        if let Some(count) = record.count {
            label += &format!(" {count}×");
        }
        if why {
            label += &origin(record);
            label += &values(*arch, name, record, width);
        }
        groups.entry(name.and_then(group::primary).unwrap_or("unknown calls")).or_default().push(label);
    }
    for (group, labels) in groups {
        let line = if why {
            format!("  {group}\n    {}", labels.join("\n    "))
        } else {
            wrap(&format!("  {group}: {}", labels.join(", ")), width, "      ")
        };
        let _ = writeln!(text, "{line}");
    }
    text
}

/// How the trace came about, and how far it can be relied on.
fn recordings(trace: &Trace) -> String {
    let mut text = String::new();
    for r in &trace.recordings {
        let trimmed = if r.trimmed { ", trimmed" } else { "" };
        let command = foreign(&r.command);
        // What somebody else recorded does not always say when and where.
        let long = if r.duration_ms > 0 { format!(", {} ms", r.duration_ms) } else { String::new() };
        let kernel =
            if r.kernel.is_empty() { String::new() } else { format!(", Linux {}", foreign(&r.kernel)) };
        let _ = writeln!(text, "recorded `{command}` by {}{trimmed}{long}{kernel}", r.backend);
        for note in &r.notes {
            let _ = writeln!(text, "  {}", foreign(note));
        }
    }
    if let Some(line) = saturation::told(trace) {
        text += &format!("{line}\n");
    }
    if !trace.complete {
        let lost = trace.lost;
        let _ =
            writeln!(text, "INCOMPLETE: {lost} calls are known to be lost, or the recording was cut short");
    }
    text
}

fn origin(record: &trace::Record) -> String {
    let phase = record.phases.first().map_or("", |p| p.name());
    if record.first_by.is_empty() {
        return format!(", {phase}");
    }
    format!(", {phase}, first by {} after {} ms", foreign(&record.first_by), record.first_ms)
}

/// Every value of every argument, with how often it was seen; a trimmed run does not count.
fn values(arch: Arch, name: Option<&str>, record: &trace::Record, width: usize) -> String {
    let mut text = String::new();
    for (index, values) in &record.args {
        let shown = |(v, times): (&u64, &Option<u64>)| {
            let value = name.map_or_else(
                || v.to_string(),
                |n| callgate_core::args::format_value(arch, n, usize::from(*index), *v),
            );
            times.map_or_else(|| value.clone(), |n| format!("{value} {n}×"))
        };
        let mut list: Vec<String> = values.seen.iter().map(shown).collect();
        if values.widened {
            list.push("more than are kept: any may have occurred".to_owned());
        }
        let line = format!("      argument {index}: {}", list.join(", "));
        let _ = write!(text, "\n{}", wrap(&line, width, "        "));
    }
    text
}
