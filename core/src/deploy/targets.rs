//! Who belongs to a lane, who can be reached, and who serves. Targets go by the register alone, never by what an agent says of itself.

use std::collections::BTreeSet;

use super::state::{Deployment, DeploymentState, Target};
use crate::agent::{Agent, Presence};
use crate::input::KillMode;
use crate::model::deployment::PlannedTarget;
use crate::model::{
    AgentId, Duration, Environment, EnvironmentName, Health, LaneId, Observation, Phase, ReleaseId, Running, UnixMs,
    WayBack,
};
use crate::world::State;

/// How long a master that started waits for targets to say what they run.
pub(super) const HEARING: Duration = Duration::from_secs(60);

/// A touched target that is silent for so long counts as failed, where the environment says nothing.
const LOST_AFTER: Duration = Duration::from_secs(120);

/// The targets of an environment, by name.
pub(super) fn targets<'a>(state: &'a State, environment: &EnvironmentName) -> Vec<&'a Agent> {
    let Some(rails) = state.config.environments.get(environment) else { return Vec::new() };
    let mut found: Vec<&Agent> =
        state.agents.values().map(AsRef::as_ref).filter(|agent| is_target(agent, environment, rails)).collect();
    found.sort_by(|a, b| a.register.name.cmp(&b.register.name));
    found
}

/// True if this agent is one of them.
pub(super) fn belongs(state: &State, environment: &EnvironmentName, agent: AgentId) -> bool {
    let rails = state.config.environments.get(environment);
    let (Some(rails), Some(agent)) = (rails, state.agents.get(&agent)) else { return false };
    is_target(agent, environment, rails)
}

fn is_target(agent: &Agent, environment: &EnvironmentName, rails: &Environment) -> bool {
    let carries = |(key, value): (&String, &String)| match key.as_str() {
        "agent" => *value == agent.register.name.as_str(),
        other => agent.register.labels.get(other) == Some(value),
    };
    agent.standing.is_known() && agent.register.environments.contains(environment) && rails.targets.iter().all(carries)
}

/// A target as plans name it.
pub(super) fn planned(agent: &Agent) -> PlannedTarget {
    PlannedTarget { agent: agent.id, name: agent.register.name.clone() }
}

/// Why a target cannot be changed now; none if it can.
pub(super) fn obstacle(state: &State, lane: &LaneId, agent: &Agent) -> Option<String> {
    let by_hand = agent.observations.get(lane).is_some_and(|seen| seen.held_by_hand);
    let other = obstacle_for_person(state, lane, agent);
    other.or_else(|| by_hand.then(|| "held by hand".to_owned()))
}

/// The same for who may take over what is held by hand.
pub(super) fn obstacle_for_person(state: &State, lane: &LaneId, agent: &Agent) -> Option<String> {
    let rails = state.config.environments.get(&lane.environment)?;
    if agent.session().is_none() {
        return Some("away".to_owned());
    }
    if let Some(pause) = agent.pause() {
        return Some(pause);
    }
    if !agent.offer.environments.iter().any(|offered| offered == lane.environment.as_str()) {
        return Some(format!("its own policy does not take {}", lane.environment));
    }
    if agent.offer.same_user && !rails.same_user {
        return Some("it runs steps as itself".to_owned());
    }
    if agent.offer.kill == KillMode::Group && rails.require_cgroup {
        return Some("it ends jobs by process group".to_owned());
    }
    if is_being_caught_up(state, lane, agent.id) {
        return Some("it is being brought to what the lane wants".to_owned());
    }
    let is_unheard = !agent.observations.contains_key(lane) && was_touched(state, lane, agent.id);
    is_unheard.then(|| "it has not said what it runs".to_owned())
}

fn is_being_caught_up(state: &State, lane: &LaneId, agent: AgentId) -> bool {
    let catch_up = state.lanes.get(lane).and_then(|lane| lane.catch_up.as_ref());
    let line = catch_up.and_then(|id| state.deployments.get(id)).and_then(|deployment| deployment.target(agent));
    line.is_some_and(Target::is_in_change)
}

/// True if a deployment of this lane ever changed the target.
pub(super) fn was_touched(state: &State, lane: &LaneId, agent: AgentId) -> bool {
    state.lanes.get(lane).is_some_and(|lane| lane.touched.contains(&agent))
}

/// True if a target has said what it runs, or never ran anything of this lane, or is known to be away. Right after a start of the
/// master, or of a session, that takes a moment; [`HEARING`] is the most that anyone waits.
fn has_spoken(state: &State, lane: &LaneId, agent: &Agent) -> bool {
    match agent.presence {
        Presence::Enrolled => true,
        Presence::Gone { since } => since > state.begun,
        Presence::Connected { .. } => agent.observations.contains_key(lane) || !was_touched(state, lane, agent.id),
    }
}

pub(super) fn hearing_ends(state: &State, agent: &Agent) -> UnixMs {
    match agent.presence {
        Presence::Enrolled | Presence::Gone { .. } => state.begun.after(HEARING),
        Presence::Connected { since, .. } => since.after(HEARING),
    }
}

