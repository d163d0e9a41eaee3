//! The entries of a tar, with the extensions that carry long names read by us and bounded: a hostile header must not take
//! memory before it is refused.

use std::io::Read;

use tar::{Entry, EntryType};

use super::names::Parts;

/// The most bytes an extension header may have.
const EXTENSION_MAX: u64 = 64 * 1024;
/// Extension headers in a row, before the entry that they belong to.
const EXTENSIONS_MAX: u32 = 4;

/// Why an archive is refused. Foreign text is escaped and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A path breaks a rule.
    #[error("path \"{path}\": {why}")]
    Path {
        /// Escaped.
        path: String,
        /// Which rule.
        why: &'static str,
    },
    /// A symlink breaks a rule.
    #[error("symlink \"{path}\": {why}")]
    Link {
        /// Escaped.
        path: String,
        /// Which rule.
        why: &'static str,
    },
    /// One name twice, also after case folding, or as folder and as file; the files that Windlass adds count.
    #[error("{0:?} is there twice, at least after case folding")]
    Twice(String),
    /// Hard link, device, pipe, or a kind that we do not know.
    #[error("\"{path}\" is {what}")]
    Special {
        /// Escaped.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// Setuid or setgid.
    #[error("\"{0}\" has a setuid or setgid bit")]
    Setuid(String),
    /// More than is allowed.
    #[error("it has more than {0}")]
    TooMuch(String),
    /// A kind of archive that is not supported.
    #[error("{0:?} is a kind of archive that is not supported: use .tar or .tar.zst")]
    Kind(String),
    /// It cannot be read as what it claims to be.
    #[error("it is broken: {0}")]
    Broken(String),
}

impl Refusal {
    pub(super) fn path(path: &[u8], why: &'static str) -> Self {
        Self::Path { path: escaped(path), why }
    }

    pub(super) fn link(at: &Parts, why: &'static str) -> Self {
        Self::Link { path: escaped(at.join("/").as_bytes()), why }
    }

    pub(super) fn broken(error: &std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

fn escaped(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(64)].escape_ascii().to_string()
}

/// What an entry is, its content still to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Folder,
    File { size: u64, executable: bool },
    Link { target: Vec<u8> },
}

/// What extension headers say about the entry that follows.
#[derive(Debug, Default)]
pub(super) struct Pending {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    headers: u32,
}

impl Pending {
    /// Takes a raw entry: nothing for an extension, path and kind for what is to be made.
    pub(super) fn take<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<Option<(Vec<u8>, Item)>, Refusal> {
        self.headers += 1;
        if self.headers > EXTENSIONS_MAX {
            return Err(Refusal::TooMuch(format!("{EXTENSIONS_MAX} extension headers in a row")));
        }
        match entry.header().entry_type() {
            EntryType::XGlobalHeader => _ = extension(entry)?,
            EntryType::GNULongName => self.path = Some(without_nul(extension(entry)?)),
            EntryType::GNULongLink => self.link = Some(without_nul(extension(entry)?)),
            EntryType::XHeader => self.take_pax(&extension(entry)?)?,
            kind => return std::mem::take(self).finish(kind, entry).map(Some),
        }
        Ok(None)
    }

    /// Lines of `<length> <key>=<value>\n`; only path, link and size matter to us.
    fn take_pax(&mut self, mut rest: &[u8]) -> Result<(), Refusal> {
        let bad = || Refusal::Broken("a malformed extension header".to_owned());
        while !rest.is_empty() {
            let space = rest.iter().position(|b| *b == b' ').ok_or_else(bad)?;
            let length: usize = text(&rest[..space]).and_then(|digits| digits.parse().ok()).ok_or_else(bad)?;
            let line = rest.get(space + 1..length).and_then(|line| line.strip_suffix(b"\n")).ok_or_else(bad)?;
            let equals = line.iter().position(|b| *b == b'=').ok_or_else(bad)?;
            let (key, value) = (&line[..equals], &line[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(text(value).and_then(|digits| digits.parse().ok()).ok_or_else(bad)?),
                _ if key.starts_with(b"GNU.sparse") => {
                    return Err(Refusal::Special { path: escaped(value), what: "a sparse file" });
                }
                _ => {}
            }
            rest = &rest[length..];
        }
        Ok(())
    }

    fn finish<R: Read>(self, kind: EntryType, entry: &Entry<'_, R>) -> Result<(Vec<u8>, Item), Refusal> {
        let header = entry.header();
        let path = self.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let mode = header.mode().map_err(|error| Refusal::broken(&error))?;
        let size = header.entry_size().map_err(|error| Refusal::broken(&error))?;
        if self.size.is_some_and(|extended| extended != size) {
            return Err(Refusal::Broken(format!("\"{}\" has two sizes", escaped(&path))));
        }
        let item = match kind {
            EntryType::Directory => Item::Folder,
            EntryType::Regular if mode & 0o6000 != 0 => {
                return Err(Refusal::Setuid(escaped(&path)));
            }
            EntryType::Regular => Item::File { size, executable: mode & 0o111 != 0 },
            EntryType::Symlink => {
                let named = header.link_name_bytes().map(std::borrow::Cow::into_owned);
                Item::Link { target: self.link.or(named).unwrap_or_default() }
            }
            other => return Err(Refusal::Special { path: escaped(&path), what: word(other) }),
        };
        Ok((path, item))
    }
}

fn word(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a named pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "no file, folder or symlink",
    }
}

fn extension<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    entry.take(EXTENSION_MAX + 1).read_to_end(&mut bytes).map_err(|error| Refusal::broken(&error))?;
    if bytes.len() as u64 > EXTENSION_MAX {
        return Err(Refusal::TooMuch(format!("{EXTENSION_MAX} bytes in an extension header")));
    }
    Ok(bytes)
}

fn without_nul(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
}
