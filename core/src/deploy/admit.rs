//! Who may be prepared, changed or returned now. Admission is a fact; only after it is the job placed.
//!
//! ```text
//! prepare   the target is here
//! change    the target is in this batch, prepared, and can be changed; no job changes it in any lane; fewer than `at_once` are in change;
//!           it does not serve anyway, or `max_unavailable` leaves room for it
//! revert    the target is here; no job changes it; it is out of service already, or fewer than `rollback_at_once` are in change
//! ```
//! Recovery never waits for what cannot come back: targets that are stuck, unknown or away do not hold a way back.

use super::jobs;
use super::settle::REVERTS_MAX;
use super::state::{Deployment, DeploymentState, Target};
use super::targets::{in_change, is_recovering, obstacle, out, seen, serves};
use crate::fact::{DeploymentFact, Fact};
use crate::model::deployment::{DeploymentKind, TargetState};
use crate::model::{AgentId, Phase, Prepare, json_bytes};
use crate::world::State;

/// Jobs that are admitted together have about so many bytes; the other targets follow in the next round.
const JOBS_BYTES: usize = 256 * 1024;

/// Targets that can be prepared.
pub(super) fn prepares(state: &State, deployment: &Deployment) -> Vec<Fact> {
    let waiting = deployment.targets.iter().filter(|target| target.state == TargetState::Waiting);
    let waiting = waiting.filter(|target| is_prepared_now(deployment, target));
    // What a deployment before this one was changing is waited for.
    let busy = in_change(state);
    let is_free = |agent: AgentId| is_here(state, agent) && !busy.contains(&agent);
    let chosen: Vec<&Target> = waiting.filter(|target| is_free(target.target.agent)).collect();
    facts(state, deployment, &chosen, Phase::Prepare, generation(state, deployment))
}

/// With `prepare: batch` a batch is prepared while the one before it bakes; else all are at once.
pub(super) fn is_prepared_now(deployment: &Deployment, target: &Target) -> bool {
    let last = match (deployment.rules.prepare, &deployment.state) {
        (Prepare::All, _) => return true,
        (Prepare::Batch, DeploymentState::Changing { batch }) => *batch,
        (Prepare::Batch, DeploymentState::Baking { batch, .. }) => batch + 1,
        (
            Prepare::Batch,
            DeploymentState::Queued
            | DeploymentState::AwaitingApproval
            | DeploymentState::Preparing
            | DeploymentState::RollingBack
            | DeploymentState::Ended(_),
        ) => 0,
    };
    target.batch <= last || deployment.kind == DeploymentKind::Rollback
}

/// Targets of a batch that can be changed.
pub(super) fn changes(state: &State, deployment: &Deployment, batch: usize) -> Vec<Fact> {
    let Some(plan) = &deployment.plan else { return Vec::new() };
    let Some(at_once) = plan.batches.get(batch).map(|batch| batch.at_once) else { return Vec::new() };
    if is_recovering(state, deployment) {
        return Vec::new();
    }
    let can = |target: &&Target| {
        let entry = state.agents.get(&target.target.agent);
        entry.is_some_and(|entry| obstacle(state, &deployment.id.lane, entry).is_none())
    };
    let ready = |target: &&Target| target.batch == batch && target.state == TargetState::Prepared;
    let ready = deployment.targets.iter().filter(ready).filter(can);
    let chosen = with_room(state, deployment, ready, at_once, plan.max_unavailable);
    // A catch-up may have raised it meanwhile, and have been at this target.
    facts(state, deployment, &chosen, Phase::Change, generation(state, deployment))
}

/// As many of these as may be taken out of service now, with what is out already (V1), and that nobody else is changing (V11).
pub(super) fn with_room<'a>(
    state: &State,
    deployment: &Deployment,
    ready: impl Iterator<Item = &'a Target>,
    at_once: u32,
    max_unavailable: u32,
) -> Vec<&'a Target> {
    let lane = &deployment.id.lane;
    let busy_anywhere = in_change(state);
    let mut out = out(state, lane);
    let mut busy = count(deployment.targets.iter().filter(|target| target.is_in_change()));
    let mut chosen = Vec::new();
    for target in ready {
        let agent = target.target.agent;
        let free = out.contains(&agent) || !serves(state, lane, agent);
        let room = free || out.len() < usize::try_from(max_unavailable).unwrap_or(usize::MAX);
        if busy < at_once && room && !busy_anywhere.contains(&agent) {
            out.insert(agent);
            busy += 1;
            chosen.push(target);
        }
    }
    chosen
}

