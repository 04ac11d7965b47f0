//! Writing results: never half a file, never through a symlink, never over somebody's file unasked.
//!
//! The directory is opened before the program starts, so that nothing the program does can redirect the output: a
//! temporary name in it is created with O_EXCL, written, fsynced and renamed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Uid};

use crate::error::{Doing, Error, Result};
use crate::sys::process;

/// A place to write to, checked and held open.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    dir: OwnedFd,
    name: OsString,
    mode: u32,
    replace: bool,
    owner: Option<(u32, u32)>,
}

impl Output {
    /// Prepares to write `path`. Without `force` an existing file is an error; a symlink or anything else that is not
    /// a regular file always is. `mode` are the permission bits.
    pub fn prepare(path: &Path, force: bool, mode: u32) -> Result<Self> {
        process::ignore_file_size();
        let doing = || format!("write `{}`", path.display());
        let Some(name) = path.file_name() else {
            let error = Error::new(doing(), io::Error::other("it has no file name"));
            return Err(error.hint("name a file, not a directory"));
        };
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::RDONLY;
        let opened = rustix::fs::openat(CWD, parent, flags, Mode::empty());
        let dir = opened.doing(doing()).map_err(|e| match e.source.kind() {
            io::ErrorKind::NotFound => {
                e.hint(format!("make the directory first: mkdir -p {}", parent.display()))
            }
            _ => way_out(e),
        })?;
        let output = Self {
            path: path.to_owned(),
            dir,
            name: name.to_owned(),
            mode,
            replace: force,
            owner: caller_under_sudo(),
        };
        output.check_target(force)?;
        output.probe()?;
        Ok(output)
    }

    /// Where it will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn doing(&self) -> String {
        format!("write `{}`", self.path.display())
    }

    fn check_target(&self, force: bool) -> Result<()> {
        match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(Error::new(self.doing(), error)),
            Ok(stat) => {
                let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
                if kind == rustix::fs::FileType::Symlink {
                    let source = io::Error::other("it is a symbolic link, which callgate does not follow");
                    Err(Error::new(self.doing(), source).hint("name the file it points to"))
                } else if kind == rustix::fs::FileType::Directory {
                    let error = Error::new(self.doing(), io::Error::other("it is a directory"));
                    Err(error.hint("name a file in it"))
                } else if kind != rustix::fs::FileType::RegularFile {
                    let error = Error::new(self.doing(), io::Error::other("it is not a regular file"));
                    Err(error.hint("choose another file with -o"))
                } else if force {
                    Ok(())
                } else {
                    let source = io::Error::new(io::ErrorKind::AlreadyExists, "it exists already");
                    Err(Error::new(self.doing(), source).hint("use --force to replace it"))
                }
            }
        }
    }

    /// Creates and removes a temporary file: whatever forbids writing here is said before the program runs.
    fn probe(&self) -> Result<()> {
        let (file, temporary) = self.create_temporary()?;
        drop(file);
        rustix::fs::unlinkat(&self.dir, &temporary, AtFlags::empty()).doing(self.doing())
    }

    fn create_temporary(&self) -> Result<(File, OsString)> {
        for attempt in 0..100_u32 {
            let mut name = OsString::from(".");
            name.push(&self.name);
            name.push(format!(".{}-{attempt}.tmp", std::process::id()));
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            match rustix::fs::openat(&self.dir, &name, flags, Mode::from_raw_mode(self.mode)) {
                Ok(fd) => return Ok((File::from(fd), name)),
                Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(way_out(Error::new(self.doing(), error))),
            }
        }
        Err(Error::new(self.doing(), io::Error::from(io::ErrorKind::AlreadyExists)))
    }

    /// Writes the whole content, or nothing. May be called again, to replace what it wrote before.
    pub fn write(&mut self, content: &[u8]) -> Result<()> {
        let (mut file, temporary) = self.create_temporary()?;
        let written = self.fill(&mut file, content).and_then(|()| self.put_in_place(&temporary));
        if written.is_err() {
            // Best effort: the error that matters is the first.
            let _ = rustix::fs::unlinkat(&self.dir, &temporary, AtFlags::empty());
        }
        written?;
        // What stands there now is ours.
        self.replace = true;
        Ok(())
    }

    /// Takes back what was written: what it belongs to could not be.
    pub fn discard(&self) {
        // Best effort: the error that matters is the one that led here.
        let _ = rustix::fs::unlinkat(&self.dir, &self.name, AtFlags::empty());
    }

    fn fill(&self, file: &mut File, content: &[u8]) -> Result<()> {
        if let Some((uid, gid)) = self.owner {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            rustix::fs::fchown(&*file, uid, gid).doing(self.doing())?;
        }
        let written = file.write_all(content).and_then(|()| file.sync_all());
        written
            .doing(self.doing())
            .map_err(|error| error.hint("make room there, or choose another file with -o"))
    }

    fn put_in_place(&self, temporary: &OsStr) -> Result<()> {
        if self.replace {
            // A symlink that appeared meanwhile is replaced, not followed: rename(2) acts on the name itself.
            rustix::fs::renameat(&self.dir, temporary, &self.dir, &self.name).doing(self.doing())?;
        } else {
            // link(2) fails when somebody else made the file while the program ran.
            let linked = rustix::fs::linkat(&self.dir, temporary, &self.dir, &self.name, AtFlags::empty());
            linked.doing(self.doing()).map_err(|e| e.hint("use --force to replace it"))?;
            rustix::fs::unlinkat(&self.dir, temporary, AtFlags::empty()).doing(self.doing())?;
        }
        // Some file systems cannot sync a directory; the file itself is safe by then.
        let _ = rustix::fs::fsync(&self.dir);
        Ok(())
    }
}

