//! Who enrols, whose session counts, and what a report means. [`hello`](super::hello) says who is let in, [`silence`](super::silence) when
//! an agent counts as lost.

use crate::answer::{Answer, Decision, Refusal};
use crate::attempt::line::{INDEX_LAST, Line};
use crate::fact::Fact;
use crate::input::{Enrolled, Enrolment, JoinToken};
use crate::model::{AgentId, Fence, Observation, UnixMs};
use crate::world::State;

use super::state::Agent;

/// A join token is made for a name that no agent has.
pub fn make_join_token(state: &State, token: JoinToken) -> Decision {
    match named(state, &token) {
        Some(taken) => Decision::refuse(Refusal::AgentNameTaken(taken)),
        None => Decision::done(vec![Fact::JoinTokenMade { token }]),
    }
}

fn named(state: &State, token: &JoinToken) -> Option<String> {
    let name = &token.register.name;
    let has_name = |agent: &Agent| agent.register.name == *name && agent.standing.is_known();
    state.agents.values().any(|agent| has_name(agent)).then(|| name.to_string())
}

/// Token used and agent enrolled are one commit. The same request again gets the same answer.
pub fn enrol(state: &State, at: UnixMs, request: Enrolment) -> Decision {
    let Some(known) = state.join_tokens.get(&request.token) else {
        return Decision::refuse(Refusal::JoinTokenUnknown(request.token));
    };
    let answer = |agent, chain: String| {
        let register = known.token.register.clone();
        Answer::Enrolled(Box::new(Enrolled { agent, name: register.name.clone(), chain, register }))
    };
    if let Some((csr, agent, chain)) = &known.used {
        return match *csr == request.csr {
            true => Decision { facts: Vec::new(), answer: answer(*agent, chain.to_string()) },
            false => Decision::refuse(Refusal::JoinTokenUsed(request.token)),
        };
    }
    if at >= known.token.expires {
        return Decision::refuse(Refusal::JoinTokenExpired(request.token));
    }
    if let Some(taken) = named(state, &known.token) {
        return Decision::refuse(Refusal::AgentNameTaken(taken));
    }
    let fact = Fact::AgentEnrolled {
        agent: request.agent,
        token: request.token,
        csr: request.csr,
        register: known.token.register.clone(),
        chain: request.chain.clone(),
    };
    Decision { facts: vec![fact], answer: answer(request.agent, request.chain) }
}

/// A session is over; only the present one counts.
pub fn session_ended(state: &State, agent: AgentId, session: u64) -> Decision {
    match is_present(state, agent, session) {
        true => Decision::done(vec![Fact::AgentGone { agent, session }]),
        false => Decision::done(Vec::new()),
    }
}

fn is_present(state: &State, agent: AgentId, session: u64) -> bool {
    state.agents.get(&agent).and_then(|agent| agent.session()) == Some(session)
}

/// One line of a record. A repeat is acknowledged and not applied; a hole closes the session.
pub fn reported(state: &State, agent: AgentId, session: u64, fence: Fence, line: Box<Line>) -> Decision {
    if !is_present(state, agent, session) {
        return Decision::refuse(Refusal::SessionOver);
    }
    let acked = |upto, facts| Decision { facts, answer: Answer::Acked { fence, upto } };
    let Some(place) = state.attempts.get(&fence) else {
        // Closed long ago, or never ours: the agent is told to forget it by its assignments.
        return acked(line.index, Vec::new());
    };
    if place.agent != agent {
        return Decision::refuse(Refusal::NotYours(fence));
    }
    let Some((_, attempt)) = state.attempt(fence) else { return acked(line.index, Vec::new()) };
    let known = attempt.acked;
    if line.index <= known {
        return acked(known, Vec::new());
    }
    if attempt.logs.is_some() || attempt.gone {
        return acked(line.index, Vec::new());
    }
    if line.index != known + 1 && line.index != INDEX_LAST {
        return Decision::refuse(Refusal::Hole { fence, want: known + 1, got: line.index });
    }
    acked(line.index, vec![Fact::Reported { fence, line }])
}

/// What an agent sees of a service is believed when it changed, or while a deployment waits for it.
pub fn observed(state: &State, agent: AgentId, session: u64, observation: Observation) -> Decision {
    if !is_present(state, agent, session) {
        return Decision::refuse(Refusal::SessionOver);
    }
    let Some(entry) = state.agents.get(&agent) else { return Decision::done(Vec::new()) };
    if !entry.register.environments.contains(&observation.lane.environment) {
        return Decision::done(Vec::new());
    }
    let awaited = state.lanes.get(&observation.lane).is_some_and(|lane| lane.active.is_some());
    let same = entry.observations.get(&observation.lane).is_some_and(|known| {
        let aged = Observation { healthy_for: known.healthy_for, ..observation.clone() };
        aged == *known
    });
    match same && !awaited {
        true => Decision::done(Vec::new()),
        false => Decision::done(vec![Fact::Observed { agent, observation }]),
    }
}
