//! The loop itself.
//!
//! A crash can lose an effect (it is derived again from the state) but never a decision. Facts are folded into the private state as they
//! are decided; nobody else sees them before the commit, and if the commit fails that state dies with the process.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use windlass_core::model::UnixMs;
use windlass_core::world::{self, INPUTS_MAX, Rest, Turn};
use windlass_core::{Recorded, State, Touched};

use super::decide::decide;
use super::vigil::Vigil;
use super::{Act, Published, alarm, room};
use crate::clock::{Clock, wall};
use crate::facts::{Committer, Error, Turns};
use crate::inbox::Submitted;
use crate::volume::Volume;

/// After so long without an input the last record is proven whole.
const QUIET: Duration = Duration::from_secs(1);

/// Between two tries of what is due while the disk is full.
const ROOM_AGAIN: windlass_core::model::Duration = windlass_core::model::Duration::from_secs(5);

/// How often the clocks are looked at when nothing else happens.
const LOOK: Duration = Duration::from_secs(1);

/// The one task that owns the state.
#[derive(Debug)]
pub struct Engine {
    /// As of the last commit, plus what is being decided.
    pub state: State,
    /// What follows from it and found no room in the last turn.
    pub rest: Rest,
    /// Reads the time for decisions.
    pub clock: Clock,
    /// Watches that time.
    pub vigil: Vigil,
    /// Makes facts durable.
    pub facts: Committer,
    /// What the others read.
    pub published: Published,
    /// Who writes checkpoints of it.
    pub turns: Turns,
    /// What waits to be decided.
    pub inbox: mpsc::Receiver<Submitted>,
    /// How full the disk is.
    pub volume: Volume,
    /// Who does what follows.
    pub act: Act,
    /// The last turn found no room in the journal: when what is due is tried again.
    pub room_again: Option<UnixMs>,
}

/// How the loop ended.
#[derive(Debug)]
pub enum Ended {
    /// It was asked to, and everything that was submitted is durable.
    Stopped,
    /// What is on disk is unknown: only a new start from the disk is honest.
    CommitFailed(Error),
}

enum Woken {
    Inputs,
    Deadline,
    Quiet,
    Look,
    Stop,
}

impl Engine {
    /// Runs until `stop`, or until a commit fails.
    pub async fn run(mut self, stop: CancellationToken) -> Ended {
        let mut batch = Vec::new();
        let mut proven = false;
        // What a crash lost of the effects is derived again.
        self.act.perform(world::effects(&self.state, &Touched { all: true, ..Touched::default() }));
        loop {
            let woken = self.wake(&mut batch, proven, &stop).await;
            self.vigil.look(self.clock.now(), wall());
            let result = match woken {
                Woken::Look if self.vigil.paused_ms.is_none() => Ok(()),
                Woken::Look | Woken::Inputs | Woken::Deadline => self.turn(&mut batch).await.map(|()| proven = false),
                Woken::Quiet => prove(&self.facts, self.state.epoch).await.map(|()| proven = true),
                Woken::Stop => return self.stop().await,
            };
            if let Err(error) = result {
                return Ended::CommitFailed(error);
            }
        }
    }

    async fn wake(&mut self, batch: &mut Vec<Submitted>, proven: bool, stop: &CancellationToken) -> Woken {
        if !batch.is_empty() {
            return Woken::Inputs;
        }
        let due = if self.rest.is_empty() {
            world::next_deadline(&self.state, self.clock.now())
        } else {
            Some(self.clock.now())
        };
        // What was due and found no room is tried again, but not without a pause.
        let deadline = due.map(|due| self.room_again.map_or(due, |again| due.max(again)));
        let deadline = deadline.map(|due| self.clock.until(due));
        let quiet = (!proven).then_some(QUIET);
        tokio::select! {
            biased;
            count = self.inbox.recv_many(batch, INPUTS_MAX) => if count == 0 { Woken::Stop } else { Woken::Inputs },
            () = stop.cancelled() => Woken::Stop,
            () = sleep_or_never(deadline) => Woken::Deadline,
            () = sleep_or_never(quiet) => Woken::Quiet,
            () = tokio::time::sleep(LOOK) => Woken::Look,
        }
    }

    /// Decides what is in `batch`, and what follows. What finds no room in the turn stays, for the next.
    async fn turn(&mut self, batch: &mut Vec<Submitted>) -> Result<(), Error> {
        room::refuse_what_is_new(&self.volume, batch);
        let mut reserved = self.facts.reserve().await;
        if reserved.as_ref().is_err_and(is_no_space) && self.volume.release() {
            reserved = self.facts.reserve().await;
        }
        self.room_again = reserved.is_err().then(|| self.clock.now().after(ROOM_AGAIN));
        if let Err(error) = reserved {
            return refuse_for_space(std::mem::take(batch), error);
        }
        let at = self.clock.now();
        let paused = self.vigil.paused_ms.take();
        let (turn, replies) = decide(&mut self.state, &mut self.rest, at, paused, batch);
        let Turn { facts, answers, touched, .. } = turn;
        let alarms = alarm::of(&facts);
        if !facts.is_empty() {
            let recorded = record(at, facts);
            let lsn = self.facts.commit(self.state.epoch, recorded).await?;
            self.published.publish(self.state.clone(), lsn);
            let place = self.facts.place();
            self.turns.ended(self.published.state(), place.mark, place.bytes);
        }
        for (reply, answer) in replies.into_iter().zip(answers) {
            // A caller that went away loses only its answer.
            let _ = reply.send(answer);
        }
        alarm::tell(&self.state, &alarms);
        self.act.perform(world::effects(&self.state, &touched));
        Ok(())
    }

    /// What waits is still decided: those who submitted it get their answer.
    async fn stop(mut self) -> Ended {
        self.inbox.close();
        let mut batch = Vec::new();
        while self.inbox.recv_many(&mut batch, INPUTS_MAX).await > 0 {
            while !batch.is_empty() {
                if let Err(error) = self.turn(&mut batch).await {
                    return Ended::CommitFailed(error);
                }
            }
        }
        match prove(&self.facts, self.state.epoch).await {
            Ok(()) => Ended::Stopped,
            Err(error) => Ended::CommitFailed(error),
        }
    }
}

/// Facts with the time of their turn.
pub fn record(at: UnixMs, facts: Vec<windlass_core::Fact>) -> Vec<Recorded> {
    facts.into_iter().map(|fact| Recorded { at, fact }).collect()
}

/// Proves the last record whole. Where there is no room for that it stays unproven, as after a crash.
async fn prove(facts: &Committer, epoch: u64) -> Result<(), Error> {
    match facts.quiet(epoch).await {
        Err(error) if is_no_space(&error) => Ok(()),
        proven => proven,
    }
}

/// A full volume shows before a decision: nothing is decided, and everybody is told.
fn refuse_for_space(submitted: Vec<Submitted>, error: Error) -> Result<(), Error> {
    if !is_no_space(&error) {
        return Err(error);
    }
    tracing::error!(%error, inputs = submitted.len(), "the master's disk is full: nothing new is decided");
    room::refuse(submitted);
    Ok(())
}

fn is_no_space(error: &Error) -> bool {
    matches!(error, Error::Journal(journal) if journal.is_no_space())
}

async fn sleep_or_never(span: Option<Duration>) {
    match span {
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}
