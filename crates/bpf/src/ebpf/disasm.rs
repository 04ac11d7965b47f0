//! What a program says, a line for each instruction, in the notation of the verifier (`kernel/bpf/disasm.c`,
//! print_bpf_insn), with its reasons, the names of its maps, and the index a jump goes to.
//!
//! Only the instructions of [`insn`](super::insn) are known. Another one, and one with something in a field that must
//! be zero, is shown as the numbers it is made of.

use std::fmt::{self, Display};

use super::{
    asm::{Operand, Program},
    insn::{Alu, Cond, Helper, Insn, Reg, Size, op},
};

/// The program as text. A constant of 64 bits is one line and two indices.
///
/// ```text
///    0: r6 = *(u64 *)(r1 +8)
/// ; other tasks are none of ours
///    1: if r6 == 0x0 goto +3 -> 5
///    2: r1 = map[tasks]
///    4: call map_lookup_elem#1
///    5: exit
/// ```
pub fn disassemble<M: Copy + Display>(program: &Program<M>) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(insn) = program.insns.get(at) {
        let form = Form::of(&program.insns, at);
        let next = at + form.map_or(1, Form::slots);
        text.push_str(&notes(program, at..next));
        let line = form.map_or_else(|| unknown(*insn), |form| line(form, at, &name_at(program, at)));
        text.push_str(&format!("{at:4}: {line}\n"));
        at = next;
    }
    text + &notes(program, at..usize::MAX)
}

/// An instruction, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `dst OP= operand`
    Alu(Alu, Reg, Operand),
    /// `dst = *(size *)(base + off)`
    Load(Reg, Place),
    /// `*(size *)(base + off) = value`
    Store(Place, Operand),
    /// `*(size *)(base + off) += src`
    Add(Place, Reg),
    /// The same, and the old value goes to `src`.
    FetchAdd(Place, Reg),
    /// `dst = value`
    Constant(Reg, u64),
    /// `dst = map`
    Map(Reg),
    /// `dst = &map[0] + off`
    MapValue(Reg, u32),
    /// `goto off`
    Jump(i16),
    /// `if dst COND operand goto off`
    JumpIf(Cond, Reg, Operand, i16),
    /// `r0 = helper(r1, …)`, by its number
    Call(i32),
    /// `return r0`
    Exit,
}

/// A place in memory: `*(size *)(base + off)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// How much.
    pub(super) size: Size,
    /// The address, but for the offset.
    pub(super) base: Reg,
    /// From the address.
    pub(super) off: i16,
}

impl Form {
    /// What stands at this index; none for what is not known here, or what the kernel would refuse by itself.
    pub(super) fn of(insns: &[Insn], at: usize) -> Option<Self> {
        let insn = *insns.get(at)?;
        let dst = reg(insn.dst)?;
        match insn.code & op::CLASS {
            _ if insn.code == op::LD_IMM64 => wide(insn, dst, *insns.get(at + 1)?),
            ALU64 => alu(insn, dst),
            JMP => jump(insn, dst),
            _ => memory(insn, dst),
        }
    }

    /// How many instructions it takes.
    pub(super) fn slots(self) -> usize {
        if matches!(self, Self::Constant(..) | Self::Map(_) | Self::MapValue(..)) { 2 } else { 1 }
    }
}

/// The classes as patterns.
const ALU64: u8 = op::ALU64 & op::CLASS;
const JMP: u8 = op::JMP & op::CLASS;
/// The bits of an operation in the opcodes of those two classes.
const OPERATION: u8 = 0xf0;
/// The bits of a size in the opcodes of the others.
const SIZE: u8 = 0x18;

fn reg(number: u8) -> Option<Reg> {
    Reg::ALL.get(usize::from(number)).copied()
}

/// The second operand; the field that is not used is zero.
fn operand(insn: Insn) -> Option<Operand> {
    match (insn.code & op::X != 0, insn.src, insn.imm) {
        (true, src, 0) => reg(src).map(Operand::Reg),
        (false, 0, imm) => Some(Operand::Imm(imm)),
        _ => None,
    }
}

