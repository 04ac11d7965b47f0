//! The input of a filter, in words: what a proof shows where two things are not the same.

use callgate_core::{Arch, Call, SeccompData, args, sysno};

/// The call, on this machine: an architecture that is not its own is named.
pub(crate) fn call(data: &SeccompData) -> String {
    call_on(Arch::native(), data)
}

/// The call, on a machine of that architecture.
pub(crate) fn call_on(home: Option<Arch>, data: &SeccompData) -> String {
    let Some(Call { arch, nr, args }) = data.to_call() else {
        return format!("call {} of architecture {:#x}", data.nr, data.arch);
    };
    let text = match sysno::name(arch, nr) {
        Some(name) => args::format_call(arch, name, &args),
        None => format!("system call {nr}"),
    };
    let text = if home == Some(arch) { text } else { format!("{text} through {arch}") };
    // Profiles cannot name it, so that it is zero where it does not matter.
    match data.instruction_pointer {
        0 => text,
        pointer => format!("{text} from {pointer:#x}"),
    }
}
