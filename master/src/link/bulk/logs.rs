//! The logs of an agent, one call for all of them: offsets and bytes up, acknowledgements down.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio_stream::wrappers::WatchStream;
use tokio_stream::{StreamExt, StreamMap};
use tonic::{Status, Streaming};
use windlass_core::model::{AgentId, Digest, Outcome, UnknownReason};
use windlass_disk::log::GapReason;
use windlass_proto::convert::logs::{Chunk as WireChunk, Down, LogId, Up};
use windlass_proto::v1::{self, LogRejectReason};

use super::claims::{OwnLog, over, own_log, present};
use super::piece::chunk_of;
use super::seal::commit;
use crate::link::Link;
use crate::link::sessions::Seat;
use crate::logs::{Error, HostEnd, LogKey, LogState, Opened, SealVerdict, Verdict};

pub(super) type Sender = mpsc::Sender<Result<v1::LogDown, Status>>;

/// Runs the call until it or its session ends. Its first message says which session.
pub(in crate::link) async fn run(link: Link, agent: AgentId, mut inbound: Streaming<v1::LogUp>, out: Sender) {
    let ended = match begin(&link, agent, &mut inbound).await {
        Ok((seat, first)) => {
            let mut call = Call::new(&link, agent, seat.session, out.clone());
            tokio::select! {
                ended = call.run(first, &mut inbound) => ended,
                () = seat.over.cancelled() => Err(over()),
            }
        }
        Err(status) => Err(status),
    };
    if let Err(status) = ended {
        tracing::debug!(%agent, %status, "a call for logs ended");
        _ = out.try_send(Err(status));
    }
}

async fn begin(link: &Link, agent: AgentId, inbound: &mut Streaming<v1::LogUp>) -> Result<(Seat, Up), Status> {
    let first = tokio::time::timeout(link.patience.first_message, inbound.message()).await;
    let first = first.map_err(|_elapsed| Status::deadline_exceeded("no log was opened"))??;
    let first = parse(first.ok_or_else(|| Status::invalid_argument("no log was opened"))?)?;
    match first {
        Up::Open { session, .. } => Ok((present(&link.sessions, agent, session)?, first)),
        Up::Chunk(_) | Up::Seal { .. } => Err(Status::invalid_argument("the first message opens no log")),
    }
}

fn parse(message: v1::LogUp) -> Result<Up, Status> {
    Up::from_wire(message).map_err(|error| Status::invalid_argument(error.to_string()))
}

/// One call.
struct Call<'a> {
    link: &'a Link,
    agent: AgentId,
    session: u64,
    out: Sender,
    open: BTreeMap<LogId, Progress>,
    states: StreamMap<LogId, WatchStream<LogState>>,
}

/// How far a log of this call is.
#[derive(Debug, Default)]
struct Progress {
    /// What was acknowledged last.
    acked: u64,
    /// The offset that was asked for because of a gap: chunks that were on their way then are no new reason to ask.
    asked: Option<u64>,
}

enum Event {
    Up(Result<Option<v1::LogUp>, Status>),
    Moved(LogId, LogState),
}

impl<'a> Call<'a> {
    fn new(link: &'a Link, agent: AgentId, session: u64, out: Sender) -> Self {
        Self { link, agent, session, out, open: BTreeMap::new(), states: StreamMap::new() }
    }

    async fn run(&mut self, first: Up, inbound: &mut Streaming<v1::LogUp>) -> Result<(), Status> {
        self.take(first).await?;
        loop {
            let event = tokio::select! {
                message = inbound.message() => Event::Up(message),
                Some((log, state)) = self.states.next() => Event::Moved(log, state),
            };
            match event {
                Event::Up(message) => match message? {
                    Some(message) => self.take(parse(message)?).await?,
                    None => return Ok(()),
                },
                Event::Moved(log, state) => self.moved(log, state).await?,
            }
        }
    }

    async fn take(&mut self, up: Up) -> Result<(), Status> {
        match up {
            Up::Open { session, .. } if session != self.session => Err(over()),
            Up::Open { log, .. } => self.begin(log).await,
            Up::Chunk(chunk) if !self.open.contains_key(&chunk.log) => self.not_yours(chunk.log).await,
            Up::Chunk(chunk) => self.store(chunk).await,
            Up::Seal { log, .. } if !self.open.contains_key(&log) => self.not_yours(log).await,
            Up::Seal { log, total, digest } => self.seal(log, total, digest).await,
        }
    }

