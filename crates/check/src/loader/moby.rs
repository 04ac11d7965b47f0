//! Docker's daemon (github.com/moby/profiles, `seccomp/seccomp_linux.go`, LoadProfile and setupSeccomp).

use callgate_core::Arch;
use callgate_core::baseline::Machine;
use callgate_core::sysno::Kernel;

use super::{Loaded, excluded, included, is_nothing, mapped, written};
use crate::document::{Circumstances, Document, MinKernel, Refusal};

pub(super) fn load(document: Document, machine: &Machine) -> Result<Loaded, Refusal> {
    check_kernels(&document)?;
    if is_nothing(&document) {
        return Ok(Loaded::Unconfined);
    }
    if !document.architectures.is_empty() && !document.arch_map.is_empty() {
        return Err(Refusal::new("both 'architectures' and 'archMap' are specified in the seccomp profile"));
    }
    if !document.arch_map.is_empty() && machine.arch == Arch::Loongarch64 {
        return Ok(Loaded::Undecided(
            "do not rely on `archMap` on this architecture; list `architectures`".to_owned(),
        ));
    }
    expand(document, machine).map(written).map(Box::new).map(Loaded::Profile)
}

fn expand(mut document: Document, machine: &Machine) -> Result<Document, Refusal> {
    document.architectures.extend(mapped(&document, machine));
    let mut rules = Vec::with_capacity(document.rules.len());
    for mut entry in document.rules {
        if !entry.name.is_empty() {
            if !entry.names.is_empty() {
                let message = "both 'name' and 'names' are specified in the seccomp profile";
                return Err(Refusal::new(message).in_rule(&entry));
            }
            entry.names.push(entry.name.clone());
        }
        let reached = |c: &Circumstances| kernel(c).map(|kernel| machine.kernel >= kernel);
        let out = excluded(&entry.excludes, machine) || reached(&entry.excludes) == Some(true);
        if !out && included(&entry.includes, machine) && reached(&entry.includes) != Some(false) {
            rules.push(entry);
        }
    }
    Ok(Document { rules, ..document })
}

/// `minKernel`, which was checked; an empty one is 0.0, which every kernel reaches.
fn kernel(circumstances: &Circumstances) -> Option<Kernel> {
    match circumstances.min_kernel.as_ref()? {
        MinKernel::Text(text) => Some(parsed(text).unwrap_or(Kernel::new(0, 0))),
        MinKernel::Other(_) => None,
    }
}

/// Two numbers of one byte each, not both 0.
fn parsed(text: &str) -> Option<Kernel> {
    let (kernel, major) = text.split_once('.')?;
    let number = |digits: &str| {
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u8>().ok()).flatten().map(u16::from)
    };
    let version = Kernel::new(number(kernel)?, number(major)?);
    (version != Kernel::new(0, 0)).then_some(version)
}

/// A `minKernel` that is no kernel is an error while the file is read, wherever it stands.
fn check_kernels(document: &Document) -> Result<(), Refusal> {
    for entry in &document.rules {
        for circumstances in [&entry.includes, &entry.excludes] {
            let wrong = match &circumstances.min_kernel {
                Some(MinKernel::Text(text)) if !text.is_empty() && parsed(text).is_none() => {
                    format!("\"{text}\"")
                }
                Some(MinKernel::Other(json)) => json.clone(),
                _ => continue,
            };
            let message = format!("Decoding seccomp profile failed: invalid kernel version: {wrong}");
            return Err(Refusal::new(message).in_rule(entry));
        }
    }
    Ok(())
}
