//! Any bytes are a filter or an error. Whatever a filter does, it is shown, emulated and checked; one that the kernel
//! would take ends with a value for every call, and what its allow bitmap answers is allowed.
#![no_main]

use callgate_bpf::prove::equal;
use callgate_bpf::{Program, Proof, bitmap, check, disasm, path};
use callgate_core::{Action, Arch, SeccompData};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(program) = Program::from_bytes(bytes) else { return };
    assert_eq!(program.to_bytes(), bytes, "writing what was read changes it");
    for arch in [None, Some(Arch::X86_64), Some(Arch::X32), Some(Arch::S390x)] {
        assert_eq!(disasm::lines(&program, arch).len(), program.insns().len());
    }
    assert!(disasm::readable(&program, &[Arch::X86_64]).starts_with("x86_64:"));
    let accepted = check(&program).is_ok();
    // A program is itself, unless nobody can tell what it does; and only such that the kernel takes are anything.
    match equal(&program, &program) {
        Proof::Equal => assert!(accepted),
        Proof::Undecided(_) => {}
        Proof::Differs(found) => panic!("it differs from itself: {found:?}"),
    }
    for arch in Arch::ALL {
        for nr in [0, 1, 41, 500, 0x4000_0000, u32::MAX] {
            let data =
                SeccompData { nr, arch: arch.token(), instruction_pointer: 7, args: [u64::from(nr); 6] };
            let ran = path(&program, &data);
            assert!(ran.is_ok() || !accepted, "a filter the kernel takes has no result");
            if accepted && bitmap::always_allowed(&program, arch.token(), nr) {
                assert_eq!(ran.map(|path| path.ret), Ok(Action::Allow.to_ret()));
            }
        }
    }
});
