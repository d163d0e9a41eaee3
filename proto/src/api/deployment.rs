//! Deployments, and what people ask of them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Plan, PlanBatch, Time};

/// One rollout of a release along a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// `shop.production.31`; people read `shop/production#31`.
    pub id: String,
    /// `shop/production`.
    pub lane: String,
    /// From 1, per lane.
    pub number: u64,
    /// `forward` or `rollback`.
    pub kind: String,
    /// To this release: `r18`.
    pub release: String,
    /// `queued`, `awaiting_approval`, `preparing`, `changing`, `baking`, `paused`, `rolling_back`, or, once it is over, `ended`.
    pub state: String,
    /// Why it admits nothing, while it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// Index of the batch that is changed or baked, from 0.
    pub batch: Option<u32>,
    /// The plan that people are asked to approve, while it waits for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed: Option<Plan>,
    /// Who approved exactly that plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<String>,
    /// `succeeded`, `incomplete`, `rolled_back`, `rollback_failed`, `aborted`, `superseded` or `rejected`, once it is over.
    pub outcome: Option<String>,
    /// Exit code of a client that followed it, once it is over.
    pub exit_code: Option<u8>,
    /// Why it rolls back, or how it ended.
    pub why: String,
    /// The run that its jobs belong to.
    pub run: String,
    /// The entry of that run that ends with it.
    pub entry: String,
    /// A subject, or `pipeline`.
    pub by: String,
    /// Why, if a person said so.
    pub reason: String,
    /// Of the lane, since the first batch or the way back.
    pub generation: u64,
    /// Failures so far, over the whole deployment.
    pub failures: u32,
    /// What it does; empty while it waits.
    pub batches: Vec<PlanBatch>,
    /// In the order of the plan.
    pub targets: Vec<DeploymentTarget>,
    /// When it was asked for.
    pub requested: Time,
    /// When it got the lane.
    pub started: Option<Time>,
    /// When it began to roll back.
    pub rollback_started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
}

/// Why a deployment admits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paused {
    /// `asked`, `stop_all`, `promote` or `failed`.
    pub reason: String,
    /// For people.
    pub text: String,
}

/// A target of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentTarget {
    /// Name of the agent.
    pub name: String,
    /// `waiting`, `preparing`, `prepared`, `changing`, `confirmed`, `unhealthy`, `reverting`, `reverted`, `stuck`, `unknown`, `owed`.
    pub state: String,
    /// Why, for `stuck` and `owed`.
    pub why: Option<String>,
    /// Index of its batch, from 0.
    pub batch: u32,
    /// `r17-90ab12cd`; none: nothing ran here before.
    pub way_back: Option<String>,
    /// Key of its newest job.
    pub job: Option<String>,
    /// It may have been touched.
    pub touched: bool,
    /// Since when it is in this state.
    pub since: Time,
    /// What its running process names now, as last observed.
    pub running: Option<String>,
}

/// Deploys a release that exists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// `r18`; default: the newest of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Digest of a plan, or at least its first four digits: exactly this plan, or a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// It takes the place of the deployment that is paused or on its way back; no queue, freeze or lock holds it.
    #[serde(default)]
    pub take_over: bool,
    /// An older release than what the lane wants, rolled out like a newer one.
    #[serde(default)]
    pub downgrade: bool,
    /// The gates of what runs are not asked beforehand: a fix to a broken lane.
    #[serde(default)]
    pub skip_self_test: bool,
    /// Why; demanded of a take-over, and where the self-test is skipped.
    #[serde(default)]
    pub reason: String,
}

/// Ends a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AbortRequest {
    /// It stays where it is, and the lane wants this release, as `r17`; default: what was touched takes its way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// Why; demanded.
    pub reason: String,
}

/// Returns a lane to an earlier release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// `r17`; default: the last good release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why; demanded.
    pub reason: String,
}

/// Approves a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// Digest of the plan, or at least its first four digits: exactly this plan, or a refusal.
    pub plan: String,
}

/// A deployment exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentStarted {
    /// `shop.production.31`.
    pub deployment: String,
    /// The run that its jobs belong to.
    pub run: String,
}
