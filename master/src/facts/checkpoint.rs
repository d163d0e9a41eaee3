//! Checkpoints: the state at the end of a turn, so that a start need not read every fact.
//!
//! ```text
//! magic "WNDLCKP1" | format u32 | 0 u32 | cluster_id 16 | segment u64 | offset u64 | last_lsn u64 | epoch u64 | hash 32
//!                  | the state, JSON | BLAKE3 of all before it 32                                       (little-endian)
//! ```
//!
//! The place in the journal (`segment` to `hash`) is behind the record of the turn. A file is named by its lsn, written power-safe, and
//! two are kept. A checkpoint is never the only truth as long as all segments are kept: one that does not verify, or that another
//! release wrote and this one does not read, is passed over. Deliberately absent: when one is due ([`super::Checkpointer`] knows).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::State;
use windlass_disk::journal::{Mark, Source};
use windlass_disk::{Disk, safe_write};

/// The newest format that this program reads, and the one that it writes. It rises when facts mean another state than before, so that an
/// older checkpoint is not taken for what the facts would give.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"WNDLCKP1";
const HEADER_BYTES: usize = 96;
const DIGEST_BYTES: usize = 32;

/// How many are kept.
const KEPT: usize = 2;

/// A state, and the place in the journal behind the last fact that it holds.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Behind the last fact.
    pub mark: Mark,
    /// What was believed then.
    pub state: Arc<State>,
}

/// Why a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Its bytes are not those that were written.
    #[error("it does not verify")]
    Damaged,
    /// It belongs to another cluster.
    #[error("it belongs to another cluster")]
    OtherCluster,
    /// A program wrote it whose facts mean more.
    #[error("it has format {0}, newer than {FORMAT}; start the newer program, or restore a backup")]
    Newer(u32),
    /// The release that wrote it believed other things.
    #[error("it is of another release: {0}")]
    OtherRelease(serde_json::Error),
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] windlass_disk::Error),
}

/// The directory of the checkpoints.
#[derive(Clone)]
pub struct Checkpoints {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    cluster_id: [u8; 16],
}

impl Checkpoints {
    /// Those in `dir`, which need not exist yet.
    pub fn at(disk: Arc<dyn Disk>, dir: &Path, cluster_id: [u8; 16]) -> Self {
        Self { disk, dir: dir.to_owned(), cluster_id }
    }

    /// Their files, newest first.
    pub fn files(&self) -> Result<Vec<PathBuf>, windlass_disk::Error> {
        if !self.disk.exists(&self.dir)? {
            return Ok(Vec::new());
        }
        let mut files = self.disk.read_dir(&self.dir)?;
        files.retain(|path| lsn_of(path).is_some());
        files.reverse();
        Ok(files)
    }

    /// The newest that can be used and that `wanted` takes, by the lsn of its last fact.
    pub fn newest(&self, wanted: impl Fn(u64) -> bool) -> Result<Option<Checkpoint>, windlass_disk::Error> {
        self.first(self.files()?, wanted)
    }

    fn first(
        &self,
        files: Vec<PathBuf>,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Option<Checkpoint>, windlass_disk::Error> {
        for path in files.into_iter().filter(|path| lsn_of(path).is_some_and(&wanted)) {
            match self.read(&path) {
                Ok(checkpoint) => return Ok(Some(checkpoint)),
                Err(Unusable::Disk(error)) => return Err(error),
                Err(why) => tracing::error!(%why, file = %path.display(), "a checkpoint is passed over"),
            }
        }
        Ok(None)
    }

    /// The oldest of those.
    pub fn oldest(&self, wanted: impl Fn(u64) -> bool) -> Result<Option<Checkpoint>, windlass_disk::Error> {
        let mut files = self.files()?;
        files.reverse();
        self.first(files, wanted)
    }

    /// Reads one.
    pub fn read(&self, path: &Path) -> Result<Checkpoint, Unusable> {
        let bytes = self.disk.read(path)?;
        let (content, digest) =
            bytes.split_at_checked(bytes.len().saturating_sub(DIGEST_BYTES)).ok_or(Unusable::Damaged)?;
        let (header, state) = content.split_at_checked(HEADER_BYTES).ok_or(Unusable::Damaged)?;
        if digest != blake3::hash(content).as_bytes() || &header[..8] != MAGIC {
            return Err(Unusable::Damaged);
        }
        let format = u32::from_le_bytes(array(header, 8));
        if header[16..32] != self.cluster_id {
            return Err(Unusable::OtherCluster);
        }
        if format > FORMAT {
            return Err(Unusable::Newer(format));
        }
        let number = |at: usize| u64::from_le_bytes(array(header, at));
        let mark = Mark {
            segment: number(32),
            offset: number(40),
            last_lsn: number(48),
            epoch: number(56),
            hash: array(header, 64),
        };
        if lsn_of(path) != Some(mark.last_lsn) {
            return Err(Unusable::Damaged);
        }
        let state = serde_json::from_slice(state).map_err(Unusable::OtherRelease)?;
        Ok(Checkpoint { mark, state: Arc::new(state) })
    }

    /// Writes one, power-safe, and removes all but the newest two. Returns the place of the older of them.
    pub fn write(&self, checkpoint: &Checkpoint) -> Result<Option<Mark>, windlass_disk::Error> {
        safe_write::create_dir_all_synced(&*self.disk, &self.dir)?;
        safe_write::write(&*self.disk, &self.path(checkpoint.mark.last_lsn), &self.encode(checkpoint))?;
        let files = self.files()?;
        let (kept, older) = files.split_at(files.len().min(KEPT));
        for path in older {
            self.disk.remove_file(path)?;
        }
        Ok(kept.get(1).and_then(|path| self.read(path).ok()).map(|older| older.mark))
    }

    /// The same, and compresses the segments that end before the older one: the history alone needs them from now on. A checkpoint that
    /// cannot be written is no harm: the next start reads more.
    pub fn write_and_compress(&self, checkpoint: &Checkpoint, source: &Source) {
        let compressed = match self.write(checkpoint) {
            Ok(Some(older)) => source.compress_before(older.segment),
            Ok(None) => Ok(0),
            Err(error) => return tracing::error!(%error, "a checkpoint was not written"),
        };
        match compressed {
            Ok(0) => {}
            Ok(segments) => tracing::info!(segments, "old segments of the journal are compressed"),
            Err(error) => tracing::error!(%error, "an old segment of the journal was not compressed"),
        }
    }

    fn path(&self, lsn: u64) -> PathBuf {
        self.dir.join(format!("{lsn:020}"))
    }

    fn encode(&self, Checkpoint { mark, state }: &Checkpoint) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.cluster_id);
        for number in [mark.segment, mark.offset, mark.last_lsn, mark.epoch] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&mark.hash);
        serde_json::to_writer(&mut bytes, state).expect("the state has only text keys, so that it always is JSON");
        let digest = blake3::hash(&bytes);
        bytes.extend_from_slice(digest.as_bytes());
        bytes
    }
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoints").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// The lsn that a checkpoint is named by; `None` if it is none.
fn lsn_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let all_digits = name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { name.parse().ok() } else { None }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has the length of the array")
}
