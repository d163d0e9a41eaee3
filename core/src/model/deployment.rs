//! Plans, outcomes and places of targets in a deployment.

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::{AgentId, ReleaseId};
use super::name::AgentName;
use super::release::{Promote, WayBack};
use super::time::Duration;

/// Which way a deployment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// To a newer release, or one that a person named.
    Forward,
    /// Back to an earlier one, asked by a person while no deployment was active.
    Rollback,
    /// To what the lane wants already, for targets that do not run it; beside whatever else the lane does.
    CatchUp,
}

/// What the pipeline file says about failures of a deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// What follows where more fails than the budget allows.
    pub on_failure: OnFailure,
    /// What becomes of the lane after a way back.
    pub after_rollback: AfterRollback,
    /// Which targets are prepared before the first one is touched.
    #[serde(default)]
    pub prepare: Prepare,
    /// What needs the entry goes on though some targets are owed the release.
    #[serde(default)]
    pub accept_incomplete: bool,
}

/// Which targets are prepared before the first one is touched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prepare {
    /// All of them.
    #[default]
    All,
    /// Those of the first batch; those of each later one while the batch before it bakes.
    Batch,
}

/// What follows where more fails than the budget allows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Every touched target goes back.
    #[default]
    Rollback,
    /// Nothing more is admitted until a person resumes or aborts it.
    Pause,
    /// It ends where it is, and the lane is mixed until a person moves it.
    Stop,
}

/// What becomes of a lane after a way back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterRollback {
    /// The fix, a newer release, can flow.
    #[default]
    Open,
    /// A person looks first.
    Lock,
}

/// How a deployment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentOutcome {
    /// Every target of the lane confirmed the release from its running process.
    Succeeded,
    /// All gates passed, but some targets are owed the release.
    Incomplete,
    /// Every touched target is on its way back release, or named.
    RolledBack,
    /// The way back failed on too many.
    RollbackFailed,
    /// A person ended it, or its rules did; what was touched stays as it is.
    Aborted,
    /// A newer one took its place while it waited.
    Superseded,
    /// It was not allowed, or could not work; nothing was touched.
    Rejected,
}

impl DeploymentOutcome {
    /// The fixed word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Incomplete => "incomplete",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
            Self::Aborted => "aborted",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
        }
    }

    /// Exit code of `windlass deploy --follow`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Succeeded => 0,
            Self::Incomplete => 3,
            Self::Rejected => 10,
            Self::RolledBack => 20,
            Self::RollbackFailed => 21,
            Self::Aborted => 30,
            Self::Superseded => 31,
        }
    }
}

/// What a deployment will do, fixed as absolute numbers. Its digest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentPlan {
    /// What will run.
    pub release: ReleaseId,
    /// Its name on disk: `r18-4f2a91c0`.
    pub name: String,
    /// First line of its commit's message.
    pub title: String,
    /// In the order they are changed.
    pub batches: Vec<Batch>,
    /// Where each target returns to.
    pub ways_back: Vec<PlannedWayBack>,
    /// Targets that cannot be changed now and will be owed the release.
    pub stragglers: Vec<Straggler>,
    /// Targets of the lane, whatever their state.
    pub lane_targets: u32,
    /// Targets of the lane that may be out of service at a time.
    pub max_unavailable: u32,
    /// Healthy targets that go back at a time.
    pub rollback_at_once: u32,
}

impl DeploymentPlan {
    /// Names it: the same facts give the same plan.
    pub fn digest(&self) -> Digest {
        Digest::of(&serde_json::to_vec(self).expect("a plan is plain data"))
    }
}

/// Targets changed together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// By name, so that the plan prints itself.
    pub targets: Vec<PlannedTarget>,
    /// How many at a time.
    pub at_once: u32,
    /// How long the gates must keep passing.
    pub bake: Duration,
    /// Failures of the whole deployment allowed while this batch changes and bakes.
    pub budget: u32,
    /// What lets the next batch begin; the last one has none.
    #[serde(default)]
    pub promote: Promote,
}

/// A target in a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedTarget {
    /// Its identity.
    pub agent: AgentId,
    /// Its name.
    pub name: AgentName,
}

/// A target that a deployment will not reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Straggler {
    /// The target.
    pub target: PlannedTarget,
    /// Why not: `away`, `held by hand`, …
    pub why: String,
}

/// Where a target returns to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedWayBack {
    /// The target.
    pub target: PlannedTarget,
    /// To this.
    pub to: WayBack,
    /// The release behind `to`; none for absent.
    pub release: Option<ReleaseId>,
}

/// How a debt of a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DebtEnd {
    /// The target's running process names what the lane wants.
    Paid,
    /// The target is none of this environment any more.
    Left,
}

/// Where a target is in a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TargetState {
    /// Nothing was done yet.
    Waiting,
    /// Its prepare job exists.
    Preparing,
    /// Ready to be changed; nothing that serves was touched.
    Prepared,
    /// Its change job exists.
    Changing,
    /// Its running process names the new release.
    Confirmed,
    /// It was confirmed, and then failed.
    Unhealthy,
    /// Its revert job exists.
    Reverting,
    /// Its running process names the way back.
    Reverted,
    /// Neither release could be put in place; a person is needed.
    Stuck {
        /// What happened.
        why: String,
    },
    /// Silent after it was touched.
    Unknown,
    /// It is owed the lane's desired release.
    Owed {
        /// Why.
        why: String,
    },
}

impl TargetState {
    /// The fixed word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Preparing => "preparing",
            Self::Prepared => "prepared",
            Self::Changing => "changing",
            Self::Confirmed => "confirmed",
            Self::Unhealthy => "unhealthy",
            Self::Reverting => "reverting",
            Self::Reverted => "reverted",
            Self::Stuck { .. } => "stuck",
            Self::Unknown => "unknown",
            Self::Owed { .. } => "owed",
        }
    }
}
