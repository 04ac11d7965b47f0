//! Profiles inside of objects: values of ConfigMaps.

use callgate_core::profile::json::Node;
use memchr::memmem;

use super::manifest::Object;

/// A profile that is a value of a ConfigMap.
pub(crate) struct Embedded<'o> {
    pub(crate) key: &'o str,
    pub(crate) scalar: &'o Node,
    pub(crate) value: &'o str,
}

/// The values of a ConfigMap that are profiles, or were meant to be.
pub(crate) fn profiles<'o>(object: &Object<'o>) -> Vec<Embedded<'o>> {
    if object.kind != "ConfigMap" {
        return Vec::new();
    }
    let data = object.node.get("data").map_or(&[][..], Node::members);
    let found = data.iter().filter_map(|(key, scalar)| {
        let value = scalar.text()?;
        let has = |word: &str| memmem::find(value.as_bytes(), word.as_bytes()).is_some();
        // Scripts and documents mention actions, too.
        let is_json = value.trim_start().starts_with(['{', '[']);
        (is_json && (has("SCMP_") || has("defaultAction"))).then_some(Embedded {
            key: &key.name,
            scalar,
            value,
        })
    });
    found.collect()
}
