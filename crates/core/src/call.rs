//! One system call as a filter sees it.

use crate::arch::Arch;

/// One system call: the input of a filter, with ABI and number taken apart.
///
/// Pointers are addresses here; no filter sees what they point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// The ABI the call was made through.
    pub arch: Arch,
    /// The number within that ABI, without the x32 bit.
    pub nr: u32,
    /// The six argument registers. On 32-bit ABIs the upper halves are zero.
    pub args: [u64; 6],
}

impl Call {
    /// A call with its arguments cut to what the ABI passes on.
    pub fn new(arch: Arch, nr: u32, args: [u64; 6]) -> Self {
        Self { arch, nr, args: args.map(|a| arch.truncate(a)) }
    }

    /// What the kernel hands to the filter. The instruction pointer is not modelled: OCI profiles cannot name it.
    pub fn to_data(self) -> SeccompData {
        let (arch, nr) = self.arch.raw(self.nr);
        SeccompData { nr, arch, instruction_pointer: 0, args: self.args }
    }
}

/// `struct seccomp_data`, `include/uapi/linux/seccomp.h`: 64 bytes, host byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeccompData {
    /// The number, x32 bit included.
    pub nr: u32,
    /// `AUDIT_ARCH_*`.
    pub arch: u32,
    /// Where the call was made.
    pub instruction_pointer: u64,
    /// The six argument registers.
    pub args: [u64; 6],
}

impl SeccompData {
    /// The call, or `None` for an architecture callgate has no table for.
    pub fn to_call(self) -> Option<Call> {
        Arch::split(self.arch, self.nr).map(|(arch, nr)| Call { arch, nr, args: self.args })
    }
}
