//! What people do to agents.
//!
//! | verb | refused if | then |
//! |---|---|---|
//! | pause | it is removed; a pause again replaces the reason | nothing new is placed on it; what runs goes on |
//! | resume | it is not paused | placed again |
//! | readmit | it is not in quarantine | its next Hello is the new base |
//! | remove | it is removed | open attempts are gone, `unknown(agent_removed)`; its session ends and no other begins |

use super::standing::Standing;
use super::state::Agent;
use crate::answer::{Decision, Refusal};
use crate::fact::{AgentFact, Fact};
use crate::input::AgentVerb;
use crate::model::{AgentId, UnknownReason};
use crate::world::State;

/// See the table above.
pub fn act(state: &State, agent: AgentId, verb: AgentVerb, by: String, reason: String) -> Decision {
    let known = state.agents.get(&agent).filter(|agent| agent.standing.is_known());
    let Some(known) = known else { return Decision::refuse(Refusal::AgentUnknown) };
    let (id, name) = (known.id, &known.register.name);
    let fact = match verb {
        AgentVerb::Pause => AgentFact::Paused { agent: id, by, reason },
        AgentVerb::Resume if known.paused.is_some() => AgentFact::Resumed { agent: id, by, reason },
        AgentVerb::Resume => return Decision::refuse(Refusal::Rejected(format!("agent {name} is not paused"))),
        AgentVerb::Readmit if is_quarantined(known) => AgentFact::Readmitted { agent: id, by, reason },
        AgentVerb::Readmit => {
            return Decision::refuse(Refusal::Rejected(format!("agent {name} is not in quarantine")));
        }
        AgentVerb::Remove => AgentFact::Removed { agent: id, by, reason },
    };
    let mut facts = vec![Fact::Agent(fact)];
    if verb == AgentVerb::Remove {
        let reason = UnknownReason::AgentRemoved;
        facts.extend(known.open.iter().map(|fence| Fact::AttemptGone { fence: *fence, reason }));
    }
    Decision::done(facts)
}

fn is_quarantined(agent: &Agent) -> bool {
    match agent.standing {
        Standing::Quarantined { .. } => true,
        Standing::Good | Standing::Readmitted(_) | Standing::Removed(_) => false,
    }
}