/// Targets that can return: those that fail at once, those that serve a few at a time.
pub(super) fn reverts(state: &State, deployment: &Deployment) -> Vec<Fact> {
    let Some(plan) = &deployment.plan else { return Vec::new() };
    if is_recovering(state, deployment) {
        return Vec::new();
    }
    let busy_anywhere = in_change(state);
    let free = |target: &&Target| {
        let agent = target.target.agent;
        let by_hand = seen(state, &deployment.id.lane, agent).is_some_and(|seen| seen.held_by_hand);
        let busy = by_hand || busy_anywhere.contains(&agent);
        is_known(state, deployment, target) && !busy && target.reverts < REVERTS_MAX
    };
    let (well, failing): (Vec<&Target>, Vec<&Target>) = deployment
        .targets
        .iter()
        .filter(|target| returns(deployment, target))
        .filter(free)
        .partition(|target| target.state != TargetState::Unhealthy && serves_now(state, deployment, target));
    let busy = count(deployment.targets.iter().filter(|target| target.is_in_change())) + count(failing.iter());
    let room = usize::try_from(plan.rollback_at_once.saturating_sub(busy)).unwrap_or(usize::MAX);
    let chosen: Vec<&Target> = failing.into_iter().chain(well.into_iter().take(room)).collect();
    let generation = match deployment.state {
        DeploymentState::RollingBack => generation(state, deployment),
        // A way back of one target is fenced against its own change, as every way back is.
        DeploymentState::Queued
        | DeploymentState::AwaitingApproval
        | DeploymentState::Preparing
        | DeploymentState::Changing { .. }
        | DeploymentState::Baking { .. }
        | DeploymentState::Ended(_) => generation(state, deployment) + 1,
    };
    facts(state, deployment, &chosen, Phase::Revert, generation)
}

/// A target that failed within the budget returns alone; in a way back those that were changed do, or all if a person asked for it.
fn returns(deployment: &Deployment, target: &Target) -> bool {
    match (&deployment.state, &target.state) {
        (
            DeploymentState::Changing { .. } | DeploymentState::Baking { .. } | DeploymentState::RollingBack,
            TargetState::Unhealthy,
        ) => true,
        (DeploymentState::RollingBack, TargetState::Confirmed) => true,
        (DeploymentState::RollingBack, TargetState::Prepared) => deployment.kind == DeploymentKind::Rollback,
        (
            DeploymentState::Queued
            | DeploymentState::AwaitingApproval
            | DeploymentState::Preparing
            | DeploymentState::Changing { .. }
            | DeploymentState::Baking { .. }
            | DeploymentState::RollingBack
            | DeploymentState::Ended(_),
            _,
        ) => false,
    }
}

/// The target is here; one that this deployment has not touched has said what it runs, so that it is known to serve or not.
fn is_known(state: &State, deployment: &Deployment, target: &Target) -> bool {
    state.agents.get(&target.target.agent).is_some_and(|agent| match target.touched {
        true => agent.session().is_some(),
        false => obstacle(state, &deployment.id.lane, agent).is_none(),
    })
}

/// A confirmed target counts as serving until it says otherwise.
fn serves_now(state: &State, deployment: &Deployment, target: &Target) -> bool {
    target.state == TargetState::Confirmed || serves(state, &deployment.id.lane, target.target.agent)
}

fn is_here(state: &State, agent: AgentId) -> bool {
    state.agents.get(&agent).is_some_and(|agent| agent.session().is_some())
}

fn generation(state: &State, deployment: &Deployment) -> u64 {
    state.lanes.get(&deployment.id.lane).map_or(0, |lane| lane.generation)
}

fn count<'a, T: 'a>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}

pub(super) fn facts(
    state: &State,
    deployment: &Deployment,
    chosen: &[&Target],
    phase: Phase,
    generation: u64,
) -> Vec<Fact> {
    let mut plans = Vec::new();
    let mut admitted = Vec::new();
    let mut bytes = 0;
    for target in chosen {
        if bytes > JOBS_BYTES {
            break;
        }
        let Some(job) = jobs::job(state, deployment, target, phase, generation) else { continue };
        admitted.push(Fact::Deployment(DeploymentFact::TargetAdmitted {
            id: deployment.id.clone(),
            target: target.target.agent,
            phase,
            generation,
            job: job.key.clone(),
        }));
        bytes += json_bytes(&job);
        plans.push(job);
    }
    if plans.is_empty() {
        return Vec::new();
    }
    let mut facts = vec![Fact::JobsAdded { run: deployment.run.clone(), jobs: plans }];
    facts.extend(admitted);
    facts
}
