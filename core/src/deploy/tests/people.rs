//! What people ask: deploy, abort, rollback; and what is refused.

use super::world::*;
use crate::answer::{Answer, Refusal};
use crate::deploy::DeploymentState;
use crate::input::{DeploymentVerb, Input, Manner, RequestKey};
use crate::model::deployment::{DeploymentKind, DeploymentOutcome};
use crate::model::*;

fn deploy(release: Option<u64>, plan: Option<Digest>, key: Option<&str>) -> Input {
    let input = Input::Deploy {
        lane: lane_id(),
        release: release.map(release_id),
        plan,
        manner: Manner { downgrade: true, ..Manner::default() },
        by: "lena".to_owned(),
        reason: String::new(),
    };
    key.map_or(input.clone(), |key| once(key, input))
}

fn once(key: &str, input: Input) -> Input {
    let key = RequestKey { name: format!("lena\n{key}"), request: Digest::of(format!("{input:?}").as_bytes()) };
    Input::Once { key, input: Box::new(input) }
}

fn rollback(to: Option<u64>) -> Input {
    Input::Rollback {
        lane: lane_id(),
        to: to.map(release_id),
        by: "lena".to_owned(),
        reason: "checkout is broken".to_owned(),
    }
}

fn abort(number: u64) -> Input {
    asked(number, DeploymentVerb::Abort(None))
}

fn asked(number: u64, verb: DeploymentVerb) -> Input {
    let (deployment, by) = (deployment_id(number), "lena".to_owned());
    Input::Deployment { deployment, verb, by, reason: "wrong button".to_owned() }
}

#[test]
fn a_person_deploys_a_release_that_exists_in_a_run_of_its_own() {
    let mut world = World::new(3, None);
    world.released();
    world.released();
    let answer = world.turn(deploy(Some(1), None, Some("k")));
    let Answer::Deployment { deployment, run } = answer.clone() else { panic!("{answer:?}") };
    assert_eq!((deployment, run.number), (deployment_id(3), 3));
    let again = Answer::Again(Box::new(answer));
    assert_eq!(world.turn(deploy(Some(1), None, Some("k"))), again, "the same key makes one deployment");
    assert_eq!(world.finish(3), DeploymentOutcome::Succeeded);
    assert_eq!(world.turn(deploy(Some(1), None, Some("k"))), again, "also when it is over");
    assert_eq!(world.lane().desired, Some(release_id(1)));
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Succeeded));
}

#[test]
fn a_plan_that_changed_is_refused_and_an_unchanged_one_is_carried_out() {
    let mut world = World::new(3, None);
    world.released();
    world.released();
    let release = world.state.releases.get(&release_id(1)).expect("made").clone();
    let plan = crate::deploy::plan(&world.state, &lane_id(), &release).expect("three targets");
    let digest = plan.digest();
    let other = Digest::of(b"another");
    assert_eq!(world.turn(deploy(Some(1), Some(other), None)), Answer::Refused(Refusal::PlanChanged { now: digest }));
    assert!(matches!(world.turn(deploy(Some(1), Some(digest), None)), Answer::Deployment { .. }));
    assert_eq!(world.deployment(3).plan.as_ref(), Some(&plan));
}

#[test]
fn requests_that_make_no_sense_are_refused_with_the_reason() {
    let mut world = World::new(3, None);
    world.released();
    assert!(why(&world.turn(deploy(None, None, None))).contains("nothing to change"));
    assert_eq!(why(&world.turn(deploy(Some(9), None, None))), "there is no release shop r9");
    assert_eq!(why(&world.turn(abort(9))), "there is no deployment shop/production#9");
    assert_eq!(why(&world.turn(abort(1))), "shop/production#1 has ended");
    let elsewhere = LaneId { service: lane_id().service, environment: EnvironmentName::new("moon").expect("a name") };
    let input = Input::Deploy {
        lane: elsewhere,
        release: None,
        plan: None,
        manner: Manner::default(),
        by: "lena".to_owned(),
        reason: String::new(),
    };
    assert_eq!(why(&world.turn(input)), "there is no environment moon");
}

#[test]
fn a_branch_that_the_environment_does_not_take_is_rejected() {
    let mut world = World::new(3, None);
    world.released();
    let run = world.push_at(99, "wip", &canary());
    let Some(Outcome::NotStarted { reason: NotStarted::Rejected(why) }) = world.entry_outcome(&run) else {
        panic!("{:?}", world.entry_outcome(&run));
    };
    assert!(why.contains("branch \"wip\""), "{why}");
}

#[test]
fn with_nobody_here_or_no_room_left_a_plan_is_refused_with_the_arithmetic() {
    let mut world = World::new(3, None);
    world.released();
    world.released();
    world.disconnect("web2");
    assert_eq!(
        why(&world.turn(deploy(Some(1), None, None))),
        "1 of 3 targets stay out of service: web2 (away); 1 may be out at a time, so that none is left to change"
    );
    world.disconnect("web1");
    world.disconnect("web3");
    let answer = why(&world.turn(deploy(Some(1), None, None)));
    assert!(answer.starts_with("0 of 3 targets of production can be changed"), "{answer}");
}

