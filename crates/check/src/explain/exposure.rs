//! The attack surface of a meaning: dangerous calls and arguments that it allows, each held against a runtime's default.

use std::cell::OnceCell;

use callgate_core::args::{self, Policy};
use callgate_core::baseline::{Edition, Machine};
use callgate_core::set::{ArgBox, CallSet, Region};
use callgate_core::{Action, Arch, Call, Meaning, group, sysno};

/// Calls that hide from filters what others are refused for, and why that matters, in words that continue the name.
///
/// clone3 takes a `struct clone_args` (`kernel/fork.c`), socketcall an array of arguments (`net/socket.c`): a filter
/// sees their addresses.
const HIDING: [(&str, &str); 2] = [
    ("clone3", "takes its flags from memory, where no filter sees them: namespaces can be made with it"),
    (
        "socketcall",
        "takes arguments from memory, where no filter sees them: conditions on `socket` do not hold for it",
    ),
];

/// Something dangerous that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Through which architecture.
    pub arch: Arch,
    /// The call; `None`: that there are calls through this architecture at all.
    pub call: Option<&'static str>,
    /// Its topic: `@mount`.
    pub group: &'static str,
    /// Why it is dangerous: which constants of arguments, none for the call itself, and words that continue these.
    pub why: Vec<(Vec<&'static str>, String)>,
    /// Whether some of what is dangerous about it is refused.
    pub in_part: bool,
    /// Whether it is not allowed, but left to a listener or a tracer.
    pub asked: bool,
    /// A dangerous call that goes ahead, or is asked about; `None` for an architecture.
    pub example: Option<Call>,
    /// What the runtime's default does with it.
    pub beside: Beside,
}

/// What a default does with something dangerous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beside {
    /// It allows it, too.
    Allows,
    /// It allows it in part.
    InPart,
    /// It refuses it, and would allow it, or some of it, to a container with any one of these capabilities.
    With(Vec<&'static str>),
    /// It refuses it, whatever single capability the container has.
    Refuses,
}

/// What is dangerous about one call.
struct Danger {
    call: &'static str,
    nr: u32,
    /// Constants with their reasons and the arguments they are of; no constant: the call itself.
    parts: Vec<(Option<&'static str>, &'static str, Region)>,
}

/// A default profile, on one machine with some capabilities.
struct Default<'d> {
    edition: &'d Edition,
    machine: &'d Machine,
    allowed: CallSet,
    /// The same with one more capability each, worked out where it is asked for.
    with: OnceCell<Vec<(&'static str, CallSet)>>,
}

/// Everything dangerous that `ours` allows or leaves to be decided, through `arch` and the doors beside it; sorted by
/// topic and name, architectures last. What a door opens is named where `arch` does not open it already.
pub fn exposures(
    ours: &Meaning,
    (arch, doors): (Arch, &[Arch]),
    (edition, machine): (&Edition, &Machine),
) -> Vec<Exposure> {
    let open = CallSet::of(ours, opens);
    let permitted = CallSet::of(ours, Action::permits);
    let default = Default::new(edition, machine);
    let on = |arch| {
        let exposure = |danger: &Danger| exposure(arch, danger, (&open, &permitted), &default);
        dangers(arch).iter().filter_map(exposure).collect::<Vec<_>>()
    };
    let mut found = on(arch);
    found.sort_by_key(|exposure| (exposure.group, exposure.call));
    for door in doors {
        let more = on(*door).into_iter().filter(|new| !found.iter().any(|old| covers(old, new)));
        let more: Vec<Exposure> = more.collect();
        found.extend(entrance(*door, arch, (&open, &permitted), &default));
        found.extend(more);
    }
    found
}

/// Whether the call goes ahead, or somebody outside may let it.
fn opens(action: Action) -> bool {
    action.permits() || matches!(action, Action::Notify | Action::Trace(_))
}

/// Whether everything that is said of one exposure is said of another.
fn covers(old: &Exposure, new: &Exposure) -> bool {
    new.why.iter().all(|reason| old.why.contains(reason)) && (new.in_part || !old.in_part)
}

impl<'d> Default<'d> {
    fn new(edition: &'d Edition, machine: &'d Machine) -> Self {
        let allowed = CallSet::of(&edition.meaning(machine), Action::permits);
        Self { edition, machine, allowed, with: OnceCell::new() }
    }

