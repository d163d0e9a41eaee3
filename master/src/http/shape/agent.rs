//! Agents.

use windlass_core::State;
use windlass_core::agent::{Agent, Presence, Standing, Word, silence};
use windlass_core::input::{Held, KillMode};
use windlass_core::model::{AgentRegister, Health, Observation, Running};
use windlass_proto::api;

use crate::turned::Turned;
use crate::vitals::Vital;

/// An agent, with the slots that its open attempts take, why its last Hello was refused, if it was, and what its last heartbeat said.
pub(in crate::http) fn agent(state: &State, agent: &Agent, turned: Option<Turned>, vital: Option<Vital>) -> api::Agent {
    let (at, since) = match &agent.presence {
        Presence::Enrolled => (api::AgentState::Enrolled, None),
        Presence::Connected { since, .. } => (api::AgentState::Connected, Some(*since)),
        Presence::Gone { since } => (api::AgentState::Gone, Some(*since)),
    };
    let open = agent.open.iter().filter_map(|fence| state.attempt(*fence));
    let busy = open.filter(|(_, attempt)| attempt.outcome().is_none());
    let (mut quarantine, mut readmitted, mut removed) = (None, None, None);
    match &agent.standing {
        Standing::Good => {}
        Standing::Quarantined { since, why } => {
            let (kind, why, since) = (why.word().to_owned(), why.to_string(), (*since).into());
            quarantine = Some(api::Quarantine { kind, why, since });
        }
        Standing::Readmitted(said) => readmitted = Some(word(said)),
        Standing::Removed(said) => removed = Some(word(said)),
    }
    api::Agent {
        name: agent.register.name.to_string(),
        id: agent.id.to_string(),
        state: at,
        since: since.map(Into::into),
        paused: agent.paused.as_ref().map(word),
        paused_on_host: agent.offer.paused.clone(),
        quarantine,
        readmitted,
        removed,
        silent_since: silence::silent_since(state, agent).map(Into::into),
        alarm: agent.alarmed.map(Into::into),
        turned_away: turned.map(|turned| api::TurnedAway { time: turned.at.into(), why: turned.why }),
        found: agent.found.values().map(found).collect(),
        slots_used: busy.map(|(_, attempt)| attempt.envelope.slots).sum(),
        slots: agent.offer.slots,
        labels: agent.labels(),
        register: register(&agent.register),
        takes_projects: agent.offer.projects.clone(),
        takes_environments: agent.offer.environments.clone(),
        kill_mode: match agent.offer.kill {
            KillMode::Cgroup => api::KillMode::Cgroup,
            KillMode::Group => api::KillMode::Group,
        },
        spool_bytes: vital.map(|vital| vital.spool_bytes),
        disk_free_bytes: vital.map(|vital| vital.disk_free_bytes),
        clock_ahead_ms: vital.and_then(|vital| vital.clock_ahead_ms),
        program: agent.program.clone(),
        enrolled: agent.enrolled.into(),
        services: agent.observations.values().map(observed).collect(),
    }
}

fn word(said: &Word) -> api::Word {
    api::Word { by: said.by.clone(), reason: said.reason.clone(), time: said.at.into() }
}

fn found(held: &Held) -> api::FoundAttempt {
    let Held { fence, lines, run, job, attempt } = held;
    api::FoundAttempt {
        fence: fence.to_string(),
        run: run.clone(),
        job: job.clone(),
        attempt: attempt.0,
        lines: *lines,
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
        drained: observation.drained,
    }
}

/// What the process says; none: nothing answers.
pub(super) fn running(running: &Running) -> Option<String> {
    match running {
        Running::Release(name) | Running::Other(name) => Some(name.clone()),
        Running::Nothing => None,
    }
}
