//! What people do to agents.

use super::harness::{World, held, key};
use crate::agent::{Standing, view};
use crate::answer::{Answer, Refusal};
use crate::input::{AgentVerb, Input};
use crate::model::{AgentId, Outcome, UnknownReason};
use crate::place::explain;

const ONE: &str = "jobs:\n  build: {run: make}\n";

fn refused(world: &mut World, agent: AgentId, verb: AgentVerb) -> Refusal {
    let (by, reason) = ("ines".to_owned(), "disk swap".to_owned());
    world.refusal(Input::Agent { agent, verb, by, reason })
}

#[test]
fn a_paused_agent_gets_nothing_new_and_ends_what_it_has() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let first = world.run(ONE);
    let fence = world.begin(&first, "build");
    world.act(agent, AgentVerb::Pause);
    let second = world.run(ONE);
    let waits = world.live(&second).job(&key("build")).expect("build").clone();
    assert!(waits.attempts.is_empty());
    let why = explain(&world.state, world.live(&second), &waits).expect("it waits");
    assert_eq!((why.reason(), why.to_string().as_str()), ("agents_paused", "a1 is paused by ines: \"disk swap\""));
    assert_eq!(view(&world.state, agent, &[].into()).drain.as_deref(), Some("ines"));
    world.carry_out_rest(fence, Outcome::Succeeded);
    assert_eq!(world.outcome(&first, "build"), Some(Outcome::Succeeded));
    world.act(agent, AgentVerb::Resume);
    assert!(world.live(&second).job(&key("build")).is_some_and(|job| job.attempts.len() == 1));
    assert_eq!(view(&world.state, agent, &[].into()).drain, None);
    world.assert_replays();
}

#[test]
fn an_agent_that_says_it_is_paused_on_its_host_gets_nothing_until_it_says_otherwise() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let mut hello = World::hello_of(agent, 2, Vec::new());
    hello.offer.paused = Some("disk swap".to_owned());
    world.input(Input::Hello { hello: Box::new(hello), sessions_before: u64::MAX });
    let run = world.run(ONE);
    let waits = world.live(&run).job(&key("build")).expect("build").clone();
    let why = explain(&world.state, world.live(&run), &waits).expect("it waits");
    assert_eq!((why.reason(), why.to_string().as_str()), ("agents_paused", "a1 is paused on its host: \"disk swap\""));
    world.hello(agent, 3, Vec::new());
    assert!(world.live(&run).job(&key("build")).is_some_and(|job| job.attempts.len() == 1));
    world.assert_replays();
}

#[test]
fn a_pause_stands_over_restarts_of_both_sides() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    world.act(agent, AgentVerb::Pause);
    world.input(Input::Begin { epoch: 2, restored: false });
    world.hello(agent, 2, Vec::new());
    let run = world.run(ONE);
    assert!(world.live(&run).job(&key("build")).is_some_and(|job| job.attempts.is_empty()));
    let paused = world.entry(agent).paused.clone().expect("it is paused");
    assert_eq!((paused.by.as_str(), paused.reason.as_str()), ("ines", "disk swap"));
}

#[test]
fn each_verb_is_refused_where_it_means_nothing() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    assert!(matches!(refused(&mut world, agent, AgentVerb::Resume), Refusal::Rejected(_)));
    assert!(matches!(refused(&mut world, agent, AgentVerb::Readmit), Refusal::Rejected(_)));
    world.act(agent, AgentVerb::Remove);
    for verb in [AgentVerb::Pause, AgentVerb::Resume, AgentVerb::Readmit, AgentVerb::Remove] {
        assert_eq!(refused(&mut world, agent, verb), Refusal::AgentUnknown, "{verb:?} of a removed agent");
    }
}

#[test]
fn a_removed_agent_never_comes_back_and_its_open_attempts_end_and_close() {
    let mut world = World::new();
    let agent = world.target(1);
    let run = world.run("jobs:\n  build: {runs-on: 'agent=a1', run: make}\n");
    let fence = world.begin(&run, "build");
    assert_eq!(world.act(agent, AgentVerb::Remove), Answer::Done);
    let removed = Some(Outcome::Unknown { reason: UnknownReason::AgentRemoved });
    assert_eq!(world.outcome(&run, "build"), removed);
    assert!(world.state.attempts.is_empty() && world.state.runs.is_empty());
    assert_eq!(world.entry(agent).session(), None);
    assert!(matches!(&world.entry(agent).standing, Standing::Removed(word) if word.by == "ines"));
    let hello = World::hello_of(agent, 2, vec![held(fence, 2)]);
    assert_eq!(
        world.refusal(Input::Hello { hello: Box::new(hello), sessions_before: u64::MAX }),
        Refusal::AgentRemoved
    );
    world.assert_replays();
}

#[test]
fn the_name_of_a_removed_agent_is_free_again() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    world.act(agent, AgentVerb::Remove);
    let mut token = world.state.join_tokens.values().next().expect("its token").token.clone();
    token.id = "feed".to_owned();
    assert_eq!(world.input(Input::MakeJoinToken(token)), Answer::Done);
}
