//! The end of everything that steps have left behind.

use windlass_core::attempt::ladder::LEFTOVER_GRACE;
use windlass_core::attempt::{Ladder, LineBody, Rung};
use windlass_core::model::Duration;

use super::{Attempt, Phase};
use crate::clock;
use crate::watch::Asked;

/// Leftovers are looked for this often even if no child ended.
const LOOK_EVERY_MS: u64 = 1_000;

/// How many survivors a line names.
const NAMED_MAX: usize = 10;

impl Attempt {
    /// Ends what is left of all steps. Returns only when no descendant lives.
    pub(super) fn end_leftovers(&mut self) {
        let mut ladder: Option<Ladder> = None;
        loop {
            self.turn.tree.reap();
            if self.turn.tree.is_gone() {
                return;
            }
            let now_ms = clock::boot_ms();
            let forced = self.turn.asked == Asked::Force || self.is_forced();
            let grace = if forced { Duration::from_ms(0) } else { LEFTOVER_GRACE };
            let mut due = match &mut ladder {
                None => {
                    let (begun, first) = Ladder::start(now_ms, grace);
                    ladder = Some(begun);
                    Some(first)
                }
                Some(ladder) => ladder.hasten(now_ms, grace),
            };
            while let Some(rung) = due {
                match rung {
                    Rung::Term => self.turn.tree.term_all(),
                    Rung::Kill => self.turn.tree.kill_all(),
                    Rung::Stuck => self.tell_stuck(),
                }
                due = ladder.as_mut().and_then(|ladder| ladder.due(now_ms));
            }
            if ladder.is_some_and(|ladder| ladder.is_killing()) {
                // Whoever was below a killed process is our child now.
                self.turn.tree.kill_all();
            }
            let due_ms = ladder.map_or(u64::MAX, |ladder| ladder.deadline_ms()).min(now_ms + LOOK_EVERY_MS);
            // Bytes alone change nothing here, and looking through all processes costs.
            while !self.turn.wait(due_ms) && clock::boot_ms() < due_ms {}
        }
    }

    fn is_forced(&self) -> bool {
        match &self.phase {
            Phase::BeforeGo(_) => false,
            Phase::Gone(stop) => stop.is_forced(),
        }
    }

    pub(super) fn tell_stuck(&self) {
        let living = self.turn.tree.living();
        let survivors = u32::try_from(living.len()).unwrap_or(u32::MAX).max(1);
        let at = match &living[..] {
            [] => "a child that /proc does not show".to_owned(),
            living => living[..living.len().min(NAMED_MAX)].join(", "),
        };
        self.turn.spool.line_later(LineBody::Stuck { survivors, at });
    }
}
