//! A whole log becomes a fact; then its files are let go and its host is told.

use std::time::Duration;

use windlass_core::input::LogSeal;
use windlass_core::{Answer, Input, Refusal};
use windlass_proto::convert::logs::{Down, LogId};

use super::logs::{Sender, key};
use crate::link::Link;
use crate::logs::Sealed;

/// A seal that the journal has no room for is tried again so much later.
const ROOM_AGAIN: Duration = Duration::from_secs(5);

/// Commits the seal. If the master stops in between, the host opens the log again and is told then.
pub(super) async fn commit(link: Link, log: LogId, sealed: Sealed, out: Sender) {
    let Sealed { total, digest, gaps, damaged } = sealed;
    let seal = LogSeal { fence: log.fence, step: log.step, total, digest, gaps, damaged };
    if damaged {
        tracing::error!(fence = %log.fence, step = log.step, "a log is damaged: twice its digest was not the one that its host names");
    }
    let answer = loop {
        match link.inbox.submit(Input::LogSealed(seal.clone())).await {
            // The host waits for its answer and does not ask again.
            Ok(Answer::Refused(Refusal::NoSpace)) => {
                if link.tasks.shutdown.run_until_cancelled(tokio::time::sleep(ROOM_AGAIN)).await.is_none() {
                    return;
                }
            }
            answer => break answer,
        }
    };
    match answer {
        Ok(Answer::Refused(refusal)) => {
            tracing::warn!(fence = %log.fence, step = log.step, %refusal, "a seal was refused")
        }
        Ok(_) => {
            // A writer that has ended has let its files go.
            _ = link.logs.close(key(log)).await;
            // An agent that left asks again.
            _ = out.send(Ok(Down::Ack { log, durable: total, sealed: true }.into_wire())).await;
        }
        Err(stopped) => tracing::debug!(fence = %log.fence, step = log.step, %stopped, "a seal was not committed"),
    }
}
