//! A compiler that is plainly right: numbers one after the other, clauses one after the other, nothing shared, nothing sorted.

use callgate_bpf::{Insn, Program, insn, insn::op};
use callgate_core::Arch;
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::set::ArgSet;

/// The number that no x32 call has, though its bit is set.
const NO_CALL: u32 = u32::MAX;
const X32_BIT: u32 = 0x4000_0000;

/// What the meaning says, for every input.
pub(crate) fn emit(meaning: &Meaning) -> Program {
    let mut program = Vec::new();
    let mut tokens: Vec<_> = meaning.arches.keys().map(|arch| arch.token()).collect();
    tokens.dedup();
    for token in tokens {
        let judged: Vec<_> = of_token(meaning, token);
        program.push(Insn::stmt(op::LD_W_ABS, insn::OFFSET_ARCH));
        unless(&mut program, (op::JEQ_K, token), judged);
    }
    program.push(Insn::stmt(op::RET_K, meaning.bad_arch.to_ret()));
    Program(program)
}

/// The body, which always returns, if a comparison of the accumulator holds; else what comes behind it.
fn unless(program: &mut Vec<Insn>, (code, k): (u16, u32), body: Vec<Insn>) {
    program.push(Insn::jump(code, k, 1, 0));
    program.push(Insn::stmt(op::JA, body.len() as u32));
    program.extend(body);
}

/// What is done with a token's calls: those of x32 have numbers beside others.
fn of_token(meaning: &Meaning, token: u32) -> Vec<Insn> {
    let native = meaning.arches.iter().find(|(arch, _)| arch.token() == token && **arch != Arch::X32);
    let native = native.map(|(arch, rules)| numbers(*arch, rules));
    let refused = || vec![Insn::stmt(op::RET_K, meaning.bad_arch.to_ret())];
    if token != Arch::X86_64.token() {
        return native.unwrap_or_else(refused);
    }
    let native = native.unwrap_or_else(refused);
    let x32 = meaning.arches.get(&Arch::X32).map_or_else(refused, |rules| numbers(Arch::X32, rules));
    let mut program = vec![Insn::stmt(op::LD_W_ABS, insn::OFFSET_NR)];
    unless(&mut program, (op::JEQ_K, NO_CALL), native.clone());
    unless(&mut program, (op::JGE_K, X32_BIT), x32);
    program.extend(native);
    program
}

/// One number after the other.
fn numbers(arch: Arch, rules: &Rules) -> Vec<Insn> {
    let mut program = Vec::new();
    // Number 0xbfffffff of x32 would be the one that no x32 call has: it is never seen as x32's.
    for (nr, clauses) in &rules.calls {
        let raw = if arch == Arch::X32 { nr.checked_add(X32_BIT) } else { Some(*nr) };
        let Some(raw) = raw.filter(|raw| arch != Arch::X32 || *raw != NO_CALL) else { continue };
        program.push(Insn::stmt(op::LD_W_ABS, insn::OFFSET_NR));
        let mut body: Vec<_> = clauses.iter().flat_map(|clause| one(arch, clause)).collect();
        body.push(Insn::stmt(op::RET_K, rules.otherwise(*nr).to_ret()));
        unless(&mut program, (op::JEQ_K, raw), body);
    }
    for (from, action) in rules.beyond.iter().rev() {
        let raw = if arch == Arch::X32 { from.checked_add(X32_BIT) } else { Some(*from) };
        let Some(raw) = raw else { continue };
        program.push(Insn::stmt(op::LD_W_ABS, insn::OFFSET_NR));
        unless(&mut program, (op::JGE_K, raw), vec![Insn::stmt(op::RET_K, action.to_ret())]);
    }
    program.push(Insn::stmt(op::RET_K, rules.default.to_ret()));
    program
}

/// One clause: returns its action, or falls through.
fn one(arch: Arch, clause: &Clause) -> Vec<Insn> {
    let mut tests = vec![Insn::stmt(op::RET_K, clause.action.to_ret())];
    for (index, set) in clause.args.args().iter().enumerate().rev().filter(|(_, set)| !set.is_any()) {
        tests = test(arch, index, set, tests);
    }
    tests
}

/// The body if the argument is in the set; else what comes behind. Bounds are compared half by half.
fn test(arch: Arch, index: usize, set: &ArgSet, body: Vec<Insn>) -> Vec<Insn> {
    let big_endian = u32::from(insn::is_big_endian(arch.token()));
    let load =
        |half: u32| Insn::stmt(op::LD_W_ABS, insn::OFFSET_ARGS + 8 * index as u32 + 4 * (half ^ big_endian));
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    let ([low_min, high_min], [low_max, high_max]) = (halves(set.min), halves(set.max));
    let (mask, bits) = (halves(set.mask), halves(set.bits));
    // Each test is a list that goes on behind itself if it holds, and leaves by a jump, filled in at the end, if not.
    let mut program: Vec<Insn> = Vec::new();
    let mut leave = Vec::new();
    for half in [0, 1] {
        program.extend([
            load(half as u32),
            Insn::stmt(op::AND_K, mask[half]),
            Insn::jump(op::JEQ_K, bits[half], 1, 0),
        ]);
        leave.push(program.len());
        program.push(Insn::stmt(op::JA, 0));
    }
    // At least the minimum: above it in the upper half, or equal there and not below it in the lower one.
    program.extend([load(1), Insn::jump(op::JGT_K, high_min, 4, 0), Insn::jump(op::JEQ_K, high_min, 0, 2)]);
    program.extend([load(0), Insn::jump(op::JGE_K, low_min, 1, 0)]);
    leave.push(program.len());
    program.push(Insn::stmt(op::JA, 0));
    // At most the maximum: the same, not above.
    program.extend([load(1), Insn::jump(op::JGE_K, high_max, 0, 4), Insn::jump(op::JEQ_K, high_max, 0, 2)]);
    program.extend([load(0), Insn::jump(op::JGT_K, low_max, 0, 1)]);
    leave.push(program.len());
    program.push(Insn::stmt(op::JA, 0));
    program.extend(body);
    let end = program.len();
    for at in leave {
        program[at].k = (end - at - 1) as u32;
    }
    program
}
