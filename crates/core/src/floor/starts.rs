//! Whether a container starts under a profile: its floor held against what the profile says.

use std::collections::BTreeSet;

use crate::action::Action;
use crate::arch::Arch;
use crate::errno::{ENOSYS, EPERM};
use crate::floor::{Class, Found, Need, Way};
use crate::generate;
use crate::meaning::{Meaning, Rules};
use crate::profile::{self, Profile};
use crate::set::{ArgBox, CallSet, Region};
use crate::sysno;

/// The runtime that answers calls it takes for too new before the filter does.
const STUBBED: &str = "runc";

/// What becomes of a call of the floor that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is refused whatever its arguments.
    Whole(Action),
    /// It is refused for some of the arguments that a runtime may use.
    SomeArguments(Action),
}

impl Refusal {
    /// What happens to the call.
    pub fn action(self) -> Action {
        match self {
            Self::Whole(action) | Self::SomeArguments(action) => action,
        }
    }
}

/// A call of the floor that the profile does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The call.
    pub name: &'static str,
    /// What the runtime makes of its refusal.
    pub need: Need,
    /// What the profile makes of the call.
    pub refusal: Refusal,
    /// Whether nothing, or not always something, starts without it.
    pub fatal: bool,
}

/// A profile with what it means, worked out once for all floors that are held against it.
#[derive(Clone, Copy, Debug)]
pub struct Held<'h> {
    /// The profile.
    pub profile: &'h Profile,
    /// Its raw OCI meaning on the machine's own architecture, whatever else is in there.
    pub meaning: &'h Meaning,
    /// The machine's own architecture.
    pub native: Arch,
}

/// The calls of the floor that the profile does not allow, sorted; a container starts if none of them is fatal.
///
/// A call is there if the profile allows it for all arguments but those that [`crate::generate`] itself would leave out
/// of a rule about a call it has not seen, such as `TIOCSTI` of ioctl: no runtime uses these.
pub fn starts(
    profile: &Profile,
    native: Arch,
    found: &Found,
    way: Way,
    no_new_privs: Option<bool>,
) -> Vec<Missing> {
    let meaning = profile::meaning_on(profile, [native]);
    let held = Held { profile, meaning: &meaning, native };
    held.lacks(found, way, no_new_privs)
}

impl Held<'_> {
    /// The same as [`starts`].
    pub fn lacks(&self, found: &Found, way: Way, no_new_privs: Option<bool>) -> Vec<Missing> {
        let native = self.native;
        // Measured on x86_64; what another architecture does not have is not called there.
        let ways = [way];
        let names: BTreeSet<&'static str> = found.names(&ways, no_new_privs).map(|(name, _)| name).collect();
        let numbered = names.into_iter();
        let numbered = numbered.filter_map(|name| Some((name, sysno::number(native, name)?)));
        let open = |(name, nr): &(&'static str, u32)| {
            let region = self.permitted(*nr);
            !region.is_all() && !form(native, name).is_subset(&region)
        };
        let refused: Vec<(&'static str, u32)> = numbered.filter(open).collect();
        if refused.is_empty() {
            return Vec::new();
        }
        let is_refused = |name: &str| refused.iter().any(|(other, _)| *other == name);
        let needs = found.needs_of(&[way], no_new_privs, is_refused);
        let missing =
            refused.into_iter().filter_map(|call| Some(self.missing(call, needs.get(call.0)?, found)));
        missing.collect()
    }

    /// The arguments with which a call goes ahead.
    fn permitted(&self, nr: u32) -> Region {
        CallSet::region_where(self.meaning, self.native, nr, Action::permits)
    }

    fn missing(&self, (name, nr): (&'static str, u32), need: &Need, found: &Found) -> Missing {
        let (native, default) = (self.native, self.profile.default.action);
        let region = self.permitted(nr);
        let form = form(native, name);
        let stubbed = found.runtime == STUBBED && stub(default);
        let newest = newest_named(self.profile, native).filter(|_| stubbed);
        let action = match form.difference(&region).witness() {
            _ if newest.is_some_and(|newest| nr > newest) => Action::Errno(ENOSYS),
            Some(args) => action(self.meaning, native, nr, &args),
            None => default,
        };
        let whole = form.intersection(&region).is_empty();
        let refusal = if whole { Refusal::Whole(action) } else { Refusal::SomeArguments(action) };
        let fatal = is_fatal(need, action, default);
        Missing { name, need: need.clone(), refusal, fatal }
    }
}

/// runc answers ENOSYS for numbers above all that the profile names, unless its default lets calls go ahead or a tracer
/// decide (`libcontainer/seccomp/patchbpf/enosys_linux.go`).
fn stub(default: Action) -> bool {
    !matches!(default, Action::Allow | Action::Log | Action::Trace(_))
}

fn newest_named(profile: &Profile, native: Arch) -> Option<u32> {
    let names = profile.rules.iter().flat_map(|rule| &rule.names);
    names.filter_map(|name| sysno::number(native, &name.text)).max()
}

/// The arguments that a rule about an unseen call allows.
fn form(arch: Arch, name: &str) -> Region {
    let boxes = generate::form(arch, name).into_iter().flat_map(|conditions| {
        let conditions: Vec<_> =
            conditions.iter().map(|c| (usize::from(c.index), c.op, c.value, c.value_two)).collect();
        ArgBox::from_conditions(&conditions)
    });
    boxes.fold(Region::none(), |all, b| all.union(&Region::from(b)))
}

fn action(meaning: &Meaning, arch: Arch, nr: u32, args: &[u64; 6]) -> Action {
    let decided = |rules: &Rules| {
        let clause = rules.calls.get(&nr).and_then(|clauses| clauses.iter().find(|c| c.args.contains(args)));
        clause.map_or(rules.default, |clause| clause.action)
    };
    meaning.arches.get(&arch).map_or(meaning.bad_arch, decided)
}

fn is_fatal(need: &Need, action: Action, default: Action) -> bool {
    // Without a tracer the kernel answers ENOSYS for RET_TRACE (seccomp(2)); what a listener answers, nobody knows.
    let errno = match action {
        Action::Errno(errno) => Some(errno),
        Action::Trace(_) => Some(ENOSYS),
        _ => None,
    };
    match need.class {
        Class::Required => true,
        // What nobody saw in hundreds of runs is told, and is no reason to say that nothing starts.
        Class::Asynchronous => need.measured,
        Class::OnlyEperm => errno != Some(EPERM),
        // Told ENOSYS, a runtime tries an older call, which is not in its floor: Go's faccessat2 becomes faccessat.
        Class::Tolerated => match errno {
            Some(ENOSYS) => !default.permits() && !matches!(default, Action::Errno(_) | Action::Trace(_)),
            other => other.is_none(),
        },
    }
}