fn wide(insn: Insn, dst: Reg, second: Insn) -> Option<Form> {
    if (second.code, second.dst, second.src, second.off, insn.off) != (0, 0, 0, 0, 0) {
        return None;
    }
    match (insn.src, second.imm) {
        (0, high) => Some(Form::Constant(dst, u64::from(high as u32) << 32 | u64::from(insn.imm as u32))),
        (op::PSEUDO_MAP_FD, 0) => Some(Form::Map(dst)),
        (op::PSEUDO_MAP_VALUE, off) => Some(Form::MapValue(dst, off as u32)),
        _ => None,
    }
}

fn alu(insn: Insn, dst: Reg) -> Option<Form> {
    let (alu, ..) = *Alu::ALL.iter().find(|(_, bits, _)| *bits == insn.code & OPERATION)?;
    let operand = operand(insn)?;
    // `kernel/bpf/verifier.c`, check_alu_op: "invalid shift".
    let too_far = matches!(operand, Operand::Imm(imm) if !(0..64).contains(&imm));
    let is_shift = matches!(alu, Alu::Lsh | Alu::Rsh);
    (insn.off == 0 && !(is_shift && too_far)).then_some(Form::Alu(alu, dst, operand))
}

fn jump(insn: Insn, dst: Reg) -> Option<Form> {
    match (insn.code, insn.dst, insn.src, insn.off, insn.imm) {
        (op::CALL, 0, 0, 0, helper) => Some(Form::Call(helper)),
        (op::EXIT, 0, 0, 0, 0) => Some(Form::Exit),
        (op::JMP, 0, 0, off, 0) => Some(Form::Jump(off)),
        _ => {
            let (cond, ..) = *Cond::ALL.iter().find(|(_, bits, _)| *bits == insn.code & OPERATION)?;
            Some(Form::JumpIf(cond, dst, operand(insn)?, insn.off))
        }
    }
}

fn memory(insn: Insn, dst: Reg) -> Option<Form> {
    let (src, size) = (reg(insn.src)?, Size::of(insn.code));
    let place = |base| Place { size, base, off: insn.off };
    match (insn.code & !SIZE, insn.src, insn.imm) {
        (op::LDX, _, 0) => Some(Form::Load(dst, place(src))),
        (op::ST, 0, imm) => Some(Form::Store(place(dst), Operand::Imm(imm))),
        (op::STX, _, 0) => Some(Form::Store(place(dst), Operand::Reg(src))),
        (op::ATOMIC, ..) if matches!(size, Size::B | Size::H) => None,
        (op::ATOMIC, _, op::ATOMIC_ADD) => Some(Form::Add(place(dst), src)),
        (op::ATOMIC, _, op::ATOMIC_FETCH_ADD) => Some(Form::FetchAdd(place(dst), src)),
        _ => None,
    }
}

/// What is said at these indices.
fn notes<M>(program: &Program<M>, at: std::ops::Range<usize>) -> String {
    let here = program.notes.iter().filter(|(index, _)| at.contains(index));
    here.flat_map(|(_, note)| ["; ", *note, "\n"]).collect()
}

/// The map an instruction names.
fn name_at<M: Copy + Display>(program: &Program<M>, at: usize) -> String {
    let named = program.maps.iter().find(|(index, _)| *index == at);
    named.map_or_else(|| "?".to_owned(), |(_, map)| map.to_string())
}

