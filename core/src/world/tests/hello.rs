//! Every row of the Hello table.

use super::harness::{World, held};
use crate::agent::{Quarantine, Standing};
use crate::answer::{Answer, Refusal};
use crate::attempt::LineBody;
use crate::fact::Fact;
use crate::input::{AgentVerb, Hello, Input};
use crate::model::{AgentId, Duration, Fence, Outcome, RunId, UnknownReason};

const ONE: &str = "jobs:\n  build: {runs-on: 'agent=a1', run: make}\n";

/// A running job on an agent whose incarnation is 2.
fn running(target: bool) -> (World, AgentId, RunId, Fence) {
    let mut world = World::new();
    let agent = if target { world.target(1) } else { world.agent(1, &[]) };
    world.hello(agent, 2, Vec::new());
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    (world, agent, run, fence)
}

fn says(agent: AgentId, incarnation: u64, fence: Fence, lines: Option<u32>) -> Hello {
    World::hello_of(agent, incarnation, lines.map(|lines| held(fence, lines)).into_iter().collect())
}

fn hello(world: &mut World, said: Hello) -> Answer {
    world.input(Input::Hello { hello: Box::new(said), sessions_before: u64::MAX })
}

fn lost_state() -> Option<Outcome> {
    Some(Outcome::Unknown { reason: UnknownReason::AgentLostState })
}

#[test]
fn what_is_refused_changes_nothing() {
    let (mut world, agent, _, fence) = running(false);
    let good = says(agent, 3, fence, Some(2));
    let stranger = AgentId(uuid::Uuid::from_u128(99));
    let rows = [
        (Hello { agent: stranger, ..good.clone() }, Refusal::AgentUnknown),
        (Hello { protocol: 2, ..good.clone() }, Refusal::Protocol(2)),
        (Hello { protocol: 0, ..good.clone() }, Refusal::Protocol(0)),
        (Hello { max_epoch: 2, ..good.clone() }, Refusal::StaleMaster { ours: 1, theirs: 2 }),
        (Hello { protocol: 2, incarnation: 1, ..good.clone() }, Refusal::Protocol(2)),
        (Hello { max_epoch: 2, incarnation: 1, ..good.clone() }, Refusal::StaleMaster { ours: 1, theirs: 2 }),
    ];
    for (said, expected) in rows {
        assert_eq!(world.refusal(Input::Hello { hello: Box::new(said), sessions_before: u64::MAX }), expected);
        assert_eq!(world.entry(agent).session(), Some(2), "its session goes on");
    }
    let welcome = Answer::Welcome { epoch: 1, session: 3, acked: vec![(fence, 2)] };
    assert_eq!(hello(&mut world, good), welcome);
    world.assert_replays();
}

#[test]
fn what_came_late_over_an_older_connection_changes_nothing() {
    let (mut world, agent, _, fence) = running(true);
    hello(&mut world, says(agent, 3, fence, Some(2)));
    assert_eq!(world.entry(agent).session(), Some(3));
    let late = |incarnation, sessions_before| {
        let hello = Box::new(says(agent, incarnation, fence, None));
        Input::Hello { hello, sessions_before }
    };
    for incarnation in [1, 2] {
        assert_eq!(world.refusal(late(incarnation, 2)), Refusal::HelloLate);
        assert_eq!(world.entry(agent).session(), Some(3), "its session goes on");
    }
    for (incarnation, sessions_before) in [(2, 3), (3, 2)] {
        let (mut world, what) = (world.clone(), format!("incarnation {incarnation} after {sessions_before} sessions"));
        let answer = world.input(late(incarnation, sessions_before));
        assert!(matches!(answer, Answer::Refused(Refusal::Quarantined(Quarantine::Copied(_)))), "{what}: {answer:?}");
    }
    world.input(Input::Begin { epoch: 2, restored: false });
    let answer = world.input(late(2, 2));
    let is_copy = matches!(answer, Answer::Refused(Refusal::Quarantined(Quarantine::Copied(_))));
    assert!(is_copy, "no connection outlives its master: {answer:?}");
}

#[test]
fn what_an_honest_disk_cannot_say_is_quarantine() {
    let rows = [
        ("a clone that dialled first", false, 2, Some(2), "copied"),
        ("rolled back beyond the last Hello", false, 2, Some(2), "copied"),
        ("an accepted attempt is gone", false, 3, None, "copied"),
        ("a record became shorter", false, 3, Some(1), "copied"),
        ("a target lost its memory", true, 1, None, "lost_state"),
        ("a target lost its memory but not its records", true, 1, Some(2), "lost_state"),
    ];
    for (what, target, incarnation, lines, word) in rows {
        let (mut world, agent, run, fence) = running(target);
        let answer = hello(&mut world, says(agent, incarnation, fence, lines));
        let Answer::Refused(Refusal::Quarantined(why)) = answer else { panic!("{what}: {answer:?}") };
        assert_eq!(why.word(), word, "{what}");
        assert_eq!(world.entry(agent).session(), None, "{what}: its live session is over");
        assert_eq!(world.outcome(&run, "build"), None, "{what}: its jobs go on");
        let good = says(agent, 9, fence, Some(2));
        let again = world.refusal(Input::Hello { hello: Box::new(good), sessions_before: u64::MAX });
        assert_eq!(again, Refusal::Quarantined(why), "{what}: and a sound Hello is refused too");
        world.assert_replays();
    }
}

