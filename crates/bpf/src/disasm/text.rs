//! One instruction in words, with the names of what it compares.

use callgate_core::{Action, Arch, args};

use super::flow::{State, Word, comparison};
use super::numbers::Comparison;
use super::who;
use crate::insn::{Insn, MEM_WORDS, OFFSET_ARCH, OFFSET_ARGS, OFFSET_NR, op};

/// The operator of an arithmetic instruction, and whether its operand is X.
pub(super) fn operator(code: u16) -> Option<(&'static str, bool)> {
    Some(match code {
        op::ADD_K | op::ADD_X => ("+=", code == op::ADD_X),
        op::SUB_K | op::SUB_X => ("-=", code == op::SUB_X),
        op::MUL_K | op::MUL_X => ("*=", code == op::MUL_X),
        op::DIV_K | op::DIV_X => ("/=", code == op::DIV_X),
        op::OR_K | op::OR_X => ("|=", code == op::OR_X),
        op::AND_K | op::AND_X => ("&=", code == op::AND_X),
        op::LSH_K | op::LSH_X => ("<<=", code == op::LSH_X),
        op::RSH_K | op::RSH_X => (">>=", code == op::RSH_X),
        op::XOR_K | op::XOR_X => ("^=", code == op::XOR_X),
        op::NEG => ("= -", true),
        _ => return None,
    })
}

/// An instruction in words. `index` is its place, `len` the length of the program.
pub(super) fn instruction(index: usize, insn: Insn, len: usize, state: Option<&State>) -> String {
    let k = insn.k;
    let target = |skip: usize| goto(index.saturating_add(1).saturating_add(skip), len);
    if let Some((comparison, operand)) = comparison(insn) {
        return jump(insn, &condition(comparison, operand, state), |skip| target(usize::from(skip)));
    }
    match insn.code {
        op::LD_W_ABS => field(k, state).map_or_else(|| invalid(insn), |name| format!("A = {name}")),
        op::LD_IMM => format!("A = {k:#x}"),
        op::LDX_IMM => format!("X = {k:#x}"),
        op::LD_W_LEN => "A = sizeof(seccomp_data)".to_owned(),
        op::LDX_W_LEN => "X = sizeof(seccomp_data)".to_owned(),
        op::LD_MEM | op::LDX_MEM | op::ST | op::STX if k as usize >= MEM_WORDS => invalid(insn),
        op::LD_MEM => format!("A = mem[{k}]"),
        op::LDX_MEM => format!("X = mem[{k}]"),
        op::ST => format!("mem[{k}] = A"),
        op::STX => format!("mem[{k}] = X"),
        op::TAX => "X = A".to_owned(),
        op::TXA => "A = X".to_owned(),
        op::NEG => "A = -A".to_owned(),
        op::JA => target(k as usize),
        op::RET_A => "return A".to_owned(),
        op::RET_K => format!("return {}", ret(k)),
        // The kernel takes neither (`bpf_check_classic`, `net/core/filter.c`).
        op::DIV_K if k == 0 => invalid(insn),
        op::LSH_K | op::RSH_K if k >= 32 => invalid(insn),
        code => match operator(code) {
            Some((operator, true)) => format!("A {operator} X"),
            Some((operator, false)) => format!("A {operator} {k:#x}"),
            None => invalid(insn),
        },
    }
}

fn invalid(insn: Insn) -> String {
    format!(".invalid {:#06x} {:#x}", insn.code, insn.k)
}

fn goto(target: usize, len: usize) -> String {
    let beyond = if target < len { "" } else { " (beyond the end)" };
    format!("goto {target:04}{beyond}")
}

/// A test and its negation.
type Condition = [String; 2];

fn jump(insn: Insn, [holds, not]: &Condition, target: impl Fn(u8) -> String) -> String {
    match (insn.jt, insn.jf) {
        (jt, jf) if jt == jf => target(jt),
        (0, jf) => format!("if ({not}) {}", target(jf)),
        (jt, 0) => format!("if ({holds}) {}", target(jt)),
        (jt, jf) => format!("if ({holds}) {} else {}", target(jt), target(jf)),
    }
}

