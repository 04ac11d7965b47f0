//! An assembler: instructions with labels and reasons, put together into a [`Program`].

use super::insn::{Alu, Cond, Helper, Insn, Reg, Size, op};

/// A second operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// A constant, sign-extended to 64 bits.
    Imm(i32),
}

impl From<Reg> for Operand {
    fn from(reg: Reg) -> Self {
        Self::Reg(reg)
    }
}

impl From<i32> for Operand {
    fn from(imm: i32) -> Self {
        Self::Imm(imm)
    }
}

/// A place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Why a program cannot be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsmError {
    /// A label was used and never placed.
    #[error("a label was never placed")]
    Unplaced,
    /// Farther than 16 bits reach.
    #[error("a jump goes too far")]
    TooFar,
}

/// A program and what it needs to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program<M> {
    /// The instructions. Those that name a map have 0 for it.
    pub insns: Vec<Insn>,
    /// Where a map's descriptor goes: the index of an instruction.
    pub maps: Vec<(usize, M)>,
    /// What is said at an instruction, by its index.
    pub notes: Vec<(usize, &'static str)>,
}

impl<M: Copy> Program<M> {
    /// The bytes bpf(2) takes, with every map's descriptor put in.
    pub fn bytes(&self, fd: impl Fn(M) -> i32) -> Vec<u8> {
        let mut insns = self.insns.clone();
        for (at, map) in &self.maps {
            if let Some(insn) = insns.get_mut(*at) {
                insn.imm = fd(*map);
            }
        }
        insns.into_iter().flat_map(Insn::bytes).collect()
    }
}

/// A program in the making. `M` names maps.
#[derive(Debug)]
pub struct Asm<M> {
    program: Program<M>,
    labels: Vec<Option<usize>>,
    jumps: Vec<(usize, Label)>,
}

impl<M> Default for Asm<M> {
    fn default() -> Self {
        let program = Program { insns: Vec::new(), maps: Vec::new(), notes: Vec::new() };
        Self { program, labels: Vec::new(), jumps: Vec::new() }
    }
}

impl<M: Copy> Asm<M> {
    /// Says why the next instructions are there.
    pub fn note(&mut self, text: &'static str) {
        self.program.notes.push((self.program.insns.len(), text));
    }

