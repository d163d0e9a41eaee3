//! What the last heartbeat of each agent said. Nothing rests on it: people look at it.
//!
//! Noted by `link`, shown by `http`, which must not know each other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_core::model::{AgentId, CLOCKS_MAY_DIFFER};

/// Those of all agents since this master started. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Vitals(Arc<Mutex<BTreeMap<AgentId, Vital>>>);

/// What a heartbeat said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vital {
    /// Bytes of records and logs that it was not yet told to forget.
    pub spool_bytes: u64,
    /// Free on the volume of its state directory.
    pub disk_free_bytes: u64,
    /// Its clock minus ours, in milliseconds; none if it did not say.
    pub clock_ahead_ms: Option<i64>,
}

impl Vital {
    /// The clocks differ by more than goes without a warning.
    pub fn is_skewed(&self) -> bool {
        self.clock_ahead_ms.is_some_and(|ahead| ahead.unsigned_abs() > CLOCKS_MAY_DIFFER.ms())
    }
}

impl Vitals {
    /// What the last heartbeat of this agent said; none if there was none.
    pub fn of(&self, agent: AgentId) -> Option<Vital> {
        self.lock().get(&agent).copied()
    }

    /// It said this. True if its clock is skewed and was not before.
    pub fn note(&self, agent: AgentId, vital: Vital) -> bool {
        let before = self.lock().insert(agent, vital);
        vital.is_skewed() && !before.is_some_and(|before| before.is_skewed())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AgentId, Vital>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_more_than_a_minute_off_is_told_once_either_way() {
        let (vitals, agent) = (Vitals::default(), "0190b2b0-0000-4000-8000-00000000000a".parse().expect("an id"));
        let rows = [
            (None, false),
            (Some(60_000), false),
            (Some(60_001), true),
            (Some(90_000), false),
            (Some(-10), false),
            (Some(-60_001), true),
        ];
        for (clock_ahead_ms, told) in rows {
            let vital = Vital { spool_bytes: 1, disk_free_bytes: 2, clock_ahead_ms };
            assert_eq!(vitals.note(agent, vital), told, "{clock_ahead_ms:?}");
            assert_eq!(vitals.of(agent), Some(vital));
        }
    }
}
