//! The archive: the same bytes for the same files.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Dist, done};

/// Packs what was staged.
pub(super) fn make(dist: &Dist, staged: &Path) -> anyhow::Result<PathBuf> {
    let path = dist.out.join(format!("{}.tar.gz", dist.name()));
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C"]).arg(&dist.out);
    // gzip's own time stamp would be another difference.
    tar.args(["--use-compress-program", "gzip -9n", "-cf"]).arg(&path);
    tar.arg(staged.file_name().unwrap_or_default());
    done(&mut tar)?;
    Ok(path)
}
