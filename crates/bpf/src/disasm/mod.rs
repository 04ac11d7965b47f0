//! A filter as text, with names: of calls also where a tree of ranges decides, of arguments, and of their constants.
//!
//! Any program is shown, those the kernel would refuse included: what it does not know stands as `.invalid`, a jump out
//! of the program is marked. The layout is that of seccomp-tools, which people know.

mod checks;
mod flow;
mod numbers;
mod readable;
mod text;
mod who;

use std::fmt::Write as _;

use callgate_core::{Action, Arch, errno};

use crate::insn::{Insn, OFFSET_ARCH, OFFSET_NR, Program, op};
use flow::{State, Word};
pub use readable::readable;

/// One instruction, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place, from 0.
    pub index: usize,
    /// The instruction.
    pub insn: Insn,
    /// What it does: `if (A >= 0x9f (adjtimex)) goto 0012`.
    pub text: String,
    /// What else is known of it: which calls get there, the name of an errno, that no call gets there.
    pub note: Option<String>,
}

/// A program as text: a header, then one line per instruction. Ends with a line end.
pub fn disassemble(program: &Program) -> String {
    disassemble_for(program, None)
}

/// The same of a filter that only sees calls of one architecture: names are known even where it does not check that.
pub fn disassemble_for(program: &Program, arch: Option<Arch>) -> String {
    let mut out = " line  CODE  JT   JF      K\n=================================\n".to_owned();
    for Line { index, insn, text, note } in lines(program, arch) {
        let Insn { code, jt, jf, k } = insn;
        let note = note.map(|note| format!("  # {note}")).unwrap_or_default();
        // Writing to a String does not fail.
        let _ = writeln!(out, " {index:04}: {code:#04x} {jt:#04x} {jf:#04x} {k:#010x}  {text}{note}");
    }
    out
}

/// The instructions of a program, each in words. With `arch`, only calls of that architecture are thought of.
pub fn lines(program: &Program, arch: Option<Arch>) -> Vec<Line> {
    let states = flow::states(program, arch);
    let len = program.insns().len();
    let line = |(index, (insn, state)): (usize, (&Insn, &Option<State>))| Line {
        index,
        insn: *insn,
        text: text::instruction(index, *insn, len, state.as_ref()),
        note: note(*insn, state.as_ref()),
    };
    program.insns().iter().zip(&states).enumerate().map(line).collect()
}

/// The architectures a filter asks for by name, in the order it asks; x32 comes with x86_64.
pub fn checked_arches(program: &Program) -> Vec<Arch> {
    let mut found: Vec<Arch> = Vec::new();
    for (insn, state) in program.insns().iter().zip(flow::states(program, None)) {
        if insn.code == op::JEQ_K && state.is_some_and(|state| state.a.is(OFFSET_ARCH)) {
            let new = Arch::ALL.into_iter().filter(|arch| arch.token() == insn.k && !found.contains(arch));
            found.extend(new.collect::<Vec<_>>());
        }
    }
    found
}

/// What an instruction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It finds out about the architecture.
    Prologue,
    /// It finds out about the number, for one architecture, or for several or none. x32 counts as x86_64.
    Numbers(Option<Arch>),
    /// It looks at arguments, or at what was made of them.
    Arguments,
    /// It returns.
    Return,
}

/// What each instruction of a program is for.
pub fn parts(program: &Program) -> Vec<Part> {
    program
        .insns()
        .iter()
        .zip(flow::states(program, None))
        .map(|(insn, state)| part(*insn, state.as_ref()))
        .collect()
}

fn part(insn: Insn, state: Option<&State>) -> Part {
    let offset = match (insn.code, state.map(|state| state.a)) {
        (op::RET_K | op::RET_A, _) => return Part::Return,
        (op::LD_W_ABS, _) => Some(insn.k),
        (_, Some(Word::Field { offset, .. })) => Some(offset),
        _ => None,
    };
    match offset {
        Some(OFFSET_ARCH) => Part::Prologue,
        Some(OFFSET_NR) => Part::Numbers(state.and_then(|state| state.reach.as_ref()).and_then(who::token)),
        Some(_) => Part::Arguments,
        None => Part::Numbers(None),
    }
}

fn note(insn: Insn, state: Option<&State>) -> Option<String> {
    let Some(state) = state else { return Some("no call gets here".to_owned()) };
    let who = || state.reach.as_ref().map(who::text);
    match insn.code {
        op::RET_K => match (errno_name(insn.k), who()) {
            (Some(name), Some(who)) => Some(format!("{name}; {who}")),
            (name, who) => who.or(name.map(str::to_owned)),
        },
        op::RET_A => who(),
        // An argument check begins where the number or the architecture was held before.
        op::LD_W_ABS if insn.k > OFFSET_ARCH && begins_check(state.a) => who(),
        _ => None,
    }
}

fn begins_check(a: Word) -> bool {
    match a {
        Word::Field { offset, .. } => offset == OFFSET_NR || offset == OFFSET_ARCH,
        Word::Constant(_) => true,
        Word::Unknown => false,
    }
}

fn errno_name(ret: u32) -> Option<&'static str> {
    Action::from_ret(ret).errno().and_then(errno::name)
}
