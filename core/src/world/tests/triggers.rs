use super::harness::{World, commit, delivery, file, once, start};
use crate::answer::{Answer, Refusal};
use crate::input::{Input, PipelineFile, ReadError};
use crate::model::{Duration, Outcome};
use crate::run::RunState;
use crate::world::next_deadline;

const ONE: &str = "jobs:\n  build: {run: make}\n";

fn read(key: &str, read: Result<PipelineFile, ReadError>) -> Input {
    Input::PipelineRead { key: key.to_owned(), read: Box::new(read) }
}

fn delivered(answer: Answer) -> (Option<String>, Option<String>, bool) {
    match answer {
        Answer::Delivered { run, nothing, again } => (run.map(|run| run.to_string()), nothing, again),
        other => panic!("not delivered: {other:?}"),
    }
}

#[test]
fn a_delivery_makes_exactly_one_run() {
    let mut world = World::new();
    let first = world.input(Input::Deliver(delivery("id-1", 'a')));
    assert_eq!(delivered(first), (None, None, false));
    world.input(read("id-1", Ok(file(ONE))));
    world.input(read("id-1", Ok(file(ONE))));
    let again = world.input(Input::Deliver(delivery("id-1", 'a')));
    assert_eq!(delivered(again), (Some("shop#1".to_owned()), None, true));
    assert_eq!(world.state.runs.size(), 1);
    world.assert_replays();
}

#[test]
fn the_same_change_under_another_id_is_the_same_delivery_for_ten_minutes() {
    let mut world = World::new();
    world.input(Input::Deliver(delivery("id-1", 'a')));
    world.input(read("id-1", Ok(file(ONE))));
    let again = world.input(Input::Deliver(delivery("id-2", 'a')));
    assert_eq!(delivered(again), (Some("shop#1".to_owned()), None, true));
    world.step(Duration::from_secs(600));
    let later = world.input(Input::Deliver(delivery("id-3", 'a')));
    assert_eq!(delivered(later), (None, None, false));
}

#[test]
fn the_same_id_with_another_body_is_a_conflict() {
    let mut world = World::new();
    world.input(Input::Deliver(delivery("id-1", 'a')));
    let refusal = world.refusal(Input::Deliver(delivery("id-1", 'b')));
    assert_eq!(refusal, Refusal::KeyMismatch("id-1".to_owned()));
}

#[test]
fn a_delivery_that_matches_nothing_is_kept_with_the_reason() {
    let mut world = World::new();
    let rows = [
        ("id-1", Ok(PipelineFile { text: None, ..file("") }), "there is no windlass.yaml at aaaaaaa"),
        ("id-2", Ok(file(&format!("on: {{push: {{branches: [release]}}}}\n{ONE}"))), "branches release"),
    ];
    for (number, (id, found, reason)) in rows.into_iter().enumerate() {
        let digit = char::from(b'a' + u8::try_from(number).expect("few"));
        world.input(Input::Deliver(delivery(id, digit)));
        world.input(read(id, found));
        let (run, nothing, _) = delivered(world.input(Input::Deliver(delivery(id, digit))));
        assert_eq!(run, None);
        assert!(nothing.as_deref().is_some_and(|why| why.contains(reason)), "{nothing:?}");
    }
}

#[test]
fn a_file_with_errors_makes_a_failed_run_without_jobs_that_carries_them() {
    let mut world = World::new();
    world.input(Input::Deliver(delivery("id-1", 'a')));
    world.input(read("id-1", Ok(file("jobs:\n  build: {runn: make}\n"))));
    let run = world.find(&"shop#1".parse().expect("a run"));
    assert!(run.jobs.is_empty());
    assert!(!run.problems.is_empty());
    assert!(matches!(run.state, RunState::Ended(Outcome::Failed { .. })));
}

#[test]
fn a_revision_that_is_gone_makes_a_failed_run_that_says_so() {
    let mut world = World::new();
    world.input(Input::Deliver(delivery("id-1", 'a')));
    world.input(read("id-1", Err(ReadError::RevisionGone("aaaaaaa is not on main".to_owned()))));
    let run = world.find(&"shop#1".parse().expect("a run"));
    assert!(run.unread.as_deref().is_some_and(|why| why.starts_with("revision_gone")));
    assert!(matches!(run.state, RunState::Ended(Outcome::Failed { .. })));
}

