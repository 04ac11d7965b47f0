//! What a container leaves when callgate is killed: ended and removed by a process that is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callgate_linux::guard::Guard;
use callgate_linux::proc;

use super::Runtime;
use crate::exit::Failure;

/// A runtime that goes on in spite of all is not fought for longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Has containers ended, and their traces removed, should this process be killed.
pub(super) fn guarded(dir: &Path, runtime: &Runtime, mount_points: &[PathBuf]) -> Result<Guard, Failure> {
    let owner = std::process::id();
    Ok(Guard::post(|| {
        end(dir, runtime);
        remove_cgroups(&format!("callgate-{owner}-"));
        remove(dir, mount_points);
    })?)
}

/// Removes the directory of containers that are gone, and what their runtime made to mount on.
pub(super) fn remove(dir: &Path, mount_points: &[PathBuf]) {
    for place in mount_points {
        // Something stands in it, or the runtime never made it.
        let _ = fs::remove_dir(place);
    }
    // What cannot be removed is in the temporary directory, under our name.
    let _ = fs::remove_dir_all(dir);
}

/// Ends the runtimes that were told to work here, and what they have started.
fn end(dir: &Path, runtime: &Runtime) {
    let state = dir.join("state");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let here = runtimes(&state);
        for pid in &here {
            let _ = proc::kill(*pid);
        }
        let ids: Vec<_> =
            fs::read_dir(&state).into_iter().flatten().flatten().map(|e| e.file_name()).collect();
        for id in &ids {
            runtime.delete(&state, &id.to_string_lossy());
        }
        if here.is_empty() && ids.is_empty() || Instant::now() >= deadline {
            return;
        }
        std::thread::sleep(PAUSE);
    }
}

/// The processes that have this directory of states among their arguments.
fn runtimes(state: &Path) -> Vec<i32> {
    let names_it = |pid: &i32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|b| *b == 0).any(|word| word == state.as_os_str().as_encoded_bytes())
    };
    let own = std::process::id() as i32;
    proc::processes().into_iter().filter(|pid| *pid != own).filter(names_it).collect()
}

/// Removes the cgroups of containers of ours that a runtime made and was killed before it had noted them.
fn remove_cgroups(prefix: &str) {
    let below = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()).collect::<Vec<_>>()
    };
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = [root.to_owned()].into_iter().chain(below(root));
    let ours = |dir: &PathBuf| dir.file_name().is_some_and(|n| n.to_string_lossy().starts_with(prefix));
    for dir in hierarchies.flat_map(|hierarchy| below(&hierarchy)).filter(ours) {
        // One in which somebody lives stays.
        let _ = fs::remove_dir(dir);
    }
}