#[test]
fn an_environment_that_requires_cgroups_gives_nothing_to_agents_without_them() {
    let mut world = World::new(3, None);
    world.released();
    world.released();
    let mut config = world.state.config.as_ref().clone();
    config.environments.values_mut().for_each(|environment| environment.require_cgroup = true);
    world.turn(Input::Configure(Box::new(config)));
    let answer = why(&world.turn(deploy(Some(1), None, None)));
    assert!(answer.contains("web1 (it ends jobs by process group)"), "{answer}");
}

#[test]
fn an_abort_before_a_touch_leaves_no_trace() {
    let mut world = World::new(3, None);
    world.released();
    let run = world.push(&canary());
    world.work("web1");
    world.turn(abort(2));
    assert_eq!(world.deployment(2).state, DeploymentState::Ended(DeploymentOutcome::Aborted));
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Cancelled));
    assert!(!world.lane().refused.contains_key(&release_id(2)));
    assert_eq!(world.lane().desired, Some(release_id(1)));
}

#[test]
fn an_abort_after_a_touch_takes_the_way_back() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    let changing = world.the(2, "changing");
    world.turn(abort(2));
    assert_eq!(world.deployment(2).state, DeploymentState::RollingBack);
    let (fence, ..) = world.open(&changing).expect("its change is open");
    assert!(world.state.attempt(fence).is_some_and(|(job, _)| job.cancel.is_some()), "changes in flight are cancelled");
    assert!(matches!(world.turn(abort(2)), Answer::Deployment { .. }), "once more changes nothing");
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
    assert!(["web1", "web2", "web3"].iter().all(|name| world.running(name) == Some(world.name_of(1))));
}

#[test]
fn a_rollback_without_an_active_deployment_returns_every_target_one_at_a_time() {
    let mut world = World::new(3, None);
    world.released();
    world.released();
    let answer = world.turn(rollback(Some(1)));
    let Answer::Deployment { run, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(world.deployment(3).kind, DeploymentKind::Rollback);
    assert_eq!(world.lane().desired, Some(release_id(1)));
    for name in ["web1", "web2", "web3"] {
        world.work(name);
    }
    assert_eq!(world.all(3, "reverting").len(), 1, "healthy targets go back one at a time");
    assert_eq!(world.finish(3), DeploymentOutcome::Succeeded);
    assert!(["web1", "web2", "web3"].iter().all(|name| world.running(name) == Some(world.name_of(1))));
    assert_eq!(world.entry_outcome(&run), Some(&Outcome::Succeeded));
    assert_eq!(world.lane().last_good, Some(release_id(1)));
}

#[test]
fn a_rollback_of_an_active_deployment_is_its_abort() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work_all();
    assert!(why(&world.turn(rollback(Some(1)))).contains("is active"));
    world.turn(rollback(None));
    assert_eq!(world.finish(2), DeploymentOutcome::RolledBack);
}

#[test]
fn a_rollback_reads_no_lock_and_lifts_it_when_it_worked() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    world.work_all();
    let canary_host = world.the(2, "confirmed");
    world.host(&canary_host).fate = Fate::NoReturn;
    world.becomes(&canary_host, |seen| seen.health = Health::Unhealthy);
    assert_eq!(world.finish(2), DeploymentOutcome::RollbackFailed);
    world.host(&canary_host).fate = Fate::Good;
    world.turn(rollback(None));
    assert_eq!(world.finish(3), DeploymentOutcome::Succeeded);
    assert_eq!(world.lane().lock, None);
    assert_eq!(world.running(&canary_host), Some(world.name_of(1)));
}

#[test]
fn a_plan_prints_itself() {
    let mut world = World::new(3, None);
    world.released();
    world.push(&canary());
    let plan = world.deployment(2).plan.clone().expect("it started");
    let names: Vec<String> = plan
        .batches
        .iter()
        .map(|batch| batch.targets.iter().map(|t| t.name.to_string()).collect::<Vec<_>>().join(", "))
        .collect();
    let digest = plan.digest().short();
    let expected = format!(
        "plan {}  shop {} \"change 2\"   from r1 · 3 targets\n  batch 1   {}   {{targets: 1, bake: 2m, budget: 0}}   1 of 3 targets, 1 at a time\n  batch 2   {}   {{targets: 2, bake: 2m, budget: 0}}   2 of 3 targets, 1 at a time\n  way back  {}, on 3 of 3 targets; verified before the first is touched\n",
        &digest[..4],
        world.name_of(2),
        names[0],
        names[1],
        world.name_of(1)
    );
    assert_eq!(plan.to_string(), expected);
}
