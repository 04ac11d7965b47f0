//! The list of what the binary is made of (CycloneDX 1.5).

use serde_json::{Value, json};

use crate::metadata::Metadata;

/// The document, from what cargo resolves.
pub(super) fn document(metadata: &Metadata, version: &str) -> anyhow::Result<String> {
    let shipped = metadata.shipped_with("callgate");
    let mut packages: Vec<_> =
        metadata.packages.iter().filter(|p| shipped.contains(p.name.as_str())).collect();
    packages.sort_by_key(|p| (&p.name, &p.version));
    let component = |name: &str, version: &str, licence: Option<&str>| -> Value {
        let licences = licence.map(|l| json!([{"expression": l.replace('/', " OR ")}])).unwrap_or(json!([]));
        json!({
            "type": "library", "name": name, "version": version, "licenses": licences,
            "purl": format!("pkg:cargo/{name}@{version}")
        })
    };
    let components: Vec<Value> =
        packages.iter().map(|p| component(&p.name, &p.version, p.license.as_deref())).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "callgate", "version": version}},
        "components": components
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
