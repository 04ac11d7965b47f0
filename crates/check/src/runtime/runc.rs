//! runc (github.com/opencontainers/runc): `libcontainer/specconv/spec_linux.go` SetupSeccomp,
//! `libcontainer/seccomp/seccomp_linux.go` InitSeccomp and matchCall, `libcontainer/seccomp/config.go` for what it knows,
//! `libcontainer/seccomp/patchbpf/enosys_linux.go` for the calls that it says do not exist.

use callgate_core::arch::Arch;
use callgate_core::floor::Version;
use callgate_core::meaning::{Clause, Rules};
use callgate_core::{Action, Diagnostic, errno};

use super::{Made, Outcome, action, is_valid, judged, known, note_split, repeats_an_index, rules};
use crate::document::{Document, Entry, Refusal};
use crate::libseccomp::{Added, Filter, arches};
use crate::loader::is_nothing;
use crate::target::Target;

const FLAGS_SINCE: Version = Version::new(1, 2, 0);
const WAIT_KILLABLE_SINCE: Version = Version::new(1, 5, 0);
const RISCV64_SINCE: Version = Version::new(1, 1, 8);
/// From then on the machine's own architecture has the stub whether it is listed or not.
const NATIVE_STUB_SINCE: Version = Version::new(1, 1, 15);
/// runc's own source has it since 1.5; builds of distributions had it earlier.
const LOONGARCH64: (Version, Version) = (Version::new(1, 1, 15), Version::new(1, 5, 0));

/// `SCMP_ARCH_` names besides those that came later.
const ARCHES: [&str; 16] = [
    "X86",
    "X86_64",
    "X32",
    "ARM",
    "AARCH64",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PPC",
    "PPC64",
    "PPC64LE",
    "S390",
    "S390X",
];

pub(super) fn apply(
    document: &Document,
    target: &Target,
    version: Version,
    notes: &mut Vec<Diagnostic>,
) -> Result<Outcome, Refusal> {
    if is_nothing(document) {
        return Ok(Outcome::Unconfined(
            "runc takes a profile without defaultAction and rules for none".to_owned(),
        ));
    }
    let flags = flags(document, version)?;
    let listed = match architectures(document, target, version)? {
        Ok(listed) => listed,
        Err(undecided) => return Ok(Outcome::Undecided(undecided)),
    };
    let name = document.default_action.as_deref().unwrap_or_default();
    let default = action(name, document.default_errno).ok_or_else(|| no_action(name))?;
    for entry in &document.rules {
        check_words(entry)?;
    }
    check_notify(document, default)?;
    if listed.contains(&arches::Added::OtherEndian) {
        let message = "error adding architecture to seccomp filter: numerical argument out of domain";
        return Err(Refusal::new(message));
    }
    let mut added = Added::by(target.libseccomp);
    for entry in &document.rules {
        add(entry, default, target, (&mut added, notes))?;
    }
    if !is_valid(default) {
        return Err(Refusal::new("error creating filter"));
    }
    let arches = judged(&listed, target.machine.arch);
    let mut filter = added.build(&arches, default)?;
    stub(&mut filter, version, &listed);
    Ok(Outcome::Filtered(Made { filter, flags }))
}

fn no_action(name: &str) -> Refusal {
    Refusal::new(format!("string {name} is not a valid action for seccomp"))
}

/// Absent flags are SPEC_ALLOW since there are flags; an empty list is none.
fn flags(document: &Document, version: Version) -> Result<Vec<String>, Refusal> {
    let Some(flags) = &document.flags else {
        let default = (version >= FLAGS_SINCE).then(|| "SECCOMP_FILTER_FLAG_SPEC_ALLOW".to_owned());
        return Ok(default.into_iter().collect());
    };
    if version < FLAGS_SINCE && !flags.is_empty() {
        return Err(Refusal::new("seccomp flags are not yet supported by runc"));
    }
    let known = |flag: &str| match flag {
        "SECCOMP_FILTER_FLAG_TSYNC" | "SECCOMP_FILTER_FLAG_LOG" | "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => true,
        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => version >= WAIT_KILLABLE_SINCE,
        _ => false,
    };
    match flags.iter().find(|flag| !known(flag)) {
        Some(flag) => Err(Refusal::new(format!("seccomp flag {flag} is not known to runc"))),
        // It loads its filter on one thread: there is nothing to synchronise.
        None => Ok(flags.iter().filter(|flag| *flag != "SECCOMP_FILTER_FLAG_TSYNC").cloned().collect()),
    }
}

/// What is listed; the inner error: what cannot be relied on.
fn architectures(
    document: &Document,
    target: &Target,
    version: Version,
) -> Result<Result<Vec<arches::Added>, String>, Refusal> {
    let mut found = Vec::new();
    for name in &document.architectures {
        let short = name.strip_prefix("SCMP_ARCH_").unwrap_or_default();
        if short == "LOONGARCH64" && (LOONGARCH64.0..LOONGARCH64.1).contains(&version) {
            let why = format!("whether runc {version} knows {name} depends on who built it: leave it out");
            return Ok(Err(why));
        }
        let known = ARCHES.contains(&short)
            || (short == "RISCV64" && version >= RISCV64_SINCE)
            || (short == "LOONGARCH64" && version >= LOONGARCH64.1);
        if !known {
            return Err(Refusal::new(format!("string {name} is not a valid arch for seccomp")));
        }
        found.push(arches::add(&short.to_ascii_lowercase(), target.machine.arch, target.libseccomp));
    }
    Ok(Ok(found))
}

