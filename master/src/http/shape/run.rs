//! Runs and their jobs.

use windlass_core::State;
use windlass_core::agent::Presence;
use windlass_core::attempt::{AttemptPhase, AttemptState};
use windlass_core::deploy::DeploymentState;
use windlass_core::job::{Job, JobState};
use windlass_core::model::Work;
use windlass_core::place::explain;
use windlass_core::run::state::Artifact;
use windlass_core::run::{Run, RunState};
use windlass_proto::api;

use super::digest;

/// A run with its jobs; `state` says why they wait and what agents are called.
pub(in crate::http) fn run(state: &State, run: &Run) -> api::Run {
    let (at, outcome) = match &run.state {
        RunState::Waiting => (api::RunState::Waiting, None),
        RunState::Running if run.is_held() => (api::RunState::Held, None),
        RunState::Running => (api::RunState::Running, None),
        RunState::Ended(outcome) => (api::RunState::Ended, Some(api::Outcome::from(outcome).kind)),
    };
    api::Run {
        id: run.id.in_path(),
        project: run.id.project.to_string(),
        number: run.id.number,
        state: at,
        outcome,
        revision: run.commit.revision.to_string(),
        title: run.commit.title.clone(),
        author: run.commit.author.clone(),
        branch: run.branch.clone(),
        trigger: api::Trigger {
            kind: run.trigger.kind.word().to_owned(),
            actor: run.trigger.actor.clone(),
            time: run.trigger.time.into(),
        },
        created: run.created.into(),
        started: run.started.map(Into::into),
        ended: run.ended.map(Into::into),
        jobs: run.jobs.iter().map(|one| job(state, run, one)).collect(),
        problems: run.problems.clone(),
        unread: run.unread.clone(),
    }
}

/// A job of a run.
pub(in crate::http) fn job(state: &State, run: &Run, job: &Job) -> api::Job {
    let newest = job.attempt();
    let name = |attempt: &AttemptState| state.agents.get(&attempt.agent).map(|agent| agent.register.name.to_string());
    api::Job {
        key: job.plan.key.to_string(),
        needs: job.plan.needs.iter().map(ToString::to_string).collect(),
        state: job_state(state, job),
        stopping: job.cancel.is_some() && job.outcome().is_none(),
        stuck: newest.and_then(|attempt| attempt.stuck.clone()),
        silent_since: newest.and_then(|attempt| silent_since(state, attempt)),
        attempt: newest.map_or(0, |attempt| attempt.number.0),
        agent: newest.and_then(|attempt| name(attempt)),
        waiting: waiting(state, run, job),
        deployment: deployment_of(job),
        outcome: job.outcome().map(Into::into),
        settlement: newest.and_then(|attempt| attempt.settlement.as_ref()).map(Into::into),
        started: newest.and_then(|attempt| attempt.started).map(Into::into),
        ended: job.ended.map(Into::into),
    }
}

/// Since when the agent of an open attempt is silent.
fn silent_since(state: &State, attempt: &AttemptState) -> Option<api::Time> {
    let open = attempt.outcome().is_none();
    match state.agents.get(&attempt.agent).filter(|_| open)?.presence {
        Presence::Gone { since } => Some(since.into()),
        Presence::Enrolled | Presence::Connected { .. } => None,
    }
}

/// Why a job waits; none if it does not.
pub(in crate::http) fn waiting(state: &State, run: &Run, job: &Job) -> Option<api::WaitingWhy> {
    let waiting = explain(state, run, job)?;
    Some(api::WaitingWhy { reason: waiting.reason().to_owned(), text: waiting.to_string() })
}

fn job_state(state: &State, job: &Job) -> api::JobState {
    match &job.state {
        JobState::Waiting | JobState::Held => api::JobState::Waiting,
        JobState::Ended(_) => api::JobState::Ended,
        JobState::Attempting => match job.attempt().map(|attempt| &attempt.phase) {
            Some(AttemptPhase::Placed) => api::JobState::Placed,
            Some(AttemptPhase::Accepted) => api::JobState::Accepted,
            Some(AttemptPhase::Running) => api::JobState::Running,
            // Between two attempts it waits again.
            Some(AttemptPhase::Ended(_)) | None => api::JobState::Waiting,
        },
        JobState::Deploying(id) => match state.deployments.get(id).map(|deployment| &deployment.state) {
            Some(DeploymentState::Queued | DeploymentState::AwaitingApproval) => api::JobState::Waiting,
            Some(
                DeploymentState::Preparing
                | DeploymentState::Changing { .. }
                | DeploymentState::Baking { .. }
                | DeploymentState::RollingBack
                | DeploymentState::Ended(_),
            )
            | None => api::JobState::Running,
        },
    }
}

/// The deployment that carries the job out, or that made it.
fn deployment_of(job: &Job) -> Option<String> {
    match (&job.state, &job.plan.work) {
        (JobState::Deploying(id), _) => Some(id.in_path()),
        (_, Work::Steps(work)) => work.target.as_ref().map(|target| target.deployment.in_path()),
        (_, Work::Deploy(_)) => None,
    }
}

/// A file that a job produced.
pub(in crate::http) fn artifact(artifact: &Artifact) -> api::Artifact {
    api::Artifact {
        job: artifact.job.to_string(),
        name: artifact.name.clone(),
        digest: digest(&artifact.digest),
        size_bytes: artifact.size,
    }
}
