//! Where a turn closes, and that nothing is lost there.

use super::harness::{World, delivery, start};
use crate::answer::{Answer, Refusal};
use crate::input::{Hello, Input, Offer};
use crate::model::{AgentId, Digest};
use crate::world::{INPUTS_MAX, Rest, Turn, turn_behind};

const MIB: usize = 1024 * 1024;

/// Deliveries of different pushes; each fact has about `bytes`.
fn deliveries(count: u32, bytes: usize) -> impl Iterator<Item = Input> {
    (0..count).map(move |number| {
        let mut delivery = delivery(&format!("id-{number}"), 'a');
        delivery.reference = format!("refs/heads/b{number}");
        delivery.body = Digest::of(&number.to_be_bytes());
        delivery.actor = "x".repeat(bytes);
        Input::Deliver(delivery)
    })
}

impl World {
    /// One turn; its facts are kept, and how long they are is returned with what it made.
    fn turn(&mut self, rest: Rest, inputs: impl IntoIterator<Item = Input>) -> (usize, Turn) {
        let turn = turn_behind(rest, &mut self.state, self.now, inputs);
        self.facts.extend(turn.facts.iter().map(|fact| (self.now, fact.clone())));
        (turn.facts.iter().map(crate::fact::Fact::bytes).sum(), turn)
    }

    /// An agent with so many slots.
    fn large_agent(&mut self, slots: u32) -> AgentId {
        let agent = self.enrol(1, &[]);
        let hello = Self::hello_of(agent, 1, Vec::new());
        let offer = Offer { slots, ..hello.offer.clone() };
        self.input(Input::Hello { hello: Box::new(Hello { offer, ..hello }), sessions_before: u64::MAX });
        agent
    }
}

#[test]
fn a_turn_takes_512_inputs_and_leaves_the_others() {
    let mut world = World::new();
    let mut inputs = deliveries(600, 10);
    let (_, turn) = world.turn(Rest::default(), inputs.by_ref());
    assert_eq!((turn.answers.len(), turn.facts.len()), (INPUTS_MAX, INPUTS_MAX));
    assert_eq!(inputs.count(), 600 - INPUTS_MAX);
    world.assert_replays();
}

#[test]
fn a_turn_closes_at_one_mebibyte_of_facts_and_the_other_inputs_come_next() {
    let mut world = World::new();
    let mut inputs = deliveries(300, 10_000).peekable();
    let (mut turns, mut rest, mut answers) = (0, Rest::default(), 0);
    while inputs.peek().is_some() {
        let (bytes, turn) = world.turn(rest, inputs.by_ref());
        assert!(bytes < MIB + 12_000, "{bytes}");
        turns += 1;
        answers += turn.answers.len();
        rest = turn.rest;
    }
    assert_eq!((turns, answers, world.state.deliveries.size()), (3, 300, 300));
    world.assert_replays();
}

#[test]
fn a_turn_closes_in_the_middle_of_what_follows_and_the_next_goes_on() {
    let mut world = World::new();
    let agent = world.large_agent(200);
    let jobs: String = (0..180).map(|number| format!("  j{number}: {{run: make}}\n")).collect();
    let text = format!("env: {{WORDS: {}}}\njobs:\n{jobs}", "x".repeat(10_000));
    let (first, turn) = world.turn(Rest::default(), [Input::StartRun(Box::new(start(&text)))]);
    assert!(first > MIB && turn.facts.len() == 1, "the run alone fills the turn");
    let (mut rest, mut turns) = (turn.rest, 0);
    while !rest.is_empty() {
        let (bytes, turn) = world.turn(rest, []);
        assert!(bytes < MIB + 20_000, "{bytes}");
        rest = turn.rest;
        turns += 1;
    }
    assert!(turns > 1, "placing them all takes more than one turn");
    let open = world.state.agents.get(&agent).expect("it is enrolled").open.len();
    assert_eq!((open, world.state.fences), (180, 180), "each job is placed once");
    world.assert_replays();
}

#[test]
fn an_input_that_is_more_than_a_record_holds_is_refused() {
    let mut world = World::new();
    let mut huge = delivery("id-1", 'a');
    huge.actor = "x".repeat(3 * MIB);
    assert!(matches!(world.refusal(Input::Deliver(huge)), Refusal::TooBig { .. }));
    let after = world.input(Input::Deliver(delivery("id-2", 'a')));
    assert!(matches!(after, Answer::Delivered { .. }), "the next one is taken");
}
