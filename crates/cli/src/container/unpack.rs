//! Layers onto a root file system: nothing outside of it is touched, whatever the layer says.
//!
//! A directory on the way to an entry may be a link of an earlier layer; it is followed within the root
//! (`RESOLVE_IN_ROOT`, openat2(2)), as the container itself would. The entry's own place is never followed.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

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

/// The most that names and attributes of one entry may take: the kernel's limits are 4 KiB and 64 KiB (path_resolution(7),
/// xattr(7)).
const MAX_HEAD: u64 = 4 << 20;

/// Larger files of an image are not read as text.
const MAX_TEXT: u64 = 16 << 20;

/// Reads a small text file within a root file system.
pub(super) fn read_within(root: &Path, path: &str) -> io::Result<String> {
    let file = regular_within(root, path)?;
    if file.metadata()?.len() > MAX_TEXT {
        return Err(io::Error::other(format!("it is larger than {} MiB", MAX_TEXT >> 20)));
    }
    let mut text = String::new();
    file.take(MAX_TEXT).read_to_string(&mut text)?;
    Ok(text)
}

/// Opens a regular file that lies within a directory whatever links in it say. Anything else that somebody else may have
/// put there is not even opened: a FIFO would wait for a writer for ever, and opening a device may do something.
pub(super) fn regular_within(root: &Path, path: &str) -> io::Result<File> {
    let place = within(&File::open(root)?, Path::new(path), OFlags::PATH)?;
    regular(&place)
}

/// Opens what a descriptor of O_PATH stands for, if it is a regular file.
fn regular(place: &OwnedFd) -> io::Result<File> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(place)?.st_mode);
    if kind != FileType::RegularFile {
        return Err(io::Error::other("it is no regular file"));
    }
    // The magic link leads to that very file, wherever its name leads by now (proc(5), /proc/pid/fd).
    File::open(format!("/proc/self/fd/{}", place.as_raw_fd()))
}

/// Opens a file that a person named, in the same way; links are followed.
pub(super) fn regular_at(path: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    regular(&rustix::fs::open(path, flags, Mode::empty())?)
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

/// A reader that counts, until it is wanted to stop: what a layer is unpacked from.
pub(super) struct Counted<'s, R> {
    pub(super) inner: R,
    pub(super) count: Rc<Cell<u64>>,
    pub(super) stop: &'s dyn Fn() -> bool,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.stop)() {
            return Err(io::Error::other("interrupted"));
        }
        let n = self.inner.read(buffer)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// A reader of a layer that gives out no more than it may before the next entry has begun: names and attributes, which
/// are held in memory whole. Nor does it go on with what is packed too well.
struct Heads<'p, R> {
    inner: R,
    /// Bytes given out, and what they were read from.
    total: u64,
    packed: &'p dyn Fn() -> u64,
    /// `None`: within an entry, of which any part may be read.
    left: Rc<Cell<Option<u64>>>,
}

impl<R: Read> Read for Heads<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.total += n as u64;
        if is_bomb(self.total, (self.packed)()) {
            return Err(io::Error::other("it is packed better than anything real: a decompression bomb"));
        }
        if let Some(left) = self.left.get() {
            let rest = left.checked_sub(n as u64);
            let bomb = "an entry's name and attributes are larger than any real ones: a decompression bomb";
            self.left.set(Some(rest.ok_or_else(|| io::Error::other(bomb))?));
        }
        Ok(n)
    }
}

/// Whether so much cannot be what was packed into so little.
fn is_bomb(unpacked: u64, packed: u64) -> bool {
    unpacked > SMALL && unpacked / MAX_RATIO > packed
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
        let left = Rc::new(Cell::new(None));
        let mut archive = Archive::new(Heads { inner: tar, total: 0, packed, left: Rc::clone(&left) });
        let mut entries = archive.entries()?;
        loop {
            left.set(Some(MAX_HEAD));
            let Some(entry) = entries.next() else { return Ok(()) };
            left.set(None);
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            self.entries += 1;
            self.bytes = self.bytes.saturating_add(entry.size());
            // What a sparse file is unpacked to is not read from anywhere.
            let sparse = entry.header().entry_type() == EntryType::GNUSparse;
            let bomb = sparse && is_bomb(self.bytes - before, packed());
            if bomb || self.bytes > MAX_BYTES || self.entries > MAX_ENTRIES {
                return Err(refused(&path, "makes the image larger than any real one: a decompression bomb"));
            }
            let place = place(&path)?;
            let wrapped = |e: io::Error| match e.kind() {
                io::ErrorKind::Other => e,
                _ => io::Error::new(e.kind(), format!("`{}`: {e}", path.display())),
            };
            self.entry(&mut entry, &place, &mut made).map_err(wrapped)?;
            // What nobody wanted of it is passed over before the next head is looked for.
            io::copy(&mut entry, &mut io::sink())?;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_an_image_are_read_and_none_outside_of_it() {
        let root = std::env::temp_dir().join(format!("callgate-unpack-{}", std::process::id()));
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(root.join("etc/group"), "web:x:44:\n").unwrap();
        std::os::unix::fs::symlink("/etc/group", root.join("etc/linked")).unwrap();
        std::os::unix::fs::symlink("/proc/self/status", root.join("etc/outside")).unwrap();
        let dir = File::open(root.join("etc")).unwrap();
        if within(&dir, Path::new("group"), OFlags::RDONLY)
            .is_err_and(|e| e.kind() == io::ErrorKind::Unsupported)
        {
            return println!("skipped: no openat2 (an emulator, or a kernel before 5.6)");
        }
        rustix::fs::mknodat(&dir, "passwd", FileType::Fifo, Mode::RUSR, 0).unwrap();
        // Were it opened to be read, this would never return.
        let fifo = read_within(&root, "etc/passwd").map_err(|e| e.to_string());
        let group = read_within(&root, "etc/linked").unwrap_or_default();
        let directory = read_within(&root, "etc").map_err(|e| e.to_string());
        let outside = read_within(&root, "etc/outside").map_err(|e| e.kind());
        std::fs::remove_dir_all(&root).unwrap();
        assert_eq!(fifo, Err("it is no regular file".to_owned()));
        assert_eq!(directory, Err("it is no regular file".to_owned()));
        assert_eq!(outside, Err(io::ErrorKind::NotFound));
        assert_eq!(group, "web:x:44:\n");
    }
}
