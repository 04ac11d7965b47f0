//! A directory for what is measured, which goes with the value.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

/// A new, empty directory.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> anyhow::Result<Self> {
        let out = Command::new("mktemp").args(["-d", "-t", "callgate-bench.XXXXXX"]).output()?;
        ensure!(out.status.success(), "mktemp failed: {}", out.status);
        Ok(Self(PathBuf::from(String::from_utf8(out.stdout)?.trim_end())))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("warning: cannot remove {}: {error}", self.0.display());
        }
    }
}
