//! What is believed of a lane: the fold of the facts of its deployments.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{AgentId, BatchSpec, DeploymentId, Hold, LaneId, Release, ReleaseId, Revision, Rules, UnixMs};

/// A service in an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lane {
    /// Its identity.
    pub id: LaneId,
    /// Rises with every deployment that touches targets and with every way back; fences stale work.
    pub generation: u64,
    /// What a target that waits for nothing must run.
    pub desired: Option<ReleaseId>,
    /// The release it can safely return to; earned, never assumed.
    pub last_good: Option<ReleaseId>,
    /// The deployment that has the lane.
    pub active: Option<DeploymentId>,
    /// The one that waits for it; a newer request supersedes it.
    pub pending: Option<DeploymentId>,
    /// Releases that it admits no more unless a person asks, and why.
    pub refused: BTreeMap<ReleaseId, String>,
    /// Nothing starts while it is there.
    pub lock: Option<Hold>,
    /// Targets that do not run `desired`, and why.
    pub owed: BTreeMap<AgentId, Owed>,
    /// Targets on which a deployment of this lane may have left a release: one of these that says nothing is not a fresh host.
    pub touched: BTreeSet<AgentId>,
    /// The strategy of the newest request that a pipeline made; a person's request takes it too.
    pub strategy: Vec<BatchSpec>,
    /// The rules of the same request, which a person's request takes too.
    pub rules: Rules,
    /// Number of the next deployment.
    pub next_number: u64,
}

/// A debt of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Why.
    pub why: String,
    /// Since when.
    pub since: UnixMs,
}

impl Lane {
    /// The id of the next deployment.
    pub fn next_deployment(&self) -> DeploymentId {
        DeploymentId { lane: self.id.clone(), number: self.next_number }
    }

    /// Refused releases of the same revision, the release itself among them.
    pub fn refused_with(&self, release: &Release, known: impl Fn(&ReleaseId) -> Option<Revision>) -> Vec<ReleaseId> {
        let same = |id: &ReleaseId| *id == release.id || known(id).is_some_and(|revision| revision == release.revision);
        self.refused.keys().filter(|id| same(id)).cloned().collect()
    }

    /// Why the lane refuses this release, or another one of the same revision.
    pub fn refusal(&self, release: &Release, known: impl Fn(&ReleaseId) -> Option<Revision>) -> Option<&str> {
        let first = self.refused_with(release, known).into_iter().next()?;
        self.refused.get(&first).map(String::as_str)
    }

    pub(crate) fn new(id: LaneId) -> Self {
        Self {
            id,
            generation: 0,
            desired: None,
            last_good: None,
            active: None,
            pending: None,
            refused: BTreeMap::new(),
            lock: None,
            owed: BTreeMap::new(),
            touched: BTreeSet::new(),
            strategy: Vec::new(),
            rules: Rules::default(),
            next_number: 1,
        }
    }
}
