//! Statements of an agent on their way to the engine, and their acknowledgements.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use windlass_core::answer::Refusal;
use windlass_core::attempt::Line;
use windlass_core::model::{AgentId, Digest, Envelope, Fence, Observation};
use windlass_core::{Answer, Input, State};
use windlass_proto::convert::{Down, Error, envelope_digest, report};
use windlass_proto::v1;

use super::end::End;
use super::outbound::Outbound;
use crate::inbox::Inbox;

/// Statements that are submitted together: one turn of the engine takes them all. `join_all` polls so many in their order, and the
/// inbox serves first who came first, so that the lines of a record stay in order.
const BATCH: usize = 16;

/// What an agent states.
#[derive(Debug)]
pub enum Statement {
    /// A line of a record.
    Report(Fence, Box<Line>),
    /// A line that can only be a repeat.
    Known(Fence, u32),
    /// What it sees of a service.
    Observation(Observation),
}

/// What a report states. One about an attempt that is closed is known: its acknowledgement was lost, and the assignments say forget.
pub fn statement(state: &State, agent: AgentId, wire: v1::Report) -> Result<Statement, Error> {
    let fence = Fence(wire.fence);
    if wire.fence != 0 && wire.index != 0 && !state.attempts.contains_key(&fence) {
        return Ok(Statement::Known(fence, wire.index));
    }
    let placed = |fence: Fence| -> Option<(Digest, Envelope)> {
        let (_, attempt) = state.attempt(fence).filter(|(_, attempt)| attempt.agent == agent)?;
        Some((envelope_digest(&attempt.envelope), Envelope::clone(&attempt.envelope)))
    };
    let (fence, line) = report::from_wire(wire, placed)?;
    Ok(Statement::Report(fence, Box::new(line)))
}

/// Carries statements to the engine.
pub(super) struct Reporter<'a> {
    pub(super) inbox: &'a Inbox,
    pub(super) agent: AgentId,
    pub(super) session: u64,
    pub(super) out: &'a Outbound,
    pub(super) waiting: mpsc::Receiver<Statement>,
}

impl Reporter<'_> {
    /// Works until the session ends.
    pub(super) async fn run(mut self) -> End {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            if self.waiting.recv_many(&mut batch, BATCH).await == 0 {
                return End::Left;
            }
            if let Err(end) = self.tell(batch.drain(..)).await {
                return end;
            }
        }
    }

    async fn tell(&self, statements: impl Iterator<Item = Statement>) -> Result<(), End> {
        let mut upto = BTreeMap::new();
        let mut refused = None;
        for told in join_all(statements.map(|statement| self.submit(statement))).await {
            match told {
                Ok(Some((fence, index))) => _ = upto.insert(fence, index),
                Ok(None) => {}
                Err(end) => _ = refused.get_or_insert(end),
            }
        }
        if !upto.is_empty() {
            self.out.send(Down::ReportAck(upto)).await?;
        }
        refused.map_or(Ok(()), Err)
    }

    /// How far the record is known now; none for an observation.
    async fn submit(&self, statement: Statement) -> Result<Option<(Fence, u32)>, End> {
        let Self { agent, session, .. } = *self;
        let input = match statement {
            Statement::Known(fence, index) => return Ok(Some((fence, index))),
            Statement::Report(fence, line) => Input::Reported { agent, session, fence, line },
            Statement::Observation(observation) => Input::Observed { agent, session, observation },
        };
        match self.inbox.submit(input).await? {
            Answer::Acked { fence, upto } => Ok(Some((fence, upto))),
            Answer::Done => Ok(None),
            Answer::Refused(Refusal::SessionOver) => Err(End::Replaced),
            Answer::Refused(refusal) => {
                tracing::warn!(%agent, %refusal, "refused a statement of an agent");
                Err(End::Broken(refusal.to_string()))
            }
            other => unreachable!("a statement is answered by Acked, Done or Refused, not by {other:?}"),
        }
    }
}
