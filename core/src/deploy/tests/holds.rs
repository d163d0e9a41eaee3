//! What people hold and let go: locks, pauses, promotions, a stop of everything, refusals.

use super::world::*;
use crate::answer::Answer;
use crate::deploy::DeploymentState;
use crate::input::{DeploymentVerb, Input, LaneVerb, Manner};
use crate::model::deployment::{DeploymentOutcome, DeploymentPlan};
use crate::model::*;
use crate::place::explain;

fn by() -> String {
    "lena".to_owned()
}

fn lane(verb: LaneVerb) -> Input {
    Input::Lane { lane: lane_id(), verb, by: by(), reason: "fair week".to_owned() }
}

fn ask(number: u64, verb: DeploymentVerb) -> Input {
    Input::Deployment { deployment: deployment_id(number), verb, by: by(), reason: "looks odd".to_owned() }
}

fn stop_all(lift: bool) -> Input {
    Input::StopAll { lift, by: by(), reason: "fire".to_owned() }
}

fn waiting(world: &World, run: &RunId) -> Option<String> {
    let run = world.state.runs.get(run).expect("it is not over");
    let entry = run.job(&"production".parse().expect("a key")).expect("its entry");
    explain(&world.state, run, entry).map(|waiting| format!("{}: {waiting}", waiting.reason()))
}

/// One canary is confirmed and bakes.
fn baking() -> World {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work_all();
    assert_eq!(world.deployment(2).word(), "baking");
    world
}

#[test]
fn a_lock_holds_starts_and_says_whose_it_is_until_it_is_opened() {
    let mut world = World::new(3, None);
    world.released();
    world.turn(lane(LaneVerb::Lock));
    let run = world.push(&canary());
    world.work_all();
    assert_eq!(world.deployment(2).state, DeploymentState::Queued);
    assert_eq!(waiting(&world, &run).as_deref(), Some("lane: shop/production is locked by lena: fair week"));
    assert_eq!(why(&world.turn(lane(LaneVerb::Lock))), "shop/production is locked by lena: fair week");
    world.turn(lane(LaneVerb::Unlock));
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    assert_eq!(why(&world.turn(lane(LaneVerb::Unlock))), "shop/production is not locked");
}

#[test]
fn a_persons_lock_outlives_a_rollback_and_holds_none() {
    let mut world = World::new(3, None);
    world.released();
    world.released();
    world.turn(lane(LaneVerb::Lock));
    world.turn(Input::Rollback { lane: lane_id(), to: Some(release_id(1)), by: by(), reason: "slow".to_owned() });
    assert_eq!(world.finish(3), DeploymentOutcome::Succeeded);
    assert!(world.lane().lock.as_ref().is_some_and(|lock| lock.by == Some(by())));
}

#[test]
fn what_is_paused_admits_nothing_and_bakes_anew_when_it_goes_on() {
    let mut world = baking();
    world.turn(ask(2, DeploymentVerb::Pause));
    world.pass(BAKE);
    world.pass(BAKE);
    assert_eq!(world.deployment(2).word(), "paused");
    assert_eq!(world.all(2, "prepared").len(), 2, "nothing is admitted");
    assert_eq!(why(&world.turn(ask(2, DeploymentVerb::Pause))), "shop/production#2 is paused: by lena: looks odd");
    world.turn(ask(2, DeploymentVerb::Resume));
    assert_eq!(world.deployment(2).word(), "baking", "what was healthy before counts no more");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.deployment(2).word(), "baking");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.deployment(2).word(), "changing");
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
}

#[test]
fn a_job_in_flight_ends_while_it_is_paused_and_a_failure_goes_back_all_the_same() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    let first = world.the(2, "changing");
    world.turn(ask(2, DeploymentVerb::Pause));
    world.work(&first);
    assert_eq!((world.target(2, &first).word(), world.deployment(2).word()), ("confirmed", "paused"));
    world.becomes(&first, |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
}

#[test]
fn an_abort_ends_what_is_paused() {
    let mut world = baking();
    world.turn(ask(2, DeploymentVerb::Pause));
    world.turn(ask(2, DeploymentVerb::Abort(None)));
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
}

