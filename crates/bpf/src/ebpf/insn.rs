//! Instructions of eBPF, as bpf(2) takes them (`include/uapi/linux/bpf.h`, `Documentation/bpf/standardization/
//! instruction-set.rst`).

/// A register. `R0` is a result, `R1`–`R5` are arguments and lost in calls, `R6`–`R9` are kept, `R10` is the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reg {
    /// What a helper returned, and what the program returns.
    R0,
    /// First argument; the context, at the beginning.
    R1,
    /// Second argument.
    R2,
    /// Third argument.
    R3,
    /// Fourth argument.
    R4,
    /// Fifth argument.
    R5,
    /// Kept in calls.
    R6,
    /// Kept in calls.
    R7,
    /// Kept in calls.
    R8,
    /// Kept in calls.
    R9,
    /// The end of the 512 bytes of stack; cannot be written to.
    R10,
}

impl Reg {
    /// Every register, by number.
    pub const ALL: [Self; 11] = [
        Self::R0,
        Self::R1,
        Self::R2,
        Self::R3,
        Self::R4,
        Self::R5,
        Self::R6,
        Self::R7,
        Self::R8,
        Self::R9,
        Self::R10,
    ];
}

/// How much memory an instruction moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One byte, `u8`.
    B,
    /// Two bytes, `u16`.
    H,
    /// Four bytes, `u32`.
    W,
    /// Eight bytes, `u64`.
    D,
}

impl Size {
    /// The bits of the opcode.
    pub(crate) fn bits(self) -> u8 {
        match self {
            Self::W => 0x00,
            Self::H => 0x08,
            Self::B => 0x10,
            Self::D => 0x18,
        }
    }

    /// Out of the bits of an opcode.
    pub(crate) fn of(code: u8) -> Self {
        match code & 0x18 {
            0x00 => Self::W,
            0x08 => Self::H,
            0x10 => Self::B,
            _ => Self::D,
        }
    }

    /// In bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::B => 1,
            Self::H => 2,
            Self::W => 4,
            Self::D => 8,
        }
    }
}

/// Arithmetic on 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alu {
    /// `dst += src`
    Add,
    /// `dst -= src`
    Sub,
    /// `dst |= src`
    Or,
    /// `dst &= src`
    And,
    /// `dst <<= src`
    Lsh,
    /// `dst >>= src`, zeroes coming in
    Rsh,
    /// `dst = src`
    Mov,
}

impl Alu {
    /// Every operation, with the bits of its opcode and its sign.
    pub(crate) const ALL: [(Self, u8, &'static str); 7] = [
        (Self::Add, 0x00, "+="),
        (Self::Sub, 0x10, "-="),
        (Self::Or, 0x40, "|="),
        (Self::And, 0x50, "&="),
        (Self::Lsh, 0x60, "<<="),
        (Self::Rsh, 0x70, ">>="),
        (Self::Mov, 0xb0, "="),
    ];
}

/// When a jump is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cond {
    /// `dst == src`
    Eq,
    /// `dst != src`
    Ne,
    /// `dst > src`, unsigned
    Gt,
    /// `dst >= src`, unsigned
    Ge,
    /// `dst < src`, unsigned
    Lt,
    /// `dst & src` is not zero
    Set,
    /// `dst < src`, signed
    SLt,
    /// `dst >= src`, signed
    SGe,
}

impl Cond {
    /// Every condition, with the bits of its opcode and its sign.
    pub(crate) const ALL: [(Self, u8, &'static str); 8] = [
        (Self::Eq, 0x10, "=="),
        (Self::Gt, 0x20, ">"),
        (Self::Ge, 0x30, ">="),
        (Self::Set, 0x40, "&"),
        (Self::Ne, 0x50, "!="),
        (Self::SGe, 0x70, "s>="),
        (Self::Lt, 0xa0, "<"),
        (Self::SLt, 0xc0, "s<"),
    ];
}

/// Functions of the kernel a program may call, by their numbers (`enum bpf_func_id`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Helper {
    /// `void *map_lookup_elem(map, key)`
    MapLookup = 1,
    /// `long map_update_elem(map, key, value, flags)`
    MapUpdate = 2,
    /// `u64 ktime_get_ns()`
    KtimeGetNs = 5,
    /// `u32 get_smp_processor_id()`
    GetSmpProcessorId = 8,
    /// `u64 get_current_pid_tgid()`: thread group in the upper half, thread in the lower one
    GetCurrentPidTgid = 14,
    /// `long probe_read_kernel(dst, size, address)`
    ProbeReadKernel = 113,
    /// `long probe_read_kernel_str(dst, size, address)`
    ProbeReadKernelStr = 115,
    /// `long ringbuf_output(ring, data, size, flags)`
    RingbufOutput = 130,
    /// `void *task_storage_get(map, task, value, flags)`
    TaskStorageGet = 156,
    /// `struct task_struct *get_current_task_btf()`
    GetCurrentTaskBtf = 158,
}

