//! One behaviour a row: a few instructions, and what comes out.

use proptest::prelude::*;

use super::{
    super::{
        asm::Asm,
        insn::{Insn, op},
    },
    *,
};
use Reg::{R0, R1, R2, R3, R4, R5, R6, R9, R10};

/// Where the memory of [`Scripted`] begins; the context of every run.
const MEMORY: u64 = 0x1000;

/// A kernel of 32 bytes, the first of which are 1, 2, 3 and so on, and of three helpers.
struct Scripted {
    memory: Vec<u8>,
    called: Vec<(Helper, [u64; 5])>,
}

impl Scripted {
    fn place(&mut self, address: u64, size: Size) -> Result<&mut [u8], Fault> {
        let start = address.wrapping_sub(MEMORY) as usize;
        let place = self.memory.get_mut(start..).and_then(|rest| rest.get_mut(..size.bytes()));
        place.ok_or(Fault::Address { address, size: size.bytes() })
    }
}

impl Kernel for Scripted {
    type Map = u8;

    fn call(&mut self, helper: Helper, args: [u64; 5], stack: &mut Stack) -> Result<u64, Fault> {
        self.called.push((helper, args));
        match helper {
            // The size in reverse order, to the stack.
            Helper::ProbeReadKernel => {
                let bytes: Vec<u8> = (0..args[1] as u8).rev().collect();
                stack.write(args[0], &bytes).map(|()| 0)
            }
            // The sum of the bytes.
            Helper::RingbufOutput => {
                let bytes = stack.read(args[1], args[2] as usize)?;
                Ok(bytes.into_iter().map(u64::from).sum())
            }
            Helper::MapUpdate => Err(Fault::Refused("the map is full".to_owned())),
            _ => Ok(77),
        }
    }

    fn map(&mut self, map: u8) -> u64 {
        u64::from(map) << 32
    }

    fn map_value(&mut self, map: u8, off: u32) -> u64 {
        MEMORY + u64::from(map) + u64::from(off)
    }

    fn read(&mut self, address: u64, size: Size) -> Result<u64, Fault> {
        let mut bytes = [0xff; 8];
        let place = self.place(address, size)?;
        bytes[half(size)].copy_from_slice(place);
        Ok(u64::from_ne_bytes(bytes))
    }

    fn write(&mut self, address: u64, size: Size, value: u64) -> Result<(), Fault> {
        assert_eq!(value & !mask(size), 0);
        self.place(address, size)?.copy_from_slice(&value.to_ne_bytes()[half(size)]);
        Ok(())
    }
}

fn kernel() -> Scripted {
    let memory = (1..=8).chain(std::iter::repeat_n(0, 24)).collect();
    Scripted { memory, called: Vec::new() }
}

fn assemble(write: impl FnOnce(&mut Asm<u8>)) -> Program<u8> {
    let mut asm = Asm::default();
    write(&mut asm);
    asm.finish().unwrap()
}

/// What it returns, with an `exit` at its end.
fn result(write: impl FnOnce(&mut Asm<u8>)) -> Result<u64, Stopped> {
    let program = assemble(|a| {
        write(a);
        a.exit();
    });
    run(&program, MEMORY, &mut kernel())
}

fn stopped(at: usize, fault: Fault) -> Result<u64, Stopped> {
    Err(Stopped { at, fault })
}

#[test]
fn arithmetic_wraps_and_constants_are_signed() {
    let table = [
        (Alu::Add, u64::MAX, 2, 1),
        (Alu::Add, 5, -6, u64::MAX),
        (Alu::Sub, 1, 2, u64::MAX),
        (Alu::Or, 1 << 40, -2, u64::MAX - 1),
        (Alu::And, u64::MAX, -16, u64::MAX - 15),
        (Alu::And, 0xff, 0x18, 0x18),
        (Alu::Lsh, 3, 63, 1 << 63),
        (Alu::Rsh, u64::MAX, 60, 15),
        (Alu::Mov, 0, -1, u64::MAX),
    ];
    for (alu, left, right, expected) in table {
        let by_constant = result(|a| {
            a.constant(R0, left);
            a.alu(alu, R0, right);
        });
        let by_register = result(|a| {
            a.constant(R0, left);
            a.mov(R9, right);
            a.alu(alu, R0, R9);
        });
        assert_eq!((by_constant, by_register), (Ok(expected), Ok(expected)), "{left:#x} {alu:?} {right}");
    }
    let shifted = result(|a| {
        a.mov(R0, 1);
        a.mov(R2, 65);
        a.alu(Alu::Lsh, R0, R2);
    });
    assert_eq!(shifted, Ok(2));
}

