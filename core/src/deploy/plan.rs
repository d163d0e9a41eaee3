//! From a release and a strategy to a plan: which targets in which batches, how many at a time, and where each returns to.
//!
//! Pure: the same state gives the same plan, and its digest names it. Percentages count the targets of the lane, round down, and batches
//! and ceilings are at least 1. Targets that do not serve go first, then all by hash of (target, deployment), so that the first batch
//! changes from one deployment to the next.

use std::collections::BTreeMap;

use super::state::Deployment;
use super::take_over;
use super::targets::{are_independent, obstacle, planned, release_named, runs, seen, serves, targets, was_touched};
use crate::agent::Agent;
use crate::answer::Refusal;
use crate::model::deployment::{Batch, DeploymentPlan, PlannedTarget, PlannedWayBack, Straggler};
use crate::model::{
    Amount, BatchSpec, DeploymentId, Digest, Duration, Environment, Health, LaneId, Promote, Release, ReleaseId,
    Running, WayBack,
};
use crate::world::State;

/// Up to so many targets the default ceilings are 1 and the default budget is 0.
const SMALL: u32 = 10;

/// What a plan is made for.
pub(super) struct Wish<'a> {
    /// The id it has, or would have.
    pub(super) id: &'a DeploymentId,
    /// What shall run.
    pub(super) release: &'a Release,
    /// How the targets are divided.
    pub(super) strategy: &'a [BatchSpec],
    /// The deployment whose place it takes, if it does.
    pub(super) instead_of: Option<&'a Deployment>,
}

/// The plan of the next deployment of `release` along `lane`, by the lane's own strategy; `rolling` where it has none yet.
pub fn plan(state: &State, lane: &LaneId, release: &Release) -> Result<DeploymentPlan, Refusal> {
    let id = next_deployment(state, lane);
    let strategy = strategy(state, lane);
    forward(state, &Wish { id: &id, release, strategy: &strategy, instead_of: None })
}

/// The id of the next deployment along a lane.
pub(super) fn next_deployment(state: &State, lane: &LaneId) -> DeploymentId {
    state.lanes.get(lane).map_or_else(|| DeploymentId { lane: lane.clone(), number: 1 }, |lane| lane.next_deployment())
}

/// The strategy that a person's request takes.
pub(super) fn strategy(state: &State, lane: &LaneId) -> Vec<BatchSpec> {
    let known = state.lanes.get(lane).map(|lane| lane.strategy.clone()).filter(|strategy| !strategy.is_empty());
    known.unwrap_or_else(rolling)
}

fn rolling() -> Vec<BatchSpec> {
    vec![BatchSpec::plain(Amount::Count(1)), BatchSpec::plain(Amount::Percent(50)), BatchSpec::plain(Amount::Rest)]
}

/// The plan of a forward deployment.
pub(super) fn forward(state: &State, wish: &Wish<'_>) -> Result<DeploymentPlan, Refusal> {
    let lane = &wish.id.lane;
    let sides = sides(state, lane)?;
    something_to_change(state, wish, &sides)?;
    let total = sides.total();
    let max_unavailable = ceiling(sides.rails.max_unavailable, total);
    ceiling_holds(state, lane, &sides, max_unavailable)?;
    let mut order: Vec<&Agent> = sides.reachable.clone();
    order.sort_by_key(|agent| {
        (serves(state, lane, agent.id), Digest::of(format!("{} {}", agent.id, wish.id).as_bytes()))
    });
    let order: Vec<PlannedTarget> = order.into_iter().map(planned).collect();
    let ways_back = order.iter().map(|target| take_over::way_back(state, wish.instead_of, lane, target)).collect();
    Ok(DeploymentPlan {
        release: wish.release.id.clone(),
        name: wish.release.name(),
        title: wish.release.title.clone(),
        batches: batches(order, wish.strategy, total, max_unavailable),
        ways_back,
        stragglers: sides.stragglers,
        lane_targets: total,
        max_unavailable,
        rollback_at_once: ceiling(sides.rails.rollback_at_once, total),
    })
}

/// The plan of a person's way back to `release`: every target that is here, no bake, no budget.
pub(super) fn back(state: &State, lane: &LaneId, release: &Release) -> Result<DeploymentPlan, Refusal> {
    let sides = sides(state, lane)?;
    let total = sides.total();
    let rollback_at_once = ceiling(sides.rails.rollback_at_once, total);
    let order: Vec<PlannedTarget> = sides.reachable.iter().copied().map(planned).collect();
    let to = |target: &PlannedTarget| PlannedWayBack {
        target: target.clone(),
        to: WayBack::Release(release.name()),
        release: Some(release.id.clone()),
    };
    Ok(DeploymentPlan {
        release: release.id.clone(),
        name: release.name(),
        title: release.title.clone(),
        ways_back: order.iter().map(to).collect(),
        batches: vec![Batch {
            targets: order,
            at_once: rollback_at_once,
            bake: Duration::default(),
            budget: 0,
            promote: Promote::Auto,
        }],
        stragglers: sides.stragglers,
        lane_targets: total,
        max_unavailable: ceiling(sides.rails.max_unavailable, total),
        rollback_at_once,
    })
}

