//! Everything the master believes. A fact is appended to the journal and synced before anything depends on it.
//!
//! Kinds and formats are numbers that are never used again; a fact of an unknown kind stops the start.

pub mod agent;
mod bytes;
pub mod deployment;
mod project;
mod recorded;
mod reopened;
pub mod secret;

use serde::{Deserialize, Serialize};

use crate::attempt::Line;
use crate::input::{ApiToken, Delivery, JoinToken, LogSeal, Offer};
use crate::model::{
    AgentId, AgentRegister, Attempt, Commit, Config, DeliveryKey, DeploymentId, Digest, Envelope, Fence, JobKey,
    JobPlan, Observation, Outcome, Problem, ProjectName, RunId, RunPlan, Settlement, Settler, Trigger, Trust, UnixMs,
    UnknownReason,
};
pub use agent::AgentFact;
pub use deployment::DeploymentFact;
pub use recorded::Recorded;
pub use reopened::ReopenedRun;
pub use secret::SecretFact;

/// One thing that happened, in the past tense.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A master began to decide; sessions and observations of the one before are void.
    EpochBegun {
        /// Above every earlier one.
        epoch: u64,
    },
    /// The data directory was restored: fences of earlier epochs may have been followed by others that nobody here knows of.
    /// Every project is stopped until a person starts it, and its run counter jumps, so that no number means two things.
    Restored,
    /// A person let jobs of a stopped project be placed again.
    ProjectStarted {
        /// Which.
        project: ProjectName,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The operators' configuration changed.
    ConfigSet {
        /// All of it.
        config: Box<Config>,
    },
    /// An API token exists.
    TokenMade {
        /// Without its secret.
        token: ApiToken,
    },
    /// A join token exists.
    JoinTokenMade {
        /// Without its seed.
        token: JoinToken,
    },
    /// An agent holds a certificate of ours; the token is used.
    AgentEnrolled {
        /// Its identity.
        agent: AgentId,
        /// The token it used.
        token: String,
        /// Digest of its public key.
        csr: Digest,
        /// What the token fixed.
        register: AgentRegister,
        /// The chain signed for it, PEM.
        chain: String,
    },
    /// An agent said hello and was let in.
    AgentSeen {
        /// Whose.
        agent: AgentId,
        /// Of this epoch.
        session: u64,
        /// Rises with every Hello.
        incarnation: u64,
        /// Of the kernel.
        boot_id: String,
        /// Name and version of the program.
        program: String,
        /// What it takes.
        offer: Offer,
    },
    /// An agent's session is over.
    AgentGone {
        /// Whose.
        agent: AgentId,
        /// Which.
        session: u64,
    },
    /// What an agent sees of a service changed.
    Observed {
        /// Who says so.
        agent: AgentId,
        /// What it sees.
        observation: Observation,
    },
    /// A delivery is durable; its sender was answered after this.
    DeliveryTaken {
        /// The delivery.
        delivery: Delivery,
    },
    /// A delivery made no run.
    DeliveryMatchedNothing {
        /// The delivery.
        key: DeliveryKey,
        /// Why, for people.
        why: String,
    },
    /// Deliveries that were taken at or before a time are known no more.
    DeliveriesForgotten {
        /// That time.
        taken_until: UnixMs,
    },
    /// Idempotency keys that were used at or before a time are known no more.
    KeysForgotten {
        /// That time.
        used_until: UnixMs,
    },
    /// A request with an idempotency key was carried out: the facts of its turn are what came of it.
    KeyUsed {
        /// Who asked, a line feed, and the key.
        key: String,
        /// Digest of the request.
        request: Digest,
        /// The run that it made, or whose deployment it asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
        /// The deployment that it asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deployment: Option<DeploymentId>,
    },
    /// The logs of runs of a project are not kept any longer: their files go after this.
    LogsExpired {
        /// Of this project.
        project: ProjectName,
        /// Runs with lower numbers.
        below: u64,
    },
    /// Runs of a project, and their logs, are not kept any longer: they leave the history after this.
    RunsExpired {
        /// Of this project.
        project: ProjectName,
        /// Runs with lower numbers.
        below: u64,
    },
    /// A run exists.
    RunCreated {
        /// Its identity.
        run: RunId,
        /// What asked for it.
        trigger: Trigger,
        /// The branch it belongs to.
        branch: String,
        /// The commit it is made from.
        commit: Commit,
        /// What it will do; without jobs if there are problems.
        plan: Box<RunPlan>,
        /// What is wrong with the pipeline file.
        problems: Vec<Problem>,
        /// Why there was nothing to read.
        unread: Option<String>,
        /// The delivery that made it.
        delivery: Option<DeliveryKey>,
        /// Proven by the fetch.
        #[serde(default)]
        trust: Trust,
    },
    /// A deployment made jobs.
    JobsAdded {
        /// In this run.
        run: RunId,
        /// In order.
        jobs: Vec<JobPlan>,
    },
    /// An attempt exists, and this agent shall carry it out.
    JobPlaced {
        /// Of this run.
        run: RunId,
        /// Of this job.
        job: JobKey,
        /// Which try.
        attempt: Attempt,
        /// Who.
        agent: AgentId,
        /// The attempt's only name.
        fence: Fence,
        /// What to carry out.
        envelope: Box<Envelope>,
        /// Why this agent, for people.
        why: String,
        /// Who allows it although an earlier attempt is `unknown` and may still run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        despite: Option<Settler>,
    },
    /// An agent reported a line of a record.
    Reported {
        /// Of this attempt.
        fence: Fence,
        /// The line.
        line: Box<Line>,
    },
    /// The master itself ended an attempt that cannot be proven.
    AttemptLost {
        /// Which.
        fence: Fence,
        /// What is missing.
        reason: UnknownReason,
    },
    /// The agent of an attempt does not hold it any more, or never comes back: no report and no log byte follows. Without an outcome
    /// it ends `unknown` with this reason; it closes without a seal of the agent.
    AttemptGone {
        /// Which.
        fence: Fence,
        /// What became of its evidence.
        reason: UnknownReason,
    },
    /// A log is whole on the master's disk.
    LogSealed {
        /// Which, and how long.
        seal: LogSeal,
    },
    /// An artifact is whole on the master's disk.
    ArtifactStored {
        /// By this attempt.
        fence: Fence,
        /// Its name.
        name: String,
        /// Its content.
        digest: Digest,
        /// Bytes.
        size: u64,
    },
    /// An attempt is over and all its logs are sealed: the agent may forget it.
    JobClosed {
        /// Which.
        fence: Fence,
    },
    /// Somebody asked to stop a job.
    CancelAsked {
        /// Of this run.
        run: RunId,
        /// This job.
        job: JobKey,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// Skips grace and cleanup.
        force: bool,
    },
    /// A job is over; no attempt follows.
    JobEnded {
        /// Of this run.
        run: RunId,
        /// This job.
        job: JobKey,
        /// How.
        outcome: Outcome,
    },
    /// Every job of a run is over.
    RunEnded {
        /// Which.
        run: RunId,
        /// How.
        outcome: Outcome,
    },
    /// A run is over and nothing of it is open: it leaves the state and stays in the history.
    RunClosed {
        /// Which.
        run: RunId,
    },
    /// How an `unknown` attempt counts. It stands beside the outcome and never rewrites it.
    Settled {
        /// Of this run.
        run: RunId,
        /// Of this job.
        job: JobKey,
        /// This try.
        attempt: Attempt,
        /// Its name.
        fence: Fence,
        /// As what, by whom and why.
        settlement: Settlement,
    },
    /// A job's last attempt is `unknown`: the run waits until a person settles it, or the truth arrives.
    JobHeld {
        /// Of this run.
        run: RunId,
        /// This job.
        job: JobKey,
    },
    /// Jobs of a run are done again: they wait, and so does the run.
    JobsRetried {
        /// Which run.
        run: RunId,
        /// The run as it was when it left the state, if it had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reopened: Option<Box<ReopenedRun>>,
        /// These jobs, in the order of the run.
        jobs: Vec<JobKey>,
        /// Who.
        by: String,
    },
    /// The master itself stood still for longer than silence may be counted over.
    MasterPaused {
        /// Between two turns.
        for_ms: u64,
    },
    /// Something about one agent.
    Agent(AgentFact),
    /// Something about a secret.
    Secret(SecretFact),
    /// Something about a release, a deployment or a lane.
    Deployment(DeploymentFact),
}

