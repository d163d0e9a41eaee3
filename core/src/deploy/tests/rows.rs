//! The machine of a target, row by row: what its job and its words prove.

use super::world::*;
use crate::deploy::state::{Deployment, Target};
use crate::fact::{AgentFact, Fact};
use crate::model::deployment::TargetState;
use crate::model::*;

/// What the job of the target came to, if it is over.
#[derive(Debug, Clone, Copy)]
enum Job {
    Open,
    Ended(fn() -> Outcome),
}

/// What the target says.
#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    New(Health),
    NewOfBefore,
    Old(Health),
    Foreign,
    Down(Health),
    ByHand,
}

/// How long it has been away.
#[derive(Debug, Clone, Copy)]
enum Away {
    Here,
    Short,
    Lost,
}

fn ok() -> Outcome {
    Outcome::Succeeded
}

fn bad() -> Outcome {
    Outcome::Failed { how: Failure::Code(1) }
}

fn cancelled() -> Outcome {
    Outcome::Cancelled
}

fn unknown() -> Outcome {
    Outcome::Unknown { reason: UnknownReason::ShimLost }
}

fn not_started() -> Outcome {
    Outcome::NotStarted { reason: NotStarted::DeniedByAgent("no".to_owned()) }
}

struct Row {
    from: &'static str,
    job: Job,
    says: Says,
    away: Away,
    to: &'static str,
    failure: bool,
}

const fn row(from: &'static str, job: Job, says: Says, away: Away, to: &'static str, failure: bool) -> Row {
    Row { from, job, says, away, to, failure }
}

use Away::{Here, Lost, Short};
use Health::{Healthy, NoData, Unhealthy};
use Job::{Ended, Open};

