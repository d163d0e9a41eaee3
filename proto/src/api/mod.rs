//! The JSON shapes of the HTTP API under `/api/v1`. The master fills them, the client reads them, the OpenAPI document describes them.
//!
//! Reading order: `time` and `outcome`, then one file per resource. Ids are text as people write them in a path: a run is `shop.43`,
//! a deployment `shop.production.31`, a lane `shop/production`, a release `r18` (numbered per service), a job its key.
//! Invariant: members may be added, none changes its meaning; a reader ignores members that it does not know, while a request with an
//! unknown member is refused. Absent: the conversions from what the master believes, which live beside the routes.

mod access;
mod agent;
mod attempt;
mod deployment;
mod event;
mod lane;
mod log;
mod master;
mod outcome;
mod page;
mod pipeline;
mod problem;
mod project;
mod release;
mod run;
mod secret;
mod settlement;
mod time;

pub use access::{
    EnrolAnswer, EnrolRequest, JoinTokenAnswer, JoinTokenRequest, Me, Register, TokenAnswer, TokenRequest,
};
pub use agent::{
    Agent, AgentState, FoundAttempt, KillMode, ObservedService, Quarantine, ReasonRequest, TurnedAway, Word,
};
pub use attempt::{Attempt, AttemptState, Step, StepLog, StepState};
pub use deployment::{
    AbortRequest, ApproveRequest, DeployRequest, Deployment, DeploymentStarted, DeploymentTarget, Paused,
    RollbackRequest,
};
pub use event::{Event, EventKind};
pub use lane::{
    AllowRequest, ConvergeRequest, ForgetRequest, Hold, Lane, OwedTarget, Plan, PlanBatch, PlanStraggler, PlanWayBack,
    RefusedRelease, StrayTarget,
};
pub use log::{
    HEADER_ATTEMPT, HEADER_DIGEST, HEADER_DURABLE, HEADER_GAPS, HEADER_LENGTH, HEADER_OFFSET, HEADER_STATE, LogCursor,
    LogEnd, LogGap, LogLine,
};
pub use master::{DiskLevel, LostRuns, Master, MasterDisk, StopAllRequest};
pub use outcome::{Outcome, OutcomeKind};
pub use page::Page;
pub use pipeline::{LintAnswer, LintRequest, PipelineProblem, PlannedJob, PlannedStep, RunPlan};
pub use problem::{FieldError, Problem, ProblemKind};
pub use project::{Delivered, Delivery, DeliveryState, HookDelivery, Project};
pub use release::Release;
pub use run::{
    Artifact, CancelRequest, Job, JobDetail, JobState, QueuedJob, RetryRequest, Run, RunState, SettleRequest, StartRun,
    Trigger, WaitingWhy, Why,
};
pub use secret::{ExposedSecret, ExposedSecrets, Secret, SecretSet, UnreadFacts};
pub use settlement::{Settlement, Verdict};
pub use time::{InvalidTime, Time};

/// Where the API stands on the master.
pub const BASE: &str = "/api/v1";

#[cfg(test)]
mod tests;
