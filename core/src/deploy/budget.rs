//! What may fail, and what follows where more does: on the way forward by the budget, on the way back by the breaker.

use super::end::{self, End};
use super::settle::REVERTS_MAX;
use super::state::{Deployment, Target};
use super::step::roll_back;
use crate::fact::{DeploymentFact, Fact};
use crate::model::deployment::{DeploymentOutcome, DeploymentPlan, TargetState};
use crate::model::{OnFailure, Pause, Prepare};
use crate::world::State;

/// Up to so many touched targets, one that fails its way back twice stops it; above, two do.
const BREAKER_SMALL: usize = 4;

/// What follows where more failed than batch `k` allows; none if no more did.
pub(super) fn over_budget(
    state: &State,
    deployment: &Deployment,
    plan: &DeploymentPlan,
    k: usize,
) -> Option<Vec<Fact>> {
    let budget = plan.batches.get(k).map_or(0, |batch| batch.budget) + deployment.accepted;
    if deployment.failures <= budget {
        return None;
    }
    let plural = if deployment.failures == 1 { "failure" } else { "failures" };
    let why = format!("{} {plural}, {budget} allowed{}", deployment.failures, failures(deployment));
    // What could not even be prepared, after the first batch, takes nobody back.
    let late = |target: &&Target| target.failed.is_some() && !target.touched && target.batch > 0;
    let late = u32::try_from(deployment.targets.iter().filter(late).count()).unwrap_or(u32::MAX);
    let by_batch = deployment.rules.prepare == Prepare::Batch && deployment.failures - late <= budget;
    let on_failure = if by_batch { OnFailure::Pause } else { deployment.rules.on_failure };
    Some(match on_failure {
        OnFailure::Rollback => roll_back(state, deployment, plan, why, None),
        OnFailure::Stop => end::facts(state, deployment, End::plain(DeploymentOutcome::Aborted, why)),
        OnFailure::Pause if deployment.paused.is_some() => Vec::new(),
        OnFailure::Pause => {
            vec![Fact::Deployment(DeploymentFact::Paused { id: deployment.id.clone(), why: Pause::Failed { why } })]
        }
    })
}

/// `: web2 (production/change@web2 failed(1))`, or nothing.
pub(super) fn failures(deployment: &Deployment) -> String {
    let each: Vec<String> = deployment
        .targets
        .iter()
        .filter_map(|target| Some(format!("{} ({})", target.target.name, target.failed.as_ref()?)))
        .collect();
    if each.is_empty() { String::new() } else { format!(": {}", each.join(", ")) }
}

/// If the way back fails on the old release, the trouble is not the release: what serves is left alone.
pub(super) fn breaker(deployment: &Deployment) -> Option<String> {
    let touched = deployment.targets.iter().filter(|target| target.touched).count();
    let failed: Vec<String> = deployment
        .targets
        .iter()
        .filter(|target| matches!(target.state, TargetState::Stuck { .. }) && target.reverts >= REVERTS_MAX)
        .map(|target| target.target.name.to_string())
        .collect();
    let limit = if touched <= BREAKER_SMALL { 1 } else { 2 };
    let tripped = failed.len() >= limit;
    tripped.then(|| format!("the way back failed on {}; {}", failed.join(", "), deployment.why))
}
