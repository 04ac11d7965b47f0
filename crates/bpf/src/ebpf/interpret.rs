//! Runs a program on a simulated kernel, for tests: what the verifier asks for is checked as the program goes.
//!
//! The stack and the registers are simulated here; maps, the context and the memory of the kernel are those of a
//! [`Kernel`]. What no verifier would load is a [`Fault`], so that a run that ends is also a sign of sense.

use super::{
    asm::{Operand, Program},
    disasm::{Form, Place},
    insn::{Alu, Cond, Helper, Reg, Size},
};

/// Instructions after which a run is given up (`include/linux/bpf.h`, BPF_COMPLEXITY_LIMIT_INSNS).
pub const STEPS: usize = 1_000_000;

/// What a program talks to.
pub trait Kernel {
    /// Names a map, as the program does.
    type Map: Copy;

    /// A call. Arguments the helper does not have are 0. Addresses that [`Stack::owns`] are for `stack` to read and to
    /// write; others are of this kernel.
    fn call(&mut self, helper: Helper, args: [u64; 5], stack: &mut Stack) -> Result<u64, Fault>;

    /// What stands for the map in a call.
    fn map(&mut self, map: Self::Map) -> u64;

    /// The address of the first value of an array, plus an offset.
    fn map_value(&mut self, map: Self::Map, off: u32) -> u64;

    /// Reads memory that is not of the stack.
    fn read(&mut self, address: u64, size: Size) -> Result<u64, Fault>;

    /// Writes memory that is not of the stack. The value is no larger than `size`.
    fn write(&mut self, address: u64, size: Size, value: u64) -> Result<(), Fault>;
}

/// What goes wrong in a run, or in what a program asks of a [`Kernel`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// An instruction that is not known, or has something where zero must be.
    #[error("not an instruction")]
    Insn,
    /// Control leaves the program.
    #[error("control reaches {0}, outside the program")]
    Outside(i64),
    /// The run takes more than [`STEPS`].
    #[error("no end after {STEPS} instructions")]
    Endless,
    /// A register is read that nothing was written to, or that a call has clobbered.
    #[error("{0} is read before it is written")]
    Unwritten(Reg),
    /// The frame pointer is written to.
    #[error("r10 is written")]
    Frame,
    /// Stack is read that nothing was written to.
    #[error("stack at r10{0:+} is read before it is written")]
    UnwrittenStack(i64),
    /// An address beyond either end of the stack.
    #[error("r10{0:+} is outside the stack")]
    OutsideStack(i64),
    /// Not a multiple of its size: forbidden for the stack, and for what is atomic.
    #[error("{size} bytes at {address:#x} are not aligned")]
    Unaligned {
        /// Where.
        address: u64,
        /// How many bytes.
        size: usize,
    },
    /// An instruction that names a map, and there is none in the list of the program.
    #[error("no map is named here")]
    NoMap,
    /// No helper has this number.
    #[error("no helper has the number {0}")]
    NoHelper(i32),
    /// For a [`Kernel`]: nothing is at this address.
    #[error("nothing is at {address:#x} that has {size} bytes")]
    Address {
        /// Where.
        address: u64,
        /// How many bytes.
        size: usize,
    },
    /// For a [`Kernel`]: it objects to something else, in its words.
    #[error("{0}")]
    Refused(String),
}

/// A run that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at instruction {at}: {fault}")]
pub struct Stopped {
    /// The index of the instruction.
    pub at: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// The stack of a program, which remembers what was written.
#[derive(Clone, Debug)]
pub struct Stack {
    bytes: [Option<u8>; Self::SIZE],
}

impl Default for Stack {
    fn default() -> Self {
        Self { bytes: [None; Self::SIZE] }
    }
}

impl Stack {
    /// `MAX_BPF_STACK`
    pub const SIZE: usize = 512;
    /// What [`Reg::R10`] is: the end.
    pub const END: u64 = 0x0057_ac4e_0000_0000;
    /// As far as an offset of 16 bits reaches.
    const REACH: u64 = 1 << 16;

    /// Whether the address is of the stack, or so near that only a mistake in an offset leads there. No address of a
    /// [`Kernel`] may be.
    pub fn owns(address: u64) -> bool {
        (Self::END - Self::REACH..Self::END + Self::REACH).contains(&address)
    }

    /// What a helper reads: bytes which must have been written.
    pub fn read(&self, address: u64, length: usize) -> Result<Vec<u8>, Fault> {
        let start = Self::start(address, length)?;
        let byte = |at: usize| self.bytes[at].ok_or(Fault::UnwrittenStack(at as i64 - Self::SIZE as i64));
        (start..start + length).map(byte).collect()
    }

