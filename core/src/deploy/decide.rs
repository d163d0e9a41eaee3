//! What people ask of deployments. A refusal names the thing and the arithmetic; nothing is recorded for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::end::{self, End};
use super::plan::{self, next_deployment, strategy};
use super::request::{allowed, supersede_pending};
use super::state::{Deployment, DeploymentState};
use super::step::{roll_back, rollback_started};
use super::take_over;
use super::targets::all_heard_at;
use crate::answer::{Answer, Decision, Refusal};
use crate::fact::{DeploymentFact, Fact};
use crate::input::Manner;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome};
use crate::model::{
    BatchSpec, Commit, DeployWork, DeploymentId, Digest, JobKey, JobPlan, LaneId, Release, ReleaseId, Rules, RunId,
    RunIf, RunPlan, Trigger, TriggerKind, Trust, UnixMs, Work,
};
use crate::run::decide::next_run;
use crate::world::State;

/// A person deploys a release that exists, in a run of its own. An order between releases does not hold for a person; who may
/// deploy here, and from which branch, does.
pub fn decide_deploy(
    state: &State,
    at: UnixMs,
    lane: &LaneId,
    release: Option<ReleaseId>,
    plan: Option<Digest>,
    manner: Manner,
    (by, reason): (&str, &str),
) -> Decision {
    let release = match chosen(state, lane, release) {
        Ok(release) => release,
        Err(refusal) => return Decision::refuse(refusal),
    };
    let allowed = may_ask(state, lane, release, by).and_then(|()| match manner {
        Manner { take_over: true, .. } => take_over::may(state, lane, release, plan),
        Manner { downgrade: true, .. } => may_deploy(state, at, lane, release, plan),
        Manner { .. } => {
            may_deploy(state, at, lane, release, plan).and_then(|()| is_no_downgrade(state, lane, release))
        }
    });
    if let Err(refusal) = allowed {
        return Decision::refuse(refusal);
    }
    let id = next_deployment(state, lane);
    let asked = Asked { at, by, reason, strategy: strategy(state, lane), rules: rules(state, lane) };
    let mut facts = supersede_pending(state, lane, &id);
    let run = own_run(state, lane, release, &asked, &mut facts);
    facts.push(requested(&id, DeploymentKind::Forward, release, &run, &asked, (plan, manner)));
    Decision { facts, answer: Answer::Deployment { deployment: id, run } }
}

fn may_ask(state: &State, lane: &LaneId, release: &Release, by: &str) -> Result<(), Refusal> {
    let owner = state.services.get(&lane.service).ok_or_else(|| Refusal::NoRelease(lane.service.to_string()))?;
    allowed(state, lane, &owner.project, &release.branch, by)
}

fn may_deploy(
    state: &State,
    at: UnixMs,
    lane: &LaneId,
    release: &Release,
    wanted: Option<Digest>,
) -> Result<(), Refusal> {
    let is_open = state.lanes.get(lane).is_none_or(|lane| lane.active.is_none() && lane.lock.is_none() && !lane.fenced);
    let rails = state.config.environments.get(&lane.environment);
    let is_frozen = rails.is_some_and(|rails| rails.frozen_until(at).is_some());
    let is_free = is_open && !is_frozen && state.stop_all.is_none();
    let is_heard = all_heard_at(state, lane).is_none_or(|heard| heard <= at);
    match wanted {
        Some(wanted) => {
            let now = plan::plan(state, lane, release)?.digest();
            if now == wanted { Ok(()) } else { Err(Refusal::PlanChanged { now }) }
        }
        // What keeps it from starting now may have passed when its turn comes.
        None if is_free && is_heard => plan::plan(state, lane, release).map(drop),
        None => Ok(()),
    }
}

/// A person returns a lane to an earlier release. An active deployment takes its way back; else a deployment of kind `rollback`
/// begins at once: no lock, queue, budget or refusal is read on the way back.
pub fn decide_rollback(
    state: &State,
    at: UnixMs,
    lane: &LaneId,
    to: Option<ReleaseId>,
    by: &str,
    reason: &str,
) -> Decision {
    let made = match (active(state, lane), to) {
        (Some(active), None) => return decide_abort(state, &active.id, None, by, reason),
        (Some(active), Some(_)) => Err(Refusal::Rejected(format!(
            "{} is active and can only return as its plan says: leave the release out",
            active.id
        ))),
        (None, to) => {
            let (strategy, rules) = (strategy(state, lane), rules(state, lane));
            rollback(state, lane, to, Asked { at, by, reason, strategy, rules })
        }
    };
    made.unwrap_or_else(Decision::refuse)
}

