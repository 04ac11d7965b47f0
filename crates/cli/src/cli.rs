//! The command line as types: no logic.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod algebra;
mod artifact;
mod convert;
mod default;
mod drive;
mod filter;
mod inspect;
mod lint;
mod target;
pub(crate) use algebra::{Diff, Effective, FailOn, Merge, On, Staged};
pub(crate) use artifact::{Artifact, What};
pub(crate) use convert::{Convert, Form};
pub(crate) use default::Defaults;
pub(crate) use drive::{BackendChoice, Drive, Running};
pub(crate) use filter::{Compile, Disasm, Emit, Equiv, Sim};
pub(crate) use inspect::Inspect;
pub(crate) use lint::{Lint, LintAlone, Rule, Threshold};
pub(crate) use target::{Expand, Explain, ReportFormat, Where};

/// Learn which system calls a workload needs, turn that into a seccomp profile, and prove it.
#[derive(Debug, Parser)]
#[command(
    name = "callgate",
    version,
    after_help = crate::env::EXIT_CODES,
    after_long_help = crate::env::long_help()
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
    /// Whatever the verb is.
    #[command(flatten)]
    pub(crate) everywhere: Everywhere,
}

/// Options that every verb has.
#[derive(Debug, Args)]
pub(crate) struct Everywhere {
    /// Say nothing but errors and findings: what is refused, withheld or not proven, and what to do about it.
    #[arg(short, long, global = true, display_order = 900)]
    pub(crate) quiet: bool,
    /// When to use colour on stderr.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", display_order = 901)]
    pub(crate) color: ColorChoice,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Record a command, make a profile of it, and prove the profile by running again
    Learn(Box<Learn>),
    /// Record a command's system calls into a trace
    Record(Box<Record>),
    /// Make a trace of what another recorder wrote
    Import(Import),
    /// Make a profile of traces
    Generate(Generate),
    /// Patch a profile, as little as can be, so that it allows what traces hold
    Update(Update),
    /// Run a command under a profile and report every call it refuses
    Run(Run),
    /// Show what a profile or a trace says, for a person or a program
    Show(Show),
    /// Find what will break or is unsafe in profiles, Kubernetes manifests and pipelines, and mend it
    Lint(Box<Lint>),
    /// Say what a rule of lint finds, why it matters and what is better, or list the rules
    Rule(Rule),
    /// Say what a profile does with a call or with all, why, and what each container runtime makes of it
    Explain(Explain),
    /// Write the profile that a container runtime applies by default, or say what it refuses
    Default(Defaults),
    /// Write a profile as Docker, Podman, CRI-O or containerd hand it to the container runtime
    Expand(Expand),
    /// Show what is left of a profile where others apply beside it, and what is taken away by which
    Effective(Effective),
    /// Show what changes from one profile to another: every call that is treated differently, with an example
    Diff(Diff),
    /// Make one profile of several: what any of them allows, or what all of them allow
    Merge(Merge),
    /// Prove that two profiles or filters do the same with every call, or show one that they treat differently
    Equiv(Equiv),
    /// Make the profile for a stage of another one's rollout: audit, complain, enforce
    Stage(Staged),
    /// Write a profile in another form: for systemd, for the Security Profiles Operator, as a list; and back
    Convert(Convert),
    /// Pack a profile as an OCI artifact, unpack one, or check it
    Artifact(Artifact),
    /// Compile a profile to the filter the kernel loads
    Compile(Compile),
    /// Show a filter as text, with the names of calls and arguments
    Disasm(Disasm),
    /// Say what a profile or a filter does with one call
    Sim(Sim),
    /// Show the filters that are loaded in processes as they run, and whether they are a profile's
    Inspect(Inspect),
    /// List the system calls of an architecture
    Syscalls(Syscalls),
    /// List the groups of system calls, or the calls of one
    Groups(Groups),
    /// Say what works on this machine, what does not, and the way out
    Doctor(Doctor),
    /// Print completions for a shell
    Completions(Completions),
    /// Print a man page
    Man(Man),
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// For a person or for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a person.
    Human,
    /// One JSON document with a schema name.
    Json,
}

