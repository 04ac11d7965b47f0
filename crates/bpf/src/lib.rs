//! Classic BPF for seccomp: what a [`Meaning`](callgate_core::Meaning) becomes, and what a program does.
//!
//! ```text
//!   Meaning ──emit──► Program ──check──► what the kernel would take
//!                        │
//!   SeccompData ─────────┴──simulate──► SECCOMP_RET_* value, path
//! ```
//!
//! Pure: no system call is made here, and nothing knows what a profile file looks like.
#![forbid(unsafe_code)]

mod arguments;
mod asm;
pub mod bitmap;
pub mod check;
mod dag;
pub mod disasm;
pub mod ebpf;
pub mod emit;
pub mod figures;
pub mod flags;
pub mod insn;
mod line;
mod lower;
pub mod prove;
pub mod simulate;
mod weights;

pub use check::{CheckError, check, looks_like_filter};
pub use disasm::disassemble;
pub use emit::{EmitError, emit, emit_weighted, fewest_comparisons};
pub use figures::figures;
pub use flags::Flags;
pub use insn::{BytesError, Insn, Program};
pub use prove::{Proof, prove};
pub use simulate::{Path, SimError, path, run};
pub use weights::Weights;
