//! The kernel's allow bitmap: calls that are allowed without running the filter.
//!
//! `kernel/seccomp.c`, `seccomp_cache_prepare_bitmap` and `seccomp_is_const_allow` (Linux 5.11): when a filter is
//! installed, the kernel goes through it once for every number of its own ABI and of its 32-bit one, knowing the number
//! and the architecture and nothing else. Where that leads to an unconditional allow, a bit is set, and such a call runs
//! no filter from then on.

use callgate_core::arch::X32_BIT;

use crate::insn::{Insn, OFFSET_ARCH, OFFSET_NR, Program, op};

/// `SECCOMP_RET_ALLOW`, `include/uapi/linux/seccomp.h`. With data below it, it is no constant allow: the kernel compares
/// the whole word.
const RET_ALLOW: u32 = 0x7fff_0000;

/// What the kernel finds out about one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emulation {
    /// Whether the filter allows the number whatever else is in the call.
    pub allowed: bool,
    /// How many instructions were looked at, the one that decided included. The kernel does this under a lock when it
    /// installs the filter, for every number.
    pub executed: usize,
}

/// Whether the bitmap answers the call, so that the filter does not run for it.
///
/// `token` is an `AUDIT_ARCH_*` value, `nr` a raw number. The bitmap ends with the last number of the kernel's table,
/// which depends on the kernel; what is said here of numbers beyond it is what it would find. Numbers of x32 are always
/// beyond (`seccomp_cache_check_allow_bitmap`).
///
/// Kernels from 6.14 on set the bit of x86_64's `uretprobe` whatever the filter says; that is not told here.
pub fn always_allowed(program: &Program, token: u32, nr: u32) -> bool {
    nr < X32_BIT && emulate(program, token, nr).allowed
}

/// Goes through the filter as the kernel does for its bitmap. Numbers from `0x4000_0000` up are no different here.
pub fn emulate(program: &Program, token: u32, nr: u32) -> Emulation {
    let (mut a, mut index, mut executed) = (0u32, 0usize, 0usize);
    // Every step goes forward, so this ends.
    while let Some(insn) = program.insns().get(index) {
        executed += 1;
        let skip = match insn.code {
            op::LD_W_ABS if insn.k == OFFSET_NR => load(&mut a, nr),
            op::LD_W_ABS if insn.k == OFFSET_ARCH => load(&mut a, token),
            op::RET_K => return Emulation { allowed: insn.k == RET_ALLOW, executed },
            op::JA => insn.k as usize,
            op::JEQ_K => taken(*insn, a == insn.k),
            op::JGE_K => taken(*insn, a >= insn.k),
            op::JGT_K => taken(*insn, a > insn.k),
            op::JSET_K => taken(*insn, a & insn.k != 0),
            op::AND_K => {
                a &= insn.k;
                0
            }
            // Anything else, a load of an argument included, is not constant to the kernel.
            _ => return Emulation { allowed: false, executed },
        };
        index = index.saturating_add(1).saturating_add(skip);
    }
    Emulation { allowed: false, executed }
}

fn load(a: &mut u32, value: u32) -> usize {
    *a = value;
    0
}