/// How arguments are constrained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArgsChoice {
    /// Only those that open attack surface: refuse dangerous bits, not unseen values.
    Auto,
    /// Every argument worth learning, to the values seen.
    Exact,
    /// None.
    Off,
}

/// What stands in one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupBy {
    /// Calls of one group that are there for one reason.
    Source,
    /// Calls of one group.
    Group,
}

/// How a profile is made of a trace.
#[derive(Clone, Debug, Args)]
pub(crate) struct Policy {
    /// How arguments are constrained.
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) args: ArgsChoice,
    /// What happens to every other call: errno (ENOSYS), kill-process, or an SCMP_ACT_ name
    #[arg(long, value_name = "ACTION", default_value = "errno")]
    pub(crate) default_action: String,
    /// Allow a call by name: a dangerous one that was seen, or one that was not; may be repeated. On a terminal, learn
    /// asks about dangerous calls that are not named here, and takes everything but `y` for a no
    #[arg(long, value_name = "CALL")]
    pub(crate) allow: Vec<String>,
    /// Add no call by rule: only what was seen
    #[arg(long)]
    pub(crate) no_completion: bool,
    /// One rule per group of calls (or, as usual, what was seen and what was added apart)
    #[arg(long, value_name = "BY", num_args = 0..=1, default_value = "source", default_missing_value = "group", hide_default_value = true)]
    pub(crate) group_by: GroupBy,
    /// Write reasons into the profile as Docker's `comment` keys; containerd and runc drop them
    #[arg(long)]
    pub(crate) with_comments: bool,
}

/// callgate learn
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate learn -o ls.json -- ls -lR /usr/share/doc\n  \
    callgate learn -o web.json --ready tcp:127.0.0.1:8080 \\\n      --exercise 'curl -sf http://127.0.0.1:8080/' -- nginx -c \"$PWD/nginx.conf\"\n  \
    callgate learn -o app.json --for runc,crun -- ./app\n\n\
    Exit codes: 0 written and proven (or --no-prove) · 1 written, not proven · 2 nothing written · 3 nothing recorded")]
pub(crate) struct Learn {
    /// The profile to write; reasons go to PROFILE.evidence beside it
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) output: PathBuf,
    /// Replace an existing profile
    #[arg(long)]
    pub(crate) force: bool,
    /// Recording runs; each after the first asks only about what is new
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Do not prove the profile by running again
    #[arg(long)]
    pub(crate) no_prove: bool,
    /// Compare the output of every run, too
    #[arg(long)]
    pub(crate) same_output: bool,
    /// Find out which calls it needs: runs it again without each, 3 times at most; none is left out, `show --why` tells
    #[arg(long, conflicts_with = "no_prove")]
    pub(crate) minimise: bool,
    #[command(flatten)]
    pub(crate) policy: Policy,
    #[command(flatten)]
    pub(crate) drive: Drive,
    /// The command; of an image or a bundle, its own if absent
    #[arg(last = true, required_unless_present_any = ["image", "bundle"], value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// callgate record
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate record -o ls.trace -- ls -lR /usr/share/doc\n  \
    callgate record --pid 4242 --for 10m -o served.trace\n  \
    callgate record --unit nginx --until-saturated=10m --for 8h -o nginx.trace\n  \
    callgate show ls.trace\n\nExit code: the command's own; 125 callgate failed, 126 not executable, 127 not found")]
