//! A person has jobs of a run done again: new attempts, in the same run. What is there stays: earlier attempts, their logs, artifacts of
//! jobs that are not named.
//!
//! | a job | then |
//! |---|---|
//! | is named; or none is, and it ended without success and was not skipped | waits again |
//! | needs one of these, and is over | waits again |
//! | needs one of these, and is open | waiting: stays so; else refused |
//! | is one of these, and a deployment is or was carried out by it or for it | refused: a deployment is asked for by itself |
//! | belongs to a run whose logs have expired | refused: what it would write would expire with them |
//! | is one of these, and its last attempt is `unknown` | only if it is named, or idempotent: it may still be running |
//!
//! A run that has left the state comes back with the fact, because it is nowhere else than in the history, which is a view.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::answer::{Decision, Refusal};
use crate::fact::{Fact, ReopenedRun};
use crate::job::{Job, JobState};
use crate::model::{JobKey, Outcome, RunId, Work, json_bytes};
use crate::retention::has_lost_logs;
use crate::run::Run;
use crate::world::State;

/// The most bytes of a run that is taken up again: it travels in one fact.
const RUN_MAX_BYTES: usize = 2 * 1024 * 1024;

/// See the table above. `over` is the run as the history has it; it counts if the run is not in the state.
pub fn retry(state: &State, id: &RunId, over: Option<Arc<Run>>, jobs: &[JobKey], by: &str) -> Decision {
    let live = state.runs.get(id);
    let Some(run) = live.or(over.as_ref()).filter(|run| run.id == *id) else {
        return Decision::refuse(Refusal::RunUnknown(id.clone()));
    };
    if live.is_none() && run.reopened != state.reopened.get(id).copied().unwrap_or(0) {
        let why = format!("the history does not show yet how {id} ended the last time: try again in a moment");
        return Decision::refuse(Refusal::Rejected(why));
    }
    if !state.config.projects.contains_key(&id.project) {
        return Decision::refuse(Refusal::ProjectUnknown(id.project.to_string()));
    }
    if has_lost_logs(state, id) {
        return Decision::refuse(Refusal::Rejected(format!("the logs of {id} have expired: start a new run")));
    }
    if let Some(unknown) = jobs.iter().find(|key| run.job(key).is_none()) {
        return Decision::refuse(Refusal::JobUnknown(id.clone(), unknown.clone()));
    }
    let again = match again(run, jobs) {
        Ok(again) => again,
        Err(why) => return Decision::refuse(Refusal::Rejected(why)),
    };
    let reopened = if live.is_some() { None } else { ReopenedRun::of(run).map(Box::new) };
    if live.is_none() && reopened.is_none() {
        return Decision::refuse(Refusal::Rejected(format!("{id} is not over, and not known here")));
    }
    if reopened.as_ref().map_or(0, json_bytes) > RUN_MAX_BYTES {
        return Decision::refuse(Refusal::Rejected(format!("{id} is too large to be taken up again: start a new run")));
    }
    let jobs = run.jobs.iter().map(|job| job.plan.key.clone()).filter(|key| again.contains(key)).collect();
    Decision::done(vec![Fact::JobsRetried { run: id.clone(), reopened, jobs, by: by.to_owned() }])
}

/// The jobs that wait again, or why none does.
fn again(run: &Run, named: &[JobKey]) -> Result<BTreeSet<JobKey>, String> {
    let failed = run.jobs.iter().filter(|job| is_failed(job)).map(|job| job.plan.key.clone());
    let mut again: BTreeSet<JobKey> = if named.is_empty() { failed.collect() } else { named.iter().cloned().collect() };
    if again.is_empty() {
        return Err(format!("no job of {} has failed: name those that shall be done again", run.id));
    }
    loop {
        let needs_one = |job: &&Arc<Job>| job.plan.needs.iter().any(|need| again.contains(need));
        let new = |job: &&Arc<Job>| job.state != JobState::Waiting && !again.contains(&job.plan.key);
        let found: Vec<JobKey> =
            run.jobs.iter().filter(needs_one).filter(new).map(|job| job.plan.key.clone()).collect();
        if found.is_empty() {
            break;
        }
        again.extend(found);
    }
    match again.iter().filter_map(|key| run.job(key)).find_map(|job| objection(run, job, named)) {
        Some(why) => Err(why),
        None => Ok(again),
    }
}

/// What is done again if nobody names anything. Jobs of deployments are not: their entry speaks for them.
fn is_failed(job: &Job) -> bool {
    let bad = job.outcome().is_some_and(|outcome| !matches!(outcome, Outcome::Skipped { .. }));
    bad && !job.counts_as_success() && crate::deploy::change_of(job).is_none()
}

fn objection(run: &Run, job: &Job, named: &[JobKey]) -> Option<String> {
    let key = &job.plan.key;
    let Some(outcome) = job.outcome() else {
        return Some(format!("{key} is not over: cancel it first, or wait for it"));
    };
    let idempotent = match &job.plan.work {
        Work::Steps(work) if work.target.is_some() => {
            return Some(format!("{key} belongs to a deployment, which makes its own attempts"));
        }
        Work::Steps(work) => work.idempotent,
        Work::Deploy(_) if matches!(outcome, Outcome::Skipped { .. }) => return None,
        Work::Deploy(_) => return Some(format!("{key} is a deployment: ask for another with `windlass deploy`")),
    };
    let unproven = job.attempt().is_some_and(|attempt| matches!(attempt.outcome(), Some(Outcome::Unknown { .. })));
    (unproven && !idempotent && !named.contains(key)).then(|| {
        format!("{key} is {outcome} and may still be running: look, then name it: `windlass retry {} {key}`", run.id)
    })
}
