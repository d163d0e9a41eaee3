//! Where a target is: what its job and its own words prove. A job's end alone never confirms anything.
//!
//! | from | what is known | to |
//! |---|---|---|
//! | waiting | away | owed |
//! | waiting, way back of a person | it runs the release, healthy | reverted |
//! | preparing | job succeeded · ended otherwise, silent for `lost_after` (failure of one that the plan has in a batch) | prepared · owed |
//! | prepared | held by hand · silent for `lost_after` (failure of such a one while preparing) | owed |
//! | changing | job succeeded, names the new release at this generation | confirmed |
//! | changing | job succeeded, nothing answers, unhealthy (failure) | unhealthy |
//! | changing | else job ended: back and healthy (failure) | reverted |
//! | changing | else job ended: anything but "still coming up" (failure) | stuck |
//! | confirmed | unhealthy, or another release (failure) | unhealthy |
//! | reverting | job ended, back and healthy | reverted |
//! | reverting | job ended, anything but "still coming up": first time · second time (failure) | unhealthy · stuck |
//! | any touched | silent for `lost_after`; job ended and nothing said for as long (failure) | unknown |
//! | unknown | here again: job open · job ended | where it was · what is proven, as above |
//! | unhealthy, stuck | back and healthy | reverted |
//! | any touched, no job open | held by hand (failure) | owed |
//!
//! The state keeps only what a target said after its last change ended, so that "names" is never news from before.

use super::debts::is_in_hand;
use super::state::{Deployment, DeploymentState, Target};
use super::targets::{is_back, lost_after, runs, seen, silent_since};
use crate::job::Job;
use crate::model::deployment::{DeploymentKind, TargetState};
use crate::model::{AgentId, Health, LaneId, Observation, Outcome, Phase, Running, UnixMs, WayBack};
use crate::world::State;

/// Revert jobs that a target gets.
pub(super) const REVERTS_MAX: u32 = 2;

/// A target is somewhere else now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Move {
    /// Where.
    pub(super) to: TargetState,
    /// It counts as a failure, for this reason.
    pub(super) failure: Option<String>,
}

fn to(to: TargetState) -> Option<Move> {
    Some(Move { to, failure: None })
}

fn failed(to: TargetState, why: impl Into<String>) -> Option<Move> {
    Some(Move { to, failure: Some(why.into()) })
}

fn owed(why: &str) -> TargetState {
    TargetState::Owed { why: why.to_owned() }
}

