//! What a lane owes and how it pays; what drifts, leaves, or was restored.

use super::world::*;
use crate::answer::Answer;
use crate::fact::{DeploymentFact, Fact};
use crate::input::{Input, LaneVerb};
use crate::model::deployment::{DeploymentKind, DeploymentOutcome};
use crate::model::*;

fn verb(world: &mut World, verb: LaneVerb) -> Answer {
    world.turn(Input::Lane { lane: lane_id(), verb, by: "lena".to_owned(), reason: "I looked".to_owned() })
}

fn converge(target: Option<&str>) -> LaneVerb {
    LaneVerb::Converge(target.map(|name| AgentName::new(name).expect("a name")))
}

fn owes(world: &World) -> Vec<String> {
    let name = |agent: &AgentId| world.state.agents.get(agent).expect("an agent").register.name.to_string();
    world.lane().owed.keys().map(name).collect()
}

/// Three targets on r1; then r2 while `web2` was away.
fn one_missed_r2() -> World {
    let mut world = World::new(3, Some(Amount::Count(3)));
    world.released();
    world.disconnect("web2");
    world.push(&canary());
    assert_eq!(world.finish(2), DeploymentOutcome::Incomplete);
    assert_eq!(owes(&world), ["web2"]);
    world
}

#[test]
fn a_target_that_returns_is_drained_first_and_gets_what_is_wanted_now() {
    let mut world = one_missed_r2();
    world.push(&canary());
    assert_eq!(world.finish(3), DeploymentOutcome::Incomplete);
    world.connect("web2");
    let catch_up = world.deployment(4);
    assert_eq!((catch_up.kind, &catch_up.release), (DeploymentKind::CatchUp, &release_id(3)), "r2 is skipped");
    assert_eq!(catch_up.run.to_string(), "shop#4", "a run of its own");
    let (_, phase, change) = world.open("web2").expect("its job");
    assert_eq!((phase, change.stays_drained), (Phase::Change, true));
    let steps =
        &world.state.job(&world.deployment(4).run, &"deploy/change@web2".parse().expect("a key")).expect("a job");
    let Work::Steps(work) = &steps.plan.work else { panic!("steps") };
    let names: Vec<&str> = work.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["drain", "prepare", "switch", "check", "commit", "way_back"]);
    assert_eq!(world.finish(4), DeploymentOutcome::Succeeded);
    assert!(owes(&world).is_empty());
    assert_eq!(world.lane().last_good, Some(release_id(3)));
    assert!(world.facts.iter().any(|fact| matches!(
        fact,
        Fact::Deployment(DeploymentFact::DebtEnded { last_good: Some(good), .. }) if *good == release_id(3)
    )));
}

#[test]
fn a_target_that_came_up_on_the_release_by_itself_is_owed_nothing() {
    let mut world = one_missed_r2();
    let wanted = world.name_of(2);
    let seen = world.host("web2").seen.as_mut().expect("it ran r1");
    (seen.linked, seen.running) = (Some(wanted.clone()), Running::Release(wanted));
    world.connect("web2");
    assert!(owes(&world).is_empty() && world.lane().catch_up.is_none());
}

#[test]
fn who_fails_stays_out_of_traffic_and_is_tried_again_later_until_a_person_looks() {
    let mut world = one_missed_r2();
    world.host("web2").fate = Fate::FailsCheck;
    world.connect("web2");
    for (number, wait) in [(3, 600), (4, 3_600), (5, 6 * 3_600)] {
        assert_eq!(world.finish(number), DeploymentOutcome::Incomplete);
        let seen = world.hosts["web2"].seen.clone().expect("it says what it runs");
        assert!(seen.drained && seen.running == Running::Release(world.name_of(1)));
        // After three failures on the way to one release nobody is brought to it any more.
        if number == 5 {
            break;
        }
        world.pass(Duration::from_secs(wait - 200));
        assert!(world.lane().catch_up.is_none(), "not before {wait} s");
        world.pass(Duration::from_secs(200));
    }
    let stopped = world.lane().catch_up_stopped.clone().expect("a person looks first");
    assert!(stopped.starts_with("3 targets failed on their way to r2"), "{stopped}");
    world.pass(Duration::from_secs(100 * 3_600));
    assert!(world.lane().catch_up.is_none());
    world.host("web2").fate = Fate::Good;
    verb(&mut world, converge(Some("web2")));
    world.work_all();
    assert!(owes(&world).is_empty() && world.lane().catch_up_stopped.is_none());
    assert!(!world.hosts["web2"].seen.as_ref().expect("seen").drained);
}

