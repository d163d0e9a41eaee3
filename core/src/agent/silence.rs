//! Since when an agent is silent, and what follows.
//!
//! | open attempt of an agent that is silent for `lost_after` | then |
//! |---|---|
//! | of a pipeline | ended `unknown(agent_lost)` |
//! | of a target | nothing by itself, ever: an alarm, and a person looks |
//!
//! Silence is counted from the latest of: last heard, start of the master, end of a pause of the master itself.

use super::state::{Agent, Presence};
use crate::attempt::AttemptPhase;
use crate::fact::{AgentFact, Fact};
use crate::job::Job;
use crate::model::{Fence, UnixMs, UnknownReason, Work};
use crate::world::State;

/// Since when an agent is silent; none if it has a session, or never had one.
pub fn silent_since(state: &State, agent: &Agent) -> Option<UnixMs> {
    match agent.presence {
        Presence::Enrolled | Presence::Connected { .. } => None,
        Presence::Gone { since } => Some(since.max(state.listening)),
    }
}

/// See the table above.
pub fn advance(state: &State, at: UnixMs) -> Vec<Fact> {
    let mut facts = Vec::new();
    for agent in state.agents.values().filter(|agent| due(state, agent).is_some_and(|due| due <= at)) {
        let lost = open(state, agent).filter(|(_, job)| !is_of_target(job));
        facts.extend(lost.map(|(fence, _)| Fact::AttemptLost { fence, reason: UnknownReason::AgentLost }));
        if must_alarm(state, agent) {
            facts.push(Fact::Agent(AgentFact::SilentTooLong { agent: agent.id }));
        }
    }
    facts
}

/// When the next silent agent has been silent too long.
pub fn next_deadline(state: &State) -> Option<UnixMs> {
    state.agents.values().filter_map(|agent| due(state, agent)).min()
}

fn due(state: &State, agent: &Agent) -> Option<UnixMs> {
    let since = silent_since(state, agent)?;
    let matters = must_alarm(state, agent) || open(state, agent).any(|(_, job)| !is_of_target(job));
    matters.then(|| since.after(state.config.lost_after))
}

fn must_alarm(state: &State, agent: &Agent) -> bool {
    agent.alarmed.is_none() && open(state, agent).any(|(_, job)| is_of_target(job))
}

/// What it shall do and has not said the end of.
fn open<'a>(state: &'a State, agent: &'a Agent) -> impl Iterator<Item = (Fence, &'a Job)> + 'a {
    agent.open.iter().filter_map(|fence| {
        let (job, attempt) = state.attempt(*fence)?;
        match attempt.phase {
            AttemptPhase::Placed | AttemptPhase::Accepted | AttemptPhase::Running => Some((*fence, job)),
            AttemptPhase::Ended(_) => None,
        }
    })
}

fn is_of_target(job: &Job) -> bool {
    match &job.plan.work {
        Work::Steps(work) => work.target.is_some(),
        Work::Deploy(_) => false,
    }
}
