//! Lanes, and the plan of the next deployment along one.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// A service in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lane {
    /// `shop/production`.
    pub id: String,
    /// What is deployed.
    pub service: String,
    /// Where to.
    pub environment: String,
    /// Rises with every deployment that touches targets and with every way back.
    pub generation: u64,
    /// The release that a target which waits for nothing must run: `r18`.
    pub desired: Option<String>,
    /// The release it can safely return to.
    pub last_good: Option<String>,
    /// The deployment that has the lane.
    pub active: Option<String>,
    /// The deployment that waits for it.
    pub pending: Option<String>,
    /// The last deployment that was asked for.
    pub last: Option<String>,
    /// While it is there nothing starts on the lane.
    pub lock: Option<Hold>,
    /// Releases that it admits no more unless a person asks.
    pub refused: Vec<RefusedRelease>,
    /// Targets that do not run `desired`.
    pub owed: Vec<OwedTarget>,
    /// The deployment that brings them to it.
    #[serde(default)]
    pub catch_up: Option<String>,
    /// Why nobody is brought to it by itself any more.
    #[serde(default)]
    pub catch_up_stopped: Option<String>,
    /// Targets that run something else and are owed nothing: while there is one, only a person starts anything.
    #[serde(default)]
    pub drifted: Vec<StrayTarget>,
    /// Targets of before that are none of the environment any more.
    #[serde(default)]
    pub left: Vec<StrayTarget>,
    /// The master was restored from a backup, and the lane does nothing before a person adopts it.
    #[serde(default)]
    pub fenced: bool,
}

/// A target that is not as its lane wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StrayTarget {
    /// Name of the target.
    pub target: String,
    /// What is known of it.
    pub why: String,
}

/// Lists a target no more that has left the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetRequest {
    /// Name of the target.
    pub target: String,
    /// Why; demanded.
    pub reason: String,
}

/// Brings targets to what their lane wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvergeRequest {
    /// Name of the target; none: all that are not there.
    #[serde(default)]
    pub target: Option<String>,
    /// Why; demanded.
    pub reason: String,
}

/// What a person holds: a lane, or everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// Who; none: Windlass itself, after a way back that failed.
    pub by: Option<String>,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Time,
}

/// Lets a lane take a release again that it refuses, and others of its revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowRequest {
    /// `r18`.
    pub release: String,
    /// Why; demanded.
    pub reason: String,
}

/// A release that a lane admits no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedRelease {
    /// `r18`.
    pub release: String,
    /// Why.
    pub why: String,
}

/// A debt of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwedTarget {
    /// Name of the target.
    pub target: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: Time,
    /// It is not tried again before this.
    #[serde(default)]
    pub next_try: Option<Time>,
    /// Nothing happens by itself: it is stuck, or failed too often.
    #[serde(default)]
    pub waits_for_person: bool,
}

/// What a deployment will do; the digest names exactly this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// 64 hex digits; give it, or at least its first four, with the request to deploy.
    pub digest: String,
    /// `shop/production`.
    pub lane: String,
    /// What will run: `r18`.
    pub release: String,
    /// In the order they are changed.
    pub batches: Vec<PlanBatch>,
    /// Where each target returns to.
    pub ways_back: Vec<PlanWayBack>,
    /// Targets that cannot be changed now and will be owed the release.
    pub stragglers: Vec<PlanStraggler>,
    /// Targets of the lane, whatever their state.
    pub lane_targets: u32,
    /// Targets that may be out of service at a time.
    pub max_unavailable: u32,
    /// Healthy targets that go back at a time.
    pub rollback_at_once: u32,
    /// The plan as people read it.
    pub text: String,
}

/// A target that cannot be changed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanStraggler {
    /// Name of the target.
    pub target: String,
    /// Why.
    pub why: String,
}

/// Targets changed together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanBatch {
    /// By name.
    pub targets: Vec<String>,
    /// How many at a time.
    pub at_once: u32,
    /// How long the gates must keep passing.
    pub bake_ms: u64,
    /// Failures of the whole deployment allowed meanwhile.
    pub budget: u32,
    /// Once its gates have passed, the next batch begins when a person resumes the deployment.
    #[serde(default)]
    pub manual: bool,
}

/// Where a target returns to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanWayBack {
    /// Name of the target.
    pub target: String,
    /// `r17-90ab12cd`; none: nothing ran here before, going back is to stop and remove it.
    pub to: Option<String>,
}
