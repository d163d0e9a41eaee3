//! What proto3 would read as a default, and what this version does not carry out.

use windlass_core::attempt::{Line, LineBody};
use windlass_core::model::{AgentId, Fence, Outcome};

use super::super::*;
use super::envelopes;
use crate::v1;

#[test]
fn an_unset_oneof_closes_the_session() {
    let missing = |field| Error::Missing { field };
    assert_eq!(control::Up::from_wire(v1::FromAgent::default()), Err(missing("from_agent.body")));
    assert_eq!(control::Down::from_wire(v1::FromMaster::default()), Err(missing("from_master.body")));
    assert_eq!(logs::Up::from_wire(v1::LogUp::default()), Err(missing("log_up.body")));
    assert_eq!(logs::Down::from_wire(v1::LogDown::default()), Err(missing("log_down.body")));
    let empty = v1::Report { fence: 1, index: 1, ..v1::Report::default() };
    assert_eq!(report::from_wire(empty, |_| None), Err(missing("report.body")));
}

#[test]
fn an_unknown_enum_value_or_zero_closes_the_session() {
    for kind in [0, 9, -1] {
        let wire = v1::Outcome { kind, ..v1::Outcome::default() };
        let error = Error::UnknownValue { field: "outcome.kind", value: kind };
        assert_eq!(outcome::from_wire(&wire), Err(error.clone()));
        assert_eq!(outcome::step_from_wire(&wire), Err(error));
    }
    let tolerated = v1::Outcome { kind: v1::OutcomeKind::Tolerated.into(), ..v1::Outcome::default() };
    outcome::from_wire(&tolerated).expect_err("only steps are tolerated");
    let seen = v1::Observation { lane: "shop/production".to_owned(), ..v1::Observation::default() };
    assert_eq!(observation::from_wire(seen), Err(Error::UnknownValue { field: "observation.health", value: 0 }));
}

#[test]
fn a_failure_needs_a_cause() {
    let failed = |code, signal, reason: &str| {
        let kind = v1::OutcomeKind::Failed.into();
        outcome::from_wire(&v1::Outcome { kind, code, signal, reason: reason.to_owned() })
    };
    for (code, signal, reason) in [(0, 0, ""), (256, 0, ""), (-1, 0, ""), (1, 9, ""), (0, 0, "exec"), (0, -2, "")] {
        failed(code, signal, reason).expect_err("no cause, or several");
    }
}

#[test]
fn a_hello_needs_incarnation_boot_id_and_offer() {
    let agent = AgentId(uuid::Uuid::from_bytes([7; 16]));
    let offer = v1::Offer { kill: 2, policy_blake3: vec![0; 32], ..v1::Offer::default() };
    let whole = v1::Hello {
        protocol: PROTOCOL,
        incarnation: 1,
        boot_id: "b".to_owned(),
        offer: Some(offer),
        ..v1::Hello::default()
    };
    hello::from_wire(agent, whole.clone()).expect("it is whole");
    hello::from_wire(agent, v1::Hello { incarnation: 0, ..whole.clone() }).expect_err("no incarnation");
    hello::from_wire(agent, v1::Hello { boot_id: String::new(), ..whole.clone() }).expect_err("no boot id");
    hello::from_wire(agent, v1::Hello { offer: None, ..whole.clone() }).expect_err("no offer");
    let held = vec![v1::Held::default(); HELD_MAX + 1];
    let error = hello::from_wire(agent, v1::Hello { held, ..whole }).expect_err("too much");
    assert!(matches!(error, Error::TooMuch { .. }));
}

#[test]
fn an_acceptance_of_another_envelope_is_wrong() {
    let envelope = envelopes::plain();
    let body = LineBody::Accepted { fence: Fence(7), envelope: Box::new(envelope.clone()), boot_id: String::new() };
    let line = Line { format: 1, index: 1, boottime_ns: 1, wall_ms: 1, body };
    let wire = report::to_wire(Fence(7), &line);
    report::from_wire(wire.clone(), |_| None).expect_err("nothing was placed");
    let other = Some((envelopes::other_digest(), envelope));
    report::from_wire(wire, |_| other).expect_err("something else was placed");
}

