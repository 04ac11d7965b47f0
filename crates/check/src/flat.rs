//! A document that a loader hands over, as a profile: what `callgate expand` writes.

use callgate_core::profile::{self, InvalidProfile, Profile};
use serde_json::{Map, Value, json};

use crate::document::{Document, Entry};

/// The document as a profile of callgate's own model, read as strictly as any other. Lines are those of the file it
/// came from.
pub fn profile(document: &Document) -> Result<Profile, InvalidProfile> {
    let (mut profile, _) = profile::read(&text(document))?;
    for (rule, entry) in profile.rules.iter_mut().zip(named(document)) {
        rule.line = entry.line;
    }
    Ok(profile)
}

/// Entries that name a call; others say nothing, and are no profile to a strict reader.
fn named(document: &Document) -> impl Iterator<Item = &Entry> {
    document.rules.iter().filter(|entry| !entry.names.is_empty())
}

/// The document as JSON, as Go writes runtime-spec's struct.
pub fn text(document: &Document) -> String {
    let mut object = Map::new();
    object.insert("defaultAction".to_owned(), json!(document.default_action.as_deref().unwrap_or_default()));
    if let Some(errno) = document.default_errno {
        object.insert("defaultErrnoRet".to_owned(), json!(errno));
    }
    if !document.architectures.is_empty() {
        object.insert("architectures".to_owned(), json!(document.architectures));
    }
    if let Some(flags) = document.flags.as_ref().filter(|flags| !flags.is_empty()) {
        object.insert("flags".to_owned(), json!(flags));
    }
    for (key, text) in
        [("listenerPath", &document.listener_path), ("listenerMetadata", &document.listener_metadata)]
    {
        if !text.is_empty() {
            object.insert(key.to_owned(), json!(text));
        }
    }
    object.insert("syscalls".to_owned(), named(document).map(entry).collect());
    Value::Object(object).to_string()
}

fn entry(entry: &Entry) -> Value {
    let comparison = |c: &crate::document::Comparison| json!({"index": c.index, "value": c.value, "valueTwo": c.value_two, "op": c.op});
    let mut object = Map::new();
    object.insert("names".to_owned(), json!(entry.names));
    object.insert("action".to_owned(), json!(entry.action));
    if let Some(errno) = entry.errno {
        object.insert("errnoRet".to_owned(), json!(errno));
    }
    if !entry.conditions.is_empty() {
        object.insert("args".to_owned(), entry.conditions.iter().map(comparison).collect());
    }
    Value::Object(object)
}
