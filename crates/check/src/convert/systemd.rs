//! systemd's `SystemCallFilter=`, `SystemCallErrorNumber=` and `SystemCallArchitectures=` (systemd.exec(5), "System Call
//! Filtering").
//!
//! The first line decides whether it is a list of what is allowed, in which the set `@default` always is, or of what is
//! denied; later lines of the other kind take away again. A denied call ends the process, unless it or
//! `SystemCallErrorNumber=` has an errno. Only lines of denied calls give errnos to single calls (`src/shared/seccomp-util.c`,
//! `seccomp_parse_syscall_filter`).

use std::collections::{BTreeMap, BTreeSet};

use callgate_core::profile::{Profile, Rule};
use callgate_core::{Action, Arch, Diagnostic, errno, suggest, sysno};

use super::table::SETS;
use super::{Lost, Otherwise, Written, allowed};

/// Names per line.
const PER_LINE: usize = 12;

/// Architectures by systemd's names.
const ARCHES: [(&str, Arch); 9] = [
    ("x86-64", Arch::X86_64),
    ("x86", Arch::X86),
    ("x32", Arch::X32),
    ("arm64", Arch::Aarch64),
    ("arm", Arch::Arm),
    ("riscv64", Arch::Riscv64),
    ("s390x", Arch::S390x),
    ("ppc64-le", Arch::Ppc64le),
    ("loongarch64", Arch::Loongarch64),
];

/// The calls of a set, those of sets within it, too; names that no table has are left out.
pub fn set(name: &str) -> Option<BTreeSet<&'static str>> {
    if name == "@known" {
        return Some(sysno::names().iter().copied().collect());
    }
    let at = SETS.binary_search_by_key(&name, |(name, ..)| name).ok()?;
    let (_, calls, sets) = SETS[at];
    let mut found: BTreeSet<&str> = calls.iter().copied().filter(|call| sysno::is_known(call)).collect();
    sets.iter().filter_map(|inner| set(inner)).for_each(|inner| found.extend(inner));
    Some(found)
}

pub(super) fn write(profile: &Profile, otherwise: Otherwise) -> Written {
    let mut lost = Vec::new();
    let mut out = architectures(profile, &mut lost);
    let default = profile.default.action;
    match default {
        Action::Errno(0) => lost.push(Lost::fatal(0, "calls that are refused with success (errno 0)")),
        Action::Errno(number) => out.push(format!("SystemCallErrorNumber={}", errno_name(number))),
        Action::KillProcess | Action::Allow => {}
        Action::KillThread | Action::Trap(_) => {
            lost.push(Lost::new(0, format!("defaultAction ({default}): the whole process is ended")));
        }
        Action::Log => lost.push(Lost::new(0, "defaultAction (allow + log): nothing is logged")),
        Action::Notify | Action::Trace(_) => {
            lost.push(Lost::fatal(0, format!("defaultAction ({default}), which systemd has not")));
        }
    }
    if default.permits() {
        denied(profile, &mut out, &mut lost);
    } else {
        let (names, more) = allowed(profile, otherwise);
        lost.extend(more);
        let other = |r: &&Rule| !r.action.action.permits() && r.action.action != default;
        for rule in profile.rules.iter().filter(other) {
            let (calls, was) = (super::calls(rule), rule.action.action);
            let message = format!("{calls}: refused with {was}, now with {default} as all others");
            lost.push(Lost::new(rule.line, message));
        }
        allow_list(&names, &mut out);
    }
    if !profile.flags.is_empty() {
        lost.push(Lost::new(0, format!("flags ({})", profile.flags.join(", "))));
    }
    Written { text: out.join("\n") + "\n", lost }
}

fn architectures(profile: &Profile, lost: &mut Vec<Lost>) -> Vec<String> {
    let name = |name: &str, arch: Option<Arch>| {
        ARCHES
            .iter()
            .find(|(_, known)| Some(*known) == arch)
            .map(|(theirs, _)| (*theirs).to_owned())
            .ok_or(name.to_owned())
    };
    let mut names = Vec::new();
    for arch in &profile.architectures {
        match name(&arch.name, arch.arch) {
            Ok(theirs) => names.push(theirs),
            Err(ours) => lost.push(Lost::new(0, format!("architecture {ours}: it is not judged here"))),
        }
    }
    let names = if names.is_empty() { "native".to_owned() } else { names.join(" ") };
    vec![format!("SystemCallArchitectures={names}")]
}

fn errno_name(number: u16) -> String {
    errno::name(number).map_or_else(|| number.to_string(), str::to_owned)
}