    fn with(&self) -> &[(&'static str, CallSet)] {
        self.with.get_or_init(|| {
            let caps = self.edition.baseline.deciding_caps().into_iter();
            let missing = caps.filter(|cap| !self.machine.caps.contains(*cap));
            let with = missing.map(|cap| {
                let mut machine = self.machine.clone();
                machine.caps.insert(cap.to_owned());
                (cap, CallSet::of(&self.edition.meaning(&machine), Action::permits))
            });
            with.collect()
        })
    }
}

/// What is dangerous about the calls of an architecture.
fn dangers(arch: Arch) -> Vec<Danger> {
    let of = |entry: &sysno::Entry| {
        let values = args::dangers(arch, entry.name());
        let whole = group::danger(entry.name())
            .or(HIDING.iter().find(|(call, _)| *call == entry.name()).map(|(_, why)| *why));
        // A call of which only some bits are dangerous is not dangerous without them: unshare.
        let by_bits = args::params_on(arch, entry.name()).unwrap_or_default().iter();
        let by_bits = by_bits.clone().any(|param| matches!(param.policy, Some(Policy::RefuseBits(_))));
        let region = |value: &args::Dangerous| -> Region {
            value.values.iter().map(|set| ArgBox::any().with(value.index, *set)).collect()
        };
        let parts: Vec<_> = match whole {
            Some(why) if by_bits && !values.is_empty() => {
                vec![(None, why, values.iter().fold(Region::none(), |all, value| all.union(&region(value))))]
            }
            Some(why) => vec![(None, why, Region::all())],
            None => values.iter().map(|value| (Some(value.name), value.why, region(value))).collect(),
        };
        Danger { call: entry.name(), nr: entry.nr, parts }
    };
    sysno::table(arch).iter().map(of).filter(|danger| !danger.parts.is_empty()).collect()
}

fn exposure(
    arch: Arch,
    danger: &Danger,
    (open, permitted): (&CallSet, &CallSet),
    default: &Default<'_>,
) -> Option<Exposure> {
    let (open, permitted) = (open.region(arch, danger.nr), permitted.region(arch, danger.nr));
    if open.is_empty() {
        return None;
    }
    let met: Vec<_> =
        danger.parts.iter().map(|(name, why, region)| (name, why, open.intersection(region))).collect();
    let in_part = danger.parts.iter().any(|(_, _, region)| !region.is_subset(&open));
    let met: Vec<_> = met.into_iter().filter(|(_, _, region)| !region.is_empty()).collect();
    let all = met.iter().fold(Region::none(), |all, (_, _, region)| all.union(region));
    let example = all.intersection(&permitted).witness();
    Some(Exposure {
        arch,
        call: Some(danger.call),
        group: group::primary(danger.call).unwrap_or("@other"),
        why: reasons(met.iter().map(|(name, why, _)| (**name, **why)).collect()),
        in_part,
        asked: example.is_none(),
        example: Some(Call::new(arch, danger.nr, example.or(all.witness())?)),
        beside: beside(&all, |set| set.region(arch, danger.nr), default),
    })
}

/// Constants with one reason together; those that are dangerous in the same way but for what they name, too.
fn reasons(met: Vec<(Option<&'static str>, &'static str)>) -> Vec<(Vec<&'static str>, String)> {
    let end = |why: &'static str| why.split_once(": ").map_or(why, |(_, end)| end);
    let mut found: Vec<(Vec<&'static str>, &'static str)> = Vec::new();
    for (name, why) in met {
        match found.iter_mut().find(|(_, other)| end(other) == end(why)) {
            Some((names, common)) => {
                names.extend(name);
                *common = if *common == why { why } else { end(why) };
            }
            None => found.push((name.into_iter().collect(), why)),
        }
    }
    found.sort_by_key(|(names, _)| names.len());
    found.into_iter().map(|(names, why)| (names, why.to_owned())).collect()
}

/// The architecture itself, where any of its calls goes ahead.
fn entrance(
    door: Arch,
    native: Arch,
    (open, permitted): (&CallSet, &CallSet),
    default: &Default<'_>,
) -> Option<Exposure> {
    let any = |set: &CallSet| sysno::table(door).iter().any(|entry| !set.region(door, entry.nr).is_empty());
    let why =
        format!("a door of its own into the kernel, through code that a program of {native} does not need");
    let all = |set: &CallSet| if any(set) { Region::all() } else { Region::none() };
    any(open).then(|| Exposure {
        arch: door,
        call: None,
        group: "@other",
        why: vec![(Vec::new(), why)],
        in_part: false,
        asked: !any(permitted),
        example: None,
        beside: beside(&Region::all(), all, default),
    })
}

fn beside(dangerous: &Region, of: impl Fn(&CallSet) -> Region, default: &Default<'_>) -> Beside {
    let allowed = of(&default.allowed);
    if dangerous.is_subset(&allowed) {
        return Beside::Allows;
    }
    if !dangerous.intersection(&allowed).is_empty() {
        return Beside::InPart;
    }
    let opens = |(_, set): &&(&str, CallSet)| !dangerous.intersection(&of(set)).is_empty();
    match default.with().iter().filter(opens).map(|(cap, _)| *cap).collect::<Vec<_>>() {
        caps if caps.is_empty() => Beside::Refuses,
        caps => Beside::With(caps),
    }
}

#[cfg(test)]
mod tests {
    use callgate_core::baseline::{Kernel, named};
    use proptest::prelude::*;