#[test]
fn a_batch_that_a_person_promotes_waits_for_one() {
    let mut world = World::new(3, None);
    world.released();
    let manual = BatchSpec { promote: Promote::Manual, ..batch(Amount::Count(1), 0) };
    let run = world.push(&[manual, batch(Amount::Rest, 0)]);
    world.work_all();
    world.pass(BAKE);
    assert_eq!(world.deployment(2).paused, Some(Pause::Promote));
    assert!(waiting(&world, &run).expect("it waits").starts_with("paused: the batch has passed"));
    world.pass(BAKE);
    assert_eq!(world.all(2, "prepared").len(), 2);
    world.turn(ask(2, DeploymentVerb::Resume));
    assert_eq!(world.deployment(2).state, DeploymentState::Changing { batch: 1 });
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
}

#[test]
fn everything_stopped_holds_forward_moves_and_a_person_lets_each_go_on() {
    let mut world = baking();
    world.turn(stop_all(false));
    assert!(matches!(world.deployment(2).paused, Some(Pause::StopAll { .. })));
    world.pass(BAKE);
    assert_eq!(world.all(2, "prepared").len(), 2);
    let refused = why(&world.turn(ask(2, DeploymentVerb::Resume)));
    assert!(refused.contains("windlass stop-all --lift"), "{refused}");
    assert_eq!(why(&world.turn(stop_all(false))), "everything is stopped by lena: fire");
    world.turn(stop_all(true));
    world.pass(BAKE);
    assert_eq!(world.deployment(2).word(), "paused", "a lift alone moves nothing");
    world.turn(ask(2, DeploymentVerb::Resume));
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    assert_eq!(why(&world.turn(stop_all(true))), "nothing is stopped");
}

#[test]
fn everything_stopped_starts_nothing_and_holds_what_fails_until_a_person_says_so() {
    let mut world = baking();
    world.turn(stop_all(false));
    let canary = world.the(2, "confirmed");
    world.becomes(&canary, |seen| seen.health = Health::Unhealthy);
    world.work_all();
    assert_eq!((world.target(2, &canary).word(), world.deployment(2).word()), ("unhealthy", "paused"));
    let run = world.push(&super::world::canary());
    assert_eq!(world.deployment(3).state, DeploymentState::Queued);
    assert!(waiting(&world, &run).is_some());
    world.turn(ask(2, DeploymentVerb::Abort(None)));
    world.work_all();
    assert_eq!(world.deployment(2).state, DeploymentState::Ended(DeploymentOutcome::RolledBack));
    assert_eq!(waiting(&world, &run).as_deref(), Some("lane: everything is stopped by lena: fire"));
}

#[test]
fn an_automatic_way_back_waits_while_everything_is_stopped_and_a_person_lets_it_go_on() {
    let mut world = baking();
    let canary = world.the(2, "confirmed");
    world.host(&canary).fate = Fate::Good;
    world.becomes(&canary, |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.deployment(2).word(), "rolling_back");
    // Its revert was admitted before the stop and reaches its end; it fails, and the second one is admitted by nobody.
    world.host(&canary).fate = Fate::NoReturn;
    world.turn(stop_all(false));
    world.work_all();
    assert_eq!(world.target(2, &canary).word(), "unhealthy");
    world.host(&canary).fate = Fate::Good;
    world.pass(BAKE);
    assert_eq!(world.target(2, &canary).word(), "unhealthy", "nothing is admitted");
    world.turn(ask(2, DeploymentVerb::Abort(None)));
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
}

#[test]
fn a_refused_release_is_taken_again_when_a_person_allows_it() {
    let mut world = baking();
    world.turn(ask(2, DeploymentVerb::Abort(None)));
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
    assert!(world.lane().refused.contains_key(&release_id(2)));
    assert!(why(&world.turn(lane(LaneVerb::Allow(release_id(1))))).contains("does not refuse"));
    world.turn(lane(LaneVerb::Allow(release_id(2))));
    assert!(world.lane().refused.is_empty());
}

#[test]
fn verbs_that_change_nothing_are_refused_with_a_sentence() {
    let mut world = baking();
    assert_eq!(why(&world.turn(ask(2, DeploymentVerb::Resume))), "shop/production#2 is not paused, it is baking");
    assert_eq!(why(&world.turn(ask(9, DeploymentVerb::Pause))), "there is no deployment shop/production#9");
    assert_eq!(why(&world.turn(ask(1, DeploymentVerb::Pause))), "shop/production#1 has ended");
    world.push(&canary());
    assert!(why(&world.turn(ask(3, DeploymentVerb::Pause))).contains("`windlass lock` holds it there"));
    world.turn(ask(2, DeploymentVerb::Abort(None)));
    assert!(why(&world.turn(ask(2, DeploymentVerb::Pause))).contains("on its way back, which nothing holds"));
    let elsewhere = LaneId { service: ServiceName::new("shpo").expect("a name"), ..lane_id() };
    let typo = Input::Lane { lane: elsewhere, verb: LaneVerb::Lock, by: by(), reason: "x".to_owned() };
    assert_eq!(why(&world.turn(typo)), "shpo has no release yet");
}

