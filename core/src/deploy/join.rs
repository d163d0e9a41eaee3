//! Who comes in while a deployment is active: targets that joined late, or are back. They are changed with the last batch, if they come
//! before its bake begins, and once they run what the lane wanted so far: until then they are the business of the catch-up.

use super::plan::way_back;
use super::state::{Deployment, DeploymentState, Target};
use super::targets::{in_change, obstacle, planned, targets};
use crate::agent::Agent;
use crate::fact::{DeploymentFact, Fact};
use crate::model::deployment::{DeploymentKind, DeploymentPlan, TargetState};
use crate::world::State;

/// So often a target is prepared in one deployment: one that comes and goes does not hold the others up for ever.
const PREPARES_MAX: u32 = 2;

/// Targets that come in now.
pub(super) fn joins(state: &State, deployment: &Deployment, plan: &DeploymentPlan) -> Vec<Fact> {
    let last = plan.batches.len().saturating_sub(1);
    let is_open = match deployment.state {
        DeploymentState::Preparing | DeploymentState::Changing { .. } => true,
        DeploymentState::Baking { batch, .. } => batch < last,
        DeploymentState::Queued
        | DeploymentState::AwaitingApproval
        | DeploymentState::RollingBack
        | DeploymentState::Ended(_) => false,
    };
    if !is_open || deployment.kind != DeploymentKind::Forward {
        return Vec::new();
    }
    let lane = &deployment.id.lane;
    let is_owed = |agent: &Agent| state.lanes.get(lane).is_some_and(|lane| lane.owed.contains_key(&agent.id));
    let all = targets(state, &lane.environment).into_iter();
    let come = all.filter(|agent| {
        let may = deployment.target(agent.id).is_none_or(may_join);
        may && !is_owed(agent) && obstacle(state, lane, agent).is_none() && !in_change(state).contains(&agent.id)
    });
    let joined = come.map(|agent| {
        let target = planned(agent);
        let way_back = way_back(state, lane, &target).to;
        Fact::Deployment(DeploymentFact::TargetJoined { id: deployment.id.clone(), target, batch: last, way_back })
    });
    joined.collect()
}

fn may_join(line: &Target) -> bool {
    let waits = matches!(line.state, TargetState::Owed { .. });
    waits && !line.touched && line.failed.is_none() && line.prepares < PREPARES_MAX
}
