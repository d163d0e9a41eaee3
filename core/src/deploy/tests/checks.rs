//! What is checked at every fact, written down a second time and independently of the shipped code.

use super::world::lane_id;
use crate::deploy::state::DeploymentState;
use crate::fact::DeploymentFact;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome, TargetState};
use crate::model::*;
use crate::world::State;

/// V3: a success is what every target of the lane says of itself at that moment.
pub(super) fn success(before: &State, fact: &DeploymentFact) {
    let DeploymentFact::Ended { id, outcome: DeploymentOutcome::Succeeded, .. } = fact else { return };
    let deployment = &before.deployments[id];
    let release = before.releases.get(&deployment.release).expect("a release").name();
    for agent in before.agents.values() {
        if deployment.kind == DeploymentKind::Rollback {
            let back = deployment.target(agent.id).is_some_and(|target| target.state == TargetState::Reverted);
            assert!(back, "V3: {id} succeeded and {} is not back", agent.register.name);
            continue;
        }
        let seen = agent.session().and_then(|_| agent.observations.get(&lane_id()));
        let names = seen.is_some_and(|seen| seen.running == Running::Release(release.clone()));
        assert!(names && serves(before, agent.id), "V3: {id} succeeded and {} says {seen:?}", agent.register.name);
    }
}

/// Looks at a forward admission from the state before it.
pub(super) fn admission(before: &State, fact: &DeploymentFact) {
    let DeploymentFact::TargetAdmitted { id, target, phase: Phase::Change, .. } = fact else { return };
    let deployment = before.deployments.get(id).expect("an admission is of a deployment");
    let plan = deployment.plan.as_ref().expect("a plan comes before an admission");
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
    let others = before.agents.values().filter(|agent| agent.id != *target);
    let out = others.filter(|agent| {
        let line = deployment.target(agent.id);
        let had_a_release = lane.touched.contains(&agent.id);
        had_a_release && (line.is_some_and(|line| line.is_in_change()) || !serves(before, agent.id))
    });
    let out = u32::try_from(out.count()).expect("few");
    let was_serving = serves(before, *target);
    assert!(
        !was_serving || out < plan.max_unavailable,
        "V1: {out} out, {} may be, and {id} admits one more",
        plan.max_unavailable
    );
}

fn serves(state: &State, agent: AgentId) -> bool {
    let agent = state.agents.get(&agent).expect("an agent");
    let seen = agent.session().and_then(|_| agent.observations.get(&lane_id()));
    seen.is_some_and(|seen| seen.health == Health::Healthy && matches!(seen.running, Running::Release(_)))
}
