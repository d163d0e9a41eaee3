//! How a deployment ends: the outcome of its entry, what becomes of open jobs, and what the lane wants, keeps and owes afterwards.

use std::collections::BTreeMap;

use super::settle;
use super::state::{Deployment, Target};
use super::targets::{seen, targets, was_touched};
use crate::fact::{DeploymentFact, Fact};
use crate::job::JobState;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome, DeploymentPlan, TargetState};
use crate::model::{AgentId, Failure, NotStarted, Outcome, Phase, ReleaseId, Running, WayBack};
use crate::world::State;

/// Who stops jobs when nobody else did.
pub(super) const WINDLASS: &str = "windlass";

/// How it ends, and what the lane makes of it.
pub(super) struct End {
    outcome: DeploymentOutcome,
    why: String,
    desired: Option<ReleaseId>,
    last_good: Option<ReleaseId>,
    owed: Option<BTreeMap<AgentId, String>>,
}

impl End {
    /// An end that changes nothing for the lane.
    pub(super) fn plain(outcome: DeploymentOutcome, why: String) -> Self {
        Self { outcome, why, desired: None, last_good: None, owed: None }
    }
}

impl End {
    /// A person ends it where it is, and says what the lane wants.
    pub(super) fn holding(desired: ReleaseId, why: String) -> Self {
        Self { desired: Some(desired), ..Self::plain(DeploymentOutcome::Aborted, why) }
    }
}

/// The facts of an end: of the deployment, of its entry, and of jobs that nobody waits for any more.
pub(super) fn facts(state: &State, deployment: &Deployment, end: End) -> Vec<Fact> {
    let mut facts = vec![
        Fact::Deployment(DeploymentFact::Ended {
            id: deployment.id.clone(),
            outcome: end.outcome,
            why: end.why.clone(),
            desired: end.desired,
            last_good: end.last_good,
            owed: end.owed,
        }),
        Fact::JobEnded {
            run: deployment.run.clone(),
            job: deployment.entry.clone(),
            outcome: entry_outcome(deployment, end.outcome, &end.why),
        },
    ];
    let why = format!("{} {}", deployment.id, end.outcome.word());
    facts.extend(deployment.targets.iter().filter_map(|target| cancel_idle(state, deployment, target, &why)));
    facts
}

fn entry_outcome(deployment: &Deployment, outcome: DeploymentOutcome, why: &str) -> Outcome {
    match outcome {
        // The entry is whole by its own rules; the deployment keeps the word, and the lane the debts.
        DeploymentOutcome::Incomplete if deployment.rules.accept_incomplete => Outcome::Succeeded,
        DeploymentOutcome::Succeeded => Outcome::Succeeded,
        DeploymentOutcome::Rejected => Outcome::NotStarted { reason: NotStarted::Rejected(why.to_owned()) },
        DeploymentOutcome::Superseded => Outcome::Skipped { why: why.to_owned() },
        DeploymentOutcome::Aborted => Outcome::Cancelled,
        DeploymentOutcome::Incomplete | DeploymentOutcome::RolledBack | DeploymentOutcome::RollbackFailed => {
            Outcome::Failed { how: Failure::Code(outcome.exit_code()) }
        }
    }
}

/// Jobs that wait, and jobs that only prepare, are stopped; a change or way back that an agent holds reaches its end.
fn cancel_idle(state: &State, deployment: &Deployment, target: &Target, why: &str) -> Option<Fact> {
    let job = settle::job(state, deployment, target)?;
    let idle = match job.state {
        JobState::Waiting => true,
        JobState::Attempting | JobState::Held => target.phase == Phase::Prepare,
        JobState::Deploying(_) | JobState::Ended(_) => false,
    };
    (idle && job.cancel.is_none()).then(|| cancel(deployment, target, why)).flatten()
}

/// Asks to stop the change of a target, if one is open: it takes its own way back. A way back reaches its end.
pub(super) fn cancel_change(state: &State, deployment: &Deployment, target: &Target, why: &str) -> Option<Fact> {
    let job = settle::job(state, deployment, target)?;
    let of_change = super::change_of(job).is_some_and(|change| change.phase == Phase::Change);
    let open = job.outcome().is_none() && job.cancel.is_none();
    (of_change && open).then(|| cancel(deployment, target, why)).flatten()
}

/// Asks to stop the newest job of a target.
fn cancel(deployment: &Deployment, target: &Target, why: &str) -> Option<Fact> {
    Some(Fact::CancelAsked {
        run: deployment.run.clone(),
        job: target.job.clone()?,
        by: WINDLASS.to_owned(),
        why: why.to_owned(),
        force: false,
    })
}

/// After the last bake: every target of the lane confirmed, or the others are owed the release.
pub(super) fn forward(state: &State, deployment: &Deployment, plan: &DeploymentPlan) -> Vec<Fact> {
    let lane = &deployment.id.lane;
    let all = targets(state, &lane.environment);
    let owed: BTreeMap<AgentId, String> =
        all.iter().filter_map(|agent| Some((agent.id, missing(deployment.target(agent.id))?))).collect();
    let (total, confirmed) = (all.len(), all.len() - owed.len());
    let whole = owed.is_empty();
    let good = whole || (deployment.failures == 0 && confirmed * 100 >= total * 90);
    let release = &deployment.release;
    let outcome = if whole { DeploymentOutcome::Succeeded } else { DeploymentOutcome::Incomplete };
    let why = format!("{confirmed} of {total} confirmed on {}{}", plan.name, named(state, &owed));
    let end = End {
        outcome,
        why,
        desired: Some(release.clone()),
        last_good: good.then(|| release.clone()),
        owed: Some(owed),
    };
    facts(state, deployment, end)
}