fn line(form: Form, at: usize, map: &str) -> String {
    match form {
        Form::Alu(alu, dst, operand) => {
            let sign = Alu::ALL.iter().find(|(a, ..)| *a == alu).map_or("?", |(.., sign)| sign);
            match operand {
                Operand::Reg(src) => format!("{dst} {sign} {src}"),
                Operand::Imm(imm) => format!("{dst} {sign} {imm}"),
            }
        }
        Form::Load(dst, place) => format!("{dst} = *{place}"),
        Form::Store(place, Operand::Reg(src)) => format!("*{place} = {src}"),
        Form::Store(place, Operand::Imm(imm)) => format!("*{place} = {imm}"),
        Form::Add(place, src) => format!("lock *{place} += {src}"),
        Form::FetchAdd(place, src) => {
            let wide = if place.size == Size::D { "64" } else { "" };
            format!("{src} = atomic{wide}_fetch_add({place}, {src})")
        }
        Form::Constant(dst, value) => format!("{dst} = {value:#x}"),
        Form::Map(dst) => format!("{dst} = map[{map}]"),
        Form::MapValue(dst, off) => format!("{dst} = &map[{map}]+{off}"),
        Form::Jump(off) => goto(at, off),
        Form::JumpIf(cond, dst, operand, off) => {
            let sign = Cond::ALL.iter().find(|(c, ..)| *c == cond).map_or("?", |(.., sign)| sign);
            match operand {
                Operand::Reg(src) => format!("if {dst} {sign} {src} {}", goto(at, off)),
                Operand::Imm(imm) => format!("if {dst} {sign} {imm:#x} {}", goto(at, off)),
            }
        }
        Form::Call(number) => {
            let known = Helper::ALL.iter().find(|(helper, _)| *helper as i32 == number);
            format!("call {}#{number}", known.map_or("unknown", |(_, name)| name))
        }
        Form::Exit => "exit".to_owned(),
    }
}

/// How far, and where to.
fn goto(at: usize, off: i16) -> String {
    format!("goto {off:+} -> {}", at as i64 + 1 + i64::from(off))
}

/// Code, registers, offset, constant.
fn unknown(insn: Insn) -> String {
    let Insn { code, dst, src, off, imm } = insn;
    format!("unknown {code:#04x} dst={dst:#x} src={src:#x} off={off:+} imm={imm:#x}")
}

