//! What must hold after every fact, as predicates over the state. Tests and the simulator call it; what a single fact could break is
//! asserted where it is folded.

use super::state::{Deployment, DeploymentState};
use crate::lane::Lane;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome, TargetState};
use crate::world::State;

/// The first invariant that does not hold, with the numbers; none if all do.
pub fn broken(state: &State) -> Option<String> {
    let lanes = state.lanes.values().find_map(|lane| lane_broken(state, lane));
    lanes.or_else(|| state.deployments.values().find_map(|deployment| deployment_broken(deployment)))
}

fn lane_broken(state: &State, lane: &Lane) -> Option<String> {
    let id = &lane.id;
    if let Some(good) = lane.last_good.as_ref().filter(|good| lane.refused.contains_key(good)) {
        return Some(format!("V7: {good} is last good of {id}, which refuses it"));
    }
    let open = |deployment: &&std::sync::Arc<Deployment>| deployment.id.lane == *id && !deployment.is_ended();
    for deployment in state.deployments.values().filter(open) {
        let held = Some(&deployment.id);
        if lane.active.as_ref() != held && lane.pending.as_ref() != held && lane.catch_up.as_ref() != held {
            return Some(format!("V17: {} is open and has no place on its lane", deployment.id));
        }
    }
    let ended = |id: &&crate::model::DeploymentId| state.deployments.get(id).is_none_or(|found| found.is_ended());
    let gone = lane.active.iter().chain(&lane.pending).chain(&lane.catch_up).find(ended);
    gone.map(|gone| format!("V17: {gone} is over and still holds {id}"))
}

fn deployment_broken(deployment: &Deployment) -> Option<String> {
    let id = &deployment.id;
    let failed = deployment.targets.iter().filter(|target| target.failed.is_some()).count();
    if usize::try_from(deployment.failures) != Ok(failed) {
        return Some(format!("V9: {id} counts {} failures, {failed} targets failed", deployment.failures));
    }
    let never_touched =
        |state: &TargetState| matches!(state, TargetState::Waiting | TargetState::Preparing | TargetState::Prepared);
    if let Some(target) = deployment.targets.iter().find(|target| target.touched && never_touched(&target.state)) {
        return Some(format!("V2: {} of {id} was touched and is {}", target.target.name, target.state.word()));
    }
    if let DeploymentState::Ended(DeploymentOutcome::Succeeded) = deployment.state {
        let good = match deployment.kind {
            DeploymentKind::Forward | DeploymentKind::CatchUp => TargetState::Confirmed,
            DeploymentKind::Rollback => TargetState::Reverted,
        };
        if let Some(target) = deployment.targets.iter().find(|target| target.state != good) {
            return Some(format!("V3: {id} succeeded and {} is {}", target.target.name, target.state.word()));
        }
    }
    None
}
