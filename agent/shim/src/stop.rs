//! Why and when the job is stopped.
//!
//! | state | what happens | becomes | grace for what runs |
//! |---|---|---|---|
//! | going | cancel | cleaning(cancelled) | the job's |
//! | going | forced cancel | forced(cancelled) | none |
//! | going | the job's clock runs out, or its silence lasts too long | cleaning(timed out) | the job's |
//! | cleaning | the time for `always` steps is over | over | 5 s at most |
//! | cleaning, over | forced cancel | forced | none |
//! | forced | anything | forced | – |
//!
//! The time for `always` steps begins when what ran before has ended.

use windlass_core::attempt::ladder::LEFTOVER_GRACE;
use windlass_core::attempt::{Stopping, Why};
use windlass_core::model::{Duration, Envelope};

use crate::watch::Asked;

/// The job's clock and what was asked. Times are milliseconds of the boot clock.
#[derive(Debug)]
pub struct Stop {
    state: State,
    job_until_ms: u64,
    cleanup: Duration,
    grace: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Going,
    Cleaning { why: Why, until_ms: Option<u64> },
    Over(Why),
    Forced(Why),
}

impl Stop {
    /// The job's clock begins now; zero means none.
    pub fn new(envelope: &Envelope, now_ms: u64) -> Self {
        Self {
            state: State::Going,
            job_until_ms: until(now_ms, envelope.timeout).unwrap_or(u64::MAX),
            cleanup: envelope.cleanup,
            grace: envelope.grace,
        }
    }

    /// What it means for the next step.
    pub fn stopping(&self) -> Stopping {
        match self.state {
            State::Going => Stopping::No,
            State::Cleaning { why, .. } => Stopping::Cleaning(why),
            State::Over(why) | State::Forced(why) => Stopping::Leaving(why),
        }
    }

    /// Why it is being stopped, if it is.
    pub fn why(&self) -> Option<Why> {
        match self.state {
            State::Going => None,
            State::Cleaning { why, .. } | State::Over(why) | State::Forced(why) => Some(why),
        }
    }

    /// True if neither grace nor clean-up is wanted.
    pub fn is_forced(&self) -> bool {
        matches!(self.state, State::Forced(_))
    }

    /// What is new. If what runs now has to end, the grace it gets.
    pub fn look(&mut self, now_ms: u64, asked: Asked, silent: bool) -> Option<Duration> {
        let none = Duration::from_ms(0);
        let (state, grace) = match (self.state, asked) {
            (State::Going, Asked::Force) => (State::Forced(Why::Cancelled), none),
            (State::Going, Asked::Cancel) => (cleaning(Why::Cancelled), self.grace),
            (State::Going, Asked::Nothing) if silent || now_ms >= self.job_until_ms => {
                (cleaning(Why::TimedOut), self.grace)
            }
            (State::Cleaning { why, .. } | State::Over(why), Asked::Force) => (State::Forced(why), none),
            (State::Cleaning { why, until_ms: Some(until_ms) }, Asked::Nothing | Asked::Cancel)
                if now_ms >= until_ms =>
            {
                (State::Over(why), self.grace.min(LEFTOVER_GRACE))
            }
            (State::Going | State::Cleaning { .. } | State::Over(_), Asked::Nothing | Asked::Cancel)
            | (State::Forced(_), Asked::Nothing | Asked::Cancel | Asked::Force) => return None,
        };
        self.state = state;
        Some(grace)
    }

    /// Nothing runs: if the job is being stopped, the time for `always` steps begins, once.
    pub fn begin_cleanup(&mut self, now_ms: u64) {
        if let State::Cleaning { until_ms, .. } = &mut self.state {
            until_ms.get_or_insert(now_ms.saturating_add(self.cleanup.ms()));
        }
    }

    /// When `look` has something to say without being asked anything new.
    pub fn deadline_ms(&self) -> u64 {
        match self.state {
            State::Going => self.job_until_ms,
            State::Cleaning { until_ms, .. } => until_ms.unwrap_or(u64::MAX),
            State::Over(_) | State::Forced(_) => u64::MAX,
        }
    }
}

/// When a span that begins now ends; none if it is zero.
pub(crate) fn until(now_ms: u64, span: Duration) -> Option<u64> {
    (span.ms() > 0).then(|| now_ms.saturating_add(span.ms()))
}

fn cleaning(why: Why) -> State {
    State::Cleaning { why, until_ms: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);
    const NONE: Duration = Duration::from_ms(0);

    fn stop(state: State) -> Stop {
        Stop { state, job_until_ms: 1_000, cleanup: Duration::from_ms(60), grace: GRACE }
    }

    #[test]
    fn every_row_of_the_table() {
        let (cancelled, timed_out) = (Why::Cancelled, Why::TimedOut);
        let late = State::Cleaning { why: timed_out, until_ms: Some(500) };
        let table = [
            (State::Going, 0, Asked::Nothing, false, State::Going, None),
            (State::Going, 0, Asked::Cancel, false, cleaning(cancelled), Some(GRACE)),
            (State::Going, 0, Asked::Force, false, State::Forced(cancelled), Some(NONE)),
            (State::Going, 999, Asked::Nothing, false, State::Going, None),
            (State::Going, 1_000, Asked::Nothing, false, cleaning(timed_out), Some(GRACE)),
            (State::Going, 0, Asked::Nothing, true, cleaning(timed_out), Some(GRACE)),
            (State::Going, 1_000, Asked::Cancel, true, cleaning(cancelled), Some(GRACE)),
            (cleaning(cancelled), 2_000, Asked::Cancel, true, cleaning(cancelled), None),
            (late, 499, Asked::Cancel, false, late, None),
            (late, 500, Asked::Nothing, false, State::Over(timed_out), Some(LEFTOVER_GRACE)),
            (late, 500, Asked::Force, false, State::Forced(timed_out), Some(NONE)),
            (State::Over(timed_out), 9_000, Asked::Cancel, true, State::Over(timed_out), None),
            (State::Over(timed_out), 9_000, Asked::Force, false, State::Forced(timed_out), Some(NONE)),
            (State::Forced(cancelled), 9_000, Asked::Force, true, State::Forced(cancelled), None),
        ];
        for (before, now_ms, asked, silent, after, grace) in table {
            let mut found = stop(before);
            let row = format!("{before:?} at {now_ms} {asked:?} silent {silent}");
            assert_eq!(found.look(now_ms, asked, silent), grace, "{row}");
            assert_eq!(found.state, after, "{row}");
        }
    }

    #[test]
    fn the_time_for_always_steps_is_one_and_begins_when_nothing_runs() {
        let mut stop = stop(State::Going);
        stop.begin_cleanup(5);
        assert_eq!((stop.state, stop.deadline_ms()), (State::Going, 1_000));
        stop.look(10, Asked::Cancel, false);
        assert_eq!(stop.deadline_ms(), u64::MAX, "what runs has its own ladder");
        stop.begin_cleanup(100);
        stop.begin_cleanup(150);
        assert_eq!(stop.deadline_ms(), 160);
    }
}