#[test]
fn conditions_hold_as_their_signs_say() {
    let table = [
        (Cond::Eq, [false, true, false, false]),
        (Cond::Ne, [true, false, true, true]),
        (Cond::Gt, [false, false, true, true]),
        (Cond::Ge, [false, true, true, true]),
        (Cond::Lt, [true, false, false, false]),
        (Cond::Set, [true, true, false, true]),
        (Cond::SLt, [true, false, false, true]),
        (Cond::SGe, [false, true, true, false]),
    ];
    for (cond, expected) in table {
        for (left, expected) in [1, 3, 4, -1].into_iter().zip(expected) {
            for is_register in [false, true] {
                let got = result(|a| {
                    let taken = a.label();
                    a.mov(R0, 1);
                    a.mov(R6, left);
                    a.mov(R9, 3);
                    if is_register {
                        a.jump_if(cond, R6, R9, taken);
                    } else {
                        a.jump_if(cond, R6, 3, taken);
                    }
                    a.mov(R0, 0);
                    a.place(taken);
                });
                assert_eq!(got, Ok(u64::from(expected)), "{left} {cond:?} 3");
            }
        }
    }
    let beyond_32_bits = result(|a| {
        let taken = a.label();
        a.constant(R0, 0xffff_ffff);
        a.jump_if(Cond::Eq, R0, -1, taken);
        a.mov(R0, 0);
        a.place(taken);
    });
    assert_eq!(beyond_32_bits, Ok(0));
}

#[test]
fn memory_keeps_what_was_stored_by_size() {
    let table = [
        (Size::B, 0x88, 0xfe),
        (Size::H, 0x7788, 0xfffe),
        (Size::W, 0x5566_7788, 0xffff_fffe),
        (Size::D, 0x1122_3344_5566_7788, u64::MAX - 1),
    ];
    for (size, by_register, by_constant) in table {
        for is_stack in [false, true] {
            let (base, off) = if is_stack { (R10, -16) } else { (R1, 16) };
            let register = result(|a| {
                a.constant(R2, 0x1122_3344_5566_7788);
                a.store(size, base, off, R2);
                a.load(size, R0, base, off);
            });
            let constant = result(|a| {
                a.store(size, base, off, -2);
                a.load(size, R0, base, off);
            });
            assert_eq!((register, constant), (Ok(by_register), Ok(by_constant)), "{size:?} {is_stack}");
        }
    }
    assert_eq!(result(|a| a.load(Size::B, R0, R1, 3)), Ok(4));
}

#[test]
fn atomic_additions_wrap_at_their_size_and_fetch_the_old_value() {
    for (base, off) in [(R10, -8), (R1, 24)] {
        for (size, sum) in [(Size::W, 0xffff_ffff_0000_0001), (Size::D, 1)] {
            for fetches in [false, true] {
                let program = |read: Reg| {
                    result(|a| {
                        a.store(Size::D, base, off, -1);
                        a.mov(R2, 2);
                        if fetches {
                            a.fetch_add(size, base, off, R2);
                        } else {
                            a.atomic_add(size, base, off, R2);
                        }
                        a.load(Size::D, R3, base, off);
                        a.mov(R0, read);
                    })
                };
                // The lower half comes first on these machines, and last on the others.
                let sum = if cfg!(target_endian = "little") || size == Size::D {
                    sum
                } else {
                    0x0000_0001_ffff_ffff
                };
                assert_eq!(program(R3), Ok(sum), "{size:?}");
                assert_eq!(program(R2), Ok(if fetches { mask(size) } else { 2 }), "{size:?}");
            }
        }
    }
}

