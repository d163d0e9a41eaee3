//! When a job may start, and what follows when an attempt is over.
//!
//! | last attempt | then |
//! |---|---|
//! | open | wait |
//! | `not_started` for a reason of ours that may pass, fewer than 3 of ours, no cancel | again |
//! | the same, and a cancel | the job ends `cancelled`: nothing of it ran, and nothing will |
//! | `unknown`, the job is idempotent, fewer than 3 of ours, no cancel | settled as *again* by policy |
//! | `unknown`, `change` or `revert` of a target | the job ends so; what the target says settles it |
//! | `unknown`, `on-unknown: hold` | held until a person settles it, or the truth arrives |
//! | `unknown`, else | settled as *failed* by policy |
//! | settled as *again*, no cancel | again |
//! | anything else | the job ends so |
//!
//! *Of ours* are attempts that did not start for a reason of ours, and those of idempotent jobs that are `unknown`, since a person said
//! *again* or had the job done again last. No attempt follows an `unknown` one but through a settlement.

use super::state::{Job, JobState};
use crate::attempt::AttemptState;
use crate::model::{JobKey, OnUnknown, Outcome, Phase, RunIf, Settlement, Settler, StepsWork, Verdict, Work};
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
    let first_bad = needed().filter(|need| !need.counts_as_success()).find_map(|need| {
        let outcome = need.outcome()?;
        Some(format!("{} {}", need.plan.key, outcome.word()))
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
    /// The pipeline file says how the last attempt counts.
    Settle(Settlement),
    /// A person says how the last attempt counts.
    Hold,
    /// The job ends so.
    End(Outcome),
}

/// See the table above.
pub fn next(job: &Job) -> Next {
    let Some(attempt) = job.attempt() else { return Next::Open };
    let Some(outcome) = attempt.outcome() else { return Next::Open };
    let end = || Next::End(outcome.clone());
    match (outcome, &attempt.settlement) {
        (Outcome::Unknown { .. }, Some(settled)) if settled.verdict == Verdict::Again && job.cancel.is_none() => {
            Next::Again
        }
        (Outcome::Unknown { .. }, Some(_)) => end(),
        (Outcome::Unknown { .. }, None) => after_unknown(job).unwrap_or_else(end),
        (Outcome::NotStarted { reason }, _) if reason.may_pass() && job.cancel.is_some() => {
            Next::End(Outcome::Cancelled)
        }
        (Outcome::NotStarted { reason }, _) if reason.may_pass() && has_more(job) => Next::Again,
        (
            Outcome::NotStarted { .. }
            | Outcome::Succeeded
            | Outcome::Failed { .. }
            | Outcome::TimedOut
            | Outcome::Cancelled
            | Outcome::Skipped { .. },
            _,
        ) => end(),
    }
}

/// None for what neither a policy nor a person settles.
fn after_unknown(job: &Job) -> Option<Next> {
    let work = steps(job)?;
    if work.target.as_ref().is_some_and(|target| target.phase != Phase::Prepare) {
        return None;
    }
    if work.idempotent && has_more(job) {
        return Some(Next::Settle(Settlement::by_policy(Verdict::Again, "the job is idempotent")));
    }
    Some(match work.on_unknown {
        OnUnknown::Hold => Next::Hold,
        OnUnknown::Fail => Next::Settle(Settlement::by_policy(Verdict::Failed, "on-unknown: fail")),
    })
}

fn has_more(job: &Job) -> bool {
    let before = job.retried.as_ref().map_or(0, |retried| retried.after);
    let since_a_person = job.attempts.iter().skip(before).rev().take_while(|attempt| !again_by_a_person(attempt));
    let ours = since_a_person.filter(|attempt| match attempt.outcome() {
        Some(Outcome::NotStarted { reason }) => reason.may_pass(),
        Some(Outcome::Unknown { .. }) => true,
        Some(_) | None => false,
    });
    job.cancel.is_none() && ours.count() < ATTEMPTS_MAX
}

fn again_by_a_person(attempt: &AttemptState) -> bool {
    let settled = attempt.settlement.as_ref();
    settled.is_some_and(|settled| settled.verdict == Verdict::Again && matches!(settled.by, Settler::Person(_)))
}

/// Who allows the next attempt although an earlier one may still run; none if none may.
pub fn despite(job: &Job) -> Option<Settler> {
    let unproven = |attempt: &&std::sync::Arc<AttemptState>| matches!(attempt.outcome(), Some(Outcome::Unknown { .. }));
    let last = job.attempts.iter().rposition(|attempt| unproven(&attempt))?;
    match &job.retried {
        Some(retried) if last < retried.after => Some(Settler::Person(retried.by.clone())),
        Some(_) | None => Some(job.attempts.get(last)?.settlement.as_ref()?.by.clone()),
    }
}

fn steps(job: &Job) -> Option<&StepsWork> {
    match &job.plan.work {
        Work::Steps(work) => Some(work),
        Work::Deploy(_) => None,
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
        (Work::Steps(_), JobState::Held | JobState::Deploying(_) | JobState::Ended(_)) | (Work::Deploy(_), _) => false,
    }
}
