//! Which log goes next, and how far each one is: the part of shipping that knows neither connections nor threads.

use std::collections::BTreeMap;

use windlass_core::attempt::LineBody;
use windlass_core::model::Fence;
use windlass_disk::log::LogReader;
use windlass_proto::convert::logs::{Down, LogId, Up};

use super::error::Result;
use super::shipped::Shipped;
use crate::attempts::Store;
use crate::work::{Attempt, Holdings};

/// Bytes of one session that may be sent and not yet durable.
const WINDOW_BYTES: u64 = 16 * 1024 * 1024;

/// All logs of one session.
pub struct Shipping {
    store: Store,
    session: u64,
    logs: BTreeMap<LogId, Shipped>,
    /// The log that was sent from last, so that a flood of one waits for the others.
    last: Option<LogId>,
}

impl Shipping {
    /// Nothing is shipped yet.
    pub fn new(store: Store, session: u64) -> Self {
        Self { store, session, logs: BTreeMap::new(), last: None }
    }

    /// The call is over: all logs are opened again in the next one.
    pub fn clear(&mut self) {
        self.logs.clear();
    }

    /// The next message of the log whose turn it is; none if there is nothing to say now.
    pub fn next(&mut self, holdings: &Holdings) -> Result<Option<Up>> {
        self.find(holdings);
        let now_ns = self.store.host().boottime_ns();
        let has_room = self.logs.values().map(Shipped::unacked).sum::<u64>() < WINDOW_BYTES;
        let turn = self.last.and_then(|last| self.logs.keys().position(|log| *log > last)).unwrap_or(0);
        let in_turn: Vec<LogId> = self.logs.keys().skip(turn).chain(self.logs.keys().take(turn)).copied().collect();
        for log in in_turn {
            let (Some(attempt), Some(shipped)) = (holdings.attempts.get(&log.fence), self.logs.get_mut(&log)) else {
                continue;
            };
            if let Some(up) = shipped.next(self.session, attempt, has_room, now_ns)? {
                self.last = Some(log);
                return Ok(Some(up));
            }
        }
        Ok(None)
    }

    /// What the master says of a log.
    pub fn take(&mut self, down: Down) -> Result<()> {
        match down {
            Down::Ack { log, durable, sealed } => match self.logs.get_mut(&log) {
                Some(shipped) => shipped.acked(durable, sealed),
                None => Ok(()),
            },
            Down::Reject { log, reason, want } => match self.logs.get_mut(&log) {
                Some(shipped) => shipped.rejected(reason, want, self.store.host().boottime_ns()),
                None => Ok(()),
            },
        }
    }

    /// Takes up logs that are new and lets go those that are forgotten; false if there is none.
    pub fn find(&mut self, holdings: &Holdings) -> bool {
        self.logs.retain(|log, _| holdings.attempts.contains_key(&log.fence));
        for (fence, attempt) in &holdings.attempts {
            for step in steps_with_log(attempt) {
                self.find_one(*fence, step, attempt);
            }
        }
        !self.logs.is_empty()
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