    async fn begin(&mut self, log: LogId) -> Result<(), Status> {
        let own = own_log(&self.link.published.state(), self.agent, log.fence, log.step);
        let Some(OwnLog { name, quota, sealed }) = own else { return self.not_yours(log).await };
        if let Some(seal) = sealed {
            self.link.logs.close(key(log)).await.map_err(unavailable)?;
            return self.send(Down::Ack { log, durable: seal.total, sealed: true }).await;
        }
        let Opened { stored, state } = self.link.logs.open(key(log), &name, quota).await.map_err(unavailable)?;
        self.open.insert(log, Progress { acked: stored, asked: None });
        self.states.insert(log, WatchStream::from_changes(state));
        self.send(Down::Ack { log, durable: stored, sealed: false }).await
    }

    async fn store(&mut self, chunk: WireChunk) -> Result<(), Status> {
        let log = chunk.log;
        let chunk = chunk_of(chunk).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let verdict = self.link.logs.append(key(log), chunk).await.map_err(unavailable)?;
        let Some(progress) = self.open.get_mut(&log) else { return Ok(()) };
        let asked = progress.asked.take();
        let (reason, want) = match verdict {
            Verdict::Stored => return Ok(()),
            Verdict::Duplicate => {
                let durable = progress.acked;
                return self.send(Down::Ack { log, durable, sealed: false }).await;
            }
            Verdict::Gap { want } => {
                progress.asked = Some(want);
                if asked == Some(want) {
                    return Ok(());
                }
                (LogRejectReason::LogGap, want)
            }
            Verdict::Crc { want } => {
                progress.asked = Some(want);
                (LogRejectReason::LogCrc, want)
            }
            Verdict::Quota { want } => (LogRejectReason::LogQuota, want),
            Verdict::NoSpace { want } => (LogRejectReason::LogNoSpace, want),
        };
        tracing::debug!(agent = %self.agent, fence = %log.fence, step = log.step, ?reason, want, "refused a chunk");
        self.send(Down::Reject { log, reason, want }).await
    }

    async fn seal(&mut self, log: LogId, total: u64, digest: Option<Digest>) -> Result<(), Status> {
        let end = digest.map_or_else(|| HostEnd::Lost(self.what_was_lost(log)), HostEnd::Whole);
        match self.link.logs.seal(key(log), total, end).await.map_err(unavailable)? {
            SealVerdict::Sealed(sealed) => {
                self.open.remove(&log);
                self.states.remove(&log);
                // On its own: once begun it is finished, whatever becomes of the session, and no byte waits for the engine.
                let task = commit(self.link.clone(), log, sealed, self.out.clone());
                self.link.tasks.spawn("log seal", task);
                Ok(())
            }
            SealVerdict::Short { want } => self.send(Down::Reject { log, reason: LogRejectReason::LogGap, want }).await,
            SealVerdict::Mismatch => {
                tracing::warn!(agent = %self.agent, fence = %log.fence, step = log.step, "a log is not what its host says: all again");
                self.open.insert(log, Progress::default());
                self.send(Down::Reject { log, reason: LogRejectReason::LogMismatch, want: 0 }).await
            }
        }
    }

    /// The host names no digest where it lost its own tail: with the power, else with the shim.
    fn what_was_lost(&self, log: LogId) -> GapReason {
        let state = self.link.published.state();
        let attempt = state.attempt(log.fence).map(|(_, attempt)| attempt);
        match attempt.and_then(|attempt| attempt.late.as_ref().or(attempt.outcome())) {
            Some(Outcome::Unknown { reason: UnknownReason::Reboot }) => GapReason::PowerLost,
            Some(_) | None => GapReason::ShimLost,
        }
    }

    /// Acknowledges what became durable.
    async fn moved(&mut self, log: LogId, state: LogState) -> Result<(), Status> {
        let Some(progress) = self.open.get_mut(&log).filter(|progress| progress.acked < state.durable) else {
            return Ok(());
        };
        progress.acked = state.durable;
        self.send(Down::Ack { log, durable: state.durable, sealed: false }).await
    }

    async fn not_yours(&self, log: LogId) -> Result<(), Status> {
        tracing::warn!(agent = %self.agent, fence = %log.fence, step = log.step, "an agent sent a log that is not its own, or not open");
        self.send(Down::Reject { log, reason: LogRejectReason::LogNotYours, want: 0 }).await
    }

    async fn send(&self, down: Down) -> Result<(), Status> {
        self.out.send(Ok(down.into_wire())).await.map_err(|_| Status::cancelled("the agent left"))
    }
}

pub(super) fn key(log: LogId) -> LogKey {
    LogKey { fence: log.fence, step: log.step }
}

/// A disk that failed or is full is the master's own trouble: the agent has the bytes and comes again.
fn unavailable(error: Error) -> Status {
    match error.is_no_space() {
        true => tracing::warn!(%error, "the disk is full: agents keep their logs"),
        false => tracing::error!(%error, "the logs cannot be written"),
    }
    Status::unavailable("the logs cannot be written")
}