/// See the table above; none if the target stays where it is.
pub(super) fn settle(state: &State, at: UnixMs, deployment: &Deployment, target: &Target) -> Option<Move> {
    let lane = &deployment.id.lane;
    let agent = target.target.agent;
    let silent = due(state, deployment, target).is_some_and(|due| due <= at);
    let seen = seen(state, lane, agent);
    // One that comes in later is no failure of the rollout: it is owed, and caught up with.
    let is_late = !deployment.is_planned(agent);
    let by_hand = seen.is_some_and(|seen| seen.held_by_hand);
    let catches_up = deployment.kind == DeploymentKind::CatchUp;
    let back = seen.is_some_and(|seen| is_there(deployment, target, seen));
    match &target.state {
        TargetState::Waiting if catches_up && is_taken_over(state, lane, agent) => to(owed("the rollout has it")),
        TargetState::Waiting if catches_up && is_owed_nothing(state, lane, agent) => to(TargetState::Confirmed),
        TargetState::Confirmed if catches_up => None,
        TargetState::Waiting if deployment.kind == DeploymentKind::Rollback && back => to(TargetState::Reverted),
        TargetState::Waiting if silent_since(state, agent).is_some() => to(owed("away")),
        TargetState::Waiting => None,
        TargetState::Preparing => match outcome(state, deployment, target) {
            Some(Outcome::Succeeded) => to(TargetState::Prepared),
            Some(other) if is_late => to(owed(&ending(target, other))),
            Some(other) => failed(owed(&ending(target, other)), ending(target, other)),
            None if silent && is_late => to(owed("away")),
            None if silent => failed(owed("silent while it was prepared"), "silent while it was prepared"),
            None => None,
        },
        TargetState::Prepared if by_hand => to(owed("held by hand")),
        TargetState::Prepared if silent && deployment.state == DeploymentState::Preparing && !is_late => {
            failed(owed("silent while it was prepared"), "silent while it was prepared")
        }
        TargetState::Prepared if silent => to(owed("away")),
        TargetState::Prepared => None,
        TargetState::Changing | TargetState::Reverting => after_job(state, deployment, target)
            .or_else(|| if silent { failed(TargetState::Unknown, "silent after it was touched") } else { None }),
        TargetState::Confirmed | TargetState::Unhealthy if silent => {
            failed(TargetState::Unknown, "silent after it was touched")
        }
        TargetState::Confirmed | TargetState::Unhealthy | TargetState::Stuck { .. } if by_hand => {
            failed(owed("held by hand"), "held by hand")
        }
        TargetState::Confirmed => confirmed_no_more(state, deployment, seen?),
        TargetState::Unhealthy | TargetState::Stuck { .. } if back => to(TargetState::Reverted),
        TargetState::Unhealthy | TargetState::Stuck { .. } => None,
        TargetState::Unknown if silent_since(state, agent).is_some() => None,
        TargetState::Unknown => match outcome(state, deployment, target) {
            Some(_) => after_job(state, deployment, target),
            None => to(in_change(target.phase)),
        },
        TargetState::Reverted | TargetState::Owed { .. } => None,
    }
}

/// Back where it shall return to. What a catch-up could not bring further stays out of traffic there.
fn is_there(deployment: &Deployment, target: &Target, seen: &Observation) -> bool {
    let in_traffic = deployment.kind != DeploymentKind::CatchUp && seen.drained;
    is_back(&Observation { drained: in_traffic, ..seen.clone() }, &target.way_back)
}

fn is_taken_over(state: &State, lane: &LaneId, agent: AgentId) -> bool {
    state.lanes.get(lane).is_some_and(|lane| is_in_hand(state, lane, agent))
}

/// It is on the release by itself, or none of the environment any more.
fn is_owed_nothing(state: &State, lane: &LaneId, agent: AgentId) -> bool {
    state.lanes.get(lane).is_some_and(|lane| !lane.owed.contains_key(&agent))
}

/// When silence changes where a target is.
pub(super) fn due(state: &State, deployment: &Deployment, target: &Target) -> Option<UnixMs> {
    let span = lost_after(state, &deployment.id.lane);
    let silent = || silent_since(state, target.target.agent).map(|since| since.after(span));
    match target.state {
        TargetState::Confirmed if deployment.kind == DeploymentKind::CatchUp => None,
        TargetState::Preparing | TargetState::Prepared | TargetState::Confirmed | TargetState::Unhealthy => silent(),
        TargetState::Changing | TargetState::Reverting => silent().or_else(|| {
            let ended = job(state, deployment, target)?.ended?;
            Some(ended.max(state.begun).after(span))
        }),
        TargetState::Waiting
        | TargetState::Reverted
        | TargetState::Stuck { .. }
        | TargetState::Unknown
        | TargetState::Owed { .. } => None,
    }
}

fn in_change(phase: Phase) -> TargetState {
    match phase {
        Phase::Prepare => TargetState::Preparing,
        Phase::Change => TargetState::Changing,
        Phase::Revert => TargetState::Reverting,
    }
}

/// The newest job of a target.
pub(super) fn job<'a>(state: &'a State, deployment: &Deployment, target: &Target) -> Option<&'a Job> {
    state.job(&deployment.run, target.job.as_ref()?).map(AsRef::as_ref)
}

