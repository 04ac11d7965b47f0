//! What libseccomp makes of profiles is proven equal to what we say they mean (rung t2: needs its headers and gcc).
//!
//! It is asked by a small program of ours, and no source of our data. Profiles stay where both define alike: equality and
//! masks, one action per call, whose rules compare the same bits, values of 32 bits where x86 is listed (libseccomp cuts them), no call that it takes
//! through socketcall(2) or ipc(2), no errno 4095. Of registers of x32 it compares the lower halves (`src/arch-x32.c`,
//! `ARCH_SIZE_32`), though the kernel passes them whole: there the meaning is cut before it is compared.
#![expect(clippy::print_stdout, reason = "a skipped rung says why, and what was run is counted")]

mod meanings;
#[path = "libseccomp/simulator.rs"]
mod simulator;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use callgate_bpf::{Program, Proof, emit, prove, prove::equal, run};
use callgate_core::baseline::{self, Kernel};
use callgate_core::express::express;
use callgate_core::meaning::Meaning;
use callgate_core::profile::{Condition, Profile, Rule};
use callgate_core::set::{ArgBox, ArgSet, Op};
use callgate_core::{Action, Arch, pair, profile};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// Calls of all three x86 ABIs, of some, of one, with a number of its own on x32 or not; no multiplexed ones.
const NAMES: [&str; 24] = [
    "read",
    "write",
    "open",
    "openat",
    "mmap",
    "mmap2",
    "clone",
    "ioctl",
    "execve",
    "ptrace",
    "readv",
    "waitpid",
    "_llseek",
    "stat64",
    "personality",
    "arch_prctl",
    "prctl",
    "getpid",
    "umount",
    "umount2",
    "process_vm_readv",
    "rt_sigaction",
    "set_thread_area",
    "fcntl64",
];
const X86: [Arch; 3] = [Arch::X86_64, Arch::X86, Arch::X32];

/// A profile with all that libseccomp is told.
#[derive(Clone, Debug)]
struct Filter {
    profile: Profile,
    bad_arch: Action,
}

impl Filter {
    fn meaning(&self) -> Meaning {
        Meaning { bad_arch: self.bad_arch, ..profile::meaning(&self.profile, Arch::X86_64) }
    }

    /// In the words of `compile.c`.
    fn text(&self, optimise: u8) -> String {
        let default = self.profile.default.action;
        let count = self.profile.architectures.len();
        let mut text =
            format!("filter {:x} {:x} {optimise} {count}\n", default.to_ret(), self.bad_arch.to_ret());
        for rule in self.profile.rules.iter().filter(|r| r.action.action != default) {
            for name in &rule.names {
                let (action, count) = (rule.action.action.to_ret(), rule.conditions.len());
                text.push_str(&format!("rule {action:x} {} {count}", name.text));
                for c in &rule.conditions {
                    // `enum scmp_compare` counts from 1, in our order.
                    text.push_str(&format!(
                        " {} {} {:x} {:x}",
                        c.index,
                        c.op as u8 + 1,
                        c.value,
                        c.value_two
                    ));
                }
                text.push('\n');
            }
        }
        text + "end\n"
    }
}

/// The meaning with x32 as libseccomp has it: only lower halves are compared.
fn cut(mut meaning: Meaning) -> Meaning {
    const LOWER: u64 = 0xffff_ffff;
    let half = |set: &ArgSet| match set.single() {
        Some(value) => ArgSet::masked(LOWER, value & LOWER),
        None => ArgSet::masked(set.mask & LOWER, set.bits & LOWER),
    };
    let clauses = meaning.arches.get_mut(&Arch::X32).into_iter().flat_map(|rules| rules.calls.values_mut());
    for clause in clauses.flatten() {
        clause.args = (0..6).fold(ArgBox::any(), |all, index| all.with(index, half(clause.args.arg(index))));
    }
    meaning
}

