//! What one agent should be doing: a view of the state.

use std::collections::BTreeSet;

use super::state::Agent;
use crate::model::{AgentId, Fence};
use crate::world::State;

/// What the master wants an agent to do now. Not named: no change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Start these, unless held.
    pub put: BTreeSet<Fence>,
    /// Stop these, or do not start them.
    pub cancel: BTreeSet<(Fence, CancelWord)>,
    /// Delete these: outcome and logs are safe.
    pub forget: BTreeSet<Fence>,
    /// Nothing new follows, because this person said so.
    pub drain: Option<String>,
    /// Refuse for ever what is not held at or below this.
    pub floor: u64,
}

/// Who cancels, why, and whether grace and cleanup are skipped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CancelWord {
    /// Skips grace and cleanup.
    pub force: bool,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What `agent` should be doing; `held` is what the session knows it to hold (its Hello and all that was put since).
pub fn view(state: &State, agent: AgentId, held: &BTreeSet<Fence>) -> Assignments {
    let Some(entry) = state.agents.get(&agent) else { return Assignments::default() };
    let forget = held.iter().filter(|fence| is_closed(entry, **fence)).copied().collect();
    let drain = entry.paused.as_ref().map(|word| word.by.clone());
    let mut out = Assignments { forget, drain, floor: entry.floor(), ..Assignments::default() };
    for fence in &entry.open {
        let Some((job, attempt)) = state.attempt(*fence) else { continue };
        if let Some(cancel) = &job.cancel {
            let word = CancelWord { force: cancel.force, by: cancel.by.clone(), why: cancel.why.clone() };
            out.cancel.insert((*fence, word));
        }
        if attempt.outcome().is_none() {
            out.put.insert(*fence);
        }
        if let (true, Some(settled)) = (attempt.is_leftover(), &attempt.settlement) {
            let word = CancelWord { force: false, by: settled.by.to_string(), why: settled.to_string() };
            out.cancel.insert((*fence, word));
            // An agent that does not hold it takes it up as cancelled, so that it never starts and its end is known.
            if !held.contains(fence) {
                out.put.insert(*fence);
            }
        }
    }
    out
}

/// Given to this agent and not open any more. What it was never given by this master is not ours to delete.
fn is_closed(agent: &Agent, fence: Fence) -> bool {
    Some(fence) <= agent.last_fence && !agent.open.contains(&fence) && !agent.found.contains_key(&fence)
}
