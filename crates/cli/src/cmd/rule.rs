//! `callgate rule`: what a rule of lint finds, why it matters, and what is better.

use callgate_check::lint::{Doc, Family, codes, doc, fence};
use callgate_check::report::RuleInfo;
use callgate_core::suggest;
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Rule};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, foreign, wrap};
use crate::table::{self, Align};

#[derive(Serialize)]
struct Listed {
    schema: &'static str,
    rules: Vec<RuleDoc>,
}

#[derive(Serialize)]
struct RuleDoc {
    code: &'static str,
    family: &'static str,
    severity: &'static str,
    confidence: &'static str,
    summary: String,
    /// In Markdown, by heading.
    sections: Vec<SectionDoc>,
}

#[derive(Serialize)]
struct SectionDoc {
    title: String,
    text: String,
}

/// Shows one rule, or lists all.
pub(crate) fn run(args: &Rule, output: &Output) -> Outcome {
    let wanted = match &args.code {
        Some(code) => vec![doc(code).ok_or_else(|| unknown(code))?],
        None => codes().into_iter().filter_map(doc).collect(),
    };
    match (args.format, &args.code) {
        (Format::Json, _) => {
            let rules = wanted.iter().map(document).collect();
            print_json(output, &Listed { schema: "callgate.dev/rules/v1", rules })
        }
        (Format::Human, Some(_)) => {
            print(output, &wanted.iter().map(|doc| one(doc, output)).collect::<String>())
        }
        (Format::Human, None) => print(output, &list(&wanted, output)),
    }
}

fn unknown(code: &str) -> Failure {
    let failure = Failure::new(format!("there is no rule `{}`", foreign(code)));
    match suggest::nearest(code, codes()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`callgate rule` lists the codes"),
    }
}

fn document(doc: &Doc) -> RuleDoc {
    RuleDoc {
        code: doc.code,
        family: doc.family.name(),
        severity: doc.severity.name(),
        confidence: doc.confidence.name(),
        summary: doc.summary.clone(),
        sections: doc
            .sections
            .iter()
            .map(|(title, text)| SectionDoc { title: title.clone(), text: text.clone() })
            .collect(),
    }
}

fn one(doc: &Doc, output: &Output) -> String {
    let mut text = format!(
        "{}: {}\n{}, confidence {}, family {}\n",
        doc.code,
        doc.summary,
        doc.severity.name(),
        doc.confidence.name(),
        doc.family.name()
    );
    for (title, body) in &doc.sections {
        text += &format!("\n{title}\n");
        text += &section(body, output.width());
    }
    text
}

/// Text wrapped, examples as they are.
fn section(body: &str, width: usize) -> String {
    let mut text = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut code = false;
    let flush = |paragraph: &mut Vec<&str>, text: &mut String| {
        if !paragraph.is_empty() {
            *text += &(wrap(&format!("  {}", paragraph.join(" ")), width, "  ") + "\n");
            paragraph.clear();
        }
    };
    for line in body.lines() {
        if line.starts_with("```") {
            flush(&mut paragraph, &mut text);
            code = !code;
            let words = fence(line).into_iter().flat_map(|(_, words)| words);
            let said: Vec<String> = words.map(said).collect();
            if !said.is_empty() {
                text += &format!("  {}:\n", said.join(" "));
            }
        } else if code {
            text += &format!("    {line}\n");
        } else if line.is_empty() || line.starts_with("- ") {
            flush(&mut paragraph, &mut text);
            if line.is_empty() {
                text.push('\n');
            } else {
                paragraph.push(line);
            }
        } else {
            paragraph.push(line);
        }
    }
    flush(&mut paragraph, &mut text);
    text
}

/// A word of a fence as it is typed: files by their names, everything else as the option of `lint` it stands for.
fn said((key, value): (&str, &str)) -> String {
    if key == "file" { value.to_owned() } else { format!("--{key} {value}") }
}

fn list(docs: &[Doc], output: &Output) -> String {
    let mut text = String::new();
    for family in Family::ALL {
        let rules = docs.iter().filter(|doc| doc.family == family);
        let rows: Vec<Vec<String>> = rules
            .map(|doc| vec![doc.code.to_owned(), doc.severity.name().to_owned(), doc.summary.clone()])
            .collect();
        if rows.is_empty() {
            continue;
        }
        let blank = if text.is_empty() { "" } else { "\n" };
        text += &format!("{blank}{}: {}\n", family.name(), family.about());
        text += &table::columns_within(&rows, &[Align::Left; 3], output.width());
    }
    text
}

/// A rule as reports want it.
pub(crate) fn info(code: &str) -> Option<RuleInfo> {
    let doc = doc(code)?;
    let help = |title: &str| {
        let body = doc.sections.iter().find(|(own, _)| own == title).map(|(_, body)| body.as_str());
        body.unwrap_or_default().to_owned()
    };
    Some(RuleInfo {
        code: doc.code,
        summary: doc.summary.clone(),
        help: format!("{}\n\n{}", help("What it finds"), help("Why it matters")),
        severity: doc.severity,
        confidence: doc.confidence,
        family: doc.family.name(),
    })
}
