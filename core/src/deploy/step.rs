//! One round of a deployment: what now follows from where it and its targets are. Rows as in the machine of `state`.
//!
//! | from | guard | then |
//! |---|---|---|
//! | queued | lane free, not locked, its targets heard; allowed · not | preparing · rejected |
//! | queued, awaiting_approval | the same, and the plan (another one than before) needs approvals | awaiting_approval |
//! | awaiting_approval | so many people approved exactly the plan that would be made now | preparing |
//! | preparing | more not prepared than the first budget, or none prepared | rejected |
//! | preparing | all others prepared | changing(0), generation + 1 |
//! | preparing, changing(k), baking(k) | everything is stopped | paused |
//! | paused | more failures than the budget of batch k, not everything is stopped | rolling_back |
//! | changing(k), baking(k) | more failures than the budget of batch k and those accepted | rolling_back, generation + 1; or paused |
//! | changing(k) | every target of the batch confirmed, failed within the budget, or owed | baking(k) |
//! | baking(k) | all confirmed ones healthy, those of the batch for the whole bake | changing(k+1), or the end |
//! | baking(k) | the same, and a person promotes it | paused; resumed, changing(k+1) |
//! | baking(k) | no target is confirmed so far, and nothing that failed was accepted | rolling_back; rejected if none was touched |
//! | rolling_back | changes in flight | are cancelled; each takes its own way back |
//! | rolling_back | 2 targets (1 of up to 4 touched) fail twice on the way back | rollback_failed |
//! | rolling_back | everything is stopped, and no person asked | admits nothing |
//! | rolling_back | every touched target back, or named | rolled_back (of a person's: succeeded, incomplete) |

use super::budget::{breaker, failures, over_budget};
use super::catch_up;
use super::drift::highest;
use super::join;
use super::plan::{Wish, desired_back, forward};
use super::request::is_forward;
use super::settle::settle;
use super::state::{Deployment, DeploymentState, Target};
use super::take_over;
use super::targets::{all_heard_at, has_heard_touched, is_recovering, runs, seen};
use super::{admit, end};
use crate::answer::Refusal;
use crate::fact::{DeploymentFact, Fact};
use crate::model::deployment::{Batch, DeploymentKind, DeploymentOutcome, DeploymentPlan, TargetState};
use crate::model::{Approvals, DeploymentId, Duration, Health, Pause, Promote, ReleaseId, UnixMs};
use crate::world::State;

/// A master that was away for longer asks a person before it goes on.
const AWAY_MAX: Duration = Duration::from_secs(15 * 60);

/// The facts that follow now; none if nothing is due.
pub(super) fn step(state: &State, at: UnixMs, deployment: &Deployment) -> Vec<Fact> {
    let Some(plan) = &deployment.plan else { return start(state, at, deployment) };
    if deployment.is_ended() {
        return Vec::new();
    }
    if is_recovering(state, deployment) && has_heard_touched(state, deployment, at) {
        return recovered(state, deployment);
    }
    let moves = moves(state, at, deployment);
    if !moves.is_empty() {
        return moves;
    }
    if deployment.kind == DeploymentKind::CatchUp {
        return catch_up::step(state, deployment, plan);
    }
    if let Some(held) = held(state, deployment, plan) {
        return held;
    }
    let joined = join::joins(state, deployment, plan);
    if !joined.is_empty() {
        return joined;
    }
    match deployment.state {
        DeploymentState::Preparing => preparing(state, deployment, plan),
        DeploymentState::Changing { batch } => changing(state, deployment, plan, batch),
        DeploymentState::Baking { batch, .. } => baking(state, deployment, plan, batch),
        DeploymentState::RollingBack => rolling_back(state, deployment, plan),
        DeploymentState::Queued | DeploymentState::AwaitingApproval | DeploymentState::Ended(_) => Vec::new(),
    }
}

/// After a long time nobody knows whether what was begun is still wanted; a way back always is.
fn recovered(state: &State, deployment: &Deployment) -> Vec<Fact> {
    let id = deployment.id.clone();
    let mut facts = vec![Fact::Deployment(DeploymentFact::Recovered { id: id.clone(), epoch: state.epoch })];
    let goes_by_itself = deployment.state == DeploymentState::RollingBack || deployment.kind == DeploymentKind::CatchUp;
    if state.away > AWAY_MAX && deployment.paused.is_none() && !goes_by_itself {
        let why = Pause::Recovered { away: state.away };
        facts.push(Fact::Deployment(DeploymentFact::Paused { id, why }));
    }
    facts
}

