//! Chunks of a log as one message.

use bytes::Bytes;
use windlass_disk::log::{Entry, GapReason, Kind, LogReader};
use windlass_proto::convert::DATA_MAX_BYTES;
use windlass_proto::convert::logs::{Chunk, LogId, Mark};
use windlass_proto::v1;

/// The most chunks in one message: with their data they stay far below what a bulk message may have.
const MARKS_MAX: u64 = 1_024;

/// A message and the number of the entry behind it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) chunk: Chunk,
    pub(super) next_entry: u64,
}

/// The chunks from entry `first` on that fit in one message; none if there are none yet.
pub(super) fn read(reader: &LogReader, log: LogId, first: u64) -> windlass_disk::log::Result<Option<Batch>> {
    match read_some(reader, log, first, MARKS_MAX) {
        // What stands before the damage is good.
        Err(error) if error.is_damage() => read_some(reader, log, first, 1),
        read => read,
    }
}

fn read_some(reader: &LogReader, log: LogId, first: u64, max: u64) -> windlass_disk::log::Result<Option<Batch>> {
    let mut entries = reader.entries(first, max)?;
    let fitting = fitting(&entries);
    entries.truncate(fitting);
    let Some(offset) = entries.first().map(|entry| entry.offset) else { return Ok(None) };
    let data = Bytes::from(reader.data(&entries)?);
    let marks = entries.iter().map(mark).collect();
    let next_entry = first + fitting as u64;
    Ok(Some(Batch { chunk: Chunk { log, offset, data, marks }, next_entry }))
}

/// The entry from which a reader goes on that has `offset` bytes: the chunk with the next byte, or a gap before it.
pub(super) fn entry_at(reader: &LogReader, offset: u64) -> windlass_disk::log::Result<u64> {
    // One look: a chunk that comes between two would be passed over.
    let mut number = match reader.number_at(offset) {
        Ok(number) => number,
        Err(error) if error.is_damage() => find(reader, offset)?,
        Err(error) => return Err(error),
    };
    while number > 0 {
        match reader.entries(number - 1, 1) {
            Ok(before) if before.iter().all(|entry| entry.len == 0 && entry.offset == offset) => number -= 1,
            // A gap may have stood there. It is not left out: whoever reads from it finds the damage.
            Err(error) if error.is_damage() && may_be_gap(reader, number - 1, offset)? => return Ok(number - 1),
            Err(error) if !error.is_damage() => return Err(error),
            Ok(_) | Err(_) => break,
        }
    }
    Ok(number)
}

/// Whether the damaged entry of this number, behind which the byte at `offset` comes, may have had no bytes: what stands before it ends there.
fn may_be_gap(reader: &LogReader, number: u64, offset: u64) -> windlass_disk::log::Result<bool> {
    let Some(before) = number.checked_sub(1) else { return Ok(offset == 0) };
    match reader.entries(before, 1) {
        Ok(before) => Ok(before.iter().all(|entry| entry.end() >= offset)),
        Err(error) if error.is_damage() => Ok(true),
        Err(error) => Err(error),
    }
}

