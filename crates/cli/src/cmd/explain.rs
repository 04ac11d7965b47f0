//! `callgate explain`: what a profile does with a call, or with all of them, and why.

use std::fmt::Write as _;

use callgate_check::explain::call::{Other, conditions, deciding, others};
use callgate_check::resolve::{By, Fate, Resolved, resolve};
use callgate_check::target::{Loader, Target};
use callgate_core::baseline::{self, Edition};
use callgate_core::{Action, Arch, Call, Diagnostic, args as arguments, profile, sysno};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Explain, ReportFormat};
use crate::exit::{Exit, Failure, Outcome};
use crate::input::{self, Loaded};
use crate::output::{Output, foreign};
use crate::report::{self, Place};
use crate::{call, parse, target};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    /// `socket(AF_INET, SOCK_STREAM, 0)`
    call: String,
    arch: &'static str,
    nr: u32,
    args: [u64; 6],
    /// What the first runtime that was asked for does, or the raw OCI meaning.
    #[serde(flatten)]
    answer: Answer,
    /// The other rules that name the call.
    others: Vec<OtherDoc>,
    /// The same under each runtime that was asked for.
    runtimes: Vec<RuntimeDoc>,
    diagnostics: Vec<DiagnosticDoc>,
}

#[derive(Clone, Serialize)]
struct Answer {
    /// `SCMP_ACT_*`; null: undecided, or no container starts.
    action: Option<&'static str>,
    errno: Option<u16>,
    /// Null: no rule decides.
    rule: Option<RuleDoc>,
    /// `rule`, `default`, `beyond`, `architecture`, `nothing`, `undecided` or `refused`.
    decided: &'static str,
    /// The same in words.
    why: String,
}

#[derive(Clone, Serialize)]
struct RuleDoc {
    /// From 0.
    index: usize,
    /// From 1.
    line: usize,
}

#[derive(Serialize)]
struct OtherDoc {
    index: usize,
    line: usize,
    action: String,
    why: String,
}

#[derive(Serialize)]
struct RuntimeDoc {
    runtime: String,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
struct DiagnosticDoc {
    code: &'static str,
    severity: &'static str,
    message: String,
    line: Option<usize>,
    hint: Option<String>,
}

/// What one place makes of the call.
struct Asked<'t> {
    target: &'t Target,
    resolved: Option<Resolved>,
    fate: Option<Fate>,
    answer: Answer,
}

/// Explains.
pub(crate) fn run(args: &Explain, output: &Output) -> Outcome {
    let arch = args.arch.as_deref().map_or_else(input::native, parse::arch)?;
    let targets = args.place.targets(machine(arch)?)?;
    let loaded = loaded(args, &targets)?;
    match &args.call {
        Some(call) => one(args, &loaded, &targets, &call::read(arch, call, &args.args)?, output),
        None => whole(args, &loaded, &targets, arch, output),
    }
}

fn one(args: &Explain, loaded: &Loaded, targets: &[Target], call: &Call, output: &Output) -> Outcome {
    let asked: Vec<Asked<'_>> = targets.iter().map(|target| ask(loaded, target, call)).collect();
    let [first, ..] = asked.as_slice() else { return Err(Failure::new("no runtime is named")) };
    let document = document(loaded, call, &asked);
    match args.format {
        ReportFormat::Json => print_json(output, &document)?,
        ReportFormat::Human => {
            if let Some(resolved) = &first.resolved {
                target::tell(loaded, resolved, output);
            }
            tell_caveats(asked.get(1..).unwrap_or_default(), output);
            print(output, &text(loaded, &document, &asked))?
        }
        ReportFormat::Markdown | ReportFormat::Html => {
            let failure = Failure::new("markdown and html are of whole profiles");
            return Err(failure.hint("leave the call out, or ask for --format human or json"));
        }
    };
    let answered = asked.iter().all(|asked| asked.answer.action.is_some());
    Ok(if answered { Exit::Ok } else { Exit::Failed })
}

