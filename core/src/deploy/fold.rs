//! What a fact about a release, a deployment or a lane means. A lane is the fold of its facts.

mod lines;

use std::sync::Arc;

use self::lines::{is_absent_again, join, move_target, targets_of};
use super::state::{Deployment, DeploymentState};
use super::targets::seen;
use super::{debts, drift, take_over};
use crate::fact::DeploymentFact;
use crate::job::JobState;
use crate::lane::Lane;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome, DeploymentPlan, TargetState};
use crate::model::{AfterRollback, AgentId, DeploymentId, Duration, Hold, LaneId, Pause, Phase, Release, UnixMs};
use crate::touched::Touched;
use crate::world::{ServiceState, State};

/// Folds one fact. It was decided by this crate, so that nothing here can fail.
pub(crate) fn fold(state: &mut State, at: UnixMs, fact: &DeploymentFact) -> Touched {
    let mut touched = Touched::default();
    match fact {
        DeploymentFact::ReleaseMade { release } => make_release(state, release, &mut touched),
        DeploymentFact::Requested { .. } => request(state, at, fact, &mut touched),
        DeploymentFact::PlanMade { id, plan } => change(state, id, |deployment| {
            deployment.state = DeploymentState::AwaitingApproval;
            deployment.proposed = Some(DeploymentPlan::clone(plan));
            deployment.approvals.clear();
        }),
        DeploymentFact::Approved { id, by, .. } => {
            change(state, id, |deployment| deployment.approvals.push(by.clone()))
        }
        DeploymentFact::TakenOver { .. } => take_over::fold(state, fact),
        DeploymentFact::Started { id, plan } => start(state, at, id, plan),
        DeploymentFact::BatchStarted { id, batch, generation } => {
            change_lane(state, &id.lane, |lane| lane.generation = lane.generation.max(*generation));
            change(state, id, |deployment| {
                deployment.generation = *generation;
                deployment.state = DeploymentState::Changing { batch: *batch };
            });
        }
        DeploymentFact::TargetAdmitted { .. } => admit(state, at, fact),
        DeploymentFact::TargetJoined { id, target, batch, way_back } => {
            change(state, id, |deployment| join(deployment, at, target, *batch, way_back));
        }
        DeploymentFact::TargetMoved { id, target, to, failure } => {
            change(state, id, |deployment| move_target(deployment, at, *target, to, failure.as_deref()));
            debts::moved(state, at, (id, *target), to, failure.as_deref());
            if is_absent_again(state, id, *target, to) {
                change_lane(state, &id.lane, |lane| {
                    lane.touched.remove(target);
                });
            }
        }
        DeploymentFact::Recovered { id, epoch } => change(state, id, |deployment| deployment.epoch = *epoch),
        DeploymentFact::BakeStarted { id, batch } => change(state, id, |deployment| {
            deployment.state = DeploymentState::Baking { batch: *batch, since: at };
        }),
        DeploymentFact::BatchPassed { .. } => {}
        DeploymentFact::RollbackStarted { .. } => roll_back(state, at, fact),
        DeploymentFact::RollbackAsked { id, by, .. } => {
            change(state, id, |deployment| deployment.back_by = Some(by.clone()));
        }
        DeploymentFact::Paused { id, why } => change(state, id, |deployment| deployment.paused = Some(why.clone())),
        DeploymentFact::Resumed { id, .. } => resume(state, at, id),
        DeploymentFact::LaneLocked { lane, by, why } => {
            let hold = Hold { by: Some(by.clone()), why: why.clone(), since: at };
            change_lane(state, lane, |lane| lane.lock = Some(hold));
        }
        DeploymentFact::LaneUnlocked { lane, .. } => change_lane(state, lane, |lane| lane.lock = None),
        DeploymentFact::Allowed { lane, releases, .. } => {
            change_lane(state, lane, |lane| lane.refused.retain(|id, _| !releases.contains(id)));
        }
        DeploymentFact::AllStopped { by, why } => {
            state.stop_all = Some(Hold { by: Some(by.clone()), why: why.clone(), since: at });
            touched.lanes.extend(state.lanes.keys().cloned());
        }
        DeploymentFact::StopLifted { .. } => {
            state.stop_all = None;
            touched.lanes.extend(state.lanes.keys().cloned());
        }
        DeploymentFact::DebtMade { .. }
        | DeploymentFact::DebtEnded { .. }
        | DeploymentFact::TargetBlank { .. }
        | DeploymentFact::CatchUpStopped { .. }
        | DeploymentFact::Converged { .. } => debts::fold(state, at, fact),
        DeploymentFact::TargetForgotten { .. } | DeploymentFact::LaneAdopted { .. } => drift::fold(state, fact),
        DeploymentFact::Ended { .. } => end(state, at, fact),
    }
    if let Some(lane) = fact.lane() {
        touched.lanes.insert(lane.clone());
    }
    if let Some(id) = id_of(fact) {
        touched.deployments.insert(id.clone());
    }
    touched
}

