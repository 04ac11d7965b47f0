//! The examples that are handed out: under its committed profile each program does what it was learned from.

use crate::harness::{Ended, Lab, free_port, skip};
use crate::t0::examples;
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
        let lab = if as_root { Lab::root(tools) } else { Lab::nobody_with("t2", tools) }?;
        for file in examples::files(name) {
            lab.write(&file, examples::read(name, &file));
        }
        let mut example = Self { lab, name, port: free_port(), serves: false, command: Vec::new() };
        let said = example.sh("printf '%s\\n' \"$ready\" \"$command\"").stdout;
        let (ready, command) = said.split_once('\n').unwrap();
        example.serves = !ready.is_empty();
        example.command = command.split_whitespace().map(str::to_owned).collect();
        Some(example)
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

    /// Without one call the workload meets a refusal: it does exercise what the profile allows.
    fn notices_without(&self, call: &str) {
        let mut profile = self.lab.json(&format!("{}.json", self.name));
        for rule in profile["syscalls"].as_array_mut().unwrap() {
            rule["names"].as_array_mut().unwrap().retain(|name| name != call);
        }
        profile["syscalls"].as_array_mut().unwrap().retain(|rule| rule["names"] != serde_json::json!([]));
        self.lab.write("less.json", profile.to_string());
        let refused = format!("refused: {call}(");
        self.run("less.json", "audit", "notify").expect(0).says(&format!("would be {refused}"));
        if !self.serves {
            let ended = self.run("less.json", "enforce", "notify").says(&refused);
            assert_ne!(ended.code(), 0, "{}", ended.stderr);
        }
    }
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
    if !std::path::Path::new(&example.command[0]).exists() {
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