#[test]
fn an_agent_in_quarantine_counts_as_silent_and_starts_nothing() {
    let (mut world, agent, run, fence) = running(false);
    hello(&mut world, says(agent, 2, fence, Some(2)));
    let next = world.run(ONE);
    assert!(world.live(&next).jobs[0].attempts.is_empty());
    world.step(Duration::from_secs(599));
    assert_eq!(world.outcome(&run, "build"), None);
    world.step(Duration::from_secs(1));
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Unknown { reason: UnknownReason::AgentLost }));
}

#[test]
fn a_quarantine_stands_over_restarts_of_the_master() {
    let (mut world, agent, _, fence) = running(false);
    hello(&mut world, says(agent, 2, fence, Some(2)));
    world.input(Input::Begin { epoch: 2, restored: false });
    let refusal =
        world.refusal(Input::Hello { hello: Box::new(says(agent, 9, fence, Some(2))), sessions_before: u64::MAX });
    assert!(matches!(refusal, Refusal::Quarantined(Quarantine::Copied(_))));
}

#[test]
fn a_builder_that_lost_its_memory_is_let_in_and_what_it_does_not_hold_ends_and_closes() {
    for lines in [None, Some(1)] {
        let (mut world, agent, run, fence) = running(false);
        let answer = hello(&mut world, says(agent, 1, fence, lines));
        assert!(matches!(answer, Answer::Welcome { .. }), "{answer:?}");
        assert_eq!(world.outcome(&run, "build"), lost_state());
        assert!(world.state.attempts.is_empty() && world.state.runs.is_empty(), "and closed");
        assert_eq!(world.entry(agent).floor(), fence.0, "it is never accepted there again");
        world.assert_replays();
    }
}

#[test]
fn a_builder_that_lost_its_state_file_but_not_its_records_goes_on() {
    let (mut world, agent, run, fence) = running(false);
    hello(&mut world, says(agent, 1, fence, Some(2)));
    world.carry_out_rest(fence, Outcome::Succeeded);
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Succeeded));
}

#[test]
fn what_was_placed_on_lost_memory_is_not_put_again() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.fence(&run, "build");
    hello(&mut world, says(agent, 1, fence, None));
    assert_eq!(world.outcome(&run, "build"), lost_state(), "it may have started before the memory was lost");
}

#[test]
fn the_first_hello_of_all_is_no_lost_memory() {
    let mut world = World::new();
    let agent = world.target(1);
    assert_eq!(world.entry(agent).session(), Some(1));
    assert_eq!(world.entry(agent).standing, Standing::Good);
}

#[test]
fn after_a_readmission_the_next_hello_is_the_new_base() {
    let (mut world, agent, run, fence) = running(true);
    hello(&mut world, says(agent, 1, fence, None));
    assert_eq!(world.act(agent, AgentVerb::Readmit), Answer::Done);
    assert_eq!(world.entry(agent).session(), None, "nothing is believed before it speaks");
    hello(&mut world, says(agent, 1, fence, None));
    assert_eq!(world.outcome(&run, "build"), lost_state());
    assert!(world.state.attempts.is_empty());
    assert_eq!(world.entry(agent).standing, Standing::Good);
    let copied = hello(&mut world, says(agent, 1, fence, None));
    assert!(matches!(copied, Answer::Refused(Refusal::Quarantined(_))), "the base counts from then on: {copied:?}");
    world.assert_replays();
}

#[test]
fn a_readmitted_agent_that_holds_everything_goes_on() {
    let (mut world, agent, run, fence) = running(false);
    hello(&mut world, says(agent, 2, fence, Some(2)));
    world.act(agent, AgentVerb::Readmit);
    hello(&mut world, says(agent, 2, fence, Some(2)));
    world.carry_out_rest(fence, Outcome::Succeeded);
    assert_eq!(world.outcome(&run, "build"), Some(Outcome::Succeeded));
}

#[test]
fn an_attempt_whose_logs_are_not_whole_is_missed_too() {
    let (mut world, agent, _, fence) = running(false);
    let end = crate::attempt::LogEnd { total: 1, digest: Some(crate::model::Digest::of(b"x")) };
    let steps = world.envelope(fence).steps.len();
    let exit = LineBody::Exit { outcome: Outcome::Succeeded, logs: vec![Some(end); steps], cancel_too_late: false };
    world.report(fence, 3, exit);
    let answer = hello(&mut world, says(agent, 3, fence, None));
    assert!(matches!(answer, Answer::Refused(Refusal::Quarantined(_))), "its logs are lost: {answer:?}");
}

#[test]
fn what_is_gone_is_not_missed_again_while_its_logs_are_ended() {
    let (mut world, agent, _, fence) = running(false);
    let gone = Fact::AttemptGone { fence, reason: UnknownReason::AgentLostState };
    world.state.apply(world.now, &gone);
    world.facts.push((world.now, gone));
    let answer = hello(&mut world, says(agent, 3, fence, None));
    assert!(matches!(answer, Answer::Welcome { .. }), "{answer:?}");
}
