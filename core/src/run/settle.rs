//! A person's word about a job of which nothing is proven.
//!
//! | the job | then |
//! |---|---|
//! | its last attempt is `unknown` and nobody settled it | `Settled` |
//! | *again*, and it is being cancelled, or a deployment makes its jobs | refused |
//! | its attempt is open on a target that is silent for longer than `lost_after` | given up as `unknown(agent_lost)`, and `Settled` |
//! | anything else | refused: what is proven or settled stays so |

use crate::agent::Presence;
use crate::answer::{Decision, Refusal};
use crate::attempt::AttemptState;
use crate::fact::Fact;
use crate::job::Job;
use crate::model::{JobKey, RunId, Settlement, Settler, UnixMs, UnknownReason, Verdict};
use crate::world::State;

/// See the table above.
pub fn settle(
    state: &State,
    at: UnixMs,
    run: &RunId,
    key: &JobKey,
    verdict: Verdict,
    by: &str,
    reason: &str,
) -> Decision {
    let Some(live) = state.runs.get(run) else { return Decision::refuse(Refusal::RunUnknown(run.clone())) };
    let Some(job) = live.job(key) else { return Decision::refuse(Refusal::JobUnknown(run.clone(), key.clone())) };
    let Some(attempt) = job.attempt() else { return nothing(format!("{key} was not placed yet")) };
    let silent = attempt.outcome().is_none() && is_silent_target(state, at, job, attempt);
    if let Some(why) = objection(job, attempt, silent) {
        return nothing(why);
    }
    if let Some(why) = no_more(job, verdict) {
        return nothing(why);
    }
    let lost = Fact::AttemptLost { fence: attempt.fence, reason: UnknownReason::AgentLost };
    let settled = Fact::Settled {
        run: run.clone(),
        job: key.clone(),
        attempt: attempt.number,
        fence: attempt.fence,
        settlement: Settlement { verdict, by: Settler::Person(by.to_owned()), reason: reason.to_owned() },
    };
    Decision::done(silent.then_some(lost).into_iter().chain([settled]).collect())
}

fn nothing(why: String) -> Decision {
    Decision::refuse(Refusal::NothingToSettle(why))
}

/// Why there is nothing that a person could decide.
fn objection(job: &Job, attempt: &AttemptState, silent: bool) -> Option<String> {
    let what = format!("attempt {} of {}", attempt.number, job.plan.key);
    match (attempt.outcome(), &attempt.settlement) {
        _ if silent => None,
        (None, _) => Some(format!("{what} is open")),
        (Some(_), Some(settled)) => Some(format!("{what} is {settled}")),
        (Some(_), None) if attempt.is_unsettled() && job.outcome().is_none() => None,
        (Some(outcome), None) if attempt.is_unsettled() => Some(format!("{what} is {outcome}, its target settles it")),
        (Some(outcome), None) => Some(format!("{what} is {outcome}")),
    }
}

/// Why there can be no new attempt.
fn no_more(job: &Job, verdict: Verdict) -> Option<String> {
    match verdict {
        Verdict::Succeeded | Verdict::Failed => None,
        Verdict::Again if job.cancel.is_some() => Some(format!("{} is being cancelled", job.plan.key)),
        Verdict::Again if crate::deploy::change_of(job).is_some() => {
            Some(format!("{} belongs to a deployment, which makes its own attempts", job.plan.key))
        }
        Verdict::Again => None,
    }
}

/// Absence alone never ends an attempt on a target; a person may.
fn is_silent_target(state: &State, at: UnixMs, job: &Job, attempt: &AttemptState) -> bool {
    let of_target = crate::deploy::change_of(job).is_some();
    let since = state.agents.get(&attempt.agent).and_then(|agent| match agent.presence {
        Presence::Gone { since } => Some(since),
        Presence::Enrolled | Presence::Connected { .. } => None,
    });
    of_target && since.is_some_and(|since| since.after(state.config.lost_after) <= at)
}
