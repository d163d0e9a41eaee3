//! What an attempt's directory proves that was found: the evidence table. Asked by the agent at its start and whenever a lock is
//! free. What is *found* is concluded, never started.

use super::line::{INDEX_LAST, Line, LineBody};
use crate::model::{NotStarted, Outcome, UnknownReason};

/// All that was found. Who concludes anything but `ReAttach` holds the lock.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// Whether somebody lives who may write.
    pub lock: Lock,
    /// The whole lines of the record, in order, up to its end or to the damage.
    pub lines: &'a [Line],
    /// What follows them.
    pub end: RecordEnd<'a>,
    /// A log of a step exists.
    pub step_log: bool,
    /// The `boot_id` of this boot.
    pub boot_id: &'a str,
    /// Somebody asked to cancel it.
    pub cancelled: bool,
    /// Who asks.
    pub by: Concluder,
}

/// Of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Another process has it: a shim lives.
    Held,
    /// We have it.
    Free,
}

/// How a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordEnd<'a> {
    /// With a whole line.
    Clean,
    /// With a line that was not written whole; it counts as absent and is cut off before anything is appended.
    Torn,
    /// With something that no cut explains, a line that cannot be read as one included.
    Damaged {
        /// The very last line of the file, if it is whole and stands behind the damage.
        last: Option<&'a Line>,
    },
}

/// Who asks, and so what a missing GO means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concluder {
    /// An agent that just started and found the directory.
    Start,
    /// The agent that had spawned a shim there.
    ShimGone,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// A shim lives: read and watch.
    ReAttach,
    /// Nothing was promised: delete the directory. The master puts it again.
    Delete,
    /// It ended, and says how.
    AsItSays(Outcome),
    /// Append VOID with this outcome, at the next index.
    AppendVoid(Outcome),
    /// Append EXIT with `unknown` and this reason, and with the last index: whatever is missing before it, and whatever the master
    /// has, it is reported.
    AppendExit {
        /// End what may be left of the job first. Never in another boot.
        sweep: bool,
        /// Why nothing can be proven.
        reason: UnknownReason,
    },
}

/// Decides.
///
/// | lock | record | boot | conclusion |
/// |---|---|---|---|
/// | held | any | any | re-attach |
/// | free | no whole line, no step log | any | delete |
/// | free | the last line, behind whatever damage, is an EXIT with the last index | any | as it says |
/// | free | undamaged, last line VOID or EXIT | any | as it says |
/// | free | undamaged, ACCEPTED, no GO | same | VOID: `cancelled` after a cancel, else `not_started(agent_restart)` at a start, `(shim_failed)` later |
/// | free | undamaged, ACCEPTED, no GO | other | VOID: `cancelled` after a cancel, else `not_started(reboot)` |
/// | free | undamaged, GO, no EXIT | same | sweep, EXIT `unknown(shim_lost)` with the last index |
/// | free | undamaged, GO, no EXIT | other | EXIT `unknown(reboot)` with the last index |
/// | free | damaged | same, or not known | sweep, EXIT `unknown(evidence_damaged)` with the last index |
/// | free | damaged | other | EXIT `unknown(evidence_damaged)` with the last index |
///
/// *Damaged*: so said the reader, an index is missing, the first line is neither ACCEPTED nor VOID, a line stands where none may, or
/// a step has a log without GO.
pub fn conclude(found: Evidence<'_>) -> Conclusion {
    if found.lock == Lock::Held {
        return Conclusion::ReAttach;
    }
    if found.lines.is_empty() && !found.step_log && !matches!(found.end, RecordEnd::Damaged { .. }) {
        return Conclusion::Delete;
    }
    if let Some(outcome) = verdict(&found) {
        return Conclusion::AsItSays(outcome);
    }
    let rebooted = boot_of(found.lines).is_some_and(|boot| boot != found.boot_id);
    if is_damaged(&found) {
        let reason = UnknownReason::EvidenceDamaged;
        return Conclusion::AppendExit { sweep: !rebooted, reason };
    }
    match found.lines.last().map(|line| &line.body) {
        Some(LineBody::Void { outcome } | LineBody::Exit { outcome, .. }) => Conclusion::AsItSays(outcome.clone()),
        Some(LineBody::Accepted { .. }) => Conclusion::AppendVoid(void(&found, rebooted)),
        Some(LineBody::Go | LineBody::StepStarted { .. } | LineBody::StepEnded { .. } | LineBody::Stuck { .. })
        | None => {
            let reason = if rebooted { UnknownReason::Reboot } else { UnknownReason::ShimLost };
            Conclusion::AppendExit { sweep: !rebooted, reason }
        }
    }
}

/// An EXIT with the last index, which is taken whatever is missing before it.
fn verdict(found: &Evidence<'_>) -> Option<Outcome> {
    let last = match found.end {
        RecordEnd::Clean | RecordEnd::Torn => found.lines.last(),
        RecordEnd::Damaged { last } => last,
    }?;
    match &last.body {
        LineBody::Exit { outcome, .. } if last.index == INDEX_LAST => Some(outcome.clone()),
        LineBody::Exit { .. }
        | LineBody::Void { .. }
        | LineBody::Accepted { .. }
        | LineBody::Go
        | LineBody::StepStarted { .. }
        | LineBody::StepEnded { .. }
        | LineBody::Stuck { .. } => None,
    }
}

fn is_damaged(found: &Evidence<'_>) -> bool {
    let unreadable = matches!(found.end, RecordEnd::Damaged { .. });
    let hole = found.lines.iter().zip(1..).any(|(line, index)| line.index != index);
    let log_without_go = found.step_log && !found.lines.iter().any(|line| line.body == LineBody::Go);
    unreadable || hole || log_without_go || !is_in_order(found.lines)
}

/// `ACCEPTED ─▶ GO ─▶ … ─▶ EXIT` or `[ACCEPTED ─▶] VOID`, or a beginning of these.
fn is_in_order(lines: &[Line]) -> bool {
    lines.iter().enumerate().all(|(at, line)| match &line.body {
        LineBody::Accepted { .. } => at == 0,
        LineBody::Go => at == 1,
        LineBody::Void { .. } => at + 1 == lines.len() && at <= 1,
        LineBody::Exit { .. } => at + 1 == lines.len() && at >= 2,
        LineBody::StepStarted { .. } | LineBody::StepEnded { .. } | LineBody::Stuck { .. } => at >= 2,
    })
}

fn boot_of(lines: &[Line]) -> Option<&str> {
    match lines.first().map(|line| &line.body) {
        Some(LineBody::Accepted { boot_id, .. }) => Some(boot_id),
        Some(
            LineBody::Go
            | LineBody::StepStarted { .. }
            | LineBody::StepEnded { .. }
            | LineBody::Stuck { .. }
            | LineBody::Void { .. }
            | LineBody::Exit { .. },
        )
        | None => None,
    }
}

fn void(found: &Evidence<'_>, rebooted: bool) -> Outcome {
    if found.cancelled {
        return Outcome::Cancelled;
    }
    let reason = match found.by {
        Concluder::Start | Concluder::ShimGone if rebooted => NotStarted::Reboot,
        Concluder::Start => NotStarted::AgentRestart,
        Concluder::ShimGone => NotStarted::ShimFailed,
    };
    Outcome::NotStarted { reason }
}

#[cfg(test)]
mod tests;
