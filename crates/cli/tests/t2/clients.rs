//! Clients: curl over what was and was not exercised, git with state to reset.

use crate::harness::{Lab, hold_five_times};
use crate::t2::servers::{Nginx, serving};

#[test]
fn git_clones_a_local_repository_with_before() {
    let Some(lab) = Lab::root(&["git"]) else { return };
    lab.sh("git init -q origin && cd origin && for i in 1 2 3; do echo $i > f$i; git add .; \
         git -c user.name=a -c user.email=a@b commit -qm $i; done")
        .expect(0);
    let command = ["git", "clone", "-q", "--no-local", "origin", "copy"];
    lab.callgate("learn -o p.json --before").arg("rm -rf copy").command(&command).expect(0).says("proven:");
    hold_five_times(&lab, "rm -rf copy", 0, &command);
    assert!(lab.path("copy/f3").is_file());
    lab.callgate("learn --force -o q.json").command(&command).expect(0).says("exit status 128");
}

#[test]
fn git_works_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody_with("t2", &["git"]) else { return };
    let script = "git init -q r && cd r && echo 1 > f && git add f && \
                  git -c user.name=a -c user.email=a@b commit -qm 1 && git log --oneline | wc -l && git gc -q";
    lab.callgate("learn --default-action kill-process -o p.json --before")
        .arg("rm -rf r")
        .script(script)
        .expect(0)
        .prints("1\n");
    hold_five_times(&lab, "rm -rf r", 0, &["sh", "-c", script]);
}

#[test]
fn curl_is_learned_and_paths_not_exercised_still_work() {
    let Some(lab) = Lab::nobody_with("t2", &["curl", "nginx", "openssl"]) else { return };
    let nginx = Nginx::new(&lab).with_tls(&lab);
    let server = lab.program("nginx").args(nginx.args()).start();
    serving(nginx.port);
    let plain = format!("http://127.0.0.1:{}/", nginx.port);
    lab.callgate("learn -o p.json").command(&["curl", "-sf", &plain]).expect(0).prints("hello\n");
    hold_five_times(&lab, "", 0, &["curl", "-sf", &plain]);
    // By name, over IPv6, over TLS: never seen while recording.
    for url in [
        format!("http://localhost:{}/", nginx.port),
        format!("http://[::1]:{}/", nginx.port),
        format!("https://127.0.0.1:{}/", nginx.tls_port),
        format!("https://localhost:{}/", nginx.tls_port),
    ] {
        lab.callgate("run --profile p.json --stage enforce")
            .command(&["curl", "-skf", &url])
            .expect(0)
            .prints("hello\n")
            .never_says("refused:");
    }
    server.signal("TERM");
    server.end().expect(0);
}

#[test]
fn curl_over_tls_runs_under_a_profile_that_kills() {
    let Some(lab) = Lab::nobody_with("t2", &["curl", "nginx", "openssl"]) else { return };
    let nginx = Nginx::new(&lab).with_tls(&lab);
    let server = lab.program("nginx").args(nginx.args()).start();
    serving(nginx.port);
    let url = format!("https://127.0.0.1:{}/", nginx.tls_port);
    let command = ["curl", "-sf", "--cacert", "cert.pem", &url];
    lab.callgate("learn --default-action kill-process -o p.json")
        .command(&command)
        .expect(0)
        .prints("hello\n");
    hold_five_times(&lab, "", 0, &command);
    server.signal("TERM");
    server.end().expect(0);
}
