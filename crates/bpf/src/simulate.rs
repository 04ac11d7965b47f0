//! What a program returns for a call, instruction by instruction as the kernel runs it.
//!
//! `net/core/filter.c` (`bpf_convert_filter`): registers start as 0, arithmetic wraps at 32 bits, shift counts count
//! modulo 32, and division by a zero register ends the program with 0.

use callgate_core::SeccompData;

use crate::insn::{DATA_SIZE, Insn, MEM_WORDS, Program, is_big_endian, op};

/// Why a program has no result. None of it happens to a program that [`check`](crate::check()) passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    /// Control left the program.
    #[error("control reaches {0}, beyond the last instruction")]
    End(usize),
    /// An instruction the kernel would not have loaded.
    #[error("instruction {0} is not one the kernel would load")]
    Insn(usize),
}

/// A run: what came out and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The value returned, `SECCOMP_RET_*` with data.
    pub ret: u32,
    /// The instructions executed, in order.
    pub executed: Vec<usize>,
}

/// What the program returns for this input.
///
/// The halves of 64-bit fields lie as on the machine `data.arch` speaks of, so programs for a machine of the other byte
/// order can be simulated too.
pub fn run(program: &Program, data: &SeccompData) -> Result<u32, SimError> {
    execute(program, data, |_| {})
}

/// What the program returns for this input, and which instructions it went through.
pub fn path(program: &Program, data: &SeccompData) -> Result<Path, SimError> {
    let mut executed = Vec::new();
    let ret = execute(program, data, |index| executed.push(index))?;
    Ok(Path { ret, executed })
}

fn execute(program: &Program, data: &SeccompData, mut visit: impl FnMut(usize)) -> Result<u32, SimError> {
    let mut machine = Machine { data, a: 0, x: 0, memory: [0; MEM_WORDS] };
    let mut index = 0usize;
    loop {
        let insn = *program.insns().get(index).ok_or(SimError::End(index))?;
        visit(index);
        // Every step goes forward, so this ends.
        match machine.step(insn).ok_or(SimError::Insn(index))? {
            Next::Skip(count) => index = index.saturating_add(1).saturating_add(count),
            Next::Return(value) => return Ok(value),
        }
    }
}

struct Machine<'d> {
    data: &'d SeccompData,
    a: u32,
    x: u32,
    memory: [u32; MEM_WORDS],
}

enum Next {
    Skip(usize),
    Return(u32),
}

impl Machine<'_> {
    /// One instruction; `None` if the kernel would not have loaded it.
    fn step(&mut self, insn: Insn) -> Option<Next> {
        let k = insn.k;
        let slot = k as usize;
        match insn.code {
            op::LD_IMM => self.a = k,
            op::LDX_IMM => self.x = k,
            op::LD_W_ABS => self.a = word(self.data, k)?,
            // seccomp_check_filter replaces these by the size of the data.
            op::LD_W_LEN => self.a = DATA_SIZE,
            op::LDX_W_LEN => self.x = DATA_SIZE,
            op::LD_MEM => self.a = *self.memory.get(slot)?,
            op::LDX_MEM => self.x = *self.memory.get(slot)?,
            op::ST => *self.memory.get_mut(slot)? = self.a,
            op::STX => *self.memory.get_mut(slot)? = self.x,
            op::TAX => self.x = self.a,
            op::TXA => self.a = self.x,
            op::RET_K => return Some(Next::Return(k)),
            op::RET_A => return Some(Next::Return(self.a)),
            op::JA => return Some(Next::Skip(slot)),
            op::DIV_X if self.x == 0 => return Some(Next::Return(0)),
            _ => return self.jump(insn).or_else(|| self.alu(insn)),
        }
        Some(Next::Skip(0))
    }

    fn jump(&self, insn: Insn) -> Option<Next> {
        let holds = match insn.code {
            op::JEQ_K => self.a == insn.k,
            op::JEQ_X => self.a == self.x,
            op::JGT_K => self.a > insn.k,
            op::JGT_X => self.a > self.x,
            op::JGE_K => self.a >= insn.k,
            op::JGE_X => self.a >= self.x,
            op::JSET_K => self.a & insn.k != 0,
            op::JSET_X => self.a & self.x != 0,
            _ => return None,
        };
        Some(Next::Skip(usize::from(if holds { insn.jt } else { insn.jf })))
    }

    fn alu(&mut self, insn: Insn) -> Option<Next> {
        let (a, k, x) = (self.a, insn.k, self.x);
        self.a = match insn.code {
            op::ADD_K => a.wrapping_add(k),
            op::ADD_X => a.wrapping_add(x),
            op::SUB_K => a.wrapping_sub(k),
            op::SUB_X => a.wrapping_sub(x),
            op::MUL_K => a.wrapping_mul(k),
            op::MUL_X => a.wrapping_mul(x),
            op::DIV_K => a.checked_div(k)?,
            op::DIV_X => a.checked_div(x)?,
            op::AND_K => a & k,
            op::AND_X => a & x,
            op::OR_K => a | k,
            op::OR_X => a | x,
            op::XOR_K => a ^ k,
            op::XOR_X => a ^ x,
            op::LSH_K => a.checked_shl(k)?,
            op::LSH_X => a.wrapping_shl(x),
            op::RSH_K => a.checked_shr(k)?,
            op::RSH_X => a.wrapping_shr(x),
            op::NEG => a.wrapping_neg(),
            _ => return None,
        };
        Some(Next::Skip(0))
    }
}

