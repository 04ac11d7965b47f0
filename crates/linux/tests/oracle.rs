//! The kernel, the simulator and the meaning say the same about random filters (rung t1: needs seccomp, no privileges).
#![expect(clippy::print_stdout, reason = "a skipped rung says why")]

#[path = "../../bpf/tests/meanings/mod.rs"]
mod meanings;
#[path = "../../bpf/tests/profiles/mod.rs"]
mod profiles;

use std::collections::BTreeMap;

use callgate_bpf::{Insn, Program, emit, insn::op, run};
use callgate_core::meaning::{Clause, Meaning, Rules};
use callgate_core::profile;
use callgate_core::set::{ArgBox, ArgSet, Op};
use callgate_core::verdict::verdict;
use callgate_core::{Action, Arch, Call, SeccompData, pair};
use callgate_linux::oracle::{OracleError, UNFILTERED, ask, reachable};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// The ABIs to probe; `None`, with the reason said, where the kernel cannot be asked and nobody insists.
fn arches() -> Option<Vec<Arch>> {
    match reachable() {
        Ok(arches) => Some(arches),
        Err(error) => {
            let required = std::env::var("CALLGATE_REQUIRE").is_ok_and(|rungs| rungs.contains("t1"));
            assert!(!required, "t1 is required, but the kernel cannot be asked: {error}");
            println!("skipped: {error}");
            None
        }
    }
}

fn full() -> bool {
    std::env::var_os("CALLGATE_FULL").is_some_and(|v| v == "1")
}

/// Kernel, simulator and meaning agree on every probe.
fn compare(meaning: &Meaning, probes: &[SeccompData]) {
    let program = emit(meaning).expect("small meanings fit");
    let kernel = ask(&program, probes).expect("the kernel can be asked");
    assert_eq!(kernel.len(), probes.len());
    for (data, kernel) in probes.iter().zip(kernel) {
        let expected = meaning.action_of_data(data);
        assert_eq!(kernel, expected, "kernel: {data:x?}\n{meaning:?}");
        assert_eq!(
            run(&program, data).map(Action::from_ret),
            Ok(expected),
            "simulator: {data:x?}\n{meaning:?}"
        );
    }
}

/// At most `count` of the boundary probes that can be made here, spread over all of them.
fn some_probes(meaning: &Meaning, arches: &[Arch], extra: &[u64; 6], count: usize) -> Vec<SeccompData> {
    let unfiltered = |data: &SeccompData| data.arch == Arch::X86_64.token() && UNFILTERED.contains(&data.nr);
    let callable = |data: &SeccompData| arches.iter().any(|a| a.token() == data.arch) && !unfiltered(data);
    let all: Vec<_> = meanings::probes(meaning, extra).into_iter().filter(callable).collect();
    // A stride without a common factor with the usual counts of values per boundary meets all kinds of them.
    let stride = all.len() / count + 1;
    let mut chosen: Vec<_> = all.iter().step_by(stride).copied().collect();
    chosen.extend(all.iter().skip(stride / 2).step_by(stride).take(count.saturating_sub(chosen.len())));
    chosen
}

#[test]
fn kernel_simulator_and_meaning_agree_on_random_filters() {
    let Some(arches) = arches() else { return };
    let (meanings, each) = if full() { (6_000, 60) } else { (1_000, 24) };
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let strategy = (meanings::meaning(&arches), proptest::array::uniform6(meanings::word()));
    let mut made = 0;
    for _ in 0..meanings {
        let (meaning, extra) = strategy.new_tree(&mut runner).expect("a meaning").current();
        let probes = some_probes(&meaning, &arches, &extra, each);
        assert!(probes.len() >= 20, "{} probes", probes.len());
        compare(&meaning, &probes);
        made += probes.len();
    }
    println!("{meanings} meanings, {made} probes on {arches:?}");
}

