//! Deployments.

use windlass_core::State;
use windlass_core::deploy::{Deployment, DeploymentState, Target};
use windlass_core::model::deployment::{DeploymentKind, TargetState};
use windlass_core::model::{LaneId, Pause, ReleaseId};
use windlass_proto::api;

use super::agent::running;
use super::lane::{batch, plan as shown_plan, way_back};

/// `r18`: numbered per service, which stands beside it.
pub(in crate::http) fn release_word(release: &ReleaseId) -> String {
    format!("r{}", release.number)
}

/// A deployment with its targets; `state` says what they run now.
pub(in crate::http) fn deployment(state: &State, deployment: &Deployment) -> api::Deployment {
    let outcome = match &deployment.state {
        DeploymentState::Ended(outcome) => Some(*outcome),
        DeploymentState::Queued
        | DeploymentState::AwaitingApproval
        | DeploymentState::Preparing
        | DeploymentState::Changing { .. }
        | DeploymentState::Baking { .. }
        | DeploymentState::RollingBack => None,
    };
    let kind = match deployment.kind {
        DeploymentKind::Forward => "forward",
        DeploymentKind::Rollback => "rollback",
        DeploymentKind::CatchUp => "catch_up",
    };
    let waits = deployment.state == DeploymentState::AwaitingApproval;
    let proposed = deployment.proposed.as_ref().filter(|_| waits);
    let batches = deployment.plan.as_ref().map(|plan| plan.batches.iter().map(batch).collect());
    api::Deployment {
        id: deployment.id.in_path(),
        lane: deployment.id.lane.to_string(),
        number: deployment.id.number,
        kind: kind.to_owned(),
        release: release_word(&deployment.release),
        state: outcome.map_or_else(|| deployment.word(), |_| "ended").to_owned(),
        paused: deployment.paused.as_ref().map(paused),
        batch: present_batch(&deployment.state),
        proposed: proposed.map(|plan| shown_plan(&deployment.id.lane, plan)),
        approvals: deployment.approvals.clone(),
        outcome: outcome.map(|outcome| outcome.word().to_owned()),
        exit_code: outcome.map(|outcome| outcome.exit_code()),
        why: deployment.why.clone(),
        run: deployment.run.in_path(),
        entry: deployment.entry.to_string(),
        by: deployment.by.clone(),
        reason: deployment.reason.clone(),
        generation: deployment.generation,
        failures: deployment.failures,
        batches: batches.unwrap_or_default(),
        targets: deployment.targets.iter().map(|one| target(state, &deployment.id.lane, one)).collect(),
        requested: deployment.requested.into(),
        started: deployment.started.map(Into::into),
        rollback_started: deployment.rollback_started.map(Into::into),
        ended: deployment.ended.map(Into::into),
    }
}

fn paused(pause: &Pause) -> api::Paused {
    api::Paused { reason: pause.word().to_owned(), text: pause.to_string() }
}

fn present_batch(state: &DeploymentState) -> Option<u32> {
    match state {
        DeploymentState::Changing { batch } | DeploymentState::Baking { batch, .. } => u32::try_from(*batch).ok(),
        DeploymentState::Queued
        | DeploymentState::AwaitingApproval
        | DeploymentState::Preparing
        | DeploymentState::RollingBack
        | DeploymentState::Ended(_) => None,
    }
}

fn target(state: &State, lane: &LaneId, target: &Target) -> api::DeploymentTarget {
    let why = match &target.state {
        TargetState::Stuck { why } | TargetState::Owed { why } => Some(why.clone()),
        TargetState::Waiting
        | TargetState::Preparing
        | TargetState::Prepared
        | TargetState::Changing
        | TargetState::Confirmed
        | TargetState::Unhealthy
        | TargetState::Reverting
        | TargetState::Reverted
        | TargetState::Unknown => None,
    };
    let agent = state.agents.get(&target.target.agent);
    let seen = agent.and_then(|agent| agent.observations.get(lane));
    api::DeploymentTarget {
        name: target.target.name.to_string(),
        state: target.state.word().to_owned(),
        why,
        batch: u32::try_from(target.batch).unwrap_or(u32::MAX),
        way_back: way_back(&target.way_back),
        job: target.job.as_ref().map(ToString::to_string),
        touched: target.touched,
        since: target.since.into(),
        running: seen.and_then(|observation| running(&observation.running)),
    }
}
