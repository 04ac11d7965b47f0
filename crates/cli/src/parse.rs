//! Small values a person writes: durations, actions, lists of calls.

use std::collections::BTreeSet;
use std::time::Duration;

use callgate_core::generate::{ArgsMode, Floors, GenerateError, Options, known_call};
use callgate_core::{Action, Arch, errno, floor, group, suggest};

use crate::cli::{ArgsChoice, GroupBy, Policy};
use crate::exit::Failure;
use crate::input;

/// `90`, `30s`, `10m`, `1h`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, Failure> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let scale = match &text[digits..] {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number: Option<u64> = text[..digits].parse().ok();
    match number.and_then(|n| n.checked_mul(scale)).filter(|ms| *ms > 0) {
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        None => Err(Failure::new(format!("`{text}` is not a duration")).hint("write 30s, 10m or 1h")),
    }
}

/// What `--for` says: how long, and for which container runtimes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Purposes<'w> {
    pub(crate) limit: Option<Duration>,
    pub(crate) runtimes: Option<&'w str>,
}

/// The values of `--for`: one that starts with a digit is a duration; each kind once.
pub(crate) fn purposes(words: &[String]) -> Result<Purposes<'_>, Failure> {
    let mut purposes = Purposes::default();
    for word in words {
        let before = if is_duration(word) {
            purposes.limit.replace(duration(word)?).is_some()
        } else {
            purposes.runtimes.replace(word).is_some()
        };
        if before {
            return Err(Failure::new(format!("--for `{word}`: there is one already"))
                .hint("give at most one duration and one list of runtimes: --for 30s --for runc,crun"));
        }
    }
    Ok(purposes)
}

fn is_duration(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

/// The duration among the values of `--for`, as it was written.
pub(crate) fn limit(words: &[String]) -> Option<&str> {
    words.iter().map(String::as_str).find(|word| is_duration(word))
}

/// A runtime somebody named: `runc`, `runc@1.1`.
pub(crate) fn runtime(text: &str) -> Result<floor::Found, Failure> {
    floor::find(text).map_err(|error| Failure::new(error.to_string()))
}

/// `runc@1.1,crun`: at least one.
pub(crate) fn runtimes(flag: &str, list: &str) -> Result<Vec<floor::Found>, Failure> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    let found = names.map(runtime).collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        let message = format!("{flag} `{list}` names no container runtime");
        return Err(Failure::new(message).hint(format!("name one or several: {flag} runc@1.1,crun")));
    }
    Ok(found)
}

/// Lists of runtimes, each of which names at least one.
pub(crate) fn floors<'l>(
    lists: impl IntoIterator<Item = &'l str>,
    no_new_privs: Option<bool>,
) -> Result<Floors, Failure> {
    let found = lists.into_iter().map(|list| runtimes("--for", list)).collect::<Result<Vec<_>, _>>()?;
    Ok(Floors { runtimes: found.concat(), no_new_privs })
}

/// `errno`, `kill-process`, `errno:EPERM`, `SCMP_ACT_KILL_PROCESS` …
pub(crate) fn action(text: &str) -> Result<Action, Failure> {
    let (name, code) = text.split_once(':').map_or((text, None), |(n, c)| (n, Some(c)));
    let code = match code {
        None => errno::ENOSYS,
        Some(code) => errno::number(code)
            .or_else(|| code.parse().ok().filter(|n| *n <= errno::MAX))
            .ok_or_else(|| Failure::new(format!("unknown errno `{code}`")))?,
    };
    let full = format!("SCMP_ACT_{}", name.to_ascii_uppercase().replace('-', "_"));
    let known = Action::from_oci(name, Some(code)).or_else(|| Action::from_oci(&full, Some(code)));
    match known {
        Some(Action::Notify | Action::Trace(_)) => {
            Err(Failure::new(format!("`{text}` cannot be a default action: it needs a listener or a tracer")))
        }
        Some(Action::Errno(0)) => Err(Failure::new(format!(
            "`{text}` as default action would tell programs that refused calls succeeded"
        ))
        .hint("name an errno: errno:EPERM, or errno for ENOSYS")),
        Some(action) if action.permits() => {
            Err(Failure::new(format!("`{text}` as default action would make a profile that refuses nothing"))
                .hint("to see what a profile would refuse, use: callgate run --stage audit"))
        }
        Some(_) if name.eq_ignore_ascii_case("kill") => Err(Failure::new(
            "`kill` is the old name of kill-thread, which leaves a threaded program hanging",
        )
        .hint("use kill-process, or kill-thread if that is meant")),
        Some(action) => Ok(action),
        None => {
            let near = suggest::nearest(&full, Action::OCI_NAMES);
            let hint = near.map(|n| format!("did you mean `{n}`?"));
            Err(Failure { hint, ..Failure::new(format!("unknown action `{text}`")) })
        }
    }
}

