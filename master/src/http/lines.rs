//! One step's log as JSON lines: chunks in, whole lines out, each stream on its own.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::time::Instant;
use windlass_core::model::UnixMs;
use windlass_disk::log::{Entry, GapReason, Kind};
use windlass_proto::api::{LogGap, LogLine};

/// A line of more bytes comes in pieces.
const PIECE_BYTES: usize = 64 * 1024;
/// An unended line is shown after this.
const UNENDED: Duration = Duration::from_millis(500);

/// A line on its way, with the time that it takes its place by.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) at: UnixMs,
    pub(super) line: LogLine,
    /// Where its bytes end.
    end: u64,
}

/// The beginning of a line whose end has not come.
#[derive(Debug)]
struct Unended {
    offset: u64,
    /// Number of the chunk that it begins in.
    entry: u64,
    time: UnixMs,
    bytes: Vec<u8>,
    since: Instant,
}

/// Where reading goes on: from this chunk, without the bytes before the offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) entry: u64,
    pub(super) offset: u64,
}

/// Cuts one log into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// What was read so far.
    read: Position,
    stdout: Option<Unended>,
    stderr: Option<Unended>,
    queue: VecDeque<Placed>,
    /// Where the bytes of the lines that were taken end.
    taken_end: u64,
}

impl Lines {
    /// Goes on here.
    pub(super) fn from(position: Position) -> Self {
        Self { read: position, taken_end: position.offset, ..Self::default() }
    }

    /// The chunk that is due, and the first of its bytes that was not read.
    pub(super) fn due(&self) -> Position {
        self.read
    }

    /// Where a reader who had every line so far goes on; none if lines of two streams are entangled just now.
    pub(super) fn position(&self) -> Option<Position> {
        let open = [&self.stdout, &self.stderr].into_iter().flatten();
        match open.min_by_key(|unended| unended.offset) {
            None => Some(self.read),
            Some(first) if first.offset < self.taken_end => None,
            Some(first) => Some(Position { entry: first.entry, offset: first.offset }),
        }
        .filter(|_| self.queue.is_empty())
    }

    /// Takes the next chunk or gap; `started` is when the step began.
    pub(super) fn add(&mut self, entry: &Entry, bytes: &Bytes, started: UnixMs) {
        let time = UnixMs(started.0.saturating_add(entry.at_ns / 1_000_000));
        match entry.kind {
            Kind::Gap => self.add_gap(entry, time),
            Kind::Stdout | Kind::Stderr => {
                let skip = usize::try_from(self.read.offset.saturating_sub(entry.offset)).unwrap_or(usize::MAX);
                let fresh = bytes.slice(skip.min(bytes.len())..);
                self.add_bytes(entry.kind, self.read.offset.max(entry.offset), &fresh, time);
            }
        }
        self.read = Position { entry: self.read.entry + 1, offset: entry.end() };
    }

    fn add_gap(&mut self, entry: &Entry, time: UnixMs) {
        self.flush();
        let gap = LogGap { dropped: entry.dropped, reason: gap_word(entry.gap).to_owned() };
        let line =
            LogLine { offset: Some(entry.offset), time: Some(time.into()), gap: Some(gap), ..LogLine::default() };
        self.queue.push_back(Placed { at: time, line, end: entry.offset });
    }

    fn add_bytes(&mut self, kind: Kind, mut offset: u64, bytes: &[u8], time: UnixMs) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let entry = self.read.entry;
            let begin = || Unended { offset, entry, time, bytes: Vec::new(), since: Instant::now() };
            let unended = self.slot(kind).get_or_insert_with(begin);
            unended.bytes.extend_from_slice(piece);
            offset += piece.len() as u64;
            if piece.ends_with(b"\n") {
                self.finish(kind, time, false);
            } else if unended.bytes.len() >= PIECE_BYTES {
                self.finish(kind, time, true);
            }
        }
    }

    fn slot(&mut self, kind: Kind) -> &mut Option<Unended> {
        match kind {
            Kind::Stderr => &mut self.stderr,
            Kind::Stdout | Kind::Gap => &mut self.stdout,
        }
    }

    fn finish(&mut self, kind: Kind, at: UnixMs, partial: bool) {
        let Some(unended) = self.slot(kind).take() else { return };
        let end = unended.offset + unended.bytes.len() as u64;
        let (text, base64) = match String::from_utf8(unended.bytes) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(STANDARD.encode(error.as_bytes()))),
        };
        let stream = if kind == Kind::Stderr { "stderr" } else { "stdout" };
        let line = LogLine {
            offset: Some(unended.offset),
            time: Some(unended.time.into()),
            stream: Some(stream.to_owned()),
            text,
            base64,
            partial,
            ..LogLine::default()
        };
        self.queue.push_back(Placed { at, line, end });
    }

    /// The log is over: what has no end is shown as it is.
    pub(super) fn flush(&mut self) {
        self.flush_if(|_| true, false);
    }

    /// The log goes on: an unended line is shown once it has waited long enough.
    pub(super) fn flush_old(&mut self) {
        self.flush_if(|unended| unended.since.elapsed() >= UNENDED, true);
    }

    fn flush_if(&mut self, due: impl Fn(&Unended) -> bool, partial: bool) {
        for kind in [Kind::Stdout, Kind::Stderr] {
            if let Some(time) = self.slot(kind).as_ref().filter(|unended| due(unended)).map(|unended| unended.time) {
                self.finish(kind, time, partial);
            }
        }
    }

    /// When the first line that waits takes its place.
    pub(super) fn first(&self) -> Option<UnixMs> {
        self.queue.front().map(|placed| placed.at)
    }

    /// The first line that waits.
    pub(super) fn take(&mut self) -> Option<LogLine> {
        let placed = self.queue.pop_front()?;
        self.taken_end = self.taken_end.max(placed.end);
        Some(placed.line)
    }
}

/// The fixed word for why bytes are missing.
pub(super) fn gap_word(reason: GapReason) -> &'static str {
    match reason {
        GapReason::NoGap => "none",
        GapReason::Quota => "quota",
        GapReason::DiskStuck => "disk_stuck",
        GapReason::DiskFull => "disk_full",
        GapReason::ShimLost => "shim_lost",
        GapReason::PowerLost => "power_lost",
        GapReason::AgentGone => "agent_gone",
    }
}

#[cfg(test)]
mod tests;
