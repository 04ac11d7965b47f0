//! Loaded filters, asked for by nobody in particular.

use std::process::Command;

use crate::harness::{Lab, until};

#[test]
fn without_privilege_proc_is_shown_and_what_reading_takes_is_said() {
    let Some(lab) = Lab::nobody() else { return };
    lab.write("p.json", r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}]}"#);
    let running = lab
        .callgate("run --profile p.json --stage enforce --via log")
        .script("echo $$; exec sleep 60 </dev/null")
        .start();
    until("it says its number", || running.stdout().ends_with('\n'));
    let pid = running.stdout().trim().to_owned();
    lab.callgate(&format!("inspect {pid}"))
        .expect(2)
        .shows("filtered, no_new_privs")
        .shows("filter, not read")
        .says("that takes CAP_SYS_ADMIN")
        .says("inspect as root");
    let all = lab.callgate("inspect --all --format json").expect(2).says("CAP_SYS_ADMIN").json();
    let processes = all["processes"].as_array().unwrap();
    let found = processes.iter().find(|p| p["pid"].as_u64() == pid.parse().ok()).unwrap();
    assert_eq!((&found["mode"], &found["chains"]), (&"filter".into(), &serde_json::Value::Null));
    assert!(found["filter_count"].as_u64().unwrap() >= 1, "{found}");
    lab.callgate("inspect --all").expect(2).shows("not read").shows(&format!("[{pid}]"));
    // What has no filter takes no privilege.
    let free = lab.callgate("inspect --format json").arg("1").run();
    assert!(free.code() == 0 || free.stderr.contains("CAP_SYS_ADMIN"), "{}", free.stderr);
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    running.end().expect(143);
}

#[test]
fn what_is_no_process_with_filters_is_called_what_it_is() {
    let Some(lab) = Lab::nobody() else { return };
    lab.callgate("inspect 2147483647").expect(2).says("there is no process 2147483647");
    lab.callgate("inspect 0").expect(2).says("0");
    lab.callgate("inspect").expect(2);
    lab.callgate("inspect 1 --all").expect(2);
    let mut zombie = Command::new("true").spawn().unwrap();
    until("it has ended", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", zombie.id())).unwrap();
        status.contains("State:\tZ")
    });
    lab.callgate(&format!("inspect {}", zombie.id())).expect(2).says("it only waits for its parent");
    zombie.wait().unwrap();
    if std::fs::read_to_string("/proc/2/comm").is_ok_and(|comm| comm == "kthreadd\n") {
        lab.callgate("inspect 2").expect(2).says("a thread of the kernel");
    }
}
