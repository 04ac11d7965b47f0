//! Architectures: the system call ABIs a filter can tell apart.
//!
//! One [`Arch`] is one number space. x86_64 and x32 share an `AUDIT_ARCH_*` token and are told apart by bit 30 of
//! the number; everything else has a token of its own (`include/uapi/linux/audit.h`).

use std::fmt;
use std::str::FromStr;

/// Bit 30 of the number marks an x32 call (`__X32_SYSCALL_BIT`, `arch/x86/include/uapi/asm/unistd.h`).
pub const X32_BIT: u32 = 0x4000_0000;

/// A system call ABI: the pair of `seccomp_data.arch` and, for x86_64, the x32 bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86.
    X86_64,
    /// 32-bit x86, also reached from 64-bit programs by `int 0x80`.
    X86,
    /// The x32 ABI: 64-bit registers, 32-bit pointers, numbers with bit 30 set.
    X32,
    /// 64-bit Arm.
    Aarch64,
    /// 32-bit Arm EABI.
    Arm,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit IBM Z.
    S390x,
    /// 64-bit little-endian POWER.
    Ppc64le,
    /// 64-bit LoongArch.
    Loongarch64,
}

/// Facts of one architecture, in the order of [`Arch::ALL`].
struct Facts {
    arch: Arch,
    name: &'static str,
    oci: &'static str,
    /// `AUDIT_ARCH_*`, `include/uapi/linux/audit.h`.
    token: u32,
    /// Register width that reaches `seccomp_data.args`.
    bits: u32,
    /// Other spellings people use: GOARCH, `uname -m`, Debian, libseccomp.
    aliases: &'static [&'static str],
}

const FACTS: [Facts; 9] = [
    Facts {
        arch: Arch::X86_64,
        name: "x86_64",
        oci: "SCMP_ARCH_X86_64",
        token: 0xc000_003e,
        bits: 64,
        aliases: &["amd64", "x64"],
    },
    Facts {
        arch: Arch::X86,
        name: "x86",
        oci: "SCMP_ARCH_X86",
        token: 0x4000_0003,
        bits: 32,
        aliases: &["i386", "i686", "386"],
    },
    Facts { arch: Arch::X32, name: "x32", oci: "SCMP_ARCH_X32", token: 0xc000_003e, bits: 64, aliases: &[] },
    Facts {
        arch: Arch::Aarch64,
        name: "aarch64",
        oci: "SCMP_ARCH_AARCH64",
        token: 0xc000_00b7,
        bits: 64,
        aliases: &["arm64"],
    },
    Facts {
        arch: Arch::Arm,
        name: "arm",
        oci: "SCMP_ARCH_ARM",
        token: 0x4000_0028,
        bits: 32,
        aliases: &["armhf", "armv7l"],
    },
    Facts {
        arch: Arch::Riscv64,
        name: "riscv64",
        oci: "SCMP_ARCH_RISCV64",
        token: 0xc000_00f3,
        bits: 64,
        aliases: &[],
    },
    Facts {
        arch: Arch::S390x,
        name: "s390x",
        oci: "SCMP_ARCH_S390X",
        token: 0x8000_0016,
        bits: 64,
        aliases: &[],
    },
    Facts {
        arch: Arch::Ppc64le,
        name: "ppc64le",
        oci: "SCMP_ARCH_PPC64LE",
        token: 0xc000_0015,
        bits: 64,
        aliases: &["ppc64el"],
    },
    Facts {
        arch: Arch::Loongarch64,
        name: "loongarch64",
        oci: "SCMP_ARCH_LOONGARCH64",
        token: 0xc000_0102,
        bits: 64,
        aliases: &["loong64"],
    },
];

/// Architecture names the OCI runtime-spec knows and callgate keeps but has no system call table for
/// (`schema/defs-linux.json`, runtime-spec 1.3).
pub const OCI_UNMODELLED: [&str; 14] = [
    "SCMP_ARCH_M68K",
    "SCMP_ARCH_MIPS",
    "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32",
    "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",
    "SCMP_ARCH_PPC",
    "SCMP_ARCH_PPC64",
    "SCMP_ARCH_S390",
    "SCMP_ARCH_SH",
    "SCMP_ARCH_SHEB",
];

impl Arch {
    /// Every architecture callgate has a system call table for.
    pub const ALL: [Self; 9] = [
        Self::X86_64,
        Self::X86,
        Self::X32,
        Self::Aarch64,
        Self::Arm,
        Self::Riscv64,
        Self::S390x,
        Self::Ppc64le,
        Self::Loongarch64,
    ];

