//! The catch-up: a deployment of its own that brings targets to what their lane wants already, beside whatever else the lane does.
//!
//! | from | guard | then |
//! |---|---|---|
//! | no catch-up open | a target is owed what its lane wants, is here, and its time has come | requested, started |
//! | open | another such target | it joins |
//! | open | a target waits; fewer than `at_once` are in change; it is out of service, or `max_unavailable` leaves room | it is drained, prepared, changed |
//! | open | the lane wants another release now | superseded; what is in flight reaches its end |
//! | open | `max_failures` failed on their way to what the lane wants | stopped for the lane, incomplete |
//! | open | no target waits or is in change | succeeded, or incomplete |
//!
//! A target that fails keeps what it ran, out of traffic unless that is what the lane wants. It is tried again after 10 minutes, one
//! hour and six hours; then a person looks first. No lock, approval or queue holds a catch-up: what it brings was decided already. A stop
//! of everything does. The rollout of the lane leaves alone what a catch-up changes, and takes over what it has not begun.

use super::admit;
use super::advance::is_asleep;
use super::budget::failures;
use super::debts::{blank_at, is_in_hand, runs_what_is_known};
use super::decide::{Asked, own_run, requested};
use super::drift::highest;
use super::end::{self, End};
use super::plan::{self, ceiling, next_deployment, way_back_to_what_runs};
use super::state::{Deployment, Target};
use super::step::is_settled;
use super::targets::{in_change, is_recovering, obstacle, obstacle_for_person, planned};
use crate::fact::{DeploymentFact, Fact};
use crate::input::Manner;
use crate::lane::Lane;
use crate::lane::state::Owed;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome, DeploymentPlan, PlannedTarget, TargetState};
use crate::model::{AgentId, CatchUp, DeploymentId, LaneId, Phase, Rules, UnixMs};
use crate::world::State;

/// What follows for the debts of a lane: a catch-up begins, or takes more targets.
pub(super) fn begin(state: &State, at: UnixMs, lane: &Lane) -> Vec<Fact> {
    let due = |(agent, debt): (&AgentId, &Owed)| {
        let is_due = debt.not_before.is_none_or(|time| time <= at) && can_begin(state, lane, *agent, debt);
        is_due.then(|| state.agents.get(agent)).flatten()
    };
    let due: Vec<PlannedTarget> = lane.owed.iter().filter_map(due).map(|agent| planned(agent)).collect();
    let mut facts = Vec::new();
    let Some(id) = due.first().and_then(|first| open(state, at, lane, first.agent, &mut facts)) else {
        return Vec::new();
    };
    facts.extend(due.into_iter().map(|target| {
        let way_back = way_back_to_what_runs(state, &lane.id, &target);
        Fact::Deployment(DeploymentFact::TargetJoined { id: id.clone(), target, batch: 0, way_back })
    }));
    facts
}

/// The open catch-up, or a new one.
fn open(state: &State, at: UnixMs, lane: &Lane, first: AgentId, facts: &mut Vec<Fact>) -> Option<DeploymentId> {
    if let Some(id) = &lane.catch_up {
        return Some(id.clone());
    }
    let release = state.releases.get(lane.desired.as_ref()?)?;
    let id = next_deployment(state, &lane.id);
    let by = lane.owed.get(&first).and_then(|debt| debt.by.as_deref()).unwrap_or(end::WINDLASS);
    let asked = Asked { at, by, reason: "", strategy: Vec::new(), rules: Rules::default() };
    let run = own_run(state, &lane.id, release, &asked, facts);
    facts.push(requested(&id, DeploymentKind::CatchUp, release, &run, &asked, (None, Manner::default())));
    let plan = Box::new(plan::none(state, &lane.id, release));
    facts.push(Fact::Deployment(DeploymentFact::Started { id: id.clone(), plan }));
    let generation = lane.generation;
    facts.push(Fact::Deployment(DeploymentFact::BatchStarted { id: id.clone(), batch: 0, generation }));
    Some(id)
}

/// When the next debt is tried again, or a target counts as fresh.
pub(super) fn due(state: &State, lane: &Lane) -> Option<UnixMs> {
    let waits = |(agent, debt): (&AgentId, &Owed)| debt.not_before.filter(|_| can_begin(state, lane, *agent, debt));
    if is_asleep(state, lane) {
        return None;
    }
    let blank = lane.touched.iter().filter_map(|agent| blank_at(state, lane, *agent));
    lane.owed.iter().filter_map(waits).chain(blank).min()
}

