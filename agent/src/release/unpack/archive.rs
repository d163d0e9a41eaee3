//! From an artifact to a new folder, within limits.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use windlass_core::model::Digest;

use super::beneath::Beneath;
use super::names::{self, Kind, Parts, Seen};
use super::raw::{Item, Pending, Refusal};
use crate::release::error::{Error, Result};
use crate::release::manifest::{Entry, Files};

/// Below this many bytes no ratio is looked at: small and very repetitive files are common and harmless.
const RATIO_FROM_BYTES: u64 = 1024 * 1024;
/// Bytes moved at once.
const PIECE: usize = 128 * 1024;
/// Names of archives that are not opened; deploying one as a single file would surprise.
const OTHER_ARCHIVES: [&str; 7] = [".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar.lz4", ".zip", ".7z"];

/// What an archive may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, folders and symlinks.
    pub entries: u64,
    /// Parts of a path.
    pub depth: usize,
    /// Bytes of a path.
    pub path: usize,
    /// Bytes of a part of a path.
    pub part: usize,
    /// Bytes written for each byte of the artifact.
    pub ratio: u64,
    /// Bytes written.
    pub bytes: u64,
}

impl Limits {
    /// Those of every artifact.
    pub const ARTIFACT: Self =
        Self { entries: 100_000, depth: 64, path: 1_024, part: 255, ratio: 100, bytes: 4 * 1024 * 1024 * 1024 };
}

/// Unpacks an artifact into a new folder, as its name says, with these files of ours added; all of it is durable when this
/// returns, but for the folder's own name.
pub fn extract(artifact: &Path, name: &str, into: &Path, limits: &Limits, own: &[(&str, &str)]) -> Result<Files> {
    let file = File::open(artifact).map_err(Error::io("open", artifact))?;
    let size = file.metadata().map_err(Error::io("stat", artifact))?.len();
    let mut unpacking = Unpacking::begin(into, limits, size, own)?;
    if name.ends_with(".tar.zst") {
        let plain = zstd::stream::read::Decoder::new(file).map_err(|error| Refusal::broken(&error))?;
        unpacking.tar(plain)?;
    } else if name.ends_with(".tar") {
        unpacking.tar(file)?;
    } else if OTHER_ARCHIVES.iter().any(|end| name.ends_with(end)) {
        return Err(Refusal::Kind(name.to_owned()).into());
    } else {
        unpacking.single(name, file, size)?;
    }
    unpacking.finish(own)
}

struct Unpacking<'a> {
    into: &'a Path,
    beneath: Beneath,
    limits: &'a Limits,
    most_bytes: u64,
    written: u64,
    entries: u64,
    seen: Seen,
    files: Files,
    links: Vec<(Parts, String)>,
}

impl<'a> Unpacking<'a> {
    fn begin(into: &'a Path, limits: &'a Limits, size: u64, own: &[(&str, &str)]) -> Result<Self> {
        let beneath = Beneath::create(into).map_err(Error::io("create", into))?;
        let most_bytes = limits.bytes.min(size.saturating_mul(limits.ratio).max(RATIO_FROM_BYTES));
        let mut seen = Seen::default();
        for (name, _) in own {
            seen.take(&vec![(*name).to_owned()], Kind::Leaf)?;
        }
        let (files, links) = (Files::new(), Vec::new());
        Ok(Self { into, beneath, limits, most_bytes, written: 0, entries: 0, seen, files, links })
    }

    fn tar(&mut self, bytes: impl Read) -> Result<()> {
        let mut archive = tar::Archive::new(bytes);
        let mut pending = Pending::default();
        for entry in archive.entries().map_err(|error| Refusal::broken(&error))?.raw(true) {
            let mut entry = entry.map_err(|error| Refusal::broken(&error))?;
            if let Some((path, item)) = pending.take(&mut entry)? {
                self.entry(&path, item, &mut entry)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &[u8], item: Item, content: &mut dyn Read) -> Result<()> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(Refusal::TooMuch(format!("{} entries", self.limits.entries)).into());
        }
        let is_folder = item == Item::Folder;
        let path = path.strip_suffix(b"/").filter(|path| is_folder && *path != b".").unwrap_or(path);
        let parts = names::parts(path, self.limits)?;
        if parts.is_empty() {
            let itself = || Refusal::path(path, "it names the release itself");
            return if is_folder { Ok(()) } else { Err(itself().into()) };
        }
        let kind = if is_folder { Kind::Folder } else { Kind::Leaf };
        self.seen.take(&parts, kind)?;
        match item {
            Item::Folder => {
                self.beneath.folder(&parts).map_err(Error::io("unpack into", self.into))?;
            }
            Item::File { size, executable } => self.file(&parts, executable, content, size)?,
            Item::Link { target } => {
                let target = names::link_target(&parts, &target, self.limits)?;
                self.links.push((parts, target));
            }
        }
        Ok(())
    }

    fn single(&mut self, name: &str, mut content: File, size: u64) -> Result<()> {
        let parts = names::parts(name.as_bytes(), self.limits)?;
        if parts.len() != 1 {
            return Err(Refusal::path(name.as_bytes(), "the name of an artifact is one part").into());
        }
        self.seen.take(&parts, Kind::Leaf)?;
        self.file(&parts, true, &mut content, size)
    }

    fn file(&mut self, parts: &Parts, executable: bool, content: &mut dyn Read, size: u64) -> Result<()> {
        let mut file = self.beneath.file(parts, executable).map_err(Error::io("unpack into", self.into))?;
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; PIECE];
        let mut length = 0;
        loop {
            let read = content.read(&mut piece).map_err(|error| Refusal::broken(&error))?;
            if read == 0 {
                break;
            }
            length += read as u64;
            self.written += read as u64;
            if self.written > self.most_bytes {
                return Err(Refusal::TooMuch(format!("{} bytes", self.most_bytes)).into());
            }
            hasher.update(&piece[..read]);
            file.write_all(&piece[..read]).map_err(Error::io("unpack into", self.into))?;
        }
        if length != size {
            return Err(Refusal::Broken(format!("{:?} has {length} of {size} bytes", parts.join("/"))).into());
        }
        self.files.insert(parts.join("/"), Entry::File(Digest(*hasher.finalize().as_bytes())));
        Ok(())
    }

    /// Symlinks are made last, so that no path of the archive can lead through one.
    fn finish(mut self, own: &[(&str, &str)]) -> Result<Files> {
        for (parts, target) in std::mem::take(&mut self.links) {
            self.beneath.link(&parts, &target).map_err(Error::io("unpack into", self.into))?;
            self.files.insert(parts.join("/"), Entry::Link(target));
        }
        for (name, text) in own {
            let parts = vec![(*name).to_owned()];
            self.file(&parts, false, &mut text.as_bytes(), text.len() as u64)?;
        }
        self.beneath.sync().map_err(Error::io("sync", self.into))?;
        Ok(self.files)
    }
}