    /// A label to be placed later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places a label here.
    pub fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.program.insns.len());
    }

    fn push(&mut self, code: u8, dst: Reg, src: u8, off: i16, imm: i32) {
        self.program.insns.push(Insn { code, dst: dst as u8, src, off, imm });
    }

    fn push_operand(&mut self, code: u8, dst: Reg, operand: Operand, off: i16) {
        match operand {
            Operand::Reg(src) => self.push(code | op::X, dst, src as u8, off, 0),
            Operand::Imm(imm) => self.push(code, dst, 0, off, imm),
        }
    }

    /// `dst OP= operand` on 64 bits.
    pub fn alu(&mut self, alu: Alu, dst: Reg, operand: impl Into<Operand>) {
        let bits = Alu::ALL.iter().find(|(a, ..)| *a == alu).map_or(0, |(_, bits, _)| *bits);
        self.push_operand(op::ALU64 | bits, dst, operand.into(), 0);
    }

    /// `dst = operand`
    pub fn mov(&mut self, dst: Reg, operand: impl Into<Operand>) {
        self.alu(Alu::Mov, dst, operand);
    }

    /// `dst = *(size *)(base + off)`, zero-extended
    pub fn load(&mut self, size: Size, dst: Reg, base: Reg, off: i16) {
        self.push(op::LDX | size.bits(), dst, base as u8, off, 0);
    }

    /// `*(size *)(base + off) = value`
    pub fn store(&mut self, size: Size, base: Reg, off: i16, value: impl Into<Operand>) {
        match value.into() {
            Operand::Reg(src) => self.push(op::STX | size.bits(), base, src as u8, off, 0),
            Operand::Imm(imm) => self.push(op::ST | size.bits(), base, 0, off, imm),
        }
    }

    /// `*(size *)(base + off) += src`, at once; `size` is `W` or `D`
    pub fn atomic_add(&mut self, size: Size, base: Reg, off: i16, src: Reg) {
        self.push(op::ATOMIC | size.bits(), base, src as u8, off, op::ATOMIC_ADD);
    }

    /// The same, and the old value goes to `src`.
    pub fn fetch_add(&mut self, size: Size, base: Reg, off: i16, src: Reg) {
        self.push(op::ATOMIC | size.bits(), base, src as u8, off, op::ATOMIC_FETCH_ADD);
    }

    /// `dst = value`, all 64 bits of it
    pub fn constant(&mut self, dst: Reg, value: u64) {
        self.push(op::LD_IMM64, dst, 0, 0, value as u32 as i32);
        self.push(0, Reg::R0, 0, 0, (value >> 32) as u32 as i32);
    }

    /// `dst = map`
    pub fn map(&mut self, dst: Reg, map: M) {
        self.program.maps.push((self.program.insns.len(), map));
        self.push(op::LD_IMM64, dst, op::PSEUDO_MAP_FD, 0, 0);
        self.push(0, Reg::R0, 0, 0, 0);
    }

    /// `dst = &map[0] + off`, of an array
    pub fn map_value(&mut self, dst: Reg, map: M, off: u32) {
        self.program.maps.push((self.program.insns.len(), map));
        self.push(op::LD_IMM64, dst, op::PSEUDO_MAP_VALUE, 0, 0);
        self.push(0, Reg::R0, 0, 0, off as i32);
    }

    /// `r0 = helper(r1, …)`
    pub fn call(&mut self, helper: Helper) {
        self.push(op::CALL, Reg::R0, 0, 0, helper as i32);
    }

    /// `return r0`
    pub fn exit(&mut self) {
        self.push(op::EXIT, Reg::R0, 0, 0, 0);
    }

    /// `goto to`
    pub fn jump(&mut self, to: Label) {
        self.jumps.push((self.program.insns.len(), to));
        self.push(op::JMP, Reg::R0, 0, 0, 0);
    }

    /// `if dst COND operand goto to`
    pub fn jump_if(&mut self, cond: Cond, dst: Reg, operand: impl Into<Operand>, to: Label) {
        let bits = Cond::ALL.iter().find(|(c, ..)| *c == cond).map_or(0, |(_, bits, _)| *bits);
        self.jumps.push((self.program.insns.len(), to));
        self.push_operand(op::JMP | bits, dst, operand.into(), 0);
    }

    /// The finished program.
    pub fn finish(mut self) -> Result<Program<M>, AsmError> {
        for (at, label) in &self.jumps {
            let to = self.labels[label.0].ok_or(AsmError::Unplaced)?;
            let distance = to as i64 - *at as i64 - 1;
            self.program.insns[*at].off = i16::try_from(distance).map_err(|_far| AsmError::TooFar)?;
        }
        Ok(self.program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Reg::{R0, R1, R2};

    #[test]
    fn jumps_count_from_the_next_instruction_and_constants_take_two() {
        let mut asm = Asm::<u8>::default();
        let end = asm.label();
        asm.mov(R0, 0);
        asm.jump_if(Cond::Eq, R1, R2, end);
        asm.constant(R0, 1 << 40);
        asm.place(end);
        asm.exit();
        let program = asm.finish().unwrap();
        assert_eq!(program.insns.len(), 5);
        assert_eq!((program.insns[1].code, program.insns[1].off), (0x1d, 2));
        assert_eq!((program.insns[2].imm, program.insns[3].imm), (0, 256));
    }

    #[test]
    fn a_label_nobody_placed_is_an_error() {
        let mut asm = Asm::<u8>::default();
        let nowhere = asm.label();
        asm.jump(nowhere);
        assert_eq!(asm.finish(), Err(AsmError::Unplaced));
    }

    #[test]
    fn a_jump_beyond_sixteen_bits_is_an_error() {
        let mut asm = Asm::<u8>::default();
        let far = asm.label();
        asm.jump(far);
        (0..40_000).for_each(|_| asm.mov(R0, 0));
        asm.place(far);
        assert_eq!(asm.finish(), Err(AsmError::TooFar));
    }

    #[test]
    fn descriptors_go_where_maps_are_named() {
        let mut asm = Asm::default();
        asm.map(R1, 'a');
        asm.map_value(R2, 'b', 8);
        let bytes = asm.finish().unwrap().bytes(|map| if map == 'a' { 3 } else { 4 });
        assert_eq!(bytes[..8], [0x18, 0x11, 0, 0, 3, 0, 0, 0]);
        assert_eq!(bytes[16..24], [0x18, 0x22, 0, 0, 4, 0, 0, 0]);
        assert_eq!(bytes[28..32], 8_i32.to_ne_bytes());
    }
}
