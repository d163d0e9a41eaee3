//! Whole deployments, from the run to the last bake or the way back.

use super::world::*;
use crate::deploy::DeploymentState;
use crate::fact::{DeploymentFact, Fact};
use crate::input::Input;
use crate::model::deployment::{DeploymentKind, DeploymentOutcome, TargetState};
use crate::model::*;

#[test]
fn a_canary_and_the_rest_succeed_one_after_the_other() {
    let mut world = World::new(3, None);
    world.released();
    let run = world.push(&canary());
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    for name in ["web1", "web2", "web3"] {
        assert_eq!(world.running(name), Some(world.name_of(2)), "{name}");
    }
    let lane = world.lane();
    assert_eq!((&lane.desired, &lane.last_good), (&Some(release_id(2)), &Some(release_id(2))));
    assert!(lane.owed.is_empty() && lane.active.is_none());
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Succeeded));
}

#[test]
fn nothing_serving_is_touched_before_all_are_prepared() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work("web1");
    world.work("web2");
    assert_eq!(world.deployment(2).state, DeploymentState::Preparing);
    world.work("web3");
    assert_eq!(world.deployment(2).state, DeploymentState::Changing { batch: 0 });
    assert_eq!(world.all(2, "changing").len(), 1);
}

#[test]
fn a_canary_that_fails_its_check_brings_the_old_release_back_and_leaves_the_others_alone() {
    let mut world = World::new(3, None);
    world.released();
    let run = world.push(&canary());
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    let canary = world.the(2, "changing");
    world.host(&canary).fate = Fate::FailsCheck;
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
    for name in ["web1", "web2", "web3"] {
        assert_eq!(world.running(name), Some(world.name_of(1)), "{name}");
    }
    assert_eq!(world.all(2, "prepared").len(), 2);
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Failed { how: Failure::Code(20) }));
    let lane = world.lane();
    assert_eq!((&lane.desired, &lane.last_good), (&Some(release_id(1)), &Some(release_id(1))));
    assert!(lane.refused.contains_key(&release_id(2)) && lane.owed.is_empty() && lane.lock.is_none());
}

#[test]
fn a_failure_in_the_second_batch_takes_all_touched_targets_back() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work_all();
    world.pass(BAKE);
    assert_eq!(world.deployment(2).state, DeploymentState::Changing { batch: 1 });
    let second = world.the(2, "changing");
    world.host(&second).fate = Fate::FailsCheck;
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
    assert_eq!((world.all(2, "reverted").len(), world.all(2, "prepared").len()), (2, 1));
    assert!(["web1", "web2", "web3"].iter().all(|name| world.running(name) == Some(world.name_of(1))));
    let rollbacks =
        world.facts.iter().filter(|fact| matches!(fact, Fact::Deployment(DeploymentFact::RollbackStarted { .. })));
    assert_eq!(rollbacks.count(), 1);
}

#[test]
fn a_failure_within_the_budget_is_returned_alone_and_owed() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&[batch(Amount::Rest, 1)]);
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    let first = world.the(2, "changing");
    world.host(&first).fate = Fate::FailsCheck;
    assert_eq!(world.finish(2), DeploymentOutcome::Incomplete);
    let lane = world.lane();
    assert_eq!((&lane.desired, &lane.last_good), (&Some(release_id(2)), &Some(release_id(1))));
    assert_eq!(lane.owed.keys().collect::<Vec<_>>(), [&world.hosts[&first].agent]);
    assert_eq!(world.running(&first), Some(world.name_of(1)));
}

#[test]
fn a_target_that_turns_unhealthy_in_a_later_bake_within_the_budget_is_returned_under_a_new_generation() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&[batch(Amount::Rest, 1)]);
    world.work_all();
    assert_eq!(world.deployment(2).state.word(), "baking");
    let before = world.lane().generation;
    world.becomes("web2", |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.target(2, "web2"), &TargetState::Reverting);
    assert_eq!(world.lane().generation, before + 1);
    assert_eq!(world.finish(2), DeploymentOutcome::Incomplete);
    assert_eq!(world.running("web2"), Some(world.name_of(1)));
    assert_eq!(world.running("web1"), Some(world.name_of(2)));
}

#[test]
fn the_first_release_ever_that_fails_leaves_nothing_behind() {
    let mut world = World::new(3, None);
    world.push(&canary());
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    let canary = world.the(1, "changing");
    world.host(&canary).fate = Fate::FailsCheck;
    assert_eq!(world.finish(1), DeploymentOutcome::RolledBack);
    let lane = world.lane();
    assert_eq!((&lane.desired, &lane.last_good), (&None, &None));
    assert_eq!(world.hosts[&canary].seen.as_ref().map(|seen| seen.linked.clone()), Some(None));
    assert!(lane.owed.is_empty());
}

