//! What a lane owes: targets that do not run what it wants. A debt is made when a target joins, or a deployment ends without it; it ends
//! when the target's process names the release, or the target leaves. What a target is owed is always what the lane wants now.
//!
//! ```text
//! no debt ─it joined late; a deployment ends without it; a person converges it▶ owed ─seen on the release, in traffic▶ paid
//!                                                                                │  └─none of the environment any more▶ left
//!                                                                                └─brought there by a catch-up (`catch_up`)
//! ```
//! A target that runs something else, and is owed nothing, has drifted: the lane is mixed, and only a person moves it.

use super::drift::drifted;
use super::fold::change_lane;
use super::state::Target;
use super::targets::{belongs, hearing_ends, in_change, release_named, runs, seen, serves, targets, was_touched};
use crate::fact::{DeploymentFact, Fact};
use crate::lane::Lane;
use crate::lane::state::Owed;
use crate::model::deployment::{DebtEnd, DeploymentKind, TargetState};
use crate::model::{AgentId, DeploymentId, LaneId, ReleaseId, Running, UnixMs};
use crate::world::State;

/// Debts that begin or end now.
pub(super) fn step(state: &State, at: UnixMs, lane: &Lane) -> Vec<Fact> {
    let all: Vec<AgentId> = targets(state, &lane.id.environment).into_iter().map(|agent| agent.id).collect();
    let desired = lane.desired.as_ref().and_then(|id| state.releases.get(id)).map(|release| release.name());
    let ends: Vec<(AgentId, DebtEnd)> = lane
        .owed
        .keys()
        .filter_map(|agent| match belongs(state, &lane.id.environment, *agent) {
            false => Some((*agent, DebtEnd::Left)),
            true => is_on(state, lane, *agent, desired.as_deref()).then_some((*agent, DebtEnd::Paid)),
        })
        .collect();
    let earned = earned(state, lane, ends.len());
    let count = ends.len();
    let ended = ends.into_iter().enumerate().map(|(at, (target, how))| {
        let last_good = earned.clone().filter(|_| at + 1 == count);
        DeploymentFact::DebtEnded { lane: lane.id.clone(), target, how, last_good }
    });
    let free = all.iter().filter(|agent| !lane.owed.contains_key(agent));
    let made = free.filter_map(|agent| {
        let why = new_debt(state, lane, *agent, desired.as_deref()?)?;
        Some(DeploymentFact::DebtMade { lane: lane.id.clone(), target: *agent, why: why.to_owned() })
    });
    let blank = lane.touched.iter().filter(|agent| blank_at(state, lane, **agent).is_some_and(|time| time <= at));
    let blank = blank.map(|agent| DeploymentFact::TargetBlank { lane: lane.id.clone(), target: *agent });
    ended.chain(made).chain(blank).map(Fact::Deployment).collect()
}

/// When a target that is here, and says nothing of a lane that may have changed it, counts as one that has nothing of it. A change of
/// it would be refused by the target itself if that were wrong.
pub(super) fn blank_at(state: &State, lane: &Lane, agent: AgentId) -> Option<UnixMs> {
    let here = state.agents.get(&agent).filter(|entry| entry.session().is_some())?;
    let is_one = lane.touched.contains(&agent) && belongs(state, &lane.id.environment, agent);
    let says_nothing = is_one && !here.observations.contains_key(&lane.id);
    let is_free = says_nothing && !is_in_hand(state, lane, agent) && !in_change(state).contains(&agent);
    is_free.then(|| hearing_ends(state, here))
}

/// The target runs what the lane wants, in traffic; or nothing, if the lane wants nothing.
fn is_on(state: &State, lane: &Lane, agent: AgentId, desired: Option<&str>) -> bool {
    let Some(seen) = seen(state, &lane.id, agent).filter(|seen| !seen.held_by_hand) else { return false };
    match desired {
        Some(name) => runs(seen, name) && serves(state, &lane.id, agent),
        None => seen.linked.is_none() && seen.running == Running::Nothing,
    }
}

/// What the lane wants, once it is owed to nobody any more: with the last debt it is good (V7).
fn earned(state: &State, lane: &Lane, ends: usize) -> Option<ReleaseId> {
    let desired = lane.desired.as_ref().filter(|id| !lane.refused.contains_key(id))?;
    let is_last = ends > 0 && ends == lane.owed.len() && lane.active.is_none();
    (is_last && lane.last_good.as_ref() != Some(desired) && drifted(state, lane).is_empty()).then(|| desired.clone())
}

