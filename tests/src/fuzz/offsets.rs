//! A host that sends its log in any order, twice, in other pieces, beyond its end, damaged, and to a master that starts anew in between.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use tokio::sync::watch;
use windlass_core::model::Digest;
use windlass_disk::log::{Kind, LogPaths};
use windlass_disk::{Disk, FaultyDisk};
use windlass_master::logs::{Chunk, HostEnd, LogState, OpenLog, Piece, SealVerdict, Verdict};

/// Of a log at most.
const QUOTA: u64 = 4096;

pub(super) fn case(rng: &mut Rng) -> Result<(), String> {
    let disk = FaultyDisk::new();
    let base = PathBuf::from("/data/logs/shop/1/a.1/step-01");
    let wrote: Vec<u8> = (0..rng.usize(1..2 * QUOTA as usize)).map(|_| rng.u8(..)).collect();
    let mut log = open(&disk, &base)?;
    for _ in 0..rng.u32(1..40) {
        match rng.u8(0..12) {
            0 => log.sync(&disk).map_err(|error| error.to_string())?,
            1 => log = open(&disk, &base)?,
            _ => append(rng, &mut log, &wrote)?,
        }
        compare(&disk, &base, &log, &wrote)?;
    }
    seal(rng, &disk, &base, log, &wrote)
}

fn open(disk: &FaultyDisk, base: &Path) -> Result<OpenLog, String> {
    let (state, _) = watch::channel(LogState::default());
    OpenLog::open(disk, base.to_owned(), QUOTA, state).map_err(|error| format!("it does not open: {error}"))
}

/// One chunk that is right, or wrong in one way; the verdict must say which.
fn append(rng: &mut Rng, log: &mut OpenLog, wrote: &[u8]) -> Result<(), String> {
    let before = log.end();
    // Near the end of what is stored is where it matters.
    let near = usize::try_from(before).unwrap_or(0).min(wrote.len());
    let from = if rng.bool() { near.saturating_sub(rng.usize(0..64)) } else { rng.usize(0..=wrote.len()) };
    let to = (from + rng.usize(0..700)).min(wrote.len());
    let sound = chunk(rng, from, &wrote[from..to]);
    let (mut chunk, is_whole) = damaged(rng, sound);
    if rng.u8(0..16) == 0 {
        chunk.offset = u64::MAX - rng.u64(0..2000);
    }
    let verdict = log.append(&chunk).map_err(|error| format!("a sound disk refuses: {error}"))?;
    let end = chunk.end();
    let wanted = match verdict {
        Verdict::Stored => is_whole && chunk.offset <= before && before < end && end <= QUOTA && log.end() == end,
        Verdict::Duplicate => is_whole && end <= before,
        Verdict::Gap { want } => want == before && (chunk.offset > before || end == u64::MAX),
        Verdict::Crc { want } => want == before && !is_whole,
        Verdict::Quota { want } => want == before && end > QUOTA,
        Verdict::NoSpace { .. } => false,
    };
    let grew = verdict == Verdict::Stored || log.end() == before;
    if wanted && grew {
        return Ok(());
    }
    Err(format!(
        "{verdict:?} for [{}, {end}) at {before} of at most {QUOTA}, whole {is_whole}; it ends at {}",
        chunk.offset,
        log.end()
    ))
}

/// These bytes, cut anywhere.
fn chunk(rng: &mut Rng, offset: usize, data: &[u8]) -> Chunk {
    let (mut pieces, mut rest) = (Vec::new(), data);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(rng.usize(1..=rest.len()));
        let kind = if rng.bool() { Kind::Stdout } else { Kind::Stderr };
        let len = u32::try_from(piece.len()).expect("it is short");
        pieces.push(Piece::Bytes { kind, at_ns: rng.u64(..), len, crc32c: crc32c::crc32c(piece) });
        rest = behind;
    }
    Chunk { offset: offset as u64, data: data.to_vec().into(), pieces }
}

/// The same or, now and then, with a wrong byte, checksum or length. False: it is damaged.
fn damaged(rng: &mut Rng, mut chunk: Chunk) -> (Chunk, bool) {
    if rng.u8(0..4) != 0 || chunk.data.is_empty() {
        return (chunk, true);
    }
    let piece = rng.usize(0..chunk.pieces.len());
    let Piece::Bytes { len, crc32c, .. } = &mut chunk.pieces[piece] else { return (chunk, true) };
    match rng.u8(0..4) {
        0 => *crc32c ^= 1 << rng.u32(0..32),
        1 => *len = len.wrapping_add(rng.u32(1..)),
        2 => _ = chunk.pieces.pop(),
        _ => {
            let mut bytes = chunk.data.to_vec();
            let at = rng.usize(0..bytes.len());
            bytes[at] ^= 1 << rng.u32(0..8);
            chunk.data = bytes.into();
        }
    }
    (chunk, false)
}

/// What is stored is a beginning of what was written, and no longer than it says.
fn compare(disk: &FaultyDisk, base: &Path, log: &OpenLog, wrote: &[u8]) -> Result<(), String> {
    let stored = disk.read(&LogPaths::of(base).bytes).map_err(|error| error.to_string())?;
    if stored.len() as u64 == log.end() && wrote.starts_with(&stored) {
        return Ok(());
    }
    let at = stored.iter().zip(wrote).take_while(|(a, b)| a == b).count();
    Err(format!("{} bytes are stored and {} said; they differ at {at}", stored.len(), log.end()))
}

/// A seal of any length and digest: only the whole log is sealed as whole.
fn seal(rng: &mut Rng, disk: &FaultyDisk, base: &Path, mut log: OpenLog, wrote: &[u8]) -> Result<(), String> {
    let (stored, known) = (log.end(), usize::try_from(log.end()).unwrap_or(usize::MAX));
    let total = if rng.bool() { stored } else { rng.u64(0..2 * QUOTA) };
    let is_right = rng.bool();
    let digest = if is_right { Digest::of(&wrote[..known]) } else { Digest::of(&rng.u64(..).to_le_bytes()) };
    let verdict = log.seal(disk, total, HostEnd::Whole(digest)).map_err(|error| error.to_string())?;
    let fits = is_right && total == stored;
    let wanted = match verdict {
        SealVerdict::Short { want } => want == stored && total > stored,
        SealVerdict::Mismatch => !fits && total <= stored && log.end() == 0,
        SealVerdict::Sealed(sealed) => fits && !sealed.damaged && sealed.total == stored && sealed.digest == digest,
    };
    compare(disk, base, &log, wrote)?;
    if wanted {
        Ok(())
    } else {
        Err(format!("{verdict:?} for {total} bytes of {stored}, the digest is right: {is_right}"))
    }
}
