//! Debian packages unpacked into a directory of ours: nothing of the system's is touched, and nobody needs to be root.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;

use super::ok;

/// What to take from where.
pub(super) struct Tree {
    /// The directory it is unpacked to, below `target/arm64`.
    pub(super) name: &'static str,
    /// The archive, as a line of `sources.list`; the host's own where there is none.
    pub(super) source: Option<&'static str>,
    /// Packages that apt takes for installed, so that it does not bring them.
    pub(super) present: &'static [&'static str],
    /// Packages to bring with what they depend on.
    pub(super) whole: &'static [&'static str],
    /// Packages to bring alone.
    pub(super) alone: &'static [&'static str],
}

impl Tree {
    /// The unpacked packages, fetched where they are not here yet.
    pub(super) fn get(&self, home: &Path) -> anyhow::Result<PathBuf> {
        let (tree, partial) = (home.join(self.name), home.join("partial"));
        if tree.is_dir() {
            return Ok(tree);
        }
        let started = Instant::now();
        let apt = home.join("apt");
        for old in [&apt, &partial] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
        }
        self.fetch(&apt)
            .with_context(|| format!("packages for `{}` cannot be fetched by apt-get", self.name))?;
        for entry in fs::read_dir(apt.join("archives"))? {
            let package = entry?.path();
            if package.extension() == Some(OsStr::new("deb")) {
                ok(Command::new("dpkg-deb").arg("-x").arg(package).arg(&partial))?;
            }
        }
        // Renamed at the end, so that a fetch that was interrupted is not taken for a whole one.
        fs::rename(&partial, &tree)?;
        fs::remove_dir_all(&apt)?;
        println!("{} fetched and unpacked in {:.0} s", self.name, started.elapsed().as_secs_f64());
        Ok(tree)
    }

    /// Brings the packages into `apt/archives`, checked by the archive's signature.
    fn fetch(&self, apt: &Path) -> anyhow::Result<()> {
        for dir in ["lists/partial", "archives/partial", "parts"] {
            fs::create_dir_all(apt.join(dir))?;
        }
        fs::write(apt.join("sources.list"), self.source.unwrap_or_default())?;
        fs::write(apt.join("status"), status(self.present))?;
        // Without this, apt takes indices that cannot be fetched for a warning.
        self.get_with(apt, &["update", "-o", "APT::Update::Error-Mode=any"])?;
        let options = ["install", "--download-only", "--yes", "--no-install-recommends"];
        self.get_with(apt, &[&options, self.whole].concat())?;
        if !self.alone.is_empty() {
            self.get_with(apt, &[&["download"], self.alone].concat())?;
        }
        Ok(())
    }

    /// Runs apt-get with everything it keeps below `apt`.
    fn get_with(&self, apt: &Path, args: &[&str]) -> anyhow::Result<()> {
        let mut get = Command::new("apt-get");
        get.args(args).arg("-q").current_dir(apt.join("archives")).stdin(Stdio::null());
        let own = [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::Etc::sourceparts", "parts"),
            ("Dir::Etc::preferences", "none"),
            ("Dir::Etc::preferencesparts", "parts"),
        ];
        let state = [
            ("Dir::State", ""),
            ("Dir::State::lists", "lists"),
            ("Dir::State::status", "status"),
            ("Dir::Cache", ""),
            ("Dir::Cache::archives", "archives"),
        ];
        for (name, at) in state.iter().chain(own.iter().filter(|_| self.source.is_some())) {
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
    }
}

/// dpkg's record of packages that stand for the host's own.
fn status(present: &[&str]) -> String {
    let record = |name: &&str| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 99:1\n\
             Maintainer: none\nDescription: stands for the host's\n\n"
        )
    };
    present.iter().map(record).collect()
}
