//! How many instructions a program executes.

use callgate_bpf::bitmap::emulate;
use callgate_bpf::insn::{OFFSET_ARCH, op};
use callgate_bpf::{Program, path};
use callgate_core::arch::X32_BIT;
use callgate_core::meaning::{Clause, Rules};
use callgate_core::{Action, Arch, Call, Meaning, SeccompData, sysno};

/// Numbers that are tried beyond every table.
const NUMBERS: u32 = 600;

/// Instructions executed for an input.
pub(crate) fn executed(program: &Program, data: &SeccompData) -> usize {
    // A program that the kernel would not load has no path; ours all have one.
    path(program, data).map_or(0, |path| path.executed.len())
}

/// Per call that arguments decide, the mean over empty arguments and a witness of each clause; the mean of those.
pub(crate) fn checked(program: &Program, meaning: &Meaning, arch: Arch) -> Option<f64> {
    over_checked(meaning, arch, |nr, args| of_call(program, arch, nr, args))
}

/// Of that mean, what comes from the first load of an argument on.
pub(crate) fn arguments(program: &Program, meaning: &Meaning, arch: Arch) -> Option<f64> {
    let is_load = |at: &usize| {
        let insn = program.insns()[*at];
        insn.code == op::LD_W_ABS && insn.k > OFFSET_ARCH
    };
    over_checked(meaning, arch, |nr, args| {
        let executed =
            path(program, &Call::new(arch, nr, args).to_data()).map_or_else(|_| Vec::new(), |p| p.executed);
        let before = executed.iter().position(is_load).unwrap_or(executed.len());
        (executed.len() - before) as f64
    })
}

fn over_checked(meaning: &Meaning, arch: Arch, of: impl Fn(u32, [u64; 6]) -> f64) -> Option<f64> {
    let calls = meaning.arches.get(&arch)?.calls.iter().filter(|(_, clauses)| is_checked(clauses));
    mean(calls.filter_map(|(nr, clauses)| {
        let inputs = std::iter::once([0; 6]).chain(clauses.iter().filter_map(|c| c.args.witness()));
        mean(inputs.map(|args| of(*nr, args)))
    }))
}

/// The mean over numbers of the table that are refused whatever their arguments.
pub(crate) fn denied(program: &Program, meaning: &Meaning, arch: Arch) -> Option<f64> {
    let rules = meaning.arches.get(&arch)?;
    let numbers = sysno::table(arch).iter().map(|entry| entry.nr);
    let denied = numbers.filter(|nr| always(rules, *nr).is_some_and(|action| !action.permits()));
    mean(denied.map(|nr| of_call(program, arch, nr, [0; 6])))
}

/// The mean over calls that are allowed, always or with some arguments; with arguments that are.
pub(crate) fn allowed(program: &Program, meaning: &Meaning, arch: Arch) -> Option<f64> {
    let rules = meaning.arches.get(&arch)?;
    let numbers = sysno::table(arch).iter().map(|entry| entry.nr);
    mean(numbers.filter_map(|nr| match always(rules, nr) {
        Some(action) if action.permits() => Some(of_call(program, arch, nr, [0; 6])),
        Some(_) => None,
        None => {
            let clauses = rules.calls.get(&nr)?.iter().filter(|clause| clause.action.permits());
            let inputs = clauses.filter_map(|clause| clause.args.witness());
            mean(inputs.map(|args| of_call(program, arch, nr, args)))
        }
    }))
}

/// The most instructions executed over all inputs tried: numbers of every listed architecture and of x32, those far out,
/// architectures without rules, and around every clause its witness and near misses.
pub(crate) fn worst(program: &Program, meaning: &Meaning) -> usize {
    let mut inputs: Vec<SeccompData> = Vec::new();
    for arch in Arch::ALL {
        let far = [X32_BIT - 1, X32_BIT, u32::MAX, u32::MAX - 1, 1 << 31];
        let raw = |nr| SeccompData { nr, arch: arch.token(), ..SeccompData::default() };
        inputs.extend(far.map(raw));
        let rules = meaning.arches.get(&arch);
        for nr in 0..NUMBERS {
            let clauses = rules.and_then(|rules| rules.calls.get(&nr)).map_or(&[][..], Vec::as_slice);
            inputs.extend(around(clauses).into_iter().map(|args| Call::new(arch, nr, args).to_data()));
        }
    }
    inputs.push(SeccompData::default());
    inputs.iter().map(|data| executed(program, data)).max().unwrap_or(0)
}

