//! The workspace for aarch64: compiled by Debian's Rust, its T0 tests run under qemu-user.
//!
//! The toolchain everybody builds with comes without the standard library of another architecture. Debian has one that
//! belongs to its own compiler; both are unpacked below `target/arm64`, and nothing of the system's is touched.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

use crate::metadata::Metadata;
use crate::test::{find_tool, packages};

/// Debian's release with a compiler that is new enough, `rustc-web`: what its browsers are built with.
const SOURCE: &str = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main\n";
/// The compiler and the standard library that build scripts and macros need; apt finds what they depend on.
const NATIVE: &[&str] = &["rustc-web", "libstd-rust-web-dev"];
/// The standard library we are here for; of what it depends on only the cross compiler's own parts are needed.
const FOREIGN: &str = "libstd-rust-web-dev:arm64";
/// The linker is the cross compiler of the host: to apt, the one that rustc-web depends on is there already.
const STATUS: &str = "Package: gcc\nStatus: install ok installed\nArchitecture: amd64\nVersion: 99:1\n\
                      Maintainer: none\nDescription: stands for the compiler of the host\n\n";
/// The linker, its libc, and the machine. Debian removes gcc-multilib, which the 32-bit tests of T2 need, for the first:
/// their packages exclude each other.
const CROSS: &[&str] = &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"];
/// Where the packages lie in the unpacked directory.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
const TARGET: &str = "aarch64-unknown-linux-gnu";
const EMULATOR: &str = "qemu-aarch64 -L /usr/aarch64-linux-gnu";

/// Fetches what is missing, builds all, runs T0; `true` if nothing failed.
pub(crate) fn run(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    match flags {
        [] => {}
        ["--install"] => packages::install_only(CROSS.iter().copied())?,
        other => bail!("unknown flags `{}`\n\nhint: cargo xtask arm64 [--install]", other.join(" ")),
    }
    ensure!(cfg!(target_arch = "x86_64"), "this builds for aarch64 from x86_64 only");
    for tool in ["apt-get", "dpkg-deb", "aarch64-linux-gnu-gcc", "qemu-aarch64"] {
        ensure!(find_tool(tool).is_some(), "{tool} is not installed\n\nhint: cargo xtask arm64 --install");
    }
    let home = Metadata::read(root)?.target_directory.join("arm64");
    let rustc = compiler(&home)?;
    let command = script(
        &home.join("callgate"),
        &format!("{EMULATOR} {}", quoted(&home.join("build").join(TARGET).join("debug/callgate"))),
    )?;
    let cargo = |args: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(args).args(["--locked", "--target", TARGET]).current_dir(root).stdin(Stdio::null());
        cargo.env("CARGO_TARGET_DIR", home.join("build")).env("RUSTC", &rustc);
        cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
        cargo.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", EMULATOR);
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

/// The cross compiler, fetched where it is not here yet.
fn compiler(home: &Path) -> anyhow::Result<PathBuf> {
    let (tree, partial) = (home.join("root"), home.join("root.partial"));
    if !tree.is_dir() {
        let started = Instant::now();
        let apt = home.join("apt");
        for old in [&apt, &partial] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
        }
        fetch(&apt).context("Debian's Rust cannot be fetched from deb.debian.org")?;
        for entry in fs::read_dir(apt.join("archives"))? {
            let package = entry?.path();
            if package.extension() == Some(OsStr::new("deb")) {
                let mut unpack = Command::new("dpkg-deb");
                ok(unpack.arg("-x").arg(package).arg(&partial))?;
            }
        }
        // Renamed at the end, so that a fetch that was interrupted is not taken for a compiler.
        fs::rename(&partial, &tree)?;
        fs::remove_dir_all(&apt)?;
        println!("Debian's Rust fetched and unpacked in {:.0} s", started.elapsed().as_secs_f64());
    }
    let libraries = tree.join(LIBRARIES);
    // It belongs to a newer libc than the host may have, so it brings its own loader.
    let call = format!(
        "{} --library-path {} {} --sysroot {}",
        quoted(&libraries.join("ld-linux-x86-64.so.2")),
        quoted(&libraries),
        quoted(&tree.join("usr/bin/rustc")),
        quoted(&tree.join("usr")),
    );
    let rustc = script(&home.join("rustc"), &call)?;
    ok(Command::new(&rustc).arg("-V")).context("remove target/arm64 to fetch it again")?;
    Ok(rustc)
}

/// Brings the packages into `apt/archives`, checked by the archive's signature.
fn fetch(apt: &Path) -> anyhow::Result<()> {
    for dir in ["lists/partial", "archives/partial", "parts"] {
        fs::create_dir_all(apt.join(dir))?;
    }
    fs::write(apt.join("sources.list"), SOURCE)?;
    fs::write(apt.join("status"), STATUS)?;
    let get = |args: &[&str]| {
        let mut get = Command::new("apt-get");
        get.args(args).arg("-q").current_dir(apt.join("archives")).stdin(Stdio::null());
        for (name, at) in [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::Etc::sourceparts", "parts"),
            ("Dir::Etc::preferences", "none"),
            ("Dir::Etc::preferencesparts", "parts"),
            ("Dir::State", ""),
            ("Dir::State::lists", "lists"),
            ("Dir::State::status", "status"),
            ("Dir::Cache", ""),
            ("Dir::Cache::archives", "archives"),
        ] {
            get.arg("-o").arg(format!("{name}={}", apt.join(at).display()));
        }
        for option in [
            "APT::Architecture=amd64",
            "APT::Architectures::=amd64",
            "APT::Architectures::=arm64",
            "Acquire::Languages=none",
            "Acquire::Retries=3",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
            // Root's apt would become another user, who may not write here.
            "APT::Sandbox::User=root",
        ] {
            get.args(["-o", option]);
        }
        ok(&mut get)
    };
    // Without this, apt takes indices that cannot be fetched for a warning.
    get(&["update", "-o", "APT::Update::Error-Mode=any"])?;
    let mut native = vec!["install", "--download-only", "--yes", "--no-install-recommends"];
    native.extend(NATIVE);
    get(&native)?;
    get(&["download", FOREIGN])
}

/// Writes a script that becomes this call, and says where.
fn script(path: &Path, call: &str) -> anyhow::Result<PathBuf> {
    fs::write(path, format!("#!/bin/sh\nexec {call} \"$@\"\n"))
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
