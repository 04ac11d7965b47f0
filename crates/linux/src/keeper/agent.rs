//! A container runtime's listener: the keeper as the seccomp agent that `listenerPath` names.
//!
//! The runtime connects after it has loaded the filter in the container, and sends one message: the state of the
//! container as JSON, with the listener as a descriptor beside it (runtime-spec, `config-linux.md`, "containerProcessState").

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::Keeper;
use crate::error::{Doing, Error};
use crate::message::Order;
use crate::sys::process::{self, Wait};
use crate::sys::seccomp::KernelListener;

/// A runtime takes a fraction of a second; one that was refused something may wait for ever (runc 1.1 does).
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for the runtime's listener. `None`: the runtime ended, or was ended, before it sent one.
pub(super) fn wait(
    keeper: &mut Keeper,
    agent: Option<UnixListener>,
    signals: &OwnedFd,
    command: &str,
) -> crate::Result<Option<KernelListener>> {
    let Some(agent) = agent else { return Ok(None) };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ready = look(keeper, agent.as_fd(), signals)?;
        if ready.order {
            match keeper.order() {
                Some(Order::Terminate) => keeper.terminate(),
                Some(Order::Kill) => Keeper::kill_all(),
                Some(Order::Snapshot) | None => {}
            }
        }
        if ready.agent {
            let (stream, _) = agent.accept().doing("hear from the container runtime")?;
            if let Some(listener) = take_listener(&stream)? {
                return Ok(Some(listener));
            }
        }
        if gone(keeper, signals, command) {
            return Ok(None);
        }
        keeper.post();
        if Instant::now() >= deadline {
            Keeper::kill_all();
            let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
            let hint = "the container did not start; try the runtime by itself, without a profile";
            let doing =
                format!("start the container: `{command}` loaded no filter within {} s", PATIENCE.as_secs());
            return Err(Error::new(doing, late).hint(hint));
        }
    }
}

struct Ready {
    agent: bool,
    order: bool,
}

fn look(keeper: &Keeper, agent: std::os::fd::BorrowedFd<'_>, signals: &OwnedFd) -> crate::Result<Ready> {
    let mut fds = vec![PollFd::from_borrowed_fd(agent, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
    if let Some(socket) = &keeper.socket {
        fds.push(PollFd::new(socket, keeper.socket_flags()));
    }
    let limit = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    match poll(&mut fds, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error).doing("wait for the container runtime"),
    }
    let orders = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
    Ok(Ready {
        agent: fds[0].revents().contains(PollFlags::IN),
        order: fds.get(2).is_some_and(|fd| fd.revents().intersects(orders)),
    })
}

/// Reaps; whether the runtime and all it started are gone.
fn gone(keeper: &mut Keeper, signals: &OwnedFd, command: &str) -> bool {
    while process::next_signal(signals).is_some() {}
    loop {
        match process::wait_any() {
            Wait::Changed(waited) if libc::WIFEXITED(waited.status) || libc::WIFSIGNALED(waited.status) => {
                keeper.ended(waited.pid, waited.status, command);
            }
            Wait::Changed(_) => {}
            Wait::Nothing => return false,
            Wait::NoChildren => {
                keeper.children_gone = true;
                return true;
            }
        }
    }
}

/// The first descriptor of the runtime's message; the state beside it says nothing that is needed here.
fn take_listener(stream: &UnixStream) -> crate::Result<Option<KernelListener>> {
    // A state is a few hundred bytes; what does not fit is annotations.
    let mut state = vec![0; 64 << 10];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut state)];
    recvmsg(stream, &mut into, &mut beside, RecvFlags::CMSG_CLOEXEC)
        .doing("receive the runtime's listener")?;
    let mut received = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    Ok(received.next().and_then(|mut fds| fds.next()).map(KernelListener::new))
}
