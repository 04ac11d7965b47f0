//! Every system call callgate makes, and all of its unsafe code, which is fenced to `sys/`.
//!
//! | module | needs | since Linux | without it |
//! | --- | --- | --- | --- |
//! | [`session`], `keeper` | no_new_privs or CAP_SYS_ADMIN; a listener | 5.5 | an error that says so |
//! | `keeper::traced` | ptrace of descendants | 5.3 | recording says *blind to refused calls* |
//! | [`ebpf`] | CAP_BPF and CAP_PERFMON, or root; BTF | 5.12 | what is missing, by name |
//! | [`inspect`] | CAP_SYS_ADMIN, no filter of our own; ptrace | 4.4 | what is missing, by name |
//! | [`oracle`] | no_new_privs | 4.14 | an error |
//! | [`guard`], [`mod@file`], [`proc`], [`features`] | nothing | any | |
//!
//! No Kubernetes, no command line, no threads: every process here forks, and a forked child of a threaded process may
//! touch next to nothing.
#![deny(unsafe_code)]

pub mod ebpf;
pub mod error;
pub mod features;
pub mod file;
pub mod filter;
pub mod guard;
pub mod inspect;
mod keeper;
mod message;
pub mod oracle;
pub mod proc;
pub mod session;
pub mod spawn;
mod sys;

pub use error::{Error, Result};
pub use message::{Miss, Status};
pub use sys::process::{Signal, undisturbed};
