//! Sessions: one for each agent, always ended, never slow.

use std::time::Duration;

use windlass_core::attempt::{Line, LineBody};
use windlass_core::input::AgentVerb;
use windlass_core::model::{AgentId, Health, Observation, Running};
use windlass_core::{Answer, Fact, Input};
use windlass_proto::convert::{Assignments, Down, Up, envelope_digest, report};
use windlass_proto::v1::{self, RefusalReason};

use super::client::{Session, hello_of};
use super::harness::{Master, agent, envelope, fence};
use crate::link::Patience;

fn line(index: u32, body: LineBody) -> Line {
    Line { format: 1, index, boottime_ns: 1, wall_ms: 1, body }
}

fn accepted() -> Line {
    let body = LineBody::Accepted { fence: fence(1), envelope: Box::new(envelope(1)), boot_id: String::new() };
    line(1, body)
}

async fn tell(session: &Session, n: u64, line: &Line) {
    session.say(Up::Report(report::to_wire(fence(n), line))).await;
}

async fn assignments(session: &mut Session) -> Assignments {
    match session.next().await {
        Some(Down::Assignments(set)) => set,
        other => panic!("assignments are due, not {other:?}"),
    }
}

/// The acknowledgement that covers this line.
async fn acked(session: &mut Session, n: u64, index: u32) {
    loop {
        match session.next().await {
            Some(Down::ReportAck(upto)) if upto.get(&fence(n)) == Some(&index) => return,
            Some(_) => {}
            None => panic!("the session is over"),
        }
    }
}

fn ends(input: &Input) -> bool {
    matches!(input, Input::SessionEnded { .. })
}

#[tokio::test]
async fn everything_is_told_first_and_then_what_changed() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (mut session, _) = client.session(agent(1), 1).await;
    let all = assignments(&mut session).await;
    assert!(all.full && !all.more);
    assert_eq!(all.floor, fence(1).0 - 1);
    let [put] = &all.put[..] else { panic!("one attempt is its own: {all:?}") };
    assert_eq!((put.fence, put.digest), (fence(1), envelope_digest(&envelope(1))));
    assert_eq!(put.envelope.as_ref(), Some(&envelope(1)));

    master.place(3, agent(1)).await;
    let new = assignments(&mut session).await;
    assert!(!new.full && new.cancel.is_empty() && new.forget.is_empty());
    assert_eq!(new.put.iter().map(|put| put.fence).collect::<Vec<_>>(), [fence(3)]);

    let (run, job) = ("shop#1".parse().expect("a run"), "build3".parse().expect("a job"));
    let (by, why) = ("anna".to_owned(), "a mistake".to_owned());
    master.happen(&[Fact::CancelAsked { run, job, by, why, force: false }]).await;
    let stop = assignments(&mut session).await;
    assert!(stop.put.is_empty());
    assert_eq!(stop.cancel.iter().map(|cancel| (cancel.fence, cancel.force)).collect::<Vec<_>>(), [(fence(3), false)]);

    master.happen(&[Fact::JobClosed { fence: fence(1) }]).await;
    let rest = assignments(&mut session).await;
    assert_eq!((rest.forget, rest.floor), (vec![fence(1)], fence(3).0 - 1));
    assert!(rest.put.is_empty() && rest.cancel.is_empty());
}

#[tokio::test]
async fn the_envelope_of_a_held_attempt_stays_at_home() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let mut session = client.dial().await.expect("dialled");
    let mut hello = hello_of(agent(1), 1);
    let attempt = windlass_core::model::Attempt(1);
    let (run, job) = ("shop#1".to_owned(), "build1".to_owned());
    hello.held.push(windlass_core::input::Held { fence: fence(1), lines: 1, run, job, attempt });
    session.hello(&hello).await;
    assert!(matches!(session.next().await, Some(Down::Welcome(_))));
    let all = assignments(&mut session).await;
    assert_eq!((all.put.len(), all.put[0].envelope.as_ref()), (1, None));
}

#[tokio::test]
async fn reports_are_acknowledged_in_order_and_repeats_again() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (mut session, _) = client.session(agent(1), 1).await;
    for line in [accepted(), line(2, LineBody::Go), line(3, LineBody::StepStarted { step: 1 })] {
        tell(&session, 1, &line).await;
    }
    acked(&mut session, 1, 3).await;
    let state = master.link.published.state();
    assert_eq!(state.attempt(fence(1)).expect("it is open").1.acked, 3);
    tell(&session, 1, &line(2, LineBody::Go)).await;
    acked(&mut session, 1, 3).await;
    // Closed long ago: its acknowledgement was lost.
    tell(&session, 77, &line(5, LineBody::Go)).await;
    acked(&mut session, 77, 5).await;
}

#[tokio::test]
async fn the_newer_session_of_an_agent_closes_the_older() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (mut older, first) = client.session(agent(1), 1).await;
    let (mut newer, second) = master.client(agent(1)).await.session(agent(1), 2).await;
    assert!(second > first);
    let (reason, _) = older.refusal().await.expect("it is told why");
    assert_eq!(reason, RefusalReason::Superseded);
    newer.beat(1).await;
    while !matches!(newer.next().await.expect("it lives"), Down::HeartbeatAck { number: 1, .. }) {}
    assert_eq!(master.inputs(1, ends).await, [Input::SessionEnded { agent: agent(1), session: first }]);
}

