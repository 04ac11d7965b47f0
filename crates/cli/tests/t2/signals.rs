//! Programs that live on signals, and programs whose course depends on who is faster.

use crate::harness::{Lab, hold_five_times};

/// Fails when a call is interrupted that is never interrupted by itself.
const TIMER: &str = "
import os, signal, sys
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, .005, .005)
bad = 0
for i in range(int(sys.argv[1])):
    try: os.stat('/')
    except InterruptedError: bad += 1
signal.setitimer(signal.ITIMER_REAL, 0)
print('disturbed' if bad else 'undisturbed')
sys.exit(bad > 0)
";

/// Ends its workers by kill(2), unless they were faster.
const POOL: &str = "
from multiprocessing import Pool
if __name__ == '__main__':
    with Pool(2) as p: print(p.map(abs, [-1, 2]))
";

#[test]
fn a_program_that_signals_interrupt_is_learned_by_a_tracer_which_makes_no_call_fail() {
    let Some(lab) = Lab::nobody_with("t2", &["python3"]) else { return };
    lab.write("timer.py", TIMER);
    let command = ["python3", "timer.py", "30000"];
    lab.program("python3").args(&command[1..]).expect(0);
    for backend in ["trace", "ptrace"] {
        lab.callgate(&format!("record --force --backend {backend} -o t")).command(&command).expect(0);
    }
    // Whether a signal comes in the wrong moment is a matter of luck; with thousands of moments it does.
    let learned = lab.callgate("learn -o p.json").command(&command).expect(0).says("EINTR").says("proven:");
    assert_eq!(learned.stdout, "disturbed\nundisturbed\n", "of both attempts; the later one is right");
    hold_five_times(&lab, "", 0, &command);
    lab.callgate("record --force -o t").command(&command).run().says("--backend trace");
    let notes = lab.json("t")["recordings"][0]["notes"].to_string();
    assert!(notes.contains("EINTR"), "{notes}");
}

#[test]
fn a_pool_of_processes_is_proven_every_time() {
    let Some(lab) = Lab::nobody_with("t2", &["python3"]) else { return };
    lab.write("pool.py", POOL);
    for _ in 0..5 {
        lab.callgate("learn --force -o p.json").command(&["python3", "pool.py"]).expect(0).says("proven:");
    }
    hold_five_times(&lab, "", 0, &["python3", "pool.py"]);
}