/// True if nothing but time stands against it.
fn can_begin(state: &State, lane: &Lane, agent: AgentId, debt: &Owed) -> bool {
    let is_held = is_asleep(state, lane)
        || lane.catch_up_stopped.is_some()
        || state.stop_all.is_some()
        || lane.desired.as_ref().is_none_or(|id| !state.releases.contains_key(id));
    let open = lane.catch_up.as_ref().and_then(|id| state.deployments.get(id));
    let is_taken = open.is_some_and(|open| {
        open.target(agent).is_some() || open.paused.is_some() || Some(&open.release) != lane.desired.as_ref()
    });
    let waits_for_person = debt.by.is_none() && debt.waits_for_person;
    !is_held && !is_taken && !waits_for_person && can_be_changed(state, lane, agent, debt)
}

fn can_be_changed(state: &State, lane: &Lane, agent: AgentId, debt: &Owed) -> bool {
    let here = state.agents.get(&agent).is_some_and(|entry| match debt.by {
        Some(_) => obstacle_for_person(state, &lane.id, entry).is_none(),
        None => obstacle(state, &lane.id, entry).is_none() && runs_what_is_known(state, &lane.id, agent),
    });
    here && !is_in_hand(state, lane, agent) && !in_change(state).contains(&agent)
}

/// One round of an open catch-up.
pub(super) fn step(state: &State, deployment: &Deployment, plan: &DeploymentPlan) -> Vec<Fact> {
    let Some(lane) = state.lanes.get(&deployment.id.lane) else { return Vec::new() };
    if lane.desired.as_ref() != Some(&deployment.release) {
        let why = format!("{} wants another release than {} now", lane.id, plan.name);
        return end::facts(state, deployment, End::plain(DeploymentOutcome::Superseded, why));
    }
    let most = rails(state, &lane.id).max_failures;
    if lane.catch_up_failures >= most {
        let why =
            format!("{} targets failed on their way to {}{}", lane.catch_up_failures, plan.name, failures(deployment));
        let stopped = DeploymentFact::CatchUpStopped { lane: lane.id.clone(), why: why.clone() };
        let mut facts = vec![Fact::Deployment(stopped)];
        facts.extend(end::facts(state, deployment, End::plain(DeploymentOutcome::Incomplete, why)));
        return facts;
    }
    if state.stop_all.is_some() || deployment.paused.is_some() {
        return Vec::new();
    }
    let mut admitted = admit::reverts(state, deployment);
    admitted.extend(changes(state, lane, deployment, plan));
    if !admitted.is_empty() || !deployment.targets.iter().all(is_settled) {
        return admitted;
    }
    let confirmed = deployment.targets.iter().filter(|target| target.state == TargetState::Confirmed).count();
    let all = deployment.targets.len();
    let outcome = if confirmed == all { DeploymentOutcome::Succeeded } else { DeploymentOutcome::Incomplete };
    let why = format!("{confirmed} of {all} brought to {}{}", plan.name, failures(deployment));
    end::facts(state, deployment, End::plain(outcome, why))
}

fn rails(state: &State, lane: &LaneId) -> CatchUp {
    state.config.environments.get(&lane.environment).map(|rails| rails.catch_up).unwrap_or_default()
}

fn changes(state: &State, lane: &Lane, deployment: &Deployment, plan: &DeploymentPlan) -> Vec<Fact> {
    if is_recovering(state, deployment) {
        return Vec::new();
    }
    let at_once = ceiling(Some(rails(state, &lane.id).at_once), plan.lane_targets);
    let can = |target: &&Target| {
        let agent = target.target.agent;
        lane.owed.get(&agent).is_some_and(|debt| can_be_changed(state, lane, agent, debt))
    };
    let waiting = deployment.targets.iter().filter(|target| target.state == TargetState::Waiting).filter(can);
    let chosen = admit::with_room(state, deployment, waiting, at_once, plan.max_unavailable);
    // Each is fenced against what was done there before, at whatever generation.
    admit::facts(state, deployment, &chosen, Phase::Change, highest(state, &lane.id) + 1)
}