/// Arguments that are in a clause, and next to it; empty and full ones always.
fn around(clauses: &[Clause]) -> Vec<[u64; 6]> {
    let mut found = vec![[0; 6], [u64::MAX; 6]];
    for witness in clauses.iter().filter_map(|clause| clause.args.witness()) {
        found.push(witness);
        for (index, arg) in witness.into_iter().enumerate() {
            let (high, top) = (arg ^ 1 << 32, arg ^ 1 << 63);
            for near in [arg.wrapping_add(1), arg.wrapping_sub(1), high, top, 0, u64::MAX] {
                let mut args = witness;
                args[index] = near;
                found.push(args);
            }
        }
    }
    found
}

/// Instructions the kernel goes through when a filter is installed: it emulates it for every number of the native and the
/// compatible architecture, as long as only number and architecture are looked at (`kernel/seccomp.c`,
/// `seccomp_cache_prepare_bitmap`).
pub(crate) fn emulated(program: &Program, arches: &[Arch]) -> usize {
    let of = |arch: &Arch| {
        let size = sysno::table(*arch).iter().map(|entry| entry.nr + 1).max().unwrap_or(0);
        (0..size).map(|nr| emulate(program, arch.token(), nr).executed).sum::<usize>()
    };
    arches.iter().map(of).sum()
}

fn of_call(program: &Program, arch: Arch, nr: u32, args: [u64; 6]) -> f64 {
    executed(program, &Call::new(arch, nr, args).to_data()) as f64
}

fn is_checked(clauses: &[Clause]) -> bool {
    clauses.iter().any(|clause| !clause.args.is_any())
}

/// What happens to a number whatever its arguments; nothing if they decide.
pub(crate) fn always(rules: &Rules, nr: u32) -> Option<Action> {
    match rules.calls.get(&nr) {
        None => Some(rules.otherwise(nr)),
        Some(clauses) if is_checked(clauses) => None,
        Some(clauses) => Some(clauses.first().map_or_else(|| rules.otherwise(nr), |clause| clause.action)),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use callgate_bpf::emit;
    use callgate_core::set::{ArgBox, Op};

    use super::*;

    fn meaning() -> Meaning {
        let mut meaning = Meaning::uniform([Arch::Aarch64], Action::Errno(1), Action::KillThread);
        let args = ArgBox::from_conditions(&[(1, Op::MaskedEq, 0xffff_ffff, 7)]).remove(0);
        let rules = meaning.arches.values_mut().next().unwrap();
        rules.calls.insert(5, vec![Clause { args, action: Action::Allow }]);
        meaning
    }

    #[test]
    fn ways_are_counted_by_what_decides() {
        let (meaning, program) = (meaning(), emit(&meaning()).unwrap());
        // Architecture, number, return: five; for the call a load and a comparison more.
        assert_eq!(checked(&program, &meaning, Arch::Aarch64), Some(7.0));
        assert_eq!(allowed(&program, &meaning, Arch::Aarch64), Some(7.0));
        assert_eq!(denied(&program, &meaning, Arch::Aarch64), Some(5.0));
        assert_eq!(worst(&program, &meaning), 7);
        assert_eq!(checked(&program, &meaning, Arch::X86), None);
    }

    #[test]
    fn the_kernel_stops_at_the_first_argument() {
        let program = emit(&meaning()).unwrap();
        // Up to the return, or up to the comparison of the number and the load that it cannot do.
        let numbers = sysno::table(Arch::Aarch64).iter().map(|entry| entry.nr as usize + 1).max().unwrap();
        assert_eq!(emulated(&program, &[Arch::Aarch64]), 5 * numbers);
    }
}
