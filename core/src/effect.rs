//! Everything the master wants done in the world. Effects are derived from the state after the commit: a crash can lose one, and the
//! next start derives it again.

use crate::model::{AgentId, DeliveryKey, Fence, ProjectName};

/// One thing to do; each may be repeated without harm.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// What this agent should be doing may have changed: its session computes the difference and sends it.
    Refresh(AgentId),
    /// Fetch the repository for this delivery and read the pipeline file; the answer comes as `Input::PipelineRead`.
    ReadPipeline(DeliveryKey),
    /// End the logs of this attempt: its agent holds it no more. The answer comes as `Input::LogsEnded`.
    EndLogs(Fence),
    /// Remove the logs of this project's runs that have expired.
    RemoveLogs(ProjectName),
}
