//! All logs of a run as one stream of JSON lines, in the order they were stored.
//!
//! Every step that wrote something is a source. Whoever has a line that waits is asked for its time, and the earliest goes first; a
//! source that has nothing now holds nobody up. The list of sources is read anew each time, so jobs that deployments add later come in.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use windlass_core::attempt::{AttemptState, StepState};
use windlass_core::model::{Attempt, JobKey, UnixMs};
use windlass_core::run::Run;
use windlass_disk::log::{Entry, LogReader};
use windlass_proto::api::{LogEnd, LogLine};

use super::lines::{Lines, Position};
use super::log::log_may_grow;
use crate::logs::{LogName, Logs};

/// Bytes that one source reads at once; a chunk is read whole.
const READ_BYTES: usize = 32 * 1024;
/// Chunks that one source reads at once.
const READ_CHUNKS: u64 = 64;

/// Names a source within its run.
type Key = (JobKey, Attempt, u32);

/// A log that is read.
#[derive(Debug)]
struct Source {
    name: LogName,
    step: String,
    started: UnixMs,
    lines: Lines,
    /// There is more to be read now.
    more: bool,
    /// How it ends; known once it is sealed.
    end: Option<LogLine>,
    /// It may grow.
    grows: bool,
    /// Its end was taken, or it has none and was read to its end.
    done: bool,
}

/// Every log of a run.
#[derive(Debug)]
pub(super) struct Merged {
    logs: Logs,
    job: Option<JobKey>,
    sources: BTreeMap<Key, Source>,
    resumed: Cursor,
}

/// Where a reader of all logs goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Logs that are not done: job, attempt, step, chunk, offset.
    open: Vec<(JobKey, Attempt, u32, u64, u64)>,
    /// Logs that are done.
    done: Vec<(JobKey, Attempt, u32)>,
}

impl Merged {
    /// The logs of a run, of one job only if it is named, from the cursor on.
    pub(super) fn new(logs: Logs, job: Option<JobKey>, resumed: Cursor) -> Self {
        Self { logs, job, sources: BTreeMap::new(), resumed }
    }

    /// Takes note of what the run is now.
    pub(super) fn look(&mut self, run: &Run) {
        let wanted = |key: &JobKey| self.job.as_ref().is_none_or(|job| job == key);
        for job in run.jobs.iter().filter(|job| wanted(&job.plan.key)) {
            for attempt in &job.attempts {
                for (number, step) in (1..).zip(&attempt.steps) {
                    if may_have_log(attempt, step, number) {
                        let key = (job.plan.key.clone(), attempt.number, number);
                        let resumed = &self.resumed;
                        let source = self.sources.entry(key).or_insert_with_key(|key| Source::new(run, key, resumed));
                        source.look(attempt, step, number);
                    }
                }
            }
        }
    }

    /// Reads on wherever no line waits. Errors are those of the disk.
    pub(super) async fn read(&mut self) -> crate::logs::Result<()> {
        for source in self.sources.values_mut().filter(|source| !source.done && source.lines.first().is_none()) {
            source.read(&self.logs).await?;
        }
        Ok(())
    }

    /// The lines that can be shown now, about so many bytes of them; none: there is nothing new.
    pub(super) fn take(&mut self, max_bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while out.len() < max_bytes {
            let waiting = self.sources.values_mut().filter_map(|source| Some((source.lines.first()?, source)));
            let Some((_, source)) = waiting.min_by_key(|(at, _)| *at) else { break };
            if let Some(line) = source.lines.take() {
                write(&mut out, &source.label(line));
            }
            // What it has further may come before what others have: it is read first.
            if source.lines.first().is_none() && source.more {
                break;
            }
        }
        out
    }

    /// Ends of logs that were read to their end.
    pub(super) fn take_ends(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        for source in self.sources.values_mut().filter(|source| source.is_read() && !source.done) {
            source.lines.flush();
            while let Some(line) = source.lines.take() {
                write(&mut out, &source.label(line));
            }
            if let Some(end) = source.end.clone() {
                write(&mut out, &source.label(end));
            }
            source.done = true;
        }
        out
    }

    /// Lines that have waited for their end long enough are shown without it.
    pub(super) fn flush_old(&mut self) {
        self.sources.values_mut().for_each(|source| source.lines.flush_old());
    }

