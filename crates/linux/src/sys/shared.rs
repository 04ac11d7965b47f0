//! One page of memory shared by callgate, its keeper and the child it starts.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

/// The words on the page. All zero at the start; every field is an atomic, so any process may touch any at any time.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Words {
    /// Number of the listener in the table that child and keeper share, plus one. Written by the child between
    /// seccomp(2) and execve(2), where it may make no system call.
    pub(crate) listener: AtomicI32,
    /// errno with which no_new_privs, seccomp(2) or execve(2) failed in the child.
    pub(crate) failed: AtomicI32,
    /// Which of them: see `spawn::Step`.
    pub(crate) failed_step: AtomicU32,
    /// Lets a child go on that waits to be traced.
    pub(crate) go: AtomicU32,
    /// The phase the owner says the workload is in (`trace::Phase` as number).
    pub(crate) phase: AtomicU32,
    /// Calls seen so far.
    pub(crate) calls: AtomicU64,
    /// Distinct things seen so far.
    pub(crate) distinct: AtomicU64,
    /// 1 while somebody writes to the terminal line.
    pub(crate) line_lock: AtomicU32,
    /// 1 while a status line stands on the terminal.
    pub(crate) line_drawn: AtomicU32,
    /// 1 once the program wrote to its output.
    pub(crate) program_wrote: AtomicU32,
    /// Process id of the program.
    pub(crate) main_pid: AtomicI32,
}

impl Words {
    /// Takes the terminal line. An owner that was killed or stopped while it held it holds it no longer than this
    /// takes: a garbled line is better than a program that stands still.
    pub(crate) fn lock_line(&self) {
        for _ in 0..LINE_PATIENCE {
            if self.line_lock.swap(1, Ordering::Acquire) == 0 {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Gives the terminal line back.
    pub(crate) fn unlock_line(&self) {
        self.line_lock.store(0, Ordering::Release);
    }
}

/// Rounds before the line is taken from somebody who does not give it back.
const LINE_PATIENCE: u32 = 10_000;

/// The mapping. Forked processes inherit it; it is unmapped when the last of them is gone.
#[derive(Debug)]
pub(crate) struct Shared {
    page: NonNull<Words>,
}

impl Shared {
    /// Maps a fresh zeroed page.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: an anonymous mapping at an address of the kernel's choice touches no existing memory.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Words>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(address.cast())
            .map(|page| Self { page })
            .ok_or_else(|| io::Error::other("mapped at zero"))
    }

    /// The words.
    pub(crate) fn words(&self) -> &Words {
        // SAFETY: the page is mapped for as long as `self` lives, is at least as large and aligned as `Words`, is
        // zeroed (valid for atomics), and is only ever accessed through atomics.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the address and length are those of our own mapping; `words` borrows end before `drop`.
        unsafe { libc::munmap(self.page.as_ptr().cast(), size_of::<Words>()) };
    }
}