/// Sets that hold nothing else, the largest first, then single calls; what is always allowed and is not to be is taken
/// away.
fn allow_list(names: &[String], out: &mut Vec<String>) {
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let always = set("@default").unwrap_or_default();
    let mut left: BTreeSet<&str> = wanted.difference(&always).copied().collect();
    let mut words = Vec::new();
    let mut sets: Vec<(&str, BTreeSet<&str>)> = SETS
        .iter()
        .filter_map(|(name, ..)| Some((*name, set(name)?)))
        .filter(|(name, _)| *name != "@default")
        .collect();
    sets.sort_by_key(|(name, calls)| (std::cmp::Reverse(calls.len()), *name));
    for (name, calls) in sets {
        let new = calls.intersection(&left).count();
        if new > 1 && calls.iter().all(|call| wanted.contains(call)) {
            words.push(name);
            left = left.difference(&calls).copied().collect();
        }
    }
    words.sort_unstable();
    words.extend(left);
    // An allow list needs a first line, and this one says nothing.
    if words.is_empty() {
        words.push("@default");
    }
    lines(&words, "", out);
    let refused: Vec<&str> = always.iter().copied().filter(|call| !wanted.contains(call)).collect();
    if !refused.is_empty() {
        out.push("# What systemd allows by itself (@default) and the profile refuses:".to_owned());
    }
    lines(&refused, "~", out);
}

fn lines(words: &[&str], sign: &str, out: &mut Vec<String>) {
    out.extend(words.chunks(PER_LINE).map(|words| format!("SystemCallFilter={sign}{}", words.join(" "))));
}

/// A list of what is denied, each with its errno.
fn denied(profile: &Profile, out: &mut Vec<String>, lost: &mut Vec<Lost>) {
    let mut words: Vec<String> = Vec::new();
    let unconditional = super::unconditional(profile);
    for rule in profile.rules.iter().filter(|rule| !rule.action.action.permits()) {
        if !rule.conditions.is_empty() {
            // Without it something is allowed that was not; with all arguments something is refused that was not.
            let message = format!("{}: refused for some arguments only", super::calls(rule));
            lost.push(Lost::fatal(rule.line, message));
        }
        let suffix = match rule.action.action {
            Action::KillProcess => String::new(),
            Action::Errno(0) | Action::Notify | Action::Trace(_) => {
                let message =
                    format!("{}: {}, which systemd has not", super::calls(rule), rule.action.action);
                lost.push(Lost::fatal(rule.line, message));
                String::new()
            }
            Action::Errno(number) => format!(":{}", errno_name(number)),
            other => {
                let message = format!("{}: {other}: the whole process is ended", super::calls(rule));
                lost.push(Lost::new(rule.line, message));
                String::new()
            }
        };
        let decides = |name: &&str| unconditional.get(name).is_none_or(|first| std::ptr::eq(*first, rule));
        let names = rule.names.iter().map(|name| name.text.as_str()).filter(decides);
        words.extend(names.map(|name| format!("{name}{suffix}")));
    }
    words.sort();
    words.dedup();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    lines(&words, "~", out);
}

/// What the lines of a unit say, in the making.
#[derive(Default)]
struct Reader {
    /// Whether it is a list of what is allowed; `None`: there was no line yet.
    allows: Option<bool>,
    /// Calls of the list, with the refusal of their own.
    calls: BTreeMap<&'static str, Option<Action>>,
    errno: Option<u16>,
    arches: Vec<Arch>,
    notes: Vec<Diagnostic>,
}

pub(super) fn read(text: &str, native: Arch) -> Result<(Profile, Vec<Diagnostic>), String> {
    let mut reader = Reader::default();
    let lines = logical(text);
    for (at, line) in &lines {
        let (key, value) = match line.split_once('=') {
            Some(parts) => parts,
            None if lines.len() == 1 => ("SystemCallFilter", line.as_str()),
            None => {
                let message = format!("line {at}: there is no `=` in it; systemd skips it, too");
                reader.notes.push(Diagnostic::warning("no-assignment", message));
                continue;
            }
        };
        let said = match key.trim() {
            "SystemCallFilter" => reader.filter(value.trim(), *at),
            "SystemCallErrorNumber" => reader.error_number(value.trim()),
            "SystemCallArchitectures" => reader.architectures(value.trim(), native),
            other => {
                reader.passed_over(other, value.trim(), *at);
                Ok(())
            }
        };
        said.map_err(|message| format!("line {at}: {message}"))?;
    }
    reader.profile(native)
}

/// The lines of a unit, each with the number of its first: one that ends in a backslash goes on in the next, and comments
/// between them do not end it (systemd.syntax(7)). Read otherwise, what goes on after `~` would be allowed.
fn logical(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let backslashes = line.len() - line.trim_end_matches('\\').len();
        let more = backslashes % 2 == 1;
        let part = if more { &line[..line.len() - 1] } else { line };
        match lines.last_mut().filter(|_| goes_on) {
            Some((_, whole)) => {
                whole.push(' ');
                whole.push_str(part);
            }
            None => lines.push((at + 1, part.to_owned())),
        }
        goes_on = more;
    }
    lines.retain(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('['));
    lines
}

/// Other settings of a unit that refuse calls (systemd.exec(5); `DynamicUser=` implies `RestrictSUIDSGID=`): a profile without what they refuse allows more.
const RESTRICTING: [&str; 13] = [
    "DynamicUser",
    "LockPersonality",
    "MemoryDenyWriteExecute",
    "PrivateDevices",
    "ProtectClock",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
];