#[test]
fn a_way_back_that_fails_twice_on_few_targets_stops_and_locks_the_lane() {
    let mut world = World::new(3, None);
    world.released();
    let run = world.push(&canary());
    world.work_all();
    let first = world.the(2, "confirmed");
    world.host(&first).fate = Fate::NoReturn;
    world.becomes(&first, |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.finish(2), DeploymentOutcome::RollbackFailed);
    let attempts = world
        .facts
        .iter()
        .filter(|fact| matches!(fact, Fact::Deployment(DeploymentFact::TargetAdmitted { phase: Phase::Revert, .. })));
    assert_eq!(attempts.count(), 2);
    assert!(world.lane().lock.is_some());
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Failed { how: Failure::Code(21) }));
    let later = world.push(&canary());
    assert_eq!(world.deployment(3).state, DeploymentState::Queued, "a locked lane starts nothing by itself");
    assert_eq!(world.entry_outcome(&later), None);
}

#[test]
fn the_breaker_leaves_targets_that_serve_alone() {
    let mut world = World::new(6, Some(Amount::Count(6)));
    world.released();
    world.push(&[batch(Amount::Rest, 0)]);
    world.work_all();
    for name in ["web1", "web2", "web3"] {
        world.host(name).fate = Fate::NoReturn;
    }
    world.becomes("web1", |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.finish(2), DeploymentOutcome::RollbackFailed);
    let still = world.hosts.keys().filter(|name| world.running(name) == Some(world.name_of(2))).count();
    assert!(still >= 2, "{still} still serve the new release");
}

#[test]
fn an_offline_target_is_owed_the_release_and_gets_it_when_it_is_back() {
    let mut world = World::new(3, None);
    world.disconnect("web2");
    let run = world.push(&canary());
    assert_eq!(world.finish(1), DeploymentOutcome::Incomplete);
    assert_eq!(world.lane().owed.keys().collect::<Vec<_>>(), [&world.hosts["web2"].agent]);
    assert_eq!(world.lane().last_good, None, "two of three are less than 90 percent");
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Failed { how: Failure::Code(3) }));
    world.connect("web2");
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    assert_eq!(world.deployment(2).kind, DeploymentKind::CatchUp);
    assert!(world.lane().owed.is_empty());
    assert_eq!(world.running("web2"), Some(world.name_of(1)));
    assert_eq!(world.lane().last_good, Some(release_id(1)), "nobody is owed it any more");
}

#[test]
fn an_agent_lost_in_its_change_counts_as_one_failure_and_comes_back_on_its_way_back() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    let lost = world.the(2, "changing");
    let (fence, phase, change) = world.open(&lost).expect("its change");
    world.disconnect(&lost);
    world.pass(Duration::from_secs(30));
    assert_eq!(world.target(2, &lost), &TargetState::Changing, "silence alone ends no job");
    world.pass(LOST);
    assert_eq!(world.deployment(2).failures, 1);
    let state = world.deployment(2).state.clone();
    assert_eq!(state, DeploymentState::Ended(DeploymentOutcome::RolledBack));
    assert!(world.lane().owed.contains_key(&world.hosts[&lost].agent));
    // Its shim went on alone; the cancel reaches it when it is back.
    world.connect(&lost);
    world.host(&lost).carry_out(phase, &change, true);
    world.report(&lost, fence, Outcome::Cancelled);
    assert_eq!(world.running(&lost), Some(world.name_of(1)));
}

#[test]
fn a_restarted_master_admits_nobody_until_every_touched_target_has_answered() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work_all();
    let canary = world.the(2, "confirmed");
    world.begin();
    let others: Vec<String> = world.hosts.keys().filter(|name| **name != canary).cloned().collect();
    for name in &others {
        world.connect(name);
    }
    assert_eq!(world.deployment(2).state.word(), "baking");
    world.connect(&canary);
    world.pass(BAKE);
    assert_eq!(world.deployment(2).state, DeploymentState::Changing { batch: 1 });
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
}

#[test]
fn the_newest_request_supersedes_the_one_that_waits_and_never_the_active_one() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    let waits = world.push(&canary());
    assert_eq!(world.lane().pending, Some(deployment_id(3)));
    world.push(&canary());
    assert_eq!(world.lane().pending, Some(deployment_id(4)));
    assert_eq!(world.lane().active, Some(deployment_id(2)));
    assert!(matches!(world.entry_outcome(&waits), Some(Outcome::Skipped { .. })));
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    assert_eq!(world.finish(4), DeploymentOutcome::Succeeded);
    assert_eq!(world.lane().desired, Some(release_id(4)));
}

#[test]
fn an_older_commit_neither_takes_the_place_of_a_newer_one_nor_follows_it() {
    let mut world = World::new(3, None);
    world.released();
    world.push_at(20, "main", &canary());
    world.push_at(30, "main", &canary());
    let older = world.push_at(25, "main", &canary());
    assert_eq!(world.lane().pending, Some(deployment_id(3)));
    assert!(matches!(world.entry_outcome(&older), Some(Outcome::Skipped { .. })));
    world.finish(2);
    world.finish(3);
    let oldest = world.push_at(10, "main", &canary());
    let Some(Outcome::NotStarted { reason: NotStarted::Rejected(why) }) = world.entry_outcome(&oldest) else {
        panic!("{:?}", world.entry_outcome(&oldest));
    };
    assert!(why.contains("older"), "{why}");
}