#[test]
fn many_return_at_once_and_few_at_a_time_are_changed() {
    let mut world = World::new(20, None);
    world.released();
    let late: Vec<String> = (9..=20).map(|number| format!("web{number}")).collect();
    late.iter().for_each(|name| world.disconnect(name));
    world.push(&[batch(Amount::Rest, 0)]);
    // Twelve of twenty are out of service, and two may be: a person takes the ceiling away for once.
    let mut config = world.state.config.as_ref().clone();
    config.environments.get_mut(&lane_id().environment).expect("there").max_unavailable = Some(Amount::Percent(100));
    world.turn(Input::Deployment {
        deployment: deployment_id(2),
        verb: crate::input::DeploymentVerb::Abort(None),
        by: "lena".to_owned(),
        reason: "ceiling".to_owned(),
    });
    world.turn(Input::Configure(Box::new(config)));
    world.push(&[batch(Amount::Rest, 0)]);
    let number = world.lane().next_number - 1;
    assert_eq!(world.finish(number), DeploymentOutcome::Incomplete);
    assert_eq!(owes(&world).len(), 12);
    for name in &late {
        world.host(name).fate = Fate::FailsCheck;
        world.connect(name);
    }
    let changing = world.all(number + 1, "changing");
    assert_eq!(changing.len(), 2, "10 percent of 20: {changing:?}");
    assert_eq!(world.finish(number + 1), DeploymentOutcome::Incomplete);
    let failed = world.deployment(number + 1).failures;
    assert!((3..=4).contains(&failed), "{failed} found a bad release, not twelve");
    assert!(world.lane().catch_up_stopped.is_some());
}

#[test]
fn where_targets_do_not_replace_each_other_who_is_away_holds_nobody_up() {
    let mut world = World::new(3, None);
    world.released();
    world.disconnect("web2");
    world.push(&[batch(Amount::Rest, 0)]);
    assert_eq!(world.deployment(2).word(), "rejected", "one of three is out, and one may be");
    let mut config = world.state.config.as_ref().clone();
    config.environments.get_mut(&lane_id().environment).expect("there").independent = true;
    world.turn(Input::Configure(Box::new(config)));
    world.push(&[batch(Amount::Rest, 0)]);
    world.work_all();
    assert!(world.all(3, "changing").len() <= 1, "still one at a time");
    assert_eq!(world.finish(3), DeploymentOutcome::Incomplete);
}

#[test]
fn who_joins_during_a_deployment_gets_the_old_release_and_then_the_new_one() {
    let mut world = World::new(2, None);
    world.released();
    world.push(&canary());
    world.work_all();
    world.enrol(3);
    assert_eq!(world.deployment(3).release, release_id(1), "first what the lane wants so far");
    world.work_all();
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    assert_eq!(world.running("web3"), Some(world.name_of(2)));
    assert_eq!(world.deployment(2).targets.len(), 3);
}

#[test]
fn who_comes_in_late_and_cannot_be_prepared_is_no_failure_of_the_rollout() {
    for prepare in [Prepare::All, Prepare::Batch] {
        let mut world = World::new(2, None);
        world.rules = Rules { prepare, ..Rules::default() };
        world.push(&canary());
        assert_eq!(world.deployment(1).state.word(), "preparing");
        world.enrol(3);
        world.host("web3").fate = Fate::DiskFull;
        assert_eq!(world.finish(1), DeploymentOutcome::Incomplete, "{prepare:?}");
        let text = world.why_ended(1);
        assert!(text.starts_with("2 of 3 confirmed") && text.contains("owed: web3 (production/prepare@web3"), "{text}");
        assert_eq!(world.deployment(1).failures, 0, "{prepare:?}");
    }
}

#[test]
fn who_joins_a_quiet_lane_gets_what_it_wants() {
    let mut world = World::new(2, None);
    world.released();
    world.enrol(3);
    assert_eq!(world.finish(2), DeploymentOutcome::Succeeded);
    assert_eq!(world.running("web3"), Some(world.name_of(1)));
}

