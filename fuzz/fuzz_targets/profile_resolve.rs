//! What loaders and runtimes make of any text: an answer or a refusal that says who refuses.
#![no_main]

use callgate_check::resolve::resolve;
use callgate_check::target::{Loader, Target};
use callgate_core::baseline::{Kernel, Machine};
use callgate_core::{Arch, Call};
use libfuzzer_sys::fuzz_target;

const RUNTIMES: [Option<&str>; 7] =
    [None, Some("runc@1.1.5"), Some("runc"), Some("crun"), Some("youki"), Some("kata"), Some("gvisor")];

fuzz_target!(|bytes: &[u8]| {
    let [which, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let loader = Loader::ALL[usize::from(*which) % Loader::ALL.len()];
    let runtime = RUNTIMES[usize::from(*which) / Loader::ALL.len() % RUNTIMES.len()];
    let machine = Machine::new(Arch::X86_64, Kernel::new(6, 18), ["CAP_SYS_ADMIN"]);
    let runtime = runtime.map(|name| name.parse().expect("a runtime"));
    let target = Target { loader, runtime, machine, libseccomp: None, no_new_privs: false };
    match resolve(text, &target) {
        Ok(found) => {
            for (arch, nr) in [(Arch::X86_64, 0), (Arch::X86, 102), (Arch::X32, 41), (Arch::Aarch64, 198)] {
                let fate = found.fate(&Call::new(arch, nr, [1, 2, 3, 4, 5, 6]));
                let meant =
                    found.meaning().map(|meaning| meaning.action(&Call::new(arch, nr, [1, 2, 3, 4, 5, 6])));
                assert!(fate.action.is_none() || meant.is_none() || fate.action == meant);
            }
        }
        Err(refusal) => assert!(!refusal.by.is_empty() && !refusal.message.is_empty()),
    }
});