/// Why a target does not run the new release; none if it is confirmed.
fn missing(target: Option<&Target>) -> Option<String> {
    let Some(target) = target else { return Some("it joined late".to_owned()) };
    let failure = || target.failed.clone().unwrap_or_else(|| target.state.word().to_owned());
    match &target.state {
        TargetState::Confirmed => None,
        TargetState::Owed { why } => Some(why.clone()),
        TargetState::Stuck { why } => Some(format!("stuck: {why}")),
        TargetState::Reverted => Some(format!("it went back: {}", failure())),
        TargetState::Unknown => Some("silent after it was touched".to_owned()),
        TargetState::Waiting
        | TargetState::Preparing
        | TargetState::Prepared
        | TargetState::Changing
        | TargetState::Unhealthy
        | TargetState::Reverting => Some(failure()),
    }
}

/// After a way back: every touched target is on it, or named.
pub(super) fn back(state: &State, deployment: &Deployment, plan: &DeploymentPlan) -> Vec<Fact> {
    let owed = owed_after_way_back(state, deployment);
    let names = named(state, &owed);
    let concerned =
        deployment.targets.iter().filter(|target| target.touched || deployment.kind == DeploymentKind::Rollback);
    let reverted = concerned.clone().filter(|target| target.state == TargetState::Reverted).count();
    let counts = format!("{reverted} of {} on their way back{names}", concerned.count());
    let end = match deployment.kind {
        DeploymentKind::Forward | DeploymentKind::CatchUp => End {
            owed: Some(owed),
            ..End::plain(DeploymentOutcome::RolledBack, format!("{}; {counts}", deployment.why))
        },
        DeploymentKind::Rollback => {
            let whole = owed.is_empty();
            let outcome = if whole { DeploymentOutcome::Succeeded } else { DeploymentOutcome::Incomplete };
            End {
                outcome,
                why: format!("{counts} to {}", plan.name),
                desired: None,
                last_good: whole.then(|| deployment.release.clone()),
                owed: Some(owed),
            }
        }
    };
    facts(state, deployment, end)
}

/// What is not proven to be on the desired release: touched and not back, back elsewhere, or owed before and still not there.
fn owed_after_way_back(state: &State, deployment: &Deployment) -> BTreeMap<AgentId, String> {
    let id = &deployment.id.lane;
    let Some(lane) = state.lanes.get(id) else { return BTreeMap::new() };
    let desired = lane.desired.as_ref().and_then(|id| state.releases.get(id)).map(|release| release.name());
    let mut owed = BTreeMap::new();
    for agent in targets(state, &id.environment) {
        let before = lane.owed.get(&agent.id).map(|debt| debt.why.clone());
        let target = deployment.target(agent.id);
        let concerned = target.filter(|target| target.touched || deployment.kind == DeploymentKind::Rollback);
        let why = match concerned {
            Some(target) if target.state == TargetState::Reverted => went_elsewhere(target, desired.as_deref()),
            Some(target) => missing(Some(target)).or_else(|| Some("it was not returned".to_owned())),
            None => untouched(state, deployment, agent.id, desired.as_deref(), before),
        };
        if let Some(why) = why {
            owed.insert(agent.id, why);
        }
    }
    owed
}

fn went_elsewhere(target: &Target, desired: Option<&str>) -> Option<String> {
    match &target.way_back {
        WayBack::Release(name) if Some(name.as_str()) == desired => None,
        WayBack::Release(name) => Some(format!("it went back to {name}")),
        WayBack::Absent => desired.is_some().then(|| "nothing ran there before".to_owned()),
    }
}

fn untouched(
    state: &State,
    deployment: &Deployment,
    agent: AgentId,
    desired: Option<&str>,
    before: Option<String>,
) -> Option<String> {
    let desired = desired?;
    let seen = seen(state, &deployment.id.lane, agent);
    let is_drained = seen.is_some_and(|seen| seen.drained);
    match seen.map(|seen| &seen.running) {
        Some(Running::Release(name)) if name == desired => is_drained.then(|| "it is out of traffic".to_owned()),
        Some(Running::Release(name)) => Some(before.unwrap_or_else(|| format!("it runs {name}"))),
        // What it runs is not known before it is back.
        None if was_touched(state, &deployment.id.lane, agent) => Some(before.unwrap_or_else(|| "away".to_owned())),
        Some(Running::Other(_) | Running::Nothing) if was_touched(state, &deployment.id.lane, agent) => before,
        Some(Running::Other(_) | Running::Nothing) | None => before.or_else(|| Some("it joined late".to_owned())),
    }
}

/// `; owed: web3 (away)`, or nothing.
fn named(state: &State, owed: &BTreeMap<AgentId, String>) -> String {
    let name = |agent: &AgentId| {
        state.agents.get(agent).map_or_else(|| agent.to_string(), |agent| agent.register.name.to_string())
    };
    let each: Vec<String> = owed.iter().map(|(agent, why)| format!("{} ({why})", name(agent))).collect();
    if each.is_empty() { String::new() } else { format!("; owed: {}", each.join(", ")) }
}