fn demand(world: &mut World, required: u32) {
    let mut config = world.state.config.as_ref().clone();
    let rails = config.environments.get_mut(&lane_id().environment).expect("it is configured");
    rails.approvals = Approvals { required, from: ["anna", "lena", "tom"].map(str::to_owned).into() };
    world.turn(Input::Configure(Box::new(config)));
}

fn approved_by(required: u32) -> World {
    let mut world = World::new(3, None);
    world.released();
    demand(&mut world, required);
    world
}

fn proposed(world: &World, number: u64) -> Digest {
    world.deployment(number).proposed.as_ref().expect("it was proposed").digest()
}

fn approve(world: &mut World, number: u64, plan: Digest, by: &str) -> Answer {
    let (deployment, verb) = (deployment_id(number), DeploymentVerb::Approve(plan));
    world.turn(Input::Deployment { deployment, verb, by: by.to_owned(), reason: String::new() })
}

#[test]
fn a_plan_waits_for_as_many_people_as_the_environment_demands() {
    let mut world = approved_by(2);
    let run = world.push(&canary());
    world.work_all();
    assert_eq!(world.deployment(2).state, DeploymentState::AwaitingApproval);
    assert!(world.lane().active.is_none(), "it holds nothing");
    let plan = proposed(&world, 2);
    let says = waiting(&world, &run).expect("it waits");
    let wanted = format!("windlass approve shop/production#2 --plan {}", plan.short());
    assert!(
        says.starts_with("approval: waits for 2 approvals of anna or lena or tom") && says.contains(&wanted),
        "{says}"
    );
    assert_eq!(why(&approve(&mut world, 2, plan, "eve")), "production is approved by anna or lena or tom, not by eve");
    assert!(why(&approve(&mut world, 2, Digest::of(b"another"), "lena")).starts_with("the plan has changed"));
    approve(&mut world, 2, plan, "lena");
    assert_eq!(why(&approve(&mut world, 2, plan, "lena")), "lena has approved this plan already");
    assert_eq!(world.deployment(2).state, DeploymentState::AwaitingApproval);
    approve(&mut world, 2, plan, "tom");
    assert_eq!(world.deployment(2).plan.as_ref().map(DeploymentPlan::digest), Some(plan), "exactly that");
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    assert!(why(&approve(&mut world, 2, plan, "anna")).contains("has ended"));
}

#[test]
fn another_plan_needs_new_approvals_and_who_asked_gives_none() {
    let mut world = approved_by(1);
    world.push(&canary());
    let before = proposed(&world, 2);
    world.enrol(4);
    world.work_all();
    let after = proposed(&world, 2);
    assert_ne!(before, after, "there is one more target");
    assert!(why(&approve(&mut world, 2, before, "lena")).starts_with("the plan has changed"));
    world.turn(ask(2, DeploymentVerb::Abort(None)));
    assert_eq!(world.deployment(2).state, DeploymentState::Ended(DeploymentOutcome::Aborted));
    world.turn(Input::Deploy {
        lane: lane_id(),
        release: Some(release_id(2)),
        plan: None,
        manner: Manner::default(),
        by: by(),
        reason: String::new(),
    });
    let plan = proposed(&world, 4);
    assert_eq!(
        why(&approve(&mut world, 4, plan, "lena")),
        "lena asked for shop/production#4: somebody else approves it"
    );
    approve(&mut world, 4, plan, "tom");
    assert_eq!(world.finish(4), DeploymentOutcome::Succeeded);
}

#[test]
fn a_way_back_waits_for_no_approval() {
    let mut world = World::new(3, None);
    world.released();
    world.released();
    demand(&mut world, 1);
    world.turn(Input::Rollback { lane: lane_id(), to: Some(release_id(1)), by: by(), reason: "slow".to_owned() });
    assert_eq!(world.finish(3), DeploymentOutcome::Succeeded);
}
