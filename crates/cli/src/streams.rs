//! The program's standard streams: passed on, watched, kept back, and replayed.
//!
//! In later runs the program gets what it got in the first: a terminal where there was one, the same bytes on
//! standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;

use callgate_linux::spawn::Streams;
use rustix::fs::OFlags;

use crate::digest::Digest;
use crate::exit::Failure;
use crate::output::Output;

/// More standard input than this is not replayed.
const MAX_SPOOL: u64 = 64 << 20;

/// What is done with the program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// The program writes where callgate would.
    Inherit,
    /// It goes through callgate, which passes it on and takes its digest.
    Pass,
    /// It goes to callgate, which takes its digest.
    Keep,
}

/// Standard input over several runs.
pub(crate) enum Stdin {
    /// A terminal, `/dev/null` or a file: every run gets it from where it stood.
    Reopen(Option<u64>),
    /// A pipe or socket: what the first run was given, the later ones are given again.
    Spool(File),
    /// A pipe or socket handed to the only run there will be.
    Once,
}

impl Stdin {
    /// Looks at standard input. `replay`: there will be more than one run.
    pub(crate) fn new(replay: bool) -> Result<Self, Failure> {
        let stdin = io::stdin();
        let kind = rustix::fs::fstat(&stdin).map(|s| rustix::fs::FileType::from_raw_mode(s.st_mode));
        let pipe = matches!(kind, Ok(rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket));
        if pipe && replay {
            let spool = rustix::fs::memfd_create(c"callgate-stdin", rustix::fs::MemfdFlags::CLOEXEC);
            return spool
                .map(|fd| Self::Spool(File::from(fd)))
                .map_err(|e| Failure::new(format!("cannot keep standard input for later runs: {e}")));
        }
        if pipe {
            return Ok(Self::Once);
        }
        let offset = rustix::fs::seek(&stdin, rustix::fs::SeekFrom::Current(0)).ok();
        Ok(Self::Reopen(offset.filter(|_| kind == Ok(rustix::fs::FileType::RegularFile))))
    }
}

impl Stdin {
    /// Whether a later run gets what the first one got.
    pub(crate) fn replays(&self) -> bool {
        !matches!(self, Self::Once)
    }

    /// Takes in what a run that was cut short did not ask for: the next one is to get all of it.
    pub(crate) fn complete(&mut self) -> Result<(), Failure> {
        let Self::Spool(spool) = self else { return Ok(()) };
        let rest =
            spool.seek(SeekFrom::End(0)).and_then(|_| io::copy(&mut io::stdin().take(MAX_SPOOL), spool));
        rest.map(|_| ())
            .map_err(|e| Failure::new(format!("cannot keep standard input for the next run: {e}")))
    }
}

/// One tapped output stream.
struct Tap {
    from: OwnedFd,
    /// 0: stdout, 1: stderr.
    stream: usize,
}

/// Feeds standard input.
struct Feed {
    to: OwnedFd,
    pending: Vec<u8>,
    done: bool,
}

/// The streams of one run.
pub(crate) struct Plumbing {
    show: Show,
    taps: Vec<Tap>,
    feed: Option<Feed>,
    first: bool,
    /// Digests of stdout and stderr.
    pub(crate) outputs: [Digest; 2],
}

impl Plumbing {
    /// Lays the pipes of one run.
    pub(crate) fn new(stdin: &mut Stdin, show: Show, first: bool) -> Result<(Self, Streams), Failure> {
        let mut plumbing = Self { show, taps: Vec::new(), feed: None, first, outputs: Default::default() };
        let mut streams = Streams::default();
        let laid = plumbing.lay(stdin, &mut streams);
        laid.map_err(|e| Failure::new(format!("cannot set up the program's standard streams: {e}")))?;
        Ok((plumbing, streams))
    }

    fn lay(&mut self, stdin: &mut Stdin, streams: &mut Streams) -> io::Result<()> {
        match stdin {
            Stdin::Reopen(Some(offset)) if !self.first => {
                let mut file = File::open("/proc/self/fd/0")?;
                file.seek(SeekFrom::Start(*offset))?;
                streams.stdin = Some(file.into());
            }
            Stdin::Reopen(_) | Stdin::Once => {}
            Stdin::Spool(spool) => {
                let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
                rustix::fs::fcntl_setfl(&write, OFlags::NONBLOCK)?;
                if !self.first {
                    spool.seek(SeekFrom::Start(0))?;
                }
                self.feed = Some(Feed { to: write, pending: Vec::new(), done: false });
                streams.stdin = Some(read);
            }
        }
        if self.show != Show::Inherit {
            streams.stdout = Some(self.tap(0, io::stdout().is_terminal())?);
            streams.stderr = Some(self.tap(1, io::stderr().is_terminal())?);
        }
        Ok(())
    }

