//! Lanes and plans along them.

use windlass_core::lane::Lane;
use windlass_core::model::deployment::{Batch, DeploymentPlan};
use windlass_core::model::{AgentId, Hold, LaneId, Promote, WayBack};
use windlass_core::{State, deploy};
use windlass_proto::api;

use super::release_word;

/// A lane.
pub(in crate::http) fn lane(state: &State, lane: &Lane) -> api::Lane {
    let name = |agent: &AgentId| state.agents.get(agent).map(|agent| agent.register.name.to_string());
    let last = state.deployments.keys().filter(|id| id.lane == lane.id).max_by_key(|id| id.number);
    let refused = lane
        .refused
        .iter()
        .map(|(release, why)| api::RefusedRelease { release: release_word(release), why: why.clone() });
    let owed = lane.owed.iter().map(|(agent, owed)| api::OwedTarget {
        target: name(agent).unwrap_or_else(|| agent.to_string()),
        why: owed.why.clone(),
        since: owed.since.into(),
        next_try: owed.not_before.map(Into::into),
        waits_for_person: owed.waits_for_person,
    });
    let stray = |(agent, why): (AgentId, String)| api::StrayTarget {
        target: name(&agent).unwrap_or_else(|| agent.to_string()),
        why,
    };
    let ran = |(agent, runs): (AgentId, Option<String>)| {
        (agent, runs.map_or_else(|| "it left".to_owned(), |runs| format!("it left, and runs {runs}")))
    };
    api::Lane {
        id: lane.id.to_string(),
        service: lane.id.service.to_string(),
        environment: lane.id.environment.to_string(),
        generation: lane.generation,
        desired: lane.desired.as_ref().map(release_word),
        last_good: lane.last_good.as_ref().map(release_word),
        active: lane.active.as_ref().map(|id| id.in_path()),
        pending: lane.pending.as_ref().map(|id| id.in_path()),
        last: last.map(|id| id.in_path()),
        lock: lane.lock.as_ref().map(hold),
        refused: refused.collect(),
        owed: owed.collect(),
        catch_up: lane.catch_up.as_ref().map(|id| id.in_path()),
        catch_up_stopped: lane.catch_up_stopped.clone(),
        drifted: deploy::drifted(state, lane).into_iter().map(stray).collect(),
        left: deploy::left(state, lane).into_iter().map(ran).map(stray).collect(),
        fenced: lane.fenced,
    }
}

/// What a person holds.
pub(in crate::http) fn hold(hold: &Hold) -> api::Hold {
    api::Hold { by: hold.by.clone(), why: hold.why.clone(), since: hold.since.into() }
}

/// A plan with its digest and the text that people read.
pub(in crate::http) fn plan(lane: &LaneId, plan: &DeploymentPlan) -> api::Plan {
    let ways_back = plan
        .ways_back
        .iter()
        .map(|planned| api::PlanWayBack { target: planned.target.name.to_string(), to: way_back(&planned.to) });
    let stragglers = plan.stragglers.iter().map(|straggler| api::PlanStraggler {
        target: straggler.target.name.to_string(),
        why: straggler.why.to_string(),
    });
    api::Plan {
        digest: plan.digest().to_string(),
        lane: lane.to_string(),
        release: release_word(&plan.release),
        batches: plan.batches.iter().map(batch).collect(),
        ways_back: ways_back.collect(),
        stragglers: stragglers.collect(),
        lane_targets: plan.lane_targets,
        max_unavailable: plan.max_unavailable,
        rollback_at_once: plan.rollback_at_once,
        text: plan.to_string(),
    }
}

pub(super) fn batch(batch: &Batch) -> api::PlanBatch {
    api::PlanBatch {
        targets: batch.targets.iter().map(|target| target.name.to_string()).collect(),
        at_once: batch.at_once,
        bake_ms: batch.bake.ms(),
        budget: batch.budget,
        manual: batch.promote == Promote::Manual,
    }
}

/// The release's name on disk; none: nothing ran there before.
pub(super) fn way_back(to: &WayBack) -> Option<String> {
    match to {
        WayBack::Release(name) => Some(name.clone()),
        WayBack::Absent => None,
    }
}
