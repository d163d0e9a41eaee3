//! A run that is over, as the fact says that takes it up again.
//!
//! It had left the state, and the history is only a view: this is the one place from which a fold of the facts knows it. It is a format
//! that is read for ever, so that it is not what is believed in memory: it holds what a run that is closed does not hold by itself, and
//! [`Run`] may change beside it. The envelopes stay, because the history writes the run again when it is closed again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attempt::line::LogEnd;
use crate::attempt::{AttemptPhase, AttemptState, StepState};
use crate::input::LogSeal;
use crate::job::state::{Cancel, Retried};
use crate::job::{Job, JobState};
use crate::model::{
    AgentId, Attempt, Commit, Digest, Envelope, Fence, JobKey, JobPlan, Outcome, Problem, RunId, ServiceName,
    ServiceSpec, Settlement, StepOutcome, Trigger, Trust, UnixMs,
};
use crate::run::state::Artifact;
use crate::run::{Run, RunState};
use crate::secret::Grant;

/// A run that is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReopenedRun {
    id: RunId,
    trigger: Trigger,
    branch: String,
    commit: Commit,
    problems: Vec<Problem>,
    unread: Option<String>,
    jobs: Vec<ReopenedJob>,
    services: BTreeMap<ServiceName, ServiceSpec>,
    artifacts: Vec<ReopenedArtifact>,
    outcome: Outcome,
    /// How often it was taken up again before.
    reopened: u32,
    trust: Trust,
    created: UnixMs,
    started: Option<UnixMs>,
    ended: Option<UnixMs>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReopenedJob {
    plan: JobPlan,
    outcome: Outcome,
    cancel: Option<ReopenedCancel>,
    attempts: Vec<ReopenedAttempt>,
    ended: Option<UnixMs>,
    retried: Option<ReopenedRetry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReopenedCancel {
    by: String,
    why: String,
    force: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReopenedRetry {
    by: String,
    /// So many attempts were there before.
    after: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReopenedArtifact {
    job: JobKey,
    name: String,
    digest: Digest,
    size: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReopenedAttempt {
    number: Attempt,
    fence: Fence,
    agent: AgentId,
    envelope: Arc<Envelope>,
    outcome: Outcome,
    /// The last line of its record that was reported.
    acked: u32,
    steps: Vec<ReopenedStep>,
    secrets: Vec<Grant>,
    why: String,
    placed: UnixMs,
    started: Option<UnixMs>,
    ended: Option<UnixMs>,
    logs: Option<Vec<Option<LogEnd>>>,
    gone: bool,
    settlement: Option<Settlement>,
    late: Option<Outcome>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ReopenedStep {
    name: String,
    started: Option<UnixMs>,
    ended: Option<UnixMs>,
    outcome: Option<StepOutcome>,
    outputs: BTreeMap<String, String>,
    sealed: Option<LogSeal>,
}

impl ReopenedRun {
    /// The run as it is told; none if something of it is open.
    pub fn of(run: &Run) -> Option<Self> {
        let RunState::Ended(outcome) = &run.state else { return None };
        let artifacts = run.artifacts.iter().cloned();
        Some(Self {
            id: run.id.clone(),
            trigger: run.trigger.clone(),
            branch: run.branch.clone(),
            commit: run.commit.clone(),
            problems: run.problems.clone(),
            unread: run.unread.clone(),
            jobs: run.jobs.iter().map(|job| ReopenedJob::of(job)).collect::<Option<_>>()?,
            services: run.services.clone(),
            artifacts: artifacts
                .map(|Artifact { job, name, digest, size }| ReopenedArtifact { job, name, digest, size })
                .collect(),
            outcome: outcome.clone(),
            reopened: run.reopened,
            trust: run.trust,
            created: run.created,
            started: run.started,
            ended: run.ended,
        })
    }

    /// The run as it was when it left the state.
    pub fn restored(&self) -> Run {
        let artifacts = self.artifacts.iter().cloned();
        Run {
            id: self.id.clone(),
            trigger: self.trigger.clone(),
            branch: self.branch.clone(),
            commit: self.commit.clone(),
            problems: self.problems.clone(),
            unread: self.unread.clone(),
            jobs: self.jobs.iter().map(|job| Arc::new(job.restored())).collect(),
            services: self.services.clone(),
            artifacts: artifacts
                .map(|ReopenedArtifact { job, name, digest, size }| Artifact { job, name, digest, size })
                .collect(),
            state: RunState::Ended(self.outcome.clone()),
            reopened: self.reopened,
            trust: self.trust,
            created: self.created,
            started: self.started,
            ended: self.ended,
        }
    }
}

impl ReopenedJob {
    fn of(job: &Job) -> Option<Self> {
        let cancel = job.cancel.clone();
        let retried = job.retried.clone();
        Some(Self {
            plan: job.plan.clone(),
            outcome: job.outcome()?.clone(),
            cancel: cancel.map(|Cancel { by, why, force }| ReopenedCancel { by, why, force }),
            attempts: job.attempts.iter().map(|attempt| ReopenedAttempt::of(attempt)).collect::<Option<_>>()?,
            ended: job.ended,
            retried: retried.map(|Retried { by, after }| ReopenedRetry { by, after }),
        })
    }

    fn restored(&self) -> Job {
        let cancel = self.cancel.clone();
        let retried = self.retried.clone();
        Job {
            plan: self.plan.clone(),
            state: JobState::Ended(self.outcome.clone()),
            cancel: cancel.map(|ReopenedCancel { by, why, force }| Cancel { by, why, force }),
            attempts: self.attempts.iter().map(|attempt| Arc::new(attempt.restored())).collect(),
            ended: self.ended,
            retried: retried.map(|ReopenedRetry { by, after }| Retried { by, after }),
        }
    }
}

impl ReopenedAttempt {
    fn of(attempt: &AttemptState) -> Option<Self> {
        let steps = attempt.steps.iter().cloned();
        attempt.closed.then_some(())?;
        Some(Self {
            number: attempt.number,
            fence: attempt.fence,
            agent: attempt.agent,
            envelope: Arc::clone(&attempt.envelope),
            outcome: attempt.outcome()?.clone(),
            acked: attempt.acked,
            steps: steps.map(ReopenedStep::from).collect(),
            secrets: attempt.secrets.clone(),
            why: attempt.why.clone(),
            placed: attempt.placed,
            started: attempt.started,
            ended: attempt.ended,
            logs: attempt.logs.clone(),
            gone: attempt.gone,
            settlement: attempt.settlement.clone(),
            late: attempt.late.clone(),
        })
    }

    fn restored(&self) -> AttemptState {
        AttemptState {
            number: self.number,
            fence: self.fence,
            agent: self.agent,
            envelope: Arc::clone(&self.envelope),
            phase: AttemptPhase::Ended(self.outcome.clone()),
            acked: self.acked,
            // Nothing survives of an attempt that is closed.
            stuck: None,
            steps: self.steps.iter().cloned().map(StepState::from).collect(),
            secrets: self.secrets.clone(),
            why: self.why.clone(),
            placed: self.placed,
            started: self.started,
            ended: self.ended,
            logs: self.logs.clone(),
            gone: self.gone,
            closed: true,
            settlement: self.settlement.clone(),
            late: self.late.clone(),
        }
    }
}

impl From<StepState> for ReopenedStep {
    fn from(step: StepState) -> Self {
        let StepState { name, started, ended, outcome, outputs, sealed } = step;
        Self { name, started, ended, outcome, outputs, sealed }
    }
}

impl From<ReopenedStep> for StepState {
    fn from(step: ReopenedStep) -> Self {
        let ReopenedStep { name, started, ended, outcome, outputs, sealed } = step;
        Self { name, started, ended, outcome, outputs, sealed }
    }
}
