//! The report for a terminal: what is urgent first, then call by call.

use super::{Alike, Group, Report, Told};
use crate::output::{foreign, wrap};

/// Everything, within a width.
pub(crate) fn human(report: &Report, width: usize) -> String {
    let mut out = String::new();
    let mut say = |line: &str, indent: &str| out += &(wrap(line, width, indent) + "\n");
    say(&format!("{} on {}: {}", foreign(&report.profile), report.place(), report.tally()), "  ");
    if let Some(why) = &report.unconfined {
        say(&format!("  there is no filter: {}", foreign(why)), "    ");
    }
    out += &surface(report, width);
    out += &starts(report, width);
    for group in &report.groups {
        out += &topic(group, width);
    }
    out + "\n" + &rest(report, width)
}

fn surface(report: &Report, width: usize) -> String {
    if report.surface.is_empty() {
        return "\nAttack surface: nothing dangerous that callgate knows of is allowed\n".to_owned();
    }
    let (beyond, too) = report.surface_beyond();
    let default = foreign(&report.beside.name);
    let mut out = String::new();
    for (title, exposed) in [
        (format!("Attack surface beyond RuntimeDefault ({default})"), beyond),
        (format!("Attack surface that RuntimeDefault ({default}) allows, too"), too),
    ] {
        if !exposed.is_empty() {
            out += &format!("\n{}\n", wrap(&title, width, "  "));
            out.extend(exposed.iter().map(|told| one_exposed(told, width)));
        }
    }
    out
}

fn one_exposed(told: &Told<'_>, width: usize) -> String {
    let one = told.first;
    let how = if one.how().is_empty() { String::new() } else { format!(", {}", one.how()) };
    let call = |(call, line): &(String, Option<usize>)| match line {
        Some(line) => format!("{call} (line {line})"),
        None => call.clone(),
    };
    let calls: Vec<String> = told.calls.iter().map(call).collect();
    let mut out = wrap(&format!("  {}{how}: {}", calls.join(", "), one.why), width, "    ") + "\n";
    if one.beside != "allows" {
        out += &(wrap(&format!("    RuntimeDefault {}", one.beside()), width, "      ") + "\n");
    }
    out
}

fn starts(report: &Report, width: usize) -> String {
    let mut out = "\nContainers\n".to_owned();
    for start in &report.starts {
        let line = format!("  {}: {}", start.runtime, foreign(&start.verdict()));
        out += &(wrap(&line, width, "    ") + "\n");
        if !start.lacks.is_empty() {
            out += &(wrap(&format!("    lacks {}", start.lacks().join("; ")), width, "      ") + "\n");
        }
        for note in start.notes(report) {
            out += &(wrap(&format!("    note: {}", foreign(&note)), width, "      ") + "\n");
        }
    }
    if !report.add.is_empty() {
        out += "  the calls they lack, as a rule to add beside what the program needs:\n";
        out += &(wrap(&format!("    {}", report.rule()), width, "      ") + "\n");
    }
    out
}

fn topic(group: &Group, width: usize) -> String {
    let calls = |parts: &[Alike]| parts.iter().map(|part| part.calls.len()).sum::<usize>();
    let (allowed, refused) = (calls(&group.allowed), calls(&group.refused));
    let all = allowed + refused + group.conditional.len() + group.undecided.len();
    let head = format!("{}: {}", group.name, group.about);
    let mut out = format!("\n{}\n", wrap(&head, width, "  "));
    let mut say = |line: String| out += &(wrap(&line, width, "    ") + "\n");
    for part in &group.allowed {
        let words = if part.words == "allow" { "allowed".to_owned() } else { part.words.clone() };
        say(format!("  {words}: {}", part.calls.join(" ")));
    }
    for conditional in &group.conditional {
        say(format!("  conditional: {}: {}", conditional.call, foreign(&conditional.told().join("; "))));
    }
    for part in &group.refused {
        let which = if part.calls.len() == all && all > 1 { "all of " } else { "" };
        say(format!("  {}: {which}{}", part.words, part.calls.join(" ")));
    }
    for undecided in &group.undecided {
        say(format!("  undecided: {}: {}", undecided.call, undecided.why));
    }
    out
}

fn rest(report: &Report, width: usize) -> String {
    let nameless: Vec<String> = report
        .nameless
        .iter()
        .map(|s| if s.from == 0 { s.words.clone() } else { format!("from {} on {}", s.from, s.words) })
        .collect();
    let mut out = wrap(&format!("Numbers without a name: {}", nameless.join(", ")), width, "  ") + "\n";
    for door in &report.architectures {
        let line = match door.action {
            Some(_) => format!("Calls of {}: {}", door.arch, door.words),
            None => format!("Calls of {}: judged by rules, {} of them allowed", door.arch, door.open),
        };
        out += &(wrap(&line, width, "  ") + "\n");
    }
    out
}