#[test]
fn a_manual_start_with_errors_is_refused_with_them() {
    let mut world = World::new();
    let refusal = world.refusal(Input::StartRun(Box::new(start("jobs: {}\nextra: 1\n"))));
    assert!(matches!(refusal, Refusal::Problems(problems) if !problems.is_empty()));
}

#[test]
fn a_manual_start_can_be_forbidden_by_the_file() {
    let mut world = World::new();
    let refusal = world.refusal(Input::StartRun(Box::new(start(&format!("on: {{manual: false}}\n{ONE}")))));
    assert!(matches!(refusal, Refusal::Rejected(_)));
}

#[test]
fn an_idempotency_key_makes_one_run() {
    let mut world = World::new();
    let keyed = |text: &str| once("k1", Input::StartRun(Box::new(start(text))));
    let first = world.input(keyed(ONE));
    assert!(matches!(first, Answer::Run { .. }), "{first:?}");
    assert_eq!(world.input(keyed(ONE)), Answer::Again(Box::new(first)));
    assert_eq!(world.refusal(keyed("jobs: {a: {run: b}}\n")), Refusal::KeyMismatch("k1".to_owned()));
    world.assert_replays();
}

#[test]
fn an_unknown_project_is_refused_by_name() {
    let mut world = World::new();
    let mut other = delivery("id-1", 'a');
    other.project = super::harness::name("shpo");
    assert_eq!(world.refusal(Input::Deliver(other)), Refusal::ProjectUnknown("shpo".to_owned()));
    assert_eq!(commit('a').revision.short(), "aaaaaaa");
}

#[test]
fn a_delivery_is_forgotten_after_thirty_days_without_anything_else_happening() {
    let mut world = World::new();
    world.input(Input::Deliver(delivery("id-1", 'a')));
    world.input(read("id-1", Ok(file(ONE))));
    assert_eq!(world.idle_until_a_fact().ms() / 86_400_000, 30);
    assert!(world.state.deliveries.is_empty());
    let (run, _, again) = delivered(world.input(Input::Deliver(delivery("id-1", 'a'))));
    assert_eq!((run, again), (None, false));
    world.assert_replays();
}

#[test]
fn a_delivery_that_is_being_read_is_not_forgotten_however_old_it_is() {
    let mut world = World::new();
    world.input(Input::Deliver(delivery("id-1", 'a')));
    world.step(Duration::from_secs(31 * 24 * 3600));
    assert_eq!(next_deadline(&world.state, world.now), None, "nothing is due before it was read");
    world.input(read("id-1", Ok(file(ONE))));
    assert_eq!(world.find(&"shop#1".parse().expect("a run")).id.number, 1);
    assert!(world.state.deliveries.is_empty(), "it is forgotten once its run exists");
    world.assert_replays();
}

#[test]
fn idempotency_keys_are_forgotten_after_a_day_and_many_with_one_fact() {
    let mut world = World::new();
    let keyed = |key: &str| once(key, Input::StartRun(Box::new(start(ONE))));
    world.input(keyed("k1"));
    world.step(Duration::from_secs(30));
    world.input(keyed("k2"));
    world.step(Duration::from_secs(300));
    world.input(keyed("k3"));
    let facts = world.facts.len();
    world.idle_until_a_fact();
    assert_eq!(world.facts.len(), facts + 1);
    assert_eq!(world.state.keys.keys().collect::<Vec<_>>(), ["anna\nk3"]);
    assert!(matches!(world.input(keyed("k1")), Answer::Run { .. }), "the key is free again");
    assert!(matches!(world.input(keyed("k3")), Answer::Again(_)));
    world.assert_replays();
}

impl World {
    /// Wakes at the next deadline, as the engine does, and says how much time passed; that deadline makes a fact.
    fn idle_until_a_fact(&mut self) -> Duration {
        let (before, facts) = (self.now, self.facts.len());
        self.now = next_deadline(&self.state, self.now).expect("something is due");
        self.input(Input::Wake);
        assert!(self.facts.len() > facts, "what was due happened");
        self.now.since(before)
    }
}
