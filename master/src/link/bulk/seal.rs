//! A whole log becomes a fact; then its files are let go and its host is told.

use windlass_core::input::LogSeal;
use windlass_core::{Answer, Input};
use windlass_proto::convert::logs::{Down, LogId};

use super::logs::{Sender, key};
use crate::link::Link;
use crate::logs::Sealed;

/// Commits the seal. If the master stops in between, the host opens the log again and is told then.
pub(super) async fn commit(link: Link, log: LogId, sealed: Sealed, out: Sender) {
    let Sealed { total, digest, gaps, damaged } = sealed;
    let seal = LogSeal { fence: log.fence, step: log.step, total, digest, gaps, damaged };
    if damaged {
        tracing::error!(fence = %log.fence, step = log.step, "a log is damaged: twice its digest was not the one that its host names");
    }
    match link.inbox.submit(Input::LogSealed(seal)).await {
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