/// The whole chunk with the next byte, or one behind it, in an index that is damaged.
fn find(reader: &LogReader, offset: u64) -> windlass_disk::log::Result<u64> {
    let count = reader.extent()?.entries;
    for number in 0..count {
        match reader.entries(number, 1) {
            Ok(found) if found.iter().any(|entry| entry.end() > offset) => return Ok(number),
            Ok(_) => {}
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// How many of these fit: at least one, because no chunk is larger than a message may be.
fn fitting(entries: &[Entry]) -> usize {
    let mut bytes = 0;
    let fit = |entry: &&Entry| {
        bytes += entry.len as usize;
        bytes <= DATA_MAX_BYTES
    };
    entries.iter().take_while(fit).count()
}

fn mark(entry: &Entry) -> Mark {
    Mark {
        len: entry.len,
        kind: match entry.kind {
            Kind::Stdout => v1::Kind::Stdout,
            Kind::Stderr => v1::Kind::Stderr,
            Kind::Gap => v1::Kind::Gap,
        },
        at_ns: entry.at_ns,
        crc32c: entry.data_crc32c,
        dropped: entry.dropped,
        gap: match entry.gap {
            GapReason::NoGap => v1::GapReason::NoGap,
            GapReason::Quota => v1::GapReason::Quota,
            GapReason::DiskStuck => v1::GapReason::DiskStuck,
            GapReason::DiskFull => v1::GapReason::DiskFull,
            GapReason::ShimLost => v1::GapReason::ShimLost,
            GapReason::PowerLost => v1::GapReason::PowerLost,
            GapReason::AgentGone => v1::GapReason::AgentGone,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use windlass_core::model::Fence;
    use windlass_disk::RealDisk;
    use windlass_disk::log::LogWriter;

    use super::*;

    const LOG: LogId = LogId { fence: Fence(1), step: 1 };

    fn all(reader: &LogReader, from: u64) -> (Vec<u8>, Vec<u32>, usize) {
        let (mut bytes, mut lens, mut messages) = (Vec::new(), Vec::new(), 0);
        let mut next = entry_at(reader, from).expect("readable");
        while let Some(batch) = read(reader, LOG, next).expect("readable") {
            assert!(batch.chunk.data.len() <= DATA_MAX_BYTES);
            bytes.extend_from_slice(&batch.chunk.data);
            lens.extend(batch.chunk.marks.iter().map(|mark| mark.len));
            next = batch.next_entry;
            messages += 1;
        }
        (bytes, lens, messages)
    }

    /// Shipping begins while the first chunk is written. That this can fail was seen: with two looks it did, within a few hundred logs.
    #[test]
    fn a_chunk_that_comes_while_shipping_begins_is_not_passed_over() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let turn = std::sync::Barrier::new(2);
        let logs: Vec<PathBuf> = (0..400).map(|number| dir.path().join(format!("step-{number}"))).collect();
        let mut writers: Vec<LogWriter> =
            logs.iter().map(|base| LogWriter::open(&RealDisk, base).expect("a log").0).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for writer in &mut writers {
                    turn.wait();
                    writer.append(Kind::Stdout, 1, b"abc").expect("a chunk");
                }
            });
            let first = |base: &PathBuf| {
                let reader = LogReader::open(&RealDisk, base)?;
                turn.wait();
                let mut first = entry_at(&reader, 0)?;
                while reader.extent()?.entries == 0 && first == 0 {
                    first = entry_at(&reader, 0)?;
                }
                Ok::<_, windlass_disk::log::Error>(first)
            };
            let firsts: Vec<_> = logs.iter().map(first).collect();
            assert!(firsts.iter().all(|first| matches!(first, Ok(0))), "{firsts:?}");
        });
    }

    #[test]
    fn a_log_is_cut_into_messages_and_resumed_at_any_offset() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = dir.path().join("step-01");
        let (mut writer, _) = LogWriter::open(&RealDisk, &base).expect("a log");
        writer.gap(0, GapReason::Quota, 3).expect("a gap");
        writer.append(Kind::Stdout, 1, b"abc").expect("a chunk");
        writer.gap(2, GapReason::DiskFull, 0).expect("a gap");
        writer.append(Kind::Stderr, 3, b"de").expect("a chunk");
        let reader = LogReader::open(&RealDisk, &base).expect("a log");
        assert_eq!(all(&reader, 0), (b"abcde".to_vec(), vec![0, 3, 0, 2], 1));
        assert_eq!(all(&reader, 1), (b"abcde".to_vec(), vec![3, 0, 2], 1), "the chunk with the byte comes whole");
        assert_eq!(all(&reader, 3), (b"de".to_vec(), vec![0, 2], 1), "a gap at the offset comes again");
        assert_eq!(all(&reader, 5), (vec![], vec![], 0));
    }

    #[test]
    fn a_gap_that_is_damaged_is_not_left_out_and_a_chunk_that_was_shipped_is() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = dir.path().join("step-01");
        let (mut writer, _) = LogWriter::open(&RealDisk, &base).expect("a log");
        writer.append(Kind::Stdout, 1, b"abc").expect("a chunk");
        writer.append(Kind::Stdout, 2, b"de").expect("a chunk");
        writer.gap(3, GapReason::Quota, 7).expect("a gap");
        writer.append(Kind::Stdout, 4, b"f").expect("a chunk");
        let index = windlass_disk::log::LogPaths::of(&base).index;
        let whole = std::fs::read(&index).expect("written");
        let entry = whole.len() / 4;
        for (damaged, at, goes_on) in [(2, 5, 2), (1, 5, 2), (0, 3, 1), (3, 5, 2)] {
            let mut bytes = whole.clone();
            bytes[damaged * entry] ^= 1;
            std::fs::write(&index, bytes).expect("changed");
            let reader = LogReader::open(&RealDisk, &base).expect("a log");
            assert_eq!(entry_at(&reader, at).expect("readable"), goes_on, "entry {damaged} is damaged");
        }
    }

    #[test]
    fn a_message_holds_no_more_than_it_may() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let base = dir.path().join("step-01");
        let (mut writer, _) = LogWriter::open(&RealDisk, &base).expect("a log");
        for _ in 0..9 {
            writer.append(Kind::Stdout, 1, &vec![b'x'; 64 * 1024]).expect("a chunk");
        }
        let reader = LogReader::open(&RealDisk, &base).expect("a log");
        let (bytes, lens, messages) = all(&reader, 0);
        assert_eq!((bytes.len(), lens.len(), messages), (9 * 64 * 1024, 9, 3));
    }
}
