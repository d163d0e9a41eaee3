//! When a job may start, and what follows when an attempt is over.
//!
//! | last attempt | then |
//! |---|---|
//! | open | wait |
//! | `not_started` for a reason of ours that may pass, fewer than 3 attempts, no cancel | again |
//! | `unknown`, the job is idempotent, fewer than 3 attempts, no cancel | again |
//! | anything else | the job ends so |

use super::state::{Job, JobState};
use crate::model::{JobKey, Outcome, RunIf, Work};
use crate::run::Run;

/// The most attempts that a job gets for reasons that are not its own.
pub const ATTEMPTS_MAX: usize = 3;

/// Whether a waiting job may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// Its needs have ended as its condition asks.
    Ready,
    /// These needs have not ended.
    Waits(Vec<JobKey>),
    /// Its condition cannot hold any more, for this reason.
    Skip(String),
}

/// Compares the needs of a job with its condition.
pub fn readiness(run: &Run, job: &Job) -> Readiness {
    let needed = || job.plan.needs.iter().filter_map(|key| run.job(key));
    let open: Vec<JobKey> =
        needed().filter(|need| need.outcome().is_none()).map(|need| need.plan.key.clone()).collect();
    if !open.is_empty() {
        return Readiness::Waits(open);
    }
    let first_bad = needed().find_map(|need| match need.outcome() {
        Some(Outcome::Succeeded) | None => None,
        Some(outcome) => Some(format!("{} {}", need.plan.key, outcome.word())),
    });
    match (job.plan.run_if, first_bad) {
        (RunIf::Always, _) | (RunIf::Success, None) | (RunIf::Failure, Some(_)) => Readiness::Ready,
        (RunIf::Success, Some(why)) => Readiness::Skip(why),
        (RunIf::Failure, None) => Readiness::Skip("nothing failed".to_owned()),
    }
}

/// What follows in a job whose last attempt may be over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The attempt is open.
    Open,
    /// A new attempt may be placed.
    Again,
    /// The job ends so.
    End(Outcome),
}

/// See the table above.
pub fn next(job: &Job) -> Next {
    let Some(outcome) = job.attempt().and_then(|attempt| attempt.outcome()) else { return Next::Open };
    let more = job.attempts.len() < ATTEMPTS_MAX && job.cancel.is_none();
    let again = match outcome {
        Outcome::NotStarted { reason } => reason.may_pass(),
        Outcome::Unknown { .. } => is_idempotent(job),
        Outcome::Succeeded
        | Outcome::Failed { .. }
        | Outcome::TimedOut
        | Outcome::Cancelled
        | Outcome::Skipped { .. } => false,
    };
    if again && more { Next::Again } else { Next::End(outcome.clone()) }
}

fn is_idempotent(job: &Job) -> bool {
    match &job.plan.work {
        Work::Steps(work) => work.idempotent,
        Work::Deploy(_) => false,
    }
}

/// True if an agent may be chosen for the job now.
pub fn is_placeable(run: &Run, job: &Job) -> bool {
    if job.cancel.is_some() {
        return false;
    }
    match (&job.plan.work, &job.state) {
        (Work::Steps(_), JobState::Waiting) => readiness(run, job) == Readiness::Ready,
        (Work::Steps(_), JobState::Attempting) => next(job) == Next::Again,
        (Work::Steps(_), JobState::Deploying(_) | JobState::Ended(_)) | (Work::Deploy(_), _) => false,
    }
}
