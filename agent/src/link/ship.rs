//! Shipping logs over connection B, in one call for all of them, by offset. Runs on a thread of its own, because it reads the disk.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::Channel;
use windlass_core::attempt::LineBody;
use windlass_core::model::Fence;
use windlass_disk::log::LogReader;
use windlass_proto::convert::BULK_MAX_BYTES;
use windlass_proto::convert::logs::{Down, LogId};
use windlass_proto::v1;
use windlass_proto::v1::agent_link_client::AgentLinkClient;

use super::error::{Error, Result};
use super::shipped::Shipped;
use crate::attempts::Store;
use crate::watch::Growth;
use crate::work::{Attempt, Holdings};

/// Messages handed to the connection: it has a window of its own, and what waits here is memory.
const OUTGOING: usize = 4;
/// Bytes of one session that may be sent and not yet durable.
const WINDOW_BYTES: u64 = 16 * 1024 * 1024;
/// After a call that failed although its session lives.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// Ships all logs in one session.
pub(super) struct Shipper {
    store: Store,
    session: u64,
    holdings: watch::Receiver<Arc<Holdings>>,
    growth: Growth,
    logs: BTreeMap<LogId, Shipped>,
    /// The log that was sent from last, so that a flood of one waits for the others.
    last: Option<LogId>,
}

enum Event {
    Room,
    Down(Box<Option<v1::LogDown>>),
    Changed,
    Gone,
}

impl Shipper {
    pub(super) fn new(store: Store, session: u64, holdings: watch::Receiver<Arc<Holdings>>, growth: Growth) -> Self {
        Self { store, session, holdings, growth, logs: BTreeMap::new(), last: None }
    }

    /// Ships until the session ends, which ends this future. A call that fails is made again.
    pub(super) async fn run(mut self, bulk: Channel) {
        loop {
            match self.call(bulk.clone()).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(session = self.session, %error, "the call for logs failed"),
            }
            self.logs.clear();
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// One call; begun when there is something to say. Ends well only when nothing will ever be held again.
    async fn call(&mut self, bulk: Channel) -> Result<()> {
        while self.find().is_none() {
            self.growth.wait().await;
        }
        let (outgoing, sent) = mpsc::channel(OUTGOING);
        if let Some(first) = self.produce()? {
            outgoing.send(first).await.map_err(|_| Error::Ended)?;
        }
        let mut client = AgentLinkClient::new(bulk).max_decoding_message_size(BULK_MAX_BYTES);
        let mut incoming = client.logs(ReceiverStream::new(sent)).await?.into_inner();
        let mut has_more = true;
        loop {
            let event = self.event(&outgoing, &mut incoming, has_more).await?;
            match event {
                Event::Room => match self.produce()? {
                    Some(message) => outgoing.try_send(message).map_err(|_| Error::Ended)?,
                    None => has_more = false,
                },
                Event::Down(message) => {
                    self.take(message.ok_or(Error::Ended)?)?;
                    has_more = true;
                }
                Event::Changed => has_more = true,
                Event::Gone => return Ok(()),
            }
        }
    }

    async fn event(
        &mut self,
        outgoing: &mpsc::Sender<v1::LogUp>,
        incoming: &mut Streaming<v1::LogDown>,
        has_more: bool,
    ) -> Result<Event> {
        Ok(tokio::select! {
            biased;
            message = incoming.message() => Event::Down(Box::new(message?)),
            permit = outgoing.reserve(), if has_more => permit.map_or(Event::Gone, |_free| Event::Room),
            changed = self.holdings.changed() => changed.map_or(Event::Gone, |()| Event::Changed),
            () = self.growth.wait(), if !has_more => Event::Changed,
        })
    }

    /// The next message of the log whose turn it is.
    fn produce(&mut self) -> Result<Option<v1::LogUp>> {
        self.find();
        let holdings = Arc::clone(&self.holdings.borrow());
        let has_room = self.logs.values().map(Shipped::unacked).sum::<u64>() < WINDOW_BYTES;
        let turn = self.last.and_then(|last| self.logs.keys().position(|log| *log > last)).unwrap_or(0);
        let in_turn: Vec<LogId> = self.logs.keys().skip(turn).chain(self.logs.keys().take(turn)).copied().collect();
        for log in in_turn {
            let (Some(attempt), Some(shipped)) = (holdings.attempts.get(&log.fence), self.logs.get_mut(&log)) else {
                continue;
            };
            if let Some(up) = shipped.next(self.session, attempt, has_room)? {
                self.last = Some(log);
                return Ok(Some(up.into_wire()));
            }
        }
        Ok(None)
    }

    fn take(&mut self, message: v1::LogDown) -> Result<()> {
        match Down::from_wire(message)? {
            Down::Ack { log, durable, sealed } => match self.logs.get_mut(&log) {
                Some(shipped) => shipped.acked(durable, sealed),
                None => Ok(()),
            },
            Down::Reject { log, reason, want } => match self.logs.get_mut(&log) {
                Some(shipped) => shipped.rejected(reason, want),
                None => Ok(()),
            },
        }
    }

    /// Takes up logs that are new and lets go those that are forgotten; none if there is none.
    fn find(&mut self) -> Option<()> {
        let holdings = Arc::clone(&self.holdings.borrow_and_update());
        self.logs.retain(|log, _| holdings.attempts.contains_key(&log.fence));
        for (fence, attempt) in &holdings.attempts {
            for step in steps_with_log(attempt) {
                self.find_one(*fence, step, attempt);
            }
        }
        (!self.logs.is_empty()).then_some(())
    }

    /// A log that cannot be opened yet is looked for again.
    fn find_one(&mut self, fence: Fence, step: u32, attempt: &Attempt) {
        let log = LogId { fence, step };
        if self.logs.contains_key(&log) {
            return;
        }
        match LogReader::open(self.store.disk(), &attempt.dir.log(step)) {
            Ok(reader) => _ = self.logs.insert(log, Shipped::new(log, reader)),
            Err(error) => tracing::debug!(%fence, step, %error, "no log yet"),
        }
    }
}

/// The steps that have a log, or soon will: those that began, and those whose end EXIT names.
fn steps_with_log(attempt: &Attempt) -> Vec<u32> {
    let mut steps: Vec<u32> = Vec::new();
    for line in &attempt.lines {
        match &line.body {
            LineBody::StepStarted { step } => steps.push(*step),
            LineBody::Exit { logs, .. } => {
                let named = logs.iter().zip(1..).filter_map(|(log, step)| log.map(|_| step));
                steps.extend(named);
            }
            LineBody::Accepted { .. }
            | LineBody::Go
            | LineBody::StepEnded { .. }
            | LineBody::Stuck { .. }
            | LineBody::Void { .. } => {}
        }
    }
    steps.sort_unstable();
    steps.dedup();
    steps
}
