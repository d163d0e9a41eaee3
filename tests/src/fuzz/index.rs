//! A log, or its index, that was changed behind its writer's back.

use std::path::Path;

use fastrand::Rng;
use windlass_disk::log::{GapReason, Kind, LogPaths, LogReader, LogWriter};
use windlass_disk::{Disk, FaultyDisk};

use super::mutate::mutate;

pub(super) fn case(rng: &mut Rng) -> Result<(), String> {
    let disk = FaultyDisk::new();
    let base = Path::new("/step-01");
    let written = write(rng, &disk, base);
    let paths = LogPaths::of(base);
    let victim = if rng.bool() { &paths.index } else { &paths.bytes };
    disk.damage(victim, |bytes| mutate(rng, bytes));
    peek(rng, &disk, base);
    let (mut log, _cut) = LogWriter::open(&disk, base).map_err(|error| format!("it does not open: {error}"))?;
    let kept = disk.read(&paths.bytes).map_err(|error| error.to_string())?;
    if kept.len() as u64 != log.end() || !written.starts_with(&kept) {
        return Err(format!("{} bytes were written, {} others are kept", written.len(), kept.len()));
    }
    log.append(Kind::Stdout, 0, b"more").map_err(|error| format!("it does not go on: {error}"))?;
    let reader = LogReader::open(&disk, base).map_err(|error| error.to_string())?;
    let read = reader.read(0, kept.len() + 4).map_err(|error| format!("it does not read: {error}"))?;
    match read == [&kept[..], b"more"].concat() {
        true => Ok(()),
        false => Err("a reader sees other bytes than the writer".to_owned()),
    }
}

fn write(rng: &mut Rng, disk: &FaultyDisk, base: &Path) -> Vec<u8> {
    let (mut log, _cut) = LogWriter::open(disk, base).expect("a new log on a sound disk");
    let mut written = Vec::new();
    for at_ns in 0..rng.u64(1..12) {
        if rng.u8(0..6) == 0 {
            log.gap(at_ns, GapReason::DiskStuck, rng.u64(0..1000)).expect("a sound disk takes a gap");
        }
        let data: Vec<u8> =
            (0..rng.usize(1..300)).map(|_| if rng.u8(0..20) == 0 { b'\n' } else { rng.u8(..) }).collect();
        let kind = if rng.bool() { Kind::Stdout } else { Kind::Stderr };
        log.append(kind, at_ns, &data).expect("a sound disk takes a chunk");
        written.extend(data);
    }
    log.sync().expect("a sound disk syncs");
    written
}

/// Readers may come before the start has cut anything: they must not fall over. What they may show is said by the cut, not here.
fn peek(rng: &mut Rng, disk: &FaultyDisk, base: &Path) {
    let Ok(reader) = LogReader::open(disk, base) else { return };
    let (offset, count) = (rng.u64(..), rng.u64(0..50));
    let _ = (reader.extent(), reader.entries(0, count), reader.chunk_at(offset), reader.entries_from(offset, count));
    let _ = reader.read(rng.u64(0..4000), rng.usize(0..4000));
}
