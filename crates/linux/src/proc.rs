//! What /proc says about tasks. Nothing read here decides what a program may do.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use callgate_core::{Call, sysno};

use crate::sys::seam::Tasks;

/// The real /proc.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proc;

impl Tasks for Proc {
    fn executable(&self, tid: u32) -> io::Result<String> {
        let path = fs::read_link(format!("/proc/{tid}/exe"))?;
        Ok(path.to_string_lossy().into_owned())
    }

    fn process_of(&self, tid: u32) -> Option<u32> {
        status_field(&fs::read_to_string(format!("/proc/{tid}/status")).ok()?, "Tgid")?.parse().ok()
    }

    fn grants_privilege(&self, tid: u32) -> bool {
        let path = format!("/proc/{tid}/exe");
        fs::metadata(&path).is_ok_and(|file| file.mode() & 0o6000 != 0) || has_file_capabilities(&path)
    }

    fn lost_privilege(&self, tid: u32) -> bool {
        let path = format!("/proc/{tid}/exe");
        let (Ok(file), Ok(task)) = (fs::metadata(&path), fs::metadata(format!("/proc/{tid}"))) else {
            return false;
        };
        let set_uid = file.mode() & 0o4000 != 0 && file.uid() != task.uid();
        // Set-gid counts only with the group execute bit (`fs/exec.c`, bprm_fill_uid).
        let set_gid = file.mode() & 0o2010 == 0o2010 && file.gid() != task.gid();
        set_uid || set_gid || (task.uid() != 0 && has_file_capabilities(&path))
    }

    fn interrupts(&self, tid: u32, call: &Call) -> bool {
        // The older forms have other layouts, and other defaults.
        sysno::name(call.arch, call.nr) != Some("rt_sigaction") || handler_without_restart(tid, call)
    }
}

/// Whether `struct sigaction` as the kernel takes it (`include/linux/signal_types.h`: handler, flags, …, each a word of the
/// ABI) names a handler and no SA_RESTART. What cannot be read may do so.
fn handler_without_restart(tid: u32, call: &Call) -> bool {
    const SA_RESTART: u64 = 0x1000_0000;
    let at = call.args[1];
    if at == 0 {
        return false;
    }
    let Ok(memory) = fs::File::open(format!("/proc/{tid}/mem")) else { return true };
    let (mut narrow, mut wide) = ([0_u8; 4], [0_u8; 8]);
    let word = |index: u64| -> io::Result<u64> {
        if call.arch.arg_bits() == 32 {
            memory.read_exact_at(&mut narrow, at.saturating_add(index * 4))?;
            return Ok(u32::from_ne_bytes(narrow).into());
        }
        memory.read_exact_at(&mut wide, at.saturating_add(index * 8))?;
        Ok(u64::from_ne_bytes(wide))
    };
    let [handler, flags] = [0, 1].map(word);
    // 0 and 1 are SIG_DFL and SIG_IGN.
    !(handler.is_ok_and(|h| h <= 1) || flags.is_ok_and(|f| f & SA_RESTART != 0))
}

/// Whether a file carries capabilities (capabilities(7), "File capabilities").
fn has_file_capabilities(path: &str) -> bool {
    let mut value = [0_u8; 64];
    rustix::fs::getxattr(path, "security.capability", &mut value[..]).is_ok_and(|n| n > 0)
}

/// The value of `Name:` in a /proc status file.
pub fn status_field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
}

/// Whether this process is under a seccomp filter already.
///
/// # Errors
/// /proc is not there.
pub fn under_a_filter() -> io::Result<bool> {
    let text = fs::read_to_string("/proc/self/status")?;
    Ok(status_field(&text, "Seccomp").is_some_and(|mode| mode != "0"))
}

/// Whether somebody traces this process already.
pub fn traced() -> bool {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status_field(&text, "TracerPid").is_some_and(|pid| pid != "0")
}

/// Who traces a task; 0: nobody. `None`: there is no such task.
pub(crate) fn tracer(tid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status_field(&text, "TracerPid")?.parse().ok()
}

/// Whether a task has ended: it is gone, or waits to be reaped (proc_pid_status(5), "State").
pub fn has_ended(tid: i32) -> bool {
    let Ok(text) = fs::read_to_string(format!("/proc/{tid}/status")) else { return true };
    status_field(&text, "State").is_some_and(|state| state.starts_with(['Z', 'X']))
}

/// Ends a process, whatever it thinks of it.
pub fn kill(pid: i32) -> io::Result<()> {
    crate::sys::process::kill(pid, libc::SIGKILL)
}

/// Whether a task is stopped, by a signal or a tracer.
pub fn is_stopped(tid: i32) -> bool {
    let text = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    status_field(&text, "State").is_some_and(|state| state.starts_with(['T', 't']))
}

