//! The loop of a keeper that holds a listener.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::judge::{self, Doomed};
use super::{Keeper, Role};
use crate::error::Doing;
use crate::message::{Message, Order};
use crate::proc::Proc;
use crate::sys::process::{self, Wait};
use crate::sys::seam::{Listener, Notification, Response};
use crate::sys::seccomp::KernelListener;

/// What a role wants done with a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Answer it.
    Answer(Response),
    /// End the process with SIGSYS; `forced` when its own handler may not run.
    Kill {
        /// KILL actions cannot be caught, TRAP can.
        forced: bool,
    },
    /// This cannot go on: end everything and say why.
    Stop(String),
}

/// Answers until the last task under the filter is gone.
pub(super) fn run(
    keeper: &mut Keeper,
    mut listener: KernelListener,
    mut role: Role,
    signals: &OwnedFd,
    command: &str,
) -> crate::Result<()> {
    let mut hung_up = false;
    let mut doomed: Vec<Doomed> = Vec::new();
    loop {
        if keeper.main_ended && keeper.children_gone && hung_up {
            break;
        }
        let watched = (!hung_up).then_some(&listener);
        let ready = wait(keeper, watched, signals, !doomed.is_empty()).doing("wait for system calls")?;
        if ready.call {
            let dying = answer_one(keeper, &mut listener, &mut role).doing("answer a system call")?;
            doomed.extend(dying);
        } else if ready.hang_up {
            hung_up = true;
        }
        if ready.child || hung_up {
            reap(keeper, signals, command);
        }
        if ready.order {
            obey(keeper, &mut role);
        }
        doomed.retain(Doomed::lives);
        keeper.post();
        tell_news(keeper, &mut role);
    }
    finish(keeper, &mut role);
    Ok(())
}