/// Traps without data, errnos that libseccomp has (it ends before 4095), and where libseccomp refuses it, no listener.
fn action(can_notify: bool) -> impl Strategy<Value = Action> {
    meanings::action().prop_map(move |action| match action {
        Action::Trap(_) => Action::Trap(0),
        Action::Errno(errno) => Action::Errno(errno.min(4094)),
        Action::Notify if !can_notify => Action::KillProcess,
        other => other,
    })
}

/// Some arguments, each at most once: libseccomp takes no second condition on one.
fn indexes() -> impl Strategy<Value = Vec<u8>> {
    let all = || (0..6u8).collect::<Vec<_>>();
    prop_oneof![3 => subsequence(all(), 1..3), 1 => subsequence(all(), 3..7)]
}

/// The rules of one call, as conditions: none for a call that is always meant, one to five that compare the same
/// arguments for equality, or one mask, and one with any masks.
fn rules(limit: u64) -> impl Strategy<Value = Vec<Vec<Condition>>> {
    let word = move || meanings::word().prop_map(move |value| value & limit);
    let mask = move || word().prop_filter("a mask", |mask| *mask != 0);
    let equal = |(index, value)| Condition { index, op: Op::Eq, value, value_two: 0 };
    let equalities = (indexes(), vec(vec(word(), 6), 1..6)).prop_map(move |(indexes, rules)| {
        let rule = |values| indexes.iter().copied().zip::<Vec<u64>>(values).map(equal).collect();
        rules.into_iter().map(rule).collect()
    });
    let test = (prop::option::of(mask()), word());
    let masks = (indexes(), vec(test, 6)).prop_map(move |(indexes, tests)| {
        let condition = |(index, (mask, value)): (u8, (Option<u64>, u64))| match mask {
            Some(mask) => Condition::masked(index, mask, value),
            None => equal((index, value)),
        };
        vec![indexes.into_iter().zip(tests).map(condition).collect()]
    });
    let values = (0..6u8, mask(), vec(word(), 1..6)).prop_map(|(index, mask, values)| {
        values.into_iter().map(|value| vec![Condition::masked(index, mask, value)]).collect()
    });
    prop_oneof![1 => Just(vec![Vec::new()]), 2 => equalities, 2 => masks, 1 => values]
}

/// Calls with one action each, and one that every ABI has.
fn filter(count: usize) -> impl Strategy<Value = Filter> {
    let limit = if count > 1 { 0xffff_ffff } else { u64::MAX };
    let calls = btree_map(select(NAMES.to_vec()), (action(true), rules(limit)), 0..8);
    (action(false), action(false), calls).prop_map(move |(default, bad_arch, calls)| {
        let everywhere = if default == Action::Allow { Action::Errno(1) } else { Action::Allow };
        let calls = calls.into_iter().chain([("getppid", (everywhere, vec![Vec::new()]))]);
        let rules = calls.flat_map(|(name, (action, rules))| {
            let rule = move |conditions| Rule { conditions, ..Rule::new([name.to_owned()], action) };
            rules.into_iter().map(rule)
        });
        let profile = Profile {
            default: default.into(),
            architectures: X86[..count].iter().copied().map(Into::into).collect(),
            rules: rules.collect(),
            ..Profile::default()
        };
        Filter { profile, bad_arch }
    })
}

/// Why an oracle cannot be asked. Panics when the environment says that it must be there.
fn skip(why: &str) {
    let required = std::env::var("CALLGATE_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|rung| rung.trim() == "t2"), "{why}, but CALLGATE_REQUIRE has t2");
    println!("skipped: {why}");
}

fn is_full() -> bool {
    std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1")
}

/// Our program that asks libseccomp, compiled once; or why there is none.
fn asker() -> Option<&'static Path> {
    static ASKER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let compiled = ASKER.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libseccomp-compile");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/libseccomp/compile.c");
        let mut gcc = Command::new("gcc");
        gcc.args(["-O1", "-o"]).arg(&program).args([source, "-lseccomp"]);
        match gcc.output() {
            Ok(done) if done.status.success() => Ok(program),
            Ok(done) if !String::from_utf8_lossy(&done.stderr).contains("seccomp.h: No such file") => {
                panic!("{}", String::from_utf8_lossy(&done.stderr))
            }
            _ => Err("no gcc, or no seccomp.h (Debian packages `gcc`, `libseccomp-dev`)".to_owned()),
        }
    });
    match compiled {
        Ok(program) => Some(program),
        Err(why) => {
            skip(why);
            None
        }
    }
}

