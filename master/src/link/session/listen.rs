//! What comes from the agent: heartbeats are answered here and now, the rest is passed on.

use tokio::sync::mpsc;
use tokio::time::Instant;
use tonic::{Status, Streaming};
use windlass_core::model::AgentId;
use windlass_proto::convert::{Down, Up};
use windlass_proto::v1;

use super::end::End;
use super::outbound::Outbound;
use super::report::{Statement, statement};
use crate::clock::wall;
use crate::link::Link;
use crate::vitals::Vital;

/// The ear of a session.
pub(super) struct Listener<'a> {
    pub(super) link: &'a Link,
    pub(super) agent: AgentId,
    pub(super) inbound: Streaming<v1::FromAgent>,
    pub(super) out: &'a Outbound,
    pub(super) passed: mpsc::Sender<Statement>,
}

impl Listener<'_> {
    /// Listens until the session ends.
    pub(super) async fn run(mut self) -> End {
        let mut silent_at = Instant::now() + self.link.patience.heartbeat;
        loop {
            let message = tokio::time::timeout_at(silent_at, self.inbound.message()).await;
            let heard = match message {
                Err(_elapsed) => return End::Silent,
                Ok(message) => self.hear(message).await,
            };
            match heard {
                Ok(true) => silent_at = Instant::now() + self.link.patience.heartbeat,
                Ok(false) => {}
                Err(end) => return end,
            }
        }
    }

    /// True for a heartbeat.
    async fn hear(&self, message: Result<Option<v1::FromAgent>, Status>) -> Result<bool, End> {
        let message = match message {
            Ok(Some(message)) => message,
            Ok(None) => return Err(End::Left),
            Err(status) => return Err(cut(&status)),
        };
        match Up::from_wire(message)? {
            Up::Heartbeat(heartbeat) => {
                let wall_ms = i64::try_from(wall().0).unwrap_or(i64::MAX);
                self.note(&heartbeat, wall_ms);
                self.out.send(Down::HeartbeatAck { number: heartbeat.number, wall_ms }).await?;
                Ok(true)
            }
            Up::Report(wire) => self.pass(statement(&self.link.published.state(), self.agent, wire)?).await,
            Up::Observation(observation) => self.pass(Statement::Observation(observation)).await,
            Up::Hello(_) => Err(End::Broken("a second Hello came".to_owned())),
        }
    }

    /// For people to look at.
    fn note(&self, said: &v1::Heartbeat, wall_ms: i64) {
        let clock_ahead_ms = (said.wall_ms != 0).then(|| said.wall_ms.saturating_sub(wall_ms));
        let vital = Vital { spool_bytes: said.spool_bytes, disk_free_bytes: said.disk_free_bytes, clock_ahead_ms };
        if self.link.sessions.vitals().note(self.agent, vital) {
            tracing::warn!(agent = %self.agent, clock_ahead_ms, "the clock of an agent differs from the master's");
        }
    }

    async fn pass(&self, statement: Statement) -> Result<bool, End> {
        self.passed.send(statement).await.map_err(|_| End::Left)?;
        Ok(false)
    }
}

/// A stream that breaks in the middle: the connection is gone, or the message is not one.
fn cut(status: &Status) -> End {
    match status.code() {
        tonic::Code::Cancelled | tonic::Code::Unknown | tonic::Code::Unavailable => End::Left,
        _ => End::Broken(status.message().to_owned()),
    }
}