/// Words of an entry, names of calls apart, have to be known even where the entry says nothing.
fn check_words(entry: &Entry) -> Result<(), Refusal> {
    if action(&entry.action, None).is_none() {
        return Err(no_action(&entry.action).in_rule(entry));
    }
    let wrong = entry.conditions.iter().find(|c| c.operator().is_none()).filter(|_| !entry.names.is_empty());
    wrong.map_or(Ok(()), |c| {
        Err(Refusal::new(format!("string {} is not a valid operator for seccomp", c.op)).in_rule(entry))
    })
}

/// The listener is handed over by write(2).
fn check_notify(document: &Document, default: Action) -> Result<(), Refusal> {
    let asks = |entry: &&Entry| entry.action == "SCMP_ACT_NOTIFY" && !entry.names.is_empty();
    if let Some(entry) =
        document.rules.iter().filter(asks).find(|e| e.names.iter().any(|name| name == "write"))
    {
        return Err(Refusal::new("SCMP_ACT_NOTIFY cannot be used for the write syscall").in_rule(entry));
    }
    if default == Action::Notify {
        return Err(Refusal::new("SCMP_ACT_NOTIFY cannot be used as default action"));
    }
    match document.rules.iter().find(asks).filter(|_| document.listener_path.is_empty()) {
        Some(entry) => Err(Refusal::new("seccomp listenerPath is not set").in_rule(entry)),
        None => Ok(()),
    }
}

fn add(
    entry: &Entry,
    default: Action,
    target: &Target,
    (added, notes): (&mut Added, &mut Vec<Diagnostic>),
) -> Result<(), Refusal> {
    let Some(action) = action(&entry.action, entry.errno) else { return Ok(()) };
    if entry.names.iter().any(String::is_empty) {
        return Err(Refusal::new("empty string is not a valid syscall").in_rule(entry));
    }
    let mut unsaid = Vec::new();
    // What does the default's own action is not looked at, and its unknown names are no loss.
    let notes = if action == default { &mut unsaid } else { notes };
    let calls = known(entry, target, notes);
    added.mention(&calls);
    if action == default || calls.is_empty() {
        return Ok(());
    }
    if let Some(c) = entry.conditions.iter().find(|c| c.index > 5) {
        let message = format!("syscalls only have up to 6 arguments ({} given)", c.index);
        return Err(Refusal::new(message).in_rule(entry));
    }
    if !is_valid(action) {
        return Err(Refusal::new("two checks on same syscall argument").in_rule(entry));
    }
    if repeats_an_index(entry) {
        note_split(entry, "runc", notes);
    }
    added.add(&calls, rules(entry, action));
    Ok(())
}

/// Every number above the highest that the profile names, whatever it says of it, is answered with ENOSYS before the filter
/// proper is asked, unless the default lets calls go ahead or asks a tracer.
fn stub(filter: &mut Filter, version: Version, listed: &[arches::Added]) {
    let absent = Action::Errno(errno::ENOSYS);
    let mut lasts: Vec<(Arch, u32)> = Vec::new();
    for (arch, rules) in &filter.meaning.arches {
        let covered = version >= NATIVE_STUB_SINCE || listed.contains(&arches::Added::Judged(*arch));
        let permissive = matches!(rules.default, Action::Allow | Action::Log | Action::Trace(_));
        let last = filter.added.highest(*arch).filter(|nr| *nr > 0 && covered && !permissive);
        lasts.extend(last.map(|last| (*arch, last)));
    }
    let last = |arch: Arch| lasts.iter().find(|(with, _)| *with == arch).map(|(_, last)| *last);
    for (arch, last) in &lasts {
        let Some(rules) = filter.meaning.arches.get_mut(arch) else { continue };
        rules.beyond.insert(last.saturating_add(1), absent);
        // setup(2), which nobody calls, stands for numbers the kernel could not read.
        if *arch == Arch::S390x {
            rules.calls.insert(0, vec![Clause::any(absent)]);
        }
    }
    match (last(Arch::X86_64), last(Arch::X32)) {
        (Some(_), None) => past_x86_64(filter, absent),
        (None, Some(_)) => past_x32(filter, absent),
        _ => {}
    }
}

/// Bit 30 tells x32 from x86_64 for the stub; for the filter it is any number from there on. Those with bit 31 alone are
/// x86_64's to the one and x32's to the other; see [`Arch::split`] for which they are here.
const BIT_31_ALONE: std::ops::Range<u32> = 0x4000_0000..0x8000_0000;

/// Only the numbers of x86_64 are looked at. 0xffffffff has bit 30, and goes past.
fn past_x86_64(filter: &mut Filter, absent: Action) {
    let bad_arch = filter.meaning.bad_arch;
    if let Some(rules) = filter.meaning.arches.get_mut(&Arch::X86_64) {
        rules.beyond.insert(u32::MAX, rules.default);
    }
    let rules = filter.meaning.arches.entry(Arch::X32).or_insert_with(|| Rules::new(bad_arch));
    rules.beyond.insert(BIT_31_ALONE.start, absent);
    rules.beyond.insert(BIT_31_ALONE.end, rules.default);
}

/// Only those of x32 are, of which 0xffffffff is one to the stub.
fn past_x32(filter: &mut Filter, absent: Action) {
    if let Some(rules) = filter.meaning.arches.get_mut(&Arch::X86_64) {
        rules.beyond.insert(u32::MAX, absent);
    }
    if let Some(rules) = filter.meaning.arches.get_mut(&Arch::X32) {
        rules.beyond.insert(BIT_31_ALONE.start, rules.default);
        rules.beyond.insert(BIT_31_ALONE.end, absent);
    }
}
