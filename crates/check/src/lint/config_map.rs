//! Profiles inside of objects: values of ConfigMaps.

use std::borrow::Cow;

use callgate_core::profile::json::Node;
use data_encoding::BASE64;
use memchr::memmem;

use super::embedded::SourceMap;
use super::manifest::Object;

/// A profile that is a value of a ConfigMap.
pub(crate) struct Embedded<'o> {
    pub(crate) key: &'o str,
    pub(crate) value: Cow<'o, str>,
    /// Where its characters stand in the file.
    pub(crate) map: SourceMap,
}

/// The values of a ConfigMap in a file that are profiles, or were meant to be.
pub(crate) fn profiles<'o>(object: &Object<'o>, file: &str) -> Vec<Embedded<'o>> {
    if object.kind != "ConfigMap" {
        return Vec::new();
    }
    let values = |key: &str| object.node.get(key).map_or(&[][..], Node::members).iter();
    let data = values("data").filter_map(|(key, scalar)| {
        let value = scalar.text().filter(|value| is_profile(value))?;
        Some(Embedded { key: &key.name, value: value.into(), map: SourceMap::of(file, scalar) })
    });
    let binary = values("binaryData").filter_map(|(key, scalar)| {
        let value = decoded(scalar.text()?).filter(|value| is_profile(value))?;
        Some(Embedded { key: &key.name, value: value.into(), map: SourceMap::unfollowed(scalar) })
    });
    data.chain(binary).collect()
}

/// Scripts and documents mention actions, too.
fn is_profile(value: &str) -> bool {
    let has = |word: &str| memmem::find(value.as_bytes(), word.as_bytes()).is_some();
    value.trim_start().starts_with(['{', '[']) && (has("SCMP_") || has("defaultAction"))
}

/// The text of a value of `binaryData`, which is base64 with or without line ends; the API server refuses what is not.
fn decoded(value: &str) -> Option<String> {
    let written: String = value.split_ascii_whitespace().collect();
    // `{`, `[`, or white space before them: other files are not decoded.
    let may_be = written.starts_with(['e', 'W', 'I', 'C', 'D']);
    String::from_utf8(BASE64.decode(may_be.then_some(written)?.as_bytes()).ok()?).ok()
}