    use super::*;

    fn of(meaning: &Meaning) -> Vec<Exposure> {
        let edition = named("docker").expect("it is there");
        let machine = edition.baseline.machine(Arch::X86_64, Kernel::new(6, 1));
        exposures(meaning, (Arch::X86_64, &[Arch::X86, Arch::X32]), (&edition, &machine))
    }

    fn find<'e>(found: &'e [Exposure], arch: Arch, call: Option<&str>) -> &'e Exposure {
        found.iter().find(|e| (e.arch, e.call) == (arch, call)).expect("it is exposed")
    }

    #[test]
    fn every_family_of_dangers_is_seen_where_all_is_allowed() {
        let found = of(&Meaning::uniform(Arch::ALL, Action::Allow, Action::Allow));
        for call in [
            "unshare",
            "setns",
            "clone",
            "clone3",
            "keyctl",
            "io_uring_setup",
            "ptrace",
            "process_vm_readv",
            "bpf",
            "perf_event_open",
            "ioctl",
            "finit_module",
            "mount",
            "kexec_load",
            "socket",
            "personality",
        ] {
            assert!(!find(&found, Arch::X86_64, Some(call)).in_part, "{call}");
        }
        find(&found, Arch::X86, Some("socketcall"));
        assert_eq!(find(&found, Arch::X32, None).beside, Beside::Allows);
        let ioctl = find(&found, Arch::X86_64, Some("ioctl"));
        let named: Vec<&str> = ioctl.why.iter().flat_map(|(names, _)| names.clone()).collect();
        assert!(named.contains(&"TIOCSTI") && named.contains(&"TIOCLINUX"), "{named:?}");
        let clone = find(&found, Arch::X86_64, Some("clone"));
        assert!(clone.why[0].0 == ["CLONE_NEWUSER"] && clone.why[1].0.len() == 6, "{:?}", clone.why);
        assert_eq!(clone.beside, Beside::With(vec!["CAP_SYS_ADMIN"]));
        // What is open through x86_64 is not told a second time.
        assert!(!found.iter().any(|e| e.arch == Arch::X86 && e.call == Some("ptrace")));
    }

    #[test]
    fn nothing_is_exposed_where_nothing_is_allowed_and_a_listener_counts_as_open() {
        assert_eq!(of(&Meaning::uniform([Arch::X86_64], Action::Errno(1), Action::KillThread)), []);
        let found = of(&Meaning::uniform([Arch::X86_64], Action::Notify, Action::KillThread));
        assert!(found.iter().all(|e| e.asked) && found.iter().any(|e| e.call == Some("bpf")));
    }

    #[test]
    fn a_default_beside_itself_allows_all_that_it_exposes() {
        let edition = named("docker").expect("it is there");
        let machine = edition.baseline.machine(Arch::X86_64, Kernel::new(6, 1));
        let found = of(&edition.meaning(&machine));
        assert!(found.iter().all(|e| e.beside == Beside::Allows), "{found:?}");
        assert!(found.iter().any(|e| e.call == Some("ptrace")));
    }

    proptest! {
        #[test]
        fn a_dangerous_call_that_goes_ahead_is_always_listed(
            cap in proptest::sample::select(callgate_core::capability::NAMES.to_vec()),
            at in any::<proptest::sample::Index>(),
            args in proptest::array::uniform6(prop_oneof![0u64..50, (0u32..64).prop_map(|b| 1 << b), Just(0x5412), any::<u64>()]),
        ) {
            let edition = named("docker").expect("it is there");
            let mut machine = edition.baseline.machine(Arch::X86_64, Kernel::new(6, 1));
            machine.caps.insert(cap.to_owned());
            let meaning = edition.meaning(&machine);
            let found = of(&meaning);
            let calls = dangers(Arch::X86_64);
            let danger = at.get(&calls);
            let call = Call::new(Arch::X86_64, danger.nr, args);
            let dangerous = danger.parts.iter().any(|(_, _, region)| region.contains(&args));
            let listed = found.iter().any(|e| (e.arch, e.call) == (Arch::X86_64, Some(danger.call)));
            if dangerous && meaning.action(&call).permits() {
                prop_assert!(listed, "{}", danger.call);
            }
            for e in &found {
                prop_assert!(e.example.is_none_or(|example| meaning.action(&example).permits()), "{:?}", e);
            }
        }
    }
}
