//! The kit for continuous integration: GitLab's component, GitHub's action, the hooks of pre-commit.
//!
//! What the platforms do with the files is done here: inputs are put where they put them, and scripts are run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use callgate_core::import::yaml;
use serde_json::Value;

use crate::harness::{Ended, Lab, find};

const COMPONENT: &str = include_str!("../../../../ci/gitlab/templates/lint.yml");
const ACTION: &str = include_str!("../../../../action.yml");
pub(crate) const HOOKS: &str = include_str!("../../../../.pre-commit-hooks.yaml");
/// How to use all that.
const PAGE: &str = include_str!("../../../../docs/ci.md");
/// The program that pre-commit runs.
pub(crate) const HOOK: &str = include_str!("../../../../ci/pre-commit");

/// Nothing is to be said about it.
pub(crate) const CLEAN: &str = include_str!("../data/clean.yaml");
/// No runtime takes it.
pub(crate) const BAD: &str =
    r#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALOW"}]}"#;
/// A profile that there are warnings about.
const WARNED: &str = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [{"names": ["umonut2"], "action": "SCMP_ACT_ERRNO"}]}"#;
/// What a shell would make something else of, wherever it is not quoted.
const HOSTILE: &str =
    r#"it's "x" $(touch executed) `touch executed` ; touch executed | * $HOME \ ${{ 1 }} # %s"#;
/// Tells what it was called with, an argument per line.
const SPY: &str = "#!/bin/sh\n[ \"$1\" = --version ] && echo \"callgate ${SPIED:-0.1.0}\" && exit\nprintf '%s\\n' \"$@\" >>\"$SPY\"\n";

type Inputs<'i> = BTreeMap<&'i str, &'i str>;

/// The values of a mapping, by key; it has to be one.
fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().unwrap_or_else(|| panic!("no mapping: {value}")).iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn document(yaml: &str) -> Value {
    let [document] = yaml::read(yaml).unwrap_or_else(|e| panic!("{e}: {yaml}")).try_into().unwrap();
    document
}

/// A repository, and programs in front of its PATH.
struct Repository {
    lab: Lab,
}

impl Repository {
    fn new() -> Self {
        let lab = Lab::new();
        for dir in ["bin", "clean", "warned", "bad", "temp"] {
            fs::create_dir(lab.path(dir)).unwrap();
        }
        lab.write("clean/web.yaml", CLEAN);
        lab.write("warned/web.json", WARNED);
        lab.write("bad/web.json", BAD);
        Self { lab }
    }

    fn with_callgate() -> Self {
        let repository = Self::new();
        symlink(repository.lab.callgate_path(), repository.lab.path("bin/callgate")).unwrap();
        repository
    }