#[tokio::test]
async fn a_hello_that_an_older_connection_brings_late_does_no_harm() {
    let master = Master::start().await;
    let slow = master.client(agent(1)).await;
    let mut given_up = slow.dial().await.expect("dialled");
    let (mut session, _) = master.client(agent(1)).await.session(agent(1), 2).await;
    given_up.hello(&hello_of(agent(1), 1)).await;
    let (reason, why) = given_up.refusal().await.expect("refused");
    assert_eq!(reason, RefusalReason::Superseded, "{why}");
    session.beat(1).await;
    while !matches!(session.next().await.expect("it lives"), Down::HeartbeatAck { number: 1, .. }) {}
}

#[tokio::test]
async fn every_session_is_ended_once() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (session, number) = client.session(agent(1), 1).await;
    drop(session);
    assert_eq!(master.inputs(1, ends).await, [Input::SessionEnded { agent: agent(1), session: number }]);
    let (session, number) = client.session(agent(1), 2).await;
    drop((session, client));
    let ended = master.inputs(2, ends).await;
    assert_eq!(ended[1..], [Input::SessionEnded { agent: agent(1), session: number }]);
}

#[tokio::test]
async fn a_hello_that_is_refused_begins_no_session() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    drop(client.session(agent(1), 5).await);
    master.inputs(1, ends).await;
    let good = hello_of(agent(1), 6);
    let cases = [
        (windlass_core::input::Hello { max_epoch: 9, ..good.clone() }, RefusalReason::StaleMaster),
        (windlass_core::input::Hello { protocol: 99, ..good.clone() }, RefusalReason::Protocol),
        (windlass_core::input::Hello { incarnation: 5, ..good.clone() }, RefusalReason::Quarantined),
        (good, RefusalReason::Quarantined),
    ];
    for (said, expected) in cases {
        let mut session = client.dial().await.expect("dialled");
        session.hello(&said).await;
        let (reason, why) = session.refusal().await.expect("refused");
        assert_eq!(reason, expected, "{why}");
        assert_eq!(
            master.link.sessions.turned().of(agent(1)).map(|turned| turned.why),
            Some(why),
            "and people can see it"
        );
    }
    assert_eq!(master.seen().iter().filter(|input| ends(input)).count(), 1);
}

#[tokio::test]
async fn a_clone_that_dials_ends_the_live_session_of_its_agent() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (mut original, number) = client.session(agent(1), 5).await;
    let mut clone = master.client(agent(1)).await.dial().await.expect("dialled");
    clone.hello(&hello_of(agent(1), 5)).await;
    assert_eq!(clone.refusal().await.expect("refused").0, RefusalReason::Quarantined);
    let (reason, why) = original.refusal().await.expect("it is told");
    assert_eq!(reason, RefusalReason::Quarantined);
    assert!(why.contains("copied"), "{why}");
    assert_eq!(master.inputs(1, ends).await, [Input::SessionEnded { agent: agent(1), session: number }]);
    let readmit = act(agent(1), AgentVerb::Readmit);
    assert_eq!(master.link.inbox.submit(readmit).await, Ok(Answer::Done));
    client.session(agent(1), 5).await;
    assert_eq!(master.link.sessions.turned().of(agent(1)), None);
}

fn act(agent: AgentId, verb: AgentVerb) -> Input {
    Input::Agent { agent, verb, by: "ines".to_owned(), reason: "disk swap".to_owned() }
}

#[tokio::test]
async fn a_removed_agent_loses_its_session_and_gets_no_other() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (mut session, _) = client.session(agent(1), 1).await;
    master.link.inbox.submit(act(agent(1), AgentVerb::Remove)).await.expect("decided");
    let (_, why) = session.refusal().await.expect("it is told");
    assert!(why.contains("removed by ines"), "{why}");
    let status = client.dial().await.map(drop).expect_err("removed");
    assert_eq!(status.code(), tonic::Code::PermissionDenied);
}

#[tokio::test]
async fn a_pause_and_its_end_are_told_and_stand_in_the_next_full_set() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (mut session, _) = client.session(agent(1), 1).await;
    let drained = |set: Assignments| set.drain.map(|drain| (drain.on, drain.by));
    assert_eq!(drained(assignments(&mut session).await), Some((false, String::new())));
    master.link.inbox.submit(act(agent(1), AgentVerb::Pause)).await.expect("decided");
    assert_eq!(drained(assignments(&mut session).await), Some((true, "ines".to_owned())));
    let (mut session, _) = client.session(agent(1), 2).await;
    assert_eq!(drained(assignments(&mut session).await), Some((true, "ines".to_owned())));
    master.link.inbox.submit(act(agent(1), AgentVerb::Resume)).await.expect("decided");
    assert_eq!(drained(assignments(&mut session).await), Some((false, String::new())));
}