/// What has to be known of the runtimes beside the first, whose notes are told in full: where their word comes from, and that
/// they may not look at a profile at all.
fn tell_caveats(others: &[Asked<'_>], output: &Output) {
    for note in others.iter().filter_map(|asked| asked.resolved.as_ref()).flat_map(|resolved| &resolved.notes)
    {
        if ["source-only", "not-by-default"].contains(&note.code) {
            output.warn(&foreign(&note.message));
        }
    }
}

fn whole(args: &Explain, loaded: &Loaded, targets: &[Target], arch: Arch, output: &Output) -> Outcome {
    let edition = edition(args, targets)?;
    if let Some(note) = edition.note() {
        output.warn(&note);
    }
    let place = Place { arch, targets, no_new_privs: args.place.nnp, edition: &edition };
    let report = report::make(loaded, &place)?;
    match args.format {
        ReportFormat::Json => print_json(output, &report)?,
        ReportFormat::Html => print(output, &report::html(&report))?,
        ReportFormat::Markdown => print(output, &report::markdown(&report))?,
        ReportFormat::Human => {
            loaded.tell_notes_but(&["loader-dependent", "unknown-call"], output);
            print(output, &report::human(&report, output.width()))?
        }
    };
    report.tell(output);
    Ok(if report.is_undecided() { Exit::Failed } else { Exit::Ok })
}

/// The default that the profile is held against: the one that is named, or what applies where the loader reads none.
fn edition(args: &Explain, targets: &[Target]) -> Result<Edition, Failure> {
    let own = match targets.first().map(|target| target.loader) {
        None | Some(Loader::Oci) => Loader::Containerd.name(),
        Some(loader) => loader.name(),
    };
    baseline::named(args.baseline.as_deref().unwrap_or(own)).map_err(|error| {
        Failure::new(foreign(&error.to_string()))
            .hint("`callgate default` lists them, and the releases they are known of")
    })
}

/// The machine that calls of this architecture are made on: this one, if it runs them.
fn machine(arch: Arch) -> Result<Arch, Failure> {
    let native = input::native()?;
    Ok(if native.companions().contains(&arch) { native } else { arch })
}

/// Reads the profile, which has to have one meaning: to the loader that is named, or to all.
fn loaded(args: &Explain, targets: &[Target]) -> Result<Loaded, Failure> {
    let named = input::text(&args.profile)?;
    let (name, text) = (named.name.clone(), named.text.clone());
    let loaded = input::profile_of(&args.profile, named).map_err(|failure| {
        let said: Vec<String> = targets.iter().map(|target| lenient(&text, target)).collect();
        if said.is_empty() || !args.place.is_named() {
            return failure;
        }
        let before = failure.hint.as_ref().map(|hint| format!("{hint}; ")).unwrap_or_default();
        Failure { hint: Some(format!("{before}{}", said.join("; "))), ..failure }
    })?;
    let dependent = profile::undecidable(&loaded.profile);
    match dependent.first().filter(|_| !args.place.is_named()) {
        Some(first) => {
            let line = first.span.as_ref().map_or(0, |span| profile::line_of(&loaded.text, span.start));
            Err(Failure::new(format!("{name}:{line}: {}", first.message))
                .hint("say who reads the file: --loader docker, podman, cri-o or containerd"))
        }
        None => Ok(loaded),
    }
}

/// What becomes of a text that is no profile to callgate.
fn lenient(text: &str, target: &Target) -> String {
    let who = target.runtime.map_or_else(|| target.loader.name().to_owned(), |runtime| runtime.to_string());
    match resolve(text, target) {
        Err(refusal) => format!("{} refuses it, too: {}", refusal.by, refusal.message),
        Ok(Resolved { outcome: callgate_check::runtime::Outcome::Unconfined(_), .. }) => {
            format!("{who} starts the container without a filter")
        }
        Ok(_) => format!("{who} takes it all the same"),
    }
}

fn ask<'t>(loaded: &Loaded, target: &'t Target, call: &Call) -> Asked<'t> {
    match resolve(&loaded.text, target) {
        Ok(resolved) => {
            let fate = resolved.fate(call);
            let answer = answer(&fate, call, &resolved, loaded);
            Asked { target, resolved: Some(resolved), fate: Some(fate), answer }
        }
        Err(refusal) => {
            let line = refusal.line.map(|line| format!(", line {line}")).unwrap_or_default();
            let (by, message) = (&refusal.by, &refusal.message);
            let why = format!("no container starts: {by} refuses the profile{line}: {message}");
            let answer = Answer { action: None, errno: None, rule: None, decided: "refused", why };
            Asked { target, resolved: None, fate: None, answer }
        }
    }
}