#[test]
fn a_refused_release_and_its_revision_are_not_deployed_again_by_a_run() {
    let mut world = World::new(3, None);
    world.released();
    world.push_at(10, "main", &canary());
    world.work_all();
    let canary_host = world.the(2, "confirmed");
    world.becomes(&canary_host, |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
    let again = world.push_at(10, "main", &canary());
    assert!(matches!(world.entry_outcome(&again), Some(Outcome::NotStarted { .. })));
    world.push_at(11, "main", &canary());
    let newest = world.lane().next_number - 1;
    assert_eq!(world.finish(newest), DeploymentOutcome::Succeeded, "a newer revision may follow");
}

#[test]
fn what_cannot_be_prepared_is_rejected_before_anything_is_touched() {
    let mut world = World::new(3, None);
    world.released();
    world.host("web2").fate = Fate::DiskFull;
    let run = world.push(&canary());
    assert_eq!(world.finish(2), DeploymentOutcome::Rejected);
    assert!(!world.deployment(2).has_touched());
    assert_eq!(world.lane().desired, Some(release_id(1)));
    let Some(Outcome::NotStarted { reason: NotStarted::Rejected(why) }) = world.entry_outcome(&run) else {
        panic!("{:?}", world.entry_outcome(&run));
    };
    assert!(why.contains("web2") && why.contains("1 not prepared, 0 allowed"), "{why}");
}

#[test]
fn a_bake_without_data_never_passes() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work_all();
    let canary = world.the(2, "confirmed");
    world.becomes(&canary, |seen| {
        seen.health = Health::NoData;
        seen.healthy_for = LOST;
    });
    for _ in 0..10 {
        world.pass(BAKE);
        assert_eq!(world.deployment(2).state.word(), "baking");
    }
    world.becomes(&canary, |seen| seen.health = Health::Healthy);
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
}

#[test]
fn a_first_release_too_is_put_in_place_at_most_so_many_at_a_time() {
    let mut world = World::new(5, Some(Amount::Count(2)));
    world.push(&[batch(Amount::Rest, 0)]);
    for name in ["web1", "web2", "web3", "web4", "web5"] {
        world.work(name);
    }
    assert_eq!(world.all(1, "changing").len(), 2);
    assert_eq!(world.finish(1), DeploymentOutcome::Succeeded);
}

#[test]
fn a_canary_that_is_away_proves_nothing_for_the_others() {
    let mut world = World::new(3, None);
    world.push(&canary());
    let canary = world.deployment(1).plan.as_ref().expect("it started").batches[0].targets[0].name.to_string();
    world.work(&canary);
    world.disconnect(&canary);
    assert_eq!(world.finish(1), DeploymentOutcome::Rejected);
    assert!(world.deployment(1).why.contains("no target of batch 1 is confirmed"), "{}", world.deployment(1).why);
    assert!(!world.deployment(1).has_touched());
}

#[test]
fn after_a_restart_no_further_target_is_admitted_before_the_touched_ones_have_answered() {
    let mut world = World::new(3, Some(Amount::Percent(100)));
    world.released();
    world.push(&canary());
    world.work_all();
    let late = world.all(2, "prepared").remove(0);
    world.pass(Duration::from_secs(100));
    world.disconnect(&late);
    world.pass(Duration::from_secs(20));
    let (canary, second) = (world.the(2, "confirmed"), world.the(2, "changing"));
    world.begin();
    world.connect(&late);
    world.connect(&second);
    assert_eq!(world.target(2, &late), &TargetState::Prepared, "the canary has not said what it runs");
    world.connect(&canary);
    assert_eq!(world.target(2, &late), &TargetState::Changing);
}

#[test]
fn after_a_restore_no_deployment_goes_on_before_a_person_starts_the_project() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work_all();
    assert!(matches!(world.deployment(2).state, DeploymentState::Baking { .. }));
    world.restore();
    let facts = world.facts.len();
    world.pass(Duration::from_secs(7 * 24 * 3600));
    let decided = |fact: &Fact| matches!(fact, Fact::Deployment(_) | Fact::JobPlaced { .. });
    assert!(!world.facts[facts..].iter().any(decided), "nobody is silent for too long while the project is stopped");
    for name in ["web1", "web2", "web3"] {
        world.connect(name);
    }
    world.pass(BAKE);
    world.pass(BAKE);
    assert!(!world.facts[facts..].iter().any(decided), "nothing was baked for long enough either");
    let project = ProjectName::new("shop").expect("a name");
    world.turn(Input::StartProject { project, by: "mara".to_owned(), reason: "all are back".to_owned() });
    assert!(!world.facts[facts..].iter().any(decided), "the lane is fenced");
    let adopt = crate::input::LaneVerb::Adopt;
    world.turn(Input::Lane { lane: lane_id(), verb: adopt, by: "mara".to_owned(), reason: "I looked".to_owned() });
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
}