/// What follows where nothing is admitted; none: it goes on.
fn held(state: &State, deployment: &Deployment, plan: &DeploymentPlan) -> Option<Vec<Fact>> {
    let batch = match deployment.state {
        DeploymentState::Preparing => None,
        DeploymentState::Changing { batch } | DeploymentState::Baking { batch, .. } => Some(batch),
        DeploymentState::Queued
        | DeploymentState::AwaitingApproval
        | DeploymentState::RollingBack
        | DeploymentState::Ended(_) => return None,
    };
    match (&state.stop_all, &deployment.paused) {
        (None, None) => None,
        (Some(stop), None) => {
            let by = stop.by.clone().unwrap_or_default();
            let why = Pause::StopAll { by, why: stop.why.clone() };
            Some(vec![Fact::Deployment(DeploymentFact::Paused { id: deployment.id.clone(), why })])
        }
        (Some(_), Some(_)) => Some(Vec::new()),
        // What fails while it is paused goes back all the same.
        (None, Some(_)) => Some(batch.and_then(|k| over_budget(state, deployment, plan, k)).unwrap_or_default()),
    }
}

/// When a waiting deployment is looked at again: its targets count as heard by then, or its freeze is over.
pub(super) fn starts_at(state: &State, at: UnixMs, deployment: &Deployment) -> Option<UnixMs> {
    let heard = || all_heard_at(state, &deployment.id.lane);
    let frozen = if deployment.takes_over { None } else { frozen_until(state, at, deployment) };
    is_next(state, deployment).then(|| frozen.or_else(heard)).flatten()
}

fn frozen_until(state: &State, at: UnixMs, deployment: &Deployment) -> Option<UnixMs> {
    let rails = state.config.environments.get(&deployment.id.lane.environment)?;
    rails.frozen_until(at).map(|(end, _)| end)
}

/// Nothing but time stands against it.
fn is_next(state: &State, deployment: &Deployment) -> bool {
    let waits = matches!(deployment.state, DeploymentState::Queued | DeploymentState::AwaitingApproval);
    let Some(lane) = state.lanes.get(&deployment.id.lane) else { return false };
    let is_free = match deployment.takes_over {
        true => take_over::is_open(state, lane).is_ok(),
        false => lane.active.is_none() && lane.lock.is_none(),
    };
    waits && state.stop_all.is_none() && is_free
}

fn start(state: &State, at: UnixMs, deployment: &Deployment) -> Vec<Fact> {
    if !is_next(state, deployment) || starts_at(state, at, deployment).is_some_and(|time| at < time) {
        // What it would have taken over is over.
        return take_over::came_too_late(state, deployment).map_or_else(Vec::new, |why| reject(state, deployment, why));
    }
    match planned(state, deployment) {
        Ok(plan) => {
            let is_proposed = deployment.proposed.as_ref() == Some(&plan);
            let (id, plan, required) = (deployment.id.clone(), Box::new(plan), approvals(state, deployment).required);
            let approved = is_proposed && deployment.approvals.len() >= required as usize;
            match (required == 0 || approved, is_proposed) {
                (true, _) => take_over::started(state, deployment, id, plan),
                (false, false) => vec![Fact::Deployment(DeploymentFact::PlanMade { id, plan })],
                (false, true) => Vec::new(),
            }
        }
        Err(refusal) => reject(state, deployment, refusal.to_string()),
    }
}

/// What the environment demands.
pub(super) fn approvals(state: &State, deployment: &Deployment) -> Approvals {
    let rails = state.config.environments.get(&deployment.id.lane.environment);
    rails.map(|rails| rails.approvals_of(deployment.takes_over).clone()).unwrap_or_default()
}

