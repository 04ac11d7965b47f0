//! Which of a call's printed arguments are worth learning, and the registers they are.

use crate::arch::Arch;
use crate::args::{self, Class, Param};

/// One argument to learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its place among the printed arguments.
    pub(super) printed: usize,
    /// Its register.
    pub(super) index: u8,
    /// Its name where strace prints that, in whatever place: clone's.
    pub(super) label: Option<&'static [u8]>,
}

/// The arguments of a call to learn, in printed order.
pub(super) fn of(arch: Arch, call: &str) -> Vec<Wanted> {
    let params = args::params_on(arch, call).unwrap_or_default();
    let learned = |index: usize| params.get(index).is_some_and(|p| p.class != Class::Never);
    let label = |index: usize| {
        // strace prints clone as `child_stack=…, flags=…`, whatever the order of the registers (clone(2)).
        let name = params.get(index).map_or("", |p| p.name);
        (call == "clone" && name == "flags").then_some(&b"flags="[..])
    };
    let mut wanted: Vec<Wanted> = printed(call, params)
        .into_iter()
        .enumerate()
        .filter(|(_, index)| learned(*index))
        .map(|(printed, index)| Wanted { printed, index: index as u8, label: label(index) })
        .collect();
    wanted.sort_by_key(|w| w.printed);
    wanted
}

/// The registers in the order strace prints them: a 64-bit number in two registers is one argument, and so is a hole
/// between registers none.
fn printed(call: &str, params: &[Param]) -> Vec<usize> {
    // Arm passes the advice second, since pairs begin at even registers; strace prints it last, as on every other
    // architecture (strace's `fadvise.c`).
    if call == "arm_fadvise64_64" {
        return vec![0, 2, 4, 1];
    }
    let halves = |a: &str, b: &str| {
        let stem =
            |name: &str| name.strip_suffix("_low").or_else(|| name.strip_suffix("_high")).map(str::len);
        stem(a).is_some()
            && stem(a) == stem(b)
            && a != b
            && a[..stem(a).unwrap_or(0)] == b[..stem(a).unwrap_or(0)]
    };
    let mut order: Vec<usize> = Vec::new();
    for (index, param) in params.iter().enumerate() {
        let second_half = index.checked_sub(1).is_some_and(|i| halves(params[i].name, param.name));
        if !second_half && param.name != "pad" {
            order.push(index);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registers(arch: Arch, call: &str) -> Vec<(usize, u8)> {
        of(arch, call).iter().map(|w| (w.printed, w.index)).collect()
    }

    #[test]
    fn a_number_in_two_registers_is_printed_once() {
        assert_eq!(registers(Arch::X86_64, "preadv2"), [(4, 5)]);
        assert_eq!(registers(Arch::X86, "_llseek"), [(3, 4)]);
        assert_eq!(registers(Arch::X86, "fadvise64_64"), [(3, 5)]);
        assert_eq!(registers(Arch::X86, "sync_file_range"), [(3, 5)]);
        assert_eq!(registers(Arch::X86_64, "sync_file_range"), [(3, 3)]);
        assert_eq!(registers(Arch::Arm, "arm_fadvise64_64"), [(3, 1)]);
        assert_eq!(registers(Arch::X86, "fanotify_mark"), [(1, 1), (2, 2)]);
    }

    #[test]
    fn other_calls_are_printed_as_they_are_passed() {
        assert_eq!(registers(Arch::X86_64, "mmap"), [(2, 2), (3, 3)]);
        assert_eq!(registers(Arch::X86_64, "openat"), [(2, 2), (3, 3)]);
        assert_eq!(registers(Arch::X86_64, "read"), []);
        assert_eq!(registers(Arch::X86_64, "no_such_call"), []);
        assert_eq!(of(Arch::X86_64, "clone")[0].label, Some(&b"flags="[..]));
        assert_eq!(of(Arch::S390x, "clone")[0].index, 1);
    }
}
