//! When an agent counts as lost, and from when silence is counted.

use super::harness::World;
use crate::input::Input;
use crate::model::{AgentId, Duration, Outcome, RunId, UnknownReason};

const ONE: &str = "jobs:\n  build: {run: make}\n";
const LOST: Option<Outcome> = Some(Outcome::Unknown { reason: UnknownReason::AgentLost });

fn silent() -> (World, AgentId, RunId) {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    world.begin(&run, "build");
    world.input(Input::SessionEnded { agent, session: 1 });
    (world, agent, run)
}

/// Lost in ten minutes from now, and not before.
fn is_lost_in_ten_minutes(world: &mut World, run: &RunId) {
    world.step(Duration::from_secs(599));
    assert_eq!(world.outcome(run, "build"), None, "absence proves nothing yet");
    world.step(Duration::from_secs(1));
    assert_eq!(world.outcome(run, "build"), LOST);
    world.assert_replays();
}

#[test]
fn silence_is_counted_from_the_end_of_the_session() {
    let (mut world, _, run) = silent();
    is_lost_in_ten_minutes(&mut world, &run);
}

#[test]
fn silence_is_counted_from_the_start_of_the_master() {
    let (mut world, _, run) = silent();
    world.now = world.now.after(Duration::from_secs(3_600));
    world.input(Input::Begin { epoch: 2, restored: false });
    is_lost_in_ten_minutes(&mut world, &run);
}

#[test]
fn silence_is_counted_from_the_end_of_a_pause_of_the_master() {
    let (mut world, _, run) = silent();
    world.now = world.now.after(Duration::from_secs(3_600));
    world.input(Input::Paused { for_ms: 3_600_000 });
    is_lost_in_ten_minutes(&mut world, &run);
}

#[test]
fn an_agent_that_is_back_in_time_loses_nothing() {
    let (mut world, agent, run) = silent();
    world.step(Duration::from_secs(599));
    let fence = world.fence(&run, "build");
    world.hello(agent, 2, vec![super::harness::held(fence, 2)]);
    world.step(Duration::from_secs(3_600));
    assert_eq!(world.outcome(&run, "build"), None);
}