fn rollback(state: &State, lane: &LaneId, to: Option<ReleaseId>, asked: Asked<'_>) -> Result<Decision, Refusal> {
    if state.lanes.get(lane).is_some_and(|lane| lane.fenced) {
        let why = format!(
            "{lane} was restored from a backup and may be behind its targets: `windlass lane adopt` comes first"
        );
        return Err(Refusal::Rejected(why));
    }
    let good = || state.lanes.get(lane).and_then(|lane| lane.last_good.clone());
    let none = || Refusal::Rejected(format!("{lane} has no last good release to return to"));
    let release = chosen(state, lane, Some(to.or_else(good).ok_or_else(none)?))?;
    let plan = plan::back(state, lane, release)?;
    let id = next_deployment(state, lane);
    let mut facts = Vec::new();
    let run = own_run(state, lane, release, &asked, &mut facts);
    facts.push(requested(&id, DeploymentKind::Rollback, release, &run, &asked, (None, Manner::default())));
    facts.push(Fact::Deployment(DeploymentFact::Started { id: id.clone(), plan: Box::new(plan) }));
    let why = format!("{}: {}", asked.by, asked.reason);
    facts.push(rollback_started(state, &id, Some(release.id.clone()), None, why, Some(asked.by.to_owned())));
    Ok(Decision { facts, answer: Answer::Deployment { deployment: id, run } })
}

/// A person ends a deployment: without a trace before anything was touched, with the way back afterwards.
pub fn decide_abort(
    state: &State,
    deployment: &DeploymentId,
    hold: Option<ReleaseId>,
    by: &str,
    reason: &str,
) -> Decision {
    let Some(found) = state.deployments.get(deployment) else {
        return Decision::refuse(Refusal::DeploymentUnknown(deployment.clone()));
    };
    let answer = Answer::Deployment { deployment: found.id.clone(), run: found.run.clone() };
    let why = if reason.is_empty() { format!("aborted by {by}") } else { format!("aborted by {by}: {reason}") };
    if let Some(desired) = hold {
        return match held(state, found, desired, why) {
            Ok(facts) => Decision { facts, answer },
            Err(refusal) => Decision::refuse(refusal),
        };
    }
    let aborted = |why| end::facts(state, found, End::plain(DeploymentOutcome::Aborted, why));
    let facts = match (&found.state, &found.plan) {
        (DeploymentState::Ended(_), _) => return Decision::refuse(Refusal::DeploymentEnded(deployment.clone())),
        (DeploymentState::RollingBack, _) if state.stop_all.is_some() && found.back_by.is_none() => {
            let (id, by) = (deployment.clone(), by.to_owned());
            vec![Fact::Deployment(DeploymentFact::RollbackAsked { id, by, why })]
        }
        (DeploymentState::RollingBack, _) => Vec::new(),
        (DeploymentState::Changing { .. } | DeploymentState::Baking { .. }, Some(plan))
            if found.has_touched() && found.kind != DeploymentKind::CatchUp =>
        {
            roll_back(state, found, plan, why, Some(by.to_owned()))
        }
        (
            DeploymentState::Queued
            | DeploymentState::AwaitingApproval
            | DeploymentState::Preparing
            | DeploymentState::Changing { .. }
            | DeploymentState::Baking { .. },
            _,
        ) => aborted(why),
    };
    Decision { facts, answer }
}

/// It stays where it is, and the lane wants what the person named.
fn held(state: &State, found: &Deployment, desired: ReleaseId, why: String) -> Result<Vec<Fact>, Refusal> {
    let no = |why: String| Err(Refusal::Rejected(why));
    if !state.releases.contains_key(&desired) || desired.service != found.id.lane.service {
        return Err(Refusal::ReleaseUnknown(desired.to_string()));
    }
    match found.state {
        DeploymentState::Changing { .. } | DeploymentState::Baking { .. }
            if found.has_touched() && found.kind == DeploymentKind::Forward =>
        {
            Ok(end::facts(state, found, End::holding(desired, why)))
        }
        DeploymentState::Ended(_) => Err(Refusal::DeploymentEnded(found.id.clone())),
        DeploymentState::RollingBack => no(format!("{} is on its way back, which nothing holds", found.id)),
        DeploymentState::Queued
        | DeploymentState::AwaitingApproval
        | DeploymentState::Preparing
        | DeploymentState::Changing { .. }
        | DeploymentState::Baking { .. } => no(format!("{} has touched nothing: abort it without `--hold`", found.id)),
    }
}

