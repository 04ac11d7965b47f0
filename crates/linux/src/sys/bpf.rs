//! bpf(2): maps, programs, and memory shared with them (`include/uapi/linux/bpf.h`).

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use super::check;

/// Commands, `enum bpf_cmd`.
const MAP_CREATE: u32 = 0;
const MAP_LOOKUP_ELEM: u32 = 1;
const MAP_UPDATE_ELEM: u32 = 2;
const MAP_GET_NEXT_KEY: u32 = 4;
const PROG_LOAD: u32 = 5;
const OBJ_GET_INFO_BY_FD: u32 = 15;
const RAW_TRACEPOINT_OPEN: u32 = 17;
const BTF_LOAD: u32 = 18;
const MAP_FREEZE: u32 = 22;

/// `BPF_PROG_TYPE_TRACING`
const TRACING: u32 = 26;
/// `BPF_TRACE_RAW_TP`
const TRACE_RAW_TP: u32 = 23;
/// Where `recursion_misses` stands in `struct bpf_prog_info` (Linux 5.12).
const RECURSION_MISSES: usize = 208;
/// As much of `struct bpf_prog_info` as is read.
const PROG_INFO: usize = 216;
/// The verifier's log is kept up to this size.
const LOG_BYTES: usize = 1 << 20;

/// Kinds of maps, `enum bpf_map_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum MapType {
    /// By key.
    Hash = 1,
    /// By index.
    Array = 2,
    /// A ring of records.
    Ring = 27,
    /// A value per task, gone with the task.
    TaskStorage = 29,
}

/// `BPF_F_NO_PREALLOC`
pub(crate) const NO_PREALLOC: u32 = 1;
/// `BPF_F_RDONLY_PROG`
pub(crate) const READ_ONLY_IN_PROGRAMS: u32 = 1 << 7;
/// `BPF_F_MMAPABLE`
pub(crate) const MAPPABLE: u32 = 1 << 10;

/// What a map is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapSpec {
    pub(crate) name: &'static str,
    pub(crate) kind: MapType,
    pub(crate) key: u32,
    pub(crate) value: u32,
    pub(crate) entries: u32,
    pub(crate) flags: u32,
}

/// `union bpf_attr`, as words of four bytes: every field used here is at a multiple of four.
struct Attr {
    words: [u32; 40],
}

impl Default for Attr {
    fn default() -> Self {
        Self { words: [0; 40] }
    }
}

impl Attr {
    fn word(mut self, at: usize, value: u32) -> Self {
        self.words[at / 4] = value;
        self
    }

    fn long(mut self, at: usize, value: u64) -> Self {
        let bytes = value.to_ne_bytes();
        for (i, half) in bytes.chunks_exact(4).enumerate() {
            self.words[at / 4 + i] = u32::from_ne_bytes([half[0], half[1], half[2], half[3]]);
        }
        self
    }

    /// A name of at most 15 bytes.
    fn name(mut self, at: usize, name: &str) -> Self {
        for (i, chunk) in name.as_bytes().chunks(4).take(4).enumerate() {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            self.words[at / 4 + i] = u32::from_ne_bytes(word);
        }
        self.words[at / 4 + 3] &= u32::from_ne_bytes([0xff, 0xff, 0xff, 0]);
        self
    }

    /// Calls bpf(2).
    ///
    /// # Safety
    /// Every address put into the attributes has to be that of memory which lives during the call, is as large as the
    /// command says, and may be written to where the command writes.
    unsafe fn call(&self, command: u32) -> io::Result<i64> {
        // SAFETY: the attributes are a readable block of the stated size; their addresses are the caller's promise.
        check(unsafe {
            libc::syscall(libc::SYS_bpf, command, &raw const self.words, size_of_val(&self.words))
        })
    }
}

