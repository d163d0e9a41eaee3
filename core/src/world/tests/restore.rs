use super::harness::{World, held, key, name};
use crate::answer::Refusal;
use crate::attempt::LineBody;
use crate::input::Input;
use crate::model::{Duration, Outcome, UnknownReason};
use crate::place::explain;

const ONE: &str = "jobs:\n  build: {run: make}\n";

/// The next start after a restore.
fn restore(world: &mut World) {
    world.input(Input::Begin { epoch: 2, restored: true });
}

fn start() -> Input {
    Input::StartProject { project: name("shop"), by: "mara".to_owned(), reason: "all are back".to_owned() }
}

fn restored() -> Option<Outcome> {
    Some(Outcome::Unknown { reason: UnknownReason::Restored })
}

#[test]
fn a_restored_master_places_nothing_in_a_project_until_a_named_person_starts_it() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    restore(&mut world);
    world.hello(agent, 2, Vec::new());
    let run = world.run(ONE);
    assert_eq!(run.number, 1_001, "no number means two things");
    let job = world.live(&run).job(&key("build")).expect("build").clone();
    assert!(job.attempts.is_empty());
    let why = explain(&world.state, world.live(&run), &job).expect("it waits");
    assert_eq!(why.reason(), "stopped");
    assert!(why.to_string().contains("windlass projects start shop"), "{why}");
    world.input(start());
    assert!(world.live(&run).job(&key("build")).is_some_and(|job| job.attempts.len() == 1));
    assert!(matches!(world.refusal(start()), Refusal::Rejected(_)), "it is started");
    world.assert_replays();
}

#[test]
fn a_project_stays_stopped_over_restarts_and_its_counter_jumps_once() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    restore(&mut world);
    world.input(Input::Begin { epoch: 3, restored: false });
    world.hello(agent, 2, Vec::new());
    let run = world.run(ONE);
    assert_eq!(run.number, 1_001);
    assert!(world.live(&run).job(&key("build")).is_some_and(|job| job.attempts.is_empty()));
}

#[test]
fn what_an_absent_agent_may_hold_is_given_up_when_the_project_is_started_and_its_end_is_kept() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    restore(&mut world);
    world.step(Duration::from_secs(1));
    assert_eq!(world.outcome(&run, "build"), None, "nobody has said anything yet");
    world.input(start());
    assert_eq!(world.outcome(&run, "build"), restored());
    assert!(world.state.attempts.contains_key(&fence), "it may still be running");
    world.hello(agent, 2, vec![held(fence, 2)]);
    world.report(fence, 3, LineBody::Exit { outcome: Outcome::Succeeded, logs: vec![None], cancel_too_late: false });
    assert!(world.state.attempts.is_empty(), "its end came, and it is closed");
    world.assert_replays();
}

#[test]
fn what_an_agent_that_is_back_holds_goes_on() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    restore(&mut world);
    world.hello(agent, 2, vec![held(fence, 2)]);
    world.input(start());
    assert_eq!(world.outcome(&run, "build"), None);
    world.carry_out_rest(fence, Outcome::Succeeded);
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Succeeded));
}

#[test]
fn an_unknown_project_cannot_be_started() {
    let mut world = World::new();
    let other = Input::StartProject { project: name("shpo"), by: "mara".to_owned(), reason: "x".to_owned() };
    assert_eq!(world.refusal(other), Refusal::ProjectUnknown("shpo".to_owned()));
}