/// What the lane wants once a deployment with this plan rolls back: what most of its targets return to.
pub(super) fn desired_back(plan: &DeploymentPlan) -> Option<ReleaseId> {
    let mut votes: BTreeMap<Option<&ReleaseId>, usize> = BTreeMap::new();
    for planned in &plan.ways_back {
        *votes.entry(planned.release.as_ref()).or_default() += 1;
    }
    votes.into_iter().max_by_key(|(_, count)| *count).and_then(|(release, _)| release.cloned())
}

/// The targets of a lane: those that can be changed now, and those that cannot.
struct Sides<'a> {
    rails: &'a Environment,
    reachable: Vec<&'a Agent>,
    stragglers: Vec<Straggler>,
}

impl Sides<'_> {
    fn total(&self) -> u32 {
        u32::try_from(self.reachable.len() + self.stragglers.len()).unwrap_or(u32::MAX)
    }
}

fn sides<'a>(state: &'a State, lane: &LaneId) -> Result<Sides<'a>, Refusal> {
    let unknown = || Refusal::EnvironmentUnknown(lane.environment.to_string());
    let rails = state.config.environments.get(&lane.environment).ok_or_else(unknown)?;
    let mut sides = Sides { rails, reachable: Vec::new(), stragglers: Vec::new() };
    for agent in targets(state, &lane.environment) {
        match obstacle(state, lane, agent) {
            None => sides.reachable.push(agent),
            Some(why) => sides.stragglers.push(Straggler { target: planned(agent), why }),
        }
    }
    if sides.reachable.is_empty() {
        let total = sides.total();
        let why = format!("0 of {total} targets of {} can be changed{}", lane.environment, listed(&sides.stragglers));
        return Err(Refusal::Rejected(why));
    }
    Ok(sides)
}

/// `: web1 (away), web2 (held by hand)`, or nothing.
fn listed(stragglers: &[Straggler]) -> String {
    let each: Vec<String> =
        stragglers.iter().map(|straggler| format!("{} ({})", straggler.target.name, straggler.why)).collect();
    if each.is_empty() { String::new() } else { format!(": {}", each.join(", ")) }
}

fn something_to_change(state: &State, wish: &Wish<'_>, sides: &Sides<'_>) -> Result<(), Refusal> {
    let (lane, name) = (&wish.id.lane, wish.release.name());
    let is_desired = state.lanes.get(lane).is_some_and(|known| known.desired.as_ref() == Some(&wish.release.id));
    let in_place = |agent: &&&Agent| {
        seen(state, lane, agent.id).is_some_and(|seen| runs(seen, &name) && seen.health == Health::Healthy)
    };
    let done = sides.reachable.iter().filter(in_place).count();
    if is_desired && done == sides.reachable.len() {
        let rest = listed(&sides.stragglers);
        let why = format!("nothing to change: {name} runs on {done} of {} targets{rest}", sides.total());
        return Err(Refusal::Rejected(why));
    }
    Ok(())
}

/// A healthy target may only be taken out if those that stay out leave room for it.
fn ceiling_holds(state: &State, lane: &LaneId, sides: &Sides<'_>, max: u32) -> Result<(), Refusal> {
    let is_lost = |straggler: &&Straggler| {
        let agent = straggler.target.agent;
        was_touched(state, lane, agent) && !serves(state, lane, agent)
    };
    let lost: Vec<Straggler> = sides.stragglers.iter().filter(is_lost).cloned().collect();
    if are_independent(state, lane) {
        return Ok(());
    }
    let healthy = sides.reachable.iter().any(|agent| serves(state, lane, agent.id));
    let room = u32::try_from(lost.len()).unwrap_or(u32::MAX) < max;
    if healthy && !room {
        let why = format!(
            "{} of {} targets stay out of service{}; {max} may be out at a time, so that none is left to change",
            lost.len(),
            sides.total(),
            listed(&lost)
        );
        return Err(Refusal::Rejected(why));
    }
    Ok(())
}

