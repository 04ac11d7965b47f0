//! A profile as an OCI artifact in the form that KEP-6061 has runtimes pull: an image layout (image-spec, `image-layout.md`) of
//! one manifest with one layer, which is the profile's JSON as it is.
//!
//! Nothing is read or written here: a layout is a map of names to bytes. Who computes digests is told by the caller.

use std::collections::{BTreeMap, BTreeSet};

use callgate_core::profile::Profile;
use callgate_core::{Action, errno};
use serde_json::{Value, json};

/// What makes an artifact a seccomp profile: its `artifactType`, or the media type of its config.
pub const TYPE: &str = "application/vnd.cncf.seccomp-profile.config.v1+json";
/// What the Security Profiles Operator's older releases wrote instead.
const OLD_TYPE: &str = "application/vnd.unknown.config.v1+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// Larger profiles are not pulled.
pub const MAX_PROFILE: usize = 1 << 20;
const MAX_RULES: usize = 16_384;
const MAX_NAMES: usize = 1024;
/// Entries that name a call.
const MAX_RULES_OF_A_CALL: usize = 128;

/// Name → bytes, with `/` between directories.
pub type Layout = BTreeMap<String, Vec<u8>>;

/// What computes a SHA-256, in small hexadecimal digits.
pub type Sha256 = fn(&[u8]) -> String;

/// The layout of a profile. The same profile gives the same bytes, whatever its file is called: it was made at the
/// beginning of time.
pub fn pack(profile: &str, sha256: Sha256) -> Layout {
    let mut files = Layout::new();
    let mut blob = |bytes: &[u8], kind: &str| {
        let digest = sha256(bytes);
        files.insert(format!("blobs/sha256/{digest}"), bytes.to_vec());
        json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": bytes.len() })
    };
    let config = blob(b"{}", TYPE);
    let mut layer = blob(profile.as_bytes(), "application/json");
    layer["annotations"] = json!({ "org.opencontainers.image.title": "profile.json" });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": TYPE,
        "config": config,
        "layers": [layer],
        "annotations": { "org.opencontainers.image.created": "1970-01-01T00:00:00Z" },
    });
    let mut entry = blob(manifest.to_string().as_bytes(), MANIFEST_TYPE);
    entry["artifactType"] = json!(TYPE);
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry] });
    files.insert("index.json".to_owned(), index.to_string().into_bytes());
    files.insert("oci-layout".to_owned(), json!({ "imageLayoutVersion": "1.0.0" }).to_string().into_bytes());
    files
}

/// The profile's text in a layout, with what is odd about it.
///
/// An error is what keeps a runtime from taking it for a seccomp profile, or from trusting it.
pub fn unpack(files: &Layout, sha256: Sha256) -> Result<(String, Vec<String>), String> {
    let mut notes = Vec::new();
    let layout = document(files.get("oci-layout").ok_or("there is no oci-layout")?, "oci-layout")?;
    if layout["imageLayoutVersion"].as_str() != Some("1.0.0") {
        return Err("oci-layout: imageLayoutVersion is not 1.0.0".to_owned());
    }
    let index = document(files.get("index.json").ok_or("there is no index.json")?, "index.json")?;
    let manifests = index["manifests"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [entry] = manifests else {
        return Err(format!("index.json: one manifest is wanted, and there are {}", manifests.len()));
    };
    if entry["mediaType"].as_str() != Some(MANIFEST_TYPE) {
        return Err(format!("index.json: its entry is no {MANIFEST_TYPE}"));
    }
    let manifest = document(blob(files, entry, "the manifest", sha256)?, "the manifest")?;
    let other = manifest["mediaType"].as_str().is_some_and(|kind| kind != MANIFEST_TYPE);
    if other || [&index, &manifest].iter().any(|document| document["schemaVersion"].as_u64() != Some(2)) {
        return Err("index.json or the manifest is of another kind or version".to_owned());
    }
    let kinds = [&manifest["artifactType"], &manifest["config"]["mediaType"]]
        .map(|kind| kind.as_str().unwrap_or_default());
    match kinds {
        [TYPE, TYPE | EMPTY_TYPE] | ["", TYPE] => {}
        ["", OLD_TYPE] => notes.push(format!("the manifest: config has the old media type {OLD_TYPE}")),
        [artifact, config] => {
            return Err(format!(
                "the manifest is of no seccomp profile: artifactType `{artifact}`, config `{config}`; {TYPE} is wanted"
            ));
        }
    }
    let layers = manifest["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [layer] = layers else {
        return Err(format!("the manifest: one layer is wanted, and there are {}", layers.len()));
    };
    blob(files, &manifest["config"], "the config", sha256)?;
    let bytes = blob(files, layer, "the profile", sha256)?;
    if bytes.len() > MAX_PROFILE {
        return Err(format!("the profile has {} bytes; {MAX_PROFILE} is the limit", bytes.len()));
    }
    let known: BTreeSet<String> =
        [entry, &manifest["config"], layer].into_iter().filter_map(name_of).collect();
    let stray =
        |name: &&String| !known.contains(*name) && !matches!(name.as_str(), "index.json" | "oci-layout");
    notes.extend(files.keys().filter(stray).map(|name| format!("`{name}` belongs to nothing")));
    let text =
        String::from_utf8(bytes.to_vec()).map_err(|_not| "the profile is not UTF-8 text".to_owned())?;
    Ok((text, notes))
}

fn document(bytes: &[u8], what: &str) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("{what}: not JSON: {error}"))
}