#[tokio::test]
async fn too_many_at_once_are_told_when_to_dial_again() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let now = tokio::time::Instant::now().into_std();
    while master.link.admission.admit(now).is_ok() {}
    let mut late = client.dial().await.expect("dialled");
    late.hello(&hello_of(agent(1), 1)).await;
    match late.next().await {
        Some(Down::Refusal(refused)) => {
            assert_eq!(refused.reason, RefusalReason::TooMany);
            assert!(refused.retry_after_s >= 1);
        }
        // A second has passed since: there is room again.
        other => assert!(matches!(other, Some(Down::Welcome(_))), "{other:?}"),
    }
}

#[tokio::test]
async fn what_cannot_be_closes_the_session_with_a_reason() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let hole = Up::Report(report::to_wire(fence(1), &line(3, LineBody::Go))).into_wire();
    let foreign = Up::Report(report::to_wire(fence(2), &line(1, LineBody::Go))).into_wire();
    let second_hello = Up::Hello(v1::Hello::default()).into_wire();
    let cases = [
        (hole, "line 3"),
        (foreign, "not this agent's"),
        (second_hello, "second Hello"),
        (v1::FromAgent { body: None }, "body"),
    ];
    for (incarnation, (message, why)) in (1..).zip(cases) {
        let (mut session, _) = client.session(agent(1), incarnation).await;
        session.say_raw(message).await;
        let (reason, detail) = session.refusal().await.expect("refused");
        assert_eq!(reason, RefusalReason::Protocol);
        assert!(detail.contains(why), "{detail}");
    }
    assert_eq!(master.inputs(4, ends).await.len(), 4);
}

#[tokio::test]
async fn an_engine_that_stands_still_delays_no_heartbeat() {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (mut session, _) = client.session(agent(1), 1).await;
    assignments(&mut session).await;
    let stuck = master.state.lock().await;
    tell(&session, 1, &accepted()).await;
    session.beat(7).await;
    assert!(matches!(session.next().await, Some(Down::HeartbeatAck { number: 7, .. })));
    drop(stuck);
    acked(&mut session, 1, 1).await;
}

#[tokio::test]
async fn what_a_heartbeat_says_is_kept_for_people_and_an_older_agent_says_no_time() {
    let master = Master::start().await;
    let (mut session, _) = master.client(agent(1)).await.session(agent(1), 1).await;
    for (number, wall_ms) in [(1, 1_000), (2, 0)] {
        let beat = v1::Heartbeat { number, spool_bytes: 7, disk_free_bytes: 8, draining: false, wall_ms };
        session.say(Up::Heartbeat(beat)).await;
        while !matches!(session.next().await.expect("it lives"), Down::HeartbeatAck { number: n, .. } if n == number) {}
        let vital = master.link.sessions.vitals().of(agent(1)).expect("it was heard");
        assert_eq!((vital.spool_bytes, vital.disk_free_bytes), (7, 8));
        assert_eq!(vital.clock_ahead_ms.is_some_and(|ahead| ahead < -60_000), wall_ms != 0, "{vital:?}");
    }
}

#[tokio::test]
async fn a_silent_agent_loses_its_session() {
    let impatient = Patience { heartbeat: Duration::from_millis(100), ..Patience::default() };
    let master = Master::with_patience(impatient).await;
    let client = master.client(agent(1)).await;
    let (mut session, number) = client.session(agent(1), 1).await;
    assert_eq!(session.refusal().await, None);
    assert_eq!(master.inputs(1, ends).await, [Input::SessionEnded { agent: agent(1), session: number }]);
}

#[tokio::test]
async fn a_caller_without_a_hello_is_let_go() {
    let impatient = Patience { first_message: Duration::from_millis(50), ..Patience::default() };
    let master = Master::with_patience(impatient).await;
    let mut mute = master.client(agent(1)).await.dial().await.expect("dialled");
    assert_eq!(mute.next().await, None);
    assert!(master.seen().is_empty());
}

#[tokio::test]
async fn an_observation_reaches_the_engine() {
    let master = Master::start().await;
    let (session, number) = master.client(agent(1)).await.session(agent(1), 1).await;
    let observation = Observation {
        lane: "shop/production".parse().expect("a lane"),
        linked: None,
        running: Running::Nothing,
        healthy_for: windlass_core::model::Duration::from_secs(1),
        flaps: 0,
        generation: 1,
        held_by_hand: false,
        drained: false,
        health: Health::NoData,
    };
    session.see(observation.clone()).await;
    let seen = master.inputs(1, |input| matches!(input, Input::Observed { .. })).await;
    assert_eq!(seen, [Input::Observed { agent: agent(1), session: number, observation }]);
}

#[tokio::test]
async fn a_master_that_stops_says_so() {
    let master = Master::start().await;
    let (mut session, _) = master.client(agent(1)).await.session(agent(1), 1).await;
    master.link.tasks.shutdown.cancel();
    assert_eq!(session.refusal().await.expect("it is told").0, RefusalReason::GoingAway);
    master.inputs(1, ends).await;
}