/// What to do where a directory cannot be written to.
fn way_out(error: Error) -> Error {
    if error.hint.is_some() { error } else { error.hint("choose another file with -o") }
}

/// Who called sudo: what is written then belongs to them.
fn caller_under_sudo() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let id = |name: &str| std::env::var(name).ok()?.parse().ok();
    Some((id("SUDO_UID")?, id("SUDO_GID")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A directory that goes away with its owner.
    struct Fresh(PathBuf);

    impl std::ops::Deref for Fresh {
        type Target = Path;

        fn deref(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Fresh {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn fresh(name: &str) -> Fresh {
        let dir = std::env::temp_dir().join(format!("callgate-file-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Fresh(dir)
    }

    #[test]
    fn an_existing_file_needs_force_and_a_symlink_is_never_followed() {
        let dir = fresh("force");
        let path = dir.join("p.json");
        std::fs::write(&path, "theirs").unwrap();
        assert!(Output::prepare(&path, false, 0o644).is_err());
        Output::prepare(&path, true, 0o644).unwrap().write(b"ours").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"ours");
        std::os::unix::fs::symlink("/etc/passwd", dir.join("link")).unwrap();
        let error = Output::prepare(&dir.join("link"), true, 0o644).unwrap_err();
        assert!(error.to_string().contains("symbolic link"));
    }

    #[test]
    fn a_file_made_meanwhile_is_not_overwritten_and_nothing_is_left_behind() {
        let dir = fresh("race");
        let path = dir.join("p.json");
        let mut output = Output::prepare(&path, false, 0o600).unwrap();
        std::fs::write(&path, "theirs").unwrap();
        assert!(output.write(b"ours").is_err());
        assert_eq!(std::fs::read_dir(&*dir).unwrap().count(), 1);
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
    }

    #[test]
    fn permissions_are_as_asked_and_a_second_write_replaces_the_first() {
        let dir = fresh("mode");
        let path = dir.join("t.json");
        let mut output = Output::prepare(&path, false, 0o600).unwrap();
        output.write(b"one").unwrap();
        output.write(b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
