//! How far one log is with the master.
//!
//! ```text
//! found ─LogOpen▶ opened ─LogAck▶ shipping ─all sent, attempt ended, LogSeal▶ sealing ─LogAck(sealed)▶ done
//!                                    ▲ └─LogReject▶ rests, or ─┐                │
//!                                    └─────from `want`─────────┴──LogReject─────┘        not ours, or beyond a quota ▶ done
//! ```

use windlass_core::attempt::{LineBody, LogEnd};
use windlass_disk::log::LogReader;
use windlass_proto::convert::logs::{LogId, Up};
use windlass_proto::v1::LogRejectReason;

use super::batch;
use super::error::Result;
use crate::work::Attempt;

/// How long a log rests that the master has no room for, or whose bytes did not arrive whole, in nanoseconds.
const REST_NS: u64 = 2_000_000_000;

/// One log in one session.
#[derive(Debug)]
pub(super) struct Shipped {
    log: LogId,
    reader: LogReader,
    stage: Stage,
    /// Bytes that are sent and not yet durable.
    unacked: u64,
}

#[derive(Debug)]
enum Stage {
    Found,
    Opened,
    Shipping { entry: u64, sent: u64, durable: u64, lost_tail: bool },
    Resting { until_ns: u64, want: u64 },
    Sealing { sent: u64, durable: u64 },
    Done,
}

impl Shipped {
    pub(super) fn new(log: LogId, reader: LogReader) -> Self {
        Self { log, reader, stage: Stage::Found, unacked: 0 }
    }

    /// Bytes that are sent and not yet durable.
    pub(super) fn unacked(&self) -> u64 {
        self.unacked
    }

    /// What is to be sent next; none if nothing is now. `has_room` says whether more bytes may be under way,
    /// `now_ns` is `CLOCK_BOOTTIME`.
    pub(super) fn next(&mut self, session: u64, attempt: &Attempt, has_room: bool, now_ns: u64) -> Result<Option<Up>> {
        match self.stage {
            Stage::Found => {
                let have = self.reader.extent()?.end;
                self.stage = Stage::Opened;
                Ok(Some(Up::Open { log: self.log, session, have }))
            }
            Stage::Resting { until_ns, want } if now_ns >= until_ns => {
                self.go_on_from(want)?;
                self.ship(attempt, has_room)
            }
            Stage::Shipping { .. } => self.ship(attempt, has_room),
            Stage::Opened | Stage::Resting { .. } | Stage::Sealing { .. } | Stage::Done => Ok(None),
        }
    }

    /// These bytes are durable.
    pub(super) fn acked(&mut self, to: u64, sealed: bool) -> Result<()> {
        if sealed {
            self.finish();
            return Ok(());
        }
        match &mut self.stage {
            Stage::Opened => self.go_on_from(to)?,
            Stage::Shipping { sent, durable, .. } | Stage::Sealing { sent, durable } => {
                *durable = to.max(*durable);
                self.unacked = sent.saturating_sub(*durable);
            }
            Stage::Found | Stage::Resting { .. } | Stage::Done => {}
        }
        Ok(())
    }

    /// The master did not take it.
    pub(super) fn rejected(&mut self, reason: LogRejectReason, want: u64, now_ns: u64) -> Result<()> {
        tracing::warn!(fence = %self.log.fence, step = self.log.step, ?reason, want, "log rejected");
        match reason {
            LogRejectReason::LogGap | LogRejectReason::LogMismatch => self.go_on_from(want)?,
            LogRejectReason::LogCrc | LogRejectReason::LogNoSpace => {
                self.unacked = 0;
                self.stage = Stage::Resting { until_ns: now_ns + REST_NS, want };
            }
            LogRejectReason::LogQuota | LogRejectReason::LogNotYours | LogRejectReason::LogUnspecified => self.finish(),
        }
        Ok(())
    }

    fn finish(&mut self) {
        self.unacked = 0;
        self.stage = Stage::Done;
    }

    fn go_on_from(&mut self, durable: u64) -> Result<()> {
        let lost_tail = durable > self.reader.extent()?.end;
        let entry = batch::entry_at(&self.reader, durable)?;
        self.unacked = 0;
        self.stage = Stage::Shipping { entry, sent: durable, durable, lost_tail };
        Ok(())
    }

    fn ship(&mut self, attempt: &Attempt, has_room: bool) -> Result<Option<Up>> {
        let Stage::Shipping { entry, sent, durable, lost_tail } = &mut self.stage else { return Ok(None) };
        if !has_room {
            return Ok(None);
        }
        // Whether it is over is asked before the log is read: what was written before the end is then seen.
        let end = end_of(attempt, self.log.step);
        match batch::read(&self.reader, self.log, *entry) {
            Ok(Some(batch)) if !*lost_tail && batch.chunk.offset <= *sent => {
                *entry = batch.next_entry;
                *sent = batch.chunk.offset + batch.chunk.data.len() as u64;
                self.unacked = sent.saturating_sub(*durable);
                return Ok(Some(Up::Chunk(batch.chunk)));
            }
            Ok(None) => {}
            Ok(Some(_)) => *lost_tail = true,
            Err(error) if error.is_damage() => {
                if !std::mem::replace(lost_tail, true) {
                    tracing::error!(fence = %self.log.fence, step = self.log.step, %error, "the rest of a log is lost");
                }
            }
            Err(error) => return Err(error.into()),
        }
        let Some(end) = end else { return Ok(None) };
        // The host lost its own tail, or its disk changed it: what the master has stands, and a gap says that it is not all.
        let lost = *lost_tail || *sent != end.total || !self.reader.is_whole()?;
        let (total, digest) = if lost { ((*sent).max(*durable), None) } else { (end.total, end.digest) };
        self.stage = Stage::Sealing { sent: *sent, durable: *durable };
        Ok(Some(Up::Seal { log: self.log, total, digest }))
    }
}

