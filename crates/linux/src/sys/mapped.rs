//! Memory that programs of the kernel write to while we look.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// A mapping of a map.
#[derive(Debug)]
pub(crate) struct Mapped {
    start: NonNull<u8>,
    bytes: usize,
}

impl Mapped {
    /// Maps `bytes` from `offset` on; rounded up to pages by the kernel.
    pub(crate) fn new(fd: BorrowedFd<'_>, bytes: usize, offset: usize, writable: bool) -> io::Result<Self> {
        let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
        // SAFETY: a mapping at an address of the kernel's choice touches no existing memory.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                protection,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at zero"))?;
        Ok(Self { start, bytes })
    }

    /// The place of a `T`, checked.
    fn at<T>(&self, offset: usize) -> &T {
        assert!(
            offset.is_multiple_of(align_of::<T>()) && offset + size_of::<T>() <= self.bytes,
            "outside of a map"
        );
        // SAFETY: inside the mapping, as just checked.
        let place = unsafe { self.start.add(offset) }.cast::<T>();
        // SAFETY: the mapping lives as long as `self`, the place is aligned, and the callers below read and write it as
        // atomics only, of which every bit pattern is one.
        unsafe { place.as_ref() }
    }

    /// One byte.
    pub(crate) fn byte(&self, offset: usize) -> u8 {
        self.at::<AtomicU8>(offset).load(Ordering::Relaxed)
    }

    /// Four bytes.
    pub(crate) fn word(&self, offset: usize) -> u32 {
        self.at::<AtomicU32>(offset).load(Ordering::Acquire)
    }

    /// Eight bytes.
    pub(crate) fn long(&self, offset: usize) -> u64 {
        self.at::<AtomicU64>(offset).load(Ordering::Acquire)
    }

    /// Sets four bytes. The mapping has to be writable.
    pub(crate) fn set_word(&self, offset: usize, value: u32) {
        self.at::<AtomicU32>(offset).store(value, Ordering::Release);
    }

    /// Sets eight bytes.
    pub(crate) fn set_long(&self, offset: usize, value: u64) {
        self.at::<AtomicU64>(offset).store(value, Ordering::Release);
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the address and length are those of our own mapping; borrows of it end before `drop`.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