pub(crate) struct Record {
    /// The trace to write
    #[arg(short, long, value_name = "TRACE")]
    pub(crate) output: PathBuf,
    /// Replace an existing trace
    #[arg(long)]
    pub(crate) force: bool,
    /// Leave out what this trace holds already: only new calls and new argument values are recorded
    #[arg(long, value_name = "TRACE")]
    pub(crate) known: Option<PathBuf>,
    /// End when nothing new, call or value, was seen for half of the recording, and for this long at least [default: 60s]
    #[arg(long, value_name = "QUIET", num_args = 0..=1, require_equals = true, default_missing_value = "60s")]
    pub(crate) until_saturated: Option<String>,
    #[command(flatten)]
    pub(crate) running: Running,
    /// Wait for the cgroup if it is not there yet, and record it from its beginning
    #[arg(long, requires = "cgroup")]
    pub(crate) wait: bool,
    /// Leave out who came into the scope later, from outside: docker exec, kubectl exec, nsenter
    #[arg(long, requires = "running")]
    pub(crate) no_later: bool,
    #[command(flatten)]
    pub(crate) drive: Drive,
    /// The command; of an image or a bundle, its own if absent
    #[arg(last = true, required_unless_present_any = ["running", "image", "bundle"], value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Whose text is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// Logs of strace, whatever its options, and tables of strace -c
    Strace,
    /// SECCOMP and SYSCALL records: audit.log, the kernel's log, ausearch, journalctl
    Audit,
    /// Logs of perf trace, and tables of perf trace -s
    Perf,
    /// Lines of sysdig and falco, one per event
    Falco,
    /// Profiles of oci-seccomp-bpf-hook, and others in the form of OCI or Docker
    OciSeccompBpfHook,
    /// SeccompProfile resources of the Security Profiles Operator, YAML or JSON
    Spo,
    /// What Inspektor Gadget's advise_seccomp prints
    InspektorGadget,
}

/// callgate import
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  strace -f -o ls.log ls -lR /usr/share/doc\n  \
    callgate import --from strace ls.log -o ls.trace\n  \
    callgate import --from strace out.* -o all.trace    the files of strace -ff -o out\n  \
    ausearch --raw -m SECCOMP | callgate import --from audit - -o app.trace\n  \
    callgate generate ls.trace -o ls.json\n\n\
    Exit codes: 0 written · 2 nothing written: no such log, of another recorder, or names in it that are no system calls · \
    3 nothing in the logs")]
pub(crate) struct Import {
    /// Whose text it is
    #[arg(long, value_name = "RECORDER")]
    pub(crate) from: Source,
    /// Logs, or directories of them; `-` is standard input; LOG.PID beside each other are one log, as of strace -ff
    #[arg(required = true, value_name = "LOG")]
    pub(crate) logs: Vec<PathBuf>,
    /// The trace to write; `-` is standard output
    #[arg(short, long, value_name = "TRACE")]
    pub(crate) output: PathBuf,
    /// Replace an existing trace
    #[arg(long)]
    pub(crate) force: bool,
    /// The architecture the programs start in; this machine's if absent
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
}

/// callgate generate
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate generate ls.trace -o ls.json\n  \
    callgate generate a.trace b.trace --args exact --default-action kill-process -o both.json\n  \
    callgate generate app.trace --for runc@1.1,crun --nnp true -o app.json\n\n\
    Exit codes: 0 written · 1 written, a dangerous call left out · 2 nothing written · 3 nothing in the traces")]
pub(crate) struct Generate {
    /// Traces; `-` is standard input
    #[arg(required = true, value_name = "TRACE")]
    pub(crate) traces: Vec<PathBuf>,
    /// The profile to write; `-` is standard output, without evidence
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) output: PathBuf,
    /// Replace an existing profile
    #[arg(long)]
    pub(crate) force: bool,
    /// Go on although a trace is incomplete
    #[arg(long)]
    pub(crate) incomplete: bool,
    /// For which architecture; calls of another are translated by what they do, and marked [default: this machine's]
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// Add what these container runtimes call themselves, so that they start it: runc, runc@1.1, crun@1.8.1
    #[arg(long = "for", value_name = "RUNTIME,…")]
    pub(crate) runtimes: Vec<String>,
    /// Whether the container has no_new_privs: true is `allowPrivilegeEscalation: false` [default: both]
    #[arg(long, value_name = "BOOL", requires = "runtimes", action = clap::ArgAction::Set)]
    pub(crate) nnp: Option<bool>,
    #[command(flatten)]
    pub(crate) policy: Policy,
}

