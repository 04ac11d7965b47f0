//! Images as files: OCI layouts (image-spec, `image-layout.md`), `docker save` and `podman save` archives.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use callgate_core::Arch;
use flate2::bufread::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::bundle::Process;
use super::cannot;
use super::unpack::{self, Counted, Unpacker};
use crate::exit::Failure;
use crate::input::{self, hex};

/// Manifests and configs are kilobytes.
const MAX_JSON: u64 = 16 << 20;
/// So many bytes say what kind of file it is.
const HEAD: u64 = 512;
/// Links in an archive that lead to links.
const MAX_HOPS: usize = 8;

/// Where an image's parts lie.
enum Store {
    Directory(PathBuf),
    /// Name → place and size, and links.
    Archive {
        path: PathBuf,
        parts: BTreeMap<String, (u64, u64)>,
        links: BTreeMap<String, String>,
    },
}

/// An image that can be unpacked as often as needed.
pub(super) struct Image {
    name: String,
    store: Store,
    config: Value,
    layers: Vec<String>,
}

impl Image {
    /// Opens an archive or a layout and checks that it is one image for this machine.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let broken = |what: String| Failure::new(format!("`{name}` is no image that callgate reads: {what}"));
        let store = Store::open(path)?;
        let (config, layers) = if store.has("manifest.json") {
            docker(&store).map_err(broken)?
        } else if store.has("index.json") {
            layout(&store).map_err(broken)?
        } else {
            let hint = "make one with `docker save IMAGE -o FILE` or `podman save IMAGE -o FILE`";
            return Err(broken("it holds neither manifest.json nor index.json".to_owned()).hint(hint));
        };
        let native = input::native()?;
        let theirs = config["architecture"].as_str().unwrap_or_default();
        if theirs != go_arch(native) {
            let message =
                format!("`{name}` is an image for {theirs}; this machine is {} ({native})", go_arch(native));
            return Err(Failure::new(message).hint("pull it for this machine: --platform"));
        }
        Ok(Self { name, store, config, layers })
    }

    /// What the image runs if it is not told otherwise.
    pub(super) fn process(&self) -> Process {
        let config = &self.config["config"];
        let list = |key: &str| {
            let items = config[key].as_array().into_iter().flatten();
            items.filter_map(|i| i.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let text = |key: &str| config[key].as_str().unwrap_or_default().to_owned();
        Process {
            args: [list("Entrypoint"), list("Cmd")].concat(),
            env: list("Env"),
            cwd: text("WorkingDir"),
            user: text("User"),
            no_new_privs: false,
        }
    }

    /// Unpacks all layers into an empty directory, unless it is wanted to stop.
    pub(super) fn unpack(&self, root: &Path, stop: &dyn Fn() -> bool) -> Result<(), Failure> {
        let failed = |layer: &str, e: &io::Error| {
            Failure::new(format!("cannot unpack `{}`, layer {layer}: {e}", self.name))
        };
        let mut unpacker = Unpacker::new(root).map_err(|e| cannot("open", root, &e))?;
        for layer in &self.layers {
            self.layer(layer, &mut unpacker, stop).map_err(|e| {
                let interrupted = || Failure::new(format!("interrupted while `{}` was unpacked", self.name));
                if stop() { interrupted() } else { failed(layer, &e) }
            })?;
        }
        Ok(())
    }

    fn layer(&self, name: &str, unpacker: &mut Unpacker, stop: &dyn Fn() -> bool) -> io::Result<()> {
        let count = Rc::new(Cell::new(0));
        let hashed = Hashed { inner: self.store.open_part(name)?, hash: Sha256::new() };
        let mut packed = BufReader::new(Counted { inner: hashed, count: Rc::clone(&count), stop });
        let magic = io::BufRead::fill_buf(&mut packed)?.get(..4).unwrap_or_default().to_vec();
        let so_far = || count.get();
        match magic.as_slice() {
            [0x1f, 0x8b, ..] => unpacker.layer(MultiGzDecoder::new(&mut packed), &so_far)?,
            [0x28, 0xb5, 0x2f, 0xfd] => {
                let way_out = "it is compressed with zstd, which callgate does not read; save it with gzip";
                return Err(io::Error::other(way_out));
            }
            _ => unpacker.layer(&mut packed, &so_far)?,
        }
        // What follows the last entry is padding, and part of what the digest is of.
        io::copy(&mut packed, &mut io::sink())?;
        let found = hex(&packed.into_inner().inner.hash.finalize());
        match name.strip_prefix("blobs/sha256/") {
            Some(digest) if digest != found => {
                Err(io::Error::other("its content has another digest than its name"))
            }
            _ => Ok(()),
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::other("it is cut off: it ends before its last part does")
}

/// What a file is that is no tar archive, and the way out, as far as its first bytes say.
fn other_kind(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let packed: [(&[u8], &str, &str); 4] = [
        (&[0x1f, 0x8b], "compressed with gzip", "unpack it first: gunzip -k FILE"),
        (&[0x28, 0xb5, 0x2f, 0xfd], "compressed with zstd", "unpack it first: zstd -d FILE"),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], "compressed with xz", "unpack it first: xz -dk FILE"),
        (b"BZh", "compressed with bzip2", "unpack it first: bunzip2 -k FILE"),
    ];
    if let Some((_, what, way_out)) = packed.iter().find(|(magic, ..)| head.starts_with(magic)) {
        return Some((what, way_out));
    }
    // Names in tar archives may begin so, and are followed by zeros (tar(5), the field `name`).
    let text = !head.contains(&0) && matches!(head.trim_ascii_start(), [b'{' | b'[', ..]);
    text.then_some((
        "a JSON text",
        "--image takes the archive or the OCI layout the text belongs to; --bundle a directory with config.json",
    ))
}

/// A reader that takes a digest.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        Ok(n)
    }
}

