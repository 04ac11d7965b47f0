//! Layers onto a root file system: nothing outside of it is touched, whatever the layer says.
//!
//! A directory on the way to an entry may be a link of an earlier layer; it is followed within the root
//! (`RESOLVE_IN_ROOT`, openat2(2)), as the container itself would. The entry's own place is never followed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, XattrFlags};
use tar::{Archive, Entry, EntryType};

/// More than this is no image that anybody runs here.
const MAX_BYTES: u64 = 32 << 30;
/// The same for entries.
const MAX_ENTRIES: u64 = 4_000_000;
/// From so many bytes on a layer may not be more than [`MAX_RATIO`] times as large as what it is unpacked from.
const SMALL: u64 = 256 << 20;
/// deflate reaches 1032 on zeros alone.
const MAX_RATIO: u64 = 500;

/// Reads a small file within a root file system.
pub(super) fn read_within(root: &Path, path: &str) -> io::Result<String> {
    let root = File::open(root)?;
    // An image may have anything there: a FIFO would keep us waiting for ever.
    let file = File::from(within(&root, Path::new(path), OFlags::RDONLY | OFlags::NONBLOCK)?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(16 << 20).read_to_string(&mut text)?;
    Ok(text)
}

fn within(root: &impl AsFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    Ok(rustix::fs::openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?)
}

/// A root file system being filled.
pub(super) struct Unpacker {
    root: File,
    bytes: u64,
    entries: u64,
}

/// A reader that counts: what a layer is unpacked from.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) count: std::rc::Rc<std::cell::Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// An entry that is refused: which, and why.
fn refused(path: &Path, why: &str) -> io::Error {
    io::Error::other(format!("`{}` {why}", path.display()))
}

/// The place of an entry, without a leading slash; nothing above the root.
fn place(path: &Path) -> io::Result<PathBuf> {
    let mut place = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => place.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => {
                return Err(refused(path, "leaves the root file system"));
            }
        }
    }
    Ok(place)
}

impl Unpacker {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        Ok(Self { root: File::open(root)?, bytes: 0, entries: 0 })
    }

    /// Applies one layer, which was read from `packed` bytes so far.
    pub(super) fn layer(&mut self, tar: impl Read, packed: &dyn Fn() -> u64) -> io::Result<()> {
        let mut made = BTreeSet::new();
        let before = self.bytes;
        for entry in Archive::new(tar).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            self.entries += 1;
            self.bytes = self.bytes.saturating_add(entry.size());
            let here = self.bytes - before;
            let bomb = here > SMALL && here / MAX_RATIO > packed();
            if bomb || self.bytes > MAX_BYTES || self.entries > MAX_ENTRIES {
                return Err(refused(&path, "makes the image larger than any real one: a decompression bomb"));
            }
            let place = place(&path)?;
            let wrapped = |e: io::Error| match e.kind() {
                io::ErrorKind::Other => e,
                _ => io::Error::new(e.kind(), format!("`{}`: {e}", path.display())),
            };
            self.entry(&mut entry, &place, &mut made).map_err(wrapped)?;
        }
        Ok(())
    }

    fn entry<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        place: &Path,
        made: &mut BTreeSet<PathBuf>,
    ) -> io::Result<()> {
        let (Some(parent), Some(name)) = (place.parent(), place.file_name()) else {
            return Ok(());
        };
        let dir = self.directory(parent)?;
        if name == ".wh..wh..opq" {
            return self.opaque(parent, made);
        }
        if let Some(hidden) = name.to_str().and_then(|n| n.strip_prefix(".wh.")) {
            if matches!(hidden, "" | "." | "..") {
                return Err(io::Error::other(format!("`{}` hides no file", place.display())));
            }
            // Hides what earlier layers made, and only that.
            return if made.contains(&parent.join(hidden)) {
                Ok(())
            } else {
                remove(&dir, Path::new(hidden))
            };
        }
        let kind = entry.header().entry_type();
        let leaf = Path::new(name);
        let keeps = kind == EntryType::Directory && is_directory(&dir, leaf);
        if !keeps {
            remove(&dir, leaf)?;
        }
        match kind {
            EntryType::Directory if keeps => {}
            EntryType::Directory => rustix::fs::mkdirat(&dir, leaf, Mode::RWXU)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => file(entry, &dir, leaf)?,
            EntryType::Symlink => {
                let target = entry.link_name()?.ok_or_else(|| refused(place, "is a link to nowhere"))?;
                rustix::fs::symlinkat(&*target, &dir, leaf)?;
            }
            EntryType::Link => self.hard_link(entry, &dir, leaf, place)?,
            EntryType::Fifo => rustix::fs::mknodat(&dir, leaf, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?,
            EntryType::Char | EntryType::Block => {
                return Err(refused(place, "is a device node, which an image has no business to bring"));
            }
            _ => return Err(refused(place, "is of a kind that images do not have")),
        }
        made.insert(place.to_owned());
        if kind == EntryType::Link { Ok(()) } else { own(entry, &dir, leaf, kind) }
    }

    /// A directory within the root, made where it is missing.
    fn directory(&self, path: &Path) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let mut so_far = PathBuf::from(".");
        let mut dir = within(&self.root, &so_far, flags)?;
        for component in path.components() {
            so_far.push(component);
            dir = match within(&self.root, &so_far, flags) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    rustix::fs::mkdirat(&dir, Path::new(&component), Mode::from_raw_mode(0o755))?;
                    within(&self.root, &so_far, flags)?
                }
                other => other?,
            };
        }
        Ok(dir)
    }

    /// Hides everything that earlier layers put into a directory.
    fn opaque(&self, path: &Path, made: &BTreeSet<PathBuf>) -> io::Result<()> {
        let dir = self.directory(path)?;
        for name in names(&dir)? {
            if !made.contains(&path.join(&name)) {
                remove(&dir, &name)?;
            }
        }
        Ok(())
    }

    fn hard_link<R: Read>(
        &self,
        entry: &Entry<'_, R>,
        dir: &OwnedFd,
        leaf: &Path,
        at: &Path,
    ) -> io::Result<()> {
        let target = entry.link_name()?.ok_or_else(|| refused(at, "is a link to nowhere"))?;
        if target.is_absolute() {
            return Err(refused(at, "is a hard link with an absolute target"));
        }
        let target = place(&target)?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(refused(at, "is a hard link to the root"));
        };
        let from = within(&self.root, &Path::new(".").join(parent), OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(rustix::fs::linkat(&from, Path::new(name), dir, leaf, AtFlags::empty())?)
    }
}

