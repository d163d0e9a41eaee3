//! Server-sent events.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Outcome, Time};

/// Something happened. The event's `id` is opaque; give it as `Last-Event-ID` to get what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// When it was believed.
    pub time: Time,
    /// The project it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The run it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The job it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The attempt it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The step it is about, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Name of the agent or target it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The deployment it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The lane it is about, as `shop/production`, if it is not about a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// How a run, job or step ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// For people: what a deployment or a target is now, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The closed list of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum EventKind {
    /// A run exists.
    #[serde(rename = "run.created")]
    RunCreated,
    /// Its first job was placed.
    #[serde(rename = "run.started")]
    RunStarted,
    /// A job is `unknown` and waits for a person to settle it.
    #[serde(rename = "run.held")]
    RunHeld,
    /// Every job is over.
    #[serde(rename = "run.ended")]
    RunEnded,
    /// An attempt's first command may have been executed.
    #[serde(rename = "job.started")]
    JobStarted,
    /// Somebody asked to stop it; it is not over.
    #[serde(rename = "job.stopping")]
    JobStopping,
    /// Processes of it survived the kill; it is not over.
    #[serde(rename = "job.stuck")]
    JobStuck,
    /// An `unknown` attempt counts as `text` says.
    #[serde(rename = "job.settled")]
    JobSettled,
    /// A person has it done again: it waits.
    #[serde(rename = "job.retried")]
    JobRetried,
    /// How a settled attempt ended in truth; it changes nothing.
    #[serde(rename = "job.late")]
    JobLate,
    /// A job is over.
    #[serde(rename = "job.ended")]
    JobEnded,
    /// A step began.
    #[serde(rename = "step.started")]
    StepStarted,
    /// A step is over.
    #[serde(rename = "step.ended")]
    StepEnded,
    /// An agent has a session.
    #[serde(rename = "agent.connected")]
    AgentConnected,
    /// An agent's session is over.
    #[serde(rename = "agent.gone")]
    AgentGone,
    /// A person paused an agent.
    #[serde(rename = "agent.paused")]
    AgentPaused,
    /// A person ended the pause of an agent.
    #[serde(rename = "agent.resumed")]
    AgentResumed,
    /// An agent said what an honest disk cannot say.
    #[serde(rename = "agent.quarantined")]
    AgentQuarantined,
    /// A person ended the quarantine of an agent.
    #[serde(rename = "agent.readmitted")]
    AgentReadmitted,
    /// A person removed an agent for ever.
    #[serde(rename = "agent.removed")]
    AgentRemoved,
    /// A target is silent for too long, and a job on it is open.
    #[serde(rename = "agent.silent")]
    AgentSilent,
    /// An agent holds an attempt from between a backup and its restore.
    #[serde(rename = "agent.attempt_found")]
    AgentAttemptFound,
    /// A deployment was asked for.
    #[serde(rename = "deployment.requested")]
    DeploymentRequested,
    /// A plan waits for people to approve it.
    #[serde(rename = "deployment.awaits_approval")]
    DeploymentAwaitsApproval,
    /// A person approved a plan.
    #[serde(rename = "deployment.approved")]
    DeploymentApproved,
    /// A deployment took the place of one that failed.
    #[serde(rename = "deployment.took_over")]
    DeploymentTookOver,
    /// A deployment got its lane.
    #[serde(rename = "deployment.started")]
    DeploymentStarted,
    /// Targets of a batch are changed.
    #[serde(rename = "deployment.batch_started")]
    DeploymentBatchStarted,
    /// A target is somewhere else.
    #[serde(rename = "deployment.target_moved")]
    DeploymentTargetMoved,
    /// The gates must keep passing now.
    #[serde(rename = "deployment.bake_started")]
    DeploymentBakeStarted,
    /// They did.
    #[serde(rename = "deployment.batch_passed")]
    DeploymentBatchPassed,
    /// Touched targets go back.
    #[serde(rename = "deployment.rollback_started")]
    DeploymentRollbackStarted,
    /// A deployment admits nothing more.
    #[serde(rename = "deployment.paused")]
    DeploymentPaused,
    /// A deployment goes on where it was.
    #[serde(rename = "deployment.resumed")]
    DeploymentResumed,
    /// A deployment is over.
    #[serde(rename = "deployment.ended")]
    DeploymentEnded,
    /// Nothing starts on a lane.
    #[serde(rename = "lane.locked")]
    LaneLocked,
    /// A lane is open again.
    #[serde(rename = "lane.unlocked")]
    LaneUnlocked,
    /// A lane takes a release again that it refused.
    #[serde(rename = "lane.allowed")]
    LaneAllowed,
    /// A lane owes a target what it wants.
    #[serde(rename = "lane.owes")]
    LaneOwes,
    /// It owes it no more.
    #[serde(rename = "lane.paid")]
    LanePaid,
    /// So many failed on their way to what a lane wants that a person looks first.
    #[serde(rename = "lane.catch_up_stopped")]
    LaneCatchUpStopped,
    /// A person brings targets to what their lane wants.
    #[serde(rename = "lane.converged")]
    LaneConverged,
    /// A lane that was restored acts again.
    #[serde(rename = "lane.adopted")]
    LaneAdopted,
    /// A target that left is listed no more.
    #[serde(rename = "target.forgotten")]
    TargetForgotten,
    /// Nothing happens to a target by itself any more.
    #[serde(rename = "all.stopped")]
    AllStopped,
    /// It does again.
    #[serde(rename = "all.lifted")]
    AllLifted,
    /// What is older is not kept as events: read the lists again.
    #[serde(rename = "reset")]
    Reset,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 47] = [
        Self::RunCreated,
        Self::RunStarted,
        Self::RunHeld,
        Self::RunEnded,
        Self::JobStarted,
        Self::JobStopping,
        Self::JobStuck,
        Self::JobSettled,
        Self::JobRetried,
        Self::JobLate,
        Self::JobEnded,
        Self::StepStarted,
        Self::StepEnded,
        Self::AgentConnected,
        Self::AgentGone,
        Self::AgentPaused,
        Self::AgentResumed,
        Self::AgentQuarantined,
        Self::AgentReadmitted,
        Self::AgentRemoved,
        Self::AgentSilent,
        Self::AgentAttemptFound,
        Self::DeploymentRequested,
        Self::DeploymentAwaitsApproval,
        Self::DeploymentApproved,
        Self::DeploymentTookOver,
        Self::DeploymentStarted,
        Self::DeploymentBatchStarted,
        Self::DeploymentTargetMoved,
        Self::DeploymentBakeStarted,
        Self::DeploymentBatchPassed,
        Self::DeploymentRollbackStarted,
        Self::DeploymentPaused,
        Self::DeploymentResumed,
        Self::DeploymentEnded,
        Self::LaneLocked,
        Self::LaneUnlocked,
        Self::LaneAllowed,
        Self::LaneOwes,
        Self::LanePaid,
        Self::LaneCatchUpStopped,
        Self::LaneConverged,
        Self::LaneAdopted,
        Self::TargetForgotten,
        Self::AllStopped,
        Self::AllLifted,
        Self::Reset,
    ];

    /// The fixed word: `run.created`.
    pub fn word(self) -> &'static str {
        match self {
            Self::RunCreated => "run.created",
            Self::RunStarted => "run.started",
            Self::RunHeld => "run.held",
            Self::RunEnded => "run.ended",
            Self::JobStarted => "job.started",
            Self::JobStopping => "job.stopping",
            Self::JobStuck => "job.stuck",
            Self::JobSettled => "job.settled",
            Self::JobRetried => "job.retried",
            Self::JobLate => "job.late",
            Self::JobEnded => "job.ended",
            Self::StepStarted => "step.started",
            Self::StepEnded => "step.ended",
            Self::AgentConnected => "agent.connected",
            Self::AgentGone => "agent.gone",
            Self::AgentPaused => "agent.paused",
            Self::AgentResumed => "agent.resumed",
            Self::AgentQuarantined => "agent.quarantined",
            Self::AgentReadmitted => "agent.readmitted",
            Self::AgentRemoved => "agent.removed",
            Self::AgentSilent => "agent.silent",
            Self::AgentAttemptFound => "agent.attempt_found",
            Self::DeploymentRequested => "deployment.requested",
            Self::DeploymentAwaitsApproval => "deployment.awaits_approval",
            Self::DeploymentApproved => "deployment.approved",
            Self::DeploymentTookOver => "deployment.took_over",
            Self::DeploymentStarted => "deployment.started",
            Self::DeploymentBatchStarted => "deployment.batch_started",
            Self::DeploymentTargetMoved => "deployment.target_moved",
            Self::DeploymentBakeStarted => "deployment.bake_started",
            Self::DeploymentBatchPassed => "deployment.batch_passed",
            Self::DeploymentRollbackStarted => "deployment.rollback_started",
            Self::DeploymentPaused => "deployment.paused",
            Self::DeploymentResumed => "deployment.resumed",
            Self::DeploymentEnded => "deployment.ended",
            Self::LaneLocked => "lane.locked",
            Self::LaneUnlocked => "lane.unlocked",
            Self::LaneAllowed => "lane.allowed",
            Self::LaneOwes => "lane.owes",
            Self::LanePaid => "lane.paid",
            Self::LaneCatchUpStopped => "lane.catch_up_stopped",
            Self::LaneConverged => "lane.converged",
            Self::LaneAdopted => "lane.adopted",
            Self::TargetForgotten => "target.forgotten",
            Self::AllStopped => "all.stopped",
            Self::AllLifted => "all.lifted",
            Self::Reset => "reset",
        }
    }
}
