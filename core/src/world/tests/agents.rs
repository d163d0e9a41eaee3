use super::harness::{World, accepted, reported};
use crate::answer::{Answer, Refusal};
use crate::attempt::AttemptPhase;
use crate::attempt::LineBody;
use crate::input::{Enrolment, Input};
use crate::model::{AgentId, Digest, Duration};

const ONE: &str = "jobs:\n  build: {run: make}\n";

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
    assert_eq!(world.entry(agent).session(), Some(2));
    world.input(Input::SessionEnded { agent, session: 2 });
    assert_eq!(world.entry(agent).session(), None);
}

#[test]
fn a_new_epoch_voids_sessions() {
    let mut world = World::new();
    let agent = world.agent(1, &[]);
    world.input(Input::Begin { epoch: 2, restored: false });
    assert_eq!(world.entry(agent).session(), None);
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