#[test]
fn calls_take_arguments_return_and_clobber() {
    let program = assemble(|a| {
        for (reg, value) in [(R1, 10), (R2, 20), (R3, 30), (R4, 40), (R5, 50), (R6, 60)] {
            a.mov(reg, value);
        }
        a.call(Helper::TaskStorageGet);
        a.alu(Alu::Add, R0, R6);
        a.exit();
    });
    let mut kernel = kernel();
    assert_eq!(run(&program, 0, &mut kernel), Ok(137));
    assert_eq!(kernel.called, [(Helper::TaskStorageGet, [10, 20, 30, 40, 0])]);
    for reg in [R1, R2, R3, R4, R5] {
        let got = result(|a| {
            a.mov(reg, 0);
            a.call(Helper::KtimeGetNs);
            a.mov(R0, reg);
        });
        assert_eq!(got, stopped(2, Fault::Unwritten(reg)));
    }
}

#[test]
fn what_the_kernel_objects_to_ends_the_run_at_the_call() {
    let got = result(|a| {
        for reg in [R2, R3, R4] {
            a.mov(reg, 0);
        }
        a.call(Helper::MapUpdate);
    });
    assert_eq!(got, stopped(3, Fault::Refused("the map is full".to_owned())));
}

#[test]
fn helpers_reach_the_stack_and_only_what_was_written() {
    let sum = |length: i32| {
        result(|a| {
            a.mov(R1, R10);
            a.alu(Alu::Add, R1, -7);
            a.mov(R2, 5);
            a.mov(R3, 0);
            a.call(Helper::ProbeReadKernel);
            a.mov(R1, 0);
            a.mov(R2, R10);
            a.alu(Alu::Add, R2, -7);
            a.mov(R3, length);
            a.mov(R4, 0);
            a.call(Helper::RingbufOutput);
        })
    };
    assert_eq!(sum(0), Ok(0));
    assert_eq!(sum(2), Ok(4 + 3));
    assert_eq!(sum(5), Ok(4 + 3 + 2 + 1));
    assert_eq!(sum(6), stopped(10, Fault::UnwrittenStack(-2)));
    assert_eq!(sum(8), stopped(10, Fault::OutsideStack(-7)));
    assert_eq!(sum(-1), stopped(10, Fault::OutsideStack(-7)));
}

#[test]
fn maps_are_what_the_kernel_says() {
    assert_eq!(result(|a| a.map(R0, 5)), Ok(5 << 32));
    let loaded = result(|a| {
        a.map_value(R2, 2, 3);
        a.load(Size::B, R0, R2, 1);
    });
    assert_eq!(loaded, Ok(7));
    let mut unnamed = assemble(|a| a.map(R0, 5));
    unnamed.maps.clear();
    assert_eq!(run(&unnamed, 0, &mut kernel()), stopped(0, Fault::NoMap));
}

#[test]
fn what_no_verifier_lets_through_is_a_fault_with_its_place() {
    type Row = (fn(&mut Asm<u8>), usize, Fault);
    let stack = |off: i64| Stack::END.wrapping_add_signed(off);
    let table: [Row; 18] = [
        (|_| {}, 0, Fault::Unwritten(R0)),
        (|a| a.mov(R0, R6), 0, Fault::Unwritten(R6)),
        (|a| a.alu(Alu::Add, R6, 1), 0, Fault::Unwritten(R6)),
        (|a| a.load(Size::W, R0, R2, 0), 0, Fault::Unwritten(R2)),
        (|a| a.store(Size::W, R1, 0, R2), 0, Fault::Unwritten(R2)),
        (|a| a.atomic_add(Size::W, R1, 0, R2), 0, Fault::Unwritten(R2)),
        (|a| a.call(Helper::MapLookup), 0, Fault::Unwritten(R2)),
        (|a| a.mov(R10, 1), 0, Fault::Frame),
        (|a| a.alu(Alu::Sub, R10, 8), 0, Fault::Frame),
        (|a| a.load(Size::D, R10, R1, 0), 0, Fault::Frame),
        (|a| a.load(Size::D, R0, R10, -8), 0, Fault::UnwrittenStack(-8)),
        (|a| a.store(Size::D, R10, 0, 1), 0, Fault::OutsideStack(0)),
        (|a| a.store(Size::D, R10, -520, 1), 0, Fault::OutsideStack(-520)),
        (|a| a.store(Size::B, R10, i16::MAX, 1), 0, Fault::OutsideStack(32767)),
        (|a| a.load(Size::W, R0, R1, 30), 0, Fault::Address { address: MEMORY + 30, size: 4 }),
        (|a| a.store(Size::W, R1, -1, 0), 0, Fault::Address { address: MEMORY - 1, size: 4 }),
        (
            |a| {
                a.mov(R2, 1);
                a.atomic_add(Size::W, R1, 2, R2);
            },
            1,
            Fault::Unaligned { address: MEMORY + 2, size: 4 },
        ),
        (
            |a| {
                a.store(Size::W, R10, -8, 1);
                a.load(Size::D, R0, R10, -8);
            },
            1,
            Fault::UnwrittenStack(-4),
        ),
    ];
    for (row, (write, at, fault)) in table.into_iter().enumerate() {
        assert_eq!(result(write), stopped(at, fault), "row {row}");
    }
    let got = result(|a| a.store(Size::W, R10, -6, 1));
    assert_eq!(got, stopped(0, Fault::Unaligned { address: stack(-6), size: 4 }));
}

