//! The system call seam: the only files with `unsafe`.
//!
//! Everything above speaks through these safe functions, or, where its thinking is tested without a kernel, through
//! the traits of [`seam`], which `fake` plays from a script.
#![expect(unsafe_code, reason = "the system call seam")]

pub(crate) mod bpf;
pub(crate) mod mapped;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod ptrace;
pub(crate) mod seam;
pub(crate) mod seccomp;
pub(crate) mod shared;

#[cfg(test)]
pub(crate) mod fake;

use std::io;

/// Turns the C convention (-1 and errno) into a result.
fn check(value: i64) -> io::Result<i64> {
    if value == -1 { Err(io::Error::last_os_error()) } else { Ok(value) }
}
