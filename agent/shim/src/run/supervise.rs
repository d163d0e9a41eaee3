//! Watching one step until its first process has ended, and making it end when its time is over or the job is stopped.

use rustix::process::{Pid, Signal};
use windlass_core::attempt::{Ladder, Rung, Why};
use windlass_core::model::{Duration, Step};

use super::{Attempt, Phase};
use crate::clock;
use crate::process::Ended;
use crate::stop::until;

/// Why a step is made to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The job is being stopped.
    Job(Why),
    /// Its own clock ran out.
    Clock,
    /// Nothing can be written down any more.
    Disk,
}

impl Attempt {
    /// Until the leader has ended; says how, and what it was made to end by.
    pub(super) fn supervise(&mut self, number: u32, step: &Step, leader: Pid, began_ns: u64) -> (Ended, Option<Cause>) {
        let clock_ms = until(began_ns / 1_000_000, step.timeout).unwrap_or(u64::MAX);
        let mut silence = Silence { span: self.envelope.silent_timeout, heard_ms: began_ns / 1_000_000 };
        let mut ending: Option<(Ladder, Cause)> = None;
        loop {
            if let Some(ended) = self.turn.tree.ended(leader) {
                return (ended, ending.map(|(_, cause)| cause));
            }
            let now_ms = clock::boot_ms();
            let heard_ns = self.turn.pipes.heard_ns(number, clock::boot_ns()).unwrap_or(0);
            silence.heard_ms = silence.heard_ms.max(heard_ns / 1_000_000);
            let silent = ending.is_none() && now_ms >= silence.deadline_ms();
            let wanted = self.wants_end(now_ms, silent, clock_ms);
            let mut due = climb(&mut ending, wanted, now_ms);
            while let Some(rung) = due {
                match rung {
                    Rung::Term => self.turn.tree.signal_group(leader, Signal::TERM),
                    Rung::Kill => self.turn.tree.signal_group(leader, Signal::KILL),
                    Rung::Stuck => self.tell_stuck(),
                }
                due = ending.as_mut().and_then(|(ladder, _)| ladder.due(now_ms));
            }
            let ladder_ms = ending.as_ref().map_or(clock_ms.min(silence.deadline_ms()), |(it, _)| it.deadline_ms());
            self.turn.wait(ladder_ms.min(self.stop_deadline_ms()));
        }
    }

    /// Why the running step has to end now, and with what grace; asked again it may only be more urgent.
    fn wants_end(&mut self, now_ms: u64, silent: bool, clock_ms: u64) -> Option<(Cause, Duration)> {
        let Phase::Gone(stop) = &mut self.phase else { return None };
        let news = stop.look(now_ms, self.turn.asked, silent);
        match (news, stop.why()) {
            (Some(grace), Some(why)) => Some((Cause::Job(why), grace)),
            (Some(_) | None, _) if self.turn.spool.is_lost() => Some((Cause::Disk, self.envelope.grace)),
            (Some(_) | None, _) => (now_ms >= clock_ms).then_some((Cause::Clock, self.envelope.grace)),
        }
    }

    fn stop_deadline_ms(&self) -> u64 {
        match &self.phase {
            Phase::BeforeGo(_) => u64::MAX,
            Phase::Gone(stop) => stop.deadline_ms(),
        }
    }
}

/// For how long a step may say nothing; zero: for ever.
struct Silence {
    span: Duration,
    heard_ms: u64,
}

impl Silence {
    fn deadline_ms(&self) -> u64 {
        until(self.heard_ms, self.span).unwrap_or(u64::MAX)
    }
}

/// Begins the ladder, or hastens it, or asks it what is due.
fn climb(ending: &mut Option<(Ladder, Cause)>, wanted: Option<(Cause, Duration)>, now_ms: u64) -> Option<Rung> {
    match (ending.as_mut(), wanted) {
        (None, None) => None,
        (None, Some((cause, grace))) => {
            let (ladder, first) = Ladder::start(now_ms, grace);
            *ending = Some((ladder, cause));
            Some(first)
        }
        (Some((ladder, _)), Some((_, grace))) => ladder.hasten(now_ms, grace),
        (Some((ladder, _)), None) => ladder.due(now_ms),
    }
}