/// An empty `to`: it stays where it is.
const ROWS: &[Row] = &[
    row("waiting", Open, Says::Old(Healthy), Here, "", false),
    row("waiting", Open, Says::Old(Healthy), Short, "owed", false),
    row("preparing", Open, Says::Old(Healthy), Here, "", false),
    row("preparing", Open, Says::Old(Healthy), Short, "", false),
    row("preparing", Open, Says::Old(Healthy), Lost, "owed", true),
    row("preparing", Ended(ok), Says::Old(Healthy), Here, "prepared", false),
    row("preparing", Ended(bad), Says::Old(Healthy), Here, "owed", true),
    row("preparing", Ended(not_started), Says::Old(Healthy), Here, "owed", true),
    row("preparing late", Open, Says::Old(Healthy), Lost, "owed", false),
    row("preparing late", Ended(bad), Says::Old(Healthy), Here, "owed", false),
    row("preparing late", Ended(ok), Says::Old(Healthy), Here, "prepared", false),
    row("prepared", Ended(ok), Says::Old(Healthy), Here, "", false),
    row("prepared", Ended(ok), Says::Old(Healthy), Short, "", false),
    row("prepared", Ended(ok), Says::Old(Healthy), Lost, "owed", false),
    row("prepared", Ended(ok), Says::ByHand, Here, "owed", false),
    row("changing", Open, Says::New(Healthy), Here, "", false),
    row("changing", Open, Says::Nothing, Short, "", false),
    row("changing", Open, Says::Nothing, Lost, "unknown", true),
    row("changing", Ended(ok), Says::Nothing, Here, "", false),
    row("changing", Ended(ok), Says::New(Healthy), Here, "confirmed", false),
    row("changing", Ended(ok), Says::New(NoData), Here, "confirmed", false),
    row("changing", Ended(ok), Says::New(Healthy), Short, "", false),
    row("changing", Ended(ok), Says::NewOfBefore, Here, "", false),
    row("changing", Ended(ok), Says::Down(NoData), Here, "", false),
    row("changing", Ended(ok), Says::Down(Unhealthy), Here, "unhealthy", true),
    row("changing", Ended(ok), Says::Old(Healthy), Here, "reverted", true),
    row("changing", Ended(ok), Says::Foreign, Here, "stuck", true),
    row("changing", Ended(bad), Says::Old(Healthy), Here, "reverted", true),
    row("changing", Ended(bad), Says::Old(NoData), Here, "", false),
    row("changing", Ended(bad), Says::Old(Unhealthy), Here, "stuck", true),
    row("changing", Ended(bad), Says::New(Healthy), Here, "stuck", true),
    row("changing", Ended(bad), Says::Down(Unhealthy), Here, "stuck", true),
    row("changing", Ended(bad), Says::Foreign, Here, "stuck", true),
    row("changing", Ended(bad), Says::ByHand, Here, "owed", true),
    row("changing", Ended(cancelled), Says::Old(Healthy), Here, "reverted", true),
    row("changing", Ended(unknown), Says::Old(Healthy), Here, "reverted", true),
    row("changing", Ended(unknown), Says::New(Healthy), Here, "stuck", true),
    row("changing", Ended(not_started), Says::Old(Healthy), Here, "reverted", true),
    row("confirmed", Ended(ok), Says::New(Healthy), Here, "", false),
    row("confirmed", Ended(ok), Says::New(NoData), Here, "", false),
    row("confirmed", Ended(ok), Says::New(Unhealthy), Here, "unhealthy", true),
    row("confirmed", Ended(ok), Says::Old(Healthy), Here, "unhealthy", true),
    row("confirmed", Ended(ok), Says::Foreign, Here, "unhealthy", true),
    row("confirmed", Ended(ok), Says::Down(NoData), Here, "", false),
    row("confirmed", Ended(ok), Says::ByHand, Here, "owed", true),
    row("confirmed", Ended(ok), Says::New(Unhealthy), Short, "", false),
    row("confirmed", Ended(ok), Says::Nothing, Lost, "unknown", true),
    row("unhealthy", Ended(ok), Says::New(Healthy), Here, "", false),
    row("unhealthy", Ended(ok), Says::Old(Healthy), Here, "reverted", false),
    row("unhealthy", Ended(ok), Says::Nothing, Lost, "unknown", true),
    row("reverting", Open, Says::Old(Healthy), Here, "", false),
    row("reverting", Open, Says::Nothing, Lost, "unknown", true),
    row("reverting", Ended(ok), Says::Old(Healthy), Here, "reverted", false),
    row("reverting", Ended(ok), Says::Old(NoData), Here, "", false),
    row("reverting", Ended(bad), Says::Old(Healthy), Here, "reverted", false),
    row("reverting", Ended(bad), Says::Down(Unhealthy), Here, "unhealthy", false),
    row("reverting", Ended(ok), Says::New(Healthy), Here, "unhealthy", false),
    row("reverting again", Ended(bad), Says::Down(Unhealthy), Here, "stuck", true),
    row("stuck", Ended(bad), Says::Old(Healthy), Here, "reverted", false),
    row("stuck", Ended(bad), Says::Old(Unhealthy), Here, "", false),
    row("stuck", Ended(bad), Says::ByHand, Here, "owed", true),
    row("unknown", Open, Says::Nothing, Lost, "", false),
    row("unknown", Open, Says::Nothing, Here, "changing", false),
    row("unknown", Ended(ok), Says::Nothing, Here, "", false),
    row("unknown", Ended(ok), Says::New(Healthy), Here, "confirmed", false),
    row("unknown", Ended(bad), Says::Old(Healthy), Here, "reverted", true),
    row("reverted", Ended(ok), Says::Foreign, Lost, "", false),
    row("owed", Ended(bad), Says::Foreign, Lost, "", false),
];

fn state_of(word: &str) -> (TargetState, Phase, u32) {
    let why = || "told so".to_owned();
    match word {
        "waiting" => (TargetState::Waiting, Phase::Prepare, 0),
        "preparing" | "preparing late" => (TargetState::Preparing, Phase::Prepare, 0),
        "prepared" => (TargetState::Prepared, Phase::Prepare, 0),
        "changing" => (TargetState::Changing, Phase::Change, 0),
        "confirmed" => (TargetState::Confirmed, Phase::Change, 0),
        "unhealthy" => (TargetState::Unhealthy, Phase::Change, 0),
        "reverting" => (TargetState::Reverting, Phase::Revert, 1),
        "reverting again" => (TargetState::Reverting, Phase::Revert, 2),
        "reverted" => (TargetState::Reverted, Phase::Revert, 1),
        "stuck" => (TargetState::Stuck { why: why() }, Phase::Change, 0),
        "unknown" => (TargetState::Unknown, Phase::Change, 0),
        "owed" => (TargetState::Owed { why: why() }, Phase::Prepare, 0),
        other => panic!("{other} is no state"),
    }
}

