//! The report for a reviewer's browser: one file, which needs neither script nor network, light and dark, on paper, too.

use std::fmt::Write as _;

use callgate_check::explain::surface::Standing;
use callgate_core::foreign::markup;

use super::{Alike, Group, Report, StartDoc, Told, calls, picture};
use crate::output::counted;

const STYLE: &str = include_str!("page.css");

/// Everything.
pub(crate) fn html(report: &Report) -> String {
    let name = markup(&report.profile);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>Seccomp profile {name}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>Seccomp profile {name}</h1>\n\
         <p class=\"quiet\">{}. RuntimeDefault here is {}, on Linux {}, with {}.</p>\n</header>\n<main>\n",
        markup(&report.place()),
        markup(&report.beside.name),
        markup(&report.beside.kernel),
        caps(report)
    );
    if let Some(why) = &report.unconfined {
        let _ = writeln!(out, "<p class=\"bad\">There is no filter: {}.</p>", markup(why));
    }
    out.push_str(&cards(report));
    let _ = writeln!(
        out,
        "<h2 id=\"picture\">The surface</h2>\n<p>A square is a call; point at it for its name.</p>\n{}\
         <div class=\"picture\">\n{}</div>",
        picture::legend(),
        picture::picture(report)
    );
    out.push_str(&surface(report));
    out.push_str(&starts(report));
    out.push_str(&topics(report));
    out.push_str(&rest(report));
    out + "</main>\n</body>\n</html>\n"
}

fn caps(report: &Report) -> String {
    match report.beside.caps.as_slice() {
        [] => "no capability".to_owned(),
        caps => {
            let list = markup(&caps.join(", "));
            format!("<span title=\"{list}\">{} capabilities</span>", caps.len())
                .replace(">1 capabilities", ">1 capability")
        }
    }
}

/// The three things to know.
fn cards(report: &Report) -> String {
    let (beyond, too) = report.surface_beyond();
    let open = |count: &dyn Fn(Standing) -> usize| count(Standing::Allowed) + count(Standing::Conditional);
    let ours = open(&|standing| report.count(standing));
    let theirs = open(&|standing| report.beside.counts.get(standing.name()).copied().unwrap_or(0));
    let some = match report.count(Standing::Conditional) {
        0 => String::new(),
        some => format!(", {some} of them for some arguments only"),
    };
    let danger = if beyond.is_empty() { "good" } else { "bad" };
    let known = || report.starts.iter().filter(|start| start.is_known());
    let (all, fail) = (known().count(), known().filter(|start| !is_good(start)).count());
    let class = if fail == 0 { "good" } else { "bad" };
    let start = format!("{} of {all}", all - fail);
    let runtimes: Vec<String> = known().map(|start| markup(&start.runtime)).collect();
    format!(
        "<ul class=\"cards\">\n<li><b>{ours}</b> of {} calls allowed{some}. RuntimeDefault: {theirs}.</li>\n\
         <li><b class=\"{danger}\">{}</b> dangerous beyond RuntimeDefault; {} that it allows, too.</li>\n\
         <li><b class=\"{class}\">{start}</b> runtimes start a container under it: {}.</li>\n</ul>\n",
        report.calls(),
        calls(&beyond),
        calls(&too),
        runtimes.join(", ")
    )
}

fn is_good(start: &StartDoc) -> bool {
    matches!(start.result, "starts" | "starts-without-exec")
}

fn surface(report: &Report) -> String {
    let (beyond, too) = report.surface_beyond();
    let mut out = "<h2 id=\"danger\">What is dangerous in it</h2>\n".to_owned();
    if beyond.is_empty() {
        out.push_str("<p class=\"good\">Nothing dangerous is allowed that RuntimeDefault refuses.</p>\n");
    } else {
        out.push_str("<p>Allowed here, and not by RuntimeDefault:</p>\n");
        out.push_str(&rows(&beyond));
    }
    if !too.is_empty() {
        let _ = writeln!(
            out,
            "<details><summary>{} that RuntimeDefault allows, too</summary>\n<div>\n{}</div></details>",
            calls(&too),
            rows(&too)
        );
    }
    out
}

