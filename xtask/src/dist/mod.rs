//! What is released: one static binary, with man pages, completions, checksums and a list of what it is made of; as an
//! archive and as a Debian package.

mod archive;
mod check;
mod deb;
mod sbom;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::metadata::Metadata;

/// The verbs that have a page of their own.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];
/// Copied as they are.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"];
/// Profiles to read and to start from, with all they were made of.
const EXAMPLES: &str = "examples";

/// One release being made.
struct Dist {
    root: PathBuf,
    /// Where the results go: `target/dist`.
    out: PathBuf,
    version: String,
    /// `x86_64-unknown-linux-gnu`.
    triple: String,
    binary: PathBuf,
}

/// Makes a release; with `--check` a quick one, whose results are tried out.
pub(crate) fn run(root: &Path, flags: &[&str]) -> anyhow::Result<bool> {
    let checks = match flags {
        [] => false,
        ["--check"] => true,
        _ => anyhow::bail!("unknown flags `{}`\n\nhint: cargo xtask dist [--check]", flags.join(" ")),
    };
    let metadata = Metadata::read(root)?;
    let dist = Dist::build(root, &metadata, if checks { "fast" } else { "release" })?;
    let staged = dist.stage(&metadata)?;
    let made = [archive::make(&dist, &staged)?, deb::make(&dist, &staged)?];
    dist.checksums()?;
    for path in made {
        eprintln!("wrote {}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    if checks { check::run(&dist) } else { Ok(true) }
}

impl Dist {
    /// Builds the binary without any library to be found at run time. The target is named so that build scripts and
    /// macros, which are libraries, are built as always.
    fn build(root: &Path, metadata: &Metadata, profile: &str) -> anyhow::Result<Self> {
        let triple = host()?;
        let target = metadata.target_directory.join("static");
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--locked", "--package", "callgate", "--profile", profile, "--target", &triple]);
        cargo.arg("--target-dir").arg(&target).current_dir(root);
        cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").env_remove("CARGO_ENCODED_RUSTFLAGS");
        ensure!(cargo.status().context("cannot start cargo")?.success(), "the build failed");
        let version = metadata.members().find(|p| p.name == "callgate").map(|p| p.version.clone());
        let out = metadata.target_directory.join("dist");
        // Of an earlier release nothing may remain.
        let _ = fs::remove_dir_all(&out);
        fs::create_dir_all(&out)?;
        Ok(Self {
            root: root.to_owned(),
            out,
            version: version.context("the workspace has no package `callgate`")?,
            binary: target.join(&triple).join(profile).join("callgate"),
            triple,
        })
    }

    /// `callgate-0.1.0-x86_64-unknown-linux-gnu`.
    fn name(&self) -> String {
        format!("callgate-{}-{}", self.version, self.triple)
    }

    /// Puts together what every form of the release holds.
    fn stage(&self, metadata: &Metadata) -> anyhow::Result<PathBuf> {
        let dir = self.out.join(self.name());
        for part in ["", "man", "completions"] {
            fs::create_dir_all(dir.join(part))?;
        }
        fs::copy(&self.binary, dir.join("callgate")).context("the build made no binary")?;
        for paper in PAPERS {
            fs::copy(self.root.join(paper), dir.join(paper))
                .with_context(|| format!("cannot copy {paper}"))?;
        }
        copy_tree(&self.root.join(EXAMPLES), &dir.join(EXAMPLES))?;
        fs::write(dir.join("man/callgate.1"), self.says(&["man"])?)?;
        for verb in self.verbs()? {
            fs::write(dir.join(format!("man/callgate-{verb}.1")), self.says(&["man", &verb])?)?;
        }
        for shell in SHELLS {
            fs::write(
                dir.join(format!("completions/callgate.{shell}")),
                self.says(&["completions", shell])?,
            )?;
        }
        let sbom = self.out.join(format!("callgate-{}.cdx.json", self.version));
        fs::write(sbom, sbom::document(metadata, &self.version)?)?;
        Ok(dir)
    }

    /// What the built binary prints.
    fn says(&self, args: &[&str]) -> anyhow::Result<Vec<u8>> {
        let out = Command::new(&self.binary).args(args).output()?;
        ensure!(out.status.success(), "callgate {} failed: {}", args.join(" "), out.status);
        Ok(out.stdout)
    }

    /// The verbs that `--help` lists.
    fn verbs(&self) -> anyhow::Result<Vec<String>> {
        let help = String::from_utf8(self.says(&["--help"])?)?;
        let listed = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
        let names = listed.filter(|l| l.starts_with("  ") && !l.starts_with("   "));
        let names = names.filter_map(|l| l.split_whitespace().next()).filter(|n| *n != "help");
        let verbs: Vec<String> = names.map(str::to_owned).collect();
        ensure!(!verbs.is_empty(), "callgate --help lists no commands");
        Ok(verbs)
    }

    /// SHA-256 of everything that is handed out, for `sha256sum -c`.
    fn checksums(&self) -> anyhow::Result<()> {
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(&self.out)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        let out = Command::new("sha256sum").args(&names).current_dir(&self.out).output()?;
        ensure!(out.status.success(), "sha256sum failed: {}", String::from_utf8_lossy(&out.stderr));
        Ok(fs::write(self.out.join("SHA256SUMS"), out.stdout)?)
    }
}

/// Copies a directory of ours: files, whether they can be executed, and directories.
fn copy_tree(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in tree(from)? {
        let (from, to) = (from.join(&file), to.join(&file));
        fs::create_dir_all(to.parent().context("a file lies nowhere")?)?;
        // Whoever checked the tree out may have another umask.
        let executable = fs::metadata(&from)?.permissions().mode() & 0o100 != 0;
        fs::copy(&from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        fs::set_permissions(&to, fs::Permissions::from_mode(if executable { 0o755 } else { 0o644 }))?;
    }
    Ok(())
}

/// All files below a directory, from there, sorted.
fn tree(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        if entry.file_type()?.is_dir() {
            files.extend(tree(&entry.path())?.into_iter().map(|file| name.join(file)));
        } else {
            files.push(name);
        }
    }
    files.sort();
    Ok(files)
}

/// The machine's own triple, as rustc says it.
fn host() -> anyhow::Result<String> {
    let out = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8(out.stdout)?;
    let host = text.lines().find_map(|l| l.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

/// Runs a program that has to succeed.
fn done(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let out = command.output().with_context(|| format!("cannot start {name}"))?;
    ensure!(out.status.success(), "{name} failed: {}", String::from_utf8_lossy(&out.stderr).trim());
    Ok(())
}