/// Why a target that is owed nothing is owed something from now on.
fn new_debt(state: &State, lane: &Lane, agent: AgentId, desired: &str) -> Option<&'static str> {
    if is_in_hand(state, lane, agent) {
        return None;
    }
    match seen(state, &lane.id, agent) {
        None if was_touched(state, &lane.id, agent) => None,
        None => Some("it joined late"),
        Some(seen) if seen.held_by_hand => None,
        Some(seen) if runs(seen, desired) => seen.drained.then_some("it is out of traffic"),
        Some(seen) if seen.linked.is_none() && seen.running == Running::Nothing => Some("nothing is installed there"),
        Some(_) => None,
    }
}

/// The active deployment has this target among those that it changes or has changed: nobody else moves it.
pub(super) fn is_in_hand(state: &State, lane: &Lane, agent: AgentId) -> bool {
    let active = lane.active.as_ref().and_then(|id| state.deployments.get(id));
    let line = active.and_then(|deployment| deployment.target(agent));
    line.is_some_and(|line| line.touched || !matches!(line.state, TargetState::Owed { .. }))
}

/// True if a release that a target runs is known here, or nothing runs: so that it can be brought to another one.
pub(super) fn runs_what_is_known(state: &State, lane: &LaneId, agent: AgentId) -> bool {
    seen(state, lane, agent).is_none_or(|seen| match &seen.running {
        Running::Release(name) => release_named(state, lane, name).is_some(),
        Running::Other(_) => false,
        Running::Nothing => seen.linked.as_ref().is_none_or(|name| release_named(state, lane, name).is_some()),
    })
}

/// What a fact about a debt means.
pub(super) fn fold(state: &mut State, at: UnixMs, fact: &DeploymentFact) {
    if let DeploymentFact::DebtMade { lane, target, why } = fact {
        change_lane(state, lane, |lane| _ = lane.owed.insert(*target, Owed::new(why.clone(), at)));
    }
    if let DeploymentFact::DebtEnded { lane, target, last_good, .. } = fact {
        change_lane(state, lane, |lane| {
            lane.owed.remove(target);
            lane.last_good = last_good.clone().or_else(|| lane.last_good.take());
        });
    }
    if let DeploymentFact::TargetBlank { lane, target } = fact {
        change_lane(state, lane, |lane| _ = lane.touched.remove(target));
    }
    if let DeploymentFact::CatchUpStopped { lane, why } = fact {
        change_lane(state, lane, |lane| lane.catch_up_stopped = Some(why.clone()));
    }
    if let DeploymentFact::Converged { lane, targets, by, .. } = fact {
        change_lane(state, lane, |lane| {
            (lane.catch_up_failures, lane.catch_up_stopped) = (0, None);
            for (agent, why) in targets {
                let known = lane.owed.remove(agent).unwrap_or_else(|| Owed::new(why.clone(), at));
                lane.owed.insert(*agent, Owed { by: Some(by.clone()), ..Owed::new(known.why, known.since) });
            }
        });
    }
}

/// A target of a catch-up failed on its way.
pub(super) fn moved(
    state: &mut State,
    at: UnixMs,
    (id, agent): (&DeploymentId, AgentId),
    to: &TargetState,
    failure: Option<&str>,
) {
    let catches_up = state.deployments.get(id).is_some_and(|known| known.kind == DeploymentKind::CatchUp);
    let Some(failure) = failure.filter(|_| catches_up) else { return };
    change_lane(state, &id.lane, |lane| {
        lane.catch_up_failures += 1;
        if let Some(debt) = lane.owed.get_mut(&agent) {
            failure.clone_into(&mut debt.why);
            debt.failed(at);
            debt.waits_for_person |= matches!(to, TargetState::Stuck { .. });
        }
    });
}

/// What is owed after a deployment: one that failed in it is not tried again at once, one that is stuck waits for a person.
pub(super) fn after(line: Option<&Target>, before: Option<Owed>, why: &str, at: UnixMs) -> Owed {
    let known = before.unwrap_or_else(|| Owed::new(String::new(), at));
    let mut debt = Owed { why: why.to_owned(), ..known };
    match line.map(|line| (&line.state, line.failed.is_some())) {
        Some((TargetState::Stuck { .. }, _)) => debt.waits_for_person = true,
        // It is silent: what it runs is not known before it is back.
        Some((TargetState::Unknown, _) | (_, false)) | None => {}
        Some((_, true)) if debt.tries == 0 => debt.failed(at),
        Some((_, true)) => {}
    }
    debt
}
