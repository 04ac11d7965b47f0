//! The kernel's own word on a filter, without running anything.
//!
//! ```text
//!  child: marker filter (refuses everything with one errno) ─► candidate ─► probe, probe, probe …
//!  seen:  the marker's errno = ALLOW · another errno = ERRNO · SIGSYS handled = TRAP · thread gone = KILL_THREAD · process gone
//! ```
//!
//! Of several filters the smallest action counts, and of equal actions the newest filter's (`kernel/seccomp.c`,
//! `seccomp_run_filters`): so an errno of the candidate shows, and what it allows shows as the marker's. Actions weaker
//! than ERRNO would all look like that, so each of their return values is replaced by an errno of its own before loading.

use std::io;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::{Duration, Instant};

use callgate_bpf::insn::op;
use callgate_bpf::{CheckError, Program, check, emit};
use callgate_core::errno;
use callgate_core::meaning::{Clause, Meaning};
use callgate_core::set::{ArgBox, ArgSet};
use callgate_core::{Action, Arch, SeccompData, sysno};

use crate::sys::probe::{Board, Entry, Header, LEFT_ALONE, Plan, Probe, Step, end, ended, supports};

/// Where errnos for marks are looked for first: beyond all that have names, so that filters seldom use them.
const FIRST_MARK: u16 = 4000;
/// Without a single answer in this time something is wrong; even a starved machine is faster.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why the kernel could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum OracleError {
    /// Not a filter the kernel would load.
    #[error("the program is none the kernel would load: {0}")]
    Program(#[from] CheckError),
    /// The program computes its return value, so that no mark can stand for it.
    #[error("instruction {0} returns a computed value; only constant ones can be told apart")]
    Computed(usize),
    /// More distinct return values than errnos to stand for them.
    #[error("no errno is left to stand for the return value {0:#010x}")]
    Marks(u32),
    /// A probe for an ABI that cannot be entered from here.
    #[error("architecture token {token:#010x}, number {nr:#x} cannot be called on this machine")]
    Unsupported {
        /// `seccomp_data.arch` of the probe.
        token: u32,
        /// `seccomp_data.nr` of the probe.
        nr: u32,
    },
    /// The probing process could not be set up.
    #[error("cannot set up the probing process ({step}): {source}")]
    Setup {
        /// What failed.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel asks no filter about this number, so a probe would be executed.
    #[error("x86_64 number {0} (uretprobe, uprobe) passes every filter unasked and is not probed")]
    Unfiltered(u32),
    /// A probe ended in a way no verdict explains.
    #[error("the probe of number {nr:#x} ended unexpectedly: {how}")]
    Unexpected {
        /// The number probed.
        nr: u32,
        /// What happened.
        how: String,
    },
}

/// What the kernel does with each probe under `program`: the action it takes, unknown return values read as it reads them.
///
/// Only ABIs of this machine can be probed, see [`reachable`]. The instruction pointer of a probe is where the oracle's
/// own code stands, whatever the probe says. Nothing is executed; the probing child belongs to nobody when root asks.
pub fn ask(program: &Program, probes: &[SeccompData]) -> Result<Vec<Action>, OracleError> {
    check(program)?;
    let calls = probes.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let marks = Marks::choose(program)?;
    let board = Board::new(probes.len()).map_err(setup("shared memory"))?;
    let cookie = cookie(probes);
    let plan = Plan::new(&marker(marks.allow, cookie)?, &marks.apply(program), cookie, calls);
    let plan = plan.map_err(setup("memory"))?;
    let mut actions = Vec::with_capacity(probes.len());
    while actions.len() < probes.len() {
        board.restart(actions.len() as u32);
        let ending = run_child(&plan, &board)?;
        let done = (board.header().done.load(SeqCst) as usize).min(probes.len());
        for (probe, answer) in probes.iter().zip(board.answers()).take(done).skip(actions.len()) {
            actions.push(marks.read(probe.nr, answer.load(Relaxed))?);
        }
        match (ending, probes.get(done)) {
            (Ending::Answered, _) | (_, None) => {}
            (Ending::Fatal(action), Some(_)) => actions.push(action),
            (Ending::Signal(libc::SIGSEGV), Some(p))
                if Arch::split(p.arch, p.nr).is_some_and(|(a, _)| a == Arch::X86) =>
            {
                // A kernel without IA32 emulation has no gate at 0x80.
                return Err(OracleError::Unsupported { token: p.arch, nr: p.nr });
            }
            (Ending::Signal(signal), Some(p)) => {
                return Err(OracleError::Unexpected { nr: p.nr, how: format!("signal {signal}") });
            }
        }
    }
    Ok(actions)
}

/// The ABIs that can be probed on this machine: its own, and on x86_64 x32 (whose numbers reach the filter whether the
/// kernel knows them or not) and, with IA32 emulation, the 32-bit one.
///
/// Fails where seccomp itself is not to be had.
pub fn reachable() -> Result<Vec<Arch>, OracleError> {
    let native = Arch::native().filter(|_| supports(Entry::Native));
    let native = native.ok_or(OracleError::Unsupported { token: 0, nr: 0 })?;
    let allow = Program(vec![callgate_bpf::Insn::stmt(op::RET_K, Action::Allow.to_ret())]);
    let mut found = Vec::new();
    for arch in [native].into_iter().chain(native.companions().iter().copied()) {
        match ask(&allow, &[callgate_core::Call::new(arch, 0, [0; 6]).to_data()]) {
            Ok(_) => found.push(arch),
            Err(OracleError::Unsupported { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Numbers of the x86_64 ABI that pass every filter unasked: uretprobe and uprobe, which tracing puts into programs that
/// know nothing of them (`kernel/seccomp.c`, `seccomp_uprobe_exception`; Linux 6.14 and 6.18). Other kernels filter
/// them; to the oracle they are out of bounds everywhere.
pub const UNFILTERED: [u32; 2] = [335, 336];

/// How a probe is made.
fn entry(data: &SeccompData) -> Result<Probe, OracleError> {
    if data.arch == Arch::X86_64.token() && UNFILTERED.contains(&data.nr) {
        return Err(OracleError::Unfiltered(data.nr));
    }
    let entry = match Arch::native().map(|native| (native, native.token() == data.arch)) {
        Some((_, true)) => Entry::Native,
        Some((Arch::X86_64, false)) if data.arch == Arch::X86.token() => Entry::Int80,
        _ => return Err(OracleError::Unsupported { token: data.arch, nr: data.nr }),
    };
    if !supports(entry) {
        return Err(OracleError::Unsupported { token: data.arch, nr: data.nr });
    }
    Ok(Probe { entry, nr: data.nr, args: data.args })
}

fn setup(step: &'static str) -> impl Fn(io::Error) -> OracleError {
    move |source| OracleError::Setup { step, source }
}

/// A secret that no probe carries, so that no probe gets past the marker.
fn cookie(probes: &[SeccompData]) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    let mut cookie = RandomState::new().hash_one(std::process::id());
    while probes.iter().any(|p| p.args[5] == cookie) {
        cookie = cookie.wrapping_add(1);
    }
    cookie
}

/// The filter that refuses everything but seccomp(2) with the secret.
fn marker(allow: u16, cookie: u64) -> Result<Program, OracleError> {
    let unsupported = OracleError::Unsupported { token: 0, nr: 0 };
    let Some(native) = Arch::native() else { return Err(unsupported) };
    let Some(seccomp) = sysno::number(native, "seccomp") else { return Err(unsupported) };
    let refuse = Action::Errno(allow);
    let mut meaning = Meaning::uniform([native], refuse, refuse);
    if let Some(rules) = meaning.arches.get_mut(&native) {
        let args = ArgBox::any().with(5, ArgSet::exactly(cookie));
        rules.calls.insert(seccomp, vec![Clause { args, action: Action::Allow }]);
    }
    emit(&meaning).map_err(|e| OracleError::Setup { step: "marker filter", source: io::Error::other(e) })
}

/// The errnos that stand for what would not show.
struct Marks {
    /// For ALLOW: the marker's own.
    allow: u16,
    /// For other return values weaker than ERRNO.
    others: Vec<(u32, u16)>,
}

impl Marks {
    /// Picks errnos that the program does not return itself.
    fn choose(program: &Program) -> Result<Self, OracleError> {
        let mut returns = Vec::new();
        for (index, insn) in program.insns().iter().enumerate() {
            match insn.code {
                op::RET_K => returns.push(insn.k),
                op::RET_A => return Err(OracleError::Computed(index)),
                _ => {}
            }
        }
        returns.sort_unstable();
        returns.dedup();
        // The kernel returns larger errnos as MAX.
        let errno =
            |value: &u32| matches!(kind(*value), Kind::Errno).then_some((*value as u16).min(errno::MAX));
        let used: Vec<u16> = returns.iter().filter_map(errno).collect();
        let mut free = (FIRST_MARK..=errno::MAX).chain(1..FIRST_MARK).filter(|e| !used.contains(e));
        let allow = free.next().ok_or(OracleError::Marks(Action::Allow.to_ret()))?;
        let hidden = returns.into_iter().filter(|value| matches!(kind(*value), Kind::Hidden));
        let mark = |value| free.next().map(|mark| (value, mark)).ok_or(OracleError::Marks(value));
        Ok(Self { allow, others: hidden.map(mark).collect::<Result<_, _>>()? })
    }

    /// The program with marks in the place of return values that would not show.
    fn apply(&self, program: &Program) -> Program {
        let mut marked = program.clone();
        for insn in marked.0.iter_mut().filter(|insn| insn.code == op::RET_K) {
            if let Some((_, mark)) = self.others.iter().find(|(value, _)| *value == insn.k) {
                insn.k = Action::Errno(*mark).to_ret();
            }
        }
        marked
    }

    /// What the result of a probe stands for.
    fn read(&self, nr: u32, answer: i64) -> Result<Action, OracleError> {
        let unexpected = || OracleError::Unexpected { nr, how: format!("the call returned {answer}") };
        let errno =
            u16::try_from(answer.wrapping_neg()).ok().filter(|e| *e <= errno::MAX).ok_or_else(unexpected)?;
        if errno == self.allow {
            return Ok(Action::Allow);
        }
        let marked = self.others.iter().find(|(_, mark)| *mark == errno);
        Ok(marked.map_or(Action::Errno(errno), |(value, _)| Action::from_ret(*value)))
    }
}

/// How a return value shows beside the marker's ERRNO.
enum Kind {
    /// Stricter than ERRNO: as it is.
    Stricter,
    /// ERRNO: as it is.
    Errno,
    /// ALLOW: as the marker's errno.
    Allow,
    /// Weaker than ERRNO, known to the kernel or not: not at all, unless marked.
    Hidden,
}

fn kind(value: u32) -> Kind {
    // The kernel compares the action part as a signed number (`ACTION_ONLY`, kernel/seccomp.c).
    let action = |v: u32| (v & 0xffff_0000) as i32;
    let errno = action(Action::Errno(0).to_ret());
    match action(value) {
        a if a < errno => Kind::Stricter,
        a if a == errno => Kind::Errno,
        a if a == action(Action::Allow.to_ret()) => Kind::Allow,
        _ => Kind::Hidden,
    }
}

/// Why a child is at its end.
enum Ending {
    /// All probes are answered.
    Answered,
    /// The next probe was answered by this.
    Fatal(Action),
    /// A signal that is no verdict.
    Signal(i32),
}

/// Starts a child and follows it to its end. A child that is reaped is never signalled: its pid may be another's.
fn run_child(plan: &Plan, board: &Board) -> Result<Ending, OracleError> {
    follow(plan.start(board).map_err(setup("fork"))?, board)
}

fn follow(pid: i32, board: &Board) -> Result<Ending, OracleError> {
    let header = board.header();
    let waiting = setup("wait");
    let (mut last, mut since) = (header.done.load(SeqCst), Instant::now());
    loop {
        if let Some(signal) = ended(pid).map_err(&waiting)? {
            return ending(signal, header);
        }
        let done = header.done.load(SeqCst);
        if done as usize >= board.answers().len() {
            return end(pid, libc::SIGKILL).map(|_| Ending::Answered).map_err(waiting);
        }
        let trapped = header.trapped.load(SeqCst);
        if trapped != 0 {
            return end(pid, libc::SIGKILL)
                .map(|_| Ending::Fatal(Action::Trap((trapped - 1) as u16)))
                .map_err(waiting);
        }
        if board.is_thread_gone() {
            return ending(end(pid, LEFT_ALONE).map_err(waiting)?, header);
        }
        if done != last {
            (last, since) = (done, Instant::now());
        } else if since.elapsed() > PATIENCE {
            end(pid, libc::SIGKILL).map_err(waiting)?;
            return Err(OracleError::Setup { step: "probing", source: io::ErrorKind::TimedOut.into() });
        }
        std::thread::sleep(Duration::from_micros(20));
    }
}

/// What the end of a child says.
///
/// Where the probing thread is gone, the process may be on its way out with it: a process that is being killed has its
/// status by then, and a later signal does not change it; one that lives on ends by [`LEFT_ALONE`]
/// (`kernel/exit.c`, `do_group_exit`, `wait_task_zombie`).
fn ending(signal: i32, header: &Header) -> Result<Ending, OracleError> {
    match signal {
        0 => Err(failure(header.step.load(SeqCst), header.failed.load(SeqCst))),
        LEFT_ALONE => Ok(Ending::Fatal(Action::KillThread)),
        libc::SIGSYS => Ok(Ending::Fatal(Action::KillProcess)),
        other => Ok(Ending::Signal(other)),
    }
}

fn failure(step: u32, code: u32) -> OracleError {
    const STEPS: [(Step, &str); 5] = [
        (Step::Privileges, "give up privileges"),
        (Step::Signals, "signal handlers"),
        (Step::Thread, "second thread"),
        (Step::Marker, "load the marker filter"),
        (Step::Candidate, "load the filter"),
    ];
    let step = STEPS.iter().find(|(s, _)| *s as u32 == step).map_or("unknown step", |(_, name)| name);
    OracleError::Setup { step, source: io::Error::from_raw_os_error(code as i32) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callgate_bpf::Insn;

    fn returning(values: &[u32]) -> Program {
        Program(values.iter().map(|v| Insn::stmt(op::RET_K, *v)).collect())
    }

    #[test]
    fn marks_keep_clear_of_the_errnos_of_the_program() {
        let program = returning(&[0x7fff_0000, 0x5_0fa0, 0x5_0fa1, 0x7ffc_0000, 0x7ff0_0007, 0x7ff0_0008]);
        let marks = Marks::choose(&program).expect("enough errnos");
        assert_eq!(marks.allow, 4002);
        assert_eq!(marks.others, [(0x7ff0_0007, 4003), (0x7ff0_0008, 4004), (0x7ffc_0000, 4005)]);
        let read = |answer| marks.read(0, answer).expect("an errno");
        assert_eq!(read(-4000), Action::Errno(4000));
        assert_eq!([read(-4002), read(-4003), read(-4005)], [Action::Allow, Action::Trace(7), Action::Log]);
        assert!(marks.read(0, 77).is_err());
    }

    #[test]
    fn computed_return_values_are_refused() {
        let program = Program(vec![Insn::stmt(op::RET_A, 0)]);
        assert!(matches!(ask(&program, &[]), Err(OracleError::Computed(0))));
        assert!(matches!(ask(&Program(Vec::new()), &[]), Err(OracleError::Program(CheckError::Empty))));
    }
}
