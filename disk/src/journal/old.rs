//! Old segments: compressed, and kept as long as what they tell is wanted.
//!
//! A compressed segment is one zstd frame with a checksum of its own. It is durable, and was read back and compared, before the plain one
//! goes; whoever opens a segment takes the plain one first, so that a crash in between harms nobody.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use super::error::{Damage, Error, Result};
use super::segment::{Lsn, RECORD_MAX_BYTES};
use super::source::Source;
use crate::file::{self, Disk, DiskFile};
use crate::safe_write;

/// Quick: a segment must not keep a core from work for long.
const LEVEL: i32 = 1;

/// The most bytes a segment may have when it is unpacked. What claims more is damaged, and must not take the memory of the host.
const UNPACKED_MAX_BYTES: usize = 256 * RECORD_MAX_BYTES;

pub(super) fn compress_before(source: &Source, segment: Lsn) -> Result<usize> {
    let mut done = 0;
    let lsns = source.segments()?;
    let old = lsns.iter().take(lsns.len().saturating_sub(1)).filter(|lsn| **lsn < segment);
    for lsn in old {
        let plain = source.path(*lsn);
        if source.disk.exists(&plain)? {
            compress(&*source.disk, &plain, &source.compressed_path(*lsn))?;
            source.disk.remove_file(&plain)?;
            source.disk.sync_dir(&source.dir)?;
            done += 1;
        }
    }
    Ok(done)
}

fn compress(disk: &dyn Disk, plain: &Path, compressed: &Path) -> Result<()> {
    let bytes = disk.read(plain)?;
    let packed = pack(&bytes).map_err(|source| file::Error::new("compress", plain, source))?;
    safe_write::write(disk, compressed, &packed)?;
    let same = unpack(&disk.read(compressed)?).is_ok_and(|found| found == bytes);
    if same { Ok(()) } else { Err(Error::Damage { file: compressed.to_owned(), offset: 0, what: Damage::Compressed }) }
}

fn pack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(bytes)
}

fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reader = zstd::stream::read::Decoder::new(packed)?;
    io::Read::read_to_end(&mut io::Read::take(reader, UNPACKED_MAX_BYTES as u64), &mut bytes)?;
    Ok(bytes)
}

/// Opens a compressed segment for reading; `None` if there is none.
pub(super) fn open(disk: &dyn Disk, path: &Path) -> Result<Option<Box<dyn DiskFile>>> {
    let packed = match disk.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let damage = |_| Error::Damage { file: path.to_owned(), offset: 0, what: Damage::Compressed };
    let bytes = unpack(&packed).map_err(damage)?;
    Ok(Some(Box::new(Unpacked { path: path.to_owned(), bytes })))
}

/// A segment in memory, only for reading.
#[derive(Debug)]
struct Unpacked {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Unpacked {
    fn refuse<T>(&self, operation: &'static str) -> file::Result<T> {
        Err(file::Error::new(operation, &self.path, io::ErrorKind::ReadOnlyFilesystem.into()))
    }
}

impl DiskFile for Unpacked {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> file::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let len = buffer.len().min(self.bytes.len() - start);
        buffer[..len].copy_from_slice(&self.bytes[start..start + len]);
        Ok(len)
    }

    fn len(&self) -> file::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn write_at(&self, _: u64, _: &[u8]) -> file::Result<()> {
        self.refuse("write")
    }

    fn truncate(&self, _: u64) -> file::Result<()> {
        self.refuse("truncate")
    }

    fn fdatasync(&self) -> file::Result<()> {
        self.refuse("fdatasync")
    }

    fn fsync(&self) -> file::Result<()> {
        self.refuse("fsync")
    }

    fn preallocate(&self, _: u64) -> file::Result<()> {
        self.refuse("preallocate")
    }

    fn try_flock(&self) -> file::Result<bool> {
        self.refuse("flock")
    }

    fn duplicate(&self) -> file::Result<Box<dyn DiskFile>> {
        self.refuse("duplicate")
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