#[test]
fn an_end_without_logs_is_void_and_a_skipped_attempt_is_wrong() {
    let ended = |outcome: &Outcome, log_total| {
        let ended = v1::Ended {
            outcome: Some(outcome::to_wire(outcome)),
            log_total,
            cancel_too_late: false,
            empty_logs: Vec::new(),
        };
        let body = Some(v1::report::Body::Ended(ended));
        report::from_wire(v1::Report { fence: 1, index: 2, boottime_ns: 0, wall_ms: 0, body }, |_| None)
    };
    let (_, void) = ended(&Outcome::Cancelled, vec![]).expect("before GO");
    assert_eq!(void.body, LineBody::Void { outcome: Outcome::Cancelled });
    let (_, exit) = ended(&Outcome::Cancelled, vec![0]).expect("after GO");
    assert!(matches!(exit.body, LineBody::Exit { .. }));
    ended(&Outcome::Skipped { why: String::new() }, vec![]).expect_err("it was placed");
}

#[test]
fn an_envelope_that_asks_for_more_than_we_do_is_refused_by_name() {
    let refused = |change: fn(&mut v1::Envelope)| {
        let mut wire: v1::Envelope =
            prost::Message::decode(&envelope_bytes(&envelopes::plain())[..]).expect("it is ours");
        change(&mut wire);
        envelope_from_bytes(&prost::Message::encode_to_vec(&wire)).expect_err("it asks for more")
    };
    let unsupported = |field| Error::Unsupported { field };
    assert_eq!(refused(|wire| wire.user = "root".to_owned()), unsupported("envelope.user"));
    assert_eq!(refused(|wire| wire.outputs.push("X".to_owned())), unsupported("envelope.outputs"));
    assert_eq!(refused(|wire| wire.trust = v1::Trust::Foreign.into()), unsupported("envelope.trust"));
    let no_name = refused(|wire| wire.steps[0].secrets.push("key".to_owned()));
    assert!(matches!(no_name, Error::Invalid { field: "step.secrets", .. }), "{no_name}");
    assert_eq!(refused(|wire| wire.steps[0].what = None), Error::Missing { field: "step.what" });
    refused(|wire| wire.trust = 0);
    refused(|wire| wire.steps[0].env = vec![v1::Pair::default()]);
}

#[test]
fn an_envelope_is_what_its_digest_says_and_not_too_big() {
    let envelope = envelopes::plain();
    let put = Put {
        fence: Fence(1),
        digest: envelopes::other_digest(),
        envelope: Some(envelope),
        secrets: Default::default(),
    };
    let set = Assignments { put: vec![put], ..Assignments::default() };
    for message in assignments::to_wire(&set) {
        assignments::from_wire(message).expect_err("another digest");
    }
    let bytes = envelope_bytes(&envelopes::with_env_of(256 * 1024));
    assert!(matches!(envelope_from_bytes(&bytes), Err(Error::TooMuch { .. })));
}

#[test]
fn marks_must_cover_the_data_exactly() {
    let mark = v1::Mark { len: 3, kind: v1::Kind::Stdout.into(), ..v1::Mark::default() };
    let chunk = |data: &'static [u8], marks: Vec<v1::Mark>| {
        let log = Some(v1::LogId { fence: 1, step: 1 });
        let chunk = v1::LogChunk { log, offset: 0, data: bytes::Bytes::from_static(data), marks };
        logs::Up::from_wire(v1::LogUp { body: Some(v1::log_up::Body::Chunk(chunk)) })
    };
    chunk(b"abc", vec![mark]).expect("they do");
    chunk(b"abcd", vec![mark]).expect_err("one byte more");
    chunk(b"", vec![]).expect_err("nothing");
    chunk(b"abc", vec![v1::Mark { kind: 0, ..mark }]).expect_err("no kind");
    chunk(b"abc", vec![v1::Mark { gap: 1, ..mark }]).expect_err("a gap with bytes");
    chunk(b"", vec![v1::Mark { len: 0, kind: 3, gap: 99, ..v1::Mark::default() }]).expect_err("an unknown reason");
}