fn id_of(fact: &DeploymentFact) -> Option<&DeploymentId> {
    match fact {
        DeploymentFact::ReleaseMade { .. }
        | DeploymentFact::LaneLocked { .. }
        | DeploymentFact::LaneUnlocked { .. }
        | DeploymentFact::Allowed { .. }
        | DeploymentFact::AllStopped { .. }
        | DeploymentFact::StopLifted { .. }
        | DeploymentFact::DebtMade { .. }
        | DeploymentFact::DebtEnded { .. }
        | DeploymentFact::TargetBlank { .. }
        | DeploymentFact::CatchUpStopped { .. }
        | DeploymentFact::Converged { .. }
        | DeploymentFact::TargetForgotten { .. }
        | DeploymentFact::LaneAdopted { .. } => None,
        DeploymentFact::Requested { id, .. }
        | DeploymentFact::PlanMade { id, .. }
        | DeploymentFact::Approved { id, .. }
        | DeploymentFact::TakenOver { id, .. }
        | DeploymentFact::Started { id, .. }
        | DeploymentFact::BatchStarted { id, .. }
        | DeploymentFact::TargetAdmitted { id, .. }
        | DeploymentFact::TargetJoined { id, .. }
        | DeploymentFact::TargetMoved { id, .. }
        | DeploymentFact::Recovered { id, .. }
        | DeploymentFact::BakeStarted { id, .. }
        | DeploymentFact::BatchPassed { id, .. }
        | DeploymentFact::RollbackStarted { id, .. }
        | DeploymentFact::RollbackAsked { id, .. }
        | DeploymentFact::Paused { id, .. }
        | DeploymentFact::Resumed { id, .. }
        | DeploymentFact::Ended { id, .. } => Some(id),
    }
}

fn change(state: &mut State, id: &DeploymentId, change: impl FnOnce(&mut Deployment)) {
    if let Some(deployment) = state.deployments.get_mut(id) {
        change(Arc::make_mut(deployment));
    }
}

pub(super) fn change_lane(state: &mut State, id: &LaneId, change: impl FnOnce(&mut Lane)) {
    if !state.lanes.contains_key(id) {
        state.lanes.insert_mut(id.clone(), Arc::new(Lane::new(id.clone())));
    }
    if let Some(lane) = state.lanes.get_mut(id) {
        change(Arc::make_mut(lane));
    }
}

fn make_release(state: &mut State, release: &Release, touched: &mut Touched) {
    let service = &release.id.service;
    let next_release = release.id.number + 1;
    let known = state.services.get(service).map_or_else(
        || {
            let ordinal = u32::try_from(state.services.size()).unwrap_or(u32::MAX).saturating_add(1);
            ServiceState { project: release.run.project.clone(), ordinal, next_release }
        },
        |known| ServiceState { next_release, ..known.clone() },
    );
    state.services.insert_mut(service.clone(), known);
    state.releases.insert_mut(release.id.clone(), Arc::new(release.clone()));
    touched.releases.insert(release.id.clone());
}

