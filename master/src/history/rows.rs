//! What a turn adds to the history: rows for what left the state or changed, computed from what was touched alone.

use serde::{Deserialize, Serialize};
use windlass_core::model::{AgentId, DeploymentId, ProjectName, ReleaseId, RunId};
use windlass_core::run::{Run, RunState};
use windlass_core::{State, Touched};

use super::key;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The rows of one turn; `state` is the state after it. Ordinals are never given twice, so that those of the newest state serve for every
/// earlier one, and for one that lacks facts.
pub fn rows(ordinals: &State, state: &State, touched: &Touched) -> Vec<Row> {
    let mut out = Vec::new();
    for run in &touched.closed {
        add_run(ordinals, run, &mut out);
    }
    for agent in &touched.agents {
        add_agent(state, *agent, &mut out);
    }
    for release in &touched.releases {
        add_release(ordinals, state, release, &mut out);
    }
    for deployment in &touched.deployments {
        add_deployment(ordinals, state, deployment, &mut out);
    }
    out
}

/// The keys that go with a turn: a run that is back in the state is in no list of those that are over.
pub fn removed(ordinals: &State, touched: &Touched) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for run in &touched.reopened {
        out.extend(places(ordinals, run));
    }
    out
}

/// Where a run stands in lists.
fn places(ordinals: &State, run: &Run) -> Vec<Vec<u8>> {
    let Some(project) = ordinals.projects.get(&run.id.project).map(|project| project.ordinal) else {
        return Vec::new();
    };
    let by_outcome = match &run.state {
        RunState::Ended(outcome) => Some(key::run_by_outcome(project, outcome, run.id.number)),
        RunState::Waiting | RunState::Running => None,
    };
    by_outcome.into_iter().chain([key::run_by_time(run.created.0, project, run.id.number)]).collect()
}

/// Runs whose rows go: of the project with this ordinal all with numbers below this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiredRuns {
    /// Of the project.
    pub project: u32,
    /// The first number that stays.
    pub below: u64,
}

/// Runs that have expired, of what was touched; `state` is the state after it.
pub fn expired(state: &State, touched: &Touched) -> Vec<ExpiredRuns> {
    let projects = touched.projects.iter().filter_map(|name| state.projects.get(name));
    projects
        .filter(|project| project.runs.from > 0)
        .map(|project| ExpiredRuns { project: project.ordinal, below: project.runs.from })
        .collect()
}

/// Everything in the state that has a row.
pub fn all(state: &State) -> Touched {
    Touched {
        agents: state.agents.keys().copied().collect(),
        releases: state.releases.keys().cloned().collect(),
        deployments: state.deployments.keys().cloned().collect(),
        ..Touched::default()
    }
}

/// The key of a deployment's row.
pub fn deployment_key(ordinals: &State, id: &DeploymentId) -> Option<Vec<u8>> {
    let service = ordinals.services.get(&id.lane.service)?.ordinal;
    let environment = ordinals.environments.get(&id.lane.environment)?;
    Some(key::deployment(service, *environment, id.number))
}

/// Runs of a project, one after the other, that damage of the journal took from the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostRuns {
    /// The project.
    pub project: ProjectName,
    /// The first number.
    pub first: u64,
    /// The last one.
    pub last: u64,
}

impl LostRuns {
    /// True if the run is one of them.
    pub fn holds(&self, run: &RunId) -> bool {
        self.project == run.project && (self.first..=self.last).contains(&run.number)
    }

    /// Joins numbers that follow each other.
    pub(super) fn from_numbers(numbers: impl IntoIterator<Item = (ProjectName, u64)>) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::new();
        for (project, number) in numbers {
            match out.last_mut() {
                Some(last) if last.project == project && last.last + 1 == number => last.last = number,
                _ => out.push(Self { project, first: number, last: number }),
            }
        }
        out
    }
}

impl std::fmt::Display for LostRuns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.project, self.first)?;
        if self.last == self.first { Ok(()) } else { write!(f, " to #{}", self.last) }
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("what the state holds has only text keys, so that it always is JSON")
}

fn add_run(ordinals: &State, run: &Run, out: &mut Vec<Row>) {
    let Some(project) = ordinals.projects.get(&run.id.project).map(|project| project.ordinal) else { return };
    let mut without_attempts = run.clone();
    for (index, job) in run.jobs.iter().enumerate() {
        let index = u16::try_from(index).unwrap_or(u16::MAX);
        for attempt in &job.attempts {
            let key = key::attempt(project, run.id.number, index, attempt.number.0);
            out.push((key::attempt_by_agent(attempt.agent, attempt.fence), key.clone()));
            out.push((key, json(attempt.as_ref())));
        }
    }
    for job in &mut without_attempts.jobs {
        std::sync::Arc::make_mut(job).attempts.clear();
    }
    out.extend(places(ordinals, run).into_iter().map(|key| (key, Vec::new())));
    out.push((key::run(project, run.id.number), json(&without_attempts)));
}

fn add_agent(state: &State, id: AgentId, out: &mut Vec<Row>) {
    if let Some(agent) = state.agents.get(&id) {
        // What it does and sees at this moment is live, and not history.
        let mut agent = agent.as_ref().clone();
        agent.observations.clear();
        agent.open.clear();
        out.push((key::agent(id), json(&agent)));
    }
}

fn add_release(ordinals: &State, state: &State, id: &ReleaseId, out: &mut Vec<Row>) {
    let service = ordinals.services.get(&id.service);
    if let Some((service, release)) = service.zip(state.releases.get(id)) {
        out.push((key::release(service.ordinal, id.number), json(release.as_ref())));
    }
}

fn add_deployment(ordinals: &State, state: &State, id: &DeploymentId, out: &mut Vec<Row>) {
    if let Some((key, deployment)) = deployment_key(ordinals, id).zip(state.deployments.get(id)) {
        out.push((key, json(deployment.as_ref())));
    }
}
