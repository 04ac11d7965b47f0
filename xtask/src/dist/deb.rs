//! The Debian package: one binary that needs nothing, and its papers in Debian's places.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use super::{Dist, EXAMPLES, copy_tree, done};

/// The architecture as Debian names it (`dpkg-architecture -L`).
fn debian_arch(triple: &str) -> anyhow::Result<&'static str> {
    Ok(match triple.split('-').next().unwrap_or_default() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "riscv64gc" => "riscv64",
        "s390x" => "s390x",
        "powerpc64le" => "ppc64el",
        "loongarch64" => "loong64",
        other => bail!("Debian has no name for {other} here"),
    })
}

/// Makes the package.
pub(super) fn make(dist: &Dist, staged: &Path) -> anyhow::Result<PathBuf> {
    let arch = debian_arch(&dist.triple)?;
    let tree = dist.out.join("deb");
    let put = |from: &Path, to: &str, mode: u32| -> anyhow::Result<()> {
        let to = tree.join(to);
        fs::create_dir_all(to.parent().unwrap_or(&tree))?;
        fs::copy(from, &to)?;
        Ok(fs::set_permissions(&to, fs::Permissions::from_mode(mode))?)
    };
    put(&staged.join("callgate"), "usr/bin/callgate", 0o755)?;
    for entry in fs::read_dir(staged.join("man"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let to = format!("usr/share/man/man1/{name}");
        put(&path, &to, 0o644)?;
        done(Command::new("gzip").arg("-9nf").arg(tree.join(to)))?;
    }
    for (shell, place) in [
        ("bash", "usr/share/bash-completion/completions/callgate"),
        ("zsh", "usr/share/zsh/vendor-completions/_callgate"),
        ("fish", "usr/share/fish/vendor_completions.d/callgate.fish"),
    ] {
        put(&staged.join(format!("completions/callgate.{shell}")), place, 0o644)?;
    }
    put(&staged.join("LICENSE-MIT"), "usr/share/doc/callgate/copyright", 0o644)?;
    put(&staged.join("CHANGELOG.md"), "usr/share/doc/callgate/changelog", 0o644)?;
    done(Command::new("gzip").arg("-9nf").arg(tree.join("usr/share/doc/callgate/changelog")))?;
    put(&staged.join("README.md"), "usr/share/doc/callgate/README.md", 0o644)?;
    copy_tree(&staged.join(EXAMPLES), &tree.join("usr/share/doc/callgate").join(EXAMPLES))?;
    fs::create_dir_all(tree.join("DEBIAN"))?;
    fs::write(tree.join("DEBIAN/control"), control(&dist.version, arch))?;
    let path = dist.out.join(format!("callgate_{}_{arch}.deb", dist.version));
    done(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .arg(&tree)
            .arg(&path)
            .env("SOURCE_DATE_EPOCH", "0"),
    )?;
    fs::remove_dir_all(&tree)?;
    Ok(path)
}

fn control(version: &str, arch: &str) -> String {
    format!(
        "Package: callgate\nVersion: {version}\nArchitecture: {arch}\nSection: admin\nPriority: optional\n\
         Maintainer: The callgate authors <callgate@callgate.dev>\nHomepage: https://callgate.dev\n\
         Description: learn, prove and roll out seccomp profiles\n \
         callgate learns which system calls a workload needs, turns that into a seccomp\n \
         profile people can read, and proves what the profile does. It needs no root, no\n \
         daemon and no library.\n"
    )
}