/// Watches the children of a program whose filter decides by itself.
pub(super) fn watch(keeper: &mut Keeper, signals: &OwnedFd, command: &str) -> crate::Result<()> {
    let mut role = Role::Watch;
    keeper.let_go_of_streams(&[signals.as_fd()]);
    while !(keeper.main_ended && keeper.children_gone) {
        let ready = wait(keeper, None, signals, false).doing("wait for children")?;
        reap(keeper, signals, command);
        if ready.order {
            obey(keeper, &mut role);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Ready {
    call: bool,
    hang_up: bool,
    child: bool,
    order: bool,
}

/// `soon`: look again after a moment, since somebody has to die.
fn wait(
    keeper: &Keeper,
    listener: Option<&KernelListener>,
    signals: &OwnedFd,
    soon: bool,
) -> std::io::Result<Ready> {
    let nothing = PollFlags::empty();
    // Absent ones are watched as the signals are, for nothing: the array stays on the stack.
    let socket = keeper
        .socket
        .as_ref()
        .map_or_else(|| PollFd::new(signals, nothing), |socket| PollFd::new(socket, keeper.socket_flags()));
    let calls = listener.map_or_else(
        || PollFd::new(signals, nothing),
        |listener| PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
    );
    let mut fds = [calls, PollFd::new(signals, PollFlags::IN), socket];
    // A tenth of a second when only children are left: their last word may have come before we looked.
    let limit = Timespec { tv_sec: 0, tv_nsec: if soon { 20_000_000 } else { 100_000_000 } };
    match poll(&mut fds, (soon || listener.is_none()).then_some(&limit)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
        Err(error) => return Err(error.into()),
    }
    let [calls, children, socket] = fds.map(|fd| fd.revents());
    Ok(Ready {
        call: calls.contains(PollFlags::IN),
        hang_up: calls.intersects(PollFlags::HUP | PollFlags::ERR),
        child: children.contains(PollFlags::IN),
        order: socket.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR),
    })
}

/// Answers one call; returns the process that has to die of it.
fn answer_one(
    keeper: &mut Keeper,
    listener: &mut KernelListener,
    role: &mut Role,
) -> std::io::Result<Option<Doomed>> {
    let Some(seen) = listener.receive()? else { return Ok(None) };
    keeper.count_vanished(seen.id);
    if keeper.terminal.is_some() && writes_to_terminal(&seen) {
        keeper.make_way();
    }
    let words = keeper.shared.words();
    let verdict = match role {
        Role::Record(recorder) => recorder.answer(&seen, (&*listener, &Proc), words),
        Role::Judge(judge) => judge.answer(&seen, (&*listener, &Proc)),
        Role::Trace(_) | Role::Attach { .. } | Role::Outside(_) | Role::Watch => {
            Verdict::Answer(Response::Continue)
        }
    };
    match verdict {
        Verdict::Answer(response) => listener.respond(seen.id, response)?,
        Verdict::Kill { forced } => {
            let doomed = judge::end_with_sigsys(seen.tid, forced);
            if doomed.is_some() {
                keeper.sigsys(seen.tid as i32, judge_executable(role));
            }
            // The signal is pending; the answer lets the task reach it.
            listener.respond(seen.id, Response::Errno(libc::ENOSYS as u16))?;
            return Ok(doomed);
        }
        Verdict::Stop(reason) => {
            keeper.tell(&Message::Stopped(reason));
            Keeper::kill_all();
            listener.respond(seen.id, Response::Errno(libc::EPERM as u16))?;
        }
    }
    Ok(None)
}

fn judge_executable(role: &Role) -> String {
    match role {
        Role::Judge(judge) => judge.last_executable().to_owned(),
        _ => String::new(),
    }
}

/// A call of the write family on one of the standard streams.
fn writes_to_terminal(seen: &Notification) -> bool {
    let Some(call) = seen.data.to_call() else { return true };
    let name = callgate_core::sysno::name(call.arch, call.nr);
    matches!(name, Some("write" | "writev" | "sendto" | "sendmsg" | "splice" | "sendfile"))
        && call.args[0] <= 2
}

pub(super) fn reap(keeper: &mut Keeper, signals: &OwnedFd, command: &str) {
    while process::next_signal(signals).is_some() {}
    loop {
        match process::wait_any() {
            Wait::Changed(waited) if libc::WIFEXITED(waited.status) || libc::WIFSIGNALED(waited.status) => {
                keeper.ended(waited.pid, waited.status, command);
            }
            Wait::Changed(_) => {}
            Wait::Nothing => return,
            Wait::NoChildren => {
                keeper.children_gone = true;
                return;
            }
        }
    }
}

fn obey(keeper: &mut Keeper, role: &mut Role) {
    match keeper.order() {
        Some(Order::Snapshot) => {
            if let Role::Record(recorder) = role {
                let text = recorder.snapshot();
                keeper.tell(&Message::Snapshot(text));
            }
        }
        Some(Order::Terminate) => keeper.terminate(),
        Some(Order::Kill) => Keeper::kill_all(),
        None => {}
    }
}

/// What the judge found since the last look.
fn tell_news(keeper: &mut Keeper, role: &mut Role) {
    if let Role::Judge(judge) = role {
        for miss in judge.take_news() {
            keeper.tell(&Message::Miss(miss));
        }
    }
}

fn finish(keeper: &mut Keeper, role: &mut Role) {
    // Of a program that nobody interrupts in its calls nothing is lost by that.
    let matters = !matches!(role, Role::Record(recorder) if !recorder.interruptible());
    if keeper.vanished > 0 && matters {
        keeper.tell(&Message::Disturbed(keeper.vanished));
    }
    match role {
        Role::Record(recorder) => {
            let text = recorder.snapshot();
            keeper.tell(&Message::Snapshot(text));
        }
        Role::Judge(judge) => {
            for miss in judge.take_news() {
                keeper.tell(&Message::Miss(miss));
            }
            let (counts, beyond) = judge.counts();
            keeper.tell(&Message::MissCounts(counts, beyond));
        }
        Role::Trace(_) | Role::Attach { .. } | Role::Outside(_) | Role::Watch => {}
    }
}