/// Whether a process has no_new_privs set; one that is gone has not.
pub fn no_new_privs(pid: i32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status_field(&text, "NoNewPrivs") == Some("1")
}

/// Whether this process has a capability, by its number, in effect.
pub fn has_capability(number: u32) -> bool {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status_field(&text, "CapEff").and_then(|mask| u64::from_str_radix(mask, 16).ok());
    set.is_some_and(|mask| mask >> number & 1 == 1)
}

/// What a process is called: the first word of its command line, or its executable's path. `None`: there is none.
pub fn command_name(pid: i32) -> Option<String> {
    let words = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let first = words.split(|b| *b == 0).next().filter(|w| !w.is_empty());
    match first {
        Some(word) => Some(String::from_utf8_lossy(word).into_owned()),
        None => Proc.executable(pid as u32).ok(),
    }
}

/// The threads of a process; none if it is gone.
pub(crate) fn threads(pid: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// The parent of a process.
pub(crate) fn parent(pid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may contain anything; the fields follow the last one.
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a process is a thread of the kernel (proc_pid_stat(5), "flags"; `include/linux/sched.h`).
pub(crate) fn is_of_the_kernel(pid: i32) -> bool {
    const PF_KTHREAD: u32 = 0x0020_0000;
    let stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let text = String::from_utf8_lossy(&stat);
    let flags = text.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6));
    flags.and_then(|flags| flags.parse::<u32>().ok()).is_some_and(|flags| flags & PF_KTHREAD != 0)
}

/// Every process with its parent.
fn parents() -> Vec<(i32, i32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

/// Every process.
pub fn processes() -> Vec<i32> {
    parents().into_iter().map(|(pid, _)| pid).collect()
}

/// How many seccomp filters a process has, those of its parents included (Linux 5.11); none if it is gone.
pub(crate) fn filters(pid: i32) -> u32 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    status_field(&text, "Seccomp_filters").and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The living children of `root`.
pub(crate) fn children(root: i32) -> Vec<i32> {
    parents().into_iter().filter(|(_, up)| *up == root).map(|(pid, _)| pid).collect()
}

/// Whether a process has children left.
pub fn has_descendants(root: i32) -> bool {
    !children(root).is_empty()
}

/// Every living descendant of `root`, itself not included.
pub(crate) fn descendants(root: i32) -> BTreeSet<i32> {
    let parents = parents();
    let mut found = BTreeSet::from([root]);
    loop {
        let before = found.len();
        found.extend(
            parents.iter().filter(|(_, up)| found.contains(up)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
        );
        if found.len() == before {
            break;
        }
    }
    found.remove(&root);
    found
}

/// Every living descendant of a process with the path of its executable; zombies have none.
pub fn survivors(root: i32) -> Vec<(i32, String)> {
    descendants(root).into_iter().filter_map(|pid| Some((pid, Proc.executable(pid as u32).ok()?))).collect()
}

/// Whether any descendant of `root` listens on a stream socket: what "ready" looks like from outside.
pub fn listens(root: i32) -> bool {
    let listening = listening_inodes();
    descendants(root).iter().any(|pid| {
        let Ok(fds) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
        fds.flatten().any(|fd| {
            fs::read_link(fd.path()).is_ok_and(|link| {
                let link = link.to_string_lossy();
                link.strip_prefix("socket:[")
                    .and_then(|l| l.strip_suffix(']'))
                    .is_some_and(|i| listening.contains(i))
            })
        })
    })
}

/// Socket inodes in state LISTEN, from /proc/net (proc_net(5): TCP state 0A; unix flag 00010000 is SO_ACCEPTCON).
fn listening_inodes() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(file).unwrap_or_default();
        let fields = text.lines().skip(1).map(|l| l.split_whitespace().collect::<Vec<_>>());
        found.extend(
            fields.filter(|f| f.get(3) == Some(&"0A")).filter_map(|f| f.get(9).map(|i| (*i).to_owned())),
        );
    }
    let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let fields = text.lines().skip(1).map(|l| l.split_whitespace().collect::<Vec<_>>());
    found.extend(
        fields.filter(|f| f.get(3) == Some(&"00010000")).filter_map(|f| f.get(6).map(|i| (*i).to_owned())),
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_a_descendant_of_its_parent() {
        let me = std::process::id() as i32;
        assert!(descendants(parent(me).unwrap()).contains(&me));
        assert!(!descendants(me).contains(&me));
    }

    #[test]
    fn a_listening_socket_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(listens(parent(std::process::id() as i32).unwrap()));
        drop(listener);
    }

    #[test]
    fn status_fields_are_found_by_their_whole_name() {
        assert_eq!(status_field("Seccomp:\t2\nSeccomp_filters:\t1\n", "Seccomp"), Some("2"));
    }
}
