//! What is believed of a lane: the fold of the facts of its deployments.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{
    AgentId, BatchSpec, DeploymentId, Duration, Hold, LaneId, Release, ReleaseId, Revision, Rules, UnixMs,
};

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
    /// The deployment that brings them to it.
    pub catch_up: Option<DeploymentId>,
    /// Targets that failed on their way to `desired`.
    pub catch_up_failures: u32,
    /// Why nobody is brought to it by itself any more.
    pub catch_up_stopped: Option<String>,
    /// The data directory was restored, and the lane may be behind its targets: it does nothing before a person has adopted it.
    pub fenced: bool,
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
    /// So often it failed on its way to `desired`.
    pub tries: u32,
    /// Not before this.
    pub not_before: Option<UnixMs>,
    /// Nothing happens by itself: it is stuck, or failed too often.
    pub waits_for_person: bool,
    /// The person who asked for it, whatever stands against it.
    pub by: Option<String>,
}

/// From one failure to the next try; after the last of them a person looks first.
const BACK_OFF: [Duration; 3] = [Duration::from_secs(600), Duration::from_secs(3_600), Duration::from_secs(6 * 3_600)];

impl Owed {
    /// A debt since now, of a target that is brought to `desired` as soon as it can be.
    pub fn new(why: String, since: UnixMs) -> Self {
        Self { why, since, tries: 0, not_before: None, waits_for_person: false, by: None }
    }

    /// One more failure on the way to `desired`.
    pub(crate) fn failed(&mut self, at: UnixMs) {
        let wait = usize::try_from(self.tries).ok().and_then(|tries| BACK_OFF.get(tries));
        self.tries += 1;
        self.not_before = wait.map(|wait| at.after(*wait));
        self.waits_for_person = wait.is_none();
        self.by = None;
    }
}

impl Lane {
    /// What is owed from here on, to another release than before: failures on the way to that one count no more.
    pub(crate) fn wants(&mut self, desired: Option<ReleaseId>) {
        if self.desired != desired {
            self.desired = desired;
            self.catch_up_failures = 0;
            self.catch_up_stopped = None;
            self.owed.values_mut().for_each(|debt| *debt = Owed::new(debt.why.clone(), debt.since));
        }
    }

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
            catch_up: None,
            catch_up_failures: 0,
            catch_up_stopped: None,
            fenced: false,
            touched: BTreeSet::new(),
            strategy: Vec::new(),
            rules: Rules::default(),
            next_number: 1,
        }
    }
}