#[test]
fn instructions_that_are_none_and_jumps_to_nowhere_are_faults() {
    let plain = Insn { code: 0, dst: 0, src: 0, off: 0, imm: 0 };
    let jump = |code, off| Insn { code, off, ..plain };
    let table = [
        (vec![], 0, Fault::Insn),
        (vec![plain], 0, Fault::Insn),
        (vec![Insn { code: 0xff, ..plain }], 0, Fault::Insn),
        (vec![Insn { code: op::LD_IMM64, ..plain }], 0, Fault::Insn),
        (vec![Insn { code: 0xb7, ..plain }], 0, Fault::Outside(1)),
        (vec![jump(op::JMP, 1), plain], 0, Fault::Outside(2)),
        (vec![jump(op::JMP, -2)], 0, Fault::Outside(-1)),
        // Even if it is not taken.
        (vec![jump(op::JMP | 0xa0, 7), plain], 0, Fault::Outside(8)),
        // Into the middle of a constant.
        (vec![jump(op::JMP, 1), Insn { code: op::LD_IMM64, ..plain }, plain], 2, Fault::Insn),
        (vec![Insn { code: op::CALL, imm: 999, ..plain }], 0, Fault::NoHelper(999)),
        (vec![jump(op::JMP, -1)], 0, Fault::Endless),
    ];
    for (row, (insns, at, fault)) in table.into_iter().enumerate() {
        let program = Program { insns, maps: Vec::new(), notes: Vec::new() };
        assert_eq!(run(&program, MEMORY, &mut kernel()), stopped(at, fault), "row {row}");
    }
}

#[test]
fn a_fault_says_where_and_what() {
    let message = |write: fn(&mut Asm<u8>)| result(write).unwrap_err().to_string();
    assert_eq!(message(|a| a.mov(R0, R6)), "at instruction 0: r6 is read before it is written");
    let unwritten = message(|a| a.load(Size::D, R0, R10, -8));
    assert_eq!(unwritten, "at instruction 0: stack at r10-8 is read before it is written");
}

proptest! {
    #[test]
    fn no_instructions_make_it_panic(
        fields in prop::collection::vec((any::<u8>(), 0..12_u8, 0..12_u8, -9..9_i16, any::<i32>()), 0..24),
        known in prop::collection::vec(prop::sample::select(vec![0xb7, 0xbf, 0x07, 0x7b, 0x79, 0x18, 0x15, 0xdb, 0x85]), 24),
    ) {
        // Mostly opcodes that are known, so that a run gets somewhere.
        let insn = |((code, dst, src, off, imm), known)| {
            let code = if code < 200 { known } else { code };
            Insn { code, dst, src: src * (imm as u8 & 1), off, imm: imm % 3 }
        };
        let insns = fields.into_iter().zip(known).map(insn).collect();
        let program = Program { insns, maps: vec![(0, 1)], notes: Vec::new() };
        let _ = run(&program, MEMORY, &mut kernel());
    }
}
