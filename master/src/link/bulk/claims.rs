//! What an agent may touch: its present session, its own attempts, and what their envelopes name. Everything else is refused.

use tonic::Status;
use windlass_core::State;
use windlass_core::attempt::AttemptState;
use windlass_core::input::LogSeal;
use windlass_core::model::{Action, AgentId, Builtin, Digest, Envelope, Fence};

use crate::link::Sessions;
use crate::link::sessions::Seat;
use crate::logs::LogName;

/// The seat of a session, if it is the agent's present one.
pub(in crate::link) fn present(sessions: &Sessions, agent: AgentId, session: u64) -> Result<Seat, Status> {
    sessions.present(agent, session).ok_or_else(over)
}

/// The answer to whoever is too late.
pub(super) fn over() -> Status {
    Status::failed_precondition("the session is over")
}

/// An attempt of this agent that is not over.
pub(super) fn open_attempt(state: &State, agent: AgentId, fence: Fence) -> Result<&AttemptState, Status> {
    let own = state.attempt(fence).map(|(_, attempt)| attempt).filter(|attempt| attempt.agent == agent);
    own.filter(|attempt| attempt.outcome().is_none()).ok_or_else(|| {
        tracing::warn!(%agent, %fence, "an agent asked about an attempt that is not its own, or over");
        Status::permission_denied("no open attempt of this agent")
    })
}

/// A log that an agent may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnLog {
    /// Where it lies.
    pub name: LogName,
    /// How long it may become.
    pub quota: u64,
    /// It is whole already.
    pub sealed: Option<LogSeal>,
}

/// The log of a step of an attempt that this agent carries out, or carried out and was not yet told to forget.
pub fn own_log(state: &State, agent: AgentId, fence: Fence, step: u32) -> Option<OwnLog> {
    let place = state.attempts.get(&fence).filter(|place| place.agent == agent)?;
    let (_, attempt) = state.attempt(fence)?;
    let index = usize::try_from(step).ok()?.checked_sub(1)?;
    let sealed = attempt.steps.get(index)?.sealed.clone();
    Some(OwnLog { name: LogName::of(place, step), quota: attempt.envelope.log_quota_bytes, sealed })
}

/// Whether a step of the envelope needs this content.
pub(super) fn names_digest(envelope: &Envelope, digest: &Digest) -> bool {
    builtins(envelope).any(|builtin| match builtin {
        Builtin::Fetch { files } => files.iter().any(|file| file.digest == *digest),
        Builtin::Drain(change)
        | Builtin::Prepare(change)
        | Builtin::Switch(change)
        | Builtin::Check(change)
        | Builtin::Commit(change)
        | Builtin::WayBack(change) => change.artifact == *digest,
        Builtin::Checkout { .. } | Builtin::Put { .. } => false,
    })
}

/// Whether a step of the envelope makes an artifact of this name.
pub(super) fn makes_artifact(envelope: &Envelope, name: &str) -> bool {
    builtins(envelope).any(|builtin| match builtin {
        Builtin::Put { artifacts } => artifacts.iter().any(|artifact| artifact.name == name),
        Builtin::Checkout { .. }
        | Builtin::Fetch { .. }
        | Builtin::Drain(_)
        | Builtin::Prepare(_)
        | Builtin::Switch(_)
        | Builtin::Check(_)
        | Builtin::Commit(_)
        | Builtin::WayBack(_) => false,
    })
}

fn builtins(envelope: &Envelope) -> impl Iterator<Item = &Builtin> {
    envelope.steps.iter().filter_map(|step| match &step.action {
        Action::Builtin(builtin) => Some(builtin),
        Action::Command(_) => None,
    })
}
