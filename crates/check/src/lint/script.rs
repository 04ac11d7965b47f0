//! Scripts in pipelines: the texts of steps that a YAML file has the shell run.

use std::ops::Range;

use callgate_core::profile::json::{Node, Value};

/// Keys whose values are given to a shell: GitLab's and GitHub's.
const KEYS: [&str; 4] = ["script", "before_script", "after_script", "run"];

/// One script.
pub(crate) struct Script<'s> {
    /// The file.
    pub(crate) text: &'s str,
    /// Where the script stands in it.
    pub(crate) span: Range<usize>,
}

/// Whether a name is a pipeline's.
pub(crate) fn is_pipeline(name: &str) -> bool {
    name.ends_with(".gitlab-ci.yml")
        || name.contains(".github/workflows/")
        || name.ends_with(".gitlab-ci.yaml")
}

/// The scripts of a document: where it is a pipeline's, or looks like one.
pub(crate) fn scripts<'s>(text: &'s str, root: &Node) -> Vec<Script<'s>> {
    let mut found = Vec::new();
    // Jobs are GitLab's own top keys, or under GitHub's `jobs`.
    let jobs = root.get("jobs").unwrap_or(root);
    let own = std::iter::once(root).chain(jobs.members().iter().map(|(_, job)| job));
    for job in own {
        let steps = job.get("steps").map_or(&[][..], Node::items);
        for holder in std::iter::once(job).chain(steps) {
            for (_, value) in holder.members().iter().filter(|(key, _)| KEYS.contains(&key.name.as_str())) {
                collect(text, value, &mut found);
            }
        }
    }
    found
}

fn collect<'s>(text: &'s str, node: &Node, found: &mut Vec<Script<'s>>) {
    match &node.value {
        Value::Text(_) => found.push(Script { text, span: node.span.clone() }),
        Value::List(items) => items.iter().for_each(|item| collect(text, item, found)),
        _ => {}
    }
}