fn owned(fd: i64) -> OwnedFd {
    // SAFETY: the kernel just made this descriptor for us, close-on-exec, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

/// The address of a slice, for an attribute.
fn address<T>(slice: &[T]) -> u64 {
    slice.as_ptr() as u64
}

/// Gives type information to the kernel.
pub(crate) fn load_btf(blob: &[u8]) -> io::Result<OwnedFd> {
    let attr = Attr::default().long(0, address(blob)).word(16, blob.len() as u32);
    // SAFETY: `blob` is readable, of the stated size, and lives until after the call.
    unsafe { attr.call(BTF_LOAD) }.map(owned)
}

/// Makes a map. `types`: type information, and the types of key and value in it.
pub(crate) fn create_map(spec: &MapSpec, types: Option<(BorrowedFd<'_>, u32, u32)>) -> io::Result<OwnedFd> {
    let mut attr = Attr::default()
        .word(0, spec.kind as u32)
        .word(4, spec.key)
        .word(8, spec.value)
        .word(12, spec.entries)
        .word(16, spec.flags)
        .name(28, spec.name);
    if let Some((btf, key, value)) = types {
        attr = attr.word(48, btf.as_raw_fd() as u32).word(52, key).word(56, value);
    }
    // SAFETY: the attributes have no addresses.
    unsafe { attr.call(MAP_CREATE) }.map(owned)
}

/// Nobody writes to this map from user space any more.
pub(crate) fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the attributes have no addresses.
    unsafe { Attr::default().word(0, map.as_raw_fd() as u32).call(MAP_FREEZE) }.map(drop)
}

fn element(map: BorrowedFd<'_>, key: u64, value: u64) -> Attr {
    Attr::default().word(0, map.as_raw_fd() as u32).long(8, key).long(16, value)
}

/// Sets a value. The caller knows the sizes of key and value of this map.
pub(crate) fn update(map: BorrowedFd<'_>, key: &[u8], value: &[u8]) -> io::Result<()> {
    // SAFETY: key and value are readable, and of the map's sizes: every caller makes them from the map's own layout.
    unsafe { element(map, address(key), address(value)).call(MAP_UPDATE_ELEM) }.map(drop)
}

/// Reads a value into `value`; `false` where there is none.
pub(crate) fn lookup(map: BorrowedFd<'_>, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
    let attr = element(map, address(key), value.as_mut_ptr() as u64);
    // SAFETY: the key is readable and the value writable, both of the map's sizes, as for `update`.
    found(unsafe { attr.call(MAP_LOOKUP_ELEM) })
}

/// Reads the key after `key` into `next`; `false` at the end. `None`: the first.
pub(crate) fn next_key(map: BorrowedFd<'_>, key: Option<&[u8]>, next: &mut [u8]) -> io::Result<bool> {
    let attr = element(map, key.map_or(0, address), next.as_mut_ptr() as u64);
    // SAFETY: as for `lookup`; no key at all is what the command takes for "from the beginning".
    found(unsafe { attr.call(MAP_GET_NEXT_KEY) })
}

fn found(result: io::Result<i64>) -> io::Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(e) if e.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Why a program was not taken: what the kernel said, and the end of the verifier's log.
#[derive(Debug)]
pub(crate) struct Rejected {
    pub(crate) source: io::Error,
    pub(crate) log: String,
}

/// Loads a program for the tracepoint whose type has this id in the kernel's BTF.
pub(crate) fn load_program(name: &str, bytes: &[u8], attach_btf_id: u32) -> Result<OwnedFd, Rejected> {
    let attempt = |log: Option<&mut Vec<u8>>| {
        let license: &CStr = c"GPL";
        let mut attr = Attr::default()
            .word(0, TRACING)
            .word(4, (bytes.len() / 8) as u32)
            .long(8, address(bytes))
            .long(16, license.as_ptr() as u64)
            .name(48, name)
            .word(68, TRACE_RAW_TP)
            .word(108, attach_btf_id);
        if let Some(log) = log {
            attr = attr.word(24, 1).word(28, log.len() as u32).long(32, log.as_mut_ptr() as u64);
        }
        // SAFETY: instructions and licence are readable, the log writable, of the stated sizes, until after the call.
        unsafe { attr.call(PROG_LOAD) }.map(owned)
    };
    let first = match attempt(None) {
        Ok(fd) => return Ok(fd),
        Err(error) => error,
    };
    if matches!(first.raw_os_error(), Some(libc::EPERM | libc::ENOSYS)) {
        return Err(Rejected { source: first, log: String::new() });
    }
    let mut log = vec![0; LOG_BYTES];
    match attempt(Some(&mut log)) {
        Ok(fd) => Ok(fd),
        Err(source) => {
            let end = log.iter().position(|b| *b == 0).unwrap_or(log.len());
            Err(Rejected { source, log: String::from_utf8_lossy(&log[..end]).into_owned() })
        }
    }
}

/// Attaches a program to its tracepoint, for as long as the descriptor lives.
pub(crate) fn attach(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: no name is given, which is what a program with a type of its own asks for.
    unsafe { Attr::default().word(8, program.as_raw_fd() as u32).call(RAW_TRACEPOINT_OPEN) }.map(owned)
}

/// How often this program could not run because it ran already on that processor.
pub(crate) fn missed(program: BorrowedFd<'_>) -> io::Result<u64> {
    let mut info = [0_u8; PROG_INFO];
    let attr = Attr::default()
        .word(0, program.as_raw_fd() as u32)
        .word(4, PROG_INFO as u32)
        .long(8, info.as_mut_ptr() as u64);
    // SAFETY: `info` is writable and of the stated size, and every address in it is zero: nothing else is asked for.
    unsafe { attr.call(OBJ_GET_INFO_BY_FD) }?;
    Ok(u64::from_ne_bytes(info[RECURSION_MISSES..].try_into().unwrap_or_default()))
}

/// A descriptor of a process, for keys of task storage.
pub(crate) fn pidfd(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: pidfd_open(2) takes two numbers.
    check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) }).map(owned)
}

/// Whether bpf(2) works at all: a filter above may refuse it.
pub(crate) fn allowed() -> bool {
    let spec = MapSpec { name: "probe", kind: MapType::Array, key: 4, value: 8, entries: 1, flags: 0 };
    create_map(&spec, None).is_ok()
}
