//! Words of a closed list: what is none of them, and what was meant.

use callgate_core::suggest;

use super::super::prelude::*;

/// A closed list of words.
pub(super) struct Word<'w> {
    pub(super) what: &'static str,
    /// What all of them begin with.
    pub(super) prefix: &'static str,
    pub(super) known: &'w [&'static str],
}

impl Word<'_> {
    /// Reports a word whose meaning is known by another name.
    pub(super) fn known_as(&self, node: &Node, meant: &str, sink: &mut Sink<'_>) {
        let given = node.text().unwrap_or_default();
        let finding = sink.report(node.span.clone(), format!("unknown {} `{given}`", self.what));
        let edit = Edit::replace(node.span.clone(), format!("\"{meant}\""));
        finding.hint(format!("it is called `{meant}`")).safe_fix(format!("write `{meant}`"), vec![edit]);
    }
}

/// Reports what is none of the words.
pub(super) fn report(_: &Subject<'_>, node: &Node, word: &Word<'_>, sink: &mut Sink<'_>) {
    let Some(given) = node.text().filter(|given| !word.known.contains(given)) else { return };
    let full = format!("{}{}", word.prefix, given.trim().to_ascii_uppercase());
    let same = |known: &&&str| known.eq_ignore_ascii_case(given.trim()) || ***known == *full;
    if let Some(meant) = word.known.iter().find(same) {
        return word.known_as(node, meant, sink);
    }
    let finding = sink.report(node.span.clone(), format!("unknown {} `{given}`", word.what));
    let bare = full.strip_prefix(word.prefix).unwrap_or(&full).to_owned();
    let near = suggest::nearest(given, word.known.iter().copied()).or_else(|| {
        let bares = word.known.iter().map(|known| known.strip_prefix(word.prefix).unwrap_or(known));
        suggest::nearest(&bare, bares)
            .and_then(|near| word.known.iter().copied().find(|known| known.ends_with(near)))
    });
    match near {
        Some(near) => {
            let edit = Edit::replace(node.span.clone(), format!("\"{near}\""));
            finding.hint(format!("did you mean `{near}`?")).unsafe_fix(format!("write `{near}`"), vec![edit])
        }
        None => finding.hint(format!("known: {}", word.known.join(", "))),
    };
}