    fn with_spy(name: &str) -> Self {
        let repository = Self::new();
        repository.program(&format!("bin/{name}"), SPY);
        repository
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.lab.write(name, script);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What pre-commit clones.
    fn clone_hooks(&self) {
        fs::create_dir_all(self.lab.path("clone/ci")).unwrap();
        self.program("clone/ci/pre-commit", HOOK);
    }

    /// Runs a program with a last argument; `alone`: with nothing in PATH but what was put there.
    fn run(&self, program: &[&str], last: &str, env: &[(String, String)], alone: bool) -> Ended {
        let bin = self.lab.path("bin").display().to_string();
        let path = if alone { bin } else { format!("{bin}:/usr/bin:/bin") };
        let mut call = self.lab.program(find(program[0]).expect("a program").to_str().unwrap());
        call.args(&program[1..]).arg(last).env("PATH", path).env("SPY", self.lab.path("spied"));
        for (name, value) in env {
            call.env(name, value);
        }
        call.run()
    }

    /// What the spy was called with since.
    fn spied(&self) -> Vec<String> {
        let spied = self.lab.read("spied");
        fs::remove_file(self.lab.path("spied")).unwrap();
        spied.lines().map(str::to_owned).collect()
    }

    fn is_untouched(&self) {
        assert!(!self.lab.has("executed") && !self.lab.has("temp/executed"), "an input was executed");
    }
}

/// The component's header, and its job with inputs put in as GitLab does it: as text, before it is YAML
/// (`lib/gitlab/ci/config/interpolation/text_template.rb`).
fn component(inputs: &Inputs<'_>) -> (Value, Value) {
    let (header, body) = COMPONENT.split_once("\n---\n").expect("a header");
    let header = document(header);
    let mut body = body.to_owned();
    for (name, input) in members(&header["spec"]["inputs"]) {
        let value = inputs.get(name.as_str()).copied().unwrap_or_else(|| text(&input["default"]));
        body = body.replace(&format!("$[[ inputs.{name} ]]"), value);
    }
    assert!(!body.contains("$[["), "an input that is not in the header: {body}");
    let jobs = document(&body);
    let (name, job) = members(&jobs).next().expect("a job");
    assert_eq!(name, inputs.get("job").unwrap_or(&"callgate-lint"));
    (header, job.clone())
}

/// Runs the component's job as a runner does it.
fn gitlab(repository: &Repository, shell: &str, inputs: &[(&str, &str)], alone: bool) -> Ended {
    let (_, job) = component(&inputs.iter().copied().collect());
    let lines: Vec<&str> = job["script"].as_array().expect("a list").iter().map(text).collect();
    let variables = members(&job["variables"]);
    let env: Vec<_> = variables.map(|(name, v)| (name.clone(), text(&v["value"]).to_owned())).collect();
    repository.run(&[shell, "-euc"], &lines.join("\n"), &env, alone)
}

/// The expression that names an input.
fn input_of(expression: &str) -> Option<&str> {
    expression.strip_prefix("${{ inputs.")?.strip_suffix(" }}")
}

/// Runs one step of the action as a runner does it.
fn step(repository: &Repository, index: usize, inputs: &[(&str, &str)], alone: bool) -> Ended {
    let action = document(ACTION);
    let step = &action["runs"]["steps"][index];
    let given: Inputs<'_> = inputs.iter().copied().collect();
    let mut env: Vec<(String, String)> = Vec::new();
    for (name, value) in members(&step["env"]) {
        let input = input_of(text(value)).expect("an input");
        let default = text(&action["inputs"][input]["default"]);
        env.push((name.clone(), given.get(input).copied().unwrap_or(default).to_owned()));
    }
    for (name, file) in
        [("GITHUB_OUTPUT", "temp/output"), ("GITHUB_PATH", "temp/path"), ("RUNNER_TEMP", "temp")]
    {
        env.push((name.to_owned(), repository.lab.path(file).display().to_string()));
    }
    env.push(("GITHUB_ACTION_PATH".to_owned(), repository.lab.dir.display().to_string()));
    env.push(("GITHUB_ACTIONS".to_owned(), "true".to_owned()));
    repository.run(
        &["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"],
        text(&step["run"]),
        &env,
        alone,
    )
}

fn lint_step(repository: &Repository, inputs: &[(&str, &str)]) -> Ended {
    step(repository, 1, inputs, false)
}

#[test]
fn the_component_is_one_that_gitlab_takes() {
    let (header, job) = component(&Inputs::new());
    for (name, input) in members(&header["spec"]["inputs"]) {
        assert!(!text(&input["description"]).is_empty(), "{name}");
        let used = COMPONENT.matches(&format!("$[[ inputs.{name} ]]")).count();
        assert_eq!(used, 1, "{name}");
    }
    assert_eq!(header["spec"]["inputs"]["version"]["default"], env!("CARGO_PKG_VERSION"));
    let known = ["stage", "image", "variables", "script", "artifacts"];
    assert!(members(&job).all(|(key, _)| known.contains(&key.as_str())));
    assert_eq!(job["image"]["entrypoint"], serde_json::json!([""]));
    assert!(members(&job["variables"]).all(|(_, variable)| variable["expand"] == false));
    assert_eq!(job["artifacts"]["when"], "always");
    for (_, report) in members(&job["artifacts"]["reports"]) {
        assert!(job["script"].to_string().contains(text(report)));
    }
    let other = component(&[("job", "other")].into()).1;
    assert_eq!(other, job);
}

#[test]
fn the_action_is_one_that_github_takes() {
    let action = document(ACTION);
    assert!(["name", "description"].iter().all(|key| !text(&action[key]).is_empty()));
    for (name, input) in members(&action["inputs"]) {
        assert!(!text(&input["description"]).is_empty() && input["default"].is_string(), "{name}");
        assert!(ACTION.contains(&format!(": ${{{{ inputs.{name} }}}}\n")), "{name} is not used");
    }
    assert_eq!(action["runs"]["using"], "composite");
    let steps = action["runs"]["steps"].as_array().expect("steps");
    for step in steps {
        assert_eq!(step["shell"], "bash");
        assert!(!text(&step["run"]).contains("${{"), "an expression in a script");
        assert!(members(&step["env"]).all(|(_, value)| input_of(text(value)).is_some()));
    }
    for (name, output) in members(&action["outputs"]) {
        assert_eq!(text(&output["value"]), format!("${{{{ steps.lint.outputs.{name} }}}}"));
        assert!(
            steps.iter().any(|s| s["id"] == "lint" && text(&s["run"]).contains(&format!("\"{name}="))),
            "{name}"
        );
    }
}

#[test]
fn the_hooks_are_ones_that_pre_commit_takes() {
    let hooks = document(HOOKS);
    let ids: Vec<&str> = hooks.as_array().expect("a list").iter().map(|hook| text(&hook["id"])).collect();
    assert_eq!(ids, ["callgate-lint", "callgate-lint-system"]);
    for hook in hooks.as_array().expect("a list") {
        assert!(["name", "description", "entry", "files"].iter().all(|key| !text(&hook[key]).is_empty()));
        assert_eq!(hook["types_or"], serde_json::json!(["json", "yaml"]));
        assert_eq!(
            (&hook["require_serial"], &hook["language"]),
            (&Value::from(true), &Value::from("script"))
        );
        // Names of files come behind it, and one may begin with a dash.
        assert_eq!(hook["args"].as_array().and_then(|args| args.last()), Some(&Value::from("--")));
    }
    assert_eq!([&hooks[0]["entry"], &hooks[1]["entry"]], ["ci/pre-commit build", "ci/pre-commit path"]);
    assert_eq!(hooks[0]["files"], hooks[1]["files"]);
}

#[test]
fn gitlabs_job_passes_a_clean_repository_and_fails_a_bad_one_with_reports() {
    for shell in ["sh", "bash"] {
        let repository = Repository::with_callgate();
        gitlab(&repository, shell, &[("paths", "clean")], false).expect(0);
        assert_eq!(repository.lab.json("gl-code-quality.json"), serde_json::json!([]));
        assert!(repository.lab.read("callgate-junit.xml").contains("<testsuite"));
        gitlab(&repository, shell, &[("paths", "clean,bad")], false).expect(1).shows("SCMP_ACT_ALOW");
        let report = repository.lab.json("gl-code-quality.json");
        let first = &report[0];
        let filled = ["description", "check_name", "fingerprint"].iter().all(|key| first[key].is_string());
        assert!(filled && first["location"]["path"] == "bad/web.json", "{report}");
        assert!(repository.lab.read("callgate-junit.xml").contains("<testsuite"));
        for (paths, fail_on, code) in [("bad", "never", 0), ("warned", "", 0), ("warned", "warning", 1)] {
            gitlab(&repository, shell, &[("paths", paths), ("fail-on", fail_on)], false).expect(code);
        }
        gitlab(&repository, shell, &[("paths", "none")], false).expect(2).says("none");
    }
}

#[test]
fn githubs_step_passes_a_clean_repository_and_fails_a_bad_one_with_outputs() {
    let repository = Repository::with_callgate();
    lint_step(&repository, &[("paths", "clean")]).expect(0);
    assert_eq!(repository.lab.read("temp/output"), "findings=0\nsarif-file=callgate.sarif\n");
    assert_eq!(repository.lab.json("callgate.sarif")["version"], "2.1.0");
    fs::remove_file(repository.lab.path("temp/output")).unwrap();

    let inputs = [("paths", "clean\nbad\n"), ("sarif", "a b.sarif")];
    let ended = lint_step(&repository, &inputs).expect(1).shows("SCMP_ACT_ALOW");
    let results = repository.lab.json("a b.sarif")["runs"][0]["results"].as_array().map_or(0, Vec::len);
    assert!(results > 0);
    assert_eq!(repository.lab.read("temp/output"), format!("findings={results}\nsarif-file=a b.sarif\n"));
    // What is for a person is between two marks, where the runner takes no commands; the annotations stand behind them.
    let (told, annotations) = commands(&ended.stdout);
    assert!(told.contains("bad/web.json"));
    assert_eq!(annotations.matches("::error ").count() + annotations.matches("::warning ").count(), results);
    for (paths, fail_on, code) in [("bad", "never", 0), ("warned", "", 0), ("warned", "warning", 1)] {
        lint_step(&repository, &[("paths", paths), ("fail-on", fail_on)]).expect(code);
    }
}

/// The output between the marks, and what comes after it.
fn commands(stdout: &str) -> (&str, &str) {
    let (_, rest) = stdout.split_once("::stop-commands::").expect("commands are stopped");
    let (token, rest) = rest.split_once('\n').expect("a line");
    rest.split_once(&format!("::{token}::\n")).expect("and go on")
}

#[test]
fn nothing_to_lint_and_wrong_inputs_fail_a_step_and_leave_no_outputs() {
    let repository = Repository::with_callgate();
    lint_step(&repository, &[("paths", "none")]).expect(2).says("none");
    lint_step(&repository, &[("paths", "temp")]).expect(3).says("temp");
    lint_step(&repository, &[("paths", "clean"), ("fail-on", "sometimes")]).expect(2).says("sometimes");
    lint_step(&repository, &[("paths", "clean"), ("sarif", "a\nfindings=0")]).expect(2).says("`sarif`");
    assert!(!repository.lab.has("temp/output"));
}

#[test]
fn whatever_an_input_holds_is_an_argument_and_is_never_executed() {
    let repository = Repository::with_spy("callgate");
    let wanted = [
        format!("--fail-on\n{HOSTILE}\n--pss\n{HOSTILE}\n--runtime\n{HOSTILE}"),
        format!("--profiles\na b\n--profiles\n{HOSTILE}\n--\na b\n{HOSTILE}"),
    ];
    for (platform, between) in [("sh", ','), ("bash", ','), ("github", '\n')] {
        let list = format!("a b{between}{HOSTILE}");
        let inputs = [
            ("paths", &*list),
            ("profiles", &list),
            ("runtime", HOSTILE),
            ("pss", HOSTILE),
            ("fail-on", HOSTILE),
        ];
        match platform {
            "github" => lint_step(&repository, &inputs),
            shell => gitlab(&repository, shell, &inputs, false),
        }
        .expect(0);
        let spied = repository.spied().join("\n");
        assert!(spied.ends_with(&wanted.join("\n")), "{spied}");
        repository.is_untouched();
    }
}

#[test]
fn further_options_are_split_at_blanks_and_nowhere_else() {
    let repository = Repository::with_spy("callgate");
    let args = [("args", "--config x.toml  * \"a b\""), ("paths", "*")];
    let wanted = "--config\nx.toml\n*\n\"a\nb\"\n--\n*";
    gitlab(&repository, "sh", &args, false).expect(0);
    assert!(repository.spied().join("\n").ends_with(wanted));
    lint_step(&repository, &args).expect(0);
    assert!(repository.spied().join("\n").ends_with(wanted));
    gitlab(&repository, "sh", &[("args", HOSTILE)], false).expect(0);
    lint_step(&repository, &[("args", HOSTILE)]).expect(0);
    repository.is_untouched();
}

#[test]
fn callgate_is_taken_from_the_path_where_it_is_the_version_that_is_wanted() {
    let repository = Repository::with_spy("callgate");
    repository.program("bin/cargo", SPY);
    for version in [env!("CARGO_PKG_VERSION"), ""] {
        step(&repository, 0, &[("version", version)], true).expect(0);
    }
    assert!(!repository.lab.has("spied"));
    let other = [("version", "9.9.9"), ("paths", "clean")];
    step(&repository, 0, &other, true).expect(2).says("`version` is `9.9.9`");
    gitlab(&repository, "sh", &other, true).expect(2).says("`version` is `9.9.9`");
    step(&repository, 0, &[("version", HOSTILE)], true).expect(2);
    gitlab(&repository, "sh", &[("version", HOSTILE)], true).expect(2);
    repository.is_untouched();
}

#[test]
fn where_there_is_no_callgate_it_is_built() {
    let repository = Repository::with_spy("cargo");
    let built = repository.lab.path("temp/callgate");
    let root = format!("install\n--locked\n--root\n{}\n", built.display());
    step(&repository, 0, &[], true).expect(0);
    assert_eq!(repository.spied().join("\n"), format!("{root}--path\ncrates/cli"));
    assert_eq!(repository.lab.read("temp/path"), format!("{}/bin\n", built.display()));
    step(&repository, 0, &[("version", HOSTILE)], true).expect(0);
    assert_eq!(repository.spied().join("\n"), format!("{root}--version\n{HOSTILE}\ncallgate"));
    // Building brings nothing here, so that the job finds no callgate in the end.
    gitlab(&repository, "sh", &[("version", HOSTILE)], true).expect(127);
    assert_eq!(repository.spied(), ["install", "--locked", "--version", HOSTILE, "callgate"]);
    repository.is_untouched();
}

#[test]
fn the_hooks_are_for_profiles_and_manifests() {
    let pattern = text(&document(HOOKS)[0]["files"]).to_owned();
    let lab = Lab::new();
    for (name, wanted) in [
        ("seccomp/web.json", true),
        ("profiles/deep/er/web.json", true),
        ("deploy/web.seccomp.json", true),
        ("web-profile.json", true),
        ("deploy/pod.yaml", true),
        ("pod.yml", true),
        (".gitlab-ci.yml", true),
        ("package.json", false),
        ("tsconfig.json", false),
        ("seccomp/README.md", false),
        ("seccomp/web.json.evidence", false),
        ("pod.yaml.j2", false),
        ("yaml", false),
    ] {
        // The pattern keeps to what grep and Python read alike.
        let code = lab.program("grep").args(["-Eq", &pattern]).input(format!("{name}\n")).run().code();
        assert_eq!(code == 0, wanted, "{name}");
    }
}

/// Runs a hook as pre-commit does: the words of its entry, its arguments, then the files.
fn hook(repository: &Repository, index: usize, files: &[&str]) -> Ended {
    let hooks = document(HOOKS);
    let hook = &hooks[index];
    let mut words: Vec<&str> = text(&hook["entry"]).split(' ').collect();
    words.extend(hook["args"].as_array().expect("arguments").iter().map(text));
    let program = repository.lab.path("clone").join(words[0]).display().to_string();
    words[0] = &program;
    words.extend(files);
    let (last, first) = words.split_last().expect("a program");
    repository.run(first, last, &[], false)
}

#[test]
fn a_hook_is_given_files_by_name_whatever_they_are_called() {
    let repository = Repository::with_callgate();
    repository.clone_hooks();
    repository.lab.write("-x.yaml", CLEAN);
    hook(&repository, 1, &["clean/web.yaml", "-x.yaml"]).expect(0);
    hook(&repository, 1, &["clean/web.yaml", "bad/web.json"]).expect(1).shows("SCMP_ACT_ALOW");
}

#[test]
fn a_commit_without_profiles_and_manifests_passes_a_hook() {
    let repository = Repository::with_callgate();
    repository.clone_hooks();
    repository.lab.write("values.yaml", "replicas: 2\n");
    hook(&repository, 1, &["values.yaml"]).expect(0);
    hook(&repository, 1, &["values.yaml", "none.yaml"]).expect(2).says("none.yaml");
}

#[test]
fn the_hook_that_builds_does_so_once() {
    let repository = Repository::new();
    let lab = &repository.lab;
    repository.clone_hooks();
    // What a build leaves behind, by a cargo that does nothing else.
    let cargo = "#!/bin/sh\nprintf '%s\\n' \"$@\" >>\"$SPY\"\nmkdir -p target/pre-commit/bin target/pre-commit/build\n\
                 cp ../spy target/pre-commit/bin/callgate\n";
    repository.program("bin/cargo", cargo);
    repository.program("spy", SPY);
    hook(&repository, 0, &["a b.json"]).expect(0);
    let spied = repository.spied();
    assert_eq!(spied[..4], ["install", "--quiet", "--locked", "--path"]);
    assert_eq!(spied[spied.len() - 3..], ["lint", "--", "a b.json"]);
    assert!(!lab.has("clone/target/pre-commit/build"));
    hook(&repository, 0, &["c.json"]).expect(0);
    assert_eq!(repository.spied(), ["lint", "--", "c.json"]);
}

#[test]
fn the_hook_that_builds_says_what_it_needs_for_it() {
    let repository = Repository::new();
    repository.clone_hooks();
    symlink(find("dirname").expect("coreutils"), repository.lab.path("bin/dirname")).unwrap();
    let script = repository.lab.path("clone/ci/pre-commit").display().to_string();
    repository
        .run(&["sh", &script, "build"], "x.json", &[], true)
        .expect(2)
        .says("cargo")
        .says("callgate-lint-system");
    repository.run(&["sh", &script, "path"], "x.json", &[], true).expect(127).says("callgate");
    assert!(!repository.lab.has("clone/target"));
}

/// The blocks of the page in a language.
fn blocks(language: &str) -> Vec<String> {
    let fences = PAGE.split("\n```").collect::<Vec<_>>();
    let inside = fences.iter().skip(1).step_by(2);
    inside.filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n')).map(str::to_owned).collect()
}

/// Everything under a key, however deep.
fn under<'v>(value: &'v Value, key: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == key {
                    found.push(member);
                }
                under(member, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        _ => {}
    }
}

