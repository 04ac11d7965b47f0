//! Which cgroup is meant: by path, by a container's id, by a unit of systemd.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use callgate_bpf::ebpf::recorder::layout::globals;

use crate::error::{Doing, Error, Result};
use crate::proc;

/// Directories that are looked at below a hierarchy.
const MAX_DIRECTORIES: usize = 100_000;
/// The cgroup namespace of the machine itself (`PROC_CGROUP_INIT_INO`, `include/linux/proc_ns.h`).
const ROOT_NAMESPACE: &str = "cgroup:[4026531835]";
/// What to do about one that is not there.
const WAIT: &str = "--wait waits for one that is to be made";
/// Longer paths cannot be waited for.
const LONGEST_PATH: usize = globals::PATH as usize - 1;
/// The shortest part of a container's id that is taken for one.
const SHORTEST_ID: usize = 4;

/// A hierarchy of cgroups: where it is mounted, and the controller of v1, or none for v2.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hierarchy {
    mount: PathBuf,
    /// The part of the hierarchy that is mounted there.
    root: String,
    /// `None`: v2. A v1 hierarchy without a controller (`name=systemd`) has an empty name.
    controller: Option<String>,
}

/// A cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    directory: PathBuf,
    hierarchy: Hierarchy,
    /// 0: it is waited for.
    id: u64,
}

/// A cgroup that is not there yet, as the kernel will name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Awaited {
    /// The number of its hierarchy; 0 is v2.
    pub(super) hierarchy: u32,
    /// Its path there.
    pub(super) path: String,
}

impl Cgroup {
    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The id the kernel knows it by.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The controller whose hierarchy of v1 it is in; `None`: v2.
    pub(super) fn controller(&self) -> Option<&str> {
        self.hierarchy.controller.as_deref()
    }

    /// Whether it is there still: the same, not another one of that name. One that was waited for is there if any is.
    pub fn exists(&self) -> bool {
        self.is(self.id)
    }

    /// Whether the directory is that of the cgroup with this id; 0 is any.
    pub(super) fn is(&self, id: u64) -> bool {
        fs::metadata(&self.directory).is_ok_and(|m| id == 0 || m.ino() == id)
    }

    /// Whether it was not there when it was looked for.
    pub fn is_awaited(&self) -> bool {
        self.id == 0
    }

    /// The id of what is there by now; 0: nothing.
    pub(super) fn id_now(&self) -> u64 {
        fs::metadata(&self.directory).map_or(0, |m| m.ino())
    }

    /// How the kernel will name it, if it is waited for.
    pub(super) fn awaited(&self) -> Result<Option<Awaited>> {
        if self.id != 0 {
            return Ok(None);
        }
        let below = self.directory.strip_prefix(&self.hierarchy.mount).unwrap_or(&self.directory);
        let root = self.hierarchy.root.trim_end_matches('/');
        let path = format!("{root}/{}", below.display());
        let hierarchy = match self.controller() {
            None => 0,
            Some(controller) => {
                let text = fs::read_to_string("/proc/self/cgroup").doing("read /proc/self/cgroup")?;
                number_of(&text, controller).ok_or_else(|| {
                    let error = io::Error::other("/proc/self/cgroup does not have its controller");
                    Error::new(format!("wait for the cgroup {}", self.directory.display()), error)
                })?
            }
        };
        Ok(Some(Awaited { hierarchy, path }))
    }

    /// The processes in it and in those below it.
    pub(super) fn processes(&self) -> BTreeSet<i32> {
        let mut found = BTreeSet::new();
        walk(&self.directory, &mut |directory| {
            let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
            // 0 stands for a process of another pid namespace.
            found.extend(text.lines().filter_map(|l| l.parse::<i32>().ok()).filter(|pid| *pid > 0));
        });
        found
    }

