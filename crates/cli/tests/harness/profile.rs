//! Learning a profile and holding it to its word.

use serde_json::Value;

use super::Lab;

/// Learns `p.json` with these flags, which has to be proven, and runs the command five times under it.
pub(crate) fn learn_and_hold(lab: &Lab, flags: &str, command: &[&str]) {
    lab.callgate("learn --force -o p.json")
        .args(flags.split_whitespace())
        .command(command)
        .expect(0)
        .says("proven: p.json");
    hold_five_times(lab, "", 0, command);
}

/// Runs the command five times under `p.json`: the same status every time, and nothing refused.
///
/// Twice by notification, which names every refusal; three times with the real filter alone.
pub(crate) fn hold_five_times(lab: &Lab, before: &str, status: i32, command: &[&str]) {
    for via in ["notify", "log", "notify", "log", "log"] {
        if !before.is_empty() {
            lab.sh(before).expect(0);
        }
        lab.callgate(&format!("run --profile p.json --stage enforce --via {via}"))
            .command(command)
            .expect(status)
            .never_says("refused:")
            .never_says("SIGSYS");
    }
}

/// The profile without its n-th rule.
pub(crate) fn without_rule(profile: &Value, index: usize) -> String {
    let mut copy = profile.clone();
    copy["syscalls"].as_array_mut().unwrap().remove(index);
    copy.to_string()
}