impl Fact {
    /// The persisted kind. Numbers are never used again.
    pub fn kind(&self) -> u16 {
        match self {
            Self::EpochBegun { .. } => 1,
            Self::ConfigSet { .. } => 2,
            Self::TokenMade { .. } => 3,
            Self::JoinTokenMade { .. } => 4,
            Self::AgentEnrolled { .. } => 5,
            Self::AgentSeen { .. } => 6,
            Self::AgentGone { .. } => 7,
            Self::Observed { .. } => 8,
            Self::DeliveryTaken { .. } => 9,
            Self::DeliveryMatchedNothing { .. } => 10,
            Self::RunCreated { .. } => 11,
            Self::JobsAdded { .. } => 12,
            Self::JobPlaced { .. } => 13,
            Self::Reported { .. } => 14,
            Self::AttemptLost { .. } => 15,
            Self::LogSealed { .. } => 16,
            Self::ArtifactStored { .. } => 17,
            Self::JobClosed { .. } => 18,
            Self::CancelAsked { .. } => 19,
            Self::JobEnded { .. } => 20,
            Self::RunEnded { .. } => 21,
            Self::RunClosed { .. } => 22,
            Self::Deployment(_) => 32,
            Self::Restored => 60,
            Self::ProjectStarted { .. } => 61,
            Self::AttemptGone { .. } => 62,
            Self::Agent(_) => 63,
            Self::MasterPaused { .. } => 64,
            Self::Settled { .. } => 70,
            Self::JobHeld { .. } => 71,
            Self::JobsRetried { .. } => 72,
            Self::Secret(_) => 80,
            Self::DeliveriesForgotten { .. } => 90,
            Self::KeysForgotten { .. } => 91,
            Self::LogsExpired { .. } => 92,
            Self::RunsExpired { .. } => 93,
            Self::KeyUsed { .. } => 94,
        }
    }

    /// The highest kind this program knows, and the kinds in between.
    pub fn knows(kind: u16) -> bool {
        (1..=22).contains(&kind)
            || kind == 32
            || (60..=64).contains(&kind)
            || (70..=72).contains(&kind)
            || kind == 80
            || (90..=94).contains(&kind)
    }
}