    /// Every line without an end is shown: nobody waits for it.
    pub(super) fn flush(&mut self) {
        self.sources.values_mut().for_each(|source| source.lines.flush());
    }

    /// True once every log is done.
    pub(super) fn is_done(&self) -> bool {
        self.sources.values().all(|source| source.done)
    }

    /// Where a reader who had everything so far goes on; none while that cannot be said.
    pub(super) fn cursor(&self) -> Option<Cursor> {
        let mut cursor = Cursor::default();
        for ((job, attempt, step), source) in &self.sources {
            if source.done {
                cursor.done.push((job.clone(), *attempt, *step));
            } else {
                let Position { entry, offset } = source.lines.position()?;
                cursor.open.push((job.clone(), *attempt, *step, entry, offset));
            }
        }
        Some(cursor)
    }
}

/// True if the step has a log, or may get one.
fn may_have_log(attempt: &AttemptState, step: &StepState, number: u32) -> bool {
    let named = attempt.logs.as_ref().and_then(|logs| logs.get(number as usize - 1));
    step.started.is_some() || step.sealed.is_some() || named.is_some_and(Option::is_some)
}

impl Source {
    fn new(run: &Run, (job, attempt, step): &Key, resumed: &Cursor) -> Self {
        let open = resumed.open.iter().find(|(j, a, s, ..)| (j, a, s) == (job, attempt, step));
        let position = open.map(|(.., entry, offset)| Position { entry: *entry, offset: *offset });
        let done = resumed.done.iter().any(|(j, a, s)| (j, a, s) == (job, attempt, step));
        let name = LogName { run: run.id.clone(), job: job.clone(), attempt: *attempt, step: *step };
        let lines = position.map(Lines::from).unwrap_or_default();
        Self { name, step: String::new(), started: UnixMs(0), lines, more: true, end: None, grows: true, done }
    }

    fn look(&mut self, attempt: &AttemptState, step: &StepState, number: u32) {
        self.step.clone_from(&step.name);
        self.started = step.started.or(attempt.started).unwrap_or(attempt.placed);
        self.grows = log_may_grow(attempt, number);
        self.end = step.sealed.as_ref().map(|seal| LogLine {
            offset: Some(seal.total),
            end: Some(LogEnd {
                outcome: step.outcome.as_ref().map(Into::into),
                digest: format!("blake3:{}", seal.digest),
            }),
            ..LogLine::default()
        });
    }

    /// Whether nothing is left of a log that does not grow.
    fn is_read(&self) -> bool {
        let due = self.end.as_ref().and_then(|end| end.offset).unwrap_or(0);
        !self.grows && !self.more && self.lines.first().is_none() && self.lines.due().offset >= due
    }

    /// Reads until a line waits or all is read that is there now.
    async fn read(&mut self, logs: &Logs) -> crate::logs::Result<()> {
        self.more = true;
        while self.more && self.lines.first().is_none() {
            let first = self.lines.due().entry;
            let read = logs.with(&self.name, move |reader| chunks(reader, first)).await?;
            let (chunks, more) = read.unwrap_or_default();
            self.more = more;
            for (entry, bytes) in &chunks {
                self.lines.add(entry, bytes, self.started);
            }
        }
        Ok(())
    }

    fn label(&self, line: LogLine) -> LogLine {
        LogLine {
            job: Some(self.name.job.to_string()),
            attempt: Some(self.name.attempt.0),
            step: Some(self.step.clone()),
            number: Some(self.name.step),
            ..line
        }
    }
}

type Chunks = (Vec<(Entry, Bytes)>, bool);

/// Whole chunks from this number on, and whether there are more.
fn chunks(reader: &LogReader, first: u64) -> windlass_disk::log::Result<Chunks> {
    let entries = reader.entries(first, READ_CHUNKS)?;
    let (mut out, mut bytes) = (Vec::new(), 0);
    for entry in entries {
        if bytes >= READ_BYTES {
            return Ok((out, true));
        }
        bytes += entry.len as usize;
        let data = reader.data(std::slice::from_ref(&entry))?;
        out.push((entry, Bytes::from(data)));
    }
    let more = reader.extent()?.entries > first + out.len() as u64;
    Ok((out, more))
}

fn write(out: &mut Vec<u8>, line: &LogLine) {
    serde_json::to_writer(&mut *out, line).expect("a line is plain data and a Vec takes every write");
    out.push(b'\n');
}
