//! The child of the kernel oracle: loads a marker filter and a candidate, then makes nothing but probes.
//!
//! After the candidate is loaded the child makes no system call of its own. Answers go into shared memory; the end is
//! a SIGKILL from the parent. The marker refuses every probe, whatever the candidate says.

use std::io;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU32, Ordering::Relaxed, Ordering::SeqCst};

use callgate_bpf::Program;

use super::check;
use super::seccomp::Ready;

/// `SECCOMP_SET_MODE_FILTER`, `include/uapi/linux/seccomp.h`.
const SET_MODE_FILTER: libc::c_long = 1;
/// `SECCOMP_FILTER_FLAG_TSYNC`: load the filter on all threads.
const FLAG_TSYNC: u32 = 1;
/// Bytes of stack for the idle thread, which only sleeps.
const STACK: usize = 64 * 1024;
/// "nobody", to whom a child of root changes.
const NOBODY: libc::c_long = 65534;

/// The signal that ends a process whose probing thread is gone. Not SIGKILL: only a process that was left alone until
/// then ends by this one, so the verdict cannot be mistaken for somebody else's SIGKILL.
pub(crate) const LEFT_ALONE: i32 = libc::SIGUSR1;

/// How the kernel is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// By this machine's own instruction.
    Native,
    /// By `int 0x80` from 64-bit x86: the 32-bit ABI.
    Int80,
}

/// One call to make.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    expect(dead_code, reason = "no way into the kernel is written for this machine")
)]
pub(crate) struct Probe {
    pub(crate) entry: Entry,
    /// The raw number, x32 bit included.
    pub(crate) nr: u32,
    pub(crate) args: [u64; 6],
}

/// What the child says about itself. All zero at the start; every field is an atomic.
#[repr(C)]
pub(crate) struct Header {
    /// How many probes have been answered.
    pub(crate) done: AtomicU32,
    /// 0 once the probing thread is gone: the kernel clears it (set_tid_address(2)).
    alive: AtomicU32,
    /// 1 once `alive` means something.
    started: AtomicU32,
    /// 1 plus the data of RET_TRAP, when the probe after the `done` first ones was answered by SIGSYS.
    pub(crate) trapped: AtomicU32,
    /// The errno with which set-up failed, and at which [`Step`].
    pub(crate) failed: AtomicU32,
    pub(crate) step: AtomicU32,
}

/// What can fail before the first probe.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Privileges = 1,
    Signals,
    Thread,
    Marker,
    Candidate,
}

/// The memory that parent and child share: a header, then one answer per probe.
pub(crate) struct Board {
    page: NonNull<Header>,
    answers: usize,
}

impl Board {
    /// Maps fresh zeroed memory for this many answers.
    pub(crate) fn new(answers: usize) -> io::Result<Self> {
        let page = map(Self::bytes(answers), libc::MAP_SHARED)?;
        Ok(Self { page: page.cast(), answers })
    }

    fn bytes(answers: usize) -> usize {
        size_of::<Header>() + answers * size_of::<AtomicI64>()
    }

    /// The header.
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping lives as long as `self`, is page-aligned and zeroed (valid for atomics), larger than a
        // `Header`, and only ever accessed through atomics.
        unsafe { self.page.as_ref() }
    }

    /// The answers: what the system call instruction returned.
    pub(crate) fn answers(&self) -> &[AtomicI64] {
        // SAFETY: `bytes` makes room for the answers behind the header.
        let first = unsafe { self.page.add(1) }.cast::<AtomicI64>();
        // SAFETY: `first` is 8-aligned (a Header has 24 bytes, the page is page-aligned); `answers` values fit; as above.
        unsafe { std::slice::from_raw_parts(first.as_ptr(), self.answers) }
    }

    /// Whether the probing thread has ended.
    pub(crate) fn is_thread_gone(&self) -> bool {
        self.header().started.load(SeqCst) == 1 && self.header().alive.load(SeqCst) == 0
    }

    /// Forgets what the last child said about itself, and goes on after `done` answers.
    pub(crate) fn restart(&self, done: u32) {
        let header = self.header();
        for word in [&header.alive, &header.started, &header.trapped, &header.failed, &header.step] {
            word.store(0, SeqCst);
        }
        header.done.store(done, SeqCst);
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // SAFETY: address and length are those of our own mapping; borrows of it end before.
        unsafe { libc::munmap(self.page.as_ptr().cast(), Self::bytes(self.answers)) };
    }
}

