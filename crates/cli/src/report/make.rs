//! From the analyses to the document.

use std::collections::{BTreeMap, BTreeSet};

use callgate_check::explain::exposure::{Beside, Exposure, exposures};
use callgate_check::explain::start::{self, Start};
use callgate_check::explain::surface::{self, Standing, Surface, conditional};
use callgate_check::resolve::{By, Resolved, resolve};
use callgate_check::runtime::Outcome as Made;
use callgate_check::{Target, contrast};
use callgate_core::baseline::Edition;
use callgate_core::floor::{self, Missing, Refusal, UnknownRuntime};
use callgate_core::{Action, Arch, Call, args, group, sysno};

use super::{
    ActionDoc, Alike, Cell, Conditional, Default, Door, Example, Exposed, Group, Lack, Note, Report, RuleDoc,
    Shade, StartDoc, Stretch, Undecided,
};
use crate::exit::Failure;
use crate::input::Loaded;
use crate::target;

/// What is asked for.
pub(crate) struct Place<'p> {
    /// The calls of this architecture.
    pub(crate) arch: Arch,
    /// Where the profile is used, once per runtime.
    pub(crate) targets: &'p [Target],
    /// no_new_privs: on, off, or whichever.
    pub(crate) no_new_privs: Option<bool>,
    /// The default to hold it against.
    pub(crate) edition: &'p Edition,
}

/// A profile as the first runtime that takes it makes it, and what that is.
struct Found<'f> {
    target: &'f Target,
    resolved: &'f Resolved,
    ours: Surface,
    theirs: Surface,
    exposed: Vec<Exposure>,
    /// The same of the default.
    exposed_there: Vec<Exposure>,
}

/// Puts everything together.
pub(crate) fn make(loaded: &Loaded, place: &Place<'_>) -> Result<Report, Failure> {
    let asked: Vec<(&Target, Result<Resolved, Failure>)> =
        place.targets.iter().map(|target| (target, target::resolved(loaded, target))).collect();
    let Some((target, resolved)) = asked.iter().find_map(|(t, r)| Some((*t, r.as_ref().ok()?))) else {
        let refused = asked.into_iter().find_map(|(_, r)| r.err());
        return Err(refused.unwrap_or_else(|| Failure::new("no runtime is named")));
    };
    let found = found(loaded, place, target, resolved)?;
    let starts = starts(loaded, place, target, resolved)?;
    Ok(report(loaded, place, &found, starts))
}

fn found<'f>(
    loaded: &Loaded,
    place: &Place<'_>,
    target: &'f Target,
    resolved: &'f Resolved,
) -> Result<Found<'f>, Failure> {
    let native = target.machine.arch;
    let undecided = |why: &str| Failure::new(format!("{}: undecided: {why}", loaded.name));
    let ours = Surface::of(resolved, place.arch, native).map_err(undecided)?;
    let default = place.edition.meaning(&target.machine);
    let theirs = Surface::of_meaning(&default, place.arch, native);
    let meaning = surface::meaning(resolved).map_err(undecided)?;
    let doors: Vec<Arch> = ours.doors.iter().map(|door| door.arch).collect();
    let beside = (place.edition, &target.machine);
    let exposed = exposures(&meaning, (place.arch, &doors), beside);
    let exposed_there = exposures(&default, (place.arch, &[]), beside);
    Ok(Found { target, resolved, ours, theirs, exposed, exposed_there })
}

fn report(
    loaded: &Loaded,
    place: &Place<'_>,
    found: &Found<'_>,
    starts: Vec<(StartDoc, BTreeSet<&'static str>)>,
) -> Report {
    let Found { target, resolved, ours, theirs, exposed, .. } = found;
    let unconfined = match &resolved.outcome {
        Made::Unconfined(why) => Some(why.clone()),
        _ => None,
    };
    let mut surface: Vec<Exposed> = exposed.iter().map(|one| exposed_of(one, resolved)).collect();
    // Calls that are dangerous whatever their arguments before those that are it for some.
    surface.sort_by_key(|one| (one.beside == "allows", !one.values.is_empty()));
    let note = |note: &callgate_core::Diagnostic| Note {
        code: note.code,
        severity: note.severity.name(),
        message: note.message.clone(),
        hint: note.hint.clone(),
    };
    Report {
        schema: "callgate.dev/surface/v1",
        profile: loaded.name.clone(),
        arch: place.arch.name(),
        loader: target.loader.name(),
        runtime: target.runtime.map(|runtime| runtime.to_string()),
        unconfined,
        counts: counts(ours),
        beside: Default {
            name: place.edition.name(),
            source: place.edition.baseline.source,
            kernel: target.machine.kernel.to_string(),
            caps: target.machine.caps.iter().cloned().collect(),
            counts: counts(theirs),
        },
        surface,
        add: starts
            .iter()
            .flat_map(|(_, lacks)| lacks)
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        starts: starts.into_iter().map(|(start, _)| start).collect(),
        groups: groups(found),
        nameless: ours.nameless.iter().map(|(from, action)| stretch(*from, *action)).collect(),
        architectures: ours.doors.iter().map(door).collect(),
        diagnostics: resolved.notes.iter().map(note).collect(),
    }
}

fn counts(surface: &Surface) -> BTreeMap<&'static str, usize> {
    Standing::ALL.iter().map(|standing| (standing.name(), surface.count(*standing))).collect()
}

