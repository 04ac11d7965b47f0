//! The kernel's acceptance test for a filter, restated.
//!
//! `net/core/filter.c` (`bpf_check_classic`, `check_load_and_stores`) and `kernel/seccomp.c` (`seccomp_prepare_filter`,
//! `seccomp_check_filter`): what passes here is taken by seccomp(2), what fails here is EINVAL there.

use crate::insn::{DATA_SIZE, Insn, MAX_INSNS, MEM_WORDS, Program, op};

/// Why the kernel would refuse a program. Indexes count instructions from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No instruction at all.
    #[error("the program is empty")]
    Empty,
    /// Too many instructions.
    #[error("the program has {0} instructions; the kernel takes at most {MAX_INSNS}")]
    TooLong(usize),
    /// An opcode seccomp does not allow.
    #[error("instruction {index}: opcode {code:#06x} is not allowed in a seccomp filter")]
    Opcode {
        /// Where.
        index: usize,
        /// What.
        code: u16,
    },
    /// A load outside `struct seccomp_data` or across its words.
    #[error("instruction {index}: load at {offset} is not a word of the 64 bytes of seccomp_data")]
    Load {
        /// Where.
        index: usize,
        /// Of what.
        offset: u32,
    },
    /// A jump beyond the end.
    #[error("instruction {0}: jump beyond the end of the program")]
    Jump(usize),
    /// Division by a constant zero, or a shift by 32 or more.
    #[error("instruction {0}: operand out of range for the operation")]
    Operand(usize),
    /// A scratch memory word that does not exist.
    #[error("instruction {0}: there are only {MEM_WORDS} words of scratch memory")]
    Memory(usize),
    /// A scratch memory word read on a path that has not written it.
    #[error("instruction {0}: scratch memory is read before it is written")]
    Uninitialised(usize),
    /// The last instruction is no return.
    #[error("the last instruction is no return")]
    NoReturn,
}

/// Checks a program as the kernel does before it loads it.
pub fn check(program: &Program) -> Result<(), CheckError> {
    let insns = program.insns();
    let last = insns.last().ok_or(CheckError::Empty)?;
    if insns.len() > MAX_INSNS {
        return Err(CheckError::TooLong(insns.len()));
    }
    for (index, insn) in insns.iter().enumerate() {
        check_insn(index, *insn, insns.len())?;
    }
    if !matches!(last.code, op::RET_K | op::RET_A) {
        return Err(CheckError::NoReturn);
    }
    check_memory(insns)
}

/// Whether a file that should be something else is a filter: whole instructions with opcodes that seccomp knows, the
/// last of them a return. No text is: the upper byte of every opcode is zero.
pub fn looks_like_filter(bytes: &[u8]) -> bool {
    let Ok(program) = Program::from_bytes(bytes) else { return false };
    let (insns, length) = (program.insns(), program.insns().len());
    let known = |(index, insn): (usize, &Insn)| {
        !matches!(check_insn(index, *insn, length), Err(CheckError::Opcode { .. }))
    };
    insns.last().is_some_and(|last| matches!(last.code, op::RET_K | op::RET_A))
        && insns.iter().enumerate().all(known)
}

/// The allowed opcodes whose operand may be anything.
const UNCONDITIONAL: [u16; 24] = [
    op::LD_IMM,
    op::LDX_IMM,
    op::LD_W_LEN,
    op::LDX_W_LEN,
    op::RET_K,
    op::RET_A,
    op::TAX,
    op::TXA,
    op::ADD_K,
    op::ADD_X,
    op::SUB_K,
    op::SUB_X,
    op::MUL_K,
    op::MUL_X,
    op::DIV_X,
    op::NEG,
    op::AND_K,
    op::AND_X,
    op::OR_K,
    op::OR_X,
    op::XOR_K,
    op::XOR_X,
    op::LSH_X,
    op::RSH_X,
];

fn check_insn(index: usize, insn: Insn, len: usize) -> Result<(), CheckError> {
    // Instructions behind this one; every jump must land on one of them.
    let behind = len - index - 1;
    let ok = |good: bool, error: CheckError| if good { Ok(()) } else { Err(error) };
    match insn.code {
        op::LD_W_ABS => {
            let good = insn.k < DATA_SIZE && insn.k.is_multiple_of(4);
            ok(good, CheckError::Load { index, offset: insn.k })
        }
        op::LD_MEM | op::LDX_MEM | op::ST | op::STX => {
            ok((insn.k as usize) < MEM_WORDS, CheckError::Memory(index))
        }
        op::DIV_K => ok(insn.k != 0, CheckError::Operand(index)),
        op::LSH_K | op::RSH_K => ok(insn.k < 32, CheckError::Operand(index)),
        op::JA => ok((insn.k as usize) < behind, CheckError::Jump(index)),
        op::JEQ_K | op::JEQ_X | op::JGT_K | op::JGT_X | op::JGE_K | op::JGE_X | op::JSET_K | op::JSET_X => {
            ok(usize::from(insn.jt.max(insn.jf)) < behind, CheckError::Jump(index))
        }
        code => ok(UNCONDITIONAL.contains(&code), CheckError::Opcode { index, code }),
    }
}