fn map(bytes: usize, sharing: i32) -> io::Result<NonNull<u8>> {
    let (access, flags) = (libc::PROT_READ | libc::PROT_WRITE, sharing | libc::MAP_ANONYMOUS);
    // SAFETY: an anonymous mapping at an address of the kernel's choice touches no existing memory.
    let address = unsafe { libc::mmap(null_mut(), bytes, access, flags, -1, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mapped at zero"))
}

/// Everything a child needs, made before the fork: a child must not allocate.
pub(crate) struct Plan {
    marker: Ready,
    candidate: Vec<libc::sock_filter>,
    cookie: u64,
    probes: Vec<Probe>,
    stack: NonNull<u8>,
}

impl Plan {
    /// A plan to load `marker`, then `candidate` by a seccomp(2) with `cookie` in its last argument, then make the probes.
    pub(crate) fn new(
        marker: &Program,
        candidate: &Program,
        cookie: u64,
        probes: Vec<Probe>,
    ) -> io::Result<Self> {
        let insn = |i: &callgate_bpf::Insn| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k };
        if candidate.0.len() > callgate_bpf::insn::MAX_INSNS {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let (marker, candidate) = (Ready::new(marker)?, candidate.0.iter().map(insn).collect());
        Ok(Self { marker, candidate, cookie, probes, stack: map(STACK, libc::MAP_PRIVATE)? })
    }

    /// Starts a child that makes the probes from number `board.done` on.
    pub(crate) fn start(&self, board: &Board) -> io::Result<i32> {
        let first = board.header().done.load(SeqCst) as usize;
        // SAFETY: takes no arguments.
        let parent = unsafe { libc::getpid() };
        // SAFETY: the child of a possibly threaded process runs `child` only, which allocates nothing, takes no lock
        // and never returns.
        let pid = unsafe { libc::fork() };
        match check(i64::from(pid))? {
            0 => self.child(board, first, parent),
            pid => Ok(pid as i32),
        }
    }

    fn child(&self, board: &Board, first: usize, parent: i32) -> ! {
        let header = board.header();
        if let Err((step, error)) = self.prepare(board, parent) {
            header.step.store(step as u32, SeqCst);
            header.failed.store(error.raw_os_error().unwrap_or(libc::EINVAL) as u32, SeqCst);
            super::process::exit_now(1);
        }
        for (index, (probe, answer)) in self.probes.iter().zip(board.answers()).enumerate().skip(first) {
            answer.store(enter(probe), Relaxed);
            header.done.store(index as u32 + 1, SeqCst);
        }
        spin()
    }

    fn prepare(&self, board: &Board, parent: i32) -> Result<(), (Step, io::Error)> {
        let at = |step: Step| move |error: io::Error| (step, error);
        drop_privileges(parent).map_err(at(Step::Privileges))?;
        catch_traps(board.header()).map_err(at(Step::Signals))?;
        self.watch_thread(board.header()).map_err(at(Step::Thread))?;
        match self.marker.load(FLAG_TSYNC) {
            Ok(0) => {}
            // Not 0 and not an error: a thread that could not be synchronised.
            Ok(_) => return Err((Step::Marker, io::Error::from_raw_os_error(libc::ESRCH))),
            Err(error) => return Err((Step::Marker, error)),
        }
        self.load_candidate().map_err(at(Step::Candidate))
    }

    /// Starts a second thread that sleeps for ever, so that killing the thread and killing the process differ, and has
    /// the kernel clear `alive` when this thread ends.
    fn watch_thread(&self, header: &Header) -> io::Result<()> {
        extern "C" fn sleep(_: *mut libc::c_void) -> i32 {
            loop {
                // SAFETY: takes no arguments, touches no memory.
                unsafe { libc::pause() };
            }
        }
        header.alive.store(1, SeqCst);
        // SAFETY: the kernel writes one u32 there when this thread ends; the shared mapping lives as long as the process.
        check(unsafe { libc::syscall(libc::SYS_set_tid_address, header.alive.as_ptr()) })?;
        header.started.store(1, SeqCst);
        // SAFETY: the end of our own mapping of STACK bytes; it is 16-aligned as page boundaries are.
        let top = unsafe { self.stack.add(STACK) }.as_ptr().cast();
        let flags =
            libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::CLONE_THREAD;
        // SAFETY: `sleep` never returns, uses a stack nobody else uses (every child has its own copy of the private
        // mapping), and touches no thread-local storage but errno, which this thread does not read afterwards.
        check(i64::from(unsafe { libc::clone(sleep, top, flags, null_mut()) })).map(|_| ())
    }

    fn load_candidate(&self) -> io::Result<()> {
        let filter = self.candidate.as_ptr().cast_mut();
        let prog = libc::sock_fprog { len: self.candidate.len() as u16, filter };
        let (zero, cookie) = (0 as libc::c_long, self.cookie as libc::c_long);
        // SAFETY: `prog` points into `self.candidate`, which outlives the call; the kernel copies it and keeps no
        // pointer; `len` fits u16 by the check in `new`. The kernel ignores the three further arguments.
        check(unsafe {
            libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, zero, &raw const prog, zero, zero, cookie)
        })
        .map(|_| ())
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        // SAFETY: address and length are those of our own mapping, which only children ever run on.
        unsafe { libc::munmap(self.stack.as_ptr().cast(), STACK) };
    }
}

/// Becomes nobody when root, and nothing that outlives the parent, dumps core or gains anything by execve.
fn drop_privileges(parent: i32) -> io::Result<()> {
    let none = 0 as libc::c_long;
    // SAFETY: takes no arguments.
    if unsafe { libc::geteuid() } == 0 {
        // The raw calls: glibc's wrappers would look for the threads this process no longer has.
        // SAFETY: an empty list is read from nowhere.
        check(unsafe { libc::syscall(libc::SYS_setgroups, none, none) })?;
        // SAFETY: integers only.
        check(unsafe { libc::syscall(libc::SYS_setresgid, NOBODY, NOBODY, NOBODY) })?;
        // SAFETY: integers only.
        check(unsafe { libc::syscall(libc::SYS_setresuid, NOBODY, NOBODY, NOBODY) })?;
    }
    for (option, value) in [(libc::PR_SET_PDEATHSIG, libc::SIGKILL), (libc::PR_SET_DUMPABLE, 0)] {
        // SAFETY: an integer operation on this process's own flags.
        check(i64::from(unsafe { libc::prctl(option, value as libc::c_ulong, 0, 0, 0) }))?;
    }
    // SAFETY: takes no arguments.
    if unsafe { libc::getppid() } != parent {
        // The parent died before it could be said that we die with it.
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    super::process::set_no_new_privs()
}

/// Where the handler of SIGSYS writes to.
static BOARD: AtomicPtr<Header> = AtomicPtr::new(null_mut());

/// Answers RET_TRAP: notes the data and waits for the end. Returning would take a system call.
extern "C" fn on_sigsys(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: installed with SA_SIGINFO, so the kernel passes a valid siginfo_t on this thread's stack.
    let data = unsafe { (*info).si_errno } as u32;
    // SAFETY: `catch_traps` stored a pointer to a mapping that this process never unmaps.
    if let Some(header) = unsafe { BOARD.load(SeqCst).as_ref() } {
        header.trapped.store((data & 0xffff) + 1, SeqCst);
    }
    spin()
}

/// Handles SIGSYS, lets faults kill, and blocks all other signals: handlers inherited from the parent could not return.
fn catch_traps(header: &Header) -> io::Result<()> {
    BOARD.store(std::ptr::from_ref(header).cast_mut(), SeqCst);
    // SAFETY: an all-zero sigaction is valid: no flags, an empty mask, SIG_DFL.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, LEFT_ALONE] {
        // SAFETY: `action` is a live local that asks for the default disposition.
        check(i64::from(unsafe { libc::sigaction(signal, &raw const action, null_mut()) }))?;
    }
    action.sa_flags = libc::SA_SIGINFO;
    action.sa_sigaction = on_sigsys as *const () as usize;
    // SAFETY: `on_sigsys` has the signature SA_SIGINFO asks for and is async-signal-safe: atomics and a loop.
    check(i64::from(unsafe { libc::sigaction(libc::SIGSYS, &raw const action, null_mut()) }))?;
    // SAFETY: an all-zero sigset_t is valid to be overwritten.
    let mut blocked: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: `blocked` is a live local.
    unsafe { libc::sigfillset(&raw mut blocked) };
    for signal in [libc::SIGSYS, LEFT_ALONE] {
        // SAFETY: as above.
        unsafe { libc::sigdelset(&raw mut blocked, signal) };
    }
    // SAFETY: as above; the old mask is not asked for.
    check(i64::from(unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const blocked, null_mut()) }))
        .map(|_| ())
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Makes the call. Only ever reached behind a filter that refuses all calls.
#[cfg(target_arch = "x86_64")]
fn enter(probe: &Probe) -> i64 {
    let [a0, a1, a2, a3, a4, a5] = probe.args;
    let mut result = i64::from(probe.nr);
    match probe.entry {
        // SAFETY: the filter refuses the call before it does anything, so no argument is ever dereferenced; rcx and r11
        // are what the instruction itself destroys.
        Entry::Native => unsafe {
            std::arch::asm!(
                "syscall",
                inlateout("rax") result,
                in("rdi") a0, in("rsi") a1, in("rdx") a2, in("r10") a3, in("r8") a4, in("r9") a5,
                lateout("rcx") _, lateout("r11") _,
                options(nostack),
            );
        },
        // SAFETY: as above. rbx and rbp cannot be named as operands, so they are saved on the stack, which the missing
        // `nostack` allows; r12 holds the arguments' address, which outlives the block. Kernels before 4.17 zero r8-r11.
        Entry::Int80 => unsafe {
            std::arch::asm!(
                "push rbx",
                "push rbp",
                "mov ebx, [r12]",
                "mov ecx, [r12 + 8]",
                "mov edx, [r12 + 16]",
                "mov esi, [r12 + 24]",
                "mov edi, [r12 + 32]",
                "mov ebp, [r12 + 40]",
                "int 0x80",
                "pop rbp",
                "pop rbx",
                inlateout("rax") result,
                in("r12") probe.args.as_ptr(),
                out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
            // The 32-bit ABI returns an int.
            result = i64::from(result as i32);
        },
    }
    result
}

/// Makes the call. Only ever reached behind a filter that refuses all calls.
#[cfg(target_arch = "aarch64")]
fn enter(probe: &Probe) -> i64 {
    debug_assert_eq!(probe.entry, Entry::Native, "the only one that `supports` admits here");
    let [a0, a1, a2, a3, a4, a5] = probe.args;
    let mut result = a0 as i64;
    // SAFETY: the filter refuses the call before it does anything, so no argument is ever dereferenced; the kernel
    // preserves all registers but x0.
    unsafe {
        std::arch::asm!(
            "svc 0",
            in("x8") u64::from(probe.nr), inlateout("x0") result,
            in("x1") a1, in("x2") a2, in("x3") a3, in("x4") a4, in("x5") a5,
            options(nostack),
        );
    }
    result
}

/// No way in is written for this machine; [`supports`] says so before anybody gets here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn enter(_: &Probe) -> i64 {
    i64::from(-libc::ENOSYS)
}

/// Whether this program can enter the kernel this way on the machine it is built for.
pub(crate) fn supports(entry: Entry) -> bool {
    match entry {
        Entry::Native => {
            cfg!(any(all(target_arch = "x86_64", target_pointer_width = "64"), target_arch = "aarch64"))
        }
        Entry::Int80 => cfg!(all(target_arch = "x86_64", target_pointer_width = "64")),
    }
}

/// Ends a child by this signal and says with which one it ended; 0 if it exited.
pub(crate) fn end(pid: i32, signal: i32) -> io::Result<i32> {
    super::process::kill(pid, signal)?;
    wait(pid, 0).map(Option::unwrap_or_default)
}

/// Whether a child has ended by itself, and with which signal; 0 if it exited.
pub(crate) fn ended(pid: i32) -> io::Result<Option<i32>> {
    wait(pid, libc::WNOHANG)
}

fn wait(pid: i32, options: i32) -> io::Result<Option<i32>> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is a live local.
        match check(i64::from(unsafe { libc::waitpid(pid, &raw mut status, options) })) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(if libc::WIFSIGNALED(status) { libc::WTERMSIG(status) } else { 0 })),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