/// What libseccomp makes of these, and the names it does not know.
fn compiled(asker: &Path, name: &str, texts: &[String]) -> (Vec<Program>, Vec<String>) {
    let input = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("libseccomp-{name}"));
    fs::write(&input, texts.concat()).expect("the target directory is ours");
    let done =
        Command::new(asker).stdin(File::open(&input).expect("just written")).output().expect("it starts");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (mut programs, mut unknown) = (Vec::new(), Vec::new());
    for line in String::from_utf8(done.stdout).expect("ASCII").lines() {
        match line.strip_prefix("unknown ") {
            Some(name) => unknown.push(name.to_owned()),
            None => programs.push(program(line)),
        }
    }
    assert_eq!(programs.len(), texts.len());
    (programs, unknown)
}

fn program(digits: &str) -> Program {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal");
    let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
    Program::from_bytes(&bytes).expect("libseccomp writes programs")
}

#[test]
fn libseccomp_makes_programs_that_do_what_the_profile_means() {
    let Some(asker) = asker() else { return };
    let count = if is_full() { 6_000 } else { 600 };
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let mut made = 0;
    for (arches, name) in [(1, "one"), (3, "three")] {
        let strategy = (filter(arches), proptest::array::uniform6(meanings::word()));
        let drawn: Vec<_> =
            (0..count / 2).map(|_| strategy.new_tree(&mut runner).expect("a filter").current()).collect();
        let texts: Vec<_> = drawn.iter().flat_map(|(filter, _)| [filter.text(1), filter.text(2)]).collect();
        let (programs, unknown) = compiled(asker, name, &texts);
        assert!(unknown.is_empty(), "{unknown:?}");
        for ((filter, extra), theirs) in drawn.iter().zip(programs.chunks(2)) {
            let meaning = cut(filter.meaning());
            let ours = emit(&meaning).expect("small profiles fit");
            assert_eq!(prove(&ours, &meaning), Proof::Equal, "{}", filter.text(0));
            let probes = meanings::probes(&meaning, extra);
            for theirs in theirs {
                assert_eq!(prove(theirs, &meaning), Proof::Equal, "{}", filter.text(0));
                for data in &probes {
                    let expected = Ok(meaning.action_of_data(data).to_ret());
                    assert_eq!(run(theirs, data), expected, "{data:x?} {}", filter.text(0));
                }
                made += probes.len();
            }
        }
    }
    println!("{count} profiles, each optimised for size and for speed, {made} probes");
}

/// Docker's default of this repository, as libseccomp would load it on x86_64, without the names it does not know.
fn docker(unknown: &[String], count: usize) -> Filter {
    let baseline = baseline::find("docker").expect("it is there");
    let machine = baseline.machine(Arch::X86_64, Kernel::new(6, 1));
    let mut profile = baseline.newest().rules(&machine).profile();
    profile.architectures = X86.iter().take(count).copied().map(Into::into).collect();
    for rule in &mut profile.rules {
        rule.names.retain(|name| !unknown.contains(&name.text));
    }
    Filter { profile, bad_arch: Action::KillThread }
}

