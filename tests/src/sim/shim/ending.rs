//! How a step is ended, and what its end says.

use windlass_core::attempt::{Ladder, Rung, Why};
use windlass_core::model::{Duration, Envelope, Failure, Step, StepOutcome};

use super::super::steps::End;
use super::{Around, Running};

/// Begins the ladder, hastens it, or does what is due.
pub(super) fn climb(
    running: &mut Running,
    wanted: Option<(Option<Why>, Duration)>,
    now_ms: u64,
    around: &mut Around<'_>,
) {
    let mut due = match (&mut running.ending, wanted) {
        (None, None) => None,
        (None, Some((why, grace))) => {
            let (ladder, first) = Ladder::start(now_ms, grace);
            running.ending = Some((ladder, why));
            Some(first)
        }
        (Some((ladder, _)), Some((_, grace))) => ladder.hasten(now_ms, grace),
        (Some((ladder, _)), None) => ladder.due(now_ms),
    };
    while let Some(rung) = due {
        match rung {
            Rung::Term => around.tree.term(around.now, Some(running.step)),
            Rung::Kill => around.tree.kill(around.now, Some(running.step)),
            Rung::Stuck => {}
        }
        due = running.ending.as_mut().and_then(|(ladder, _)| ladder.due(now_ms));
    }
}

/// What the end of its first process says of a step.
pub(super) fn judge(end: End) -> StepOutcome {
    match end {
        End::Code(0) => StepOutcome::Succeeded,
        End::Code(code) => StepOutcome::Failed { how: Failure::Code(code) },
        End::Signal(signal) => StepOutcome::Failed { how: Failure::Signal(signal) },
    }
}

/// A step, by its number.
pub(super) fn step_of(envelope: &Envelope, number: u32) -> &Step {
    &envelope.steps[number as usize - 1]
}
