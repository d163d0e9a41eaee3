//! What a run will do: the pipeline file made exact for one revision. Stored in the fact that creates the run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::deployment::Rules;
use super::envelope::{Collect, RunIf, Step, Workspace};
use super::id::{AgentId, DeploymentId, JobKey};
use super::limits::Limits;
use super::name::{EnvironmentName, ServiceName};
use super::release::{BatchSpec, ServiceSpec};
use super::settlement::OnUnknown;
use super::time::Duration;

/// The jobs of a run, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPlan {
    /// In the order of the file.
    pub jobs: Vec<JobPlan>,
    /// What its `deploy` entries deploy.
    pub services: BTreeMap<ServiceName, ServiceSpec>,
}

/// One job of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPlan {
    /// Unique in the run.
    pub key: JobKey,
    /// These end first.
    pub needs: Vec<JobKey>,
    /// Seen from the needed jobs.
    pub run_if: RunIf,
    /// What it does.
    pub work: Work,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Steps on one agent.
    Steps(StepsWork),
    /// A deployment; no agent carries out the entry itself.
    Deploy(DeployWork),
}

/// Steps on one agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsWork {
    /// Where it may run; all terms must hold.
    pub runs_on: Vec<Term>,
    /// Environment of every step.
    pub env: BTreeMap<String, String>,
    /// Its own steps; built-in ones (checkout, fetch, put) are added when it is placed.
    pub steps: Vec<Step>,
    /// Of an attempt.
    pub timeout: Duration,
    /// Without a byte on either stream; zero: off.
    pub silent_timeout: Duration,
    /// From the polite signal to the kill.
    pub grace: Duration,
    /// For `always` steps after a cancel or time-out, together.
    pub cleanup: Duration,
    /// Doing it twice is harmless.
    pub idempotent: bool,
    /// What follows when nothing is proven and no new attempt may be made.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// What all its processes together may have of the host.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// The repository is checked out before the first step.
    pub checkout: bool,
    /// What happens to the workspace.
    pub workspace: Workspace,
    /// Artifacts of needed jobs, brought in before the first step.
    pub inputs: Vec<InputSpec>,
    /// Artifacts stored after the last step, if the job succeeded so far.
    pub artifacts: Vec<Collect>,
    /// For the jobs that a deployment makes: the one agent that carries it out.
    pub target: Option<TargetWork>,
}

/// An artifact of a needed job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSpec {
    /// The artifact.
    pub name: String,
    /// The job that makes it, directly or indirectly needed.
    pub from: JobKey,
    /// Folder inside the workspace.
    pub to: String,
}

/// A job that a deployment made for one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetWork {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The only agent that may carry it out.
    pub agent: AgentId,
    /// Of the lane when the job was made; fences stale work on the target.
    pub generation: u64,
    /// Which part of the change.
    pub phase: Phase,
}

/// The parts of a change, one job each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Touches nothing that serves.
    Prepare,
    /// Drain, stop, switch, start, check, undrain, commit; else the way back.
    Change,
    /// The same towards the way back.
    Revert,
}

impl Phase {
    /// The word in the job's key: `production/change@web1`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Change => "change",
            Self::Revert => "revert",
        }
    }
}

/// An entry with `deploy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployWork {
    /// What.
    pub service: ServiceName,
    /// Where to.
    pub environment: EnvironmentName,
    /// One entry for each batch; the last repeats.
    pub strategy: Vec<BatchSpec>,
    /// What follows where it fails.
    #[serde(default)]
    pub rules: Rules,
    /// The job whose artifact the service names.
    pub artifact_of: JobKey,
}

/// One term of `runs-on`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// The label.
    pub key: String,
    /// Any of these values; empty: the label merely exists.
    pub values: Vec<String>,
    /// The term must not hold.
    pub negated: bool,
}

impl Term {
    /// True if these labels satisfy the term.
    pub fn holds(&self, labels: &BTreeMap<String, String>) -> bool {
        let matched = labels.get(&self.key).is_some_and(|value| self.values.is_empty() || self.values.contains(value));
        matched != self.negated
    }
}

/// `role=build`, `arch=arm64|amd64`, `!shared`.
impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.negated {
            f.write_str("!")?;
        }
        f.write_str(&self.key)?;
        if self.values.is_empty() { Ok(()) } else { write!(f, "={}", self.values.join("|")) }
    }
}