/// Older than what the lane wants, on the same branch: a person says so, or goes back.
fn is_no_downgrade(state: &State, lane: &LaneId, release: &Release) -> Result<(), Refusal> {
    let desired = state.lanes.get(lane).and_then(|lane| state.releases.get(lane.desired.as_ref()?));
    let older = desired.filter(|desired| desired.branch == release.branch && release.position < desired.position);
    let Some(desired) = older else { return Ok(()) };
    Err(Refusal::Rejected(format!(
        "{} is commit {} of {}, {} is {}: older than what {lane} wants; `rollback --to {}` goes back to it, `--downgrade` rolls it out",
        release.name(),
        release.position,
        release.branch,
        desired.name(),
        desired.position,
        format_args!("r{}", release.id.number),
    )))
}

/// The rules that a person's request takes.
fn rules(state: &State, lane: &LaneId) -> Rules {
    state.lanes.get(lane).map(|lane| lane.rules).unwrap_or_default()
}

fn active<'a>(state: &'a State, lane: &LaneId) -> Option<&'a Arc<Deployment>> {
    state.deployments.get(state.lanes.get(lane)?.active.as_ref()?)
}

/// This release of the lane's service; none: the newest.
fn chosen<'a>(state: &'a State, lane: &LaneId, release: Option<ReleaseId>) -> Result<&'a Release, Refusal> {
    let id = match release {
        Some(id) => id,
        None => {
            let none = || Refusal::NoRelease(lane.service.to_string());
            let service = state.services.get(&lane.service).ok_or_else(none)?;
            ReleaseId { service: lane.service.clone(), number: service.next_release - 1 }
        }
    };
    let found = state.releases.get(&id).filter(|release| release.id.service == lane.service);
    found.map(AsRef::as_ref).ok_or_else(|| Refusal::ReleaseUnknown(id.to_string()))
}

/// A request that makes a run of its own.
pub(super) struct Asked<'a> {
    pub(super) at: UnixMs,
    pub(super) by: &'a str,
    pub(super) reason: &'a str,
    pub(super) strategy: Vec<BatchSpec>,
    pub(super) rules: Rules,
}

/// The entry of a run that was made for a deployment.
fn entry() -> JobKey {
    "deploy".parse().expect("a plain word is a key")
}

/// Makes the run that the deployment's jobs belong to, at the commit of the release.
pub(super) fn own_run(
    state: &State,
    lane: &LaneId,
    release: &Release,
    asked: &Asked<'_>,
    facts: &mut Vec<Fact>,
) -> RunId {
    let project = state.services.get(&lane.service).map_or(&release.run.project, |service| &service.project);
    let run = next_run(state, project);
    let work = DeployWork {
        service: lane.service.clone(),
        environment: lane.environment.clone(),
        strategy: asked.strategy.clone(),
        rules: asked.rules,
        artifact_of: entry(),
    };
    let job = JobPlan { key: entry(), needs: Vec::new(), run_if: RunIf::Success, work: Work::Deploy(work) };
    let services = BTreeMap::from([(lane.service.clone(), release.spec.clone())]);
    facts.push(Fact::RunCreated {
        run: run.clone(),
        trigger: Trigger { kind: TriggerKind::Manual, actor: asked.by.to_owned(), time: asked.at },
        branch: release.branch.clone(),
        commit: Commit {
            revision: release.revision.clone(),
            title: release.title.clone(),
            author: String::new(),
            time: release.created,
            position: release.position,
        },
        plan: Box::new(RunPlan { jobs: vec![job], services }),
        problems: Vec::new(),
        unread: None,
        delivery: None,
        trust: Trust::Ordinary,
    });
    run
}

pub(super) fn requested(
    id: &DeploymentId,
    kind: DeploymentKind,
    release: &Release,
    run: &RunId,
    asked: &Asked<'_>,
    (plan, manner): (Option<Digest>, Manner),
) -> Fact {
    Fact::Deployment(DeploymentFact::Requested {
        id: id.clone(),
        kind,
        release: release.id.clone(),
        run: run.clone(),
        entry: entry(),
        by: asked.by.to_owned(),
        reason: asked.reason.to_owned(),
        strategy: asked.strategy.clone(),
        rules: asked.rules,
        plan,
        takes_over: manner.take_over,
        skips_self_test: manner.skip_self_test,
    })
}
