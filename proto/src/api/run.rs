//! Runs, their jobs and artifacts, and what people ask of them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Attempt, Outcome, OutcomeKind, Settlement, Time, Verdict};

/// One execution of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// `shop.43`; people read `shop#43`.
    pub id: String,
    /// Of this project.
    pub project: String,
    /// From 1, per project.
    pub number: u64,
    /// Where it is.
    pub state: RunState,
    /// How it ended, as a word; its jobs say more.
    pub outcome: Option<OutcomeKind>,
    /// The exact commit.
    pub revision: String,
    /// First line of its message.
    pub title: String,
    /// Author's name, for people only.
    pub author: String,
    /// The branch (or tag) it belongs to.
    pub branch: String,
    /// What asked for it.
    pub trigger: Trigger,
    /// When it came to exist.
    pub created: Time,
    /// When its first job was placed.
    pub started: Option<Time>,
    /// When its last job ended.
    pub ended: Option<Time>,
    /// In the order of the file; those that deployments made follow.
    pub jobs: Vec<Job>,
    /// What is wrong with the pipeline file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<super::PipelineProblem>)]
    pub problems: Vec<windlass_core::model::Problem>,
    /// Why the pipeline file could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// No job was placed yet.
    Waiting,
    /// A job was placed.
    Running,
    /// A job is `unknown` and waits for a person to settle it.
    Held,
    /// Every job is over.
    Ended,
}

/// What asked for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trigger {
    /// `push` or `manual`.
    pub kind: String,
    /// Who.
    pub actor: String,
    /// When it was made durable.
    pub time: Time,
}

/// A job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Unique in the run: `build`, `production/change@web1`. In a path `~` stands for `/`.
    pub key: String,
    /// Jobs that end first.
    pub needs: Vec<String>,
    /// Where it is.
    pub state: JobState,
    /// Somebody asked to stop it and it is not over.
    pub stopping: bool,
    /// Processes that survived the kill, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
    /// The agent that carries it out has no session since then; what it does meanwhile is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Time>,
    /// Number of its newest attempt; 0 before the first.
    pub attempt: u32,
    /// Name of the agent of the newest attempt.
    pub agent: Option<String>,
    /// Why it is waiting.
    pub waiting: Option<WaitingWhy>,
    /// The deployment that carries it out, or that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How its newest attempt counts although nothing is proven of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// When the newest attempt's first command may have been executed.
    pub started: Option<Time>,
    /// When it ended.
    pub ended: Option<Time>,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// `waiting` says why.
    Waiting,
    /// An agent was chosen.
    Placed,
    /// The agent has promised to start it.
    Accepted,
    /// It runs, or its deployment has the lane.
    Running,
    /// It is over.
    Ended,
}

/// Why a job is waiting: one reason of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingWhy {
    /// `needs`, `unsettled`, `no_agent`, `not_taken`, `agents_away`, `agents_full`, `placed`, `lane`.
    pub reason: String,
    /// The words on the screen.
    pub text: String,
}

/// A job with all its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobDetail {
    /// As in the run.
    #[serde(flatten)]
    pub job: Job,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
}

/// Why the jobs of a run wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// The run.
    pub run: String,
    /// Jobs that wait, in the order of the run.
    pub items: Vec<QueuedJob>,
}

/// A job that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuedJob {
    /// The run.
    pub run: String,
    /// The job's key.
    pub job: String,
    /// Why.
    pub waiting: WaitingWhy,
}

/// A file that a job produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// The job that made it.
    pub job: String,
    /// Its name.
    pub name: String,
    /// `blake3:` and 64 hex digits.
    pub digest: String,
    /// Bytes.
    pub size_bytes: u64,
}

/// Starts a run: of the tip of a branch, or of a revision that is on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartRun {
    /// Default: the main branch of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// A whole commit id, reachable from the branch. Default: its tip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Only these jobs and what they need; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
}

/// Cancels jobs of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelRequest {
    /// These jobs; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Skips grace and cleanup.
    #[serde(default)]
    pub force: bool,
}

/// Has jobs of a run done again, in the same run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// These jobs; empty: those that failed. What needs them is done again too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<String>,
}

/// Says how an `unknown` job counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    /// As what.
    #[serde(rename = "as")]
    pub verdict: Verdict,
    /// Why; not empty.
    pub reason: String,
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Held => "held",
            Self::Ended => "ended",
        })
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Placed => "placed",
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Ended => "ended",
        })
    }
}