/// No path reads a scratch word it has not written (`check_load_and_stores`). Jumps are known to be in range.
fn check_memory(insns: &[Insn]) -> Result<(), CheckError> {
    // Per instruction, the words written on every path that jumps to it; and those of the path that falls through.
    let mut jumped = vec![u16::MAX; insns.len()];
    let mut written = 0;
    for (index, insn) in insns.iter().enumerate() {
        written &= jumped[index];
        let word = 1u16.checked_shl(insn.k).unwrap_or(0);
        match insn.code {
            op::ST | op::STX => written |= word,
            op::LD_MEM | op::LDX_MEM if written & word == 0 => return Err(CheckError::Uninitialised(index)),
            op::JA => {
                jumped[index + 1 + insn.k as usize] &= written;
                written = u16::MAX;
            }
            op::JEQ_K
            | op::JEQ_X
            | op::JGT_K
            | op::JGT_X
            | op::JGE_K
            | op::JGE_X
            | op::JSET_K
            | op::JSET_X => {
                jumped[index + 1 + usize::from(insn.jt)] &= written;
                jumped[index + 1 + usize::from(insn.jf)] &= written;
                written = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(insns: &[Insn]) -> Result<(), CheckError> {
        check(&Program(insns.to_vec()))
    }

    const RET: Insn = Insn { code: op::RET_K, jt: 0, jf: 0, k: 0 };

    #[test]
    fn jumps_have_to_stay_inside() {
        assert_eq!(verdict(&[Insn::jump(op::JEQ_K, 0, 0, 1), RET, RET]), Ok(()));
        assert_eq!(verdict(&[Insn::jump(op::JEQ_K, 0, 0, 2), RET, RET]), Err(CheckError::Jump(0)));
        assert_eq!(verdict(&[Insn::stmt(op::JA, 0), RET]), Ok(()));
        assert_eq!(verdict(&[Insn::stmt(op::JA, 1), RET]), Err(CheckError::Jump(0)));
        assert_eq!(verdict(&[Insn::stmt(op::JA, u32::MAX), RET]), Err(CheckError::Jump(0)));
    }

    #[test]
    fn loads_have_to_be_words_of_the_data() {
        assert_eq!(verdict(&[Insn::stmt(op::LD_W_ABS, 60), RET]), Ok(()));
        for offset in [64, 2, u32::MAX] {
            assert_eq!(
                verdict(&[Insn::stmt(op::LD_W_ABS, offset), RET]),
                Err(CheckError::Load { index: 0, offset })
            );
        }
    }

    #[test]
    fn the_end_has_to_be_a_return_and_the_length_within_the_limit() {
        assert_eq!(verdict(&[]), Err(CheckError::Empty));
        assert_eq!(verdict(&[Insn::stmt(op::LD_IMM, 0)]), Err(CheckError::NoReturn));
        assert_eq!(verdict(&vec![RET; 4096]), Ok(()));
        assert_eq!(verdict(&vec![RET; 4097]), Err(CheckError::TooLong(4097)));
    }

    #[test]
    fn half_word_loads_and_modulo_are_not_for_seccomp() {
        for code in [0x28, 0x30, 0x40, 0x94, 0x9c, 0xffff] {
            assert_eq!(verdict(&[Insn::stmt(code, 0), RET]), Err(CheckError::Opcode { index: 0, code }));
        }
    }

    #[test]
    fn operands_have_to_be_in_range() {
        assert_eq!(verdict(&[Insn::stmt(op::DIV_K, 0), RET]), Err(CheckError::Operand(0)));
        assert_eq!(verdict(&[Insn::stmt(op::LSH_K, 32), RET]), Err(CheckError::Operand(0)));
        assert_eq!(verdict(&[Insn::stmt(op::ST, 16), RET]), Err(CheckError::Memory(0)));
    }

    #[test]
    fn memory_has_to_be_written_on_every_path() {
        let (store, load) = (Insn::stmt(op::ST, 3), Insn::stmt(op::LD_MEM, 3));
        assert_eq!(verdict(&[store, load, RET]), Ok(()));
        assert_eq!(verdict(&[load, RET]), Err(CheckError::Uninitialised(0)));
        let branch = Insn::jump(op::JEQ_K, 0, 0, 1);
        assert_eq!(verdict(&[branch, store, load, RET]), Err(CheckError::Uninitialised(2)));
    }
}