#[test]
fn kernel_and_verdict_agree_on_random_profiles() {
    let Some(arches) = arches() else { return };
    let Some(native) = Arch::native() else { return };
    let cases = if full() { 5_000 } else { 500 };
    let config = Config { failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let mut made = 0;
    for _ in 0..cases {
        let profile = profiles::profile().new_tree(&mut runner).expect("a profile").current();
        let meaning = profile::meaning(&profile, native);
        let probes = some_probes(&meaning, &arches, &[3; 6], 40);
        let program = emit(&meaning).expect("small profiles fit");
        let kernel = ask(&program, &probes).expect("the kernel can be asked");
        for (data, kernel) in probes.iter().zip(kernel) {
            let call = data.to_call().expect("probes are of known architectures");
            let expected = verdict(&profile, &call, native).action;
            assert_eq!(kernel, expected, "kernel: {data:x?}\n{profile:?}");
            assert_eq!(
                run(&program, data).map(Action::from_ret),
                Ok(expected),
                "program: {data:x?}\n{profile:?}"
            );
        }
        made += probes.len();
    }
    println!("{cases} profiles, {made} probes on {arches:?}");
}

#[test]
fn every_action_is_told_apart_with_its_data() {
    let Some(arches) = arches() else { return };
    let actions = [
        Action::Allow,
        Action::Log,
        Action::Notify,
        Action::Trace(0),
        Action::Trace(u16::MAX),
        Action::Errno(0),
        Action::Errno(1),
        Action::Errno(4000),
        Action::Errno(4095),
        Action::Trap(0),
        Action::Trap(u16::MAX),
        Action::KillThread,
        Action::KillProcess,
        // Once more: what comes after a fatal verdict is answered too.
        Action::Allow,
    ];
    let calls = actions.iter().enumerate().map(|(nr, a)| (nr as u32, vec![Clause::any(*a)])).collect();
    let rules = Rules { calls, ..Rules::new(Action::Errno(38)) };
    for arch in arches {
        let meaning =
            Meaning { arches: BTreeMap::from([(arch, rules.clone())]), bad_arch: Action::Errno(22) };
        let probes: Vec<_> =
            (0..=actions.len() as u32).map(|nr| Call::new(arch, nr, [0; 6]).to_data()).collect();
        compare(&meaning, &probes);
    }
}

#[test]
fn every_argument_reaches_the_filter_whole() {
    let Some(arches) = arches() else { return };
    let values =
        [0x1122_3344_5566_7788_u64, 0x8877_6655_4433_2211, 0xffff_ffff, 1 << 63, 0x7fff_ffff, 0x8000_0000];
    for arch in arches {
        let call = Call::new(arch, 39, values);
        for index in 0..6 {
            let clauses = vec![Clause {
                args: ArgBox::any().with(index, ArgSet::exactly(call.args[index])),
                action: Action::Errno(100 + index as u16),
            }];
            let rules = Rules { calls: BTreeMap::from([(39, clauses)]), ..Rules::new(Action::Errno(1)) };
            let meaning = Meaning { arches: BTreeMap::from([(arch, rules)]), bad_arch: Action::Errno(2) };
            let mut rotated = values;
            rotated.rotate_left(1);
            compare(&meaning, &[call.to_data(), Call::new(arch, 39, rotated).to_data()]);
        }
    }
}

#[test]
fn the_kernel_compares_as_every_operator_is_defined() {
    let Some(arches) = arches() else { return };
    let (value, two) = (0x1_0000_0003, 0x1_0000_0001);
    for (operator, _) in Op::ALL {
        let clause = |args| Clause { args, action: Action::Allow };
        let clauses = ArgBox::from_conditions(&[(1, operator, value, two)]).into_iter().map(clause).collect();
        let rules = Rules { calls: BTreeMap::from([(7, clauses)]), ..Rules::new(Action::Errno(1)) };
        for arch in &arches {
            let meaning =
                Meaning { arches: BTreeMap::from([(*arch, rules.clone())]), bad_arch: Action::Errno(2) };
            let program = emit(&meaning).expect("fits");
            let calls =
                [0, 1, 3, 1 << 32, two, value, value + 1, u64::MAX].map(|v| Call::new(*arch, 7, [v; 6]));
            let answers = ask(&program, &calls.map(Call::to_data)).expect("the kernel can be asked");
            for (call, answer) in calls.iter().zip(answers) {
                assert_eq!(
                    answer == Action::Allow,
                    operator.holds(call.args[1], value, two),
                    "{operator:?} {call:x?}"
                );
            }
        }
    }
}

#[test]
fn unknown_return_values_kill_as_the_simulators_reading_says() {
    let Some(arches) = arches() else { return };
    let data = Call::new(arches[0], 0, [0; 6]).to_data();
    for ret in [0x0001_0000, 0x1234_0000, 0x7fff_0001, 0x9000_0000, 0x0005_2000, 0x7ffc_0009] {
        let program = Program(vec![Insn::stmt(op::RET_K, ret)]);
        let expected = match Action::from_ret(ret) {
            // The kernel caps it.
            Action::Errno(errno) => Action::Errno(errno.min(4095)),
            action => action,
        };
        assert_eq!(ask(&program, &[data]).expect("the kernel can be asked"), [expected], "{ret:#x}");
    }
}

#[test]
fn the_longest_filter_is_taken_and_probes_of_other_machines_are_not() {
    let Some(arches) = arches() else { return };
    let mut insns = vec![Insn::stmt(op::LD_W_ABS, 0); 4095];
    insns.push(Insn::stmt(op::RET_K, Action::Errno(5).to_ret()));
    let program = Program(insns);
    let data = Call::new(arches[0], 0, [0; 6]).to_data();
    assert_eq!(ask(&program, &[data; 3]).expect("the kernel can be asked"), [Action::Errno(5); 3]);
    let foreign = SeccompData { arch: Arch::S390x.token(), ..data };
    assert!(matches!(ask(&program, &[foreign]), Err(OracleError::Unsupported { .. })));
}

#[test]
fn numbers_that_pass_every_filter_are_not_probed() {
    let program = Program(vec![Insn::stmt(op::RET_K, Action::Errno(5).to_ret())]);
    for nr in UNFILTERED {
        let data = Call::new(Arch::X86_64, nr, [0; 6]).to_data();
        assert!(matches!(ask(&program, &[data]), Err(OracleError::Unfiltered(n)) if n == nr));
    }
}

#[test]
fn nothing_is_executed() {
    let Some(arches) = arches() else { return };
    // Calls that would show at once (signal 0 harms nobody): allowed by the candidate, refused by the marker, so all are answered.
    let program = Program(vec![Insn::stmt(op::RET_K, Action::Allow.to_ret())]);
    for arch in arches {
        let names = ["exit", "exit_group", "clone", "kill", "execve", "seccomp", "rt_sigreturn", "exit"];
        let call = |name| {
            callgate_core::sysno::number(arch, name).map(|nr| Call::new(arch, nr, [u64::MAX, 0, 0, 0, 0, 0]))
        };
        let probes: Vec<_> = names.into_iter().filter_map(call).map(Call::to_data).collect();
        assert!(probes.len() > 5);
        assert_eq!(
            ask(&program, &probes).expect("the kernel can be asked"),
            vec![Action::Allow; probes.len()]
        );
    }
}

#[test]
fn the_kernel_confirms_what_differs_between_profiles_and_what_is_made_of_two() {
    let Some(arches) = arches() else { return };
    let Some(native) = Arch::native() else { return };
    let cases = if full() { 3_000 } else { 300 };
    let config = Config { failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..Config::default() };
    let mut runner = TestRunner::new(config);
    let mut confirmed = 0;
    for _ in 0..cases {
        let [a, b] =
            [(); 2].map(|()| profiles::profile().new_tree(&mut runner).expect("a profile").current());
        let [before, after] = [&a, &b].map(|p| profile::meaning(p, native));
        let found = pair::differences(&before, &after).expect("they are small");
        let unfiltered = |call: &Call| call.arch == Arch::X86_64 && UNFILTERED.contains(&call.nr);
        let reached = |call: &Call| arches.contains(&call.arch) && !unfiltered(call);
        // Two profiles with different defaults differ in every call there is: some of them are enough.
        let calls: Vec<_> = found.iter().filter(|d| reached(&d.witness)).collect();
        let stride = calls.len() / 40 + 1;
        let calls: Vec<_> = calls.into_iter().step_by(stride).collect();
        let probes: Vec<_> = calls.iter().map(|d| d.witness.to_data()).collect();
        let ask = |meaning: &Meaning| {
            let program = emit(meaning).expect("small meanings fit");
            ask(&program, &probes).expect("the kernel can be asked")
        };
        let strictest = pair::combine(&before, &after, std::cmp::min).expect("they are small");
        let answers = [ask(&before), ask(&after), ask(&strictest)];
        for (at, difference) in calls.iter().enumerate() {
            let kernel = [answers[0][at], answers[1][at], answers[2][at]];
            let expected = [difference.before, difference.after, difference.before.min(difference.after)];
            assert_eq!(kernel, expected, "{difference:?}");
            let said = [&a, &b].map(|p| verdict(p, &difference.witness, native).action);
            assert_eq!(said, [difference.before, difference.after], "{difference:?}");
        }
        confirmed += calls.len();
    }
    println!("{cases} pairs of profiles, {confirmed} differences on {arches:?}");
}
