//! The input of a filter, in words: what a proof shows where two things are not the same.

use callgate_core::{Arch, Call, SeccompData, args, sysno};

/// The call.
pub(crate) fn call(data: &SeccompData) -> String {
    let Some(Call { arch, nr, args }) = data.to_call() else {
        return format!("call {} of architecture {:#x}", data.nr, data.arch);
    };
    let text = match sysno::name(arch, nr) {
        Some(name) => args::format_call(arch, name, &args),
        None => format!("system call {nr}"),
    };
    let text = if Arch::native() == Some(arch) { text } else { format!("{text} through {arch}") };
    // Profiles cannot name it, so that it is zero where it does not matter.
    match data.instruction_pointer {
        0 => text,
        pointer => format!("{text} from {pointer:#x}"),
    }
}
