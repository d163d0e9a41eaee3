//! What a turn touched: everything derived (effects, events, history rows, views) is computed for these alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{AgentId, DeliveryKey, DeploymentId, Fence, LaneId, ProjectName, ReleaseId, RunId};
use crate::run::Run;

/// Ids that facts touched, and the last state of what left.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// Runs.
    pub runs: BTreeSet<RunId>,
    /// Attempts, open or just closed, with their run.
    pub attempts: BTreeMap<Fence, RunId>,
    /// Agents.
    pub agents: BTreeSet<AgentId>,
    /// Deliveries.
    pub deliveries: BTreeSet<DeliveryKey>,
    /// Projects of which something expired.
    pub projects: BTreeSet<ProjectName>,
    /// Releases.
    pub releases: BTreeSet<ReleaseId>,
    /// Lanes.
    pub lanes: BTreeSet<LaneId>,
    /// Deployments.
    pub deployments: BTreeSet<DeploymentId>,
    /// The configuration changed, or a master began: everything may be due.
    pub all: bool,
    /// Runs that left the state, as they were.
    pub closed: Vec<Arc<Run>>,
    /// Runs that are back in the state, as they were when they left.
    pub reopened: Vec<Arc<Run>>,
}

impl Touched {
    /// True if nothing was touched.
    pub fn is_empty(&self) -> bool {
        !self.all
            && self.runs.is_empty()
            && self.attempts.is_empty()
            && self.agents.is_empty()
            && self.deliveries.is_empty()
            && self.projects.is_empty()
            && self.releases.is_empty()
            && self.lanes.is_empty()
            && self.deployments.is_empty()
            && self.closed.is_empty()
            && self.reopened.is_empty()
    }

    /// Adds what another fact touched.
    pub fn merge(&mut self, other: Self) {
        self.runs.extend(other.runs);
        self.attempts.extend(other.attempts);
        self.agents.extend(other.agents);
        self.deliveries.extend(other.deliveries);
        self.projects.extend(other.projects);
        self.releases.extend(other.releases);
        self.lanes.extend(other.lanes);
        self.deployments.extend(other.deployments);
        self.all |= other.all;
        self.closed.extend(other.closed);
        self.reopened.extend(other.reopened);
    }
}