    /// A pipe, or a terminal of the same size where there was one.
    fn tap(&mut self, stream: usize, terminal: bool) -> io::Result<OwnedFd> {
        let (from, to) =
            if terminal { pty()? } else { rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)? };
        self.taps.push(Tap { from, stream });
        Ok(to)
    }

    /// What to wait for: the outputs, and standard input when it is being passed on.
    pub(crate) fn watched<'p>(&'p self, stdin: Option<&'p OwnedFd>) -> Vec<&'p OwnedFd> {
        let feeding = self.first && self.feed.as_ref().is_some_and(|f| !f.done && f.pending.is_empty());
        self.taps.iter().map(|t| &t.from).chain(stdin.filter(|_| feeding)).collect()
    }

    /// Whether standard input waits to be taken by the program: look again soon.
    pub(crate) fn pushing(&self) -> bool {
        self.feed.as_ref().is_some_and(|f| !f.done && (!self.first || !f.pending.is_empty()))
    }

    /// Reads what one watched descriptor has; an end takes it off the list.
    pub(crate) fn readable(
        &mut self,
        index: usize,
        stdin: &mut Stdin,
        output: &Output,
    ) -> Result<(), Failure> {
        if index >= self.taps.len() {
            return self.take_stdin(stdin);
        }
        let mut buffer = vec![0; 64 << 10];
        match rustix::io::read(&self.taps[index].from, &mut buffer[..]) {
            Ok(0) | Err(rustix::io::Errno::IO) => {
                // EIO is a pty's end of file.
                self.taps.remove(index);
            }
            Ok(n) => self.pass(index, &buffer[..n], output)?,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(Failure::new(format!("cannot read the program's output: {error}"))),
        }
        Ok(())
    }

    fn pass(&mut self, index: usize, bytes: &[u8], output: &Output) -> Result<(), Failure> {
        let stream = self.taps[index].stream;
        self.outputs[stream].update(bytes);
        if self.show == Show::Keep {
            return Ok(());
        }
        if stream == 1 {
            output.raw_stderr(bytes);
            return Ok(());
        }
        let read = output
            .pass(bytes)
            .map_err(|e| Failure::new(format!("cannot pass the program's output on: {e}")))?;
        if !read {
            // Nobody reads any more: the program is to find that out as it would without us.
            self.taps.remove(index);
        }
        Ok(())
    }

    /// Takes new standard input, for the program and for the spool.
    fn take_stdin(&mut self, stdin: &mut Stdin) -> Result<(), Failure> {
        let Stdin::Spool(spool) = stdin else { return Ok(()) };
        let Some(feed) = &mut self.feed else { return Ok(()) };
        let mut buffer = vec![0; 64 << 10];
        let n = rustix::io::read(io::stdin(), &mut buffer[..]).unwrap_or(0);
        let kept = spool.write_all(&buffer[..n]).and_then(|()| spool.stream_position());
        match kept {
            Ok(length) if length <= MAX_SPOOL => {}
            Ok(_) => {
                let message =
                    format!("standard input is larger than {} MiB, which is not replayed", MAX_SPOOL >> 20);
                return Err(Failure::new(message).hint("give it as a file: < FILE"));
            }
            Err(error) => {
                return Err(Failure::new(format!("cannot keep standard input for later runs: {error}")));
            }
        }
        feed.pending.extend_from_slice(&buffer[..n]);
        if n == 0 {
            feed.done = true;
            self.feed = None;
        }
        self.push(stdin);
        Ok(())
    }

    /// Gives the program as much standard input as it takes now.
    pub(crate) fn push(&mut self, stdin: &mut Stdin) {
        let Some(feed) = &mut self.feed else { return };
        if !self.first
            && feed.pending.is_empty()
            && let Stdin::Spool(spool) = stdin
        {
            let mut buffer = vec![0; 64 << 10];
            let n = spool.read(&mut buffer).unwrap_or(0);
            buffer.truncate(n);
            feed.pending = buffer;
            if n == 0 {
                self.feed = None;
                return;
            }
        }
        match rustix::io::write(&feed.to, &feed.pending) {
            Ok(n) => {
                feed.pending.drain(..n);
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            // The program closed its standard input: nobody wants the rest.
            Err(_) => self.feed = None,
        }
    }

    /// Reads what is left once the program is gone. `output` as for [`Self::readable`].
    pub(crate) fn drain(&mut self, stdin: &mut Stdin, output: &Output) -> Result<(), Failure> {
        for tap in &self.taps {
            // Best effort: without it a stray holder of the other end would make us wait.
            let _ = rustix::fs::fcntl_setfl(tap.from.as_fd(), OFlags::NONBLOCK);
        }
        let mut index = 0;
        while index < self.taps.len() {
            let (taps, before) = (self.taps.len(), self.outputs.clone());
            self.readable(index, stdin, output)?;
            if self.taps.len() == taps && self.outputs == before {
                index += 1;
            }
        }
        Ok(())
    }
}

/// Our stderr, for the output of somebody else: stdout is the program's.
pub(crate) fn stderr() -> Stdio {
    rustix::io::dup(io::stderr()).map_or_else(|_| Stdio::null(), Stdio::from)
}

/// A pseudo-terminal with the size of ours: the side to read, the side for the program.
fn pty() -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let theirs = rustix::fs::open(&*name, flags, rustix::fs::Mode::empty())?;
    if let Ok(size) = rustix::termios::tcgetwinsize(io::stderr()) {
        // A wrong size changes line breaks only.
        let _ = rustix::termios::tcsetwinsize(&theirs, size);
    }
    Ok((ours, theirs))
}
