//! Which container uses which profile, across files; each profile judged for each container that it is for.

use std::collections::BTreeMap;
use std::ops::Range;

use callgate_core::baseline::Machine;
use callgate_core::profile::Lines;
use callgate_core::profile::json::Node;
use callgate_core::{Arch, capability};

use super::embedded::SourceMap;
use super::finding::Finding;
use super::manifest::{Container, Object, Pod};
use super::options::Options;
use super::rule::{Check, Sink};
use super::subject::Subject;
use super::{Known, rules};
use crate::target::{Loader, Target};

/// A `localhostProfile` of a manifest, and what is known of the container it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The path, as written.
    pub path: String,
    /// Where it stands in its file.
    pub span: Range<usize>,
    /// Where that is in the document.
    pub pointer: String,
    /// `container app of Deployment web`.
    pub who: String,
    /// The container's image, where it is named.
    pub image: Option<String>,
    /// Whether it has no_new_privs.
    pub no_new_privs: bool,
    /// What it adds to the default capabilities, and what it drops.
    pub caps: (Vec<String>, Vec<String>),
    /// The architecture that the pod asks for, as Kubernetes names it.
    pub arch: Option<String>,
    /// Where its security context, or its name, stands: for what is missing there.
    pub container: Range<usize>,
}

/// A profile that is judged for a container.
pub(crate) struct Judged<'j> {
    /// The container's side.
    pub(crate) usage: &'j Usage,
    /// The profile, with the container's machine, capabilities and runtime.
    pub(crate) subject: Subject<'j>,
    /// The file that the profile is in.
    pub(crate) file: &'j str,
}

/// What the containers of an object use.
pub(crate) fn of(object: &Object<'_>) -> Vec<Usage> {
    let Some(pod) = &object.pod else { return Vec::new() };
    let uses = pod.containers.iter().filter_map(|container| {
        let chosen = pod.profile_of(container)?;
        if chosen.kind() != Some("Localhost") || container.is_privileged() || pod.is_windows() {
            return None;
        }
        let (node, path) = chosen.path()?;
        Some(usage(object, pod, container, (node, path)))
    });
    uses.collect()
}

fn usage(
    object: &Object<'_>,
    pod: &Pod<'_>,
    container: &Container<'_>,
    (node, path): (&Node, &str),
) -> Usage {
    let names = |key: &str| {
        let list = container.setting("capabilities").and_then(|caps| caps.get(key));
        list.map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    Usage {
        path: path.to_owned(),
        span: node.span.clone(),
        pointer: String::new(),
        who: format!("{} {} of {}", container.role.name(), container.name, object.title()),
        image: container.node.get("image").and_then(Node::text).map(str::to_owned),
        no_new_privs: container.no_new_privs(),
        caps: (names("add"), names("drop")),
        arch: pod.arch().map(str::to_owned),
        container: container.place(),
    }
}

impl Usage {
    /// The container's bounding set: the runtime's default, without what is dropped, with what is added (containerd,
    /// `pkg/cri/server/container_create.go`, capabilities).
    fn machine(&self, options: &Options) -> Machine {
        let mut machine = options.machine.clone();
        let is_all = |name: &String| name.eq_ignore_ascii_case("all");
        let (add, drop) = &self.caps;
        if drop.iter().any(is_all) {
            machine.caps.clear();
        }
        for name in drop.iter().filter_map(|name| capability::find(name)) {
            machine.caps.remove(name);
        }
        let all = capability::NAMES.iter().copied().filter(|_| add.iter().any(is_all));
        let named = add.iter().filter_map(|name| capability::find(name));
        machine.caps.extend(all.chain(named).map(str::to_owned));
        if let Some(arch) = self.arch.as_deref().and_then(|arch| arch.parse::<Arch>().ok()) {
            machine.arch = arch;
        }
        machine
    }

    /// What was asked for, with this container's side of it. Kubernetes' runtimes read the file; which, only the cluster knows:
    /// containerd where nobody says.
    fn options(&self, options: &Options) -> Options {
        let machine = self.machine(options);
        let loader = options.loader.unwrap_or(Loader::Containerd);
        let own = Options {
            loader: Some(loader),
            machine: machine.clone(),
            targets: Vec::new(),
            ..options.clone()
        };
        let asked = if options.targets.is_empty() { own.targets(false) } else { options.targets.clone() };
        let target = |target: Target| Target {
            loader: if target.loader == Loader::Oci { loader } else { target.loader },
            machine: machine.clone(),
            no_new_privs: self.no_new_privs,
            ..target
        };
        Options {
            targets: asked.into_iter().map(target).collect(),
            no_new_privs: Some(self.no_new_privs),
            ..own
        }
    }
}

/// Judges a profile for those who use it; containers that ask for the same get the same answer at less expense.
pub(crate) fn judge(
    known: &Known,
    text: &str,
    uses: &[(usize, &Usage)],
    options: &Options,
) -> Vec<(usize, Finding)> {
    let mut answers: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    let mut found = Vec::new();
    for (file, usage) in uses {
        let own = usage.options(options);
        let key = format!("{own:?}{:?}", usage.image);
        let cached =
            answers.entry(key).or_insert_with(|| one(&(known, text), usage, &own).unwrap_or_default());
        let of_this = cached.iter().map(|finding| {
            let message = finding.message.replace(WHO, &usage.who);
            let mut own = Finding { message, pointer: usage.pointer.clone(), ..finding.clone() };
            own.span = if finding.span.is_empty() { usage.container.clone() } else { usage.span.clone() };
            (*file, own)
        });
        found.extend(of_this);
    }
    found
}

/// Stands for the container in messages that are the same for several.
pub(crate) const WHO: &str = "\u{1}";

fn one((known, text): &(&Known, &str), usage: &Usage, options: &Options) -> Option<Vec<Finding>> {
    let map = SourceMap::identity();
    let value: &str = known.value.as_deref().unwrap_or(text);
    let node = map.parse(value).ok()?;
    let lines = Lines::of(value);
    let subject = Subject::of((value, &lines), (&node, value, &map), options);
    let judged = Judged { usage, subject, file: &known.name };
    let mut found = Vec::new();
    for rule in rules::all() {
        if let Check::Use(check) = rule.check {
            check(&judged, &mut Sink::of(rule, options, &mut found));
        }
    }
    Some(found)
}