/// The architecture as images name it (image-spec, `config.md`: values of GOARCH).
fn go_arch(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 | Arch::X32 => "amd64",
        Arch::X86 => "386",
        Arch::Aarch64 => "arm64",
        Arch::Arm => "arm",
        Arch::Riscv64 => "riscv64",
        Arch::S390x => "s390x",
        Arch::Ppc64le => "ppc64le",
        Arch::Loongarch64 => "loong64",
    }
}

type Parts = (Value, Vec<String>);

/// `manifest.json` of an archive: one image, its config and layers by name.
fn docker(store: &Store) -> Result<Parts, String> {
    let manifest = store.json("manifest.json")?;
    let other =
        "it is a `docker-dir` directory; save it with `podman save --format oci-archive` or `oci-dir`";
    let wrong = if manifest["layers"].is_array() { other } else { "manifest.json is no list" };
    let images = manifest.as_array().ok_or(wrong)?;
    let [image] = images.as_slice() else {
        return Err(format!("it holds {} images; save one alone", images.len()));
    };
    let config = image["Config"].as_str().ok_or("manifest.json names no Config")?;
    let layers = image["Layers"].as_array().into_iter().flatten();
    let layers = layers.map(|l| l.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    Ok((store.json(config)?, layers.ok_or("manifest.json names a layer that is no text")?))
}

/// `index.json` of a layout: the manifest for this machine, or the only one.
fn layout(store: &Store) -> Result<Parts, String> {
    let mut index = store.json("index.json")?;
    let native = Arch::native().map(go_arch).unwrap_or_default();
    for _ in 0..MAX_HOPS {
        let manifests = index["manifests"].as_array().cloned().unwrap_or_default();
        if manifests.is_empty() {
            break;
        }
        let ours = manifests.iter().find(|m| m["platform"]["architecture"].as_str() == Some(native));
        let only = manifests.first().filter(|_| manifests.len() == 1);
        let Some(chosen) = ours.or(only) else {
            return Err(format!("none of its {} images is for {native}", manifests.len()));
        };
        index = store.json(&blob(&chosen["digest"])?)?;
    }
    let layers = index["layers"].as_array().ok_or("its manifest names no layers")?;
    let layers = layers.iter().map(|l| blob(&l["digest"])).collect::<Result<_, _>>()?;
    Ok((store.json(&blob(&index["config"]["digest"])?)?, layers))
}

/// `sha256:…` → where the blob lies.
fn blob(digest: &Value) -> Result<String, String> {
    let text = digest.as_str().unwrap_or_default();
    let hash =
        text.strip_prefix("sha256:").filter(|h| h.len() == 64 && h.bytes().all(|b| b.is_ascii_hexdigit()));
    hash.map(|h| format!("blobs/sha256/{h}")).ok_or_else(|| format!("`{text}` is no sha256 digest"))
}

impl Store {
    fn open(path: &Path) -> Result<Self, Failure> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let mut file = unpack::regular_at(path).map_err(|e| cannot("open --image", path, &e))?;
        let mut head = Vec::new();
        let read = file.by_ref().take(HEAD).read_to_end(&mut head).and_then(|_| file.rewind());
        read.map_err(|e| cannot("read --image", path, &e))?;
        if let Some((what, way_out)) = other_kind(&head) {
            let message = format!("`{}` is no image archive: it is {what}", path.display());
            return Err(Failure::new(message).hint(way_out));
        }
        Self::index(path, file).map_err(|e| {
            let message = format!("`{}` is no image archive: {e}", path.display());
            Failure::new(message)
                .hint("--image takes what `docker save` and `podman save` write, or an OCI layout")
        })
    }

    fn index(path: &Path, file: File) -> io::Result<Self> {
        let (mut parts, mut links) = (BTreeMap::new(), BTreeMap::new());
        let length = file.metadata()?.len();
        let mut archive = tar::Archive::new(BufReader::new(file));
        for entry in archive.entries_with_seek()? {
            // The parser's own words quote bytes of whatever it took for a header.
            let entry = entry.map_err(|e| match e.kind() {
                io::ErrorKind::UnexpectedEof => cut_off(),
                _ if parts.is_empty() && links.is_empty() => io::Error::other("it is no tar archive"),
                _ => {
                    io::Error::other("it is damaged, or cut off: what follows its last part is no tar header")
                }
            })?;
            if entry.raw_file_position().saturating_add(entry.size()) > length {
                return Err(cut_off());
            }
            let name = entry.path()?.to_string_lossy().trim_start_matches("./").to_owned();
            if let Some(target) = entry.link_name()?.filter(|_| entry.header().entry_type().is_symlink()) {
                // Older Docker saves a layer it has already saved as `../ID/layer.tar`.
                links.insert(name, target.to_string_lossy().trim_start_matches("../").to_owned());
            } else {
                parts.insert(name, (entry.raw_file_position(), entry.size()));
            }
        }
        if parts.is_empty() {
            return Err(io::Error::other("it is empty"));
        }
        Ok(Self::Archive { path: path.to_owned(), parts, links })
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Directory(dir) => dir.join(name).is_file(),
            Self::Archive { parts, .. } => parts.contains_key(name),
        }
    }

    fn open_part(&self, name: &str) -> io::Result<io::Take<File>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("it lacks `{name}`"));
        match self {
            Self::Directory(dir) => {
                // Names come from JSON of others: none may lead out of the layout.
                let inside =
                    Path::new(name).components().all(|c| matches!(c, std::path::Component::Normal(_)));
                if !inside {
                    return Err(missing());
                }
                let named = |e: io::Error| io::Error::new(e.kind(), format!("`{name}`: {e}"));
                Ok(unpack::regular_within(dir, name).map_err(named)?.take(u64::MAX))
            }
            Self::Archive { path, parts, links } => {
                let mut name = name;
                for _ in 0..MAX_HOPS {
                    match links.get(name) {
                        Some(target) => name = target,
                        None => break,
                    }
                }
                let (at, size) = *parts.get(name).ok_or_else(missing)?;
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(at))?;
                Ok(file.take(size))
            }
        }
    }

    fn json(&self, name: &str) -> Result<Value, String> {
        let mut bytes = Vec::new();
        let part = self.open_part(name).map_err(|e| e.to_string())?;
        part.take(MAX_JSON).read_to_end(&mut bytes).map_err(|e| format!("`{name}`: {e}"))?;
        let digest = name.strip_prefix("blobs/sha256/");
        if digest.is_some_and(|d| d != hex(&Sha256::digest(&bytes))) {
            return Err(format!("`{name}` has another digest than its name"));
        }
        serde_json::from_slice(&bytes).map_err(|e| format!("`{name}` is no JSON: {e}"))
    }
}
