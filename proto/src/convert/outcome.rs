//! How a job or step ended. `reason` is a word, for some followed by `: ` and a text.

use windlass_core::model::{Failure, NotStarted, Outcome, StepOutcome, UnknownReason};

use super::fields::known;
use super::{Error, Result};
use crate::v1::{self, OutcomeKind};

const REASON: &str = "outcome.reason";
const TIMED_OUT: &str = "timed_out";

/// The outcome of a job as it travels.
pub fn to_wire(outcome: &Outcome) -> v1::Outcome {
    match outcome {
        Outcome::Succeeded => plain(OutcomeKind::Succeeded),
        Outcome::Failed { how } => failure(OutcomeKind::Failed, how),
        Outcome::TimedOut => plain(OutcomeKind::TimedOut),
        Outcome::Cancelled => plain(OutcomeKind::Cancelled),
        Outcome::Skipped { why } => because(OutcomeKind::Skipped, why.clone()),
        Outcome::NotStarted { reason } => because(OutcomeKind::NotStarted, reason.to_string()),
        Outcome::Unknown { reason } => because(OutcomeKind::Unknown, reason.to_string()),
    }
}

/// The outcome of a job.
pub fn from_wire(wire: &v1::Outcome) -> Result<Outcome> {
    let kind = known("outcome.kind", wire.kind)?;
    match kind {
        OutcomeKind::Succeeded => Ok(Outcome::Succeeded),
        OutcomeKind::Failed => Ok(Outcome::Failed { how: failure_from(wire)? }),
        OutcomeKind::TimedOut => Ok(Outcome::TimedOut),
        OutcomeKind::Cancelled => Ok(Outcome::Cancelled),
        OutcomeKind::Skipped => Ok(Outcome::Skipped { why: wire.reason.clone() }),
        OutcomeKind::NotStarted => Ok(Outcome::NotStarted { reason: not_started(&wire.reason)? }),
        OutcomeKind::Unknown => Ok(Outcome::Unknown { reason: unknown(&wire.reason)? }),
        OutcomeKind::Tolerated | OutcomeKind::OutcomeUnspecified => Err(not_here(wire)),
    }
}

/// The outcome of a step as it travels.
pub fn step_to_wire(outcome: &StepOutcome) -> v1::Outcome {
    match outcome {
        StepOutcome::Succeeded => plain(OutcomeKind::Succeeded),
        StepOutcome::Failed { how } => failure(OutcomeKind::Failed, how),
        StepOutcome::TimedOut => plain(OutcomeKind::TimedOut),
        StepOutcome::Cancelled => plain(OutcomeKind::Cancelled),
        StepOutcome::Skipped => plain(OutcomeKind::Skipped),
        StepOutcome::Tolerated { how: Some(how) } => failure(OutcomeKind::Tolerated, how),
        StepOutcome::Tolerated { how: None } => because(OutcomeKind::Tolerated, TIMED_OUT.to_owned()),
    }
}

/// The outcome of a step.
pub fn step_from_wire(wire: &v1::Outcome) -> Result<StepOutcome> {
    let kind = known("outcome.kind", wire.kind)?;
    match kind {
        OutcomeKind::Succeeded => Ok(StepOutcome::Succeeded),
        OutcomeKind::Failed => Ok(StepOutcome::Failed { how: failure_from(wire)? }),
        OutcomeKind::TimedOut => Ok(StepOutcome::TimedOut),
        OutcomeKind::Cancelled => Ok(StepOutcome::Cancelled),
        OutcomeKind::Skipped => Ok(StepOutcome::Skipped),
        OutcomeKind::Tolerated if wire.reason == TIMED_OUT => Ok(StepOutcome::Tolerated { how: None }),
        OutcomeKind::Tolerated => Ok(StepOutcome::Tolerated { how: Some(failure_from(wire)?) }),
        OutcomeKind::NotStarted | OutcomeKind::Unknown | OutcomeKind::OutcomeUnspecified => Err(not_here(wire)),
    }
}

fn not_here(wire: &v1::Outcome) -> Error {
    Error::UnknownValue { field: "outcome.kind", value: wire.kind }
}

fn plain(kind: OutcomeKind) -> v1::Outcome {
    because(kind, String::new())
}

fn because(kind: OutcomeKind, reason: String) -> v1::Outcome {
    v1::Outcome { kind: kind.into(), code: 0, signal: 0, reason }
}

fn failure(kind: OutcomeKind, how: &Failure) -> v1::Outcome {
    match how {
        Failure::Code(code) => v1::Outcome { code: i32::from(*code), ..plain(kind) },
        Failure::Signal(signal) => v1::Outcome { signal: *signal, ..plain(kind) },
        Failure::Exec(why) => because(kind, format!("exec: {why}")),
        Failure::Broken(why) => because(kind, format!("broken: {why}")),
    }
}

fn failure_from(wire: &v1::Outcome) -> Result<Failure> {
    match (wire.code, wire.signal, wire.reason.split_once(": ")) {
        (0, 0, Some(("exec", why))) => Ok(Failure::Exec(why.to_owned())),
        (0, 0, Some(("broken", why))) => Ok(Failure::Broken(why.to_owned())),
        (0, signal, None) if signal > 0 => Ok(Failure::Signal(signal)),
        (code, 0, None) if code > 0 => {
            let code = u8::try_from(code).map_err(|_| Error::invalid("outcome.code", "it is above 255"))?;
            Ok(Failure::Code(code))
        }
        _ => Err(Error::invalid("outcome", "it failed neither by code nor by signal nor for a known reason")),
    }
}

fn not_started(reason: &str) -> Result<NotStarted> {
    let (word, text) = match reason.split_once(": ") {
        Some((word, text)) => (word, Some(text.to_owned())),
        None => (reason, None),
    };
    match (word, text) {
        ("busy", None) => Ok(NotStarted::Busy),
        ("disk_low", None) => Ok(NotStarted::DiskLow),
        ("agent_restart", None) => Ok(NotStarted::AgentRestart),
        ("shim_failed", None) => Ok(NotStarted::ShimFailed),
        ("reboot", None) => Ok(NotStarted::Reboot),
        ("denied_by_agent", Some(rule)) => Ok(NotStarted::DeniedByAgent(rule)),
        ("setup_failed", Some(why)) => Ok(NotStarted::SetupFailed(why)),
        ("pipeline", Some(why)) => Ok(NotStarted::Pipeline(why)),
        ("rejected", Some(why)) => Ok(NotStarted::Rejected(why)),
        ("secret", Some(name)) => Ok(NotStarted::Secret(name)),
        _ => Err(Error::invalid(REASON, format!("{reason:?} is no reason not to start"))),
    }
}

fn unknown(reason: &str) -> Result<UnknownReason> {
    match reason {
        "reboot" => Ok(UnknownReason::Reboot),
        "shim_lost" => Ok(UnknownReason::ShimLost),
        "agent_lost" => Ok(UnknownReason::AgentLost),
        "agent_lost_state" => Ok(UnknownReason::AgentLostState),
        "agent_removed" => Ok(UnknownReason::AgentRemoved),
        "evidence_damaged" => Ok(UnknownReason::EvidenceDamaged),
        "restored" => Ok(UnknownReason::Restored),
        _ => Err(Error::invalid(REASON, format!("{reason:?} is no reason for unknown"))),
    }
}
