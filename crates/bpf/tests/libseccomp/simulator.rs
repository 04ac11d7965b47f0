//! The verdicts of our programs by the simulator that libseccomp tests itself with, built from Debian's source package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use callgate_bpf::insn::op;
use callgate_bpf::{Program, emit};
use callgate_core::{Action, Arch, SeccompData};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngSeed, TestRunner};

use crate::{X86, is_full, meanings, skip};

/// Fetches the source package into a directory of its own and builds the simulator; apt's state is not touched.
const BUILD: &str = r#"
set -e
. /etc/os-release
mkdir -p state/lists/partial cache/archives/partial
key=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb-src [signed-by=$key] http://deb.debian.org/debian $VERSION_CODENAME main" > sources.list
apt() {
  apt-get -q -o Dir::Etc::SourceList="$PWD/sources.list" -o Dir::Etc::SourceParts=- -o Dir::State="$PWD/state" \
    -o Dir::Cache="$PWD/cache" -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any "$@"
}
apt update
apt source --download-only libseccomp
tar xf libseccomp_*.orig.tar.?z
cd libseccomp-*/
gcc -O1 -w -Itools -Iinclude -o ../simulator.partial tools/scmp_bpf_sim.c tools/util.c
mv ../simulator.partial ../scmp_bpf_sim
"#;

/// The simulator, built once for this target directory; or what went wrong.
fn simulator() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libseccomp-source");
    let built = home.join("scmp_bpf_sim");
    if built.is_file() {
        return Ok(built);
    }
    fs::create_dir_all(&home).map_err(|e| e.to_string())?;
    let mut sh = Command::new("sh");
    sh.args(["-c", BUILD]).current_dir(&home).stdin(Stdio::null());
    let done = sh.output().map_err(|e| e.to_string())?;
    let last = String::from_utf8_lossy(&done.stderr).lines().last().unwrap_or("no reason given").to_owned();
    if done.status.success() { Ok(built) } else { Err(last) }
}

/// What it prints for an action; data of traps is not printed.
fn printed(action: Action) -> String {
    match action {
        Action::KillProcess => "KILL_PROCESS".to_owned(),
        Action::KillThread => "KILL".to_owned(),
        Action::Trap(_) => "TRAP".to_owned(),
        Action::Errno(errno) => format!("ERRNO({errno})"),
        Action::Trace(data) => format!("TRACE({data})"),
        Action::Log => "LOG".to_owned(),
        Action::Allow => "ALLOW".to_owned(),
        Action::Notify => unreachable!("it knows no listeners, and is not asked"),
    }
}

/// Its verdict.
fn ask(simulator: &Path, file: &Path, data: &SeccompData) -> String {
    let arch = if data.arch == Arch::X86.token() { "x86" } else { "x86_64" };
    let mut command = Command::new(simulator);
    command.arg("-f").arg(file).args(["-a", arch, "-s", &data.nr.to_string()]);
    for (index, value) in data.args.iter().enumerate() {
        command.args([format!("-{index}"), value.to_string()]);
    }
    let done = command.output().expect("it starts");
    String::from_utf8_lossy(&done.stdout).trim().to_owned() + String::from_utf8_lossy(&done.stderr).trim()
}

/// Whether it knows every instruction, and every action: it has neither JSET nor listeners.
fn is_known(program: &Program) -> bool {
    let notify = Action::Notify.to_ret();
    program.insns().iter().all(|i| i.code != op::JSET_K && !(i.code == op::RET_K && i.k == notify))
}

#[test]
fn the_simulator_of_libseccomp_gives_our_programs_our_verdicts() {
    let simulator = match simulator() {
        Ok(simulator) => simulator,
        Err(why) => {
            return skip(&format!("scmp_bpf_sim cannot be built from Debian's source package: {why}"));
        }
    };
    let (count, each) = if is_full() { (400, 60) } else { (80, 40) };
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(7), ..Config::default() });
    let strategy = (meanings::meaning(&X86), proptest::array::uniform6(meanings::word()));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libseccomp-simulated");
    let (mut made, mut drawn, mut asked) = (0, 0, 0);
    while made < count {
        let (meaning, extra) = strategy.new_tree(&mut runner).expect("a meaning").current();
        let program = emit(&meaning).expect("small meanings fit");
        drawn += 1;
        assert!(drawn < 100 * count, "hardly a program without JSET");
        if !is_known(&program) {
            continue;
        }
        fs::write(&file, program.to_bytes()).expect("the target directory is ours");
        let tokens = [Arch::X86.token(), Arch::X86_64.token()];
        let probes: Vec<_> =
            meanings::probes(&meaning, &extra).into_iter().filter(|d| tokens.contains(&d.arch)).collect();
        for data in probes.iter().step_by(probes.len() / each + 1) {
            let expected = printed(meaning.action_of_data(data));
            assert_eq!(ask(&simulator, &file, data), expected, "{data:x?} {meaning:?}");
            asked += 1;
        }
        made += 1;
    }
    println!("{made} programs, {asked} probes");
}
