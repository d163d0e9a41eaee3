//! What is believed of a run.
//!
//! ```text
//! waiting ─first job placed▶ running ─every job ended▶ ended(outcome) ─nothing open▶ closed (leaves the state)
//! ended or closed ─a person has jobs done again▶ running
//! ```
//! It is *held* while one of its jobs waits for a settlement.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::job::{Job, JobState};
use crate::model::{
    Commit, Digest, JobKey, JobPlan, Outcome, Problem, RunId, ServiceName, ServiceSpec, Trigger, Trust, UnixMs,
};

/// A run, with its jobs in the order of the file; jobs of deployments follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its identity.
    pub id: RunId,
    /// What asked for it.
    pub trigger: Trigger,
    /// The branch it belongs to.
    pub branch: String,
    /// The commit it is made from.
    pub commit: Commit,
    /// What is wrong with the pipeline file.
    pub problems: Vec<Problem>,
    /// Why there was nothing to read.
    pub unread: Option<String>,
    /// In the order of the file, then those that deployments made.
    pub jobs: Vec<Arc<Job>>,
    /// What its `deploy` entries deploy.
    pub services: BTreeMap<ServiceName, ServiceSpec>,
    /// By job and name.
    pub artifacts: Vec<Artifact>,
    /// Where it is.
    pub state: RunState,
    /// How often it was taken up again after it had left the state.
    #[serde(default)]
    pub reopened: u32,
    /// Proven by the fetch.
    #[serde(default)]
    pub trust: Trust,
    /// When the fact was made that created it.
    pub created: UnixMs,
    /// When the first job was placed.
    pub started: Option<UnixMs>,
    /// When the last job ended.
    pub ended: Option<UnixMs>,
}

/// An artifact of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// The job that made it.
    pub job: JobKey,
    /// Its name.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// No job was placed yet.
    Waiting,
    /// A job was placed.
    Running,
    /// Every job is over.
    Ended(Outcome),
}

impl Run {
    /// The job with this key.
    pub fn job(&self, key: &JobKey) -> Option<&Arc<Job>> {
        self.jobs.iter().find(|job| job.plan.key == *key)
    }

    /// The job with this key, to change it.
    pub(crate) fn job_mut(&mut self, key: &JobKey) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.plan.key == *key).map(Arc::make_mut)
    }

    /// The artifact of this job with this name.
    pub fn artifact(&self, job: &JobKey, name: &str) -> Option<&Artifact> {
        self.artifacts.iter().find(|artifact| artifact.job == *job && artifact.name == name)
    }

    /// True once every job is over.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, RunState::Ended(_))
    }

    /// True while a job of it waits for a person to settle it.
    pub fn is_held(&self) -> bool {
        self.jobs.iter().any(|job| job.state == JobState::Held)
    }

    pub(crate) fn add_jobs(&mut self, plans: &[JobPlan]) {
        self.jobs.extend(plans.iter().cloned().map(|plan| Arc::new(Job::new(plan))));
    }
}
