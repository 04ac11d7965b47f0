//! The examples that are handed out: under its committed profile each program does what it was learned from.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{Ended, Lab, free_port, skip};
use crate::t0::examples;
use crate::t2::containers::{RUNTIMES, run_bundle};
use crate::t2::servers::serving;

/// An example in a directory of its own.
struct Example {
    lab: Lab,
    name: &'static str,
    port: u16,
    /// Whether it serves, and has to be asked; others end by themselves.
    serves: bool,
    command: Vec<String>,
}

impl Example {
    fn new(name: &'static str, tools: &[&str]) -> Option<Self> {
        let as_root = examples::read(name, "workload").contains("\nuser=root\n");
        let lab = if as_root { Lab::root(tools) } else { Lab::nobody_with("t2", tools) };
        Self::within(lab?, name)
    }

    /// `None`, and said so, where the program is of another version: of that the profile says nothing.
    fn within(lab: Lab, name: &'static str) -> Option<Self> {
        for file in examples::files(name) {
            lab.write(&file, examples::read(name, &file));
        }
        let mut example = Self { lab, name, port: free_port(), serves: false, command: Vec::new() };
        let said = example.sh("printf '%s\\n' \"$ready\" \"$command\"").stdout;
        let (ready, command) = said.split_once('\n').unwrap();
        example.serves = !ready.is_empty();
        example.command = command.split_whitespace().map(str::to_owned).collect();
        example.is_of_this_version().then_some(example)
    }

    fn is_of_this_version(&self) -> bool {
        // As `examples/learn` writes it.
        let here = self.sh("$version 2>&1 | sed 's/ sha=.*//'").stdout;
        let learned = self.lab.read("learned");
        let of = learned.lines().find_map(|l| l.strip_prefix("program:")).unwrap().trim();
        if of != here.trim() {
            println!("skipped: the example was learned of `{of}`, and here is `{}`", here.trim());
        }
        of == here.trim()
    }

    /// A script of the example, with what `workload` says.
    fn sh(&self, script: &str) -> Ended {
        let port = self.port.to_string();
        self.lab.sh(&format!(". ./workload && {script}")).env("PORT", port).expect(0)
    }

    /// The whole workload, once, under a profile.
    fn run(&self, profile: &str, stage: &str, via: &str) -> Ended {
        self.sh("sh before");
        let command: Vec<&str> = self.command.iter().map(String::as_str).collect();
        let mut call = self.lab.callgate(&format!("run --profile {profile} --stage {stage} --via {via}"));
        let running = call.command(&command).start();
        if self.serves {
            serving(self.port);
            self.sh("sh exercise");
            running.signal("TERM");
        }
        running.end()
    }

    /// The workload succeeds under the committed profile, and nothing is refused.
    fn holds(&self) {
        let profile = format!("{}.json", self.name);
        for via in ["notify", "log", "notify"] {
            self.run(&profile, "enforce", via).expect(0).never_says("refused:").never_says("SIGSYS");
        }
    }

    /// The committed profile.
    fn profile(&self) -> Value {
        self.lab.json(&format!("{}.json", self.name))
    }

    /// The committed profile, with one call taken away.
    fn without(&self, call: &str) -> Value {
        let mut profile = self.profile();
        let rules = profile["syscalls"].as_array_mut().unwrap();
        for rule in &mut *rules {
            rule["names"].as_array_mut().unwrap().retain(|name| name != call);
        }
        rules.retain(|rule| rule["names"] != json!([]));
        assert_ne!(profile, self.profile(), "{call} was not allowed");
        profile
    }

    /// Without one call the workload meets a refusal: it does exercise what the profile allows.
    fn notices_without(&self, call: &str) {
        self.lab.write("less.json", self.without(call).to_string());
        let refused = format!("refused: {call}(");
        self.run("less.json", "audit", "notify").expect(0).says(&format!("would be {refused}"));
        if !self.serves {
            let ended = self.run("less.json", "enforce", "notify").says(&refused);
            assert_ne!(ended.code(), 0, "{}", ended.stderr);
        }
    }
}

/// The program's own directory in a container that has this machine's programs and nothing else of it.
fn contained(example: &Example, profile: Value, nnp: bool) {
    example.lab.sh("rm -rf box && mkdir -p box/rootfs && cd box && runc spec").expect(0);
    let mut config = example.lab.json("box/config.json");
    let process = &mut config["process"];
    process["terminal"] = false.into();
    process["args"] = example.command.clone().into();
    process["cwd"] = "/mnt".into();
    // Without it a runtime loads the filter earlier, and makes more calls below it.
    process["noNewPrivileges"] = nnp.into();
    config["linux"]["resources"] = json!({});
    config["linux"]["seccomp"] = profile;
    let mounts = config["mounts"].as_array_mut().unwrap();
    for (there, here, mode) in [
        ("/usr", Path::new("/usr"), "ro"),
        ("/etc", Path::new("/etc"), "ro"),
        ("/mnt", &example.lab.dir, "rw"),
    ] {
        mounts
            .push(json!({ "destination": there, "type": "bind", "source": here, "options": ["bind", mode] }));
    }
    example
        .lab
        .sh("cd box/rootfs && mkdir usr etc mnt && for d in bin lib lib64; do ln -s usr/$d $d; done")
        .expect(0);
    config["root"] = json!({ "path": example.lab.path("box/rootfs"), "readonly": false });
    example.lab.write("box/config.json", config.to_string());
}

/// Runtimes load the committed profile, start the program under it, and it does its work; without one call it does not.
fn works_in_containers(name: &'static str, tools: &[&str], needed: &str) {
    let Some(lab) = Lab::root(tools) else { return };
    let Some(example) = Example::within(lab, name) else { return };
    for (runtime, nnp) in RUNTIMES.iter().flat_map(|r| [(r, true), (r, false)]) {
        example.sh("sh before");
        contained(&example, example.profile(), nnp);
        run_bundle(&example.lab, runtime, "box", "").expect(0).prints("done\n");
        example.sh("sh before");
        contained(&example, example.without(needed), nnp);
        run_bundle(&example.lab, runtime, "box", "").expect(1).prints("");
    }
}

#[test]
fn python_works_in_containers_under_its_example_profile() {
    works_in_containers("python", &["python3", "runc", "crun"], "fsync");
}

#[test]
fn node_works_in_containers_under_its_example_profile() {
    works_in_containers("node", &["node", "runc", "crun"], "inotify_add_watch");
}

#[test]
fn nginx_works_under_its_example_profile() {
    let Some(example) = Example::new("nginx", &["nginx", "curl", "pgrep"]) else { return };
    example.holds();
    example.notices_without("accept4");
}

#[test]
fn redis_works_under_its_example_profile() {
    let Some(example) = Example::new("redis", &["redis-server", "redis-benchmark"]) else { return };
    example.holds();
    example.notices_without("fdatasync");
}

#[test]
fn postgresql_works_under_its_example_profile() {
    let Some(example) = Example::new("postgresql", &["psql"]) else { return };
    if !Path::new(&example.command[0]).exists() {
        return skip("t2", "the server of postgresql is not installed");
    }
    example.holds();
    example.notices_without("fdatasync");
}

#[test]
fn python_works_under_its_example_profile() {
    let Some(example) = Example::new("python", &["python3"]) else { return };
    example.holds();
    example.notices_without("fsync");
}

#[test]
fn node_works_under_its_example_profile() {
    let Some(example) = Example::new("node", &["node"]) else { return };
    example.holds();
    example.notices_without("inotify_add_watch");
}
