//! One log that is being written: what a chunk means for it, and whether it is whole.

use std::path::{Path, PathBuf};

use tokio::sync::watch;
use windlass_core::model::Digest;
use windlass_disk::log::{GapReason, LogPaths, LogReader, LogWriter, verify};
use windlass_disk::{Disk, Open, safe_write};

use super::{Chunk, HostEnd, LogPhase, LogState, Piece, Result, SealVerdict, Sealed, Verdict};

/// Entries of an index that are read at once.
const ENTRIES_AT_ONCE: u64 = 4096;

/// Directories above a log: `build.1/`, `42/`, `shop/`, `logs/`, and the data directory in which that stands.
const LEVELS: usize = 5;

/// A gap, to know it when it comes again.
type Gap = (u64, GapReason, u64);

/// A log that is being written.
#[derive(Debug)]
pub struct OpenLog {
    base: PathBuf,
    writer: LogWriter,
    durable: u64,
    /// Something was written since the last sync.
    dirty: bool,
    /// The names of its two files are durable.
    named: bool,
    gaps: u32,
    /// Gaps behind the last byte: an offset alone does not tell whether one is known.
    last_gaps: Vec<Gap>,
    /// Its digest was wrong once, and it was begun anew.
    anew: bool,
    quota: u64,
    state: watch::Sender<LogState>,
}

impl OpenLog {
    /// Opens or begins the log of `base`; an end that is not whole is cut off. `quota` is how long it may become.
    pub fn open(disk: &dyn Disk, base: PathBuf, quota: u64, state: watch::Sender<LogState>) -> Result<Self> {
        if let Some(dir) = base.parent() {
            safe_write::create_dir_all_synced(disk, dir)?;
        }
        let (writer, cut) = LogWriter::open(disk, &base)?;
        if cut.bytes > 0 || cut.index > 0 {
            tracing::info!(log = %base.display(), bytes = cut.bytes, "cut a log at its last whole chunk");
        }
        let (gaps, last_gaps) = gaps_of(&LogReader::open(disk, &base)?, writer.end())?;
        let (durable, anew) = (0, disk.exists(&anew_path(&base))?);
        let mut log = Self { base, writer, durable, dirty: true, named: false, gaps, last_gaps, anew, quota, state };
        if log.end() > 0 {
            log.sync(disk)?;
        }
        log.publish();
        Ok(log)
    }

    /// Bytes stored.
    pub fn end(&self) -> u64 {
        self.writer.end()
    }

    /// Where its files lie, without an extension.
    pub fn base(&self) -> &PathBuf {
        &self.base
    }

    /// Whether something waits for its sync.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// How far it is, now and at each change.
    pub fn watch(&self) -> watch::Receiver<LogState> {
        self.state.subscribe()
    }