/// When the last target of the lane counts as heard, if one is not yet.
pub(super) fn all_heard_at(state: &State, lane: &LaneId) -> Option<UnixMs> {
    let unheard = targets(state, &lane.environment).into_iter().filter(|agent| !has_spoken(state, lane, agent));
    unheard.map(|agent| hearing_ends(state, agent)).max()
}

/// What an agent that is here says about the lane.
pub(super) fn seen<'a>(state: &'a State, lane: &LaneId, agent: AgentId) -> Option<&'a Observation> {
    let agent = state.agents.get(&agent)?;
    agent.session()?;
    agent.observations.get(lane)
}

/// Since when an agent is silent; none if it is here.
pub(super) fn silent_since(state: &State, agent: AgentId) -> Option<UnixMs> {
    crate::agent::silence::silent_since(state, state.agents.get(&agent)?)
}

/// A touched target that is silent for so long counts as failed.
pub(super) fn lost_after(state: &State, lane: &LaneId) -> Duration {
    let configured = state.config.environments.get(&lane.environment).map(|rails| rails.lost_after);
    configured.filter(|span| span.ms() > 0).unwrap_or(LOST_AFTER)
}

/// True if a target is proven to serve: here, healthy, in traffic, and its process names a release.
pub(super) fn serves(state: &State, lane: &LaneId, agent: AgentId) -> bool {
    seen(state, lane, agent).is_some_and(|seen| {
        let names = match seen.running {
            Running::Release(_) => true,
            Running::Other(_) | Running::Nothing => false,
        };
        seen.health == Health::Healthy && names && !seen.drained
    })
}

/// True if the running process names exactly this release, and all gates pass.
pub(super) fn runs(seen: &Observation, name: &str) -> bool {
    matches!(&seen.running, Running::Release(running) if running == name)
}

/// True if a target is back where it shall return to, and well.
pub(super) fn is_back(seen: &Observation, way_back: &WayBack) -> bool {
    match way_back {
        WayBack::Release(name) => runs(seen, name) && seen.health == Health::Healthy && !seen.drained,
        WayBack::Absent => seen.linked.is_none() && seen.running == Running::Nothing,
    }
}

/// The release of a service with this name on disk.
pub(super) fn release_named(state: &State, lane: &LaneId, name: &str) -> Option<ReleaseId> {
    let number: u64 = name.strip_prefix('r')?.split_once('-')?.0.parse().ok()?;
    let id = ReleaseId { service: lane.service.clone(), number };
    let release = state.releases.get(&id)?;
    (release.name() == name).then_some(id)
}

/// Agents that a job of any lane may be changing now. A job that was admitted and not yet placed counts.
pub(super) fn in_change(state: &State) -> BTreeSet<AgentId> {
    let mut found = BTreeSet::new();
    for deployment in state.deployments.values().filter(|deployment| !deployment.is_ended()) {
        found
            .extend(deployment.targets.iter().filter(|target| target.is_in_change()).map(|target| target.target.agent));
    }
    let changing = |agent: &&std::sync::Arc<Agent>| {
        agent.open.iter().filter_map(|fence| state.attempt(*fence)).any(|(job, attempt)| {
            let touches = super::change_of(job).is_some_and(|change| change.phase != Phase::Prepare);
            touches && attempt.outcome().is_none()
        })
    };
    found.extend(state.agents.values().filter(changing).map(|agent| agent.id));
    found
}

/// True if the targets of a lane do not replace each other.
pub(super) fn are_independent(state: &State, lane: &LaneId) -> bool {
    state.config.environments.get(&lane.environment).is_some_and(|rails| rails.independent)
}

/// Targets of the lane that are not proven to serve, for whatever reason, and those that any lane is changing. Where targets
/// do not replace each other, only the latter.
///
/// A target that never had a release is not out of service, and is not made worse: only those count that this lane took a hand to.
pub(super) fn out(state: &State, lane: &LaneId) -> BTreeSet<AgentId> {
    let in_change = in_change(state);
    let all = targets(state, &lane.environment).into_iter().map(|agent| agent.id);
    let had_a_release = all.filter(|agent| was_touched(state, lane, *agent));
    let is_down = |agent: &AgentId| !are_independent(state, lane) && !serves(state, lane, *agent);
    had_a_release.filter(|agent| in_change.contains(agent) || is_down(agent)).collect()
}

/// True if every target that a deployment touched before this master began has answered, or had its time.
pub(super) fn has_heard_touched(state: &State, deployment: &Deployment, at: UnixMs) -> bool {
    if at >= state.begun.after(HEARING) {
        return true;
    }
    let lane = &deployment.id.lane;
    deployment
        .targets
        .iter()
        .filter(|target| target.touched)
        .all(|target| seen(state, lane, target.target.agent).is_some())
}

/// True while the master that started this deployment's admission is not the one that decides now.
pub(super) fn is_recovering(state: &State, deployment: &Deployment) -> bool {
    match deployment.state {
        DeploymentState::Queued | DeploymentState::AwaitingApproval | DeploymentState::Ended(_) => false,
        DeploymentState::Preparing
        | DeploymentState::Changing { .. }
        | DeploymentState::Baking { .. }
        | DeploymentState::RollingBack => deployment.epoch != state.epoch,
    }
}
