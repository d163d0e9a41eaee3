//! One session, from Hello to its end: reports up, assignments down, heartbeats both ways.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use windlass_core::model::{CLOCKS_MAY_DIFFER, LaneId, Observation};
use windlass_proto::convert::{CONTROL_MAX_BYTES, Down, Up, Welcome};
use windlass_proto::v1;
use windlass_proto::v1::agent_link_client::AgentLinkClient;

use super::error::{Error, Result};
use super::hello::Introduction;
use super::pending::Pending;
use super::run::Seen;
use crate::clock;
use crate::pause;
use crate::work::{Holdings, Work};

/// Messages on their way up: enough that a burst of reports needs no wait, few enough that a heartbeat is not behind many.
const OUTGOING: usize = 64;
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
/// Observations are repeated at least once a minute.
const TELL_ALL_EVERY_BEATS: u64 = 10;
/// Without an answer to a heartbeat, or to the Hello.
const SILENCE: Duration = Duration::from_secs(15);

/// A session that was let in.
pub(super) struct Session {
    work: Work,
    welcome: Welcome,
    outgoing: mpsc::Sender<v1::FromAgent>,
    incoming: Streaming<v1::FromMaster>,
    holdings: watch::Receiver<Arc<Holdings>>,
    pending: Pending,
    seen: Seen,
    told: BTreeMap<LaneId, Observation>,
    heard: Instant,
    beats: u64,
    /// The two wall clocks differ too much, and this was said.
    skewed: bool,
    /// Where it stands why nothing new is wanted here, and what the master was told of it.
    paused: (PathBuf, Option<String>),
}

enum Event {
    Message(Box<Option<v1::FromMaster>>),
    Room,
    Held,
    Beat,
    Silent,
    Seen,
    Stop,
}

impl Session {
    /// Says hello on connection A and waits for the answer. What the master says first must be Welcome, from an epoch that counts.
    pub(super) async fn open(
        channel: tonic::transport::Channel,
        work: &Work,
        introduction: &Introduction,
        paused: PathBuf,
        seen: Seen,
    ) -> Result<Self> {
        let greeting = work.greet().await?;
        let (outgoing, sent) = mpsc::channel(OUTGOING);
        let hello = Up::Hello(introduction.hello(&greeting)).into_wire();
        outgoing.send(hello).await.map_err(|_| Error::Ended)?;
        let mut client = AgentLinkClient::new(channel).max_decoding_message_size(CONTROL_MAX_BYTES);
        let call = timeout(SILENCE, client.session(ReceiverStream::new(sent))).await;
        let mut incoming = call.map_err(|_| Error::Silent)??.into_inner();
        let first = timeout(SILENCE, incoming.message()).await.map_err(|_| Error::Silent)??;
        let welcome = match Down::from_wire(first.ok_or(Error::Ended)?)? {
            Down::Welcome(welcome) => welcome,
            Down::Refusal(refused) => return Err(Error::Refused(refused)),
            Down::Assignments(_) | Down::ReportAck(_) | Down::HeartbeatAck { .. } => {
                return Err(Error::Due("a Welcome"));
            }
        };
        work.begin(welcome.epoch, welcome.session).await??;
        let pending = Pending::after(&welcome.acked, &greeting.holdings);
        Ok(Self {
            work: work.clone(),
            welcome,
            outgoing,
            incoming,
            holdings: work.holdings(),
            pending,
            seen,
            told: BTreeMap::new(),
            heard: Instant::now(),
            beats: 0,
            skewed: false,
            paused: (paused, introduction.offer.paused.clone()),
        })
    }

    /// Its number in the epoch.
    pub(super) fn number(&self) -> u64 {
        self.welcome.session
    }

