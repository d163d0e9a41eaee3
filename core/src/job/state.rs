//! What is believed of a job.
//!
//! ```text
//! waiting ─placed▶ attempting ─attempt ended, no further attempt▶ ended(outcome)
//!    │               │  ▲  └─attempt ended, another follows▶ attempting
//!    │               │  └─settled, or the truth arrived─┐
//!    │               └─unknown, `on-unknown: hold`▶ held
//!    ├─(deploy entry) deployment requested▶ deploying ─deployment ended▶ ended(outcome)
//!    └─skipped, cancelled or rejected before a placement▶ ended(outcome)
//! ended ─a person has it done again▶ waiting
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attempt::AttemptState;
use crate::model::{DeploymentId, JobPlan, Outcome, UnixMs, Verdict};

/// A job of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What it does.
    pub plan: JobPlan,
    /// Where it is.
    pub state: JobState,
    /// Somebody asked to stop it.
    pub cancel: Option<Cancel>,
    /// Its attempts, oldest first; earlier ones are never overwritten.
    pub attempts: Vec<Arc<AttemptState>>,
    /// When it ended.
    pub ended: Option<UnixMs>,
    /// A person had it done again, the last time.
    pub retried: Option<Retried>,
}

/// A person had a job done again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retried {
    /// Who.
    pub by: String,
    /// So many attempts were there before.
    pub after: usize,
}

/// Who asked to stop a job, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
    /// Skips grace and cleanup.
    pub force: bool,
}

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not placed; `core::place` says why.
    Waiting,
    /// Its last attempt is open, or another follows.
    Attempting,
    /// Its last attempt is `unknown`, and a person decides what follows.
    Held,
    /// A deployment carries it out.
    Deploying(DeploymentId),
    /// It is over.
    Ended(Outcome),
}

impl Job {
    pub(crate) fn new(plan: JobPlan) -> Self {
        Self { plan, state: JobState::Waiting, cancel: None, attempts: Vec::new(), ended: None, retried: None }
    }

    /// How it ended, once it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            JobState::Ended(outcome) => Some(outcome),
            JobState::Waiting | JobState::Attempting | JobState::Held | JobState::Deploying(_) => None,
        }
    }

    /// True if what needs it goes on as after a success: it succeeded, or was settled so.
    pub fn counts_as_success(&self) -> bool {
        let settled = || self.attempt().and_then(|attempt| attempt.settlement.as_ref());
        match self.outcome() {
            Some(Outcome::Succeeded) => true,
            Some(Outcome::Unknown { .. }) => settled().is_some_and(|settled| settled.verdict == Verdict::Succeeded),
            Some(_) | None => false,
        }
    }

    /// Something new is known of its last attempt: what follows is decided again.
    pub(crate) fn reconsider(&mut self) {
        if self.state == JobState::Held {
            self.state = JobState::Attempting;
        }
    }

    /// It waits again, although it is over.
    pub(crate) fn retry(&mut self, by: &str) {
        self.state = JobState::Waiting;
        self.cancel = None;
        self.ended = None;
        self.retried = Some(Retried { by: by.to_owned(), after: self.attempts.len() });
    }

    /// The newest attempt.
    pub fn attempt(&self) -> Option<&Arc<AttemptState>> {
        self.attempts.last()
    }
}
