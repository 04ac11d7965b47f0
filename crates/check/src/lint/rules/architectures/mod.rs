//! Architectures, and the doors that they open and close.

mod counterpart_missing;
mod duplicate_architecture;
mod no_architectures;
mod parent_architecture_missing;
mod wide_form_missing;
mod x32_architecture;
mod x86_architecture;

use callgate_core::{Arch, Profile};

use super::super::edit::remove_item;
use super::super::rule::Sink;
use super::super::subject::Subject;
use super::table;

table![
    no_architectures,
    x32_architecture,
    x86_architecture,
    parent_architecture_missing,
    duplicate_architecture,
    counterpart_missing,
    wide_form_missing,
];

/// Another architecture's entry beside x86_64's.
fn door(subject: &Subject<'_>, profile: &Profile, arch: Arch, sink: &mut Sink<'_>, hint: &str) {
    let at = profile.architectures.iter().position(|listed| listed.arch == Some(arch));
    let Some(listed) = at.map(|at| &profile.architectures[at]) else { return };
    let message = format!("{} is a door of its own into the kernel", listed.name);
    let finding = sink.report(listed.span.clone(), message).hint(hint);
    let edit = subject.node.get("architectures").zip(at).and_then(|(list, at)| remove_item(list, at));
    if profile.architectures.len() > 1 {
        finding.unsafe_fix(format!("take {} out", listed.name), edit.into_iter().collect());
    }
}
