//! What runs already: a process, or a cgroup, as a person names it.

use std::fmt;
use std::path::Path;

use callgate_linux::ebpf::{self, Cgroup};
use callgate_linux::proc;

use crate::cli;
use crate::exit::{Exit, Failure};

/// Something to attach to.
#[derive(Clone, Debug)]
pub(crate) enum Running {
    /// A process and its descendants.
    Process(i32),
    /// A cgroup, and what it was asked for as.
    Cgroup(String, Cgroup),
}

impl Running {
    /// What the command line names; `None`: a command is to be started.
    ///
    /// `wait`: a cgroup need not be there yet.
    pub(crate) fn find(args: &cli::Running, wait: bool) -> Result<Option<Self>, Failure> {
        let found = if let Some(pid) = args.pid {
            return Ok(Some(Self::Process(pid)));
        } else if let Some(path) = &args.cgroup {
            let found = if wait { ebpf::awaited(path) } else { ebpf::named(path) };
            (format!("cgroup {}", path.display()), found)
        } else if let Some(id) = &args.container {
            (format!("container {id}"), ebpf::container(id))
        } else if let Some(unit) = &args.unit {
            (format!("unit {unit}"), ebpf::unit(unit))
        } else {
            return Ok(None);
        };
        let (name, cgroup) = found;
        Ok(Some(Self::Cgroup(name, cgroup?)))
    }

    /// Whether it is there still.
    pub(crate) fn is_there(&self) -> bool {
        match self {
            Self::Process(pid) => !proc::has_ended(*pid),
            Self::Cgroup(_, cgroup) => cgroup.exists(),
        }
    }

    /// What the trace calls it.
    pub(crate) fn name(&self) -> Result<String, Failure> {
        match self {
            Self::Cgroup(name, _) => Ok(name.clone()),
            Self::Process(pid) => proc::command_name(*pid).ok_or_else(|| {
                let (what, exit) = if !Path::new(&format!("/proc/{pid}")).exists() {
                    ("there is no process {}", Exit::NotFound)
                } else if proc::has_ended(*pid) {
                    ("process {} has ended: it only waits for its parent", Exit::NotFound)
                } else {
                    ("process {} is a thread of the kernel, which makes no system calls", Exit::NotRun)
                };
                Failure::new(what.replace("{}", &pid.to_string())).exit(exit)
            }),
        }
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid) => write!(f, "process {pid} and its descendants"),
            Self::Cgroup(name, _) => f.write_str(&crate::output::foreign(name)),
        }
    }
}
