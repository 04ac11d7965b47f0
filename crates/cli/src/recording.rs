//! Recording runs: one of the workload, full or trimmed, and one under ptrace where another filter refuses calls.

use std::time::{SystemTime, UNIX_EPOCH};

use callgate_bpf::Program;
use callgate_core::trace::Provenance;
use callgate_core::{Meaning, Trace};
use callgate_linux::session::Purpose;
use callgate_linux::{features, filter, proc};

use crate::exit::{Exit, Failure};
use crate::input;
use crate::plan::Plan;
use crate::workload::{self, Ran, Run, Watch};

/// Compiles what callgate itself or a profile wants of the kernel.
pub(crate) fn program(meaning: &Meaning) -> Result<Program, Failure> {
    callgate_bpf::emit(meaning).map_err(|e| Failure::new(format!("cannot compile the filter: {e}")))
}

/// What a recording says about itself.
pub(crate) fn provenance(plan: &Plan, backend: &str, trimmed: bool) -> Provenance {
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Provenance {
        backend: backend.to_owned(),
        command: plan.command.name(),
        started,
        duration_ms: 0,
        kernel: features::kernel_release(),
        no_new_privs: !plan.allow_privilege_escalation,
        trimmed,
        notes: Vec::new(),
    }
}

/// Whether a filter above this process may refuse calls, which a recording does not see.
pub(crate) enum Above {
    /// None.
    Clear,
    /// There is one, and a run under ptrace shows what it refuses.
    Traceable,
    /// There is one, and ptrace is forbidden, too: why.
    Blind(&'static str),
}

/// Looks for a filter above.
pub(crate) fn above() -> Above {
    if !proc::under_a_filter().unwrap_or(false) {
        return Above::Clear;
    }
    let found = features::probe();
    if found.traced {
        Above::Blind("this process is traced by another one")
    } else if found.ptrace_scope == Some(3) {
        Above::Blind("Yama forbids ptrace")
    } else {
        Above::Traceable
    }
}

/// Records one run by notification. With `known`, only what is new is asked about.
pub(crate) fn once(run: Run<'_>, known: Option<(&Trace, bool)>, watch: Watch<'_>) -> Result<Ran, Failure> {
    let native = input::native()?;
    let meaning = match known {
        None => filter::recording(native),
        Some((trace, surface_only)) => filter::trimmed(native, trace, surface_only),
    };
    let provenance = provenance(run.plan, "notify", known.is_some());
    let purpose = Purpose::Record { filter: program(&meaning)?, provenance, trimmed: known.is_some() };
    checked(workload::run(run, purpose, watch)?)
}

/// Records one run under ptrace, telling apart what passes every other filter and what one refuses.
pub(crate) fn refusals(run: Run<'_>, watch: Watch<'_>) -> Result<Ran, Failure> {
    let native = input::native()?;
    let mut provenance = provenance(run.plan, "ptrace", false);
    provenance
        .notes
        .push("a filter above callgate refuses calls; a run under ptrace recorded which".to_owned());
    let purpose = Purpose::Trace { filter: program(&filter::tracing(native))?, provenance };
    checked(workload::run(run, purpose, watch)?)
}

/// Failures of a recording that leave nothing to work on.
fn checked(ran: Ran) -> Result<Ran, Failure> {
    if let Some(reason) = &ran.stopped {
        return Err(Failure::new(format!("cannot record by notification: {reason}")).hint(
            "callgate has no other way yet; record the program it starts, without the part that needs this",
        ));
    }
    match &ran.trace {
        Some(trace) if !trace.calls.is_empty() => Ok(ran),
        _ => Err(Failure::new("nothing was recorded").exit(Exit::NoInput)),
    }
}
