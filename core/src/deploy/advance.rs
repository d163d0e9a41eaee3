//! What now follows for deployments: entries that may start, and one round of each deployment that was touched or is due.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::catch_up;
use super::debts;
use super::request::request;
use super::settle::due;
use super::state::{Deployment, DeploymentState};
use super::step::{starts_at, step};
use super::targets::{HEARING, is_recovering};
use crate::job::JobState;
use crate::job::decide::{Readiness, readiness};
use crate::lane::Lane;
use crate::model::{LaneId, RunId, UnixMs, Work};
use crate::project;
use crate::run::Run;
use crate::touched::Touched;
use crate::world::{Decided, State};

/// One round of what follows from what was touched, and from deadlines that have come. Nothing if nothing is due.
pub fn advance(state: &State, at: UnixMs, touched: &Touched) -> Vec<Decided> {
    // Later decisions of the round see earlier ones, so that two of them never take the same number, lane or target.
    let mut ahead = state.clone();
    let mut decided = Vec::new();
    let runs: BTreeSet<&RunId> = if touched.all { state.runs.keys().collect() } else { touched.runs.iter().collect() };
    let runs = runs.into_iter().filter(|id| !project::is_stopped(state, &id.project));
    for run in runs.filter_map(|id| state.runs.get(id)) {
        requests(&mut ahead, at, run, &mut decided);
    }
    for deployment in concerned(state, at, touched) {
        let Some(current) = ahead.deployments.get(&deployment.id).cloned() else { continue };
        let next = step(&ahead, at, &current);
        fold_ahead(&mut ahead, at, next, &mut decided);
    }
    for lane in state.lanes.values().filter(|lane| owes_now(state, at, lane, touched)) {
        for next in [debts::step, catch_up::begin] {
            let Some(lane) = ahead.lanes.get(&lane.id).cloned() else { continue };
            let next = next(&ahead, at, &lane);
            fold_ahead(&mut ahead, at, next, &mut decided);
        }
    }
    decided
}

/// A window ends without anything being touched.
fn may_have_thawed(state: &State, deployment: &Deployment) -> bool {
    let waits = matches!(deployment.state, DeploymentState::Queued | DeploymentState::AwaitingApproval);
    let rails = state.config.environments.get(&deployment.id.lane.environment);
    waits && rails.is_some_and(|rails| !rails.freeze.is_empty())
}

/// Something was touched that a debt may depend on, or a debt is due.
fn owes_now(state: &State, at: UnixMs, lane: &Lane, touched: &Touched) -> bool {
    let is_touched = touched.all
        || touched.lanes.contains(&lane.id)
        || touched.deployments.iter().any(|id| id.lane == lane.id)
        || has_agent(state, &lane.id, touched);
    !is_asleep(state, lane) && (is_touched || catch_up::due(state, lane).is_some_and(|due| due <= at))
}

fn requests(ahead: &mut State, at: UnixMs, run: &Run, decided: &mut Vec<Decided>) {
    for job in &run.jobs {
        let Work::Deploy(work) = &job.plan.work else { continue };
        let waits = job.state == JobState::Waiting && job.cancel.is_none();
        if waits && readiness(run, job) == Readiness::Ready {
            let next = request(ahead, at, run, job, work);
            fold_ahead(ahead, at, next, decided);
        }
    }
}

fn fold_ahead(ahead: &mut State, at: UnixMs, next: Decided, decided: &mut Vec<Decided>) {
    for fact in &next {
        ahead.apply(at, fact);
    }
    if !next.is_empty() {
        decided.push(next);
    }
}

/// Deployments that hold or wait for a lane, if something about them was touched or is due.
fn concerned<'a>(state: &'a State, at: UnixMs, touched: &Touched) -> Vec<&'a Arc<Deployment>> {
    let mut found = Vec::new();
    for lane in state.lanes.values() {
        let lane_touched = touched.all || touched.lanes.contains(&lane.id);
        for deployment in of_lane(state, lane) {
            let is_touched = lane_touched
                || touched.deployments.contains(&deployment.id)
                || touched.runs.contains(&deployment.run)
                || has_agent(state, &lane.id, touched);
            let is_due = is_touched || may_have_thawed(state, deployment);
            if is_due || deadline(state, at, deployment).is_some_and(|due| due <= at) {
                found.push(deployment);
            }
        }
    }
    found
}

/// A lane of a stopped project, or one that was restored, waits until a person has started or adopted it: what happened to its targets
/// meanwhile is not known here.
pub(super) fn is_asleep(state: &State, lane: &Lane) -> bool {
    let project = state.services.get(&lane.id.service).map(|known| &known.project);
    lane.fenced || project.is_some_and(|project| project::is_stopped(state, project))
}

fn of_lane<'a>(state: &'a State, lane: &'a Lane) -> impl Iterator<Item = &'a Arc<Deployment>> {
    let open = lane.active.iter().chain(&lane.pending).chain(&lane.catch_up);
    let known = open.filter_map(|id| state.deployments.get(id));
    known.filter(|_| !is_asleep(state, lane))
}

/// A touched agent is one of its targets, or may be one.
fn has_agent(state: &State, lane: &LaneId, touched: &Touched) -> bool {
    let registered = |agent: &Arc<crate::agent::Agent>| agent.register.environments.contains(&lane.environment);
    touched.agents.iter().any(|agent| state.agents.get(agent).is_some_and(registered))
}

/// The earliest time at which something follows for a deployment without an input.
pub fn next_deadline(state: &State, at: UnixMs) -> Option<UnixMs> {
    let deployments = state.lanes.values().flat_map(|lane| of_lane(state, lane));
    let debts = state.lanes.values().filter_map(|lane| catch_up::due(state, lane));
    deployments.filter_map(|deployment| deadline(state, at, deployment)).chain(debts).min()
}

fn deadline(state: &State, at: UnixMs, deployment: &Deployment) -> Option<UnixMs> {
    match deployment.state {
        DeploymentState::Queued => starts_at(state, at, deployment),
        DeploymentState::AwaitingApproval => starts_at(state, at, deployment).filter(|time| *time > at),
        DeploymentState::Preparing
        | DeploymentState::Changing { .. }
        | DeploymentState::Baking { .. }
        | DeploymentState::RollingBack => {
            let recovered = is_recovering(state, deployment).then(|| state.begun.after(HEARING));
            let silent = deployment.targets.iter().filter_map(|target| due(state, deployment, target));
            silent.chain(recovered).min()
        }
        DeploymentState::Ended(_) => None,
    }
}
