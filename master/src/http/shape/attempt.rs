//! Attempts and their steps.

use windlass_core::State;
use windlass_core::attempt::{AttemptPhase, AttemptState, StepState};
use windlass_core::input::LogSeal;
use windlass_proto::api;

use super::digest;

/// An attempt with its steps.
pub(in crate::http) fn attempt(state: &State, attempt: &AttemptState) -> api::Attempt {
    let at = match &attempt.phase {
        AttemptPhase::Placed => api::AttemptState::Placed,
        AttemptPhase::Accepted => api::AttemptState::Accepted,
        AttemptPhase::Running => api::AttemptState::Running,
        AttemptPhase::Ended(_) => api::AttemptState::Ended,
    };
    let agent = state.agents.get(&attempt.agent);
    let steps = (1..).zip(&attempt.steps);
    api::Attempt {
        number: attempt.number.0,
        fence: attempt.fence.to_string(),
        agent: agent.map_or_else(|| attempt.agent.to_string(), |agent| agent.register.name.to_string()),
        why: attempt.why.clone(),
        state: at,
        stuck: attempt.stuck.clone(),
        outcome: attempt.outcome().map(Into::into),
        settlement: attempt.settlement.as_ref().map(Into::into),
        late: attempt.late.as_ref().map(Into::into),
        placed: attempt.placed.into(),
        started: attempt.started.map(Into::into),
        ended: attempt.ended.map(Into::into),
        steps: steps.map(|(number, one)| step(number, one, attempt.outcome().is_some())).collect(),
    }
}

fn step(number: u32, step: &StepState, is_over: bool) -> api::Step {
    let state = match (step.ended.is_some() || is_over, step.started.is_some()) {
        (true, _) => api::StepState::Ended,
        (false, true) => api::StepState::Running,
        (false, false) => api::StepState::Waiting,
    };
    api::Step {
        number,
        name: step.name.clone(),
        state,
        outcome: step.outcome.as_ref().map(Into::into),
        outputs: step.outputs.clone(),
        started: step.started.map(Into::into),
        ended: step.ended.map(Into::into),
        log: step.sealed.as_ref().map(log),
    }
}

fn log(seal: &LogSeal) -> api::StepLog {
    api::StepLog { bytes: seal.total, digest: digest(&seal.digest), gaps: seal.gaps, damaged: seal.damaged }
}
