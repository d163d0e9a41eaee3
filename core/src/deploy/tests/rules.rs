//! What a deploy entry may say besides its batches, and how a person may deploy and abort.

use super::world::*;
use crate::answer::Answer;
use crate::deploy::DeploymentState;
use crate::input::{DeploymentVerb, Input, LaneVerb, Manner};
use crate::model::deployment::DeploymentOutcome;
use crate::model::*;

fn ask(world: &mut World, number: u64, verb: DeploymentVerb) -> Answer {
    let (deployment, by, reason) = (deployment_id(number), "lena".to_owned(), "I looked".to_owned());
    world.turn(Input::Deployment { deployment, verb, by, reason })
}

fn deploy(world: &mut World, release: u64, manner: Manner) -> Answer {
    let (by, reason) = ("lena".to_owned(), "I looked".to_owned());
    world.turn(Input::Deploy { lane: lane_id(), release: Some(release_id(release)), plan: None, manner, by, reason })
}

/// Three targets on r1 and the canary of r2 confirmed, under these rules.
fn by_rules(rules: Rules) -> World {
    let mut world = World::new(3, None);
    world.released();
    world.rules = rules;
    world.push(&canary());
    world.work_all();
    world
}

#[test]
fn what_fails_pauses_where_the_file_wants_a_person_and_goes_on_with_what_that_one_accepted() {
    let mut world = by_rules(Rules { on_failure: OnFailure::Pause, ..Rules::default() });
    let canary = world.the(2, "confirmed");
    world.becomes(&canary, |seen| seen.health = Health::Unhealthy);
    let paused = world.deployment(2).paused.clone();
    assert!(matches!(paused, Some(Pause::Failed { ref why }) if why.starts_with("1 failure, 0 allowed")), "{paused:?}");
    world.pass(BAKE);
    assert_eq!(world.all(2, "prepared").len(), 2);
    ask(&mut world, 2, DeploymentVerb::Resume);
    assert_eq!(world.deployment(2).accepted, 1);
    assert_eq!(world.finish(2), DeploymentOutcome::Incomplete);
    assert_eq!(world.running(&canary), Some(world.name_of(1)), "the accepted failure went back alone");
}

#[test]
fn what_failed_and_is_paused_goes_back_when_a_person_aborts_it() {
    let mut world = by_rules(Rules { on_failure: OnFailure::Pause, ..Rules::default() });
    let canary = world.the(2, "confirmed");
    world.becomes(&canary, |seen| seen.health = Health::Unhealthy);
    ask(&mut world, 2, DeploymentVerb::Abort(None));
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
}

#[test]
fn a_lane_is_locked_after_a_way_back_where_the_file_says_so() {
    let mut world = by_rules(Rules { after_rollback: AfterRollback::Lock, ..Rules::default() });
    let canary = world.the(2, "confirmed");
    world.becomes(&canary, |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
    world.push(&super::world::canary());
    assert_eq!(world.deployment(3).state, DeploymentState::Queued);
    assert!(world.lane().lock.as_ref().is_some_and(|lock| lock.by.is_none()));
    let (by, reason) = ("lena".to_owned(), "over".to_owned());
    world.turn(Input::Lane { lane: lane_id(), verb: LaneVerb::Unlock, by, reason });
    assert_eq!(world.finish(3), DeploymentOutcome::Succeeded);
}

#[test]
fn what_fails_stays_where_it_is_where_the_file_says_stop_and_the_lane_is_mixed() {
    let mut world = by_rules(Rules { on_failure: OnFailure::Stop, ..Rules::default() });
    let canary = world.the(2, "confirmed");
    world.becomes(&canary, |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.deployment(2).state, DeploymentState::Ended(DeploymentOutcome::Aborted));
    assert_eq!(world.running(&canary), Some(world.name_of(2)));
    assert_eq!(world.lane().desired, Some(release_id(1)), "desired stays");
    world.pass(BAKE);
    assert_eq!(crate::deploy::drifted(&world.state, world.lane()).len(), 1);
    assert!(world.lane().catch_up.is_none(), "only a person moves it");
}

#[test]
fn an_incomplete_deployment_is_enough_for_what_needs_it_where_the_file_says_so() {
    let mut world = World::new(3, Some(Amount::Count(3)));
    world.rules = Rules { accept_incomplete: true, ..Rules::default() };
    world.disconnect("web2");
    let run = world.push(&canary());
    assert_eq!(world.finish(1), DeploymentOutcome::Incomplete);
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Succeeded));
    assert_eq!(world.lane().owed.len(), 1, "the lane owes it all the same");
}