fn request(state: &mut State, at: UnixMs, fact: &DeploymentFact, touched: &mut Touched) {
    let DeploymentFact::Requested {
        id,
        kind,
        release,
        run,
        entry,
        by,
        reason,
        strategy,
        rules,
        plan,
        takes_over,
        skips_self_test,
    } = fact
    else {
        return;
    };
    let deployment = Deployment {
        id: id.clone(),
        kind: *kind,
        release: release.clone(),
        run: run.clone(),
        entry: entry.clone(),
        by: by.clone(),
        reason: reason.clone(),
        strategy: strategy.clone(),
        rules: *rules,
        wanted: *plan,
        takes_over: *takes_over,
        skips_self_test: *skips_self_test || *takes_over,
        state: DeploymentState::Queued,
        paused: None,
        proposed: None,
        approvals: Vec::new(),
        plan: None,
        epoch: state.epoch,
        generation: 0,
        targets: Vec::new(),
        failures: 0,
        accepted: 0,
        why: String::new(),
        back_by: None,
        requested: at,
        started: None,
        rollback_started: None,
        ended: None,
    };
    change_lane(state, &id.lane, |lane| {
        lane.next_number = id.number + 1;
        if by == super::request::PIPELINE {
            lane.strategy.clone_from(strategy);
            lane.rules = *rules;
        }
        // A way back waits for nobody, and takes nobody's place in the queue.
        if *kind == DeploymentKind::Forward {
            lane.pending = Some(id.clone());
        }
    });
    state.deployments.insert_mut(id.clone(), Arc::new(deployment));
    state.change_job(run, entry, touched, |job| job.state = JobState::Deploying(id.clone()));
}

fn start(state: &mut State, at: UnixMs, id: &DeploymentId, plan: &DeploymentPlan) {
    let epoch = state.epoch;
    let catches_up = state.deployments.get(id).is_some_and(|known| known.kind == DeploymentKind::CatchUp);
    change_lane(state, &id.lane, |lane| {
        let place = if catches_up { &mut lane.catch_up } else { &mut lane.active };
        *place = Some(id.clone());
        lane.pending.take_if(|pending| pending == id);
    });
    change(state, id, |deployment| {
        deployment.targets = targets_of(plan, at);
        deployment.plan = Some(plan.clone());
        deployment.state = DeploymentState::Preparing;
        deployment.started = Some(at);
        deployment.epoch = epoch;
    });
}

fn admit(state: &mut State, at: UnixMs, fact: &DeploymentFact) {
    let DeploymentFact::TargetAdmitted { id, target, phase, generation, job } = fact else { return };
    let touches = *phase != Phase::Prepare;
    let is_stopped = state.stop_all.is_some();
    change(state, id, |deployment| {
        let forward = *phase == Phase::Change;
        assert!(
            !(forward && deployment.rollback_started.is_some()),
            "V10: no forward admission after a rollback of {id}"
        );
        assert!(!is_stopped || deployment.back_by.is_some(), "V16: {id} admits although everything is stopped");
        assert!(deployment.paused.is_none(), "V12: {id} is paused and admits");
        let Some(entry) = deployment.targets.iter_mut().find(|entry| entry.target.agent == *target) else { return };
        entry.state = match phase {
            Phase::Prepare => TargetState::Preparing,
            Phase::Change => TargetState::Changing,
            Phase::Revert => TargetState::Reverting,
        };
        entry.phase = *phase;
        entry.job = Some(job.clone());
        entry.generation = *generation;
        entry.touched |= touches;
        entry.prepares += u32::from(*phase == Phase::Prepare);
        entry.reverts += u32::from(*phase == Phase::Revert);
        entry.since = at;
    });
    change_lane(state, &id.lane, |lane| {
        lane.generation = lane.generation.max(*generation);
        if touches {
            lane.touched.insert(*target);
        }
    });
}

/// A bake begins anew: what a target was healthy before counts no more. After a batch that has passed the next one begins.
fn resume(state: &mut State, at: UnixMs, id: &DeploymentId) {
    let healthy: Vec<(AgentId, Duration)> = state.deployments.get(id).map_or_else(Vec::new, |deployment| {
        let known = deployment.targets.iter().filter_map(|target| {
            let agent = target.target.agent;
            Some((agent, seen(state, &id.lane, agent)?.healthy_for))
        });
        known.collect()
    });
    change(state, id, |deployment| {
        if let Some(Pause::Failed { .. }) = deployment.paused.take() {
            deployment.accepted = deployment.failures;
        }
        let DeploymentState::Baking { since, .. } = &mut deployment.state else { return };
        *since = at;
        for (agent, healthy_for) in healthy {
            let target = deployment.targets.iter_mut().find(|target| target.target.agent == agent);
            target.into_iter().for_each(|target| target.baked_before = healthy_for);
        }
    });
}