/// Where the blob of a descriptor lies.
fn name_of(descriptor: &Value) -> Option<String> {
    let digest = descriptor["digest"].as_str()?.strip_prefix("sha256:")?;
    let plain =
        digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    plain.then(|| format!("blobs/sha256/{digest}"))
}

/// The blob of a descriptor, which has to be what the descriptor says.
fn blob<'f>(files: &'f Layout, descriptor: &Value, what: &str, sha256: Sha256) -> Result<&'f [u8], String> {
    let name = name_of(descriptor).ok_or_else(|| format!("{what}: its descriptor has no sha256 digest"))?;
    let bytes = files.get(&name).ok_or_else(|| format!("{what}: `{name}` is missing"))?;
    if descriptor["size"].as_u64() != Some(bytes.len() as u64) {
        return Err(format!("{what}: `{name}` has {} bytes, not what its descriptor says", bytes.len()));
    }
    if name != format!("blobs/sha256/{}", sha256(bytes)) {
        return Err(format!("{what}: `{name}` does not have its digest: it was changed"));
    }
    Ok(bytes)
}

/// The digest of the manifest of a layout, by which an artifact is pinned.
pub fn digest(files: &Layout) -> Option<String> {
    let index: Value = serde_json::from_slice(files.get("index.json")?).ok()?;
    index["manifests"][0]["digest"].as_str().map(str::to_owned)
}