    /// Whether everybody in it has no_new_privs, and there is somebody.
    pub fn no_new_privs(&self) -> bool {
        let processes = self.processes();
        !processes.is_empty() && processes.into_iter().all(proc::no_new_privs)
    }

    fn new(directory: PathBuf, hierarchy: Hierarchy) -> Result<Self> {
        let found = fs::metadata(&directory).map_err(|error| {
            let wait = error.kind() == io::ErrorKind::NotFound;
            let error = Error::new(format!("look at the cgroup {}", directory.display()), error);
            if wait { error.hint(WAIT) } else { error }
        })?;
        if !found.is_dir() {
            let error = io::Error::from_raw_os_error(libc::ENOTDIR);
            return Err(Error::new(format!("look at the cgroup {}", directory.display()), error)
                .hint("a cgroup is a directory: name that, not a file in it"));
        }
        Ok(Self { directory, hierarchy, id: found.ino() })
    }
}

/// Visits a directory and all below it.
fn walk(top: &Path, visit: &mut dyn FnMut(&Path)) {
    let mut waiting = vec![top.to_owned()];
    let mut seen = 0;
    while let Some(directory) = waiting.pop() {
        seen += 1;
        if seen > MAX_DIRECTORIES {
            return;
        }
        visit(&directory);
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        let below = entries.flatten().filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
        waiting.extend(below.map(|e| e.path()));
    }
}

/// The hierarchies that are mounted, v2 first (`proc_pid_mountinfo(5)`).
fn hierarchies() -> Result<Vec<Hierarchy>> {
    let text = fs::read_to_string("/proc/self/mountinfo").doing("read /proc/self/mountinfo")?;
    let mut found: Vec<_> = text.lines().filter_map(hierarchy).collect();
    if found.is_empty() {
        return Err(Error::new("find cgroups", io::Error::other("no hierarchy is mounted"))
            .hint("mount -t cgroup2 none /sys/fs/cgroup"));
    }
    found.sort_by_key(|h| h.controller.is_some());
    Ok(found)
}

/// The hierarchy a line of mountinfo is about.
fn hierarchy(line: &str) -> Option<Hierarchy> {
    let (left, right) = line.split_once(" - ")?;
    let mut places = left.split(' ').skip(3);
    let (root, mount) = (places.next()?, places.next()?);
    let mut fields = right.split(' ');
    let kind = fields.next()?;
    let options = fields.nth(1)?;
    let controller = match kind {
        "cgroup2" => None,
        // Mount options of every file system come first or last; a controller is what is neither.
        "cgroup" => Some(
            options
                .split(',')
                .find(|o| {
                    !matches!(*o, "rw" | "ro" | "xattr" | "noprefix" | "clone_children" | "cpuset_v2_mode")
                        && !o.contains('=')
                })
                .unwrap_or_default()
                .to_owned(),
        ),
        _ => return None,
    };
    // The kernel writes a blank as \040.
    let plain = |path: &str| path.replace("\\040", " ");
    Some(Hierarchy { mount: PathBuf::from(plain(mount)), root: plain(root), controller })
}

/// The cgroup with this path: below a mount, or from the root of a hierarchy.
pub fn named(path: &Path) -> Result<Cgroup> {
    let hierarchies = hierarchies()?;
    let mounted =
        hierarchies.iter().filter(|h| path.starts_with(&h.mount)).max_by_key(|h| h.mount.as_os_str().len());
    if let Some(hierarchy) = mounted {
        return usable(Cgroup::new(path.to_owned(), hierarchy.clone())?);
    }
    let relative = path.strip_prefix("/").unwrap_or(path);
    for hierarchy in &hierarchies {
        let directory = hierarchy.mount.join(relative);
        if directory.is_dir() {
            return usable(Cgroup::new(directory, hierarchy.clone())?);
        }
    }
    let mounts: Vec<_> = hierarchies.iter().map(|h| h.mount.display().to_string()).collect();
    Err(Error::new(format!("find the cgroup {}", path.display()), io::Error::from(io::ErrorKind::NotFound))
        .hint(format!("cgroups are below {}; {WAIT}", mounts.join(", "))))
}

