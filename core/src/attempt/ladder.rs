//! The ladder of signals that ends what must not go on: a cancelled job, a step out of time, leftovers at a job's end.
//!
//! Owned by the shim, one at a time. Pure: it is told the time and says what is due. It never says "done": the shim drops it when
//! what it ends is proven gone.
//!
//! ```text
//! TERM ─ grace ─▶ KILL, again every 10 s ─▶ empty
//!                    └─ not empty after 30 s: STUCK, once
//! ```
//!
//! | state | input | actions | next state |
//! |---|---|---|---|
//! | – | start, grace > 0 | TERM | polite until now + grace |
//! | – | start, grace = 0 | KILL | killing since now |
//! | polite | due | KILL | killing since now |
//! | polite | hasten, grace > 0 | – | polite until now + grace, if that is sooner |
//! | polite | hasten, grace = 0 | KILL | killing since now |
//! | killing | 10 s after the last KILL | KILL | killing |
//! | killing | 30 s after the first KILL | STUCK | stuck |
//! | killing, stuck | hasten | – | the same |
//! | stuck | 10 s after the last KILL | KILL | stuck |

use crate::model::Duration;

/// What leftovers of a job get between TERM and KILL when it ends.
pub const LEFTOVER_GRACE: Duration = Duration::from_secs(5);

const KILL_AGAIN_MS: u64 = 10_000;
const STUCK_AFTER_MS: u64 = 30_000;

/// One thing the ladder wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rung {
    /// Ask politely.
    Term,
    /// End it.
    Kill,
    /// Write down that something survives KILL.
    Stuck,
}

/// Where on the ladder something is. Times are milliseconds of a clock that also counts while the host sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ladder(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Polite { until_ms: u64 },
    Killing { since_ms: u64, again_ms: u64 },
    Stuck { again_ms: u64 },
}

impl Ladder {
    /// Begins, and says what to do at once.
    pub fn start(now_ms: u64, grace: Duration) -> (Self, Rung) {
        if grace.ms() == 0 {
            return (Self(State::killing(now_ms)), Rung::Kill);
        }
        (Self(State::Polite { until_ms: now_ms.saturating_add(grace.ms()) }), Rung::Term)
    }

    /// From now on no more than this grace. Says what is due, as `due` does.
    pub fn hasten(&mut self, now_ms: u64, grace: Duration) -> Option<Rung> {
        match &mut self.0 {
            State::Polite { until_ms } => *until_ms = now_ms.saturating_add(grace.ms()).min(*until_ms),
            State::Killing { .. } | State::Stuck { .. } => {}
        }
        self.due(now_ms)
    }

    /// What is due, one at a time; ask until there is nothing.
    pub fn due(&mut self, now_ms: u64) -> Option<Rung> {
        if now_ms < self.deadline_ms() {
            return None;
        }
        match &mut self.0 {
            State::Polite { .. } => {
                self.0 = State::killing(now_ms);
                Some(Rung::Kill)
            }
            State::Killing { since_ms, again_ms } if now_ms >= *since_ms + STUCK_AFTER_MS => {
                self.0 = State::Stuck { again_ms: *again_ms };
                Some(Rung::Stuck)
            }
            State::Killing { again_ms, .. } | State::Stuck { again_ms } => {
                *again_ms = now_ms + KILL_AGAIN_MS;
                Some(Rung::Kill)
            }
        }
    }

    /// When something is due next.
    pub fn deadline_ms(&self) -> u64 {
        match self.0 {
            State::Polite { until_ms } => until_ms,
            State::Killing { since_ms, again_ms } => again_ms.min(since_ms + STUCK_AFTER_MS),
            State::Stuck { again_ms } => again_ms,
        }
    }

    /// True from the first KILL on: what shows up now is killed at once.
    pub fn is_killing(&self) -> bool {
        match self.0 {
            State::Polite { .. } => false,
            State::Killing { .. } | State::Stuck { .. } => true,
        }
    }
}

impl State {
    fn killing(now_ms: u64) -> Self {
        Self::Killing { since_ms: now_ms, again_ms: now_ms + KILL_AGAIN_MS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps through all deadlines up to `end_ms` and notes what was due when.
    fn climb(ladder: &mut Ladder, end_ms: u64) -> Vec<(u64, Rung)> {
        let mut seen = Vec::new();
        while ladder.deadline_ms() <= end_ms {
            let now_ms = ladder.deadline_ms();
            assert_eq!(ladder.due(now_ms - 1), None, "nothing is due before the deadline");
            while let Some(rung) = ladder.due(now_ms) {
                seen.push((now_ms, rung));
            }
        }
        seen
    }

    #[test]
    fn term_then_kill_then_kill_again_and_stuck_once() {
        let (mut ladder, first) = Ladder::start(1_000, Duration::from_secs(30));
        assert_eq!(first, Rung::Term);
        assert!(!ladder.is_killing());
        let expected = [
            (31_000, Rung::Kill),
            (41_000, Rung::Kill),
            (51_000, Rung::Kill),
            (61_000, Rung::Stuck),
            (61_000, Rung::Kill),
            (71_000, Rung::Kill),
            (81_000, Rung::Kill),
        ];
        assert_eq!(climb(&mut ladder, 81_000), expected);
        assert!(ladder.is_killing());
    }

    #[test]
    fn no_grace_kills_at_once() {
        let (mut ladder, first) = Ladder::start(5, Duration::from_ms(0));
        assert_eq!(first, Rung::Kill);
        assert_eq!(climb(&mut ladder, 10_005), [(10_005, Rung::Kill)]);
    }

    #[test]
    fn hastening_shortens_the_grace_or_ends_it_and_changes_nothing_later() {
        let (mut ladder, _) = Ladder::start(0, Duration::from_secs(30));
        assert_eq!((ladder.hasten(1, Duration::from_secs(60)), ladder.deadline_ms()), (None, 30_000));
        assert_eq!((ladder.hasten(2, Duration::from_secs(5)), ladder.deadline_ms()), (None, 5_002));
        assert_eq!(ladder.hasten(7, Duration::from_ms(0)), Some(Rung::Kill));
        assert_eq!(ladder.hasten(8, Duration::from_ms(0)), None);
        assert_eq!(ladder.deadline_ms(), 10_007);
        let (mut stuck, _) = Ladder::start(0, Duration::from_ms(0));
        climb(&mut stuck, 30_000);
        assert_eq!(stuck.hasten(30_001, Duration::from_ms(0)), None);
        assert_eq!(stuck.deadline_ms(), 40_000);
    }

    #[test]
    fn a_host_that_slept_gets_each_rung_it_missed_once() {
        let (mut ladder, _) = Ladder::start(0, Duration::from_secs(30));
        assert_eq!(ladder.due(500_000), Some(Rung::Kill));
        assert_eq!(ladder.due(500_000), None);
        assert_eq!(ladder.due(900_000), Some(Rung::Stuck));
        assert_eq!(ladder.due(900_000), Some(Rung::Kill));
        assert_eq!(ladder.due(900_000), None);
    }
}
