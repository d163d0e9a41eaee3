//! Each waiting job has one reason of a closed list, the same on every screen.

use std::fmt;

use super::pass::{Candidates, candidates};
use crate::job::Job;
use crate::job::JobState;
use crate::job::decide::{Next, Readiness, next, readiness};
use crate::model::{Attempt, DeploymentId, EnvironmentName, Freeze, Hold, JobKey, LaneId, Outcome, Pause, RunId, Work};
use crate::run::Run;
use crate::world::State;

/// Why a job is waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// For these jobs.
    Needs(Vec<JobKey>),
    /// No enrolled agent matches these terms.
    NoAgent(String),
    /// These match, and their register or policy does not take the project.
    NotTaken(Vec<String>),
    /// These match and have no session.
    AgentsAway(Vec<String>),
    /// These match and have a session, and a person paused them: each with who and why.
    AgentsPaused(Vec<String>),
    /// These match, and every slot is taken.
    AgentsFull(Vec<String>),
    /// An agent was chosen and has not accepted yet.
    Placed(String),
    /// The project is stopped since a restore.
    Stopped(String),
    /// For a person to settle this attempt.
    Unsettled {
        /// The run.
        run: RunId,
        /// The job.
        job: JobKey,
        /// Which try.
        attempt: Attempt,
        /// What is known of it.
        outcome: Outcome,
    },
    /// For its lane, which this deployment has.
    Lane(Option<DeploymentId>),
    /// For its lane, which nobody may start on.
    Locked(LaneId, Hold),
    /// For its lane, which was restored from a backup.
    Fenced(LaneId),
    /// For its lane, on whose environment nothing starts within this window.
    Frozen(EnvironmentName, Freeze),
    /// For its lane: nothing starts on any.
    AllStopped(Hold),
    /// For people who approve the plan of its deployment: so many more, of these.
    Approval {
        /// Which.
        deployment: DeploymentId,
        /// First digits of the plan's digest.
        plan: String,
        /// How many more.
        missing: u32,
        /// Who may.
        from: String,
    },
    /// Its deployment admits nothing.
    Paused(DeploymentId, Pause),
}

impl Waiting {
    /// The fixed word of the closed list.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Needs(_) => "needs",
            Self::NoAgent(_) => "no_agent",
            Self::NotTaken(_) => "not_taken",
            Self::AgentsAway(_) => "agents_away",
            Self::AgentsPaused(_) => "agents_paused",
            Self::AgentsFull(_) => "agents_full",
            Self::Placed(_) => "placed",
            Self::Stopped(_) => "stopped",
            Self::Unsettled { .. } => "unsettled",
            Self::Lane(_) | Self::Locked(..) | Self::Fenced(_) | Self::Frozen(..) | Self::AllStopped(_) => "lane",
            Self::Paused(..) => "paused",
            Self::Approval { .. } => "approval",
        }
    }
}

/// The words on the screen.
impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Needs(keys) => {
                let names: Vec<&str> = keys.iter().map(JobKey::as_str).collect();
                write!(f, "waits for {}", names.join(", "))
            }
            Self::NoAgent(terms) if terms.is_empty() => f.write_str("no agent takes jobs of pipelines"),
            Self::NoAgent(terms) => write!(f, "none matches `{terms}`"),
            Self::NotTaken(names) => {
                write!(f, "{} would match; its register or policy does not take this project", names.join(", "))
            }
            Self::AgentsAway(names) => write!(f, "the only match, {}, has no session", names.join(", ")),
            Self::AgentsPaused(pauses) => f.write_str(&pauses.join(", ")),
            Self::AgentsFull(names) => write!(f, "{}: every slot is taken", names.join(", ")),
            Self::Placed(name) => write!(f, "placed on {name}, not accepted yet"),
            Self::Stopped(project) => {
                write!(f, "the master was restored: nothing is placed until `windlass projects start {project}`")
            }
            Self::Unsettled { run, job, attempt, outcome } => {
                write!(f, "attempt {attempt} is {outcome}: `windlass settle {run} {job} succeeded|failed|again`")
            }
            Self::Lane(Some(deployment)) => write!(f, "the lane is held by {deployment}"),
            Self::Lane(None) => f.write_str("waits for its lane"),
            Self::Locked(lane, lock) => write!(f, "{lane} is locked {lock}"),
            Self::Fenced(lane) => {
                let (service, environment) = (&lane.service, &lane.environment);
                write!(
                    f,
                    "the master was restored, and {lane} may be behind its targets: `windlass lane adopt {service} {environment}`"
                )
            }
            Self::Frozen(environment, window) => write!(f, "nothing starts in {environment} within {window}"),
            Self::AllStopped(stop) => write!(f, "everything is stopped {stop}"),
            Self::Approval { deployment, plan, missing, from } => {
                let plural = if *missing == 1 { "approval" } else { "approvals" };
                write!(f, "waits for {missing} {plural} of {from}: `windlass approve {deployment} --plan {plan}`")
            }
            Self::Paused(deployment, pause) => write!(f, "{pause}: `windlass resume {deployment}`"),
        }
    }
}

