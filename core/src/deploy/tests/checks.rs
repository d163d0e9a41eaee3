//! What is checked at every fact, written down a second time and independently of the shipped code.

use super::world::lane_id;
use crate::deploy::state::{Deployment, DeploymentState};
use crate::fact::DeploymentFact;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome, TargetState};
use crate::model::*;
use crate::world::State;

/// V3 and V14: a success is what every target of the lane says of itself at that moment.
pub(super) fn success(before: &State, fact: &DeploymentFact) {
    let DeploymentFact::Ended { id, outcome: DeploymentOutcome::Succeeded, owed, .. } = fact else { return };
    let deployment = &before.deployments[id];
    let is_whole = owed.as_ref().map_or(deployment.kind == DeploymentKind::CatchUp, |owed| owed.is_empty());
    assert!(is_whole, "V14: {id} succeeded and its lane owes {owed:?}");
    let release = before.releases.get(&deployment.release).expect("a release").name();
    for agent in before.agents.values() {
        if deployment.kind == DeploymentKind::CatchUp {
            continue;
        }
        let seen = agent.session().and_then(|_| agent.observations.get(&lane_id()));
        let names = seen.is_some_and(|seen| seen.running == Running::Release(release.clone()));
        if deployment.kind == DeploymentKind::Rollback {
            let back = deployment.target(agent.id).is_some_and(|target| target.state == TargetState::Reverted);
            // One that joined meanwhile was brought there by a catch-up.
            assert!(back || names, "V3: {id} succeeded and {} is not back", agent.register.name);
            continue;
        }
        assert!(names && serves(before, agent.id), "V3: {id} succeeded and {} says {seen:?}", agent.register.name);
    }
}

/// Looks at a forward admission from the state before it.
pub(super) fn admission(before: &State, fact: &DeploymentFact) {
    let DeploymentFact::TargetAdmitted { id, target, phase: Phase::Change, .. } = fact else { return };
    let deployment = before.deployments.get(id).expect("an admission is of a deployment");
    let plan = deployment.plan.as_ref().expect("a plan comes before an admission");
    if deployment.kind == DeploymentKind::CatchUp {
        return catch_up(before, deployment, *target);
    }
    let DeploymentState::Changing { batch } = deployment.state else {
        panic!("V10: {id} admits while {}", deployment.state.word());
    };
    assert!(
        deployment.failures <= plan.batches[batch].budget + deployment.accepted,
        "V9: {} failures in {id}",
        deployment.failures
    );
    let lane = before.lanes.get(&id.lane).expect("a lane");
    assert_eq!(lane.active.as_ref(), Some(id), "V18: only the active deployment admits");
    leaves_enough(before, deployment, *target);
}

/// V1, over all that is done to the lane.
fn leaves_enough(before: &State, deployment: &Deployment, target: AgentId) {
    let (id, plan) = (&deployment.id, deployment.plan.as_ref().expect("a plan comes before an admission"));
    let lane = before.lanes.get(&id.lane).expect("a lane");
    let independent = before.config.environments[&id.lane.environment].independent;
    let others = before.agents.values().filter(|agent| agent.id != target);
    let open: Vec<_> = before.deployments.values().filter(|known| !known.is_ended()).collect();
    let out = others.filter(|agent| {
        let in_change = open.iter().filter_map(|known| known.target(agent.id)).any(|line| line.is_in_change());
        lane.touched.contains(&agent.id) && (in_change || (!independent && !serves(before, agent.id)))
    });
    let out = u32::try_from(out.count()).expect("few");
    assert!(
        !serves(before, target) || out < plan.max_unavailable,
        "V1: {out} out, {} may be, and {id} admits one more",
        plan.max_unavailable
    );
}

/// V15: to what the lane wants, and nowhere else; V1; and nobody else is at this target.
fn catch_up(before: &State, deployment: &Deployment, target: AgentId) {
    let id = &deployment.id;
    let lane = before.lanes.get(&id.lane).expect("a lane");
    assert_eq!(lane.catch_up.as_ref(), Some(id), "V18: only the open catch-up admits");
    assert_eq!(lane.desired.as_ref(), Some(&deployment.release), "V15: {id} brings what the lane does not want");
    assert!(lane.owed.contains_key(&target), "V15: {id} changes a target that is owed nothing");
    let active = lane.active.as_ref().and_then(|id| before.deployments.get(id));
    let line = active.and_then(|active| active.target(target));
    assert!(line.is_none_or(|line| !line.is_in_change()), "V11: {id} and the rollout are at the same target");
    leaves_enough(before, deployment, target);
}

fn serves(state: &State, agent: AgentId) -> bool {
    let agent = state.agents.get(&agent).expect("an agent");
    let seen = agent.session().and_then(|_| agent.observations.get(&lane_id()));
    seen.is_some_and(|seen| {
        seen.health == Health::Healthy && !seen.drained && matches!(seen.running, Running::Release(_))
    })
}
