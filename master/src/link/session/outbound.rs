//! What goes to the agent.

use std::time::Duration;

use tokio::sync::mpsc;
use tonic::Status;
use windlass_proto::convert::Down;
use windlass_proto::v1;

use super::end::End;

/// How long the last message may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The way to the agent.
#[derive(Debug, Clone)]
pub(super) struct Outbound {
    sender: mpsc::Sender<Result<v1::FromMaster, Status>>,
    patience: Duration,
}

impl Outbound {
    pub(super) fn new(sender: mpsc::Sender<Result<v1::FromMaster, Status>>, patience: Duration) -> Self {
        Self { sender, patience }
    }

    /// Sends, in as many messages as it needs. An agent that takes nothing for too long is silent.
    pub(super) async fn send(&self, down: Down) -> Result<(), End> {
        for message in down.into_wire() {
            match self.sender.send_timeout(Ok(message), self.patience).await {
                Ok(()) => {}
                Err(mpsc::error::SendTimeoutError::Closed(_)) => return Err(End::Left),
                Err(mpsc::error::SendTimeoutError::Timeout(_)) => return Err(End::Silent),
            }
        }
        Ok(())
    }

    /// The last message, if there is one to say.
    pub(super) async fn goodbye(self, end: End) {
        let Some(refused) = end.farewell() else { return };
        for message in Down::Refusal(refused).into_wire() {
            // Whoever does not take it sees the stream end.
            _ = self.sender.send_timeout(Ok(message), GOODBYE).await;
        }
    }
}
