//! What a fact is about, for filters.

use super::Fact;
use crate::model::ProjectName;

impl Fact {
    /// The project a run fact belongs to, for filters; none for what is not about a run.
    pub fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::RunCreated { run, .. }
            | Self::JobsAdded { run, .. }
            | Self::JobPlaced { run, .. }
            | Self::CancelAsked { run, .. }
            | Self::JobEnded { run, .. }
            | Self::RunEnded { run, .. }
            | Self::Settled { run, .. }
            | Self::JobHeld { run, .. }
            | Self::JobsRetried { run, .. }
            | Self::RunClosed { run } => Some(&run.project),
            Self::ProjectStarted { project, .. }
            | Self::LogsExpired { project, .. }
            | Self::RunsExpired { project, .. } => Some(project),
            Self::Secret(fact) => Some(fact.project()),
            Self::DeliveryTaken { delivery } => Some(&delivery.project),
            Self::EpochBegun { .. }
            | Self::Restored
            | Self::ConfigSet { .. }
            | Self::TokenMade { .. }
            | Self::JoinTokenMade { .. }
            | Self::AgentEnrolled { .. }
            | Self::AgentSeen { .. }
            | Self::AgentGone { .. }
            | Self::Observed { .. }
            | Self::DeliveryMatchedNothing { .. }
            | Self::DeliveriesForgotten { .. }
            | Self::KeysForgotten { .. }
            | Self::KeyUsed { .. }
            | Self::Reported { .. }
            | Self::AttemptLost { .. }
            | Self::AttemptGone { .. }
            | Self::LogSealed { .. }
            | Self::ArtifactStored { .. }
            | Self::JobClosed { .. }
            | Self::MasterPaused { .. }
            | Self::Agent(_)
            | Self::Deployment(_) => None,
        }
    }
}
