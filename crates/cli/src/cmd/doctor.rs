//! `callgate doctor`: what works on this machine, what does not, and the way out.

use callgate_linux::ebpf;
use callgate_linux::features::{Features, probe};
use serde::Serialize;

use super::{print, print_json};
use crate::cli::{Doctor, Format};
use crate::exit::{Exit, Outcome};
use crate::output::Output;

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    works: bool,
    checks: Vec<Check>,
}

/// One finding.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    /// `ok`, `warning` or `missing`.
    state: &'static str,
    found: String,
    way_out: Option<&'static str>,
}

/// Looks and says.
pub(crate) fn run(args: &Doctor, output: &Output) -> Outcome {
    let checks = checks(&probe());
    let works = checks.iter().all(|c| c.state != "missing");
    if args.format == Format::Json {
        print_json(output, &Document { schema: "callgate.dev/doctor/v1", works, checks })?;
    } else {
        let mut text = String::new();
        for check in &checks {
            text += &format!("{:8} {:22} {}\n", check.state, check.name, check.found);
            if let Some(way_out) = check.way_out {
                text += &format!("{:8} {:22} → {way_out}\n", "", "");
            }
        }
        let verdict = if works { "recording and proving work here" } else { "recording does not work here" };
        print(output, &format!("{text}\n{verdict}\n"))?;
    }
    Ok(if works { Exit::Ok } else { Exit::Findings })
}

fn check(name: &'static str, ok: bool, found: String, otherwise: (&'static str, &'static str)) -> Check {
    let (state, way_out) = if ok { ("ok", None) } else { (otherwise.0, Some(otherwise.1)) };
    Check { name, state, found, way_out }
}

fn fact(name: &'static str, found: String) -> Check {
    Check { name, state: "ok", found, way_out: None }
}

fn yes(holds: bool) -> String {
    if holds { "yes".to_owned() } else { "no".to_owned() }
}

fn checks(f: &Features) -> Vec<Check> {
    let mut found = machine(f);
    found.extend(surroundings(f));
    found
}

/// What the kernel can do.
fn machine(f: &Features) -> Vec<Check> {
    let arch = f.arch.map_or_else(|| std::env::consts::ARCH.to_owned(), |a| a.name().to_owned());
    vec![
        check(
            "architecture",
            f.arch.is_some(),
            arch,
            ("missing", "callgate has no system call table for it"),
        ),
        fact("kernel", f.kernel.clone()),
        check(
            "seccomp filters",
            f.filters,
            yes(f.filters),
            ("missing", "build the kernel with CONFIG_SECCOMP_FILTER"),
        ),
        check("listener", f.listener, yes(f.listener), ("missing", "recording needs Linux 5.5 or newer")),
        check(
            "quiet signals",
            f.wait_killable,
            yes(f.wait_killable),
            ("warning", "before Linux 5.19 signals make a recorded call start again: counts may be too high"),
        ),
        check(
            "kernel log",
            f.log_flag && f.actions_logged.contains("errno"),
            f.actions_logged.clone(),
            (
                "warning",
                "run --via log shows ERRNO refusals only with `errno` in kernel.seccomp.actions_logged",
            ),
        ),
    ]
}

/// What this process is in.
fn surroundings(f: &Features) -> Vec<Check> {
    let ebpf: Vec<_> = ebpf::missing().iter().map(ToString::to_string).collect();
    let ptrace = f.ptrace_scope.map_or_else(|| "no Yama".to_owned(), |s| format!("Yama ptrace_scope {s}"));
    vec![
        check(
            "filter above",
            !f.under_a_filter,
            yes(f.under_a_filter),
            ("warning", "a recording does not see what it refuses; learn takes one more run, under ptrace"),
        ),
        check(
            "ptrace",
            f.ptrace_scope != Some(3),
            ptrace,
            (
                "warning",
                "kernel.yama.ptrace_scope is 3: a recording is blind to calls another filter refuses",
            ),
        ),
        check(
            "eBPF",
            ebpf.is_empty(),
            if ebpf.is_empty() { yes(true) } else { ebpf.join("; ") },
            (
                "warning",
                "record --cgroup, --container and --unit need it; record --pid traces instead, and is slower",
            ),
        ),
        check(
            "being traced",
            !f.traced,
            yes(f.traced),
            ("warning", "a debugger or strace follows callgate: programs cannot be traced a second time"),
        ),
        check(
            "loaded filters",
            f.inspect.is_none(),
            f.inspect.clone().unwrap_or_else(|| "can be read".to_owned()),
            ("warning", "inspect shows only how many there are; nothing else needs it"),
        ),
        check(
            "open files",
            f.open_files >= 64,
            f.open_files.to_string(),
            ("warning", "raise the limit: ulimit -n 1024"),
        ),
        fact("user", if f.root { "root".to_owned() } else { "not root (none needed)".to_owned() }),
    ]
}