    fn facts(self) -> &'static Facts {
        &FACTS[self as usize]
    }

    /// The name callgate prints and reads: `x86_64`, `aarch64` …
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The OCI runtime-spec name: `SCMP_ARCH_X86_64` …
    pub fn oci(self) -> &'static str {
        self.facts().oci
    }

    /// The `AUDIT_ARCH_*` token a filter sees in `seccomp_data.arch`. x32 shares that of x86_64.
    pub fn token(self) -> u32 {
        self.facts().token
    }

    /// Width of the registers that reach `seccomp_data.args`: 32 or 64. x32 passes whole 64-bit registers.
    pub fn arg_bits(self) -> u32 {
        self.facts().bits
    }

    /// Keeps of a register value what this ABI passes on: 32-bit ABIs drop the upper half.
    pub fn truncate(self, value: u64) -> u64 {
        if self.arg_bits() == 32 { value & 0xffff_ffff } else { value }
    }

    /// The architecture this program was built for, which is also what its children start as.
    ///
    /// `None` on machines callgate has no table for.
    pub fn native() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" if cfg!(target_pointer_width = "32") => Some(Self::X32),
            "powerpc64" if cfg!(target_endian = "big") => None,
            "powerpc64" => Some(Self::Ppc64le),
            other => other.parse().ok(),
        }
    }

    /// The other ABIs a kernel of this architecture may offer beside its own.
    pub fn companions(self) -> &'static [Self] {
        match self {
            Self::X86_64 => &[Self::X86, Self::X32],
            Self::Aarch64 => &[Self::Arm],
            _ => &[],
        }
    }

    /// Looks an OCI name up: `SCMP_ARCH_AARCH64`.
    pub fn from_oci(name: &str) -> Option<Self> {
        FACTS.iter().find(|f| f.oci == name).map(|f| f.arch)
    }

    /// Splits what a filter sees into ABI and number within it. The inverse of [`Arch::raw`].
    ///
    /// On the x86_64 token every number from `0x4000_0000` up is an x32 number, except `0xffff_ffff`, which a tracer
    /// writes to skip a call and which stays an x86_64 number (libseccomp `src/gen_bpf.c` makes the same cut).
    /// `None`: a token callgate has no table for.
    pub fn split(token: u32, nr: u32) -> Option<(Self, u32)> {
        if token == Self::X86_64.token() && nr >= X32_BIT && nr != u32::MAX {
            return Some((Self::X32, nr - X32_BIT));
        }
        let arch = Self::ALL.into_iter().find(|a| a.token() == token)?;
        Some((arch, nr))
    }

    /// The `(arch, nr)` pair the kernel writes into `seccomp_data` for number `nr` of this ABI.
    pub fn raw(self, nr: u32) -> (u32, u32) {
        (self.token(), if self == Self::X32 { nr.wrapping_add(X32_BIT) } else { nr })
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is not an architecture callgate has a table for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown architecture `{0}`")]
pub struct UnknownArch(pub String);

impl FromStr for Arch {
    type Err = UnknownArch;

    /// Accepts callgate's name, the OCI name and the usual aliases.
    fn from_str(text: &str) -> Result<Self, UnknownArch> {
        FACTS
            .iter()
            .find(|f| f.name == text || f.oci == text || f.aliases.contains(&text))
            .map(|f| f.arch)
            .ok_or_else(|| UnknownArch(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_stand_in_the_order_of_the_enum() {
        for (i, arch) in Arch::ALL.into_iter().enumerate() {
            assert_eq!(FACTS[i].arch, arch);
            assert_eq!(arch.name().parse(), Ok(arch));
            assert_eq!(Arch::from_oci(arch.oci()), Some(arch));
        }
    }

    #[test]
    fn raw_and_split_are_inverse() {
        for arch in Arch::ALL {
            for nr in [0, 1, 59, 512, 0x3fff_ffff] {
                let (token, raw) = arch.raw(nr);
                assert_eq!(Arch::split(token, raw), Some((arch, nr)));
            }
        }
    }

    #[test]
    fn the_skip_number_of_tracers_stays_with_x86_64() {
        assert_eq!(Arch::split(Arch::X86_64.token(), u32::MAX), Some((Arch::X86_64, u32::MAX)));
        assert_eq!(Arch::split(Arch::X86_64.token(), 0x8000_0000), Some((Arch::X32, 0x4000_0000)));
    }
}