/// The target, put where the row begins, in a deployment whose first batch is being changed.
fn arrange(world: &mut World, row: &Row) -> (Deployment, Target) {
    let canary = world.the(2, "changing");
    let agent = world.hosts[&canary].agent;
    let mut deployment = world.deployment(2).clone();
    let target = deployment.targets.iter_mut().find(|target| target.target.agent == agent).expect("the canary");
    let (state, phase, reverts) = state_of(row.from);
    (target.state, target.phase, target.reverts) = (state, phase, reverts);
    let target = target.clone();
    if row.from.ends_with("late") {
        let batches = deployment.plan.iter_mut().flat_map(|plan| &mut plan.batches);
        batches.for_each(|batch| batch.targets.retain(|planned| planned.agent != agent));
    }
    if let Ended(outcome) = row.job {
        let fence = world.open(&canary).expect("its change").0;
        world.report(&canary, fence, outcome());
    }
    let (old, new, generation) = (world.name_of(1), world.name_of(2), deployment.generation);
    let mut seen = world.hosts[&canary].seen.clone().expect("it ran the old release");
    seen.generation = generation;
    let (running, health) = match row.says {
        Says::New(health) => (Running::Release(new.clone()), health),
        Says::NewOfBefore => (Running::Release(new.clone()), Healthy),
        Says::Old(health) => (Running::Release(old), health),
        Says::Foreign => (Running::Other("legacy".to_owned()), Healthy),
        Says::Down(health) => (Running::Nothing, health),
        Says::ByHand | Says::Nothing => (Running::Release(old), Healthy),
    };
    (seen.running, seen.health, seen.linked) = (running, health, Some(new));
    seen.held_by_hand = matches!(row.says, Says::ByHand);
    if matches!(row.says, Says::NewOfBefore) {
        seen.generation -= 1;
    }
    let entry = std::sync::Arc::make_mut(world.state.agents.get_mut(&agent).expect("an agent"));
    entry.observations.clear();
    if !matches!(row.says, Says::Nothing) {
        entry.observations.insert(lane_id(), seen);
    }
    if !matches!(row.away, Here) {
        entry.presence = crate::agent::Presence::Gone { since: world.now };
    }
    (deployment, target)
}

#[test]
fn every_row_of_a_target_holds() {
    for row in ROWS {
        let mut world = World::new(3, None);
        world.released();
        world.push(&canary());
        for name in ["web1", "web2", "web3"] {
            world.work(name);
        }
        let (deployment, target) = arrange(&mut world, row);
        let at = match row.away {
            Here | Short => world.now.after(Duration::from_secs(30)),
            Lost => world.now.after(LOST),
        };
        let moved = crate::deploy::settle::settle(&world.state, at, &deployment, &target);
        let told = moved.as_ref().map_or(("", false), |moved| (moved.to.word(), moved.failure.is_some()));
        assert_eq!(told, (row.to, row.failure), "{}, {:?}, {:?}, {:?}", row.from, row.job, row.says, row.away);
    }
}

#[test]
fn a_target_that_says_nothing_after_its_job_is_unknown_after_a_while() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    let canary = world.the(2, "changing");
    world.carry_out(&canary);
    let told = world.host(&canary).seen.take();
    world.pass(Duration::from_secs(119));
    assert_eq!(world.target(2, &canary), &TargetState::Changing);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.deployment(2).failures, 1);
    assert_eq!(world.deployment(2).state.word(), "rolled_back");
    assert!(told.is_some());
}

#[test]
fn a_target_that_is_silent_with_a_job_open_is_an_alarm_once_and_loses_nothing() {
    let mut world = World::new(1, None);
    world.push(&canary());
    let (fence, ..) = world.open("web1").expect("its prepare is open");
    world.disconnect("web1");
    let agent = world.hosts["web1"].agent;
    let is_alarm = |fact: &Fact| matches!(fact, Fact::Agent(AgentFact::SilentTooLong { .. }));
    world.pass(Duration::from_secs(299));
    assert!(!world.facts.iter().any(is_alarm));
    world.pass(Duration::from_secs(3_600));
    assert_eq!(world.facts.iter().filter(|fact| is_alarm(fact)).count(), 1);
    assert!(world.state.agents.get(&agent).is_some_and(|agent| agent.alarmed.is_some()));
    let (_, attempt) = world.state.attempt(fence).expect("it is open");
    assert_eq!(attempt.outcome(), None, "time alone ends nothing on a target");
    world.connect("web1");
    assert!(world.state.agents.get(&agent).is_some_and(|agent| agent.alarmed.is_none()));
}