#[test]
fn batches_are_prepared_while_the_one_before_them_bakes_where_the_file_says_so() {
    let mut world = World::new(3, None);
    world.released();
    world.rules = Rules { prepare: Prepare::Batch, ..Rules::default() };
    world.push(&canary());
    let first = world.the(2, "preparing");
    assert_eq!(world.all(2, "waiting").len(), 2, "the others are not even prepared");
    while world.work(&first) {}
    assert_eq!(world.the(2, "confirmed"), first);
    assert_eq!(world.all(2, "preparing").len(), 2, "while the canary bakes");
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
}

#[test]
fn what_cannot_be_prepared_later_takes_nobody_back() {
    let mut world = World::new(3, None);
    world.released();
    world.rules = Rules { prepare: Prepare::Batch, ..Rules::default() };
    world.push(&canary());
    let first = world.the(2, "preparing");
    let others: Vec<String> = world.hosts.keys().filter(|name| **name != first).cloned().collect();
    others.iter().for_each(|name| world.host(name).fate = Fate::DiskFull);
    world.work_all();
    assert_eq!(world.the(2, "confirmed"), first);
    let paused = world.deployment(2).paused.clone();
    assert!(matches!(paused, Some(Pause::Failed { .. })), "{paused:?}");
    ask(&mut world, 2, DeploymentVerb::Resume);
    assert_eq!(world.finish(2), DeploymentOutcome::Incomplete, "the failures were accepted");
}

#[test]
fn a_master_that_was_away_for_long_asks_before_it_goes_on_and_not_before_it_goes_back() {
    let mut world = by_rules(Rules::default());
    world.now = world.now.after(Duration::from_secs(16 * 60));
    world.begin();
    for name in ["web1", "web2", "web3"] {
        world.connect(name);
    }
    assert!(matches!(world.deployment(2).paused, Some(Pause::Recovered { .. })), "{:?}", world.deployment(2).paused);
    ask(&mut world, 2, DeploymentVerb::Resume);
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);

    let mut world = by_rules(Rules::default());
    ask(&mut world, 2, DeploymentVerb::Abort(None));
    assert_eq!(world.deployment(2).state, DeploymentState::RollingBack);
    world.now = world.now.after(Duration::from_secs(16 * 60));
    world.begin();
    for name in ["web1", "web2", "web3"] {
        world.connect(name);
    }
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
}

#[test]
fn a_person_ends_it_where_it_is_and_says_what_the_lane_wants() {
    let mut world = by_rules(Rules::default());
    let hold = |release| DeploymentVerb::Abort(Some(release_id(release)));
    assert!(why(&ask(&mut world, 2, hold(9))).contains("shop r9"));
    ask(&mut world, 2, hold(2));
    assert_eq!(world.deployment(2).state, DeploymentState::Ended(DeploymentOutcome::Aborted));
    assert_eq!(world.lane().desired, Some(release_id(2)));
    assert_eq!(crate::deploy::drifted(&world.state, world.lane()).len(), 2, "two still run r1");
    assert!(why(&ask(&mut world, 2, hold(2))).contains("has ended"));
    world.push(&canary());
    assert!(world.why_ended(3).contains("is mixed"));
    assert!(why(&ask(&mut world, 3, hold(2))).contains("has ended"));
}

#[test]
fn nothing_is_held_before_a_touch_or_on_the_way_back() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    let hold = || DeploymentVerb::Abort(Some(release_id(1)));
    assert!(why(&ask(&mut world, 2, hold())).contains("has touched nothing"));
    world.work_all();
    ask(&mut world, 2, DeploymentVerb::Abort(None));
    assert!(why(&ask(&mut world, 2, hold())).contains("is on its way back"));
}

#[test]
fn an_older_release_is_a_downgrade_and_a_person_says_so() {
    let mut world = World::new(2, None);
    world.released();
    world.released();
    let refused = why(&deploy(&mut world, 1, Manner::default()));
    assert!(
        refused.contains("older than what shop/production wants") && refused.contains("`rollback --to r1`"),
        "{refused}"
    );
    deploy(&mut world, 1, Manner { downgrade: true, skip_self_test: true, ..Manner::default() });
    assert!(world.open("web1").or_else(|| world.open("web2")).expect("a prepare").2.skips_self_test);
    assert_eq!(world.finish(3), DeploymentOutcome::Succeeded);
    deploy(&mut world, 2, Manner::default());
    assert_eq!(world.finish(4), DeploymentOutcome::Succeeded);
}
