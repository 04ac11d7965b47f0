//! A process that outlives this one, to clean up after it should it be killed.

use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{PipeFlags, pipe_with};

use crate::error::{Doing, Result};
use crate::sys::process::{self, Fork};

/// What is written when there is nothing to clean up.
const DISMISSED: &[u8] = b".";

/// The guard of something that is to be gone when this process is. Dropping it says that it is.
#[derive(Debug)]
pub struct Guard {
    pid: i32,
    dismissal: OwnedFd,
}

impl Guard {
    /// Posts a guard: should this process end without dropping it, however it ends, `clean_up` runs in another one, which
    /// no terminal and no process group reaches.
    ///
    /// # Errors
    /// There is no descriptor or no process to be had.
    pub fn post(clean_up: impl FnOnce()) -> Result<Self> {
        let doing = "post a guard over what is to be removed";
        let (ends, dismissal) = pipe_with(PipeFlags::CLOEXEC).doing(doing)?;
        match process::fork().doing(doing)? {
            Fork::Parent(pid) => Ok(Self { pid, dismissal }),
            Fork::Child => {
                drop(dismissal);
                watch(&ends, clean_up)
            }
        }
    }
}

/// Waits for the end of the other process, in the freshly forked one.
fn watch(ends: &OwnedFd, clean_up: impl FnOnce()) -> ! {
    process::block_all();
    process::set_name(c"callgate-guard");
    // Failing leaves it within the other's session: signals are blocked all the same.
    let _ = rustix::process::setsid();
    // Whoever waits for the end of an inherited stream is not to wait for a guard.
    let _ = process::close_others(&[ends.as_fd()]);
    if let Ok(null) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
    let mut word = [0];
    let dismissed = loop {
        match rustix::io::read(ends, &mut word) {
            Err(rustix::io::Errno::INTR) => {}
            read => break read.is_ok_and(|n| n == 1),
        }
    };
    if !dismissed {
        clean_up();
    }
    process::exit_now(0)
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A guard that is gone guards nothing.
        let _ = rustix::io::write(&self.dismissal, DISMISSED);
        process::wait_for(self.pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_cleans_up_after_a_process_that_was_killed_and_not_after_one_that_ended_well() {
        let dir = std::env::temp_dir().join(format!("callgate-guard-{}", std::process::id()));
        for (kill, there) in [(true, false), (false, true)] {
            std::fs::write(&dir, "").unwrap();
            match process::fork().unwrap() {
                Fork::Child => {
                    let guard = Guard::post(|| std::fs::remove_file(&dir).unwrap_or_default()).unwrap();
                    if kill {
                        let _ = process::kill(std::process::id() as i32, libc::SIGKILL);
                    }
                    drop(guard);
                    process::exit_now(0)
                }
                Fork::Parent(pid) => drop(process::wait_for(pid)),
            }
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while kill && dir.exists() && std::time::Instant::now() < deadline {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert_eq!(dir.exists(), there);
        }
        std::fs::remove_file(&dir).unwrap();
    }
}
