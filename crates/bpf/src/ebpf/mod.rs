//! eBPF: the programs that record what runs, assembled here without any other compiler.
//!
//! ```text
//!   vmlinux BTF ──btf──► Offsets ──recorder──► Program ──► the loader (in callgate-linux)
//!                                                  └─────► interpret, disassemble
//! ```

pub mod asm;
pub mod btf;
pub mod disasm;
pub mod insn;
pub mod interpret;
pub mod recorder;
