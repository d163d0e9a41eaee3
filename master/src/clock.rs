//! The master's clocks, read in one place.
//!
//! `now` never steps: it is the later of the wall clock at the start and the time of the last fact, plus the monotonic clock. Decisions
//! use it for durations and deadlines; two machines' clocks are never compared.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use windlass_core::model::UnixMs;

/// A clock that never steps back.
#[derive(Debug, Clone)]
pub struct Clock {
    base: UnixMs,
    started: Instant,
}

impl Clock {
    /// Starts at the wall clock, or at `last`, the time of the last fact, if that is later.
    pub fn start(last: UnixMs) -> Self {
        Self { base: wall().max(last), started: Instant::now() }
    }

    /// The master's time.
    pub fn now(&self) -> UnixMs {
        let passed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        UnixMs(self.base.0.saturating_add(passed))
    }

    /// How long until `deadline`; zero if it has come.
    pub fn until(&self, deadline: UnixMs) -> std::time::Duration {
        std::time::Duration::from_millis(deadline.0.saturating_sub(self.now().0))
    }
}

/// The wall clock, in milliseconds since 1970; for stamps that come from outside, and for the epoch.
#[expect(clippy::disallowed_methods, reason = "the one place of the master that reads the wall clock")]
pub fn wall() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
