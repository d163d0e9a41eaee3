//! Fixing forward in an incident, and windows in which nothing starts.

use super::world::*;
use crate::deploy::DeploymentState;
use crate::fact::{DeploymentFact, Fact};
use crate::input::{DeploymentVerb, Input, LaneVerb, Manner};
use crate::model::deployment::{DeploymentOutcome, TargetState};
use crate::model::*;

fn take_over(release: Option<u64>) -> Input {
    let (by, reason) = ("lena".to_owned(), "the fix".to_owned());
    Input::Deploy {
        lane: lane_id(),
        release: release.map(release_id),
        plan: None,
        manner: Manner { take_over: true, ..Manner::default() },
        by,
        reason,
    }
}

fn pause(world: &mut World, number: u64) {
    let (deployment, by, reason) = (deployment_id(number), "lena".to_owned(), "odd".to_owned());
    world.turn(Input::Deployment { deployment, verb: DeploymentVerb::Pause, by, reason });
}

/// A fourth commit that is built and waits behind whatever the lane does; the pipeline's own request for it is superseded.
fn fix_is_built(world: &mut World) -> u64 {
    world.push(&canary());
    world.state.services.get(&lane_id().service).expect("a service").next_release - 1
}

/// Three targets on r1, and r2 with its canary confirmed and one more in change.
fn in_the_middle() -> World {
    let mut world = World::new(3, None);
    world.released();
    world.push(&[batch(Amount::Count(1), 0), batch(Amount::Rest, 0)]);
    world.work_all();
    world.pass(BAKE);
    assert_eq!(world.all(2, "confirmed").len(), 1);
    assert_eq!(world.all(2, "changing").len(), 1);
    world
}

#[test]
fn a_person_puts_a_fix_in_the_place_of_a_way_back() {
    let mut world = in_the_middle();
    let failing = world.the(2, "changing");
    world.host(&failing).fate = Fate::FailsCheck;
    world.work(&failing);
    assert_eq!(world.deployment(2).state, DeploymentState::RollingBack);
    let fix = fix_is_built(&mut world);
    let lock = LaneVerb::Lock;
    world.turn(Input::Lane { lane: lane_id(), verb: lock, by: "tom".to_owned(), reason: "incident".to_owned() });
    let reverting = world.all(2, "reverting");
    assert_eq!(reverting.len(), 1, "the canary goes back");
    world.turn(take_over(Some(fix)));
    let number = world.lane().active.as_ref().expect("it has the lane").number;
    assert_eq!(world.deployment(number).release, release_id(fix));
    assert!(world.deployment(number).takes_over && world.lane().refused.contains_key(&release_id(2)));
    let old = world.state.deployments.get(&deployment_id(2)).expect("it is the newest that ended");
    assert_eq!(old.state, DeploymentState::Ended(DeploymentOutcome::Aborted));
    let text = world.why_ended(2);
    assert!(text.starts_with(&format!("taken over by shop/production#{number}, lena: the fix")), "{text}");
    // The way back that was in flight reaches its end, and only then is that target prepared.
    assert_eq!(world.target(number, &reverting[0]), &TargetState::Waiting);
    world.host(&failing).fate = Fate::Good;
    assert_eq!(world.finish(number), DeploymentOutcome::Succeeded);
    assert_eq!(world.lane().last_good, Some(release_id(fix)));
    assert!(world.lane().lock.is_some(), "what a person locked stays locked by that person");
    let back: Vec<&WayBack> = world.deployment(number).targets.iter().map(|target| &target.way_back).collect();
    assert!(back.iter().all(|to| **to == WayBack::Release(world.name_of(1))), "never to what failed: {back:?}");
}

#[test]
fn changes_in_flight_are_cancelled_and_take_their_way_back() {
    let mut world = in_the_middle();
    pause(&mut world, 2);
    let fix = fix_is_built(&mut world);
    let changing = world.the(2, "changing");
    let (fence, ..) = world.open(&changing).expect("its change");
    world.turn(take_over(Some(fix)));
    let number = world.lane().active.as_ref().expect("it has the lane").number;
    assert!(world.state.attempt(fence).is_some_and(|(job, _)| job.cancel.is_some()));
    world.work(&changing);
    assert_eq!(world.running(&changing), Some(world.name_of(1)));
    assert_eq!(world.finish(number), DeploymentOutcome::Succeeded);
}

