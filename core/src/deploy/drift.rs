//! What is not as the lane wants it and is owed to nobody: targets that drifted, targets that left, and lanes that were restored. Only a
//! person moves any of it.

use std::collections::BTreeMap;

use super::debts::is_in_hand;
use super::fold::change_lane;
use super::people::{done, no};
use super::targets::{all_heard_at, belongs, runs, seen, serves, targets};
use crate::answer::Decision;
use crate::fact::DeploymentFact;
use crate::lane::Lane;
use crate::model::{AgentId, AgentName, LaneId, Observation, Running, UnixMs};
use crate::world::State;

/// Targets that run another release than the lane wants, and are not owed it: while there is one, the lane is mixed.
pub fn drifted(state: &State, lane: &Lane) -> Vec<(AgentId, String)> {
    let Some(desired) = lane.desired.as_ref().and_then(|id| state.releases.get(id)) else { return Vec::new() };
    let name = desired.name();
    let all = targets(state, &lane.id.environment).into_iter();
    let free = all.filter(|agent| !lane.owed.contains_key(&agent.id) && !is_in_hand(state, lane, agent.id));
    free.filter_map(|agent| Some((agent.id, differs(seen(state, &lane.id, agent.id)?, &name)?))).collect()
}

fn differs(seen: &Observation, desired: &str) -> Option<String> {
    let found = match (&seen.running, &seen.linked) {
        (Running::Release(name), _) if name == desired => return None,
        (Running::Release(name), _) => format!("it runs {name}"),
        (Running::Other(text), _) => format!("it names {text:?}"),
        (Running::Nothing, Some(linked)) if linked != desired => format!("nothing answers, and {linked} is linked"),
        (Running::Nothing, _) => return None,
    };
    let by_hand = if seen.held_by_hand { ", held by hand" } else { "" };
    Some(format!("{found}{by_hand}"))
}

/// Targets of before that are none of the environment any more, with what they were last known to run.
pub fn left(state: &State, lane: &Lane) -> Vec<(AgentId, Option<String>)> {
    let gone = lane.touched.iter().filter(|agent| has_left(state, &lane.id, **agent));
    let runs = |agent: &AgentId| match &state.agents.get(agent)?.observations.get(&lane.id)?.running {
        Running::Release(name) | Running::Other(name) => Some(name.clone()),
        Running::Nothing => None,
    };
    gone.map(|agent| (*agent, runs(agent))).collect()
}

fn has_left(state: &State, lane: &LaneId, agent: AgentId) -> bool {
    let is_touched = state.lanes.get(lane).is_some_and(|lane| lane.touched.contains(&agent));
    is_touched && !belongs(state, &lane.environment, agent)
}

/// Brings targets to what their lane wants, also what is held by hand or stuck.
pub(super) fn converge(state: &State, lane: LaneId, target: Option<&AgentName>, by: String, why: String) -> Decision {
    let known = state.lanes.get(&lane);
    let Some((known, desired)) = known.and_then(|known| Some((known, state.releases.get(known.desired.as_ref()?)?)))
    else {
        return no(format!("{lane} wants no release yet: deploy one"));
    };
    let all = targets(state, &lane.environment);
    let named = |name: &AgentName| all.iter().copied().find(|agent| agent.register.name == *name);
    let chosen = match target.map(|name| (name, named(name))) {
        None => all.clone(),
        Some((_, Some(agent))) => vec![agent],
        Some((name, None)) => return no(format!("{name} is no target of {}", lane.environment)),
    };
    if let (Some(_), Some(agent), Some(active)) = (target, chosen.first(), &known.active)
        && is_in_hand(state, known, agent.id)
    {
        return no(format!("{active} has {}: it is brought there, or back, by that", agent.register.name));
    }
    let free = chosen.iter().filter(|agent| !is_in_hand(state, known, agent.id));
    let found: BTreeMap<AgentId, String> =
        free.filter_map(|agent| Some((agent.id, unlike(state, known, agent.id, &desired.name())?))).collect();
    if found.is_empty() {
        let who = target.map_or_else(|| "every target".to_owned(), AgentName::to_string);
        return no(format!("{who} runs {}, which is what {lane} wants", desired.name()));
    }
    done(DeploymentFact::Converged { lane, targets: found, by, why })
}

/// What keeps a target from being as its lane wants it; none if it is.
fn unlike(state: &State, lane: &Lane, agent: AgentId, desired: &str) -> Option<String> {
    if let Some(debt) = lane.owed.get(&agent) {
        return Some(debt.why.clone());
    }
    let seen = seen(state, &lane.id, agent)?;
    if let Some(other) = differs(seen, desired) {
        return Some(other);
    }
    match (seen.held_by_hand, runs(seen, desired) && serves(state, &lane.id, agent)) {
        (true, _) => Some("held by hand".to_owned()),
        (false, false) => Some("it does not serve".to_owned()),
        (false, true) => None,
    }
}

/// Forgets a target that has left.
pub(super) fn forget(state: &State, lane: LaneId, name: &AgentName, by: String, why: String) -> Decision {
    let named = |agent: &AgentId| state.agents.get(agent).is_some_and(|agent| agent.register.name == *name);
    let gone = state.lanes.get(&lane).map(|lane| left(state, lane)).unwrap_or_default();
    match gone.into_iter().find(|(agent, _)| named(agent)) {
        Some((target, _)) => done(DeploymentFact::TargetForgotten { lane, target, by, why }),
        None if targets(state, &lane.environment).iter().any(|agent| agent.register.name == *name) => {
            no(format!("{name} is a target of {lane}: only what has left is forgotten"))
        }
        None => no(format!("{lane} does not list {name} among those that left")),
    }
}

/// Lets a restored lane act again, above all that its targets have seen.
pub(super) fn adopt(state: &State, at: UnixMs, lane: LaneId, by: String, why: String) -> Decision {
    let Some(known) = state.lanes.get(&lane).filter(|known| known.fenced) else {
        return no(format!("{lane} is not fenced: no backup was restored since it was adopted"));
    };
    if let Some(heard) = all_heard_at(state, &lane).filter(|heard| *heard > at) {
        let left = heard.since(at);
        return no(format!("targets of {lane} have not said yet what they run: ask again, at the latest in {left}"));
    }
    let generation = highest(state, &known.id) + 1;
    done(DeploymentFact::LaneAdopted { lane, generation, by, why })
}

/// The highest generation that the lane or one of its targets that are here has seen.
pub(super) fn highest(state: &State, lane: &LaneId) -> u64 {
    let all = targets(state, &lane.environment).into_iter();
    let seen = all.filter_map(|agent| Some(seen(state, lane, agent.id)?.generation));
    seen.max().unwrap_or(0).max(state.lanes.get(lane).map_or(0, |lane| lane.generation))
}

/// What a fact about such a lane or target means.
pub(super) fn fold(state: &mut State, fact: &DeploymentFact) {
    if let DeploymentFact::TargetForgotten { lane, target, .. } = fact {
        change_lane(state, lane, |lane| _ = lane.touched.remove(target));
    }
    if let DeploymentFact::LaneAdopted { lane, generation, .. } = fact {
        change_lane(state, lane, |lane| (lane.generation, lane.fenced) = (*generation, false));
    }
}