/// The number of a controller's hierarchy (`cgroups(7)`, "/proc/pid/cgroup").
fn number_of(text: &str, controller: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let number = fields.next()?.parse().ok()?;
        fields.next()?.split(',').any(|c| c == controller).then_some(number)
    })
}

/// The cgroup with this path, which need not be there yet: then it is recorded from its beginning.
pub fn awaited(path: &Path) -> Result<Cgroup> {
    match named(path) {
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    let doing = format!("wait for the cgroup {}", path.display());
    let ours = fs::read_link("/proc/self/ns/cgroup").is_ok_and(|l| l.as_os_str() == ROOT_NAMESPACE);
    if !ours {
        let error = io::Error::other("in a cgroup namespace its name in the kernel is not known");
        return Err(Error::new(doing, error).hint("wait for it outside of the container"));
    }
    let hierarchies = hierarchies()?;
    let mounted =
        hierarchies.iter().filter(|h| path.starts_with(&h.mount)).max_by_key(|h| h.mount.as_os_str().len());
    let (hierarchy, directory) = match mounted.or(hierarchies.first()) {
        Some(hierarchy) if mounted.is_some() => (hierarchy, path.to_owned()),
        Some(hierarchy) => (hierarchy, hierarchy.mount.join(path.strip_prefix("/").unwrap_or(path))),
        None => return Err(Error::new(doing, io::Error::other("no hierarchy is mounted"))),
    };
    let cgroup = usable(Cgroup { directory, hierarchy: hierarchy.clone(), id: 0 })?;
    match cgroup.awaited()? {
        Some(Awaited { path, .. }) if path.len() >= LONGEST_PATH || path.contains("/../") => {
            let error =
                io::Error::other(format!("its path has to have less than {LONGEST_PATH} bytes, and no `..`"));
            Err(Error::new(doing, error))
        }
        _ => Ok(cgroup),
    }
}

/// A hierarchy without a controller cannot be recorded.
fn usable(cgroup: Cgroup) -> Result<Cgroup> {
    if cgroup.controller() == Some("") {
        let error = io::Error::other("its hierarchy has no controller");
        return Err(Error::new(format!("record the cgroup {}", cgroup.directory.display()), error)
            .hint("name the same group in the v2 hierarchy, or below a controller such as pids"));
    }
    Ok(cgroup)
}

/// The cgroup of a container: the directory whose name has the id, in any of the forms runtimes use.
pub fn container(id: &str) -> Result<Cgroup> {
    let doing = format!("find the container {id}");
    let possible =
        id.len() >= SHORTEST_ID && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !possible {
        return Err(Error::new(doing, io::Error::other("that is no id of a container"))
            .hint("the runtime lists them: docker ps, podman ps, crictl ps, runc list"));
    }
    let found = search(|name| is_of_container(name, id))?;
    one(
        doing,
        found,
        "no cgroup has its name: is it running? `docker ps`, `podman ps`, `crictl ps`, `runc list`; of a runtime that \
         calls it otherwise, name its cgroup by --cgroup",
    )
}

/// The cgroup of a unit of systemd.
pub fn unit(name: &str) -> Result<Cgroup> {
    let full = if name.contains('.') { name.to_owned() } else { format!("{name}.service") };
    let found = search(|directory| directory == full)?;
    one(format!("find the unit {full}"), found, "no cgroup has its name: is it running? `systemctl status`")
}

/// Whether a directory's name is that of a container's cgroup: the id alone, after `docker-`, `libpod-`,
/// `cri-containerd-`, `crio-` or another prefix, with or without `.scope`; not that of a helper beside it (`crio-conmon-`,
/// `libpod-conmon-`). The id may be cut, as tools show it.
fn is_of_container(name: &str, id: &str) -> bool {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    if name == id {
        return true;
    }
    let (prefix, last) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
    let hexadecimal = last.len() == 64 && last.bytes().all(|b| b.is_ascii_hexdigit());
    !prefix.ends_with("conmon") && (last == id || hexadecimal && last.starts_with(id))
}

/// Directories by name, each with its hierarchy: those of the first hierarchy in which one has processes.
fn search(wanted: impl Fn(&str) -> bool) -> Result<Vec<Cgroup>> {
    let mut empty = Vec::new();
    for hierarchy in hierarchies()?.into_iter().filter(|h| h.controller.as_deref() != Some("")) {
        let mut found = Vec::new();
        walk(&hierarchy.mount, &mut |directory| {
            if directory.file_name().and_then(|n| n.to_str()).is_some_and(&wanted) {
                found.push(directory.to_owned());
            }
        });
        let cgroups: Vec<_> =
            found.into_iter().filter_map(|d| Cgroup::new(d, hierarchy.clone()).ok()).collect();
        if cgroups.iter().any(|c| !c.processes().is_empty()) {
            return Ok(cgroups);
        }
        if empty.is_empty() {
            empty = cgroups;
        }
    }
    Ok(empty)
}

/// The only one, or the one that holds all the others.
fn one(doing: String, mut found: Vec<Cgroup>, none: &str) -> Result<Cgroup> {
    found.sort_by_key(|c| c.directory.as_os_str().len());
    let Some(first) = found.first().cloned() else {
        return Err(Error::new(doing, io::Error::from(io::ErrorKind::NotFound)).hint(none));
    };
    if found.iter().all(|c| c.directory.starts_with(&first.directory)) {
        return Ok(first);
    }
    let names: Vec<_> = found.iter().map(|c| c.directory.display().to_string()).collect();
    Err(Error::new(doing, io::Error::other("several have that name"))
        .hint(format!("name one of them with --cgroup: {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f2a9c0123456789abcdef0123456789abcdef0123456789abcdef0123456789";

    #[test]
    fn a_container_is_found_by_every_runtimes_name_for_its_cgroup() {
        for form in [
            "ID",
            "docker-ID.scope",
            "libpod-ID.scope",
            "cri-containerd-ID.scope",
            "crio-ID",
            "x:cri-containerd:ID",
        ] {
            let name = form.replace("ID", ID);
            assert!(is_of_container(&name, ID) && is_of_container(&name, "3f2a9c01"), "{name}");
            assert!(!is_of_container(&name, "2a9c01"), "{name}: the middle of an id is no id");
        }
        assert!(is_of_container("mine", "mine") && !is_of_container("mine", "min"));
        for helper in ["crio-conmon-ID.scope", "libpod-conmon-ID.scope"] {
            assert!(!is_of_container(&helper.replace("ID", ID), ID), "{helper}");
        }
    }

    #[test]
    fn hierarchies_are_told_apart_by_their_mounts() {
        let found = |line: &str| hierarchy(line).map(|h| (h.mount.display().to_string(), h.controller));
        assert_eq!(
            found("29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"),
            Some(("/sys/fs/cgroup".to_owned(), None))
        );
        assert_eq!(
            found("32 31 0:29 / /sys/fs/cgroup/a\\040b rw - cgroup cgroup rw,cpu,cpuacct"),
            Some(("/sys/fs/cgroup/a b".to_owned(), Some("cpu".to_owned())))
        );
        assert_eq!(
            found("32 31 0:29 / /s rw - cgroup cgroup rw,xattr,name=systemd"),
            Some(("/s".to_owned(), Some(String::new())))
        );
        let text = "12:pids:/a\n4:cpu,cpuacct:/\n1:name=systemd:/\n0::/b\n";
        assert_eq!(["pids", "cpuacct", "memory"].map(|c| number_of(text, c)), [Some(12), Some(4), None]);
        assert_eq!(found("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755"), None);
    }
}
