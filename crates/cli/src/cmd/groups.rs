//! `callgate groups`: the groups, the calls of one, or the groups of a call.

use callgate_core::{group, suggest, sysno};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Format, Groups};
use crate::exit::{Failure, Outcome};
use crate::output::{Output, wrap};
use crate::table::{Align, columns_within};

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    groups: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    about: &'static str,
    groups: Vec<&'static str>,
    calls: Vec<&'static str>,
}

/// Lists them.
pub(crate) fn run(args: &Groups, output: &Output) -> Outcome {
    let chosen: Vec<&group::Group> = match &args.name {
        None => group::all().iter().collect(),
        Some(name) => match group::find(name) {
            Some(found) => vec![found],
            None if sysno::is_known(name) => group::of(name).into_iter().filter_map(group::find).collect(),
            None => return Err(unknown(name)),
        },
    };
    let rows: Vec<Row> = chosen.iter().map(|g| row(g)).collect();
    if args.format == Format::Json {
        return print_json(output, &Document { schema: "callgate.dev/groups/v1", groups: rows });
    }
    match (&args.name, rows.as_slice()) {
        (Some(name), [one]) if group::find(name).is_some() => print(output, &one_group(one, output.width())),
        _ => {
            let line = |r: &Row| vec![r.name.to_owned(), r.calls.len().to_string(), r.about.to_owned()];
            let lines: Vec<Vec<String>> = rows.iter().map(line).collect();
            let align = [Align::Left, Align::Right, Align::Left];
            print(output, &columns_within(&lines, &align, output.width()))
        }
    }
}

fn row(group: &group::Group) -> Row {
    Row {
        name: group.name,
        about: group.about,
        groups: group.groups.to_vec(),
        calls: group::expand(group.name).unwrap_or_default(),
    }
}

fn one_group(group: &Row, width: usize) -> String {
    let mut text = wrap(&format!("{} — {}", group.name, group.about), width, "    ") + "\n";
    if !group.groups.is_empty() {
        text += &format!("  contains {}\n", group.groups.join(", "));
    }
    for call in &group.calls {
        if let Some(why) = callgate_core::group::danger(call).filter(|_| group.name == "@dangerous") {
            text += &wrap(&format!("  {call}: {why}"), width, "      ");
            text.push('\n');
        }
    }
    if group.name != "@dangerous" {
        text += &format!("  {}\n", wrap(&group.calls.join(" "), width - 2, "  "));
    }
    text
}

fn unknown(name: &str) -> Failure {
    let groups = group::all().iter().map(|g| g.name);
    let near = if name.starts_with('@') {
        suggest::nearest(name, groups)
    } else {
        suggest::nearest(name, sysno::names().iter().copied().chain(groups))
    };
    let hint =
        near.map_or_else(|| "`callgate groups` lists them".to_owned(), |n| format!("did you mean `{n}`?"));
    Failure::new(format!("`{name}` is neither a group nor a system call")).hint(hint)
}
