//! The workspace for aarch64: compiled by Debian's Rust, its T0 tests run under qemu-user.
//!
//! The toolchain everybody builds with comes without the standard library of another architecture. Debian has one that
//! belongs to its own compiler; it and the cross linker are unpacked below `target/arm64`, and nothing of the system's is
//! touched. (Installed, the linker's packages would remove gcc-multilib, which the 32-bit tests of T2 need.)

mod packages;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

use crate::metadata::Metadata;
use crate::test::find_tool;
use packages::Tree;

/// The compiler: Debian's release that has one new enough has it as `rustc-web`, what its browsers are built with. Of
/// what the foreign standard library depends on only the cross compiler's own parts are needed.
const RUST: Tree = Tree {
    name: "rust",
    source: Some(
        "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n",
    ),
    present: &["gcc"],
    whole: &["rustc-web", "libstd-rust-web-dev"],
    alone: &["libstd-rust-web-dev:arm64"],
};
/// The linker, its libc, and the machine: from the host's own release, because they run on the host's own libc.
const CROSS: Tree = Tree {
    name: "cross",
    source: None,
    present: &["libc6"],
    whole: &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"],
    alone: &[],
};
/// Where the packages have their libraries.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// What tests spend their time in is compiled with optimisations: emulated, the tests of lint took a quarter of an hour without.
/// The others would take longer to compile than is won.
const QUICK: [&str; 6] =
    ["annotate-snippets", "callgate-check", "callgate-core", "granit-parser", "proptest", "serde_json"];

/// Fetches what is missing, builds all, runs T0; `true` if nothing failed.
pub(crate) fn run(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    if !flags.is_empty() {
        bail!("unknown flags `{}`\n\nhint: cargo xtask arm64", flags.join(" "));
    }
    ensure!(cfg!(target_arch = "x86_64"), "this builds for aarch64 from x86_64 only");
    for tool in ["apt-get", "dpkg-deb"] {
        ensure!(find_tool(tool).is_some(), "{tool} is not installed: the compiler for aarch64 is Debian's");
    }
    let home = Metadata::read(root)?.target_directory.join("arm64");
    let tools = Tools::get(&home)?;
    let build = home.join("build");
    let callgate = quoted(&build.join(TARGET).join("debug/callgate"));
    let command = script(&home.join("callgate"), &format!("exec {} {callgate}", quoted(&tools.emulator)))?;
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo
            .args(args)
            .args(QUICK.map(|package| format!("--config=profile.dev.package.{package}.opt-level=1")));
        cargo.args(["--locked", "--target", TARGET]).current_dir(root).stdin(Stdio::null());
        cargo.env("CARGO_TARGET_DIR", &build).env("RUSTC", &tools.rustc);
        cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", &tools.linker);
        cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", &tools.emulator);
        cargo.env("CALLGATE_COMMAND", &command).env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    };
    // Always the whole workspace: a part of it has other features, and would be compiled again.
    let mut command_tests = cargo(&["test", "--workspace", "--test", "main"]);
    command_tests.args(["--", "t0::", "--show-output"]);
    Ok(passes("compile", cargo(&["test", "--no-run", "--workspace", "--all-targets"]))?
        && passes("unit tests", cargo(&["test", "--no-fail-fast", "--workspace", "--lib", "--bins"]))?
        && passes("t0 of the command", command_tests)?)
}

/// What cargo calls, each a script that knows where its own lies.
struct Tools {
    rustc: PathBuf,
    linker: PathBuf,
    emulator: PathBuf,
}

impl Tools {
    fn get(home: &Path) -> anyhow::Result<Self> {
        let (rust, cross) = (RUST.get(home)?, CROSS.get(home)?);
        let [libraries, _] = LIBRARIES.map(|dir| rust.join(dir));
        // It belongs to a newer libc than the host may have, so it brings its own loader.
        let rustc = format!(
            "exec {} --library-path {} {} --sysroot {}",
            quoted(&libraries.join("ld-linux-x86-64.so.2")),
            quoted(&libraries),
            quoted(&rust.join("usr/bin/rustc")),
            quoted(&rust.join("usr")),
        );
        let libraries = LIBRARIES.map(|dir| quoted(&cross.join(dir))).join(":");
        let program = |name: &str| quoted(&cross.join("usr/bin").join(name));
        // libc.so of the packages is a script with absolute paths, which hold below the sysroot.
        let linker = format!(
            "LD_LIBRARY_PATH={libraries} exec {} --sysroot={}",
            program("aarch64-linux-gnu-gcc"),
            quoted(&cross)
        );
        // The libraries are the emulator's, so what it emulates must not hear of them.
        let emulator = format!(
            "LD_LIBRARY_PATH={libraries} exec {} -U LD_LIBRARY_PATH -L {}",
            program("qemu-aarch64"),
            quoted(&cross.join("usr/aarch64-linux-gnu"))
        );
        let tools = Self {
            rustc: script(&home.join("rustc"), &rustc)?,
            linker: script(&home.join("linker"), &linker)?,
            emulator: script(&home.join("emulator"), &emulator)?,
        };
        for (tool, flag) in
            [(&tools.rustc, "-V"), (&tools.linker, "-dumpmachine"), (&tools.emulator, "--version")]
        {
            ok(Command::new(tool).arg(flag)).context("remove target/arm64 to fetch it again")?;
        }
        Ok(tools)
    }
}

/// Writes a script that hands its arguments on to this call, and says where.
fn script(path: &Path, call: &str) -> anyhow::Result<PathBuf> {
    fs::write(path, format!("#!/bin/sh\n{call} \"$@\"\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    Ok(path.to_owned())
}

/// A path as one word of a shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

/// Runs it, says how it went and how long it took.
fn passes(name: &str, mut command: Command) -> anyhow::Result<bool> {
    let started = Instant::now();
    let good = command.status().context("cannot start cargo")?.success();
    let verdict = if good { "ok" } else { "FAILED" };
    println!("arm64, {name}: {verdict} in {:.0} s", started.elapsed().as_secs_f64());
    Ok(good)
}

/// Runs it; that it fails is an error.
fn ok(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("cannot start {name}"))?;
    ensure!(status.success(), "{name} failed: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word_of_the_shell() {
        assert_eq!(quoted(Path::new("/a b/it's")), r"'/a b/it'\''s'");
    }
}