#[test]
fn what_the_page_shows_is_there() {
    let documents: Vec<Value> = blocks("yaml").iter().map(|block| document(block)).collect();
    let under_all = |key: &str| {
        let mut found = Vec::new();
        for document in &documents {
            under(document, key, &mut found);
        }
        found
    };
    let (header, _) = component(&Inputs::new());
    let [inputs] = under_all("inputs")[..] else { panic!("one example for GitLab") };
    assert!(members(inputs).all(|(name, _)| header["spec"]["inputs"].get(name).is_some()), "{inputs}");
    let with = under_all("with");
    let action = document(ACTION);
    assert!(members(with[0]).all(|(name, _)| action["inputs"].get(name).is_some()), "{}", with[0]);
    for output in PAGE.split("steps.callgate.outputs.").skip(1) {
        let name: String = output.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        assert!(action["outputs"].get(&name).is_some(), "{name}");
    }
    let [hooks] = under_all("hooks")[..] else { panic!("one example for pre-commit") };
    assert!(hooks[0]["args"].as_array().is_some_and(|args| args.last() == Some(&Value::from("--"))));
    assert!(HOOKS.contains(&format!("- id: {}\n", text(&hooks[0]["id"]))));
    assert!(PAGE.contains(&format!("rev: v{}", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_repository_with_findings_begins_as_the_page_says() {
    let lab = Lab::new();
    for dir in ["seccomp/vendor", "deploy"] {
        fs::create_dir_all(lab.path(dir)).unwrap();
    }
    lab.write("seccomp/web.json", WARNED);
    lab.write("callgate.toml", blocks("toml").join("\n"));
    // A decision that cannot be read is no reason to pass: 3 would let a hook.
    lab.callgate("lint").expect(2).says("lint-baseline.json").says("--write-baseline");
    lab.callgate("lint --config none.toml").expect(2).says("none.toml");
    lab.callgate("lint --write-baseline lint-baseline.json").expect(0);
    lab.callgate("lint").expect(0);
    lab.write("seccomp/vendor/agent.json", WARNED);
    lab.callgate("lint --fail-on never").expect(0).says("2 files:").says("1 suppressed");
    lab.write("seccomp/vendor/agent.json", BAD);
    lab.callgate("lint").expect(1).shows("SCMP_ACT_ALOW");

    // What a comment keeps quiet is found without it.
    let example =
        blocks("yaml").into_iter().find(|block| block.contains("callgate: ignore")).expect("an example");
    let pod = |lines: &str| {
        CLEAN.replace(
            "type: RuntimeDefault",
            &format!("type: Localhost\n      {}", lines.replace('\n', "\n      ")),
        )
    };
    fs::remove_file(lab.path("callgate.toml")).unwrap();
    for (lines, code) in [(example.as_str(), 0), (example.lines().last().expect("a line"), 1)] {
        lab.write("deploy/pod.yaml", pod(lines));
        lab.callgate("lint --profiles deploy deploy").expect(code);
    }
}