#[test]
fn libseccomp_makes_of_dockers_default_what_we_make_of_it() {
    let Some(asker) = asker() else { return };
    let (_, mut unknown) = compiled(asker, "docker-names", &[docker(&[], 1).text(1)]);
    for count in [2, 3] {
        if count == 3 {
            // On x32 since 6.10; not so in the tables of libseccomp 2.5.
            unknown.push("map_shadow_stack".to_owned());
        }
        let filter = docker(&unknown, count);
        let (programs, _) = compiled(asker, "docker", &[filter.text(1), filter.text(2)]);
        let meaning = filter.meaning();
        let ours = emit(&meaning).expect("it fits");
        assert_eq!(prove(&ours, &meaning), Proof::Equal);
        for theirs in programs {
            // One of its rules is an inequality, so that x32 cannot be cut; nobody there passes upper halves.
            if count == 2 {
                assert_eq!(prove(&theirs, &meaning), Proof::Equal);
                assert_eq!(equal(&ours, &theirs), Proof::Equal);
            }
            for mut data in meanings::probes(&meaning, &[9; 6]) {
                if data.to_call().is_some_and(|call| call.arch == Arch::X32) {
                    data.args = data.args.map(|arg| arg & 0xffff_ffff);
                }
                assert_eq!(run(&theirs, &data), Ok(meaning.action_of_data(&data).to_ret()), "{data:x?}");
            }
        }
        println!(
            "{} calls of x86_64 and {} other architectures; unknown to it: {unknown:?}",
            meaning.arches[&Arch::X86_64].calls.len(),
            count - 1
        );
    }
}

/// What is made of meanings by [`express`], and of two by the strictest action: one condition for each argument, no two
/// rules that hold at once.
#[test]
fn libseccomp_decides_as_meant_about_profiles_that_were_made_of_meanings() {
    let Some(asker) = asker() else { return };
    let count = if is_full() { 4_000 } else { 400 };
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(11), ..Config::default() });
    let mut made: Vec<Filter> = Vec::new();
    for at in 0..count {
        let arches = if at % 2 == 0 { 1 } else { 2 };
        let [one, other] =
            [(); 2].map(|()| filter(arches).new_tree(&mut runner).expect("a filter").current());
        let wanted = match at % 3 {
            0 => pair::combine(&one.meaning(), &other.meaning(), std::cmp::min).expect("they are small"),
            _ => one.meaning(),
        };
        let wanted = Meaning { bad_arch: Action::KillThread, ..wanted };
        let Ok(profile) = express(&wanted, Arch::X86_64) else { continue };
        let plain = |rule: &Rule| rule.conditions.iter().all(|c| matches!(c.op, Op::Eq | Op::MaskedEq));
        if profile.rules.iter().all(plain) && alike(&profile) {
            made.push(Filter { profile, bad_arch: Action::KillThread });
        }
    }
    assert!(made.len() > count / 3, "{} of {count}", made.len());
    let texts: Vec<String> = made.iter().flat_map(|filter| [filter.text(1), filter.text(2)]).collect();
    let (programs, unknown) = compiled(asker, "expressed", &texts);
    assert!(unknown.is_empty(), "{unknown:?}");
    for (filter, theirs) in made.iter().zip(programs.chunks(2)) {
        for theirs in theirs {
            assert_eq!(prove(theirs, &filter.meaning()), Proof::Equal, "{}", filter.text(0));
        }
    }
    println!("{} profiles that were expressed, of {count}", made.len());
}

/// Whether all rules of a call that compare an argument compare the same bits of it: what both define alike.
fn alike(profile: &Profile) -> bool {
    let mut masks: BTreeMap<(&str, u8), BTreeSet<u64>> = BTreeMap::new();
    for (rule, name) in profile.rules.iter().flat_map(|r| r.names.iter().map(move |n| (r, n.text.as_str()))) {
        for c in &rule.conditions {
            let mask = if c.op == Op::Eq { u64::MAX } else { c.value };
            masks.entry((name, c.index)).or_default().insert(mask);
        }
    }
    masks.values().all(|masks| masks.len() == 1)
}