/// The word of `struct seccomp_data` at `offset`.
fn word(data: &SeccompData, offset: u32) -> Option<u32> {
    if offset >= DATA_SIZE || !offset.is_multiple_of(4) {
        return None;
    }
    let wide = match offset {
        0 => return Some(data.nr),
        4 => return Some(data.arch),
        8 | 12 => data.instruction_pointer,
        _ => *data.args.get((offset as usize - 16) / 8)?,
    };
    let upper = offset.is_multiple_of(8) == is_big_endian(data.arch);
    Some(if upper { (wide >> 32) as u32 } else { wide as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(insns: &[(u16, u32)], data: &SeccompData) -> Result<u32, SimError> {
        run(&Program(insns.iter().map(|(code, k)| Insn::stmt(*code, *k)).collect()), data)
    }

    #[test]
    fn words_lie_as_the_machine_has_them() {
        let mut data =
            SeccompData { nr: 1, arch: 0xc000_003e, instruction_pointer: 0x22_0000_0011, args: [0; 6] };
        data.args[5] = 0x44_0000_0033;
        let load = |data: &SeccompData, offset| result(&[(op::LD_W_ABS, offset), (op::RET_A, 0)], data);
        assert_eq!(
            [0, 8, 12, 56, 60].map(|o| load(&data, o)),
            [Ok(1), Ok(0x11), Ok(0x22), Ok(0x33), Ok(0x44)]
        );
        data.arch = 0x8000_0016;
        assert_eq!([8, 12, 56, 60].map(|o| load(&data, o)), [Ok(0x22), Ok(0x11), Ok(0x44), Ok(0x33)]);
    }

    #[test]
    fn arithmetic_is_that_of_32_bit_registers() {
        let data = SeccompData::default();
        let x_is_33 =
            |code, a| result(&[(op::LDX_IMM, 33), (op::LD_IMM, a), (code, 0), (op::RET_A, 0)], &data);
        assert_eq!(x_is_33(op::LSH_X, 1), Ok(2));
        assert_eq!(x_is_33(op::ADD_X, u32::MAX), Ok(32));
        assert_eq!(x_is_33(op::DIV_X, 99), Ok(3));
        assert_eq!(x_is_33(op::NEG, 1), Ok(u32::MAX));
        assert_eq!(result(&[(op::LD_IMM, 9), (op::DIV_X, 0), (op::RET_K, 7)], &data), Ok(0));
        assert_eq!(
            result(&[(op::LD_W_LEN, 0), (op::TAX, 0), (op::STX, 2), (op::LD_MEM, 2), (op::RET_A, 0)], &data),
            Ok(64)
        );
    }

    #[test]
    fn programs_without_an_end_have_no_result() {
        let data = SeccompData::default();
        assert_eq!(result(&[(op::LD_IMM, 1)], &data), Err(SimError::End(1)));
        assert_eq!(result(&[(op::JA, u32::MAX)], &data), Err(SimError::End(1 << 32)));
        assert_eq!(result(&[(0x94, 1)], &data), Err(SimError::Insn(0)));
    }

    #[test]
    fn the_path_names_every_instruction_executed() {
        let program =
            Program(vec![Insn::jump(op::JEQ_K, 1, 0, 1), Insn::stmt(op::RET_K, 5), Insn::stmt(op::RET_K, 6)]);
        assert_eq!(path(&program, &SeccompData::default()), Ok(Path { ret: 6, executed: vec![0, 2] }));
    }
}