impl Reader {
    /// A setting that is not converted: an error where it refuses calls, or looks as if it were to.
    fn passed_over(&mut self, key: &str, value: &str, line: usize) {
        let off = ["", "no", "false", "0", "off"].contains(&value);
        if RESTRICTING.contains(&key) && !off {
            let message = format!(
                "line {line}: {key}= refuses calls, too, and is not converted: the result allows more"
            );
            self.notes.push(Diagnostic::error("not-converted", message));
        } else if key.starts_with("SystemCall") && key != "SystemCallLog" {
            let near = suggest::nearest(
                key,
                ["SystemCallFilter", "SystemCallErrorNumber", "SystemCallArchitectures"],
            );
            let guess = near.map(|near| format!("; did you mean {near}=?")).unwrap_or_default();
            let message = format!("line {line}: systemd has no setting {key}={guess}");
            self.notes.push(Diagnostic::error("not-converted", message));
        }
    }

    fn filter(&mut self, value: &str, line: usize) -> Result<(), String> {
        if value.is_empty() {
            (self.allows, self.calls) = (None, BTreeMap::new());
            return Ok(());
        }
        let (words, inverted) = value.strip_prefix('~').map_or((value, false), |rest| (rest, true));
        if self.allows.is_none() {
            self.allows = Some(!inverted);
            if !inverted {
                self.calls.extend(set("@default").unwrap_or_default().into_iter().map(|call| (call, None)));
            }
        }
        let adds = self.allows == Some(!inverted);
        for word in words.split_whitespace() {
            let (name, suffix) =
                word.split_once(':').map_or((word, None), |(name, errno)| (name, Some(errno)));
            let refusal = suffix.map(refusal).transpose()?;
            if refusal.is_some() && !inverted {
                return Err(format!("`{word}`: only a line that begins with `~` gives errnos to calls"));
            }
            for call in self.named(name, line)? {
                if adds || refusal.is_some() {
                    self.calls.insert(call, refusal);
                } else {
                    self.calls.remove(call);
                }
            }
        }
        Ok(())
    }

    fn named(&mut self, name: &str, line: usize) -> Result<BTreeSet<&'static str>, String> {
        if name.starts_with('@') {
            return set(name).ok_or_else(|| format!("there is no set `{name}`"));
        }
        let known = sysno::canonical(name);
        if known.is_none() {
            let message = format!("line {line}: there is no system call `{name}`; systemd skips it, too");
            self.notes.push(Diagnostic::warning("unknown-call", message));
        }
        Ok(known.into_iter().collect())
    }

    fn error_number(&mut self, value: &str) -> Result<(), String> {
        self.errno = if value.is_empty() || value == "kill" { None } else { Some(number(value)?) };
        Ok(())
    }

    fn architectures(&mut self, value: &str, native: Arch) -> Result<(), String> {
        if value.is_empty() {
            self.arches.clear();
        }
        for word in value.split_whitespace() {
            let known = ARCHES.iter().find(|(name, _)| *name == word).map(|(_, arch)| *arch);
            let arch = if word == "native" { Some(native) } else { known };
            self.arches.push(arch.ok_or_else(|| format!("there is no table of architecture `{word}`"))?);
        }
        Ok(())
    }

    fn profile(mut self, native: Arch) -> Result<(Profile, Vec<Diagnostic>), String> {
        let Some(allows) = self.allows else {
            // A misspelt key may be why.
            let why = self.notes.first().map(|note| format!(": {}", note.message)).unwrap_or_default();
            return Err(format!("there is no SystemCallFilter= in it{why}"));
        };
        let refusal = self.errno.map_or(Action::KillProcess, Action::Errno);
        if self.arches.is_empty() {
            // Without a line every ABI of the machine is filtered by the same names.
            self.arches = std::iter::once(native).chain(native.companions().iter().copied()).collect();
        }
        let mut by_action: BTreeMap<Action, Vec<String>> = BTreeMap::new();
        for (call, own) in &self.calls {
            let action = own.unwrap_or(if allows { Action::Allow } else { refusal });
            by_action.entry(action).or_default().push((*call).to_owned());
        }
        let profile = Profile {
            default: if allows { refusal } else { Action::Allow }.into(),
            architectures: self.arches.iter().map(|arch| (*arch).into()).collect(),
            rules: by_action.into_iter().map(|(action, names)| Rule::new(names, action)).collect(),
            ..Profile::default()
        };
        Ok((profile, self.notes))
    }
}

/// What `:` after a call says; `kill` stands whatever `SystemCallErrorNumber=` says.
fn refusal(suffix: &str) -> Result<Action, String> {
    if suffix == "kill" { Ok(Action::KillProcess) } else { number(suffix).map(Action::Errno) }
}

fn number(text: &str) -> Result<u16, String> {
    let digits = text.parse().ok().filter(|number| *number > 0 && *number <= errno::MAX);
    errno::number(text).or(digits).ok_or_else(|| format!("`{text}` is no errno"))
}