fn taken(insn: Insn, holds: bool) -> usize {
    usize::from(if holds { insn.jt } else { insn.jf })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: u32 = 0xc000_003e;
    const ALLOW: (u16, u32) = (op::RET_K, RET_ALLOW);

    fn cached(insns: &[(u16, u32)], nr: u32) -> bool {
        let program = Program(insns.iter().map(|(code, k)| Insn::stmt(*code, *k)).collect());
        always_allowed(&program, TOKEN, nr)
    }

    #[test]
    fn the_instructions_the_kernel_follows_keep_a_number_in_the_bitmap() {
        for insn in [
            (op::LD_W_ABS, OFFSET_NR),
            (op::LD_W_ABS, OFFSET_ARCH),
            (op::JA, 0),
            (op::JEQ_K, 1),
            (op::JGT_K, 1),
            (op::JGE_K, 1),
            (op::JSET_K, 1),
            (op::AND_K, 1),
        ] {
            assert!(cached(&[insn, ALLOW], 7), "{insn:x?}");
        }
    }

    #[test]
    fn what_is_looked_at_is_counted_up_to_what_decides() {
        let insns = [(op::LD_W_ABS, 0), (op::JA, 1), (op::RET_K, 0), (op::LD_W_ABS, 16), (op::RET_K, 1)];
        let program =
            |insns: &[(u16, u32)]| Program(insns.iter().map(|(code, k)| Insn::stmt(*code, *k)).collect());
        // A jump that leads on counts, too, and the load of an argument ends it.
        assert_eq!(emulate(&program(&insns), 0, 7), Emulation { allowed: false, executed: 3 });
        assert_eq!(emulate(&program(&insns[..3]), 0, 7), Emulation { allowed: false, executed: 2 });
        let returned = [(op::LD_W_ABS, 4), (op::RET_K, RET_ALLOW)];
        assert_eq!(emulate(&program(&returned), 0, 7), Emulation { allowed: true, executed: 2 });
    }

    #[test]
    fn any_other_instruction_on_the_path_keeps_a_number_out_of_the_bitmap() {
        let loads = (8..64).step_by(4).map(|offset| (op::LD_W_ABS, offset));
        let others = [
            op::LD_IMM,
            op::LD_MEM,
            op::LD_W_LEN,
            op::LDX_IMM,
            op::LDX_MEM,
            op::LDX_W_LEN,
            op::ST,
            op::STX,
            op::ADD_K,
            op::ADD_X,
            op::SUB_K,
            op::SUB_X,
            op::MUL_K,
            op::MUL_X,
            op::DIV_K,
            op::DIV_X,
            op::OR_K,
            op::OR_X,
            op::AND_X,
            op::LSH_K,
            op::LSH_X,
            op::RSH_K,
            op::RSH_X,
            op::NEG,
            op::XOR_K,
            op::XOR_X,
            op::JEQ_X,
            op::JGT_X,
            op::JGE_X,
            op::JSET_X,
            op::RET_A,
            op::TAX,
            op::TXA,
        ];
        for insn in loads.chain(others.map(|code| (code, 1))) {
            assert!(!cached(&[insn, ALLOW], 7), "{insn:x?}");
            // Where the path does not come by, it does no harm.
            assert!(cached(&[(op::JA, 1), insn, ALLOW], 7), "{insn:x?}");
        }
    }

    #[test]
    fn only_the_plain_allow_counts() {
        for ret in [0, 0x5_0000, 0x7ffc_0000, 0x7ff0_0000, 0x7fff_0001, 0x7fff_ffff] {
            assert!(!cached(&[(op::RET_K, ret)], 7), "{ret:x}");
        }
        assert!(!cached(&[(op::LD_W_ABS, 0)], 7), "control leaves the program");
        assert!(!cached(&[(op::JA, u32::MAX), ALLOW], 7), "control leaves the program");
    }

    #[test]
    fn numbers_of_x32_are_beyond_the_bitmap() {
        assert!(cached(&[ALLOW], X32_BIT - 1));
        assert!(!cached(&[ALLOW], X32_BIT) && !cached(&[ALLOW], u32::MAX));
    }

    #[test]
    fn the_instructions_looked_at_are_counted_with_the_one_that_decides() {
        let program = Program(vec![
            Insn::stmt(op::LD_W_ABS, OFFSET_NR),
            Insn::jump(op::JEQ_K, 3, 1, 0),
            Insn::stmt(op::LD_W_ABS, 16),
            Insn::stmt(op::RET_K, RET_ALLOW),
        ]);
        assert_eq!(emulate(&program, TOKEN, 3), Emulation { allowed: true, executed: 3 });
        assert_eq!(emulate(&program, TOKEN, 4), Emulation { allowed: false, executed: 3 });
    }
}
