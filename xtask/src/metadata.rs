//! What `cargo metadata` says about the workspace: packages, their targets, and who depends on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

/// The answer of cargo, as far as we read it.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: BTreeSet<String>,
    pub(crate) target_directory: PathBuf,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// `None` for packages of the workspace.
    pub(crate) source: Option<String>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` is a normal dependency.
    kind: Option<String>,
}

impl Metadata {
    /// Asks cargo; the lock file must be up to date.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--format-version", "1", "--locked", "--all-features"]).current_dir(root);
        let out = cargo.output().context("cannot start cargo")?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "cargo metadata failed: {}", said.trim());
        serde_json::from_slice(&out.stdout).context("cargo metadata says something unexpected")
    }

    /// The packages of the workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|p| self.workspace_members.contains(&p.id))
    }

    /// Names of everything `name` depends on, itself not included; build scripts count, tests do not.
    pub(crate) fn shipped_with(&self, name: &str) -> BTreeSet<&str> {
        self.reached(name, |kind| kind != Some("dev"))
    }

    /// Names of all members that `name` depends on for whatever reason, tests included.
    pub(crate) fn members_under(&self, name: &str) -> BTreeSet<&str> {
        let members: BTreeSet<&str> = self.members().map(|p| p.name.as_str()).collect();
        self.reached(name, |_| true).intersection(&members).copied().collect()
    }

    /// Names of what a member itself depends on; build scripts count, tests do not.
    pub(crate) fn direct(&self, member: &Package) -> BTreeSet<&str> {
        let node = self.resolve.nodes.iter().find(|node| node.id == member.id);
        let deps = node.into_iter().flat_map(|node| &node.deps);
        let ids =
            deps.filter(|d| d.dep_kinds.iter().any(|k| k.kind.as_deref() != Some("dev"))).map(|d| &d.pkg);
        let name = |id: &String| self.packages.iter().find(|p| p.id == *id).map(|p| p.name.as_str());
        ids.filter_map(name).collect()
    }

    fn reached(&self, name: &str, counts: impl Fn(Option<&str>) -> bool) -> BTreeSet<&str> {
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
        let nodes: BTreeMap<&str, &Node> = self.resolve.nodes.iter().map(|n| (n.id.as_str(), n)).collect();
        let mut open: Vec<&str> = self.members().filter(|p| p.name == name).map(|p| p.id.as_str()).collect();
        let mut seen = BTreeSet::new();
        while let Some(node) = open.pop().and_then(|id| nodes.get(id)) {
            let next = node.deps.iter().filter(|d| d.dep_kinds.iter().any(|k| counts(k.kind.as_deref())));
            open.extend(next.map(|d| d.pkg.as_str()).filter(|id| seen.insert(*id)));
        }
        seen.into_iter().filter_map(|id| names.get(id).copied()).collect()
    }
}