    /// Stores what is new of a chunk. An error means that the disk can no longer be trusted.
    pub fn append(&mut self, chunk: &Chunk) -> Result<Verdict> {
        let want = self.end();
        let Some(end) = chunk.offset.checked_add(chunk.data.len() as u64) else { return Ok(Verdict::Gap { want }) };
        if chunk.offset > want {
            return Ok(Verdict::Gap { want });
        }
        if !checksums_fit(chunk) {
            return Ok(Verdict::Crc { want });
        }
        if end > self.quota {
            return Ok(Verdict::Quota { want });
        }
        let stored = self.append_pieces(chunk);
        self.publish();
        match stored {
            Ok(true) => Ok(Verdict::Stored),
            Ok(false) => Ok(Verdict::Duplicate),
            Err(windlass_disk::log::Error::Disk(error)) if error.is_no_space() => {
                Ok(Verdict::NoSpace { want: self.end() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// True if anything was new. The checksums are known to fit.
    fn append_pieces(&mut self, chunk: &Chunk) -> windlass_disk::log::Result<bool> {
        let (mut from, mut stored) = (0, false);
        for piece in &chunk.pieces {
            let end = self.writer.end();
            match *piece {
                Piece::Gap { at_ns, reason, dropped } => {
                    let gap = (at_ns, reason, dropped);
                    if chunk.offset + from as u64 == end && !self.last_gaps.contains(&gap) {
                        self.writer.gap(at_ns, reason, dropped)?;
                        self.gaps += 1;
                        self.last_gaps.push(gap);
                        (self.dirty, stored) = (true, true);
                    }
                }
                Piece::Bytes { kind, at_ns, len, crc32c } => {
                    let data = &chunk.data[from..from + len as usize];
                    let known = usize::try_from(end - chunk.offset).unwrap_or(usize::MAX).saturating_sub(from);
                    from += data.len();
                    if known >= data.len() {
                        continue;
                    }
                    match known {
                        0 => self.writer.append_chunk(kind, at_ns, data, crc32c)?,
                        known => self.writer.append(kind, at_ns, &data[known..])?,
                    };
                    self.last_gaps.clear();
                    (self.dirty, stored) = (true, true);
                }
            }
        }
        Ok(stored)
    }

    /// Makes everything durable, with the names that lead to it.
    pub fn sync(&mut self, disk: &dyn Disk) -> Result<()> {
        self.writer.sync()?;
        if !self.named {
            self.sync_names(disk)?;
        }
        self.synced();
        Ok(())
    }

    /// Everything written to its volume is durable, names included.
    pub fn synced(&mut self) {
        self.durable = self.writer.end();
        (self.named, self.dirty) = (true, false);
        self.publish();
    }

    /// A level may have been made by a master that was killed before it synced it: then nobody made it anew, and it is synced here.
    fn sync_names(&self, disk: &dyn Disk) -> Result<()> {
        for dir in self.base.ancestors().skip(1).take(LEVELS) {
            disk.sync_dir(dir)?;
        }
        Ok(())
    }

    /// Compares with what the host says of its log.
    pub fn seal(&mut self, disk: &dyn Disk, total: u64, end: HostEnd) -> Result<SealVerdict> {
        if self.end() < total {
            return Ok(SealVerdict::Short { want: self.end() });
        }
        let wanted = match end {
            HostEnd::Whole(wanted) => wanted,
            HostEnd::Lost(reason) => return self.end_with(disk, reason).map(SealVerdict::Sealed),
        };
        self.sync(disk)?;
        let found = Digest(self.writer.digest()?);
        let fits = wanted == found && self.end() == total;
        if !fits && !self.anew {
            self.begin_anew(disk)?;
            return Ok(SealVerdict::Mismatch);
        }
        Ok(SealVerdict::Sealed(Sealed { total: self.end(), digest: found, gaps: self.gaps, damaged: !fits }))
    }

    /// What is stored stands, and then a gap that says why nothing follows; one that is there already is enough.
    pub fn end_with(&mut self, disk: &dyn Disk, reason: GapReason) -> Result<Sealed> {
        let says_so = |gap: &Gap| matches!(gap.1, GapReason::PowerLost | GapReason::ShimLost | GapReason::AgentGone);
        if !self.last_gaps.iter().any(says_so) {
            self.writer.gap(0, reason, 0)?;
            self.gaps += 1;
            self.last_gaps.push((0, reason, 0));
        }
        self.sync(disk)?;
        let digest = Digest(self.writer.digest()?);
        Ok(Sealed { total: self.end(), digest, gaps: self.gaps, damaged: false })
    }

    /// The fact that it is whole is committed.
    pub fn finish(self, disk: &dyn Disk) {
        if self.anew
            && let Err(error) = disk.remove_file(&anew_path(&self.base))
        {
            tracing::warn!(%error, "a mark of a log that is over stays");
        }
        self.state.send_modify(|state| state.phase = LogPhase::Sealed);
    }

    /// Bytes that are proven wrong are no log: the host still has all of it. That it was begun anew is durable before they are gone,
    /// so that a host whose digest never fits is not asked for ever.
    fn begin_anew(&mut self, disk: &dyn Disk) -> Result<()> {
        let paths = LogPaths::of(&self.base);
        disk.open(&anew_path(&self.base), Open::Create)?;
        self.sync_names(disk)?;
        disk.remove_file(&paths.bytes)?;
        disk.remove_file(&paths.index)?;
        let (writer, _) = LogWriter::open(disk, &self.base)?;
        self.writer = writer;
        self.last_gaps.clear();
        (self.durable, self.gaps, self.dirty, self.named, self.anew) = (0, 0, true, false, true);
        self.publish();
        Ok(())
    }

    fn publish(&self) {
        let now = LogState { end: self.end(), durable: self.durable, phase: LogPhase::Live };
        self.state.send_if_modified(|state| std::mem::replace(state, now) != now);
    }
}

/// Stands beside a log that was begun anew because its digest did not fit.
fn anew_path(base: &Path) -> PathBuf {
    base.with_extension("anew")
}

fn checksums_fit(chunk: &Chunk) -> bool {
    let mut rest = &chunk.data[..];
    let fits = chunk.pieces.iter().all(|piece| match piece {
        Piece::Gap { .. } => true,
        Piece::Bytes { len, crc32c, .. } => match rest.split_at_checked(*len as usize) {
            Some((data, behind)) => {
                rest = behind;
                verify(data, *crc32c)
            }
            None => false,
        },
    });
    fits && rest.is_empty()
}

/// How many gaps a log has, and those behind its last byte.
fn gaps_of(reader: &LogReader, end: u64) -> Result<(u32, Vec<Gap>)> {
    let (mut count, mut last, mut at) = (0, Vec::new(), 0);
    loop {
        let entries = reader.entries(at, ENTRIES_AT_ONCE)?;
        if entries.is_empty() {
            return Ok((count, last));
        }
        at += entries.len() as u64;
        for gap in entries.iter().filter(|entry| entry.gap != GapReason::NoGap) {
            count += 1;
            if gap.offset == end {
                last.push((gap.at_ns, gap.gap, gap.dropped));
            }
        }
    }
}