#[test]
fn what_was_moved_by_hand_is_drift_and_only_a_person_moves_it() {
    let mut world = World::new(2, None);
    world.released();
    world.released();
    let old = world.name_of(1);
    world.becomes("web1", |seen| {
        (seen.linked, seen.running) = (Some(old.clone()), Running::Release(old.clone()));
        seen.held_by_hand = true;
    });
    world.pass(Duration::from_secs(3_600));
    let drifted = crate::deploy::drifted(&world.state, world.lane());
    assert_eq!(drifted[0].1, format!("it runs {old}, held by hand"));
    assert!(owes(&world).is_empty() && world.lane().catch_up.is_none());
    world.push(&canary());
    let text = world.why_ended(3);
    assert!(text.contains("shop/production is mixed") && text.contains("web1: it runs r1"), "{text}");
    assert!(why(&verb(&mut world, converge(Some("web2")))).starts_with("web2 runs r2"));
    assert!(why(&verb(&mut world, converge(Some("web9")))).starts_with("web9 is no target"));
    verb(&mut world, converge(None));
    assert!(world.open("web1").expect("its job").2.lets_go);
    world.work_all();
    assert_eq!(world.running("web1"), Some(world.name_of(2)));
    assert!(!world.hosts["web1"].seen.as_ref().expect("seen").held_by_hand && owes(&world).is_empty());
    assert!(why(&verb(&mut world, converge(None))).starts_with("every target runs r2"));
}

#[test]
fn a_stop_of_everything_holds_a_catch_up_and_a_lock_does_not() {
    let mut world = one_missed_r2();
    verb(&mut world, LaneVerb::Lock);
    let stop = |lift| Input::StopAll { lift, by: "lena".to_owned(), reason: "fire".to_owned() };
    world.turn(stop(false));
    world.connect("web2");
    assert!(world.lane().catch_up.is_none());
    world.turn(stop(true));
    assert!(world.lane().catch_up.is_some());
    world.work_all();
    assert!(owes(&world).is_empty());
}

#[test]
fn a_target_that_left_is_listed_until_it_is_forgotten() {
    let mut world = World::new(2, None);
    world.released();
    let agent = world.hosts["web2"].agent;
    let forget = || LaneVerb::Forget(AgentName::new("web2").expect("a name"));
    assert!(why(&verb(&mut world, forget())).starts_with("web2 is a target of shop/production"));
    let entry = world.state.agents.get_mut(&agent).expect("an agent");
    std::sync::Arc::make_mut(entry).register.environments.clear();
    let left = crate::deploy::left(&world.state, world.lane());
    assert_eq!(left, [(agent, Some(world.name_of(1)))]);
    verb(&mut world, forget());
    assert!(crate::deploy::left(&world.state, world.lane()).is_empty());
    assert!(why(&verb(&mut world, forget())).contains("does not list web2"));
}

#[test]
fn a_restored_lane_does_nothing_before_a_person_has_adopted_it() {
    let mut world = World::new(2, None);
    world.released();
    world.restore();
    let project = world.state.projects.keys().next().expect("a project").clone();
    world.turn(Input::StartProject { project, by: "mara".to_owned(), reason: "restored".to_owned() });
    assert!(world.lane().fenced);
    // The targets have seen more than the backup knows of.
    for name in ["web1", "web2"] {
        world.host(name).seen.as_mut().expect("seen").generation = 40;
    }
    let run = world.push(&canary());
    let (run, job) = (world.state.runs.get(&run).expect("a run").clone(), "production");
    let waiting = crate::place::explain(&world.state, &run, run.job(&job.parse().expect("a key")).expect("a job"));
    assert!(waiting.expect("it waits").to_string().ends_with("`windlass lane adopt shop production`"));
    let roll = Input::Rollback { lane: lane_id(), to: None, by: "lena".to_owned(), reason: "slow".to_owned() };
    assert!(why(&world.turn(roll)).contains("`windlass lane adopt` comes first"));
    assert!(why(&verb(&mut world, LaneVerb::Adopt)).contains("have not said yet what they run"));
    world.connect("web1");
    world.connect("web2");
    verb(&mut world, LaneVerb::Adopt);
    assert!(!world.lane().fenced && world.lane().generation == 41);
    assert!(why(&verb(&mut world, LaneVerb::Adopt)).contains("is not fenced"));
    let number = world.lane().next_number - 1;
    assert_eq!(world.finish(number), DeploymentOutcome::Succeeded);
}