/// How long a log is when it is over, as EXIT says.
fn end_of(attempt: &Attempt, step: u32) -> Option<LogEnd> {
    match &attempt.lines.last()?.body {
        LineBody::Exit { logs, .. } => *logs.get(step.checked_sub(1)? as usize)?,
        LineBody::Accepted { .. }
        | LineBody::Go
        | LineBody::StepStarted { .. }
        | LineBody::StepEnded { .. }
        | LineBody::Stuck { .. }
        | LineBody::Void { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use windlass_core::attempt::Line;
    use windlass_core::model::{Digest, Fence, Outcome};
    use windlass_disk::FaultyDisk;
    use windlass_disk::log::{ENTRY_BYTES, GapReason, Kind, LogPaths, LogWriter};

    use super::*;
    use crate::attempts::AttemptDir;

    const LOG: LogId = LogId { fence: Fence(1), step: 1 };

    /// Three chunks and the gap of a quota, as a shim left them; one file is changed behind its back.
    fn damaged(file: fn(LogPaths) -> PathBuf, change: impl FnOnce(&mut Vec<u8>)) -> (Shipped, Attempt) {
        let (disk, base) = (FaultyDisk::new(), Path::new("/step-01"));
        let (mut writer, _) = LogWriter::open(&disk, base).expect("a log");
        for data in [b"abc", b"def", b"ghi"] {
            writer.append(Kind::Stdout, 0, data).expect("a chunk");
        }
        writer.gap(0, GapReason::Quota, 7).expect("a gap");
        let end = LogEnd { total: writer.sync().expect("synced"), digest: Some(Digest::of(b"abcdefghi")) };
        disk.damage(&file(LogPaths::of(base)), change);
        let exit = LineBody::Exit { outcome: Outcome::Succeeded, logs: vec![Some(end)], cancel_too_late: false };
        let lines = vec![Arc::new(Line { format: 1, index: 3, boottime_ns: 0, wall_ms: 0, body: exit })];
        let attempt = Attempt { fence: LOG.fence, dir: AttemptDir::new(Path::new("/")), lines, grouped: false };
        (Shipped::new(LOG, LogReader::open(&disk, base).expect("a log")), attempt)
    }

    /// What is shipped to a master that has so many bytes, and what the seal says.
    fn shipped((mut log, attempt): (Shipped, Attempt), durable: u64) -> (Vec<u8>, u64, bool) {
        let next = |log: &mut Shipped| log.next(1, &attempt, true, 0).expect("readable");
        assert!(matches!(next(&mut log), Some(Up::Open { .. })));
        log.acked(durable, false).expect("readable");
        let mut bytes = Vec::new();
        loop {
            match next(&mut log) {
                Some(Up::Chunk(chunk)) => bytes.extend_from_slice(&chunk.data),
                Some(Up::Seal { total, digest, .. }) => return (bytes, total, digest.is_some()),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_log_that_ended_before_what_was_shipped_is_not_begun_anew() {
        let (log, mut attempt) = damaged(|paths| paths.bytes, |_| ());
        let end = LogEnd { total: 6, digest: Some(Digest::of(b"abcdef")) };
        let exit = LineBody::Exit { outcome: Outcome::Succeeded, logs: vec![Some(end)], cancel_too_late: false };
        attempt.lines = vec![Arc::new(Line { format: 1, index: 3, boottime_ns: 0, wall_ms: 0, body: exit })];
        assert_eq!(shipped((log, attempt), 9), (vec![], 9, false));
    }

    fn entry(number: usize) -> impl FnOnce(&mut Vec<u8>) {
        move |bytes| bytes[number * ENTRY_BYTES] ^= 1
    }

    #[test]
    fn a_log_that_changed_on_the_disk_ends_where_it_is_whole_and_the_seal_says_that_more_was_lost() {
        let sound = damaged(|paths| paths.bytes, |_| ());
        assert_eq!(shipped(sound, 0), (b"abcdefghi".to_vec(), 9, true));
        let data = damaged(|paths| paths.bytes, |bytes| bytes[4] ^= 1);
        assert_eq!(shipped(data, 0), (b"abc".to_vec(), 3, false));
        let middle = damaged(|paths| paths.index, entry(1));
        assert_eq!(shipped(middle, 0), (b"abc".to_vec(), 3, false));
        let first = damaged(|paths| paths.index, entry(0));
        assert_eq!(shipped(first, 0), (vec![], 0, false));
        let gap = damaged(|paths| paths.index, entry(3));
        assert_eq!(shipped(gap, 0), (b"abcdefghi".to_vec(), 9, false));
    }

    #[test]
    fn damage_in_what_the_master_has_holds_up_nothing() {
        for number in 0..2 {
            let before = damaged(|paths| paths.index, entry(number));
            assert_eq!(shipped(before, 6), (b"ghi".to_vec(), 9, true));
        }
        let behind = damaged(|paths| paths.bytes, |bytes| bytes[8] ^= 1);
        assert_eq!(shipped(behind, 6), (vec![], 6, false));
    }
}
