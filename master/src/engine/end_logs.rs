//! The logs of an attempt that its agent holds no more: what is stored stands, and the master itself seals it.

use std::sync::Arc;
use std::time::Duration;

use windlass_core::input::LogSeal;
use windlass_core::model::Fence;
use windlass_core::{Answer, Input, Refusal, State};

use super::Published;
use crate::inbox::Inbox;
use crate::logs::{Error, LogKey, LogName, Logs, Sealed};
use crate::tasks::Tasks;

/// Where there is no room for the end of a log, or for the fact, it is tried again so much later.
const ROOM_AGAIN: Duration = Duration::from_secs(5);

/// Ends logs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EndLogs {
    /// The logs.
    pub logs: Logs,
    /// What is believed of them.
    pub published: Published,
    /// Takes the seals.
    pub inbox: Inbox,
    /// Where the work is done.
    pub tasks: Tasks,
}

/// Whether there is nothing left to do.
enum Over {
    Yes,
    /// The journal is full.
    NoRoom,
}

impl EndLogs {
    /// Takes note; a crash in between is repeated by the next start, without harm.
    pub fn take(&self, fence: Fence) {
        let ending = self.clone();
        self.tasks.spawn("end logs", async move {
            let again = async || tokio::time::sleep(ROOM_AGAIN).await;
            loop {
                match ending.end(fence).await {
                    Ok(Over::Yes) => return,
                    Ok(Over::NoRoom) => {
                        tracing::warn!(%fence, "no room to write down that logs without an agent are over")
                    }
                    Err(error) => {
                        tracing::error!(%fence, %error, "the logs of an attempt without an agent are not ended");
                        if !error.is_no_space() {
                            return;
                        }
                    }
                }
                if ending.tasks.shutdown.run_until_cancelled(again()).await.is_none() {
                    return;
                }
            }
        });
    }

    async fn end(&self, fence: Fence) -> Result<Over, Error> {
        let state: Arc<State> = self.published.state();
        let (Some(place), Some((_, attempt))) = (state.attempts.get(&fence), state.attempt(fence)) else {
            return Ok(Over::Yes);
        };
        let mut seals = Vec::new();
        for (step, at) in (1..).zip(&attempt.steps) {
            if at.sealed.is_some() {
                continue;
            }
            let key = LogKey { fence, step };
            let quota = attempt.envelope.log_quota_bytes;
            if let Some(sealed) = self.logs.abandon(key, &LogName::of(place, step), quota).await? {
                let Sealed { total, digest, gaps, damaged } = sealed;
                seals.push(LogSeal { fence, step, total, digest, gaps, damaged });
            }
        }
        let steps: Vec<u32> = seals.iter().map(|seal| seal.step).collect();
        match self.inbox.submit(Input::LogsEnded { fence, seals }).await {
            Ok(Answer::Refused(Refusal::NoSpace)) => return Ok(Over::NoRoom),
            Ok(_) => {}
            // The master stops; the next start ends them.
            Err(_) => return Ok(Over::Yes),
        }
        for step in steps {
            self.logs.close(LogKey { fence, step }).await?;
        }
        tracing::warn!(%fence, "an attempt without an agent is closed");
        Ok(Over::Yes)
    }
}
