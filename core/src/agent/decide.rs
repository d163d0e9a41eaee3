//! Who is let in, what a report means, and when an agent counts as lost.
//!
//! What the master does with a Hello; the first match counts:
//!
//! | finding | then |
//! |---|---|
//! | not enrolled here; another protocol | refused |
//! | `max_epoch` above ours | refused: another master may exist |
//! | `incarnation` not above the one on file | refused: a clone, or a directory that was rolled back or lost |
//! | an attempt believed accepted is not held, or a record has fewer lines than acknowledged | the same |
//! | none of these | `AgentSeen`; the older session is void |

use crate::answer::{Answer, Decision, Refusal};
use crate::attempt::AttemptPhase;
use crate::attempt::line::{INDEX_LAST, Line};
use crate::fact::Fact;
use crate::input::{Enrolled, Enrolment, Hello, JoinToken};
use crate::model::{AgentId, Fence, Observation, UnixMs, UnknownReason, Work};
use crate::world::State;

use super::state::{Agent, Presence};

/// The version of the agent link that we speak.
pub const PROTOCOL: u32 = 1;

/// A join token is made for a name that no agent has.
pub fn make_join_token(state: &State, token: JoinToken) -> Decision {
    match named(state, &token) {
        Some(taken) => Decision::refuse(Refusal::AgentNameTaken(taken)),
        None => Decision::done(vec![Fact::JoinTokenMade { token }]),
    }
}

fn named(state: &State, token: &JoinToken) -> Option<String> {
    let name = &token.register.name;
    state.agents.values().any(|agent| agent.register.name == *name).then(|| name.to_string())
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

/// See the table above.
pub fn hello(state: &State, hello: Hello) -> Decision {
    let Some(agent) = state.agents.get(&hello.agent) else { return Decision::refuse(Refusal::AgentUnknown) };
    if let Some(refusal) = objection(state, agent, &hello) {
        return Decision::refuse(refusal);
    }
    let session = state.sessions + 1;
    let acked = hello.held.iter().map(|held| (held.fence, acked(state, held.fence))).collect();
    let fact = Fact::AgentSeen {
        agent: hello.agent,
        session,
        incarnation: hello.incarnation,
        boot_id: hello.boot_id,
        program: hello.program,
        offer: hello.offer,
    };
    Decision { facts: vec![fact], answer: Answer::Welcome { epoch: state.epoch, session, acked } }
}

fn objection(state: &State, agent: &Agent, hello: &Hello) -> Option<Refusal> {
    if hello.protocol != PROTOCOL {
        return Some(Refusal::Protocol(hello.protocol));
    }
    if hello.max_epoch > state.epoch {
        return Some(Refusal::StaleMaster { ours: state.epoch, theirs: hello.max_epoch });
    }
    if hello.incarnation <= agent.incarnation {
        let why = format!("its incarnation is {}, {} is on file", hello.incarnation, agent.incarnation);
        return Some(Refusal::Copied(why));
    }
    agent.open.iter().find_map(|fence| missing(state, *fence, hello))
}

/// An honest disk cannot lose what it reported.
fn missing(state: &State, fence: Fence, hello: &Hello) -> Option<Refusal> {
    let (_, attempt) = state.attempt(fence)?;
    let lines = hello.held.iter().find(|held| held.fence == fence).map_or(0, |held| held.lines);
    (attempt.acked != INDEX_LAST && lines < attempt.acked)
        .then(|| Refusal::Copied(format!("attempt {fence} had {} lines, it has {lines} now", attempt.acked)))
}

fn acked(state: &State, fence: Fence) -> u32 {
    state.attempt(fence).map_or(0, |(_, attempt)| attempt.acked)
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
    if attempt.logs.is_some() {
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

/// Open attempts of agents that were silent too long; never those of targets.
pub fn advance(state: &State, at: UnixMs) -> Vec<Fact> {
    let lost = state.agents.values().filter(|agent| lost_at(state, agent).is_some_and(|due| due <= at));
    let fences = lost.flat_map(|agent| losable(state, agent));
    fences.map(|fence| Fact::AttemptLost { fence, reason: UnknownReason::AgentLost }).collect()
}

/// When the next silent agent counts as lost.
pub fn next_deadline(state: &State) -> Option<UnixMs> {
    state.agents.values().filter_map(|agent| lost_at(state, agent)).min()
}

fn lost_at(state: &State, agent: &Agent) -> Option<UnixMs> {
    match agent.presence {
        Presence::Gone { since } if losable(state, agent).next().is_some() => {
            Some(since.after(state.config.lost_after))
        }
        Presence::Gone { .. } | Presence::Enrolled | Presence::Connected { .. } => None,
    }
}

fn losable<'a>(state: &'a State, agent: &'a Agent) -> impl Iterator<Item = Fence> + 'a {
    agent.open.iter().copied().filter(|fence| {
        state.attempt(*fence).is_some_and(|(job, attempt)| {
            let of_target = match &job.plan.work {
                Work::Steps(work) => work.target.is_some(),
                Work::Deploy(_) => false,
            };
            let open = match attempt.phase {
                AttemptPhase::Placed | AttemptPhase::Accepted | AttemptPhase::Running => true,
                AttemptPhase::Ended(_) => false,
            };
            open && !of_target
        })
    })
}
