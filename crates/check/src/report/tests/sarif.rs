//! SARIF, held against its specification's lists of properties (2.1.0, OASIS).

use serde_json::Value;

use super::super::{Format, render};
use super::{PLAIN, finding, parsed, report, rules};

/// An object with all of the required properties and none that SARIF has not (its schema: `additionalProperties` is
/// false everywhere).
fn object<'v>(value: &'v Value, required: &[&str], optional: &[&str]) -> &'v serde_json::Map<String, Value> {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    for key in required {
        assert!(object.contains_key(*key), "no {key} in {value}");
    }
    let known = |key: &&String| required.contains(&key.as_str()) || optional.contains(&key.as_str());
    for key in object.keys() {
        assert!(known(&key), "{key} in {value}");
    }
    object
}

fn list<'v>(value: &'v Value, what: &str) -> &'v [Value] {
    value[what].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn one_of(value: &Value, words: &[&str]) {
    assert!(value.as_str().is_some_and(|word| words.contains(&word)), "{value} is none of {words:?}");
}

/// sarifLog (3.13), run (3.14), tool (3.18), toolComponent (3.19), reportingDescriptor (3.49).
pub(super) fn check_log(log: &Value) {
    object(log, &["version", "runs"], &["$schema"]);
    one_of(&log["version"], &["2.1.0"]);
    for run in list(log, "runs") {
        object(run, &["tool"], &["results", "columnKind"]);
        one_of(&run["columnKind"], &["utf16CodeUnits", "unicodeCodePoints"]);
        object(&run["tool"], &["driver"], &[]);
        let driver = &run["tool"]["driver"];
        object(driver, &["name"], &["version", "semanticVersion", "informationUri", "rules"]);
        let rules = list(driver, "rules");
        for rule in rules {
            object(
                rule,
                &["id"],
                &["shortDescription", "help", "helpUri", "defaultConfiguration", "properties"],
            );
            if let Some(help) = rule.get("help") {
                object(help, &["text"], &["markdown"]);
                object(&rule["shortDescription"], &["text"], &[]);
                one_of(&rule["defaultConfiguration"]["level"], &["none", "note", "warning", "error"]);
                // GitHub reads a number from a string.
                let severity = rule["properties"]["security-severity"].as_str().expect("a string");
                assert!(severity.parse::<f64>().is_ok_and(|s| s > 0.0 && s <= 10.0));
            }
        }
        for result in list(run, "results") {
            check_result(result, rules);
        }
    }
}

/// result (3.27), fix (3.55), artifactChange (3.56), replacement (3.57).
fn check_result(result: &Value, rules: &[Value]) {
    let optional =
        ["ruleId", "ruleIndex", "level", "locations", "relatedLocations", "partialFingerprints", "fixes"];
    object(result, &["message"], &optional);
    object(&result["message"], &["text"], &[]);
    one_of(&result["level"], &["none", "note", "warning", "error"]);
    let index = result["ruleIndex"].as_u64().expect("an index") as usize;
    assert_eq!(rules[index]["id"], result["ruleId"]);
    assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string());
    list(result, "locations").iter().chain(list(result, "relatedLocations")).for_each(check_location);
    for fix in list(result, "fixes") {
        object(fix, &["artifactChanges"], &["description", "properties"]);
        assert!(!list(fix, "artifactChanges").is_empty());
        for change in list(fix, "artifactChanges") {
            object(change, &["artifactLocation", "replacements"], &[]);
            assert!(!list(change, "replacements").is_empty());
            for replacement in list(change, "replacements") {
                object(replacement, &["deletedRegion"], &["insertedContent"]);
                check_region(&replacement["deletedRegion"]);
            }
        }
    }
}

/// location (3.28), physicalLocation (3.29), artifactLocation (3.4).
fn check_location(location: &Value) {
    object(location, &["physicalLocation"], &["id", "message"]);
    let physical = &location["physicalLocation"];
    object(physical, &["artifactLocation"], &["region"]);
    object(&physical["artifactLocation"], &["uri"], &[]);
    let uri = physical["artifactLocation"]["uri"].as_str().expect("a string");
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    assert!(path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b)), "{uri}");
    physical.get("region").into_iter().for_each(check_region);
}

/// region (3.30).
fn check_region(region: &Value) {
    let text = ["startLine", "startColumn", "endLine", "endColumn"];
    let bytes = ["byteOffset", "byteLength"];
    object(region, &[], &[text.as_slice(), bytes.as_slice()].concat());
    let number = |key: &str| region[key].as_u64().unwrap_or_default();
    if region.get("byteOffset").is_none() {
        assert!(text.iter().all(|key| number(key) >= 1), "{region}");
        assert!(
            (number("startLine"), number("startColumn")) <= (number("endLine"), number("endColumn")),
            "{region}"
        );
    }
}

#[test]
fn sarif_is_what_its_specification_asks_for() {
    let log = parsed(Format::Sarif);
    check_log(&log);
    let run = &log["runs"][0];
    assert_eq!(list(&run["tool"]["driver"], "rules").len(), 2);
    let result = &run["results"][1];
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%20b%25/x%3A1.json");
    assert_eq!(result["relatedLocations"][1]["physicalLocation"]["region"]["startLine"], 12);
    assert_eq!(
        result["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "SCMP_ACT_ERRNO"
    );
    let link = report("/tmp/x.json", "{}", vec![finding(0..1, "[a](https://example.org)")]);
    let shown: Value = serde_json::from_str(&render(Format::Sarif, &[link], &rules, PLAIN)).expect("JSON");
    let result = &shown["runs"][0]["results"][0];
    assert_eq!(result["message"]["text"], "[a\\](https://example.org)");
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "file:///tmp/x.json");
}
