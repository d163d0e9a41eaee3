//! The lines of a deployment's targets: what the plan makes of them, and how they move.

use crate::deploy::state::{Deployment, Target};
use crate::model::deployment::{DeploymentPlan, PlannedTarget, TargetState};
use crate::model::{AgentId, DeploymentId, UnixMs, WayBack};
use crate::world::State;

/// Those of the batches, then the stragglers.
pub(super) fn targets_of(plan: &DeploymentPlan, at: UnixMs) -> Vec<Target> {
    let way_back = |target: &PlannedTarget| {
        let planned = plan.ways_back.iter().find(|planned| planned.target == *target);
        planned.map_or(WayBack::Absent, |planned| planned.to.clone())
    };
    let line = |target: &PlannedTarget, batch, state| Target::new(target.clone(), batch, way_back(target), state, at);
    let batches = plan.batches.iter().enumerate();
    let changed =
        batches.flat_map(|(k, batch)| batch.targets.iter().map(move |target| line(target, k, TargetState::Waiting)));
    let last = plan.batches.len().saturating_sub(1);
    let owed = plan.stragglers.iter().map(|straggler| {
        let why = straggler.why.clone();
        line(&straggler.target, last, TargetState::Owed { why })
    });
    changed.chain(owed).collect()
}

/// One more, or one of the stragglers again.
pub(super) fn join(deployment: &mut Deployment, at: UnixMs, target: &PlannedTarget, batch: usize, way_back: &WayBack) {
    let line = Target::new(target.clone(), batch, way_back.clone(), TargetState::Waiting, at);
    match deployment.targets.iter_mut().find(|known| known.target.agent == target.agent) {
        Some(known) => *known = Target { prepares: known.prepares, ..line },
        None => deployment.targets.push(line),
    }
}

/// A target fails at most once.
pub(super) fn move_target(
    deployment: &mut Deployment,
    at: UnixMs,
    agent: AgentId,
    to: &TargetState,
    failure: Option<&str>,
) {
    let Some(target) = deployment.targets.iter_mut().find(|target| target.target.agent == agent) else { return };
    target.state = to.clone();
    target.since = at;
    if let (Some(why), None) = (failure, &target.failed) {
        target.failed = Some(why.to_owned());
        deployment.failures += 1;
    }
}

/// A target that went back to nothing is as fresh as before.
pub(super) fn is_absent_again(state: &State, id: &DeploymentId, agent: AgentId, to: &TargetState) -> bool {
    let target = state.deployments.get(id).and_then(|deployment| deployment.target(agent));
    *to == TargetState::Reverted && target.is_some_and(|target| target.way_back == WayBack::Absent)
}
