//! What is believed of a deployment.
//!
//! ```text
//! queued ─lane free, the plan needs approvals▶ awaiting_approval ─approved, the plan is still the same▶ preparing
//! queued ─lane free▶ preparing ─prepared▶ changing(k) ─batch done▶ baking(k) ─gates pass▶ changing(k+1) … ▶ ended(succeeded, incomplete)
//!   │ │                  │ └─too few prepared▶ ended(rejected)
//!   │ ├─newer request▶ ended(superseded)
//!   │ └─not allowed▶ ended(rejected)
//!   └──────────────────┴─abort before a touch▶ ended(aborted)
//! preparing, changing, baking ─pause, stop-all, promote▶ the same, paused ─resume▶ the same
//! changing, baking ─budget exceeded, abort▶ rolling_back ─every touched target on its way back, or named▶ ended(rolled_back)
//! queued(kind rollback) ─at once▶ rolling_back ─every target on the release, or named▶ ended(succeeded, incomplete)
//! rolling_back ─the way back fails on too many▶ ended(rollback_failed)
//! ```

use serde::{Deserialize, Serialize};

use crate::model::deployment::{DeploymentKind, DeploymentOutcome, DeploymentPlan, PlannedTarget, TargetState};
use crate::model::{
    AgentId, BatchSpec, DeploymentId, Digest, Duration, JobKey, Pause, Phase, ReleaseId, Rules, RunId, UnixMs, WayBack,
};

/// One rollout of a release along a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Its identity.
    pub id: DeploymentId,
    /// Which way.
    pub kind: DeploymentKind,
    /// To which release.
    pub release: ReleaseId,
    /// The run that its jobs belong to.
    pub run: RunId,
    /// The entry of the run that ends with it.
    pub entry: JobKey,
    /// A subject, or `pipeline`.
    pub by: String,
    /// Why, if a person said so.
    pub reason: String,
    /// How the targets are divided into batches.
    pub strategy: Vec<BatchSpec>,
    /// What follows where it fails.
    pub rules: Rules,
    /// Exactly this plan, or it is rejected.
    pub wanted: Option<Digest>,
    /// A person puts it in the place of one that is paused or on its way back.
    pub takes_over: bool,
    /// The gates of what runs are not asked beforehand.
    pub skips_self_test: bool,
    /// Where it is.
    pub state: DeploymentState,
    /// Why it admits nothing there.
    pub paused: Option<Pause>,
    /// What it would do, for people to approve; none where nobody has to.
    pub proposed: Option<DeploymentPlan>,
    /// Who approved exactly that.
    pub approvals: Vec<String>,
    /// What it does; none while it waits.
    pub plan: Option<DeploymentPlan>,
    /// The master that may admit targets; one that started later first hears the touched ones.
    pub epoch: u64,
    /// Of the lane, since the first batch.
    pub generation: u64,
    /// In the order of the plan; then the stragglers.
    pub targets: Vec<Target>,
    /// Failed targets so far, over the whole deployment.
    pub failures: u32,
    /// Of them, those that a person accepted: so many more than the budget may fail.
    pub accepted: u32,
    /// Why it rolls back, or how it ended.
    pub why: String,
    /// The person who asked for its way back.
    pub back_by: Option<String>,
    /// When it was asked for.
    pub requested: UnixMs,
    /// When it got the lane.
    pub started: Option<UnixMs>,
    /// When it rolled back.
    pub rollback_started: Option<UnixMs>,
    /// When it ended.
    pub ended: Option<UnixMs>,
}

/// Where a deployment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    /// It waits for its lane.
    Queued,
    /// Its plan waits for people; it holds nothing.
    AwaitingApproval,
    /// Targets fetch, verify and prove the way back.
    Preparing,
    /// Targets of this batch are changed.
    Changing {
        /// From 0.
        batch: usize,
    },
    /// The gates must keep passing.
    Baking {
        /// From 0.
        batch: usize,
        /// Since when, by the master's clock; verdicts count by the targets' own.
        since: UnixMs,
    },
    /// Touched targets go back.
    RollingBack,
    /// It is over.
    Ended(DeploymentOutcome),
}

impl DeploymentState {
    /// The fixed word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Preparing => "preparing",
            Self::Changing { .. } => "changing",
            Self::Baking { .. } => "baking",
            Self::RollingBack => "rolling_back",
            Self::Ended(outcome) => outcome.word(),
        }
    }
}

/// A target of a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Who.
    pub target: PlannedTarget,
    /// Where it is.
    pub state: TargetState,
    /// Index of its batch in the plan.
    pub batch: usize,
    /// Where it returns to.
    pub way_back: WayBack,
    /// Its newest job, and which part of the change that is.
    pub job: Option<JobKey>,
    /// Of its newest job.
    pub phase: Phase,
    /// Of its newest job.
    pub generation: u64,
    /// Its change job was admitted: it may have been touched.
    pub touched: bool,
    /// Its first failure; it counts once.
    pub failed: Option<String>,
    /// Prepare jobs so far.
    pub prepares: u32,
    /// Revert jobs so far.
    pub reverts: u32,
    /// Since when it is in this state.
    pub since: UnixMs,
    /// How long it was healthy, by its own clock, when the present bake began anew; before, nothing counts.
    pub baked_before: Duration,
}

impl Target {
    /// The line of a target in a batch, as it begins.
    pub(super) fn new(target: PlannedTarget, batch: usize, way_back: WayBack, state: TargetState, at: UnixMs) -> Self {
        Self {
            target,
            state,
            batch,
            way_back,
            job: None,
            phase: Phase::Prepare,
            generation: 0,
            touched: false,
            failed: None,
            prepares: 0,
            reverts: 0,
            since: at,
            baked_before: Duration::default(),
        }
    }
}

impl Deployment {
    /// The fixed word for where it is.
    pub fn word(&self) -> &'static str {
        if self.paused.is_some() { "paused" } else { self.state.word() }
    }

    /// True once it is over.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, DeploymentState::Ended(_))
    }

    /// The line of this target.
    pub fn target(&self, agent: AgentId) -> Option<&Target> {
        self.targets.iter().find(|target| target.target.agent == agent)
    }

    /// True for a target that its plan has in a batch; others joined later.
    pub fn is_planned(&self, agent: AgentId) -> bool {
        let mut planned = self.plan.iter().flat_map(|plan| &plan.batches).flat_map(|batch| &batch.targets);
        planned.any(|target| target.agent == agent)
    }

    /// True once a target may have been touched.
    pub fn has_touched(&self) -> bool {
        self.targets.iter().any(|target| target.touched)
    }

    /// How long the gates of its longest batch must keep passing.
    pub fn longest_bake(&self) -> Duration {
        let batches = self.plan.iter().flat_map(|plan| &plan.batches);
        batches.map(|batch| batch.bake).max().unwrap_or_default()
    }
}

impl Target {
    /// True while a job may be changing it.
    pub fn is_in_change(&self) -> bool {
        match self.state {
            TargetState::Changing | TargetState::Reverting => true,
            TargetState::Waiting
            | TargetState::Preparing
            | TargetState::Prepared
            | TargetState::Confirmed
            | TargetState::Unhealthy
            | TargetState::Reverted
            | TargetState::Stuck { .. }
            | TargetState::Unknown
            | TargetState::Owed { .. } => false,
        }
    }
}