/// A group is never allowed as a whole: what is asked for is to be seen.
fn group(name: &str) -> Failure {
    let failure = Failure::new(format!("--allow takes calls, not groups: `{name}`"));
    match group::expand(name) {
        Some(calls) if calls.len() <= 30 => failure.hint(format!("its calls: {}", calls.join(","))),
        Some(_) => failure.hint(format!("`callgate groups {name}` lists its calls")),
        None => failure.hint("`callgate groups` lists groups and their calls"),
    }
}

/// The policy flags as `generate`'s options.
pub(crate) fn policy(policy: &Policy) -> Result<Options, Failure> {
    let allow: BTreeSet<String> = policy
        .allow
        .iter()
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    for name in &allow {
        if name.starts_with('@') {
            return Err(group(name));
        }
        known_call(name).map_err(|error| {
            let guessed = matches!(error, GenerateError::UnknownCall { near: Some(_), .. });
            let hint = (!guessed).then(|| "`callgate syscalls` lists them".to_owned());
            Failure { hint, ..Failure::new(error.to_string()) }
        })?;
    }
    let args = match policy.args {
        ArgsChoice::Auto => ArgsMode::Auto,
        ArgsChoice::Exact => ArgsMode::Exact,
        ArgsChoice::Off => ArgsMode::Off,
    };
    let default = action(&policy.default_action)?;
    let completion = !policy.no_completion;
    let by_group = policy.group_by == GroupBy::Group;
    Ok(Options { args, default, allow, completion, by_group, ..Options::new(input::native()?) })
}

/// An architecture by name, with a guess.
pub(crate) fn arch(name: &str) -> Result<Arch, Failure> {
    name.parse().map_err(|error: callgate_core::arch::UnknownArch| {
        let known: Vec<&str> = Arch::ALL.iter().map(|a| a.name()).collect();
        let near = suggest::nearest(name, known.iter().copied());
        let hint =
            near.map_or_else(|| format!("known: {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
        Failure::new(error.to_string()).hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("10m").ok(), Some(Duration::from_mins(10)));
        assert_eq!(duration("90").ok(), Some(Duration::from_secs(90)));
        for wrong in ["", "m", "0s", "-1s", "1.5s", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_something_is_for_is_a_time_or_a_runtime() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let both = words(&["30s", "runc@1.1,crun"]);
        let want = Purposes { limit: Some(Duration::from_secs(30)), runtimes: Some("runc@1.1,crun") };
        assert_eq!(purposes(&both).ok(), Some(want));
        assert!(purposes(&words(&["30s", "1h"])).is_err() && purposes(&words(&["runc", "crun"])).is_err());
        assert!(purposes(&words(&["30x"])).is_err());
        let names = |list| {
            floors([list], None).map(|f| f.runtimes.iter().map(floor::Found::label).collect::<Vec<_>>())
        };
        assert_eq!(names("runc@1.1, crun").ok(), Some(vec!["runc@1.1".to_owned(), "crun".to_owned()]));
        assert!(names("").is_err_and(|f| f.message == "--for `` names no container runtime"));
        assert!(names("rnuc").is_err_and(|f| f.message.contains("did you mean `runc`")));
    }

    #[test]
    fn actions_are_named_as_people_name_them() {
        assert_eq!(action("kill-process").ok(), Some(Action::KillProcess));
        assert_eq!(action("errno").ok(), Some(Action::Errno(38)));
        assert_eq!(action("SCMP_ACT_ERRNO:EPERM").ok(), Some(Action::Errno(1)));
        assert!(action("kil-process").is_err_and(|f| f.hint.is_some()));
        assert!(action("notify").is_err());
        assert!(action("errno:0").is_err_and(|f| f.message.contains("succeeded")));
        assert!(action("allow").is_err() && action("SCMP_ACT_LOG").is_err() && action("kill").is_err());
    }
}
