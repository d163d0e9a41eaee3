//! Agents.

use windlass_core::State;
use windlass_core::agent::{Agent, Presence};
use windlass_core::model::{AgentRegister, Health, Observation, Running};
use windlass_proto::api;

/// An agent, with the slots that its open attempts take.
pub(in crate::http) fn agent(state: &State, agent: &Agent) -> api::Agent {
    let (at, since) = match &agent.presence {
        Presence::Enrolled => (api::AgentState::Enrolled, None),
        Presence::Connected { since, .. } => (api::AgentState::Connected, Some(*since)),
        Presence::Gone { since } => (api::AgentState::Gone, Some(*since)),
    };
    let open = agent.open.iter().filter_map(|fence| state.attempt(*fence));
    let busy = open.filter(|(_, attempt)| attempt.outcome().is_none());
    api::Agent {
        name: agent.register.name.to_string(),
        id: agent.id.to_string(),
        state: at,
        since: since.map(Into::into),
        slots_used: busy.map(|(_, attempt)| attempt.envelope.slots).sum(),
        slots: agent.offer.slots,
        labels: agent.labels(),
        register: register(&agent.register),
        takes_projects: agent.offer.projects.clone(),
        takes_environments: agent.offer.environments.clone(),
        program: agent.program.clone(),
        enrolled: agent.enrolled.into(),
        services: agent.observations.values().map(observed).collect(),
    }
}

/// What a join token fixed.
pub(in crate::http) fn register(register: &AgentRegister) -> api::Register {
    api::Register {
        name: register.name.to_string(),
        labels: register.labels.clone(),
        projects: register.projects.iter().map(ToString::to_string).collect(),
        environments: register.environments.iter().map(ToString::to_string).collect(),
        jobs: register.jobs,
    }
}

fn observed(observation: &Observation) -> api::ObservedService {
    let health = match observation.health {
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
        Health::NoData => "no_data",
    };
    api::ObservedService {
        lane: observation.lane.to_string(),
        linked: observation.linked.clone(),
        running: running(&observation.running),
        health: health.to_owned(),
        healthy_for_ms: observation.healthy_for.ms(),
        flaps: observation.flaps,
        generation: observation.generation,
        held_by_hand: observation.held_by_hand,
    }
}

/// What the process says; none: nothing answers.
pub(super) fn running(running: &Running) -> Option<String> {
    match running {
        Running::Release(name) | Running::Other(name) => Some(name.clone()),
        Running::Nothing => None,
    }
}
