//! Every row of the reconciliation table, at a Hello that is let in.

use super::harness::{World, held};
use crate::agent::view;
use crate::attempt::LineBody;
use crate::input::Input;
use crate::model::{AgentId, Duration, Fence, Outcome, RunId, UnknownReason};

const ONE: &str = "jobs:\n  build: {run: make}\n";

fn placed() -> (World, AgentId, RunId, Fence) {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.fence(&run, "build");
    (world, agent, run, fence)
}

fn exit(outcome: Outcome) -> LineBody {
    LineBody::Exit { outcome, logs: vec![None], cancel_too_late: false }
}

fn restored() -> Option<Outcome> {
    Some(Outcome::Unknown { reason: UnknownReason::Restored })
}

#[test]
fn placed_and_not_held_is_put_again() {
    let (mut world, agent, _, fence) = placed();
    world.hello(agent, 2, Vec::new());
    let view = view(&world.state, agent, &[].into());
    assert!(view.put.contains(&fence) && view.floor < fence.0);
}

#[test]
fn before_a_restore_and_not_held_is_ended_and_closed_and_never_put_again() {
    for accepted in [false, true] {
        let (mut world, agent, run, fence) = placed();
        if accepted {
            world.begin(&run, "build");
        }
        world.input(Input::Begin { epoch: 2, restored: true });
        world.hello(agent, 2, Vec::new());
        assert_eq!(world.outcome(&run, "build"), restored(), "accepted: {accepted}");
        assert!(!world.state.attempts.contains_key(&fence));
        assert!(view(&world.state, agent, &[].into()).put.is_empty());
        world.assert_replays();
    }
}

#[test]
fn before_a_restart_and_accepted_and_not_held_is_still_quarantine() {
    let (mut world, agent, run, _) = placed();
    world.begin(&run, "build");
    world.input(Input::Begin { epoch: 2, restored: false });
    world.hello(agent, 2, Vec::new());
    assert_eq!(world.entry(agent).session(), None);
    assert_eq!(world.outcome(&run, "build"), None);
}

#[test]
fn open_and_held_goes_on_from_the_acknowledged_line() {
    let (mut world, agent, run, fence) = placed();
    world.begin(&run, "build");
    world.hello(agent, 2, vec![held(fence, 3)]);
    world.report(fence, 3, exit(Outcome::Succeeded));
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Succeeded));
}

#[test]
fn ended_unknown_settled_and_held_is_cancelled_and_its_end_is_kept() {
    let (mut world, agent, run, fence) = placed();
    world.begin(&run, "build");
    world.input(Input::SessionEnded { agent, session: 1 });
    world.step(Duration::from_secs(600));
    world.hello(agent, 2, vec![held(fence, 2)]);
    let after = view(&world.state, agent, &[fence].into());
    assert!(after.cancel.iter().any(|(cancelled, word)| *cancelled == fence && !word.force));
    assert!(after.put.is_empty() && after.forget.is_empty());
    world.report(fence, 3, exit(Outcome::Cancelled));
    assert!(world.state.attempts.is_empty());
    let attempt = world.find(&run).jobs[0].attempt().expect("one").clone();
    assert_eq!(attempt.outcome(), Some(&Outcome::Unknown { reason: UnknownReason::AgentLost }));
    assert_eq!(attempt.late, Some(Outcome::Cancelled));
}

#[test]
fn closed_and_held_is_forgotten() {
    let (mut world, agent, run, fence) = placed();
    world.carry_out(&run, "build", Outcome::Succeeded);
    world.hello(agent, 2, vec![held(fence, 3)]);
    assert!(view(&world.state, agent, &[fence].into()).forget.contains(&fence));
}

#[test]
fn never_heard_of_is_kept_and_shown_after_a_restore_and_never_put_cancelled_or_forgotten() {
    let (mut world, agent, _, known) = placed();
    let unheard = Fence(known.0 + 1);
    world.input(Input::Begin { epoch: 2, restored: true });
    world.hello(agent, 2, vec![held(unheard, 2)]);
    let kept: Vec<Fence> = world.entry(agent).found.keys().copied().collect();
    assert_eq!(kept, [unheard]);
    let facts = world.facts.len();
    world.hello(agent, 3, vec![held(unheard, 2)]);
    assert_eq!(world.facts.len(), facts + 1, "it is found once");
    let view = view(&world.state, agent, &[unheard].into());
    assert!(view.put.is_empty() && view.cancel.is_empty() && view.forget.is_empty());
    world.assert_replays();
}

#[test]
fn what_is_found_stays_when_later_jobs_of_the_agent_are_closed() {
    let (mut world, agent, _, known) = placed();
    let unheard = Fence(known.0 + 1);
    world.input(Input::Begin { epoch: 2, restored: true });
    world.hello(agent, 2, vec![held(unheard, 2)]);
    let (by, reason) = ("mara".to_owned(), "all are back".to_owned());
    world.input(Input::StartProject { project: super::harness::name("shop"), by, reason });
    let run = world.run(ONE);
    world.carry_out(&run, "build", Outcome::Succeeded);
    let view = view(&world.state, agent, &[unheard].into());
    assert!(view.forget.is_empty() && view.floor > unheard.0);
}

#[test]
fn without_a_restore_an_unheard_fence_is_neither_found_nor_deleted() {
    let (mut world, agent, _, known) = placed();
    let unheard = Fence(known.0 + 1);
    world.hello(agent, 2, vec![held(unheard, 2)]);
    assert!(world.entry(agent).found.is_empty());
    assert!(view(&world.state, agent, &[unheard].into()).forget.is_empty());
}