fn file<R: Read>(entry: &mut Entry<'_, R>, dir: &OwnedFd, leaf: &Path) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(dir, leaf, flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(fd);
    io::copy(entry, &mut file)?;
    Ok(())
}

/// Owner, then mode, since chown(2) takes set-id bits away; then capabilities, for the same reason.
fn own<R: Read>(entry: &mut Entry<'_, R>, dir: &OwnedFd, leaf: &Path, kind: EntryType) -> io::Result<()> {
    let header = entry.header();
    let (uid, gid, mode) = (header.uid()? as u32, header.gid()? as u32, header.mode()?);
    let owner = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    rustix::fs::chownat(dir, leaf, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
    if kind == EntryType::Symlink {
        return Ok(());
    }
    rustix::fs::chmodat(dir, leaf, Mode::from_raw_mode(mode & 0o7777), AtFlags::empty())?;
    let key = "SCHILY.xattr.security.capability";
    let extensions = entry.pax_extensions()?.into_iter().flatten();
    let capability = extensions.flatten().find(|e| e.key() == Ok(key)).map(|e| e.value_bytes().to_vec());
    if let Some(value) = capability.filter(|_| kind == EntryType::Regular) {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(dir, leaf, flags, Mode::empty())?;
        rustix::fs::fsetxattr(&file, "security.capability", &value, XattrFlags::empty())?;
    }
    Ok(())
}

fn is_directory(dir: &OwnedFd, leaf: &Path) -> bool {
    rustix::fs::statat(dir, leaf, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|s| FileType::from_raw_mode(s.st_mode) == FileType::Directory)
}

fn names(dir: &OwnedFd) -> io::Result<Vec<PathBuf>> {
    use std::os::unix::ffi::OsStrExt as _;
    let readable =
        rustix::fs::openat(dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&readable)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(PathBuf::from(std::ffi::OsStr::from_bytes(&name)));
        }
    }
    Ok(names)
}

/// Removes whatever stands there, links not followed. Nothing there is as good.
fn remove(dir: &OwnedFd, leaf: &Path) -> io::Result<()> {
    if !is_directory(dir, leaf) {
        return match rustix::fs::unlinkat(dir, leaf, AtFlags::empty()) {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            other => Ok(other?),
        };
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inner = rustix::fs::openat(dir, leaf, flags, Mode::empty())?;
    for name in names(&inner)? {
        remove(&inner, &name)?;
    }
    Ok(rustix::fs::unlinkat(dir, leaf, AtFlags::REMOVEDIR)?)
}
