//! What the master believes that is not over. What is over is in the history.

use std::sync::Arc;

use rpds::{QueueSync, RedBlackTreeMapSync};
use serde::{Deserialize, Serialize};

use super::keys::UsedKey;
use crate::agent::Agent;
use crate::deploy::Deployment;
use crate::input::{ApiToken, Delivery, JoinToken};
use crate::lane::Lane;
use crate::model::{
    AgentId, Attempt, Config, DeliveryKey, DeploymentId, Digest, Duration, EnvironmentName, Fence, Hold, JobKey,
    LaneId, ProjectName, Release, ReleaseId, RunId, ServiceName, UnixMs,
};
use crate::retention::Expiry;
use crate::run::Run;
use crate::secret::{SecretId, SecretState};

/// An ordered map whose clones share structure: a published snapshot costs nothing.
pub type Map<K, V> = RedBlackTreeMapSync<K, V>;

/// First in, first out; its clones share structure.
pub type Queue<T> = QueueSync<T>;

/// Everything the master believes that is not over. What is over is in the history.
///
/// It is written as checkpoints, which spare a start the reading of all facts. A field that is added must not have a default there: a
/// checkpoint that lacks it does not read, and the state is then folded from the facts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The time of the last fact.
    pub now: UnixMs,
    /// Of the master that decides.
    pub epoch: u64,
    /// When that master began.
    pub begun: UnixMs,
    /// No fact was recorded for so long before.
    pub away: Duration,
    /// That was so long after the last fact before that its clock may be wrong: nothing expires and nothing is forgotten.
    pub leapt: bool,
    /// Since then the master listens without a break: silence is counted from here at the earliest.
    pub listening: UnixMs,
    /// The epoch that began with a restored data directory, if one did: what was placed before it may have gone on without us.
    pub restored: Option<u64>,
    /// Fences given in this epoch.
    pub fences: u64,
    /// Sessions given in this epoch.
    pub sessions: u64,
    /// The operators' configuration.
    pub config: Arc<Config>,
    /// By name; projects once configured stay, so that their numbers never mean two things.
    pub projects: Map<ProjectName, ProjectState>,
    /// API tokens by id.
    pub tokens: Map<String, ApiToken>,
    /// Join tokens by id, and who used them.
    pub join_tokens: Map<String, JoinTokenState>,
    /// Enrolled agents.
    pub agents: Map<AgentId, Arc<Agent>>,
    /// Deliveries of the last 30 days by key.
    pub deliveries: Map<DeliveryKey, DeliveryState>,
    /// Their keys with the time they were taken, oldest first.
    pub deliveries_by_age: Queue<(UnixMs, DeliveryKey)>,
    /// Idempotency keys of the last 24 hours, and what each one was used for.
    pub keys: Map<String, UsedKey>,
    /// The same with the time they were used, oldest first.
    pub keys_by_age: Queue<(UnixMs, String)>,
    /// Runs that are not closed.
    pub runs: Map<RunId, Arc<Run>>,
    /// Runs that were taken up again, and how often: what the history says of them may be older than that. Until they expire.
    pub reopened: Map<RunId, u32>,
    /// Attempts that are not closed.
    pub attempts: Map<Fence, AttemptRef>,
    /// Releases by service and number.
    pub releases: Map<ReleaseId, Arc<Release>>,
    /// Services by name: the project that released it first, and its ordinal in the history's keys.
    pub services: Map<ServiceName, ServiceState>,
    /// Lanes that a deployment was asked for.
    pub lanes: Map<LaneId, Arc<Lane>>,
    /// Deployments that are not over, and the last one of each lane.
    pub deployments: Map<DeploymentId, Arc<Deployment>>,
    /// Everything that happens by itself to targets is stopped, forward and back.
    pub stop_all: Option<Hold>,
    /// Secrets that were ever set, without their values.
    pub secrets: Map<SecretId, SecretState>,
    /// Ordinals of environments in the history's keys.
    pub environments: Map<EnvironmentName, u32>,
}

/// What is believed of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectState {
    /// Its number in the history's keys.
    pub ordinal: u32,
    /// Number of the next run.
    pub next_run: u64,
    /// Restored then, and not started by a person since: nothing of it is placed.
    pub stopped: Option<UnixMs>,
    /// Number of the newest run; a restore skips some behind it. 0: none.
    pub last_run: u64,
    /// Of the logs of its runs.
    pub logs: Expiry,
    /// Of its runs.
    pub runs: Expiry,
}

impl ProjectState {
    /// A project without runs.
    pub fn new(ordinal: u32) -> Self {
        Self { ordinal, next_run: 1, stopped: None, last_run: 0, logs: Expiry::default(), runs: Expiry::default() }
    }
}

/// What is believed of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// The project that released it first; for others it is taken.
    pub project: ProjectName,
    /// Its number in the history's keys.
    pub ordinal: u32,
    /// Number of the next release.
    pub next_release: u64,
}

/// A join token and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinTokenState {
    /// The token.
    pub token: JoinToken,
    /// The request that used it, the agent that it made, and the chain that was answered.
    pub used: Option<(Digest, AgentId, Arc<str>)>,
}

/// A delivery and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryState {
    /// The delivery.
    pub delivery: Delivery,
    /// When it was taken.
    pub taken: UnixMs,
    /// What became of it.
    pub result: DeliveryResult,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryResult {
    /// The repository is being read.
    Reading,
    /// It made this run.
    Run(RunId),
    /// It matched nothing, for this reason.
    Nothing(String),
}

/// Where an open attempt is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRef {
    /// The run.
    pub run: RunId,
    /// The job.
    pub job: JobKey,
    /// Which try.
    pub attempt: Attempt,
    /// Who carries it out.
    pub agent: AgentId,
}

impl State {
    /// The job and attempt behind an open fence.
    pub fn attempt(&self, fence: Fence) -> Option<(&crate::job::Job, &crate::attempt::AttemptState)> {
        let place = self.attempts.get(&fence)?;
        let job = self.runs.get(&place.run)?.job(&place.job)?;
        let attempt = job.attempts.iter().find(|attempt| attempt.fence == fence)?;
        Some((job, attempt))
    }

    /// True if the attempt was placed by the master whose backup was restored: it may have gone on without us.
    pub fn placed_before_restore(&self, fence: Fence) -> bool {
        self.restored.is_some_and(|epoch| fence.epoch() < epoch)
    }

    /// A job of a run that is not closed.
    pub fn job(&self, run: &RunId, job: &JobKey) -> Option<&Arc<crate::job::Job>> {
        self.runs.get(run)?.job(job)
    }
}