    /// What a helper writes.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Fault> {
        let start = Self::start(address, bytes.len())?;
        for (place, byte) in self.bytes[start..].iter_mut().zip(bytes) {
            *place = Some(*byte);
        }
        Ok(())
    }

    /// The index of a byte such that `length` bytes from it on are there.
    fn start(address: u64, length: usize) -> Result<usize, Fault> {
        let off = address.wrapping_sub(Self::END) as i64;
        let start = usize::try_from(off.saturating_add(Self::SIZE as i64)).unwrap_or(usize::MAX);
        let is_inside = start.checked_add(length).is_some_and(|end| end <= Self::SIZE);
        if is_inside { Ok(start) } else { Err(Fault::OutsideStack(off)) }
    }
}

/// Runs the program with `context` in [`Reg::R1`], and returns what it returns.
pub fn run<K: Kernel>(program: &Program<K::Map>, context: u64, kernel: &mut K) -> Result<u64, Stopped> {
    let mut regs = [None; 11];
    regs[Reg::R1 as usize] = Some(context);
    regs[Reg::R10 as usize] = Some(Stack::END);
    let mut machine = Machine { program, kernel, regs, stack: Stack::default() };
    let mut at = 0;
    for _ in 0..STEPS {
        match machine.step(at).map_err(|fault| Stopped { at, fault })? {
            Next::Go(to) => at = to,
            Next::Return(value) => return Ok(value),
        }
    }
    Err(Stopped { at, fault: Fault::Endless })
}

struct Machine<'a, K: Kernel> {
    program: &'a Program<K::Map>,
    kernel: &'a mut K,
    regs: [Option<u64>; 11],
    stack: Stack,
}

enum Next {
    Go(usize),
    Return(u64),
}