fn rows(exposed: &[Told<'_>]) -> String {
    let mut out = "<table>\n<thead><tr><th scope=\"col\">allowed</th><th scope=\"col\">line</th><th scope=\"col\">why it \
        matters</th><th scope=\"col\">RuntimeDefault</th></tr></thead>\n<tbody>\n"
        .to_owned();
    for told in exposed {
        let one = told.first;
        let calls = told.calls.iter().map(|(call, _)| format!("<code>{}</code>", markup(call)));
        let how = Some(one.how()).filter(|how| !how.is_empty());
        let how = how.map(|how| format!("<span class=\"quiet\">{how}</span>"));
        let line = |line: Option<usize>| line.map_or_else(|| "–".to_owned(), |line| line.to_string());
        let lines = told.calls.iter().map(|(_, of)| line(*of)).collect::<Vec<_>>().join("<br>");
        let example = one.example.as_ref().filter(|_| !one.values.is_empty() || one.in_part);
        let example = example.map(|call| format!("<br><code class=\"quiet\">{}</code>", markup(call)));
        let _ = writeln!(
            out,
            "<tr><td class=\"call\">{}</td><td class=\"line\">{lines}</td><td>{}{}</td><td>{}</td></tr>",
            calls.chain(how).collect::<Vec<_>>().join("<br>"),
            markup(&one.why),
            example.unwrap_or_default(),
            markup(&one.beside())
        );
    }
    out + "</tbody>\n</table>\n"
}

fn starts(report: &Report) -> String {
    let mut out = "<h2 id=\"containers\">Does a container start under it?</h2>\n<table>\n<thead><tr><th scope=\"col\">\
         runtime</th><th scope=\"col\">container</th><th scope=\"col\">what it lacks</th></tr></thead>\n<tbody>\n"
        .to_owned();
    for start in &report.starts {
        let class = if is_good(start) { "good" } else { "bad" };
        let class = if start.is_known() { class } else { "quiet" };
        let note = |note: &String| format!("<br><span class=\"quiet\">{}</span>", markup(note));
        let notes: String = start.notes(report).iter().map(note).collect();
        let _ = writeln!(
            out,
            "<tr><td class=\"call\">{}</td><td class=\"verdict\"><span class=\"{class}\">{}</span>{}</td><td>{}</td></tr>",
            markup(&start.runtime),
            markup(&start.verdict()),
            notes,
            start.lacks().iter().map(|lack| markup(lack)).collect::<Vec<_>>().join("<br>")
        );
    }
    out.push_str("</tbody>\n</table>\n");
    if !report.add.is_empty() {
        let rule = markup(&report.rule());
        let _ = writeln!(
            out,
            "<p>The calls they lack, as a rule to add beside what the program itself needs:</p>\n<pre>{rule}</pre>"
        );
    }
    out
}

fn topics(report: &Report) -> String {
    let mut out = "<h2 id=\"calls\">Every call, by topic</h2>\n".to_owned();
    out.extend(report.groups.iter().map(topic));
    out
}

fn topic(group: &Group) -> String {
    let count = |parts: &[Alike]| parts.iter().map(|part| part.calls.len()).sum::<usize>();
    let counts = [
        (count(&group.allowed), "allowed"),
        (group.conditional.len(), "conditional"),
        (count(&group.refused), "refused"),
        (group.undecided.len(), "undecided"),
    ];
    let counts =
        counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    let mut out = format!(
        "<details><summary><b>{}</b> {} <span class=\"quiet\">– {}</span></summary>\n<div><dl>\n",
        markup(group.name),
        markup(group.about),
        counts.collect::<Vec<_>>().join(", ")
    );
    let mut row = |term: &str, text: &str| {
        let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", markup(term), markup(text));
    };
    for part in group.allowed.iter().chain(&group.refused) {
        row(&part.words, &part.calls.join(", "));
    }
    for conditional in &group.conditional {
        row(conditional.call, &conditional.told().join("; "));
    }
    for undecided in &group.undecided {
        row(undecided.call, &format!("undecided: {}", undecided.why));
    }
    out + "</dl></div></details>\n"
}

fn rest(report: &Report) -> String {
    let mut out = "<h2 id=\"rest\">Everything else</h2>\n<ul>\n".to_owned();
    for stretch in &report.nameless {
        let from = if stretch.from == 0 { String::new() } else { format!(" from {} on", stretch.from) };
        let _ = writeln!(out, "<li>Numbers without a name{from}: {}</li>", markup(&stretch.words));
    }
    for door in &report.architectures {
        let words = match door.action {
            Some(_) => markup(&door.words),
            None => format!("judged by rules, {} allowed", counted(door.open as u64, "call")),
        };
        let _ = writeln!(out, "<li>Calls of {}: {words}</li>", markup(door.arch));
    }
    for note in &report.diagnostics {
        let hint = note.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let _ =
            writeln!(out, "<li>{}: {}{}</li>", markup(note.severity), markup(&note.message), markup(&hint));
    }
    out + "</ul>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_in_a_page_is_no_markup() {
        let shown = markup("a\"b'<script>&\n\u{202e}");
        assert_eq!(shown, "a&quot;b&#39;&lt;script&gt;&amp;\\u{a}\\u{202e}");
    }
}
