//! The envelope of an attempt: the job's plan with everything evaluated.

use std::collections::BTreeMap;

use super::state::Job;
use crate::agent::Agent;
use crate::model::{Action, Attempt, Builtin, Duration, Envelope, FetchFile, LaneId, Project, RunIf, Step, StepsWork};
use crate::run::Run;
use crate::world::State;

/// Log bytes of an attempt, unless the operators say otherwise.
pub const LOG_PER_ATTEMPT: u64 = 256 * 1024 * 1024;

/// Builds the envelope. Every input of the job exists, because its needs have succeeded.
pub fn envelope(state: &State, run: &Run, job: &Job, work: &StepsWork, agent: &Agent) -> Envelope {
    let number = u32::try_from(job.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
    let log_quota_bytes = match state.config.log_per_attempt {
        0 => LOG_PER_ATTEMPT,
        bytes => bytes,
    };
    Envelope {
        run: run.id.clone(),
        job: job.plan.key.clone(),
        attempt: Attempt(number),
        env: environment(run, work, agent),
        steps: steps(state, run, work),
        timeout: work.timeout,
        silent_timeout: work.silent_timeout,
        grace: work.grace,
        cleanup: work.cleanup,
        log_quota_bytes,
        slots: u32::from(work.target.is_none()),
        limits: work.limits,
        workspace: work.workspace,
        lane: lane(work),
    }
}

fn lane(work: &StepsWork) -> Option<(LaneId, u64)> {
    work.target.as_ref().map(|target| (target.deployment.lane.clone(), target.generation))
}

fn environment(run: &Run, work: &StepsWork, agent: &Agent) -> BTreeMap<String, String> {
    let seconds = (run.commit.time.0 / 1_000).to_string();
    let mut env = work.env.clone();
    let known = [
        ("PROJECT", run.id.project.to_string()),
        ("RUN", run.id.to_string()),
        ("RUN_NUMBER", run.id.number.to_string()),
        ("REVISION", run.commit.revision.to_string()),
        ("BRANCH", run.branch.clone()),
        ("TRIGGER", run.trigger.kind.word().to_owned()),
        ("ACTOR", run.trigger.actor.clone()),
        ("COMMIT_TIME", seconds),
        ("AGENT", agent.register.name.to_string()),
    ];
    env.extend(known.map(|(name, value)| (format!("WINDLASS_{name}"), value)));
    env
}

/// Built-in steps stand before and after the job's own.
fn steps(state: &State, run: &Run, work: &StepsWork) -> Vec<Step> {
    let mut steps = Vec::with_capacity(work.steps.len() + 3);
    let project = state.config.projects.get(&run.id.project);
    if let Some(project) = project.filter(|_| work.checkout) {
        steps.push(builtin(checkout(run, project)));
    }
    if !work.inputs.is_empty() {
        steps.push(builtin(Builtin::Fetch { files: fetches(run, work) }));
    }
    steps.extend(work.steps.iter().cloned());
    if !work.artifacts.is_empty() {
        steps.push(builtin(Builtin::Put { artifacts: work.artifacts.clone() }));
    }
    steps
}

fn checkout(run: &Run, project: &Project) -> Builtin {
    Builtin::Checkout {
        url: project.git.clone(),
        revision: run.commit.revision.clone(),
        reference: (!run.branch.is_empty()).then(|| format!("refs/heads/{}", run.branch)),
    }
}

fn fetches(run: &Run, work: &StepsWork) -> Vec<FetchFile> {
    let found = work.inputs.iter().filter_map(|input| {
        let artifact = run.artifact(&input.from, &input.name)?;
        Some(FetchFile { name: input.name.clone(), digest: artifact.digest, to: input.to.clone() })
    });
    found.collect()
}

/// A built-in step as it stands in an envelope.
pub fn builtin(builtin: Builtin) -> Step {
    Step {
        name: builtin.name().to_owned(),
        run_if: RunIf::Success,
        timeout: Duration::default(),
        dir: String::new(),
        env: BTreeMap::new(),
        secrets: Default::default(),
        secret_files: Default::default(),
        tolerate: false,
        action: Action::Builtin(builtin),
    }
}
