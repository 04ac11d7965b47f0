//! The report for a pull request: what a reviewer decides about is open, the rest is folded.

use std::fmt::Write as _;

use super::{Alike, Report, Told, calls};
use crate::changes::plain;

/// Everything.
pub(crate) fn markdown(report: &Report) -> String {
    let mut out = format!("### Seccomp profile {}\n\n", plain(&report.profile));
    let _ = writeln!(out, "{}: **{}**.\n", plain(&report.place()), report.tally());
    if let Some(why) = &report.unconfined {
        let _ = writeln!(out, "**There is no filter:** {}.\n", plain(why));
    }
    surface(&mut out, report);
    starts(&mut out, report);
    folded(&mut out, "Every call, by topic", &topics(report));
    folded(&mut out, "Numbers without a name, and other architectures", &rest(report));
    out
}

fn folded(out: &mut String, title: &str, body: &str) {
    let _ = writeln!(out, "<details><summary>{title}</summary>\n\n{body}\n</details>\n");
}

fn surface(out: &mut String, report: &Report) {
    let (beyond, too) = report.surface_beyond();
    let default = plain(&report.beside.name);
    if beyond.is_empty() {
        let _ = writeln!(out, "**Nothing dangerous is allowed that RuntimeDefault ({default}) refuses.**\n");
    } else {
        let _ = writeln!(out, "**Attack surface beyond RuntimeDefault ({default}): {}**\n", calls(&beyond));
        out.push_str(&rows(&beyond));
    }
    if !too.is_empty() {
        let title = format!("Attack surface that RuntimeDefault ({default}) allows, too: {}", calls(&too));
        folded(out, &title, &rows(&too));
    }
}

fn rows(exposed: &[Told<'_>]) -> String {
    let mut out = "| allowed | why it matters | RuntimeDefault |\n| --- | --- | --- |\n".to_owned();
    for told in exposed {
        let one = told.first;
        let how = if one.how().is_empty() { String::new() } else { format!(", {}", one.how()) };
        let call = |(call, line): &(String, Option<usize>)| match line {
            Some(line) => format!("{} (line {line})", plain(call)),
            None => plain(call),
        };
        let calls: Vec<String> = told.calls.iter().map(call).collect();
        let _ =
            writeln!(out, "| {}{how} | {} | {} |", calls.join("<br>"), plain(&one.why), plain(&one.beside()));
    }
    out.push('\n');
    out
}

fn starts(out: &mut String, report: &Report) {
    out.push_str("| runtime | container | lacks |\n| --- | --- | --- |\n");
    for start in &report.starts {
        let notes: Vec<String> = start.notes(report).iter().map(|note| plain(note)).collect();
        let note = if notes.is_empty() { String::new() } else { format!("<br>{}", notes.join("<br>")) };
        let (runtime, verdict) = (plain(&start.runtime), plain(&start.verdict()));
        let _ = writeln!(out, "| {runtime} | {verdict}{note} | {} |", plain(&start.lacks().join("; ")));
    }
    out.push('\n');
    if !report.add.is_empty() {
        let rule = report.rule();
        let _ = writeln!(
            out,
            "The calls they lack, as a rule to add beside what the program needs:\n\n```json\n{rule}\n```\n"
        );
    }
}

fn topics(report: &Report) -> String {
    let mut out = "| topic | allowed | conditional | refused |\n| --- | --- | --- | --- |\n".to_owned();
    let parts = |parts: &[Alike], usual: &str| {
        let one = |part: &Alike| {
            let calls = plain(&part.calls.join(" "));
            if part.words == usual { calls } else { format!("{}: {calls}", plain(&part.words)) }
        };
        parts.iter().map(one).collect::<Vec<_>>().join("<br>")
    };
    for group in &report.groups {
        let conditional = group.conditional.iter().map(|c| format!("{}: {}", c.call, c.told().join("; ")));
        let undecided = group.undecided.iter().map(|u| format!("{}: undecided: {}", u.call, u.why));
        let conditional: Vec<String> = conditional.chain(undecided).map(|text| plain(&text)).collect();
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            plain(group.name),
            parts(&group.allowed, "allow"),
            conditional.join("<br>"),
            parts(&group.refused, "")
        );
    }
    out
}

fn rest(report: &Report) -> String {
    let mut out = String::new();
    for stretch in &report.nameless {
        let from = if stretch.from == 0 { String::new() } else { format!(" from {} on", stretch.from) };
        let _ = writeln!(out, "- numbers without a name{from}: {}", plain(&stretch.words));
    }
    for door in &report.architectures {
        let arch = plain(door.arch);
        let _ = match door.action {
            Some(_) => writeln!(out, "- calls of {arch}: {}", plain(&door.words)),
            None => writeln!(out, "- calls of {arch}: judged by rules, {} of them allowed", door.open),
        };
    }
    out
}
