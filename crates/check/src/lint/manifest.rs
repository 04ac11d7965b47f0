//! Objects of Kubernetes, as far as they bear on seccomp: pods, wherever they are written, and ConfigMaps.

use std::collections::BTreeMap;
use std::ops::Range;

use callgate_core::profile::json::{Key, Node, Value};

/// One object of a manifest.
pub(crate) struct Object<'o> {
    /// The file.
    pub(crate) text: &'o str,
    /// The object.
    pub(crate) node: &'o Node,
    /// `kind`.
    pub(crate) kind: &'o str,
    /// The pod that it is, or makes.
    pub(crate) pod: Option<Pod<'o>>,
    /// Whether the file is YAML: patches look accordingly.
    pub(crate) yaml: bool,
}

/// A pod, or the template of one.
pub(crate) struct Pod<'o> {
    /// `spec`.
    pub(crate) spec: &'o Node,
    /// `metadata` of the pod or of the template.
    pub(crate) metadata: Option<&'o Node>,
    /// All containers: init ones, then the others, then ephemeral ones.
    pub(crate) containers: Vec<Container<'o>>,
}

/// The list a container is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Init,
    Main,
    Ephemeral,
}

/// A container of a pod.
pub(crate) struct Container<'o> {
    pub(crate) node: &'o Node,
    pub(crate) name: &'o str,
    pub(crate) role: Role,
}

/// A `seccompProfile`, and whose it is.
#[derive(Clone, Copy)]
pub(crate) struct Chosen<'o> {
    pub(crate) key: &'o Key,
    pub(crate) node: &'o Node,
}

/// Where pods stand in objects of a kind; of other kinds, those of a template (k8s.io/api, `apps`, `batch`, `core`).
const TEMPLATES: [&[&str]; 4] =
    [&["spec", "template"], &["spec", "jobTemplate", "spec", "template"], &["template"], &[]];

/// The list keys of a pod's containers, in the order in which they start.
const LISTS: [(&str, Role); 3] =
    [("initContainers", Role::Init), ("containers", Role::Main), ("ephemeralContainers", Role::Ephemeral)];

/// Longer than any name and path there is (PATH_MAX, limits.h). What is written once may be told of thousands of containers.
const MAX_NAME: usize = 4096;

/// As much of a text as a name or a path can have.
pub(crate) fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}

/// The objects of a document: itself, or those of a list.
pub(crate) fn objects<'o>(text: &'o str, root: &'o Node, yaml: bool) -> Vec<Object<'o>> {
    let Some(kind) = root.get("kind").and_then(Node::text) else { return Vec::new() };
    if root.get("apiVersion").and_then(Node::text).is_none() {
        return Vec::new();
    }
    let Some((items, of)) = root.get("items").zip(kind.strip_suffix("List")) else {
        return vec![Object { text, node: root, kind, pod: pod(root, kind), yaml }];
    };
    let object = |item: &'o Node| {
        // The API server leaves it out of what is in a list of one kind.
        if !of.is_empty() && item.get("kind").is_none() && !item.members().is_empty() {
            return vec![Object { text, node: item, kind: of, pod: pod(item, of), yaml }];
        }
        objects(text, item, yaml)
    };
    items.items().iter().flat_map(object).collect()
}

fn pod<'o>(root: &'o Node, kind: &str) -> Option<Pod<'o>> {
    let holder = TEMPLATES.iter().filter_map(|path| root.at(path.iter().copied()));
    let holder = holder.filter(|holder| {
        let spec = holder.get("spec");
        let has = |spec: &Node| spec.get("containers").is_some() || spec.get("initContainers").is_some();
        spec.is_some_and(has) || (kind == "Pod" && std::ptr::eq(*holder, root))
    });
    let holder = holder.into_iter().next()?;
    let spec = holder.get("spec")?;
    let containers = LISTS.iter().flat_map(|(key, role)| {
        let items = spec.get(key).map_or(&[][..], Node::items).iter();
        items.map(|node| Container {
            node,
            name: node.get("name").and_then(Node::text).map_or("(without a name)", short),
            role: *role,
        })
    });
    Some(Pod { spec, metadata: holder.get("metadata"), containers: containers.collect() })
}

impl<'o> Object<'o> {
    /// `Deployment web`.
    pub(crate) fn title(&self) -> String {
        match self.name() {
            Some(name) => format!("{} {name}", self.kind),
            None => self.kind.to_owned(),
        }
    }