fn planned(state: &State, deployment: &Deployment) -> Result<DeploymentPlan, Refusal> {
    is_forward(state, deployment)?;
    let unknown = || Refusal::ReleaseUnknown(deployment.release.to_string());
    let release = state.releases.get(&deployment.release).ok_or_else(unknown)?;
    let instead_of = deployment.takes_over.then(|| take_over::old(state, &deployment.id.lane)).flatten();
    let wish = Wish { id: &deployment.id, release, strategy: &deployment.strategy, instead_of };
    let plan = forward(state, &wish)?;
    let now = plan.digest();
    match deployment.wanted {
        Some(wanted) if wanted != now => Err(Refusal::PlanChanged { now }),
        Some(_) | None => Ok(plan),
    }
}

fn reject(state: &State, deployment: &Deployment, why: String) -> Vec<Fact> {
    end::facts(state, deployment, end::End::plain(DeploymentOutcome::Rejected, why))
}

fn moves(state: &State, at: UnixMs, deployment: &Deployment) -> Vec<Fact> {
    let moved = deployment.targets.iter().filter_map(|target| {
        let settled = settle(state, at, deployment, target)?;
        Some(Fact::Deployment(DeploymentFact::TargetMoved {
            id: deployment.id.clone(),
            target: target.target.agent,
            to: settled.to,
            failure: settled.failure,
        }))
    });
    moved.collect()
}

fn preparing(state: &State, deployment: &Deployment, plan: &DeploymentPlan) -> Vec<Fact> {
    let budget = plan.batches.first().map_or(0, |batch| batch.budget);
    if deployment.failures > budget {
        let why = format!("{} not prepared, {budget} allowed{}", deployment.failures, failures(deployment));
        return reject(state, deployment, why);
    }
    let admitted = admit::prepares(state, deployment);
    if !admitted.is_empty() {
        return admitted;
    }
    let open = |target: &Target| {
        let waits = matches!(target.state, TargetState::Waiting | TargetState::Preparing);
        waits && admit::is_prepared_now(deployment, target)
    };
    if deployment.targets.iter().any(open) {
        return Vec::new();
    }
    if !deployment.targets.iter().any(|target| target.state == TargetState::Prepared) {
        return reject(state, deployment, format!("no target could be prepared{}", failures(deployment)));
    }
    let generation = highest(state, &deployment.id.lane) + 1;
    vec![Fact::Deployment(DeploymentFact::BatchStarted { id: deployment.id.clone(), batch: 0, generation })]
}

fn changing(state: &State, deployment: &Deployment, plan: &DeploymentPlan, k: usize) -> Vec<Fact> {
    if let Some(facts) = over_budget(state, deployment, plan, k) {
        return facts;
    }
    let mut admitted = admit::reverts(state, deployment);
    if admitted.is_empty() {
        admitted = admit::changes(state, deployment, k);
        admitted.extend(admit::prepares(state, deployment));
    }
    if !admitted.is_empty() {
        return admitted;
    }
    let done = deployment.targets.iter().filter(|target| target.batch == k).all(is_settled);
    if !done {
        return Vec::new();
    }
    vec![Fact::Deployment(DeploymentFact::BakeStarted { id: deployment.id.clone(), batch: k })]
}

/// Confirmed, failed and left where it is, or owed.
pub(super) fn is_settled(target: &Target) -> bool {
    match target.state {
        TargetState::Confirmed
        | TargetState::Reverted
        | TargetState::Stuck { .. }
        | TargetState::Unknown
        | TargetState::Owed { .. } => true,
        TargetState::Waiting
        | TargetState::Preparing
        | TargetState::Prepared
        | TargetState::Changing
        | TargetState::Unhealthy
        | TargetState::Reverting => false,
    }
}