impl Helper {
    /// Every helper used here, with its name in the kernel.
    pub(crate) const ALL: [(Self, &'static str); 10] = [
        (Self::MapLookup, "map_lookup_elem"),
        (Self::MapUpdate, "map_update_elem"),
        (Self::KtimeGetNs, "ktime_get_ns"),
        (Self::GetSmpProcessorId, "get_smp_processor_id"),
        (Self::GetCurrentPidTgid, "get_current_pid_tgid"),
        (Self::ProbeReadKernel, "probe_read_kernel"),
        (Self::ProbeReadKernelStr, "probe_read_kernel_str"),
        (Self::RingbufOutput, "ringbuf_output"),
        (Self::TaskStorageGet, "task_storage_get"),
        (Self::GetCurrentTaskBtf, "get_current_task_btf"),
    ];

    /// The helper with this number.
    pub fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().map(|(helper, _)| *helper).find(|helper| *helper as i32 == number)
    }
}

/// Opcodes that are not put together from an operation.
pub(crate) mod op {
    /// A constant of 64 bits, in two instructions (`BPF_LD | BPF_IMM | BPF_DW`).
    pub(crate) const LD_IMM64: u8 = 0x18;
    /// `BPF_LDX | BPF_MEM`
    pub(crate) const LDX: u8 = 0x61;
    /// `BPF_ST | BPF_MEM`
    pub(crate) const ST: u8 = 0x62;
    /// `BPF_STX | BPF_MEM`
    pub(crate) const STX: u8 = 0x63;
    /// `BPF_STX | BPF_ATOMIC`
    pub(crate) const ATOMIC: u8 = 0xc3;
    /// `BPF_ALU64`
    pub(crate) const ALU64: u8 = 0x07;
    /// `BPF_JMP`
    pub(crate) const JMP: u8 = 0x05;
    /// `BPF_JMP | BPF_CALL`
    pub(crate) const CALL: u8 = 0x85;
    /// `BPF_JMP | BPF_EXIT`
    pub(crate) const EXIT: u8 = 0x95;
    /// The second operand is a register (`BPF_X`).
    pub(crate) const X: u8 = 0x08;
    /// The bits of a class.
    pub(crate) const CLASS: u8 = 0x07;
    /// `BPF_ADD`, as `imm` of an atomic instruction.
    pub(crate) const ATOMIC_ADD: i32 = 0x00;
    /// `BPF_ADD | BPF_FETCH`: the old value goes to the register.
    pub(crate) const ATOMIC_FETCH_ADD: i32 = 0x01;
    /// `BPF_PSEUDO_MAP_FD`, as `src` of a constant: it is a map's descriptor.
    pub(crate) const PSEUDO_MAP_FD: u8 = 1;
    /// `BPF_PSEUDO_MAP_VALUE`: the address of an array's first element, plus an offset.
    pub(crate) const PSEUDO_MAP_VALUE: u8 = 2;
}

/// One instruction, `struct bpf_insn`: eight bytes. A constant of 64 bits takes two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// Class, size or operation, source.
    pub code: u8,
    /// The register that is written to, or the address.
    pub dst: u8,
    /// The other register.
    pub src: u8,
    /// How far a jump goes, or where in memory.
    pub off: i16,
    /// The constant.
    pub imm: i32,
}

impl Insn {
    /// The bytes in memory. The two registers share a byte, in the order of the machine.
    pub fn bytes(self) -> [u8; 8] {
        let registers =
            if cfg!(target_endian = "little") { self.dst | self.src << 4 } else { self.src | self.dst << 4 };
        let mut bytes = [self.code, registers, 0, 0, 0, 0, 0, 0];
        bytes[2..4].copy_from_slice(&self.off.to_ne_bytes());
        bytes[4..].copy_from_slice(&self.imm.to_ne_bytes());
        bytes
    }
}