/// Why `job` is not running; none if it runs or is over.
pub fn explain(state: &State, run: &Run, job: &Job) -> Option<Waiting> {
    match &job.state {
        JobState::Ended(_) => return None,
        JobState::Deploying(id) => return deploying(state, id),
        JobState::Held => return unsettled(run, job),
        JobState::Attempting if next(job) != Next::Again => return placed(state, job),
        JobState::Attempting | JobState::Waiting => {}
    }
    match (readiness(run, job), &job.plan.work) {
        (Readiness::Waits(keys), _) => Some(Waiting::Needs(keys)),
        (Readiness::Skip(_), _) => None,
        (Readiness::Ready, Work::Deploy(_)) => Some(Waiting::Lane(None)),
        (Readiness::Ready, Work::Steps(work)) => match candidates(state, run, work) {
            Candidates::Some(_) => None,
            Candidates::None(waiting) => Some(waiting),
        },
    }
}

fn deploying(state: &State, id: &DeploymentId) -> Option<Waiting> {
    let lane = state.lanes.get(&id.lane)?;
    match &lane.active {
        _ if lane.fenced => Some(Waiting::Fenced(lane.id.clone())),
        Some(active) if active == id => {
            let pause = state.deployments.get(id)?.paused.clone()?;
            Some(Waiting::Paused(id.clone(), pause))
        }
        Some(active) => Some(Waiting::Lane(Some(active.clone()))),
        None => match (&state.stop_all, &lane.lock) {
            (Some(stop), _) => Some(Waiting::AllStopped(stop.clone())),
            (None, Some(lock)) => Some(Waiting::Locked(lane.id.clone(), lock.clone())),
            (None, None) => {
                let why = approval(state, id).or_else(|| frozen(state, id));
                Some(why.unwrap_or(Waiting::Lane(None)))
            }
        },
    }
}

fn frozen(state: &State, id: &DeploymentId) -> Option<Waiting> {
    let rails = state.config.environments.get(&id.lane.environment)?;
    let (_, window) = rails.frozen_until(state.now)?;
    Some(Waiting::Frozen(id.lane.environment.clone(), window.clone()))
}

fn approval(state: &State, id: &DeploymentId) -> Option<Waiting> {
    let found = state.deployments.get(id)?;
    let plan = found.proposed.as_ref()?.digest().short();
    let demanded = state.config.environments.get(&id.lane.environment)?.approvals_of(found.takes_over);
    let given = u32::try_from(found.approvals.len()).unwrap_or(u32::MAX);
    let (missing, from) = (demanded.required.saturating_sub(given), demanded.to_string());
    Some(Waiting::Approval { deployment: id.clone(), plan, missing, from })
}

fn unsettled(run: &Run, job: &Job) -> Option<Waiting> {
    let attempt = job.attempt()?;
    let outcome = attempt.outcome()?.clone();
    Some(Waiting::Unsettled { run: run.id.clone(), job: job.plan.key.clone(), attempt: attempt.number, outcome })
}

fn placed(state: &State, job: &Job) -> Option<Waiting> {
    let attempt = job.attempt()?;
    let heard = attempt.acked > 0 || attempt.outcome().is_some();
    let name = state.agents.get(&attempt.agent).map(|agent| agent.register.name.to_string())?;
    (!heard).then_some(Waiting::Placed(name))
}