fn baking(state: &State, deployment: &Deployment, plan: &DeploymentPlan, k: usize) -> Vec<Fact> {
    if let Some(facts) = over_budget(state, deployment, plan, k) {
        return facts;
    }
    let mut admitted = admit::reverts(state, deployment);
    admitted.extend(admit::prepares(state, deployment));
    if !admitted.is_empty() {
        return admitted;
    }
    let so_far = || deployment.targets.iter().filter(|target| target.batch <= k);
    if !so_far().all(is_settled) {
        return Vec::new();
    }
    let confirmed = || so_far().filter(|target| target.state == TargetState::Confirmed);
    // Unless a person accepted what failed.
    if confirmed().next().is_none() && deployment.accepted == 0 {
        let why = format!("no target of batch {} is confirmed{}", k + 1, failures(deployment));
        return roll_back(state, deployment, plan, why, None);
    }
    let Some(batch) = plan.batches.get(k) else { return Vec::new() };
    if !confirmed().all(|target| bakes(state, deployment, plan, target, batch, k)) {
        return Vec::new();
    }
    let passed = DeploymentFact::BatchPassed { id: deployment.id.clone(), batch: k };
    let mut facts = vec![Fact::Deployment(passed)];
    if batch.promote == Promote::Manual {
        facts.push(Fact::Deployment(DeploymentFact::Paused { id: deployment.id.clone(), why: Pause::Promote }));
    } else if k + 1 < plan.batches.len() {
        let (id, generation) = (deployment.id.clone(), deployment.generation);
        facts.push(Fact::Deployment(DeploymentFact::BatchStarted { id, batch: k + 1, generation }));
    } else {
        facts.extend(end::forward(state, deployment, plan));
    }
    facts
}

/// The target says now that it runs the release of this generation, healthy; one of the batch has been so for the whole bake.
fn bakes(
    state: &State,
    deployment: &Deployment,
    plan: &DeploymentPlan,
    target: &Target,
    batch: &Batch,
    k: usize,
) -> bool {
    let wanted = if target.batch == k { batch.bake } else { Duration::default() };
    seen(state, &deployment.id.lane, target.target.agent).is_some_and(|seen| {
        let names = runs(seen, &plan.name) && seen.generation == target.generation;
        // Below what it was when the bake began anew, it was not healthy for a moment since.
        let before = if seen.healthy_for < target.baked_before { Duration::default() } else { target.baked_before };
        names && seen.health == Health::Healthy && seen.healthy_for >= Duration::from_ms(before.ms() + wanted.ms())
    })
}

/// The way back of a forward deployment; if nothing was touched there is nothing to take back.
pub(super) fn roll_back(
    state: &State,
    deployment: &Deployment,
    plan: &DeploymentPlan,
    why: String,
    by: Option<String>,
) -> Vec<Fact> {
    if !deployment.has_touched() {
        return reject(state, deployment, why);
    }
    let desired = desired_back(plan);
    let refused = (desired.as_ref() != Some(&deployment.release)).then(|| deployment.release.clone());
    vec![rollback_started(state, &deployment.id, desired, refused, why, by)]
}

/// The lane's generation rises with every way back.
pub(super) fn rollback_started(
    state: &State,
    id: &DeploymentId,
    desired: Option<ReleaseId>,
    refused: Option<ReleaseId>,
    why: String,
    by: Option<String>,
) -> Fact {
    let generation = highest(state, &id.lane) + 1;
    Fact::Deployment(DeploymentFact::RollbackStarted { id: id.clone(), generation, desired, why, refused, by })
}

fn rolling_back(state: &State, deployment: &Deployment, plan: &DeploymentPlan) -> Vec<Fact> {
    let may_change = |target: &&Target| {
        let changing = matches!(target.state, TargetState::Changing | TargetState::Unknown);
        changing && deployment.kind == DeploymentKind::Forward
    };
    let changing = deployment.targets.iter().filter(may_change);
    let cancelled: Vec<Fact> =
        changing.filter_map(|target| end::cancel_change(state, deployment, target, &deployment.why)).collect();
    if !cancelled.is_empty() {
        return cancelled;
    }
    if let Some(why) = breaker(deployment) {
        return end::facts(state, deployment, end::End::plain(DeploymentOutcome::RollbackFailed, why));
    }
    let all = deployment.kind == DeploymentKind::Rollback;
    let is_held = state.stop_all.is_some() && deployment.back_by.is_none();
    let mut admitted = if all { admit::prepares(state, deployment) } else { Vec::new() };
    if !is_held {
        admitted.extend(admit::reverts(state, deployment));
    }
    if !admitted.is_empty() {
        return admitted;
    }
    let over = |target: &Target| is_settled(target) && target.state != TargetState::Confirmed;
    let done = deployment.targets.iter().filter(|target| target.touched || all).all(over);
    if done { end::back(state, deployment, plan) } else { Vec::new() }
}