    /// Carries it to its end; says why it ended. `stop` ends it without an error.
    pub(super) async fn carry(mut self, stop: &CancellationToken) -> Result<()> {
        let mut beat = tokio::time::interval(HEARTBEAT_EVERY);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.holdings.mark_changed();
        self.seen.mark_changed();
        let mut has_reports = false;
        loop {
            let silent_at = self.heard + SILENCE;
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => Event::Stop,
                message = self.incoming.message() => Event::Message(Box::new(message?)),
                _ = beat.tick() => Event::Beat,
                () = tokio::time::sleep_until(silent_at) => Event::Silent,
                changed = self.holdings.changed() => changed.map_or(Event::Stop, |()| Event::Held),
                permit = self.outgoing.reserve(), if has_reports => permit.map_or(Event::Stop, |_free| Event::Room),
                Ok(()) = self.seen.changed() => Event::Seen,
            };
            match event {
                Event::Message(message) => self.take(message.ok_or(Error::Ended)?).await?,
                Event::Beat => self.beat()?,
                Event::Silent => return Err(Error::Silent),
                Event::Held | Event::Room => has_reports = self.report(),
                Event::Seen => self.tell(),
                Event::Stop => return Ok(()),
            }
        }
    }

    async fn take(&mut self, message: v1::FromMaster) -> Result<()> {
        match Down::from_wire(message)? {
            Down::Assignments(set) => Ok(self.work.assign(self.welcome.session, set).await?),
            Down::HeartbeatAck { wall_ms, .. } => {
                self.heard = Instant::now();
                self.compare(wall_ms);
                Ok(())
            }
            // Reports stay on disk until Forget, and were sent once in this session: there is nothing to do.
            Down::ReportAck(_) => Ok(()),
            Down::Refusal(refused) => Err(Error::Refused(refused)),
            Down::Welcome(_) => Err(Error::Due("anything but a second Welcome")),
        }
    }

    /// Nothing is decided by the difference; but people compare times of the two, and certificates have dates.
    fn compare(&mut self, master_ms: i64) {
        let differ_ms = clock::wall_ms().abs_diff(master_ms);
        let skewed = differ_ms > CLOCKS_MAY_DIFFER.ms();
        if skewed && !self.skewed {
            tracing::warn!(differ_ms, "the clocks of this host and of the master differ");
        }
        self.skewed = skewed;
    }

    /// Sends reports while there is room; true if some are left.
    fn report(&mut self) -> bool {
        let holdings = Arc::clone(&self.holdings.borrow_and_update());
        while let Ok(room) = self.outgoing.try_reserve() {
            match self.pending.next(&holdings) {
                Some(report) => room.send(Up::Report(report).into_wire()),
                None => return false,
            }
        }
        !self.pending.is_empty(&holdings)
    }

    /// Without room the link is stuck, and its silence will end it.
    fn beat(&mut self) -> Result<()> {
        if pause::reason(&self.paused.0) != self.paused.1 {
            return Err(Error::Changed);
        }
        self.beats += 1;
        if self.beats.is_multiple_of(TELL_ALL_EVERY_BEATS) {
            self.told.clear();
        }
        self.tell();
        let room = self.work.room();
        let beat = v1::Heartbeat {
            number: self.beats,
            spool_bytes: room.spool_bytes,
            disk_free_bytes: room.free_bytes,
            draining: room.draining,
            wall_ms: clock::wall_ms(),
        };
        if self.outgoing.try_send(Up::Heartbeat(beat).into_wire()).is_err() {
            tracing::debug!(number = self.beats, "no room for a heartbeat");
        }
        Ok(())
    }

    /// Sends what the observer saw and this session was not told; all of it now and then. What finds no room is sent with the next beat.
    fn tell(&mut self) {
        let newest = Arc::clone(&self.seen.borrow_and_update());
        for (lane, observation) in newest.iter() {
            if self.told.get(lane) == Some(observation) {
                continue;
            }
            let message = Up::Observation(observation.clone()).into_wire();
            if self.outgoing.try_send(message).is_ok() {
                self.told.insert(lane.clone(), observation.clone());
            }
        }
    }
}