fn condition(comparison: Comparison, operand: Option<u32>, state: Option<&State>) -> Condition {
    let value = operand.map_or_else(|| "X".to_owned(), |k| operand_text(comparison, k, state));
    match comparison {
        Comparison::Equal => ["==", "!="].map(|op| format!("A {op} {value}")),
        Comparison::Greater => [">", "<="].map(|op| format!("A {op} {value}")),
        Comparison::GreaterOrEqual => [">=", "<"].map(|op| format!("A {op} {value}")),
        Comparison::Bits => [format!("A & {value}"), format!("!(A & {value})")],
    }
}

/// What is compared with, and its name where it has one.
fn operand_text(comparison: Comparison, k: u32, state: Option<&State>) -> String {
    let Some(state) = state else { return format!("{k:#x}") };
    if state.a.is(OFFSET_ARCH) && comparison == Comparison::Equal {
        return arch_name(k).unwrap_or_else(|| format!("{k:#x}"));
    }
    let name = if state.a.is(OFFSET_NR) && comparison != Comparison::Bits {
        state.reach.as_ref().and_then(|reach| who::name_at(reach, k))
    } else {
        constant(k, state)
    };
    name.map_or_else(|| format!("{k:#x}"), |name| format!("{k:#x} ({name})"))
}

/// `ARCH_X86_64`.
fn arch_name(token: u32) -> Option<String> {
    let arch = Arch::ALL.into_iter().find(|arch| arch.token() == token)?;
    Some(format!("ARCH_{}", arch.name().to_uppercase()))
}

/// The constant of an argument: `AF_INET`.
fn constant(k: u32, state: &State) -> Option<String> {
    let Word::Field { offset, .. } = state.a else { return None };
    let reach = state.reach.as_ref()?;
    let half = who::half(reach, offset).filter(|half| !half.upper)?;
    let (arch, call) = who::only(reach)?;
    let text = args::format_value(arch, call, half.index, u64::from(k));
    text.starts_with(|c: char| c.is_ascii_uppercase()).then_some(text)
}

/// A word of `seccomp_data`: `arch`, `domain (arg 0, low half)`. `None`: there is no such word.
pub(super) fn field(offset: u32, state: Option<&State>) -> Option<String> {
    let reach = state.and_then(|state| state.reach.as_ref());
    match offset {
        OFFSET_NR => return Some("sys_number".to_owned()),
        OFFSET_ARCH => return Some("arch".to_owned()),
        _ => {}
    }
    let half = match reach {
        Some(reach) => who::half(reach, offset)?,
        None => who::Half::of(offset, false)?,
    };
    let which = if half.upper { "high half" } else { "low half" };
    if offset < OFFSET_ARGS {
        return Some(format!("instruction_pointer ({which})"));
    }
    let name = reach.and_then(|reach| who::param(reach, half.index));
    Some(match name {
        Some(name) => format!("{name} (arg {}, {which})", half.index),
        None => format!("args[{}] ({which})", half.index),
    })
}

/// A return value: `ERRNO(1)`. Those the kernel does not know kill the process (`__seccomp_filter`, `kernel/seccomp.c`).
pub(super) fn ret(value: u32) -> String {
    let data = value & 0xffff;
    match Action::from_ret(value) {
        Action::KillProcess if value >> 16 != 0x8000 => format!("{value:#010x} (kills the process)"),
        Action::KillProcess => "KILL_PROCESS".to_owned(),
        Action::KillThread => "KILL_THREAD".to_owned(),
        Action::Trap(_) => format!("TRAP({data})"),
        Action::Errno(_) => format!("ERRNO({data})"),
        Action::Notify => "USER_NOTIF".to_owned(),
        Action::Trace(_) => format!("TRACE({data})"),
        Action::Log => "LOG".to_owned(),
        Action::Allow => "ALLOW".to_owned(),
    }
}