/// What keeps a runtime from taking the profile out of an artifact, although it takes it from a file.
pub fn limits(profile: &Profile, bytes: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |wrong: bool, message: String| found.extend(wrong.then_some(message));
    check(bytes > MAX_PROFILE, format!("{bytes} bytes; {MAX_PROFILE} is the limit"));
    check(
        profile.rules.len() > MAX_RULES,
        format!("{} rules; {MAX_RULES} is the limit", profile.rules.len()),
    );
    let asks = |action| action == Action::Notify;
    let notify = asks(profile.default.action) || profile.rules.iter().any(|rule| asks(rule.action.action));
    check(
        notify || profile.listener_path.is_some(),
        "SCMP_ACT_NOTIFY and listeners are not allowed".to_owned(),
    );
    let waits = profile.flags.iter().any(|flag| flag == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
    check(waits, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is not allowed".to_owned());
    let arches: BTreeSet<&str> = profile.architectures.iter().map(|arch| arch.name.as_str()).collect();
    check(arches.len() < profile.architectures.len(), "an architecture is listed twice".to_owned());
    let flags: BTreeSet<&String> = profile.flags.iter().collect();
    check(flags.len() < profile.flags.len(), "a flag is listed twice".to_owned());
    let takes_errno = |action| matches!(action, Action::Errno(_) | Action::Trace(_));
    let stray = profile.default.errno.is_some() && !takes_errno(profile.default.action);
    check(stray, "defaultErrnoRet beside an action without one".to_owned());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in &profile.rules {
        let line = rule.line;
        check(
            rule.names.len() > MAX_NAMES,
            format!("line {line}: {} names; {MAX_NAMES} is the limit", rule.names.len()),
        );
        let stray = rule.action.errno.is_some() && !takes_errno(rule.action.action);
        check(stray, format!("line {line}: errnoRet beside an action without one"));
        let large = rule.action.action.errno().is_some_and(|number| number > errno::MAX);
        check(large, format!("line {line}: errnoRet above {}", errno::MAX));
        rule.names.iter().for_each(|name| *counts.entry(&name.text).or_default() += 1);
    }
    let many = counts.iter().filter(|(_, count)| **count > MAX_RULES_OF_A_CALL);
    found.extend(
        many.map(|(name, count)| format!("{count} rules for {name}; {MAX_RULES_OF_A_CALL} is the limit")),
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest for tests: different bytes, different digits.
    fn sum(bytes: &[u8]) -> String {
        let hash = bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3));
        format!("{hash:064x}")
    }

    const PROFILE: &str = r#"{"defaultAction": "SCMP_ACT_ERRNO"}"#;

    fn changed(change: impl FnOnce(&mut Layout)) -> Result<(String, Vec<String>), String> {
        let mut files = pack(PROFILE, sum);
        change(&mut files);
        unpack(&files, sum)
    }

    fn index(files: &mut Layout, change: impl FnOnce(&mut Value)) {
        let mut index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        change(&mut index);
        files.insert("index.json".to_owned(), index.to_string().into_bytes());
    }

    #[test]
    fn what_is_packed_comes_out_and_is_the_same_each_time() {
        assert_eq!(changed(|_| ()), Ok((PROFILE.to_owned(), Vec::new())));
        assert_eq!(pack(PROFILE, sum), pack(PROFILE, sum));
    }

    #[test]
    fn what_was_changed_or_is_missing_is_named() {
        let blob = |bytes: &str| format!("blobs/sha256/{}", sum(bytes.as_bytes()));
        let error = |change: Box<dyn FnOnce(&mut Layout)>| changed(change).unwrap_err();
        let name = blob(PROFILE);
        let gone = name.clone();
        assert!(error(Box::new(move |files| drop(files.remove(&gone)))).contains("is missing"));
        let other = PROFILE.replace("ERRNO", "ALLOW").into_bytes();
        assert!(error(Box::new(move |files| drop(files.insert(name, other)))).contains("it was changed"));
        assert!(error(Box::new(|files| drop(files.remove("oci-layout")))).contains("no oci-layout"));
        let two = |files: &mut Layout| {
            index(files, |index| {
                let first = index["manifests"][0].clone();
                index["manifests"].as_array_mut().unwrap().push(first);
            });
        };
        assert!(error(Box::new(two)).contains("there are 2"));
        let tricky = |files: &mut Layout| {
            index(files, |index| index["manifests"][0]["digest"] = json!("sha256:../../etc/passwd"));
        };
        assert!(error(Box::new(tricky)).contains("no sha256 digest"));
        let short = |files: &mut Layout| index(files, |index| index["manifests"][0]["size"] = json!(1));
        assert!(error(Box::new(short)).contains("not what its descriptor says"));
        let stray = changed(|files| drop(files.insert("README".to_owned(), Vec::new()))).unwrap();
        assert_eq!(stray.1, ["`README` belongs to nothing"]);
    }

    #[test]
    fn an_image_is_no_profile() {
        let mut files = pack(PROFILE, sum);
        let manifest =
            json!({ "schemaVersion": 2, "config": { "mediaType": "application/vnd.oci.image.config.v1+json" }, "layers": [] })
                .to_string();
        let name = sum(manifest.as_bytes());
        index(&mut files, |index| {
            index["manifests"][0] = json!({ "mediaType": MANIFEST_TYPE, "digest": format!("sha256:{name}"), "size": manifest.len() });
        });
        files.insert(format!("blobs/sha256/{name}"), manifest.into_bytes());
        assert!(unpack(&files, sum).unwrap_err().contains("of no seccomp profile"));
    }

    #[test]
    fn what_a_runtime_does_not_pull_is_named() {
        let rules = vec![r#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}"#; 129].join(",");
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_LOG"], "syscalls": [{rules},
            {{"names": ["write"], "action": "SCMP_ACT_NOTIFY"}}, {{"names": ["close"], "action": "SCMP_ACT_KILL_PROCESS", "errnoRet": 1}}]}}"#
        );
        let (profile, _) = callgate_core::profile::read(&text).unwrap();
        let found = limits(&profile, text.len()).join("; ");
        for words in
            ["129 rules for read", "SCMP_ACT_NOTIFY", "a flag is listed twice", "line 2: errnoRet beside"]
        {
            assert!(found.contains(words), "{words}: {found}");
        }
        let (fine, _) = callgate_core::profile::read(PROFILE).unwrap();
        assert!(limits(&fine, PROFILE.len()).is_empty());
    }
}
