//! The calls that tasks wait in when a recording begins: they were begun before, and may not be begun again.
//!
//! A server that waits in accept(2) for as long as it is recorded needs accept(2) at its next start.

use std::fs;
use std::io::Read as _;

use callgate_core::Arch;
use callgate_core::trace::{Observation, Outcome, Phase};

use super::events::executable_of;

/// Machines in the header of an executable (`include/uapi/linux/elf-em.h`), and what their programs' calls are asked as.
const MACHINES: [(u16, Arch); 4] =
    [(3, Arch::X86), (62, Arch::X86_64), (40, Arch::Arm), (183, Arch::Aarch64)];

/// What the threads of a process wait in, as `/proc/PID/task/TID/syscall` has it (`proc_pid_syscall(5)`).
///
/// Which ABI a number belongs to is not in that file: it is taken for that of the executable.
pub(super) fn calls(pid: i32) -> Vec<Observation> {
    let Some(arch) = abi(pid) else { return Vec::new() };
    let executable = executable_of(pid as u32).unwrap_or_default();
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let texts = threads.filter_map(|thread| fs::read_to_string(thread.path().join("syscall")).ok());
    texts.filter_map(|text| waiting(&text, arch, &executable)).collect()
}

/// A line of that file: number, six arguments, stack, instruction; `running`, or -1 for no call.
fn waiting(text: &str, arch: Arch, executable: &str) -> Option<Observation> {
    let mut words = text.split_whitespace();
    let nr = u32::try_from(words.next()?.parse::<i64>().ok()?).ok()?;
    let (arch, nr) = Arch::split(arch.token(), nr)?;
    let mut args = [0; 6];
    for arg in &mut args {
        *arg = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some(Observation {
        arch,
        nr,
        args,
        outcome: Outcome::Made,
        count: None,
        phase: Phase::Unphased,
        executable: executable.to_owned(),
        at_ms: 0,
    })
}

/// The ABI of a process's executable. Threads of the kernel have none.
fn abi(pid: i32) -> Option<Arch> {
    let mut head = [0; 20];
    fs::File::open(format!("/proc/{pid}/exe")).ok()?.read_exact(&mut head).ok()?;
    // `e_machine`, in the byte order of the machine, since it runs here.
    let machine = u16::from_ne_bytes([head[18], head[19]]);
    MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, arch)| *arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_shows_its_call_and_one_that_runs_none() {
        let line = "288 0x3 0x0 0x7ffe10 0x80000 0x0 0xffffffffffffffff 0x7ffd 0x7f12\n";
        let seen = waiting(line, Arch::X86_64, "/bin/x").unwrap();
        assert_eq!((seen.arch, seen.nr, seen.args[0], seen.args[5]), (Arch::X86_64, 288, 3, u64::MAX));
        for none in ["running\n", "-1 0x7ffd 0x7f12\n", "", "288 0x3\n", "288 3 0 0 0 0 0\n"] {
            assert_eq!(waiting(none, Arch::X86_64, ""), None, "{none}");
        }
    }

    #[test]
    fn this_process_is_of_this_machine() {
        assert_eq!(abi(std::process::id() as i32), Arch::native());
        assert_eq!(abi(-1), None);
    }
}
