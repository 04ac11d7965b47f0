//! Rules about dependencies: every one has a reason, ours point downwards, and the command stays small.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::File;
use crate::metadata::Metadata;

/// Our crates from the bottom up; each may use what stands before it.
const ORDER: &[&str] = &["callgate-core", "callgate-bpf", "callgate-check", "callgate-linux", "callgate"];
/// Uses nothing of ours, and nothing of ours uses it.
const APART: &[&str] = &["xtask"];
/// What the command `callgate` must never link: no async runtime, no TLS, no Kubernetes client.
const BANNED: &[&str] = &[
    "async-std",
    "h2",
    "hyper",
    "kube",
    "native-tls",
    "openssl",
    "openssl-sys",
    "reqwest",
    "ring",
    "rustls",
    "tokio",
];

/// Each dependency line of the workspace has a comment right above it; our own crates need none.
pub(super) fn reasons(files: &[File]) -> Vec<String> {
    let Some(file) = files.iter().find(|f| f.path == "Cargo.toml") else {
        return vec!["Cargo.toml: missing".to_owned()];
    };
    let mut found = Vec::new();
    let mut inside = false;
    let mut previous = "";
    for (at, line) in file.text.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        } else if inside && line.contains('=') && !line.starts_with('#') {
            let ours = line.contains("path =");
            if !ours && !previous.starts_with('#') {
                found.push(format!("Cargo.toml:{}: no comment says why this dependency is there", at + 1));
            }
        }
        previous = line;
    }
    found
}

/// core ← bpf ← check, linux ← callgate, and xtask apart.
pub(super) fn direction(metadata: &Metadata) -> Vec<String> {
    let mut found = Vec::new();
    for member in metadata.members() {
        let name = member.name.as_str();
        let allowed: &[&str] = match ORDER.iter().position(|n| *n == name) {
            Some(at) => &ORDER[..at],
            None if APART.contains(&name) => &[],
            None => {
                found.push(format!("{name}: a crate the house plan does not know"));
                continue;
            }
        };
        let under = metadata.members_under(name);
        let wrong = under.iter().filter(|n| !allowed.contains(n));
        found.extend(wrong.map(|n| format!("{name}: depends on {n}, which stands above it or apart")));
    }
    found
}

/// The lock file of the fuzz targets knows what our crates depend on; they are built with `--locked`, and only late in the ladder.
pub(super) fn fuzz_lock(files: &[File], metadata: &Metadata) -> Vec<String> {
    const LOCK: &str = "fuzz/Cargo.lock";
    let lock = files.iter().find(|f| f.path == LOCK).and_then(|file| toml::from_str::<Lock>(&file.text).ok());
    let Some(lock) = lock else { return vec![format!("{LOCK}: missing, or not what cargo writes")] };
    let mut found = Vec::new();
    for member in metadata.members() {
        let Some(locked) = lock.package.iter().find(|p| p.name == member.name) else { continue };
        // `name`, or `name version` where there are several.
        let names: BTreeSet<&str> = locked
            .dependencies
            .iter()
            .map(|d| d.split_once(' ').map_or(d.as_str(), |(name, _)| name))
            .collect();
        if names != metadata.direct(member) {
            let update = "`cargo metadata --manifest-path fuzz/Cargo.toml` writes it anew";
            found.push(format!("{LOCK}: not what {} depends on; {update}", member.name));
        }
    }
    found
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// Nothing heavy in the command.
pub(super) fn banned(metadata: &Metadata) -> Vec<String> {
    let shipped = metadata.shipped_with("callgate");
    let wrong = shipped.iter().filter(|name| BANNED.contains(name));
    let mut found: Vec<String> = wrong.map(|name| format!("callgate: links {name}")).collect();
    if shipped.is_empty() {
        found.push("callgate: cargo metadata knows no dependency of it".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_dependency_without_a_reason_is_found() {
        let toml = "[workspace.dependencies]\nours = { path = \"a\" }\n# x: why.\nx = \"1\"\ny = \"1\"\n[profile.dev]\nz = 1\n";
        let file = File { path: "Cargo.toml".to_owned(), text: toml.to_owned() };
        assert_eq!(reasons(&[file]), ["Cargo.toml:5: no comment says why this dependency is there"]);
    }

    #[test]
    fn a_lock_file_that_lacks_a_dependency_is_found() {
        let xtask = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
        let root = Path::new(&xtask).parent().expect("xtask lies in the workspace");
        let metadata = Metadata::read(root).unwrap();
        let text = fs::read_to_string(root.join("fuzz/Cargo.lock")).unwrap();
        let found = |text: &str| {
            fuzz_lock(&[File { path: "fuzz/Cargo.lock".to_owned(), text: text.to_owned() }], &metadata)
        };
        assert!(found(&text).is_empty());
        let [lacking] = &found(&text.replacen(" \"granit-parser\",\n", "", 1))[..] else {
            panic!("one crate has it")
        };
        assert!(lacking.starts_with("fuzz/Cargo.lock: not what callgate-check depends on"), "{lacking}");
        assert_eq!(found("no lock"), ["fuzz/Cargo.lock: missing, or not what cargo writes"]);
    }
}