/// Fills one batch after the other; the last entry of the strategy repeats.
fn batches(order: Vec<PlannedTarget>, strategy: &[BatchSpec], total: u32, max_unavailable: u32) -> Vec<Batch> {
    let mut rest = order.into_iter().peekable();
    let mut batches: Vec<Batch> = Vec::new();
    while rest.peek().is_some() {
        let spec = strategy.get(batches.len()).or(strategy.last());
        let size = spec.map_or(total, |spec| count(spec.targets, total).max(1));
        let targets: Vec<PlannedTarget> = rest.by_ref().take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
        let length = u32::try_from(targets.len()).unwrap_or(u32::MAX);
        let is_last = rest.peek().is_none();
        let usual = if !is_last { Duration::from_secs(60) } else { Duration::from_secs(120) };
        let before = batches.last().map_or(0, |batch| batch.budget);
        batches.push(Batch {
            targets,
            at_once: length.min(max_unavailable),
            bake: spec.and_then(|spec| spec.bake).unwrap_or(usual),
            budget: budget(spec.and_then(|spec| spec.budget), total).max(before),
            promote: spec.filter(|_| !is_last).map(|spec| spec.promote).unwrap_or_default(),
        });
    }
    batches
}

fn count(amount: Amount, total: u32) -> u32 {
    match amount {
        Amount::Count(count) => count,
        Amount::Percent(percent) => u32::try_from(u64::from(total) * u64::from(percent) / 100).unwrap_or(u32::MAX),
        Amount::Rest => total,
    }
}

pub(super) fn ceiling(amount: Option<Amount>, total: u32) -> u32 {
    let usual = if total <= SMALL { Amount::Count(1) } else { Amount::Percent(10) };
    count(amount.unwrap_or(usual), total).max(1)
}

fn budget(amount: Option<Amount>, total: u32) -> u32 {
    let usual = if total <= SMALL { Amount::Count(0) } else { Amount::Percent(2) };
    count(amount.unwrap_or(usual), total)
}

/// The plan of a catch-up: targets join it as they are back, under the ceilings of the lane.
pub(super) fn none(state: &State, lane: &LaneId, release: &Release) -> DeploymentPlan {
    let rails = state.config.environments.get(&lane.environment);
    let total = u32::try_from(targets(state, &lane.environment).len()).unwrap_or(u32::MAX);
    let at_most = |amount: fn(&Environment) -> Option<Amount>| ceiling(rails.and_then(amount), total);
    DeploymentPlan {
        release: release.id.clone(),
        name: release.name(),
        title: release.title.clone(),
        batches: Vec::new(),
        ways_back: Vec::new(),
        stragglers: Vec::new(),
        lane_targets: total,
        max_unavailable: at_most(|rails| rails.max_unavailable),
        rollback_at_once: at_most(|rails| rails.rollback_at_once),
    }
}

/// What it runs or has linked, whatever the lane thinks of it: a catch-up that fails leaves it there, out of traffic.
pub(super) fn way_back_to_what_runs(state: &State, lane: &LaneId, target: &PlannedTarget) -> WayBack {
    let Some(seen) = seen(state, lane, target.agent) else { return WayBack::Absent };
    let running = match &seen.running {
        Running::Release(name) => Some(name),
        Running::Other(_) | Running::Nothing => None,
    };
    let here = running.filter(|name| seen.linked.as_ref() == Some(name)).or(seen.linked.as_ref());
    here.map_or(WayBack::Absent, |name| WayBack::Release(name.clone()))
}

/// What it runs now, if that is well and not refused; else the last good release; else what is linked; else nothing was there.
pub(super) fn way_back(state: &State, lane: &LaneId, target: &PlannedTarget) -> PlannedWayBack {
    way_back_besides(state, lane, target, None)
}

/// The same, where one more release will be refused.
pub(super) fn way_back_besides(
    state: &State,
    lane: &LaneId,
    target: &PlannedTarget,
    besides: Option<&ReleaseId>,
) -> PlannedWayBack {
    let to = |release: Option<ReleaseId>| {
        let name = release.as_ref().and_then(|id| state.releases.get(id)).map(|release| release.name());
        let to = name.map_or(WayBack::Absent, WayBack::Release);
        PlannedWayBack { target: target.clone(), to, release }
    };
    let Some(seen) = seen(state, lane, target.agent) else { return to(None) };
    let known = state.lanes.get(lane);
    let is_refused = |id: &ReleaseId| besides == Some(id) || known.is_some_and(|lane| lane.refused.contains_key(id));
    let named = |name: &str| release_named(state, lane, name).filter(|id| !is_refused(id));
    let running = match (&seen.running, seen.health) {
        (Running::Release(name), Health::Healthy) => named(name),
        (Running::Release(_) | Running::Other(_) | Running::Nothing, _) => None,
    };
    if running.is_some() {
        return to(running);
    }
    let Some(linked) = &seen.linked else { return to(None) };
    to(known.and_then(|lane| lane.last_good.clone()).filter(|id| !is_refused(id)).or_else(|| named(linked)))
}