impl Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", *self as u8)
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, base, off } = self;
        write!(f, "(u{} *)({base} {off:+})", size.bytes() * 8)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::asm::Asm, *};
    use Reg::{R0, R1, R2, R6, R10};

    /// The one line of an instruction, without its index.
    fn shown(write: impl FnOnce(&mut Asm<&'static str>)) -> String {
        let mut asm = Asm::default();
        write(&mut asm);
        let text = disassemble(&asm.finish().unwrap());
        text.strip_prefix("   0: ").unwrap().trim_end().to_owned()
    }

    #[test]
    fn instructions_read_as_the_verifier_prints_them() {
        type Row = (&'static str, fn(&mut Asm<&'static str>));
        let table: [Row; 24] = [
            ("r6 = r1", |a| a.mov(R6, R1)),
            ("r0 = -1", |a| a.mov(R0, -1)),
            ("r2 += -8", |a| a.alu(Alu::Add, R2, -8)),
            ("r2 -= r1", |a| a.alu(Alu::Sub, R2, R1)),
            ("r2 |= r1", |a| a.alu(Alu::Or, R2, R1)),
            ("r2 &= 255", |a| a.alu(Alu::And, R2, 255)),
            ("r2 <<= 32", |a| a.alu(Alu::Lsh, R2, 32)),
            ("r2 >>= 63", |a| a.alu(Alu::Rsh, R2, 63)),
            ("r1 = *(u64 *)(r1 +8)", |a| a.load(Size::D, R1, R1, 8)),
            ("r2 = *(u32 *)(r10 -4)", |a| a.load(Size::W, R2, R10, -4)),
            ("r2 = *(u16 *)(r1 +0)", |a| a.load(Size::H, R2, R1, 0)),
            ("r2 = *(u8 *)(r1 +0)", |a| a.load(Size::B, R2, R1, 0)),
            ("*(u64 *)(r10 -8) = r1", |a| a.store(Size::D, R10, -8, R1)),
            ("*(u8 *)(r10 -9) = -7", |a| a.store(Size::B, R10, -9, -7)),
            ("lock *(u64 *)(r1 +0) += r2", |a| a.atomic_add(Size::D, R1, 0, R2)),
            ("lock *(u32 *)(r1 +4) += r2", |a| a.atomic_add(Size::W, R1, 4, R2)),
            ("r2 = atomic_fetch_add((u32 *)(r1 +12), r2)", |a| a.fetch_add(Size::W, R1, 12, R2)),
            ("r2 = atomic64_fetch_add((u64 *)(r1 +16), r2)", |a| a.fetch_add(Size::D, R1, 16, R2)),
            ("r1 = 0x10000000002", |a| a.constant(R1, (1 << 40) + 2)),
            ("r1 = 0xfffffffffffffffe", |a| a.constant(R1, u64::MAX - 1)),
            ("r1 = map[tasks]", |a| a.map(R1, "tasks")),
            ("r1 = &map[globals]+64", |a| a.map_value(R1, "globals", 64)),
            ("call task_storage_get#156", |a| a.call(Helper::TaskStorageGet)),
            ("exit", Asm::exit),
        ];
        for (expected, write) in table {
            assert_eq!(shown(write), expected);
        }
    }

    #[test]
    fn jumps_say_how_far_and_where_to() {
        let mut asm = Asm::<&str>::default();
        let (start, end) = (asm.label(), asm.label());
        asm.place(start);
        asm.note("none of ours");
        asm.jump_if(Cond::Eq, R0, 0, end);
        asm.jump_if(Cond::SLt, R0, -1, start);
        asm.note("a constant takes two");
        asm.note("and two reasons");
        asm.map(R1, "tasks");
        asm.jump_if(Cond::Set, R0, R1, start);
        asm.place(end);
        asm.jump(start);
        asm.note("unreachable");
        let expected = "\
; none of ours
   0: if r0 == 0x0 goto +4 -> 5
   1: if r0 s< 0xffffffff goto -2 -> 0
; a constant takes two
; and two reasons
   2: r1 = map[tasks]
   4: if r0 & r1 goto -5 -> 0
   5: goto -6 -> 0
; unreachable
";
        assert_eq!(disassemble(&asm.finish().unwrap()), expected);
    }

    fn program(insns: Vec<Insn>) -> Program<u8> {
        Program { insns, maps: Vec::new(), notes: Vec::new() }
    }

    #[test]
    fn what_is_not_known_is_shown_as_numbers() {
        let plain = Insn { code: 0, dst: 0, src: 0, off: 0, imm: 0 };
        let table = [
            (
                Insn { code: 0xff, dst: 1, src: 2, off: -3, imm: -1 },
                "unknown 0xff dst=0x1 src=0x2 off=-3 imm=0xffffffff",
            ),
            (Insn { code: 0xb7, dst: 11, ..plain }, "unknown 0xb7 dst=0xb src=0x0 off=+0 imm=0x0"),
            // A constant without its second half.
            (Insn { code: op::LD_IMM64, ..plain }, "unknown 0x18 dst=0x0 src=0x0 off=+0 imm=0x0"),
            // Sign extension, a call of another kind, a shift of everything, an atomic byte.
            (Insn { code: 0xbf, off: 8, ..plain }, "unknown 0xbf dst=0x0 src=0x0 off=+8 imm=0x0"),
            (Insn { code: op::CALL, src: 1, ..plain }, "unknown 0x85 dst=0x0 src=0x1 off=+0 imm=0x0"),
            (Insn { code: 0x67, imm: 64, ..plain }, "unknown 0x67 dst=0x0 src=0x0 off=+0 imm=0x40"),
            (Insn { code: 0xd3, ..plain }, "unknown 0xd3 dst=0x0 src=0x0 off=+0 imm=0x0"),
            (Insn { code: op::CALL, imm: 999, ..plain }, "call unknown#999"),
        ];
        for (insn, expected) in table {
            assert_eq!(disassemble(&program(vec![insn])), format!("   0: {expected}\n"));
        }
        let unnamed = program(vec![Insn { code: op::LD_IMM64, src: op::PSEUDO_MAP_FD, ..plain }, plain]);
        assert_eq!(disassemble(&unnamed), "   0: r0 = map[?]\n");
    }

    proptest! {
        #[test]
        fn no_instructions_make_it_panic(
            fields in prop::collection::vec(any::<(u8, u8, u8, i16, i32)>(), 0..16),
        ) {
            let insn = |(code, dst, src, off, imm)| Insn { code, dst: dst % 16, src: src % 16, off, imm };
            let count = fields.len();
            let text = disassemble(&program(fields.into_iter().map(insn).collect()));
            prop_assert!(text.lines().count() <= count);
        }
    }
}
