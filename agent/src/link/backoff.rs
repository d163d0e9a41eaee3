//! When to dial again: full jitter over a bound that doubles from half a second to thirty.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

const FIRST_MS: u64 = 500;
const MOST_MS: u64 = 30_000;
/// A session that lived so long begins the bound anew: one in which nobody answers is over after 15 s (docs/decisions/0022).
const RESET_AFTER: Duration = Duration::from_secs(20);

/// The bound of the next wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    bound_ms: u64,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { bound_ms: FIRST_MS }
    }

    /// How long to wait after a session that lived so long, or never began.
    pub(super) fn next(&mut self, lived: Duration) -> Duration {
        if lived >= RESET_AFTER {
            *self = Self::new();
        }
        let wait = Duration::from_millis(random() % (self.bound_ms + 1));
        self.bound_ms = (self.bound_ms * 2).min(MOST_MS);
        wait
    }
}

/// Any number. Without randomness all agents wait the same time, which is no reason to end.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_unspecified) => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_ends_at_once_again_and_again_is_not_dialled_at_once() {
        let mut backoff = Backoff::new();
        for _ in 0..8 {
            _ = backoff.next(RESET_AFTER.saturating_sub(Duration::from_millis(1)));
        }
        assert_eq!(backoff.bound_ms, MOST_MS);
    }

    #[test]
    fn the_bound_doubles_to_thirty_seconds_and_a_long_session_begins_anew() {
        let mut backoff = Backoff::new();
        let mut bounds = Vec::new();
        for _ in 0..8 {
            bounds.push(backoff.bound_ms);
            let bound = Duration::from_millis(backoff.bound_ms);
            assert!(backoff.next(Duration::ZERO) <= bound);
        }
        assert_eq!(bounds, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert!(backoff.next(RESET_AFTER) <= Duration::from_millis(FIRST_MS));
    }
}
