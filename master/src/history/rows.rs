//! What a turn adds to the history: rows for what left the state or changed, computed from what was touched alone.

use serde::Serialize;
use windlass_core::model::{AgentId, DeploymentId, ReleaseId};
use windlass_core::run::{Run, RunState};
use windlass_core::{State, Touched};

use super::key;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The rows of one turn; `state` is the state after it.
pub fn rows(state: &State, touched: &Touched) -> Vec<Row> {
    let mut out = Vec::new();
    for run in &touched.closed {
        add_run(state, run, &mut out);
    }
    for agent in &touched.agents {
        add_agent(state, *agent, &mut out);
    }
    for release in &touched.releases {
        add_release(state, release, &mut out);
    }
    for deployment in &touched.deployments {
        add_deployment(state, deployment, &mut out);
    }
    out
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("what the state holds has only text keys, so that it always is JSON")
}

fn add_run(state: &State, run: &Run, out: &mut Vec<Row>) {
    let Some(project) = state.projects.get(&run.id.project).map(|project| project.ordinal) else { return };
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
    if let RunState::Ended(outcome) = &run.state {
        out.push((key::run_by_outcome(project, outcome, run.id.number), Vec::new()));
    }
    out.push((key::run_by_time(run.created.0, project, run.id.number), Vec::new()));
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

fn add_release(state: &State, id: &ReleaseId, out: &mut Vec<Row>) {
    let service = state.services.get(&id.service);
    if let Some((service, release)) = service.zip(state.releases.get(id)) {
        out.push((key::release(service.ordinal, id.number), json(release.as_ref())));
    }
}

fn add_deployment(state: &State, id: &DeploymentId, out: &mut Vec<Row>) {
    let service = state.services.get(&id.lane.service).map(|service| service.ordinal);
    let environment = state.environments.get(&id.lane.environment).copied();
    let Some((service, environment)) = service.zip(environment) else { return };
    if let Some(deployment) = state.deployments.get(id) {
        out.push((key::deployment(service, environment, id.number), json(deployment.as_ref())));
    }
}
