//! What a fact about an agent means.

use super::standing::{Standing, Word};
use super::state::{Agent, Presence};
use crate::fact::AgentFact;
use crate::model::UnixMs;

/// Folds one fact about this agent.
pub(crate) fn fold(agent: &mut Agent, at: UnixMs, fact: &AgentFact) {
    let word = |by: &String, reason: &String| Word { by: by.clone(), reason: reason.clone(), at };
    match fact {
        AgentFact::Quarantined { why, .. } => {
            agent.standing = Standing::Quarantined { since: at, why: why.clone() };
            agent.fall_silent(at);
        }
        AgentFact::Readmitted { by, reason, .. } => agent.standing = Standing::Readmitted(word(by, reason)),
        AgentFact::Removed { by, reason, .. } => {
            agent.standing = Standing::Removed(word(by, reason));
            agent.fall_silent(at);
            agent.paused = None;
            agent.found.clear();
        }
        AgentFact::Paused { by, reason, .. } => agent.paused = Some(word(by, reason)),
        AgentFact::Resumed { .. } => agent.paused = None,
        AgentFact::SilentTooLong { .. } => agent.alarmed = Some(at),
        AgentFact::AttemptFound { found, .. } => {
            agent.found.insert(found.fence, found.clone());
        }
    }
}

impl Agent {
    /// From now on no session of it counts.
    fn fall_silent(&mut self, at: UnixMs) {
        self.observations.clear();
        self.presence = match self.presence {
            Presence::Connected { .. } => Presence::Gone { since: at },
            Presence::Enrolled | Presence::Gone { .. } => self.presence.clone(),
        };
    }
}