    /// `metadata.name`.
    pub(crate) fn name(&self) -> Option<&'o str> {
        self.node.at(["metadata", "name"]).and_then(Node::text).map(short)
    }

    /// Annotations of the object and of the pod it makes: keys and values.
    pub(crate) fn annotations(&self) -> impl Iterator<Item = &'o (Key, Node)> {
        let own = self.node.get("metadata");
        let pods = self.pod.as_ref().and_then(|pod| pod.metadata);
        let pods = pods.filter(|pods| !own.is_some_and(|own| std::ptr::eq(own, *pods)));
        let all = own.into_iter().chain(pods);
        all.flat_map(|metadata| metadata.get("annotations").map_or(&[][..], Node::members))
    }

    /// The place to show for the whole object: its `kind`.
    pub(crate) fn place(&self) -> Range<usize> {
        self.node.get("kind").map_or(self.node.span.clone(), |kind| kind.span.clone())
    }
}

impl<'o> Pod<'o> {
    /// The pod's `securityContext`.
    pub(crate) fn security(&self) -> Option<&'o Node> {
        self.spec.get("securityContext")
    }

    /// The pod's own profile.
    pub(crate) fn profile(&self) -> Option<Chosen<'o>> {
        Chosen::of(self.security()?)
    }

    /// The profile that a container gets: its own in place of the pod's (kubelet, `kuberuntime/helpers.go`,
    /// getSeccompProfile).
    pub(crate) fn profile_of(&self, container: &Container<'o>) -> Option<Chosen<'o>> {
        container.profile().or_else(|| self.profile())
    }

    /// Whether it is said to run on Windows.
    pub(crate) fn is_windows(&self) -> bool {
        self.spec.at(["os", "name"]).and_then(Node::text) == Some("windows")
    }

    /// Its volumes, by name.
    pub(crate) fn volumes(&self) -> BTreeMap<&'o str, &'o Node> {
        let volumes = self.spec.get("volumes").map_or(&[][..], Node::items).iter();
        volumes.filter_map(|volume| Some((volume.get("name")?.text()?, volume))).collect()
    }

    /// Architectures that its nodes have to have, as Kubernetes names them.
    pub(crate) fn arch(&self) -> Option<&'o str> {
        let selector = self.spec.get("nodeSelector")?;
        let of = |key| selector.get(key).and_then(Node::text).map(short);
        of("kubernetes.io/arch").or_else(|| of("beta.kubernetes.io/arch"))
    }
}

impl<'o> Container<'o> {
    /// Its `securityContext`.
    pub(crate) fn security(&self) -> Option<&'o Node> {
        self.node.get("securityContext")
    }

    /// Its own profile.
    pub(crate) fn profile(&self) -> Option<Chosen<'o>> {
        Chosen::of(self.security()?)
    }

    /// `init container fetch`.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.role.name(), self.name)
    }

    /// Capabilities that it adds.
    pub(crate) fn added_caps(&self) -> &'o [Node] {
        self.setting("capabilities").and_then(|caps| caps.get("add")).map_or(&[], Node::items)
    }

    /// Its mounts of volumes.
    pub(crate) fn mounts(&self) -> &'o [Node] {
        self.node.get("volumeMounts").map_or(&[], Node::items)
    }

    /// Whether no filter is loaded, whatever is asked for.
    pub(crate) fn is_privileged(&self) -> bool {
        self.setting("privileged").and_then(Node::flag) == Some(true)
    }

    /// A setting of its `securityContext`.
    pub(crate) fn setting(&self, key: &str) -> Option<&'o Node> {
        self.security()?.get(key)
    }

    /// Whether it has no_new_privs: only where escalation is refused in so many words.
    pub(crate) fn no_new_privs(&self) -> bool {
        self.setting("allowPrivilegeEscalation").and_then(Node::flag) == Some(false)
    }

    /// The place to show for all of it: its name, or its first line.
    pub(crate) fn place(&self) -> Range<usize> {
        let start = self.node.span.start;
        self.node.get("name").map_or(start..start + 1, |name| name.span.clone())
    }
}

impl Role {
    /// `container`, `init container`, `ephemeral container`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Main => "container",
            Self::Init => "init container",
            Self::Ephemeral => "ephemeral container",
        }
    }
}

impl<'o> Chosen<'o> {
    /// That of a security context; null is none to the API server.
    fn of(context: &'o Node) -> Option<Self> {
        let (key, node) = context.member("seccompProfile")?;
        (node.value != Value::Null).then_some(Self { key, node })
    }

    /// `type`.
    pub(crate) fn kind(&self) -> Option<&'o str> {
        self.node.get("type").and_then(Node::text).map(short)
    }

    /// `localhostProfile`.
    pub(crate) fn path(&self) -> Option<(&'o Node, &'o str)> {
        let node = self.node.get("localhostProfile")?;
        Some((node, short(node.text()?)))
    }

    /// The place to show for it: its type, or its key.
    pub(crate) fn place(&self) -> Range<usize> {
        self.node.get("type").map_or(self.key.span.clone(), |kind| kind.span.clone())
    }
}