fn stretch(from: u32, action: Action) -> Stretch {
    Stretch { from, action: action_doc(action), words: action.to_string() }
}

fn door(door: &surface::Door) -> Door {
    Door {
        arch: door.arch.name(),
        action: door.shut.map(Action::oci),
        errno: door.shut.and_then(Action::errno),
        open: door.open,
        words: door.shut.map(|action| action.to_string()).unwrap_or_default(),
    }
}

fn action_doc(action: Action) -> ActionDoc {
    ActionDoc { action: action.oci(), errno: action.errno() }
}

fn exposed_of(one: &Exposure, resolved: &Resolved) -> Exposed {
    let why = one.why.iter().map(|(names, why)| match names.as_slice() {
        [] => why.clone(),
        names => format!("{} ({why})", names.join(", ")),
    });
    let line = one.example.as_ref().and_then(|call| match resolved.fate(call).by {
        By::Rule { line, .. } if line > 0 => Some(line),
        _ => None,
    });
    let (beside, caps) = match &one.beside {
        Beside::Allows => ("allows", Vec::new()),
        Beside::InPart => ("in-part", Vec::new()),
        Beside::With(caps) => ("with-capability", caps.clone()),
        Beside::Refuses => ("refuses", Vec::new()),
    };
    Exposed {
        call: one.call,
        arch: one.arch.name(),
        group: one.group,
        values: one.why.iter().flat_map(|(names, _)| names.clone()).collect(),
        why: why.collect::<Vec<_>>().join("; "),
        in_part: one.in_part,
        asked: one.asked,
        example: one
            .example
            .as_ref()
            .zip(one.call)
            .map(|(c, name)| args::format_call(one.arch, name, &c.args)),
        line,
        beside,
        caps,
    }
}

fn groups(found: &Found<'_>) -> Vec<Group> {
    let rows = found.ours.rows.chunk_by(|a, b| a.group == b.group);
    rows.filter_map(|rows| {
        let name = rows.first()?.group;
        let about = group::find(name).map_or("calls of no topic", |group| group.about);
        let of = |standing| rows.iter().filter(move |row| row.standing == standing);
        Some(Group {
            name,
            about,
            allowed: alike(of(Standing::Allowed)),
            conditional: of(Standing::Conditional).map(|row| conditional_of(row, found)).collect(),
            refused: alike(of(Standing::Refused)),
            undecided: of(Standing::Undecided)
                .map(|row| Undecided { call: row.name, why: row.undecided.unwrap_or_default() })
                .collect(),
            cells: rows.iter().map(|row| cell(row, found)).collect(),
        })
    })
    .collect()
}

/// Calls by what they get, the larger parts first.
fn alike<'r>(rows: impl Iterator<Item = &'r surface::Row>) -> Vec<Alike> {
    let mut parts: BTreeMap<Vec<Action>, Vec<&'static str>> = BTreeMap::new();
    for row in rows {
        let actions = row.actions.iter().map(|(action, _)| *action).collect();
        parts.entry(actions).or_default().push(row.name);
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.len()));
    let part = |(actions, calls): (Vec<Action>, _)| Alike {
        words: actions.iter().map(Action::to_string).collect::<Vec<_>>().join(" or "),
        actions: actions.into_iter().map(action_doc).collect(),
        calls,
    };
    parts.into_iter().map(part).collect()
}

fn conditional_of(row: &surface::Row, found: &Found<'_>) -> Conditional {
    let arch = found.ours.arch;
    let rule = |condition: surface::Condition| RuleDoc {
        line: condition.line,
        action: action_doc(condition.action),
        words: condition.action.to_string(),
        when: condition.words,
    };
    let example = |(action, call): &(Action, Call)| Example {
        action: action_doc(*action),
        words: action.to_string(),
        call: args::format_call(arch, row.name, &call.args),
    };
    Conditional {
        call: row.name,
        rules: conditional(found.resolved, arch, row.name).into_iter().map(rule).collect(),
        examples: row.actions.iter().map(example).collect(),
    }
}

fn cell(row: &surface::Row, found: &Found<'_>) -> Cell {
    let arch = found.ours.arch;
    let is_in = |exposed: &[Exposure]| exposed.iter().any(|e| (e.arch, e.call) == (arch, Some(row.name)));
    let ours = Shade { standing: row.standing, dangerous: is_in(&found.exposed) };
    let standing = found.theirs.row(row.nr).map_or(Standing::Refused, |row| row.standing);
    Cell { call: row.name, ours, theirs: Shade { standing, dangerous: is_in(&found.exposed_there) } }
}

