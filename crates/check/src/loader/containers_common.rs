//! Podman, Buildah and CRI-O (github.com/containers/common, `pkg/seccomp/seccomp_linux.go`, LoadProfile and setupSeccomp).
//!
//! The same language as Docker's with errno by name, and without `minKernel`, which counts for nothing here.

use callgate_core::baseline::Machine;
use callgate_core::{Arch, errno};

use super::{Loaded, excluded, included, is_nothing, mapped, written};
use crate::document::{Document, Refusal};

/// Architectures whose `archMap` is looked at (`nativeToSeccomp`); on all others it counts for nothing.
const MAPPED: [Arch; 3] = [Arch::X86_64, Arch::Aarch64, Arch::S390x];

pub(super) fn load(document: Document, machine: &Machine) -> Result<Loaded, Refusal> {
    if is_nothing(&document) {
        return Ok(Loaded::Unconfined);
    }
    if !document.architectures.is_empty() && !document.arch_map.is_empty() {
        return Err(Refusal::new("'architectures' and 'archMap' were specified in the seccomp profile"));
    }
    expand(document, machine).map(written).map(Box::new).map(Loaded::Profile)
}

fn expand(mut document: Document, machine: &Machine) -> Result<Document, Refusal> {
    if MAPPED.contains(&machine.arch) {
        document.architectures.extend(mapped(&document, machine));
    }
    let name = document.default_errno_name.take().unwrap_or_default();
    document.default_errno = number(&name, document.default_errno)?;
    let mut rules = Vec::with_capacity(document.rules.len());
    for mut entry in document.rules {
        if excluded(&entry.excludes, machine) || !included(&entry.includes, machine) {
            continue;
        }
        if !entry.name.is_empty() && !entry.names.is_empty() {
            let message = "'name' and 'names' were specified in the seccomp profile";
            return Err(Refusal::new(message).in_rule(&entry));
        }
        entry.errno = number(&entry.errno_name, entry.errno).map_err(|refusal| refusal.in_rule(&entry))?;
        if !entry.name.is_empty() {
            entry.names.push(entry.name.clone());
        }
        if !entry.names.is_empty() {
            rules.push(entry);
        }
    }
    Ok(Document { rules, ..document })
}

/// An errno by name or in digits; where there is none, the number beside it.
fn number(name: &str, otherwise: Option<u64>) -> Result<Option<u64>, Refusal> {
    if name.is_empty() {
        return Ok(otherwise);
    }
    let digits = name.bytes().all(|b| b.is_ascii_digit()).then(|| name.parse::<u32>().ok()).flatten();
    let number = digits.or_else(|| errno::number(name).map(u32::from));
    number.map(|n| Some(n.into())).ok_or_else(|| Refusal::new(format!("unknown errno {name}")))
}