/// callgate update
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callgate run --profile p.json --stage audit -o missed.trace -- ./app\n  \
    callgate update p.json --from missed.trace --dry-run\n  callgate update p.json --from missed.trace\n\n\
    Exit codes: 0 updated, or nothing to do · 1 a dangerous call left out, or --dry-run and something to do · 2 nothing written"
)]
pub(crate) struct Update {
    /// The profile; comments, order and layout stay as they are
    #[arg(value_name = "PROFILE")]
    pub(crate) profile: PathBuf,
    /// What it is to allow: a trace, or a log of strace, perf trace, sysdig or of the audit system, in which also what was
    /// refused is wanted; may be repeated
    #[arg(long, required = true, value_name = "TRACE|LOG")]
    pub(crate) from: Vec<PathBuf>,
    /// Show the patch and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Ask about every call
    #[arg(long)]
    pub(crate) interactive: bool,
    /// How new rules constrain arguments
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) args: ArgsChoice,
    /// Allow a dangerous call that was seen; may be repeated
    #[arg(long, value_name = "CALL")]
    pub(crate) allow: Vec<String>,
}

/// How far a profile is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Everything goes ahead; what the profile refuses is reported
    Audit,
    /// What the profile refuses and the baseline allows goes ahead, reported; the rest gets the baseline's action
    Complain,
    /// The profile's actions
    Enforce,
}

/// Who reports refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Via {
    /// callgate, asked by the kernel: with arguments
    Notify,
    /// The kernel's own log; the filter decides by itself
    Log,
    /// A tracer: with arguments, for a command that has a seccomp listener of its own
    Trace,
}

/// callgate run
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate run --profile ls.json --stage enforce -- ls /\n  \
    callgate run --profile p.json --stage complain --baseline docker -- ./app\n\n\
    Exit code: the command's own (159: killed by SIGSYS); 125 callgate failed, 126 not executable, 127 not found")]
pub(crate) struct Run {
    /// The profile
    #[arg(short, long, value_name = "PROFILE")]
    pub(crate) profile: PathBuf,
    /// How far it is applied
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Stage,
    /// For complain, which goes by it where the profile refuses: a runtime's default, as `callgate default`
    /// lists them, or a profile [default: docker]
    #[arg(long, value_name = "NAME|PROFILE")]
    pub(crate) baseline: Option<String>,
    /// Who reports refusals
    #[arg(long, default_value = "notify")]
    pub(crate) via: Via,
    /// Write what the profile refused as a trace, for `callgate update --from`
    #[arg(short, long, value_name = "TRACE")]
    pub(crate) output: Option<PathBuf>,
    /// Replace an existing trace
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// Leave no_new_privs off (root only)
    #[arg(long)]
    pub(crate) allow_privilege_escalation: bool,
    /// The command
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// callgate show
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  callgate show ls.json --why\n  callgate show ls.trace --format json\n  \
    callgate show app.json --starts-under runc@1.1 --nnp false\n\n\
    Exit codes: 0 shown, starts · 1 does not start"
)]
pub(crate) struct Show {
    /// A profile or a trace; `-` is standard input
    #[arg(value_name = "PROFILE|TRACE")]
    pub(crate) file: PathBuf,
    /// Say for every call why it is there
    #[arg(long)]
    pub(crate) why: bool,
    /// Say whether a container starts under the profile, and which calls of its runtime are missing: runc,crun@1.8
    #[arg(long, value_name = "RUNTIME,…")]
    pub(crate) starts_under: Option<String>,
    /// Whether the container has no_new_privs: true is `allowPrivilegeEscalation: false` [default: both]
    #[arg(long, value_name = "BOOL", requires = "starts_under", action = clap::ArgAction::Set)]
    pub(crate) nnp: Option<bool>,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}

/// callgate syscalls
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  callgate syscalls --arch aarch64 --format json")]
pub(crate) struct Syscalls {
    /// The architecture; this machine's if absent
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}

/// callgate groups
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  callgate groups\n  callgate groups @dangerous")]
pub(crate) struct Groups {
    /// One group, or a call whose groups are wanted
    #[arg(value_name = "GROUP|CALL")]
    pub(crate) name: Option<String>,
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}

/// callgate doctor
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  callgate doctor\n\nExit codes: 0 recording works · 1 something is missing"
)]
pub(crate) struct Doctor {
    /// For a person or for a program
    #[arg(long, default_value = "human")]
    pub(crate) format: Format,
}

/// callgate completions
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  callgate completions bash > ~/.local/share/bash-completion/completions/callgate"
)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// callgate man
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  callgate man learn | man -l -")]
pub(crate) struct Man {
    /// The verb; the whole program if absent
    pub(crate) verb: Option<String>,
}
