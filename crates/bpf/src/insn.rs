//! Instructions and programs of classic BPF, as seccomp(2) takes them.

/// Opcodes, `include/uapi/linux/bpf_common.h` and `include/uapi/linux/filter.h`, put together from class, size, mode,
/// operation and source. Exactly those that seccomp allows (`kernel/seccomp.c`, `seccomp_check_filter`).
pub mod op {
    #![allow(missing_docs, reason = "the kernel's own names")]
    pub const LD_IMM: u16 = 0x00;
    pub const LD_W_ABS: u16 = 0x20;
    pub const LD_MEM: u16 = 0x60;
    pub const LD_W_LEN: u16 = 0x80;
    pub const LDX_IMM: u16 = 0x01;
    pub const LDX_MEM: u16 = 0x61;
    pub const LDX_W_LEN: u16 = 0x81;
    pub const ST: u16 = 0x02;
    pub const STX: u16 = 0x03;
    pub const ADD_K: u16 = 0x04;
    pub const ADD_X: u16 = 0x0c;
    pub const SUB_K: u16 = 0x14;
    pub const SUB_X: u16 = 0x1c;
    pub const MUL_K: u16 = 0x24;
    pub const MUL_X: u16 = 0x2c;
    pub const DIV_K: u16 = 0x34;
    pub const DIV_X: u16 = 0x3c;
    pub const OR_K: u16 = 0x44;
    pub const OR_X: u16 = 0x4c;
    pub const AND_K: u16 = 0x54;
    pub const AND_X: u16 = 0x5c;
    pub const LSH_K: u16 = 0x64;
    pub const LSH_X: u16 = 0x6c;
    pub const RSH_K: u16 = 0x74;
    pub const RSH_X: u16 = 0x7c;
    pub const NEG: u16 = 0x84;
    pub const XOR_K: u16 = 0xa4;
    pub const XOR_X: u16 = 0xac;
    pub const JA: u16 = 0x05;
    pub const JEQ_K: u16 = 0x15;
    pub const JEQ_X: u16 = 0x1d;
    pub const JGT_K: u16 = 0x25;
    pub const JGT_X: u16 = 0x2d;
    pub const JGE_K: u16 = 0x35;
    pub const JGE_X: u16 = 0x3d;
    pub const JSET_K: u16 = 0x45;
    pub const JSET_X: u16 = 0x4d;
    pub const RET_K: u16 = 0x06;
    pub const RET_A: u16 = 0x16;
    pub const TAX: u16 = 0x07;
    pub const TXA: u16 = 0x87;
}

/// The longest program the kernel takes (`BPF_MAXINSNS`, `include/uapi/linux/bpf_common.h`).
pub const MAX_INSNS: usize = 4096;
/// Words of scratch memory (`BPF_MEMWORDS`, `include/uapi/linux/filter.h`).
pub const MEM_WORDS: usize = 16;
/// `sizeof(struct seccomp_data)`.
pub const DATA_SIZE: u32 = 64;
/// Where `seccomp_data.nr` stands.
pub const OFFSET_NR: u32 = 0;
/// Where `seccomp_data.arch` stands.
pub const OFFSET_ARCH: u32 = 4;
/// Where `seccomp_data.args` begins.
pub const OFFSET_ARGS: u32 = 16;

/// `__AUDIT_ARCH_LE`, `include/uapi/linux/audit.h`: the ABI is little-endian.
const AUDIT_ARCH_LE: u32 = 0x4000_0000;

/// Whether a machine with this `AUDIT_ARCH_*` token stores the upper half of an argument first.
pub fn is_big_endian(token: u32) -> bool {
    token & AUDIT_ARCH_LE == 0
}

/// One instruction, `struct sock_filter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Insn {
    /// What to do, one of [`op`].
    pub code: u16,
    /// How many instructions to skip when the condition holds.
    pub jt: u8,
    /// How many to skip when it does not.
    pub jf: u8,
    /// The operand.
    pub k: u32,
}

impl Insn {
    /// An instruction that is no conditional jump.
    pub fn stmt(code: u16, k: u32) -> Self {
        Self { code, jt: 0, jf: 0, k }
    }

    /// A conditional jump.
    pub fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Self {
        Self { code, jt, jf, k }
    }
}

/// A filter program. Nothing is promised about it until [`check`](crate::check()) has seen it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Program(pub Vec<Insn>);

/// The bytes are no filter program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BytesError {
    /// There is nothing in it.
    #[error("an empty file is no filter: it has no instruction")]
    Empty,
    /// Instructions have eight bytes each.
    #[error("{0} bytes are no whole number of 8-byte instructions")]
    Ragged(usize),
    /// The kernel would not take it.
    #[error("{0} instructions; the kernel takes at most {MAX_INSNS}")]
    TooLong(usize),
}

impl Program {
    /// The instructions.
    pub fn insns(&self) -> &[Insn] {
        &self.0
    }

    /// A program of as many instructions as the kernel takes.
    pub fn new(insns: Vec<Insn>) -> Result<Self, BytesError> {
        match insns.len() {
            0 => Err(BytesError::Empty),
            1..=MAX_INSNS => Ok(Self(insns)),
            more => Err(BytesError::TooLong(more)),
        }
    }

    /// Reads an array of `struct sock_filter` in host byte order.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BytesError> {
        let (chunks, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(BytesError::Ragged(bytes.len()));
        }
        Self::new(chunks.iter().map(|c| insn_from(*c)).collect())
    }

    /// Writes an array of `struct sock_filter` in host byte order.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        for insn in &self.0 {
            bytes.extend(insn.code.to_ne_bytes());
            bytes.extend([insn.jt, insn.jf]);
            bytes.extend(insn.k.to_ne_bytes());
        }
        bytes
    }
}

fn insn_from([c0, c1, jt, jf, k0, k1, k2, k3]: [u8; 8]) -> Insn {
    Insn { code: u16::from_ne_bytes([c0, c1]), jt, jf, k: u32::from_ne_bytes([k0, k1, k2, k3]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        let program = Program(vec![
            Insn::stmt(op::LD_W_ABS, 4),
            Insn::jump(op::JEQ_K, 7, 1, 2),
            Insn::stmt(op::RET_K, 9),
        ]);
        assert_eq!(Program::from_bytes(&program.to_bytes()), Ok(program));
    }

    #[test]
    fn what_is_no_program_is_told_apart() {
        assert_eq!(Program::from_bytes(&[]), Err(BytesError::Empty));
        assert_eq!(Program::from_bytes(&[0; 12]), Err(BytesError::Ragged(12)));
        assert_eq!(Program::from_bytes(&vec![0; 8 * 4097]), Err(BytesError::TooLong(4097)));
        assert!(Program::from_bytes(&vec![0; 8 * 4096]).is_ok());
    }
}