fn outcome<'a>(state: &'a State, deployment: &Deployment, target: &Target) -> Option<&'a Outcome> {
    job(state, deployment, target)?.outcome()
}

/// `production/change@web2 failed(1)`.
fn ending(target: &Target, outcome: &Outcome) -> String {
    target.job.as_ref().map_or_else(|| outcome.to_string(), |job| format!("{job} {outcome}"))
}

fn after_job(state: &State, deployment: &Deployment, target: &Target) -> Option<Move> {
    let outcome = outcome(state, deployment, target)?;
    let seen = seen(state, &deployment.id.lane, target.target.agent)?;
    if seen.held_by_hand {
        return failed(owed("held by hand"), "held by hand");
    }
    match target.phase {
        Phase::Prepare => None,
        Phase::Change => after_change(state, deployment, target, outcome, seen),
        Phase::Revert => after_revert(deployment, target, outcome, seen),
    }
}

fn after_change(
    state: &State,
    deployment: &Deployment,
    target: &Target,
    outcome: &Outcome,
    seen: &Observation,
) -> Option<Move> {
    let name = state.releases.get(&deployment.release)?.name();
    let why = match outcome {
        Outcome::Succeeded => format!("it names {} after {}", named(seen), ending(target, outcome)),
        Outcome::Failed { .. }
        | Outcome::TimedOut
        | Outcome::Cancelled
        | Outcome::Skipped { .. }
        | Outcome::NotStarted { .. }
        | Outcome::Unknown { .. } => ending(target, outcome),
    };
    if outcome.is_success() {
        if runs(seen, &name) {
            return if seen.generation == target.generation { to(TargetState::Confirmed) } else { None };
        }
        if seen.running == Running::Nothing && seen.linked.as_ref() == Some(&name) {
            return if seen.health == Health::Unhealthy { failed(TargetState::Unhealthy, why) } else { None };
        }
    }
    if is_there(deployment, target, seen) {
        return failed(TargetState::Reverted, why);
    }
    if is_coming_up(seen, &target.way_back) {
        return None;
    }
    let stuck = format!("{why}, and it names {}", named(seen));
    failed(TargetState::Stuck { why: stuck }, why)
}

fn after_revert(deployment: &Deployment, target: &Target, outcome: &Outcome, seen: &Observation) -> Option<Move> {
    if is_there(deployment, target, seen) {
        return to(TargetState::Reverted);
    }
    if outcome.is_success() && is_coming_up(seen, &target.way_back) {
        return None;
    }
    if target.reverts < REVERTS_MAX {
        return to(TargetState::Unhealthy);
    }
    let why = format!("{}, and it names {}", ending(target, outcome), named(seen));
    failed(TargetState::Stuck { why: why.clone() }, why)
}

/// The way back is linked or running, and no verdict on its health exists yet.
fn is_coming_up(seen: &Observation, way_back: &WayBack) -> bool {
    let WayBack::Release(name) = way_back else { return false };
    let on_it = runs(seen, name) || (seen.running == Running::Nothing && seen.linked.as_ref() == Some(name));
    on_it && seen.health != Health::Unhealthy
}

fn confirmed_no_more(state: &State, deployment: &Deployment, seen: &Observation) -> Option<Move> {
    let name = state.releases.get(&deployment.release)?.name();
    let foreign = match &seen.running {
        Running::Release(running) => *running != name,
        Running::Other(_) => true,
        Running::Nothing => false,
    };
    match (foreign, seen.health) {
        (true, _) => failed(TargetState::Unhealthy, format!("it names {} while {name} is watched", named(seen))),
        (false, Health::Unhealthy) => failed(TargetState::Unhealthy, format!("a gate failed on {name}")),
        (false, Health::Healthy | Health::NoData) => None,
    }
}

fn named(seen: &Observation) -> String {
    match &seen.running {
        Running::Release(name) => name.clone(),
        Running::Other(text) => format!("{text:?}"),
        Running::Nothing => "no release".to_owned(),
    }
}