/// Each runtime that was asked for, or each that is known, with the calls it lacks.
fn starts(
    loaded: &Loaded,
    place: &Place<'_>,
    target: &Target,
    resolved: &Resolved,
) -> Result<Vec<(StartDoc, BTreeSet<&'static str>)>, Failure> {
    if place.targets.iter().all(|target| target.runtime.is_none()) {
        let names = floor::runtimes();
        return names.into_iter().map(|name| start_of(loaded, place, name, (target, resolved))).collect();
    }
    let named = place.targets.iter().filter_map(|target| Some((target, target.runtime?)));
    let one = |(target, runtime): (&Target, callgate_check::target::Runtime)| {
        let name = format!("{}@{}", runtime.name.name(), runtime.version);
        match resolve(&loaded.text, target) {
            Ok(other) => {
                let (mut start, lacks) = start_of(loaded, place, &name, (target, &other))?;
                match differing(resolved, &other, place.arch) {
                    Ok(names) => start.differs = names,
                    Err(why) => {
                        let undecided = format!("which calls it treats otherwise is undecided: {why}");
                        start.note =
                            Some(start.note.into_iter().chain([undecided]).collect::<Vec<_>>().join("; "));
                    }
                }
                Ok((start, lacks))
            }
            Err(refusal) => Ok(unclear(&name, "refused", &refusal.message)),
        }
    };
    named.map(one).collect()
}

fn start_of(
    loaded: &Loaded,
    place: &Place<'_>,
    name: &str,
    (target, resolved): (&Target, &Resolved),
) -> Result<(StartDoc, BTreeSet<&'static str>), Failure> {
    match &resolved.outcome {
        Made::Unconfined(why) => return Ok(unclear(name, "unconfined", why)),
        Made::Undecided(why) => return Ok(unclear(name, "undecided", why)),
        Made::Filtered(_) => {}
    }
    let known = match floor::find(name) {
        Ok(known) => known,
        Err(UnknownRuntime::Name { .. }) => {
            return Ok(unclear(name, "unknown", "nobody measured which calls it makes itself"));
        }
        Err(error) => return Ok(unclear(name, "unknown", &error.to_string())),
    };
    let arch = target.machine.arch;
    let start = start::start(&target::flat(loaded, resolved)?, arch, &known, place.no_new_privs);
    let lacks = start::lacking([&start]);
    Ok((start_doc(start, arch, target.runtime.map(|_| resolved)), lacks))
}

fn unclear(name: &str, result: &'static str, why: &str) -> (StartDoc, BTreeSet<&'static str>) {
    let start = StartDoc {
        runtime: name.to_owned(),
        result,
        why: Some(why.to_owned()),
        lacks: Vec::new(),
        differs: Vec::new(),
        note: None,
    };
    (start, BTreeSet::new())
}

/// The calls that two runtimes treat otherwise; or why that cannot be said.
fn differing(first: &Resolved, other: &Resolved, arch: Arch) -> Result<Vec<&'static str>, String> {
    let [first, other] = [surface::meaning(first), surface::meaning(other)];
    let found = contrast(&first.map_err(str::to_owned)?, &other.map_err(str::to_owned)?);
    let found = found.map_err(|e| e.to_string())?;
    let here = found.iter().filter(|found| found.witness.arch == arch);
    Ok(here.map(|found| found.call).collect::<BTreeSet<_>>().into_iter().collect())
}

fn start_doc(start: Start, arch: Arch, filter: Option<&Resolved>) -> StartDoc {
    let lack = |missing: &Missing| {
        // What the filter of this very runtime does, where one was asked for and no argument matters.
        let whole = matches!(missing.refusal, Refusal::Whole(_));
        let nr = sysno::number(arch, missing.name).filter(|_| whole);
        let fate = nr.zip(filter).and_then(|(nr, filter)| filter.fate(&Call::new(arch, nr, [0; 6])).action);
        let action = fate.filter(|action| !action.permits()).unwrap_or(missing.refusal.action());
        Lack {
            call: missing.name,
            action: action.oci(),
            errno: action.errno(),
            in_part: matches!(missing.refusal, Refusal::SomeArguments(_)),
            words: action.to_string(),
        }
    };
    let elsewhere = (arch != Arch::X86_64)
        .then(|| format!("floors were measured on x86_64: on {arch} a runtime may call others"));
    let notes: Vec<String> = [start.note, elsewhere].into_iter().flatten().collect();
    StartDoc {
        runtime: start.runtime,
        result: start.ending.name(),
        why: None,
        lacks: start.lacks.iter().map(lack).collect(),
        differs: Vec::new(),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    }
}
