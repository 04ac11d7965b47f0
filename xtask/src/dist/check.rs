//! The release, tried out: where there is nothing else, and as a package that comes and goes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::{Dist, EXAMPLES, done, tree};
use crate::test::find_tool;

/// Tries everything that this machine can; says what it cannot.
pub(super) fn run(dist: &Dist) -> anyhow::Result<bool> {
    done(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&dist.out))?;
    twice_the_same(dist)?;
    examples(dist)?;
    if !fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        println!("skipped: a root directory of its own and a package need root");
        return Ok(true);
    }
    let dir = Scratch::new(dist)?;
    alone(dist, &dir.0.join("empty"))?;
    beside_busybox(dist, &dir.0.join("busybox"))?;
    package(dist, &dir.0.join("debian"))?;
    println!("the release works: alone, beside busybox, as a package");
    Ok(true)
}

/// A directory that goes when this does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(dist: &Dist) -> anyhow::Result<Self> {
        let path = dist.out.join("check");
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies in the target directory, which is nobody's.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The archive has the same bytes when it is made again.
fn twice_the_same(dist: &Dist) -> anyhow::Result<()> {
    let staged = dist.out.join(dist.name());
    let path = dist.out.join(format!("{}.tar.gz", dist.name()));
    let first = fs::read(&path)?;
    super::archive::make(dist, &staged)?;
    ensure!(first == fs::read(&path)?, "the archive differs from one making to the next");
    Ok(())
}

/// Archive and package bring every example, as it lies in the tree, and the binary reads every profile.
fn examples(dist: &Dist) -> anyhow::Result<()> {
    let ours = dist.root.join(EXAMPLES);
    let dir = Scratch::new(dist)?;
    let (unpacked, installed) = (dir.0.join("archive"), dir.0.join("package"));
    fs::create_dir_all(&unpacked)?;
    let archive = dist.out.join(format!("{}.tar.gz", dist.name()));
    done(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&unpacked))?;
    done(Command::new("dpkg-deb").arg("--extract").arg(deb(dist)?).arg(&installed))?;
    let places = [unpacked.join(dist.name()), installed.join("usr/share/doc/callgate")];
    let files = tree(&ours)?;
    let is_profile = |file: &Path| file.extension().is_some_and(|e| e == "json");
    ensure!(files.iter().any(|f| is_profile(f)), "there is no example");
    for place in places.map(|p| p.join(EXAMPLES)) {
        ensure!(tree(&place)? == files, "{} has other files than ours", place.display());
        for file in &files {
            let there = place.join(file);
            ensure!(fs::read(ours.join(file))? == fs::read(&there)?, "{} differs from ours", there.display());
            if is_profile(file) {
                done(Command::new(&dist.binary).arg("show").arg(&there))?;
            }
        }
    }
    Ok(())
}

/// The package that was made.
fn deb(dist: &Dist) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(&dist.out)?.filter_map(|e| Some(e.ok()?.path()));
    entries.into_iter().find(|p| p.extension().is_some_and(|e| e == "deb")).context("no package")
}

/// In a root directory that holds nothing but the binary.
fn alone(dist: &Dist, root: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(root)?;
    fs::copy(&dist.binary, root.join("callgate"))?;
    for args in [&["--version"][..], &["syscalls"], &["groups"], &["learn", "--help"]] {
        done(Command::new("chroot").arg(root).arg("/callgate").args(args))
            .context("alone in a root directory")?;
    }
    Ok(())
}

/// With busybox, /proc and a place to write: the main job, and enforcing.
fn beside_busybox(dist: &Dist, root: &Path) -> anyhow::Result<()> {
    let Some(busybox) = find_tool("busybox") else {
        println!("skipped: busybox is not installed");
        return Ok(());
    };
    for part in ["bin", "proc", "tmp"] {
        fs::create_dir_all(root.join(part))?;
    }
    fs::copy(&dist.binary, root.join("bin/callgate"))?;
    fs::copy(busybox, root.join("bin/busybox"))?;
    let script = "/bin/busybox mount -t proc proc /proc && cd /tmp && \
                  /bin/callgate learn -o p.json -- /bin/busybox ls / && \
                  /bin/callgate run --profile p.json --stage enforce -- /bin/busybox ls /";
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "--propagation", "private", "chroot"]).arg(root);
    done(unshare.args(["/bin/busybox", "sh", "-c", script])).context("beside busybox")
}

/// Installed and removed, in a root directory of its own.
fn package(dist: &Dist, root: &Path) -> anyhow::Result<()> {
    let deb = deb(dist)?;
    for part in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"] {
        fs::create_dir_all(root.join(part))?;
    }
    for file in ["status", "available"] {
        fs::write(root.join("var/lib/dpkg").join(file), "")?;
    }
    let dpkg = |args: &[&str]| {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg(format!("--root={}", root.display())).args(args);
        dpkg
    };
    done(dpkg(&["--install"]).arg(&deb)).context("installing the package")?;
    let installed = root.join("usr/bin/callgate");
    done(Command::new(&installed).arg("--version")).context("the installed binary")?;
    for page in ["usr/share/man/man1/callgate.1.gz", "usr/share/man/man1/callgate-learn.1.gz"] {
        ensure!(root.join(page).is_file(), "the package brings no {page}");
    }
    done(&mut dpkg(&["--purge", "callgate"])).context("removing the package")?;
    ensure!(!root.join("usr/bin/callgate").exists(), "the package leaves its binary behind");
    ensure!(!root.join("usr/share/doc/callgate").exists(), "the package leaves its papers behind");
    Ok(())
}
