//! Who does an effect.

use windlass_core::Effect;

use super::{EndLogs, RemoveLogs};
use crate::link::Sessions;
use crate::triggers::Triggers;

/// Those who do what the engine wants done. Each only takes note; none makes the engine wait.
#[derive(Debug, Clone)]
pub struct Act {
    /// Tells agents what they should be doing.
    pub sessions: Sessions,
    /// Reads repositories.
    pub triggers: Triggers,
    /// Ends the logs of attempts without an agent.
    pub end_logs: EndLogs,
    /// Removes the logs that have expired.
    pub remove_logs: RemoveLogs,
}

impl Act {
    /// Hands each effect to whoever does it.
    pub fn perform(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Refresh(agent) => self.sessions.refresh([agent]),
                Effect::ReadPipeline(key) => self.triggers.read(key),
                Effect::EndLogs(fence) => self.end_logs.take(fence),
                Effect::RemoveLogs(project) => self.remove_logs.take(project),
            }
        }
    }
}
