//! Programs of every kind: each is learned and proven under both kinds of default, then held to its profile five times.

pub(super) mod abis;
mod runtimes;
mod servers;
mod tools;

use crate::harness::{Call, Lab, hold_five_times};

/// What a profile does to everything else, of which a program sees little and of which it sees all.
const ACTIONS: [&str; 2] = ["errno", "kill-process"];

/// Learned, proven and held under either default, ending with 0 and with this on stdout; `before` resets state.
fn holds(lab: &Lab, before: &str, command: &[&str], prints: &str) {
    for action in ACTIONS {
        let mut learn = lab.callgate(&format!("learn --force --default-action {action} -o p.json"));
        if !before.is_empty() {
            learn.args(["--before", before]);
        }
        proves(learn.command(command), prints);
        hold_five_times(lab, before, 0, command);
    }
}

/// This learning proves its profile. Where signals made calls fail, it begins again, and the later output is the right one.
fn proves(learn: &Call<'_>, prints: &str) {
    let ended = learn.expect(0).says("proven: p.json");
    let begins_again = ended.stderr.contains("once more");
    let right = if begins_again { ended.stdout.ends_with(prints) } else { ended.stdout == prints };
    assert!(right, "{}\n{}", ended.stdout, ended.stderr);
}