fn answer(fate: &Fate, call: &Call, resolved: &Resolved, loaded: &Loaded) -> Answer {
    let name = sysno::name(call.arch, call.nr).unwrap_or_default();
    let (decided, why, rule) = match &fate.by {
        By::Rule { index, line } => {
            let entry = deciding(resolved.document.as_ref(), fate);
            let of = entry.filter(|e| !e.conditions.is_empty()).map(|e| conditions(call.arch, name, e));
            let of = of.map(|of| format!(": {of}")).unwrap_or_default();
            ("rule", format!("the rule on line {line}{of}"), Some(RuleDoc { index: *index, line: *line }))
        }
        By::Default => ("default", format!("no rule: defaultAction, line {}", loaded.default_line()), None),
        By::Beyond => {
            let why = "its number is above all that the profile names: runc says that there is no such call";
            ("beyond", why.to_owned(), None)
        }
        By::Architecture => {
            let why = format!("the profile lists no {} ({})", call.arch, call.arch.oci());
            ("architecture", why, None)
        }
        By::Nothing => ("nothing", "there is no filter: the container starts unconfined".to_owned(), None),
        By::Unknown(why) => ("undecided", why.clone(), None),
    };
    let action = fate.action;
    Answer { action: action.map(Action::oci), errno: action.and_then(Action::errno), rule, decided, why }
}

fn document(loaded: &Loaded, call: &Call, asked: &[Asked<'_>]) -> Document {
    let first = &asked[0];
    let found = match (&first.resolved, &first.fate) {
        (Some(resolved), Some(fate)) => others(&loaded.text, (resolved, first.target), call, fate),
        _ => Vec::new(),
    };
    let other = |Other { index, line, action, why }: Other| OtherDoc { index, line, action, why };
    let runtime = |asked: &Asked<'_>| {
        let runtime = asked.target.runtime?.to_string();
        Some(RuntimeDoc { runtime, answer: asked.answer.clone() })
    };
    let notes = first.resolved.iter().flat_map(|resolved| &resolved.notes);
    Document {
        schema: "callgate.dev/explain/v1",
        call: called(call),
        arch: call.arch.name(),
        nr: call.nr,
        args: call.args,
        answer: first.answer.clone(),
        others: found.into_iter().map(other).collect(),
        runtimes: asked.iter().filter_map(runtime).collect(),
        diagnostics: notes.map(|note| diagnostic(note, &loaded.text)).collect(),
    }
}

fn diagnostic(note: &Diagnostic, text: &str) -> DiagnosticDoc {
    let line = note.span.as_ref().map(|span| profile::line_of(text, span.start));
    let (message, hint) = (note.message.clone(), note.hint.clone());
    DiagnosticDoc { code: note.code, severity: note.severity.name(), message, line, hint }
}

fn called(call: &Call) -> String {
    match sysno::name(call.arch, call.nr) {
        Some(name) => arguments::format_call(call.arch, name, &call.args),
        None => format!("number {}", call.nr),
    }
}

fn text(loaded: &Loaded, document: &Document, asked: &[Asked<'_>]) -> String {
    let arch = document.arch;
    let mut out = format!("{} on {arch}: {}\n", foreign(&document.call), outcome(&asked[0]));
    let _ = writeln!(out, "  {}: {}", foreign(&loaded.name), foreign(&document.answer.why));
    for other in &document.others {
        let action = foreign(&other.action);
        let _ = writeln!(out, "  not line {} ({action}): {}", other.line, foreign(&other.why));
    }
    for one in asked.iter().filter(|_| asked.len() > 1) {
        let runtime = one.target.runtime.map(|runtime| runtime.to_string()).unwrap_or_default();
        let _ = writeln!(out, "under {runtime}: {} — {}", outcome(one), foreign(&one.answer.why));
    }
    out
}

fn outcome(asked: &Asked<'_>) -> String {
    match asked.fate.as_ref().and_then(|fate| fate.action) {
        Some(action) => action.to_string(),
        None if asked.answer.decided == "refused" => "refused".to_owned(),
        None => "undecided".to_owned(),
    }
}