fn roll_back(state: &mut State, at: UnixMs, fact: &DeploymentFact) {
    let DeploymentFact::RollbackStarted { id, generation, desired, why, refused, by } = fact else { return };
    change_lane(state, &id.lane, |lane| {
        lane.generation = *generation;
        lane.wants(desired.clone());
        if let Some(release) = refused {
            lane.refused.insert(release.clone(), why.clone());
            lane.last_good.take_if(|good| good == release);
        }
    });
    change(state, id, |deployment| {
        assert!(deployment.rollback_started.is_none(), "V10: {id} rolls back at most once");
        deployment.state = DeploymentState::RollingBack;
        deployment.why.clone_from(why);
        deployment.back_by.clone_from(by);
        deployment.paused = None;
        deployment.rollback_started = Some(at);
    });
}

fn end(state: &mut State, at: UnixMs, fact: &DeploymentFact) {
    let DeploymentFact::Ended { id, outcome, why, desired, last_good, owed } = fact else { return };
    let known = state.deployments.get(id);
    let lines = known.map(|deployment| deployment.targets.clone()).unwrap_or_default();
    let kind = known.map(|deployment| deployment.kind);
    let locks = known.is_some_and(|deployment| deployment.rules.after_rollback == AfterRollback::Lock);
    change(state, id, |deployment| {
        deployment.state = DeploymentState::Ended(*outcome);
        deployment.paused = None;
        deployment.why.clone_from(why);
        deployment.ended = Some(at);
    });
    change_lane(state, &id.lane, |lane| {
        lane.active.take_if(|active| active == id);
        lane.pending.take_if(|pending| pending == id);
        lane.catch_up.take_if(|catch_up| catch_up == id);
        if let Some(desired) = desired {
            lane.wants(Some(desired.clone()));
        }
        if let Some(good) = last_good {
            lane.refused.remove(good);
            lane.last_good = Some(good.clone());
        }
        if let (DeploymentOutcome::Aborted, Some(DeploymentKind::CatchUp)) = (outcome, kind) {
            lane.catch_up_stopped = Some(why.clone());
        }
        if let Some(owed) = owed {
            let line = |agent: &AgentId| lines.iter().find(|line| line.target.agent == *agent);
            lane.owed = owed
                .iter()
                .map(|(agent, why)| (*agent, debts::after(line(agent), lane.owed.remove(agent), why, at)))
                .collect();
        }
        match (outcome, kind) {
            (DeploymentOutcome::RolledBack, _) if !locks => {}
            (DeploymentOutcome::RollbackFailed | DeploymentOutcome::RolledBack, _) => {
                // What a person locked stays locked by that person.
                let failed = || Hold { by: None, why: why.clone(), since: at };
                lane.lock = Some(lane.lock.take().unwrap_or_else(failed));
            }
            // A person's way back that worked is what such a lock waited for.
            (DeploymentOutcome::Succeeded | DeploymentOutcome::Incomplete, Some(DeploymentKind::Rollback)) => {
                lane.lock.take_if(|lock| lock.by.is_none());
            }
            (
                DeploymentOutcome::Succeeded
                | DeploymentOutcome::Incomplete
                | DeploymentOutcome::Aborted
                | DeploymentOutcome::Superseded
                | DeploymentOutcome::Rejected,
                _,
            ) => {}
        }
    });
    forget_older(state, id);
}

/// Of those that are over, a lane keeps the newest rollout and the newest catch-up; the others are in the history.
fn forget_older(state: &mut State, id: &DeploymentId) {
    let catches_up = |deployment: &Deployment| deployment.kind == DeploymentKind::CatchUp;
    let kind = state.deployments.get(id).map(|deployment| catches_up(deployment));
    let first = DeploymentId { lane: id.lane.clone(), number: 0 };
    let last = DeploymentId { lane: id.lane.clone(), number: u64::MAX };
    let over = |deployment: &&Arc<Deployment>| {
        deployment.is_ended() && deployment.id != *id && Some(catches_up(deployment)) == kind
    };
    let old: Vec<DeploymentId> = state
        .deployments
        .range(first..=last)
        .map(|(_, deployment)| deployment)
        .filter(over)
        .map(|deployment| deployment.id.clone())
        .collect();
    for id in old {
        state.deployments.remove_mut(&id);
    }
}
