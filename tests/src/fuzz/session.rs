//! Messages of the agent link, as a peer may send them that wants no good.

use fastrand::Rng;
use prost::Message;
use windlass_core::model::{AgentId, Digest, Envelope, Fence};
use windlass_proto::convert::{control, envelope_from_bytes, hello, logs, report};
use windlass_proto::v1;

use super::mutate::mutate;

pub(super) fn case(rng: &mut Rng) -> Result<(), String> {
    if rng.bool() { up(rng) } else { down(rng) }
}

/// What a master reads.
fn up(rng: &mut Rng) -> Result<(), String> {
    let bytes = hostile(rng, [control_up, logs_up]);
    if let Ok(message) = v1::FromAgent::decode(&bytes[..]) {
        match control::Up::from_wire(message) {
            Ok(control::Up::Hello(said)) => _ = hello::from_wire(sender(), said),
            Ok(control::Up::Report(said)) => {
                _ = report::from_wire(said, |_: Fence| None::<(Digest, Envelope)>);
            }
            Ok(other) => returns(&other, control::Up::into_wire, control::Up::from_wire)?,
            Err(_refused) => {}
        }
    }
    match v1::LogUp::decode(&bytes[..]).map(logs::Up::from_wire) {
        Ok(Ok(up)) => returns(&up, logs::Up::into_wire, logs::Up::from_wire),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// What an agent reads.
fn down(rng: &mut Rng) -> Result<(), String> {
    let bytes = hostile(rng, [control_down, logs_down]);
    _ = envelope_from_bytes(&bytes);
    if let Ok(Ok(down)) = v1::FromMaster::decode(&bytes[..]).map(control::Down::from_wire) {
        // A set of assignments may become several messages; each must be taken.
        for part in down.into_wire() {
            control::Down::from_wire(part).map_err(|error| format!("what we make of it is refused: {error}"))?;
        }
    }
    match v1::LogDown::decode(&bytes[..]).map(logs::Down::from_wire) {
        Ok(Ok(down)) => returns(&down, logs::Down::into_wire, logs::Down::from_wire),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// The one whose certificate the session was opened with.
fn sender() -> AgentId {
    "00000000-0000-4000-8000-000000000003".parse().expect("a UUID")
}

/// There and back it is the same value.
fn returns<T: PartialEq + Clone + std::fmt::Debug, W, E: std::fmt::Display>(
    value: &T,
    there: impl FnOnce(T) -> W,
    back: impl FnOnce(W) -> Result<T, E>,
) -> Result<(), String> {
    match back(there(value.clone())) {
        Ok(same) if same == *value => Ok(()),
        Ok(other) => Err(format!("{value:?} came back as {other:?}")),
        Err(error) => Err(format!("{value:?} came back as an error: {error}")),
    }
}

fn hostile(rng: &mut Rng, sound: [fn(&mut Rng) -> Vec<u8>; 2]) -> Vec<u8> {
    if rng.u8(0..8) == 0 {
        return (0..rng.usize(0..400)).map(|_| rng.u8(..)).collect();
    }
    let mut bytes = sound[rng.usize(..2)](rng);
    mutate(rng, &mut bytes);
    bytes
}

fn log_id(rng: &mut Rng) -> Option<v1::LogId> {
    Some(v1::LogId { fence: rng.u64(1..1000), step: rng.u32(1..9) })
}

fn control_up(rng: &mut Rng) -> Vec<u8> {
    use v1::from_agent::Body;
    let outcome = || Some(v1::Outcome { kind: 2, code: 3, signal: 0, reason: String::new() });
    let body = match rng.u8(0..5) {
        0 => Body::Hello(v1::Hello {
            protocol: 1,
            program: "windlass-agent 0.1.0".to_owned(),
            incarnation: rng.u64(1..9),
            boot_id: "b".to_owned(),
            max_epoch: rng.u64(..),
            floor: rng.u64(..),
            held: vec![v1::Held {
                fence: 9,
                phase: 2,
                lines: 4,
                run: "shop#1".to_owned(),
                job: "a".to_owned(),
                attempt: 1,
            }],
            offer: Some(v1::Offer {
                os: "linux".to_owned(),
                labels: vec!["role=build".to_owned()],
                ..v1::Offer::default()
            }),
        }),
        1 => Body::Heartbeat(v1::Heartbeat {
            number: rng.u64(..),
            spool_bytes: 1,
            disk_free_bytes: 2,
            draining: true,
            wall_ms: rng.i64(..),
        }),
        2 => Body::Observation(v1::Observation {
            lane: "shop/production".to_owned(),
            linked: "r18".to_owned(),
            generation: rng.u64(..),
            health: 1,
            ..v1::Observation::default()
        }),
        3 => {
            report(rng, v1::report::Body::StepEnded(v1::StepEnded { step: 1, outcome: outcome(), outputs: Vec::new() }))
        }
        _ => report(
            rng,
            v1::report::Body::Ended(v1::Ended {
                outcome: outcome(),
                log_total: vec![5, 0],
                cancel_too_late: false,
                empty_logs: vec![2],
            }),
        ),
    };
    v1::FromAgent { body: Some(body) }.encode_to_vec()
}

fn report(rng: &mut Rng, body: v1::report::Body) -> v1::from_agent::Body {
    v1::from_agent::Body::Report(v1::Report {
        fence: rng.u64(1..99),
        index: rng.u32(1..9),
        boottime_ns: 1,
        wall_ms: 2,
        body: Some(body),
    })
}

fn logs_up(rng: &mut Rng) -> Vec<u8> {
    use v1::log_up::Body;
    let body = match rng.u8(0..3) {
        0 => Body::Open(v1::LogOpen { log: log_id(rng), session: 1, have: rng.u64(..) }),
        1 => {
            let data: Vec<u8> = (0..rng.u8(1..90)).collect();
            let mark = v1::Mark { len: data.len() as u32, kind: 1, at_ns: 5, crc32c: rng.u32(..), dropped: 0, gap: 0 };
            let gap = v1::Mark { len: 0, kind: 3, at_ns: 6, crc32c: 0, dropped: rng.u64(..), gap: 2 };
            Body::Chunk(v1::LogChunk {
                log: log_id(rng),
                offset: rng.u64(..),
                data: data.into(),
                marks: vec![mark, gap],
            })
        }
        _ => Body::Seal(v1::LogSeal { log: log_id(rng), total: rng.u64(..), blake3: vec![1; 32] }),
    };
    v1::LogUp { body: Some(body) }.encode_to_vec()
}

fn control_down(rng: &mut Rng) -> Vec<u8> {
    use v1::from_master::Body;
    let upto = |rng: &mut Rng| v1::Upto { fence: rng.u64(1..99), index: rng.u32(1..9) };
    let body = match rng.u8(0..5) {
        0 => Body::Welcome(v1::Welcome { master_epoch: rng.u64(1..), session: rng.u64(1..), acked: vec![upto(rng)] }),
        1 => Body::Refusal(v1::Refusal { reason: 2, detail: "held".to_owned(), retry_after_s: 3 }),
        2 => Body::ReportAck(v1::ReportAck { upto: vec![upto(rng), upto(rng)] }),
        3 => Body::HeartbeatAck(v1::HeartbeatAck { number: rng.u64(..), wall_ms: rng.i64(..) }),
        _ => Body::Assignments(v1::Assignments {
            full: rng.bool(),
            more: rng.bool(),
            floor: rng.u64(..),
            cancel: vec![v1::Cancel { fence: 4, force: true, by: "anna".to_owned(), why: "w".to_owned() }],
            forget: vec![v1::Forget { fence: 3 }],
            ..v1::Assignments::default()
        }),
    };
    v1::FromMaster { body: Some(body) }.encode_to_vec()
}

fn logs_down(rng: &mut Rng) -> Vec<u8> {
    use v1::log_down::Body;
    let body = match rng.bool() {
        true => Body::Ack(v1::LogAck { log: log_id(rng), durable: rng.u64(..), sealed: rng.bool() }),
        false => Body::Reject(v1::LogReject { log: log_id(rng), reason: 1, want: rng.u64(..) }),
    };
    v1::LogDown { body: Some(body) }.encode_to_vec()
}