impl<K: Kernel> Machine<'_, K> {
    fn step(&mut self, at: usize) -> Result<Next, Fault> {
        let form = Form::of(&self.program.insns, at).ok_or(Fault::Insn)?;
        match form {
            Form::Alu(alu, dst, operand) => self.alu(alu, dst, operand)?,
            Form::Load(dst, place) => {
                let value = self.load(self.address(place)?, place.size)?;
                self.set(dst, value)?;
            }
            Form::Store(place, value) => {
                let value = self.value(value)?;
                self.store(self.address(place)?, place.size, value)?;
            }
            Form::Add(place, src) => _ = self.add(place, src)?,
            Form::FetchAdd(place, src) => {
                let old = self.add(place, src)?;
                self.set(src, old)?;
            }
            Form::Constant(dst, value) => self.set(dst, value)?,
            Form::Map(dst) => {
                let handle = self.kernel.map(self.map_at(at)?);
                self.set(dst, handle)?;
            }
            Form::MapValue(dst, off) => {
                let address = self.kernel.map_value(self.map_at(at)?, off);
                self.set(dst, address)?;
            }
            Form::Jump(off) => return self.go(at, 1 + i64::from(off)),
            Form::JumpIf(cond, dst, operand, off) => {
                let taken = self.go(at, 1 + i64::from(off))?;
                if holds(cond, self.get(dst)?, self.value(operand)?) {
                    return Ok(taken);
                }
            }
            Form::Call(number) => self.call(number)?,
            Form::Exit => return self.get(Reg::R0).map(Next::Return),
        }
        self.go(at, form.slots() as i64)
    }

    fn go(&self, at: usize, distance: i64) -> Result<Next, Fault> {
        let to = at as i64 + distance;
        let inside = usize::try_from(to).ok().filter(|to| *to < self.program.insns.len());
        inside.map(Next::Go).ok_or(Fault::Outside(to))
    }

    fn get(&self, reg: Reg) -> Result<u64, Fault> {
        self.regs[reg as usize].ok_or(Fault::Unwritten(reg))
    }

    fn set(&mut self, reg: Reg, value: u64) -> Result<(), Fault> {
        if reg == Reg::R10 {
            return Err(Fault::Frame);
        }
        self.regs[reg as usize] = Some(value);
        Ok(())
    }

    fn value(&self, operand: Operand) -> Result<u64, Fault> {
        match operand {
            Operand::Reg(reg) => self.get(reg),
            Operand::Imm(imm) => Ok(imm as u64),
        }
    }

    fn address(&self, place: Place) -> Result<u64, Fault> {
        self.get(place.base).map(|base| base.wrapping_add_signed(i64::from(place.off)))
    }

    fn map_at(&self, at: usize) -> Result<K::Map, Fault> {
        let named = self.program.maps.iter().find(|(index, _)| *index == at);
        named.map(|(_, map)| *map).ok_or(Fault::NoMap)
    }

    fn alu(&mut self, alu: Alu, dst: Reg, operand: Operand) -> Result<(), Fault> {
        let value = self.value(operand)?;
        if alu == Alu::Mov {
            return self.set(dst, value);
        }
        let old = self.get(dst)?;
        let new = match alu {
            Alu::Add => old.wrapping_add(value),
            Alu::Sub => old.wrapping_sub(value),
            Alu::Or => old | value,
            Alu::And => old & value,
            // A register counts modulo 64 (instruction-set.rst, "Arithmetic instructions").
            Alu::Lsh => old.wrapping_shl(value as u32),
            Alu::Rsh => old.wrapping_shr(value as u32),
            Alu::Mov => value,
        };
        self.set(dst, new)
    }

    fn call(&mut self, number: i32) -> Result<(), Fault> {
        let helper = Helper::from_number(number).ok_or(Fault::NoHelper(number))?;
        let mut args = [0; 5];
        for (arg, reg) in args.iter_mut().zip(&Reg::ALL[1..=arity(helper)]) {
            *arg = self.get(*reg)?;
        }
        let result = self.kernel.call(helper, args, &mut self.stack)?;
        self.regs[..=Reg::R5 as usize].fill(None);
        self.set(Reg::R0, result)
    }

    fn load(&mut self, address: u64, size: Size) -> Result<u64, Fault> {
        if !Stack::owns(address) {
            return self.kernel.read(address, size).map(|value| value & mask(size));
        }
        aligned(address, size)?;
        let bytes = self.stack.read(address, size.bytes())?;
        let mut wide = [0; 8];
        wide[half(size)].copy_from_slice(&bytes);
        Ok(u64::from_ne_bytes(wide))
    }

    fn store(&mut self, address: u64, size: Size, value: u64) -> Result<(), Fault> {
        if !Stack::owns(address) {
            return self.kernel.write(address, size, value & mask(size));
        }
        aligned(address, size)?;
        self.stack.write(address, &value.to_ne_bytes()[half(size)])
    }

    /// Adds at a place, and returns what was there.
    fn add(&mut self, place: Place, src: Reg) -> Result<u64, Fault> {
        let (address, value) = (self.address(place)?, self.get(src)?);
        aligned(address, place.size)?;
        let old = self.load(address, place.size)?;
        self.store(address, place.size, old.wrapping_add(value))?;
        Ok(old)
    }
}

/// Stack accesses and atomic ones must be aligned whatever the machine (`kernel/bpf/verifier.c`, check_ptr_alignment).
fn aligned(address: u64, size: Size) -> Result<(), Fault> {
    let size = size.bytes();
    if address.is_multiple_of(size as u64) { Ok(()) } else { Err(Fault::Unaligned { address, size }) }
}

/// The bits of a value of this size.
fn mask(size: Size) -> u64 {
    u64::MAX >> (64 - 8 * size.bytes())
}

/// Where a value of this size lies in eight bytes.
fn half(size: Size) -> std::ops::Range<usize> {
    if cfg!(target_endian = "little") { 0..size.bytes() } else { 8 - size.bytes()..8 }
}

fn holds(cond: Cond, left: u64, right: u64) -> bool {
    match cond {
        Cond::Eq => left == right,
        Cond::Ne => left != right,
        Cond::Gt => left > right,
        Cond::Ge => left >= right,
        Cond::Lt => left < right,
        Cond::Set => left & right != 0,
        Cond::SLt => (left as i64) < right as i64,
        Cond::SGe => left as i64 >= right as i64,
    }
}

/// How many arguments a helper reads (`include/uapi/linux/bpf.h`, the text above `___BPF_FUNC_MAPPER`).
fn arity(helper: Helper) -> usize {
    match helper {
        Helper::KtimeGetNs
        | Helper::GetSmpProcessorId
        | Helper::GetCurrentPidTgid
        | Helper::GetCurrentTaskBtf => 0,
        Helper::MapLookup => 2,
        Helper::ProbeReadKernel | Helper::ProbeReadKernelStr => 3,
        Helper::MapUpdate | Helper::RingbufOutput | Helper::TaskStorageGet => 4,
    }
}

#[cfg(test)]
mod tests;
