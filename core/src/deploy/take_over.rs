//! Fixing forward in an incident: a person puts a newer release in the place of a deployment that is paused or on its way back. Neither
//! queue, freeze nor lock holds it; all else is as ever: the way back is proven, batch follows batch, gates and budget hold.

use std::sync::Arc;

use super::drift::{drifted, highest};
use super::end::{self, End};
use super::fold::change_lane;
use super::plan::way_back_besides;
use super::state::{Deployment, DeploymentState};
use super::targets::release_named;
use crate::answer::Refusal;
use crate::fact::{DeploymentFact, Fact};
use crate::lane::Lane;
use crate::model::deployment::{
    DeploymentKind, DeploymentOutcome, DeploymentPlan, PlannedTarget, PlannedWayBack, TargetState,
};
use crate::model::{DeploymentId, Digest, LaneId, Release, ReleaseId, WayBack};
use crate::world::State;

/// Whether a person may put this release in the place of what the lane does now.
pub(super) fn may(state: &State, lane: &LaneId, release: &Release, plan: Option<Digest>) -> Result<(), Refusal> {
    if plan.is_some() {
        return Err(Refusal::Rejected("a take-over has its plan when it starts: leave the plan out".to_owned()));
    }
    let known = state.lanes.get(lane).ok_or_else(|| Refusal::Rejected(format!("{lane} has nothing to take over")))?;
    if old(state, lane).is_some_and(|old| old.release == release.id) {
        return Err(Refusal::Rejected(format!("{} is what failed: take over with another release", release.name())));
    }
    if state.stop_all.is_some() { Ok(()) } else { is_open(state, known).map_err(Refusal::Rejected) }
}

/// Whether there is something to take over now; if not, why.
pub(super) fn is_open(state: &State, lane: &Lane) -> Result<(), String> {
    let Some(old) = old(state, &lane.id) else {
        let failed = lane.lock.as_ref().is_some_and(|lock| lock.by.is_none());
        let is_broken = failed || !drifted(state, lane).is_empty();
        let why = || format!("{} is idle and whole: deploy without a take-over", lane.id);
        return if is_broken { Ok(()) } else { Err(why()) };
    };
    if old.paused.is_some() || old.state == DeploymentState::RollingBack {
        return Ok(());
    }
    Err(format!("{} is {} and neither paused nor on its way back: pause it first", old.id, old.word()))
}

/// The deployment whose place it would take.
pub(super) fn old<'a>(state: &'a State, lane: &LaneId) -> Option<&'a Deployment> {
    state.deployments.get(state.lanes.get(lane)?.active.as_ref()?).map(Arc::as_ref)
}

/// Why a take-over that waits has nothing to wait for any more.
pub(super) fn came_too_late(state: &State, deployment: &Deployment) -> Option<String> {
    let lane = state.lanes.get(&deployment.id.lane).filter(|_| deployment.takes_over && state.stop_all.is_none())?;
    // A lane that another one has in its hands is waited for: it may fail yet.
    if lane.active.is_some() { None } else { is_open(state, lane).err() }
}

/// The facts with which a deployment gets its lane.
pub(super) fn started(
    state: &State,
    deployment: &Deployment,
    id: DeploymentId,
    plan: Box<DeploymentPlan>,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    if deployment.takes_over {
        let old = old(state, &id.lane);
        let (by, why) = (deployment.by.clone(), deployment.reason.clone());
        facts.push(Fact::Deployment(DeploymentFact::TakenOver {
            id: id.clone(),
            old: old.map(|old| old.id.clone()),
            generation: highest(state, &id.lane) + 1,
            refused: old.and_then(refused).filter(|release| *release != deployment.release),
            by: by.clone(),
            approvals: deployment.approvals.clone(),
            why: why.clone(),
        }));
        if let Some(old) = old {
            let why = format!("taken over by {id}, {by}: {why}");
            facts.extend(old.targets.iter().filter_map(|target| end::cancel_change(state, old, target, &why)));
            facts.extend(end::facts(state, old, End::plain(DeploymentOutcome::Aborted, why)));
        }
    }
    facts.push(Fact::Deployment(DeploymentFact::Started { id, plan }));
    facts
}

/// What it brought is brought to nobody any more; a way back brought nothing.
fn refused(old: &Deployment) -> Option<ReleaseId> {
    (old.kind == DeploymentKind::Forward).then(|| old.release.clone())
}

/// Where a target returns to. What the old deployment has in its hands is expected on the way back that it had there.
pub(super) fn way_back(
    state: &State,
    instead_of: Option<&Deployment>,
    lane: &LaneId,
    target: &PlannedTarget,
) -> PlannedWayBack {
    let besides = instead_of.and_then(refused);
    let planned = way_back_besides(state, lane, target, besides.as_ref());
    let line = instead_of.and_then(|old| old.target(target.agent));
    let Some(line) = line.filter(|line| matches!(line.state, TargetState::Changing | TargetState::Reverting)) else {
        return planned;
    };
    let release = match &line.way_back {
        WayBack::Release(name) => release_named(state, lane, name),
        WayBack::Absent => None,
    };
    PlannedWayBack { to: line.way_back.clone(), release, ..planned }
}

/// The lane's generation rises, the lock of a failed way back is lifted, and what failed is refused.
pub(super) fn fold(state: &mut State, fact: &DeploymentFact) {
    let DeploymentFact::TakenOver { id, old, generation, refused, by, why, .. } = fact else { return };
    assert!(!by.is_empty() && !why.is_empty(), "V18: {id} takes over without a person or a reason");
    change_lane(state, &id.lane, |lane| {
        assert_eq!(lane.active, *old, "V18: {id} takes over what is not active");
        lane.generation = *generation;
        // What a person locked stays locked by that person, for whoever comes later.
        lane.lock.take_if(|lock| lock.by.is_none());
        if let Some(release) = refused {
            lane.refused.insert(release.clone(), format!("taken over by {by}: {why}"));
            lane.last_good.take_if(|good| good == release);
        }
    });
}
