//! Agents whose last Hello was refused. Nothing rests on it: people look at it.
//!
//! Noted by `link`, shown by `http`, which must not know each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_core::model::{AgentId, UnixMs};

/// All of them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct TurnedAway(Arc<Mutex<BTreeMap<AgentId, Turned>>>);

/// A Hello that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turned {
    /// When, by the wall clock.
    pub at: UnixMs,
    /// Why.
    pub why: String,
}

impl TurnedAway {
    /// Why the last Hello of this agent was refused; none if it was let in.
    pub fn of(&self, agent: AgentId) -> Option<Turned> {
        self.lock().get(&agent).cloned()
    }

    /// Its Hello was refused.
    pub fn note(&self, agent: AgentId, turned: Turned) {
        self.lock().insert(agent, turned);
    }

    /// It was let in.
    pub fn forget(&self, agent: AgentId) {
        self.lock().remove(&agent);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AgentId, Turned>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
