//! Where the running kernel keeps what the programs read, by its own BTF.

use callgate_core::Arch;

use crate::ebpf::btf::{Btf, BtfError};

/// Why the recorder does not find what it reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OffsetError {
    /// The BTF does not say.
    #[error(transparent)]
    Btf(#[from] BtfError),
    /// Farther than an instruction reaches.
    #[error("`{0}.{1}` is too far from the beginning of its struct")]
    TooFar(String, String),
}

/// Byte offsets into the kernel's structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// `task_struct.seccomp.filter_count`: filters of this task, its parents' included (Linux 5.11).
    pub filter_count: i16,
    /// `task_struct.group_leader`
    pub group_leader: i16,
    /// The word of `task_struct` that says that this call came by the 32-bit ABI, and its bit: `TS_COMPAT` of
    /// `thread_info.status` (`arch/x86/include/asm/thread_info.h`), `TIF_32BIT` of `thread_info.flags` (`arch/arm64/…`).
    pub compat: (i16, i32),
    /// Argument registers of the 64-bit ABI in `pt_regs`.
    pub arguments: [i16; 6],
    /// Those of the 32-bit ABI.
    pub compat_arguments: [i16; 6],
    /// The call's number in `pt_regs`, and whether it has 64 bits there.
    pub number: (i16, bool),
    /// `task_struct.fs`
    pub fs: i16,
    /// `fs_struct.root.dentry`: its root directory, and another one after pivot_root(2), chroot(2) or setns(2) into a
    /// container; the same after unshare(2), which copies mounts and not what is mounted.
    pub root: i16,
    /// `linux_binprm.interp`: the path of the binary, a script's interpreter
    pub interp: i16,
    /// For cgroups.
    pub cgroup: CgroupOffsets,
}

/// Byte offsets into what the kernel knows of cgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupOffsets {
    /// `task_struct.cgroups`
    pub cgroups: i16,
    /// `css_set.dfl_cgrp`: the one in the v2 hierarchy
    pub unified: i16,
    /// `css_set.subsys`: those of v1, by controller
    pub subsys: i16,
    /// `cgroup_subsys_state.cgroup`
    pub of_subsys: i16,
    /// `cgroup.level`
    pub level: i16,
    /// `cgroup.ancestors`: from the root to itself (Linux 6.1)
    pub ancestors: i16,
    /// `cgroup.kn`
    pub node: i16,
    /// `cgroup.root`
    pub root: i16,
    /// `cgroup_root.hierarchy_id`
    pub hierarchy: i16,
    /// `kernfs_node.id`: what stat(2) shows as inode
    pub id: i16,
}

/// The machines this recorder knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86_64 with i386.
    X86,
    /// aarch64 with arm.
    Arm,
}

impl Machine {
    /// The one this was compiled for.
    pub fn native() -> Option<Self> {
        match Arch::native()? {
            Arch::X86_64 => Some(Self::X86),
            Arch::Aarch64 => Some(Self::Arm),
            _ => None,
        }
    }

    /// Its ABIs, by their numbers in the maps.
    pub fn abis(self) -> [Arch; 2] {
        match self {
            Self::X86 => [Arch::X86_64, Arch::X86],
            Self::Arm => [Arch::Aarch64, Arch::Arm],
        }
    }
}

impl Offsets {
    /// Asks the kernel's BTF.
    pub fn read(btf: &Btf<'_>, machine: Machine) -> Result<Self, OffsetError> {
        let task = |path: &str| at(btf, "task_struct", path);
        let registers = |names: [&str; 6]| -> Result<[i16; 6], OffsetError> {
            let mut offsets = [0; 6];
            for (offset, name) in offsets.iter_mut().zip(names) {
                *offset = at(btf, "pt_regs", name)?;
            }
            Ok(offsets)
        };
        let (compat, arguments, compat_arguments, number) = match machine {
            Machine::X86 => (
                (task("thread_info.status")?, 2),
                // Of the callee's view rcx is lost in syscall(2), so the fourth is r10.
                registers(["di", "si", "dx", "r10", "r8", "r9"])?,
                registers(["bx", "cx", "dx", "si", "di", "bp"])?,
                (at(btf, "pt_regs", "orig_ax")?, true),
            ),
            Machine::Arm => {
                let first = at(btf, "pt_regs", "regs")?;
                let registers = [0, 8, 16, 24, 32, 40].map(|i| first + i);
                (
                    (task("thread_info.flags")?, 1 << 22),
                    registers,
                    registers,
                    (at(btf, "pt_regs", "syscallno")?, false),
                )
            }
        };
        Ok(Self {
            filter_count: task("seccomp.filter_count")?,
            group_leader: task("group_leader")?,
            compat,
            arguments,
            compat_arguments,
            number,
            fs: task("fs")?,
            root: at(btf, "fs_struct", "root.dentry")?,
            interp: at(btf, "linux_binprm", "interp")?,
            cgroup: CgroupOffsets {
                cgroups: task("cgroups")?,
                unified: at(btf, "css_set", "dfl_cgrp")?,
                subsys: at(btf, "css_set", "subsys")?,
                of_subsys: at(btf, "cgroup_subsys_state", "cgroup")?,
                level: at(btf, "cgroup", "level")?,
                ancestors: at(btf, "cgroup", "ancestors")?,
                node: at(btf, "cgroup", "kn")?,
                root: at(btf, "cgroup", "root")?,
                hierarchy: at(btf, "cgroup_root", "hierarchy_id")?,
                id: at(btf, "kernfs_node", "id")?,
            },
        })
    }
}

/// An offset that an instruction can hold.
fn at(btf: &Btf<'_>, structure: &str, path: &str) -> Result<i16, OffsetError> {
    let offset = btf.offset(structure, path)?;
    i16::try_from(offset).map_err(|_far| OffsetError::TooFar(structure.to_owned(), path.to_owned()))
}