#[test]
fn a_fix_that_fails_goes_back_to_the_last_good_release() {
    let mut world = in_the_middle();
    pause(&mut world, 2);
    let fix = fix_is_built(&mut world);
    world.turn(take_over(Some(fix)));
    for name in ["web1", "web2", "web3"] {
        world.host(name).fate = Fate::FailsCheck;
    }
    let number = world.lane().active.as_ref().expect("it has the lane").number;
    assert_eq!(world.finish(number), DeploymentOutcome::RolledBack);
    world.pass(BAKE);
    assert_eq!(world.lane().desired, Some(release_id(1)));
}

#[test]
fn what_goes_well_or_is_whole_is_not_taken_over() {
    let mut world = in_the_middle();
    let fix = fix_is_built(&mut world);
    assert!(why(&world.turn(take_over(Some(fix)))).contains("shop/production#2 is changing and neither paused"));
    pause(&mut world, 2);
    assert!(why(&world.turn(take_over(Some(2)))).contains("is what failed"));
    let stop = |lift| Input::StopAll { lift, by: "tom".to_owned(), reason: "fire".to_owned() };
    world.turn(stop(false));
    world.turn(take_over(Some(fix)));
    assert_eq!(world.lane().active, Some(deployment_id(2)), "it waits while everything is stopped");
    world.turn(stop(true));
    let number = world.lane().active.as_ref().expect("it has the lane").number;
    assert_eq!(world.finish(number), DeploymentOutcome::Succeeded);
    assert!(why(&world.turn(take_over(Some(fix)))).contains("is idle and whole"));
}

#[test]
fn a_take_over_needs_the_approvals_of_an_incident_and_not_those_of_every_day() {
    let mut world = in_the_middle();
    pause(&mut world, 2);
    let fix = fix_is_built(&mut world);
    let mut config = world.state.config.as_ref().clone();
    let rails = config.environments.get_mut(&lane_id().environment).expect("there");
    rails.approvals = Approvals { required: 2, from: ["anna", "ben"].map(str::to_owned).into() };
    rails.incident_approvals = Approvals { required: 1, from: ["tom".to_owned()].into() };
    world.turn(Input::Configure(Box::new(config)));
    world.turn(take_over(Some(fix)));
    let number = world.lane().pending.as_ref().expect("it waits").number;
    let plan = world.deployment(number).proposed.as_ref().expect("a plan").digest();
    assert_eq!(world.lane().active, Some(deployment_id(2)), "it holds nothing before");
    let verb = DeploymentVerb::Approve(plan);
    let approve = |by: &str| Input::Deployment {
        deployment: deployment_id(number),
        verb: verb.clone(),
        by: by.to_owned(),
        reason: String::new(),
    };
    assert!(why(&world.turn(approve("anna"))).contains("is approved by tom"));
    world.turn(approve("tom"));
    let taken = world.facts.iter().any(|fact| {
        matches!(
            fact,
            Fact::Deployment(DeploymentFact::TakenOver { approvals, .. }) if approvals == &["tom"]
        )
    });
    assert!(taken);
    assert_eq!(world.finish(number), DeploymentOutcome::Succeeded);
}

#[test]
fn a_freeze_holds_what_is_new_and_nothing_else() {
    let mut world = World::new(2, None);
    world.released();
    world.released();
    // The clock of the world begins on Thursday, 1970-01-01, 00:16.
    let mut config = world.state.config.as_ref().clone();
    let rails = config.environments.get_mut(&lane_id().environment).expect("there");
    rails.freeze =
        ["Thu 00:00 - Thu 12:00 UTC", "Thu 12:00 - Thu 13:00 UTC"].map(|text| text.parse().expect("a window")).into();
    world.turn(Input::Configure(Box::new(config)));
    let run = world.push(&canary());
    assert_eq!(world.deployment(3).state, DeploymentState::Queued);
    let (run, job) = (world.state.runs.get(&run).expect("a run").clone(), "production".parse().expect("a key"));
    let waiting = crate::place::explain(&world.state, &run, run.job(&job).expect("a job")).expect("it waits");
    assert_eq!(waiting.to_string(), "nothing starts in production within Thu 00:00 - Thu 12:00 UTC");
    let end = UnixMs(13 * 3_600_000);
    assert_eq!(crate::deploy::next_deadline(&world.state, world.now), Some(end), "windows that touch are one");
    let (by, reason) = ("lena".to_owned(), "slow".to_owned());
    world.turn(Input::Rollback { lane: lane_id(), to: Some(release_id(1)), by, reason });
    assert_eq!(world.finish(4), DeploymentOutcome::Succeeded, "the way back does not wait");
    assert_eq!(world.deployment(3).state, DeploymentState::Queued);
    world.pass(end.since(world.now));
    assert_ne!(world.deployment(3).state, DeploymentState::Queued);
}
