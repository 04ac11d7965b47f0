//! What the programs that read a profile's file hand to the container runtime.

mod containerd;
mod containers_common;
mod moby;
mod overlooked;

use callgate_core::baseline::Machine;
use callgate_core::{Arch, Diagnostic};

use crate::dialect::Dialect;
use crate::document::{Circumstances, Document, Refusal};
use crate::target::Loader;

/// What becomes of a profile's file on its way to the runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// This is handed over.
    Profile(Box<Document>),
    /// Nothing is handed over: the container starts without a filter.
    Unconfined,
    /// What is handed over depends on what cannot be relied on.
    Undecided(String),
}

/// What `loader` makes of a file. [`Loader::Oci`] is nobody; what it is given goes on as it is, read as `dialect` does.
/// What counts for nothing on the way is added to `notes`.
pub fn load(
    loader: Loader,
    (text, dialect): (&str, Dialect),
    machine: &Machine,
    notes: &mut Vec<Diagnostic>,
) -> Result<Loaded, Refusal> {
    let dialect = if loader == Loader::Oci { dialect } else { Dialect::Go };
    let read = dialect.read(text).map_err(|refusal| match loader {
        Loader::Oci => refusal,
        Loader::Moby => refusal.after("Decoding seccomp profile failed").by(who(loader)),
        _ => refusal.after("decoding seccomp profile failed").by(who(loader)),
    });
    let document = read?;
    notes.extend(overlooked::notes(loader, &document));
    let loaded = match loader {
        Loader::Oci => Ok(Loaded::Profile(Box::new(document))),
        Loader::Moby => moby::load(document, machine),
        Loader::ContainersCommon | Loader::CriO => containers_common::load(document, machine),
        Loader::Containerd => Ok(containerd::load(document)),
    };
    loaded.map_err(|refusal| refusal.by(who(loader)))
}

/// The loader in a sentence.
pub fn who(loader: Loader) -> &'static str {
    match loader {
        Loader::Oci => "nobody",
        Loader::Moby => "Docker's daemon",
        Loader::ContainersCommon => "Podman (containers-common)",
        Loader::CriO => "CRI-O (containers-common)",
        Loader::Containerd => "containerd",
    }
}

/// The name of an architecture in `includes` and `excludes`: libseccomp's, as its Go binding prints it
/// (seccomp/libseccomp-golang, `seccomp.go`, ScmpArch.String), not uname's and not Go's.
pub fn arch_name(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "amd64",
        Arch::X86 => "x86",
        Arch::X32 => "x32",
        Arch::Aarch64 => "arm64",
        Arch::Arm => "arm",
        Arch::Riscv64 => "riscv64",
        Arch::S390x => "s390x",
        Arch::Ppc64le => "ppc64le",
        Arch::Loongarch64 => "loongarch64",
    }
}

/// Whether `excludes` names the machine's architecture or any of its capabilities.
fn excluded(excludes: &Circumstances, machine: &Machine) -> bool {
    excludes.arches.iter().any(|arch| arch == arch_name(machine.arch))
        || excludes.caps.iter().any(|cap| machine.caps.contains(cap))
}

/// Whether `includes` names the machine's architecture, if it names any, and none but its capabilities.
fn included(includes: &Circumstances, machine: &Machine) -> bool {
    (includes.arches.is_empty() || includes.arches.iter().any(|arch| arch == arch_name(machine.arch)))
        && includes.caps.iter().all(|cap| machine.caps.contains(cap))
}

/// No default action and no rule: Go's loaders and runc take it for "no seccomp".
pub(crate) fn is_nothing(document: &Document) -> bool {
    document.default_action.as_deref().unwrap_or_default().is_empty() && document.rules.is_empty()
}

/// The architectures of the machine's entry in `archMap`.
fn mapped(document: &Document, machine: &Machine) -> Vec<String> {
    let entry = document.arch_map.iter().find(|entry| entry.architecture == machine.arch.oci());
    entry.into_iter().flat_map(|e| std::iter::once(&e.architecture).chain(&e.others)).cloned().collect()
}

/// The document as Go writes it into a bundle: an empty list of flags is not written (`omitempty`), and read as none.
fn written(mut document: Document) -> Document {
    document.flags = document.flags.filter(|flags| !flags.is_empty());
    document.default_action.get_or_insert_default();
    document.arch_map.clear();
    document.default_errno_name = None;
    for entry in &mut document.rules {
        entry.name.clear();
        entry.errno_name.clear();
        (entry.includes, entry.excludes) = Default::default();
    }
    document
}
