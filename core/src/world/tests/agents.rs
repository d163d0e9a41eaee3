use super::harness::{World, accepted, held, reported};
use crate::answer::{Answer, Refusal};
use crate::attempt::AttemptPhase;
use crate::attempt::LineBody;
use crate::input::{Enrolment, Input};
use crate::model::{AgentId, Digest, Duration};

const ONE: &str = "jobs:\n  build: {run: make}\n";

#[test]
fn a_hello_is_judged_by_this_table() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.begin(&run, "build");
    let hello = |incarnation, lines: Option<u32>| {
        World::hello_of(agent, incarnation, lines.map(|lines| held(fence, lines)).into_iter().collect())
    };
    let stranger = AgentId(uuid::Uuid::from_u128(99));
    let rows = [
        ("not enrolled", crate::input::Hello { agent: stranger, ..hello(2, Some(2)) }),
        ("another protocol", crate::input::Hello { protocol: 2, ..hello(2, Some(2)) }),
        ("obeyed a later master", crate::input::Hello { max_epoch: 2, ..hello(2, Some(2)) }),
        ("a clone", hello(1, Some(2))),
        ("an accepted attempt is gone", hello(2, None)),
        ("a record became shorter", hello(2, Some(1))),
    ];
    for (what, said) in rows {
        let refusal = world.refusal(Input::Hello(Box::new(said)));
        let fits = match what {
            "not enrolled" => refusal == Refusal::AgentUnknown,
            "another protocol" => refusal == Refusal::Protocol(2),
            "obeyed a later master" => refusal == Refusal::StaleMaster { ours: 1, theirs: 2 },
            _ => matches!(refusal, Refusal::Copied(_)),
        };
        assert!(fits, "{what}: {refusal:?}");
    }
    let welcome = world.input(Input::Hello(Box::new(hello(2, Some(2)))));
    assert_eq!(welcome, Answer::Welcome { epoch: 1, session: 2, acked: vec![(fence, 2)] });
    world.assert_replays();
}

#[test]
fn a_placed_attempt_that_nobody_accepted_is_put_again() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    let fence = world.fence(&run, "build");
    world.hello(agent, 2, Vec::new());
    let view = crate::agent::view(&world.state, agent, &[].into());
    assert!(view.put.contains(&fence));
}

#[test]
fn reports_are_taken_in_order_once_and_from_the_owner_alone() {
    let mut world = World::new();
    let first = world.agent(1, &[]);
    let second = world.agent(2, &[]);
    let run = world.run(ONE);
    let fence = world.fence(&run, "build");
    let line = accepted(fence, world.envelope(fence));
    let stale = world.refusal(reported(first, 77, fence, 1, line.clone()));
    assert_eq!(stale, Refusal::SessionOver);
    assert_eq!(world.refusal(reported(second, 2, fence, 1, line.clone())), Refusal::NotYours(fence));
    assert_eq!(world.refusal(reported(first, 1, fence, 2, LineBody::Go)), Refusal::Hole { fence, want: 1, got: 2 });
    assert_eq!(world.report(fence, 1, line.clone()), Answer::Acked { fence, upto: 1 });
    let facts = world.facts.len();
    assert_eq!(world.report(fence, 1, line), Answer::Acked { fence, upto: 1 });
    assert_eq!(world.facts.len(), facts, "a repeat is acknowledged, not applied");
    assert_eq!(world.state.attempt(fence).expect("open").1.phase, AttemptPhase::Accepted);
    assert_eq!(world.report(fence, 2, LineBody::Go), Answer::Acked { fence, upto: 2 });
    assert_eq!(world.state.attempt(fence).expect("open").1.phase, AttemptPhase::Running);
}

#[test]
fn an_older_session_has_no_effect() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    world.hello(agent, 2, Vec::new());
    world.input(Input::SessionEnded { agent, session: 1 });
    assert_eq!(world.state.agents.get(&agent).and_then(|agent| agent.session()), Some(2));
    world.input(Input::SessionEnded { agent, session: 2 });
    assert_eq!(world.state.agents.get(&agent).and_then(|agent| agent.session()), None);
}

#[test]
fn a_new_epoch_voids_sessions_and_counts_silence_from_its_start() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    let run = world.run(ONE);
    world.begin(&run, "build");
    world.step(Duration::from_secs(3_600));
    world.input(Input::Begin { epoch: 2, restored: false });
    assert_eq!(world.state.agents.get(&agent).and_then(|agent| agent.session()), None);
    world.step(Duration::from_secs(599));
    assert_eq!(world.outcome(&run, "build"), None);
    world.step(Duration::from_secs(1));
    assert!(world.outcome(&run, "build").is_some());
}

#[test]
fn a_join_token_serves_one_request() {
    let mut world = World::new();
    let agent = world.enrol(1, &[]);
    let request = |csr: &[u8], agent| {
        let token = format!("{:016x}", 1);
        Input::Enrol(Enrolment { token, csr: Digest::of(csr), agent, chain: "other".to_owned() })
    };
    let other = AgentId(uuid::Uuid::from_u128(2));
    match world.input(request(&1u128.to_be_bytes(), other)) {
        Answer::Enrolled(enrolled) => assert_eq!((enrolled.agent, enrolled.chain.as_str()), (agent, "chain")),
        answer => panic!("the same request gets the same answer: {answer:?}"),
    }
    let used = world.refusal(request(b"another", other));
    assert_eq!(used, Refusal::JoinTokenUsed("0000000000000001".to_owned()));
}

#[test]
fn a_join_token_expires_and_unknown_ones_are_named() {
    let mut world = World::new();
    let token = crate::input::JoinToken {
        id: "feed".to_owned(),
        public_key: String::new(),
        register: world_register(),
        expires: world.now.after(Duration::from_secs(60)),
        by: "anna".to_owned(),
    };
    world.input(Input::MakeJoinToken(token));
    world.step(Duration::from_secs(60));
    let request = |token: &str| {
        let agent = AgentId(uuid::Uuid::from_u128(1));
        Input::Enrol(Enrolment { token: token.to_owned(), csr: Digest::of(b"x"), agent, chain: String::new() })
    };
    assert_eq!(world.refusal(request("feed")), Refusal::JoinTokenExpired("feed".to_owned()));
    assert_eq!(world.refusal(request("dead")), Refusal::JoinTokenUnknown("dead".to_owned()));
}

fn world_register() -> crate::model::AgentRegister {
    crate::model::AgentRegister {
        name: super::harness::name("late"),
        labels: std::collections::BTreeMap::new(),
        projects: std::collections::BTreeSet::new(),
        environments: std::collections::BTreeSet::new(),
        jobs: false,
    }
}

#[test]
fn a_name_belongs_to_one_agent() {
    let mut world = World::new();
    world.agent(1, &[]);
    let mut register = world_register();
    register.name = super::harness::name("a1");
    let token = crate::input::JoinToken {
        id: "feed".to_owned(),
        public_key: String::new(),
        register,
        expires: world.now.after(Duration::from_secs(60)),
        by: "anna".to_owned(),
    };
    assert_eq!(world.refusal(Input::MakeJoinToken(token)), Refusal::AgentNameTaken("a1".to_owned()));
}
