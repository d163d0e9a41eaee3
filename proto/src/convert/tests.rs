//! Round trips of every noun, and what is refused.

mod envelopes;
mod refused;
mod values;

use std::collections::BTreeMap;

use proptest::prelude::*;
use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::model::{Digest, Fence};

use super::control::{Down, Refused, Up, Welcome};
use super::*;
use crate::v1;
use values::*;

proptest! {
    #[test]
    fn outcomes_come_back(outcome in outcome(), step in step_outcome()) {
        prop_assert_eq!(outcome::from_wire(&outcome::to_wire(&outcome)), Ok(outcome));
        prop_assert_eq!(outcome::step_from_wire(&outcome::step_to_wire(&step)), Ok(step));
    }

    #[test]
    fn observations_come_back(observation in observation()) {
        prop_assert_eq!(observation::from_wire(observation::to_wire(&observation)), Ok(observation));
    }

    #[test]
    fn hellos_come_back(hello in hello(), floor in any::<u64>()) {
        let phases = hello.held.iter().map(|held| (held.fence, v1::Phase::Running)).collect::<BTreeMap<_, _>>();
        let unheard = Unheard { floor, policy: Digest::of(b"policy"), phases: &phases };
        let wire = hello::to_wire(&hello, &unheard);
        prop_assert_eq!(wire.floor, floor);
        prop_assert_eq!(hello::from_wire(hello.agent, wire), Ok(hello));
    }

    #[test]
    fn envelopes_come_back_and_make_the_same_bytes(envelope in envelopes::envelope()) {
        let bytes = envelope_bytes(&envelope);
        let back = envelope_from_bytes(&bytes).expect("it is ours");
        prop_assert_eq!(&back, &envelope);
        prop_assert_eq!(envelope_bytes(&back), bytes);
    }

    #[test]
    fn reports_come_back(fence in fence(), line in line()) {
        let envelope = envelopes::plain();
        let wire = report::to_wire(fence, &line);
        let back = report::from_wire(wire, |_| Some((envelope_digest(&envelope), envelope.clone())));
        prop_assert_eq!(back, Ok((fence, as_it_travels(fence, line))));
    }

    #[test]
    fn log_messages_come_back(up in log_up(), down in log_down()) {
        prop_assert_eq!(logs::Up::from_wire(up.clone().into_wire()), Ok(up));
        prop_assert_eq!(logs::Down::from_wire(down.into_wire()), Ok(down));
    }

    #[test]
    fn blob_messages_come_back(fetch in fetch(), part in part(), size in any::<u64>()) {
        prop_assert_eq!(blobs::Fetch::from_wire(&fetch.to_wire()), Ok(fetch));
        let done = blobs::PutDone { digest: Digest::of(&part.data), size };
        prop_assert_eq!(blobs::Part::from_wire(part.clone().into_wire()), Ok(part));
        prop_assert_eq!(blobs::PutDone::from_wire(&done.to_wire()), Ok(done));
    }

    #[test]
    fn control_messages_come_back(epoch in 1..u64::MAX, session in 1..u64::MAX, acked in acked(), seen in observation()) {
        let refused = Refused { reason: v1::RefusalReason::TooMany, detail: "later".to_owned(), retry_after_s: 7 };
        let downs = [
            Down::Welcome(Welcome { epoch, session, acked: acked.clone() }),
            Down::Refusal(refused),
            Down::ReportAck(acked),
            Down::HeartbeatAck { number: session, wall_ms: -1 },
        ];
        for down in downs {
            let mut wire = down.clone().into_wire();
            prop_assert_eq!(wire.len(), 1);
            prop_assert_eq!(Down::from_wire(wire.remove(0)), Ok(down));
        }
        let beat = v1::Heartbeat { number: epoch, spool_bytes: 1, disk_free_bytes: 2, draining: false, wall_ms: 3 };
        for up in [Up::Heartbeat(beat), Up::Observation(seen)] {
            prop_assert_eq!(Up::from_wire(up.clone().into_wire()), Ok(up));
        }
    }

    #[test]
    fn assignments_come_back_in_messages_that_are_small_enough(set in envelopes::assignments()) {
        let messages = assignments::to_wire(&set);
        let mut back = Assignments { full: set.full, more: set.more, floor: set.floor, ..Assignments::default() };
        let last = messages.len() - 1;
        for (number, message) in messages.into_iter().enumerate() {
            prop_assert!(prost::Message::encoded_len(&message) < CONTROL_MAX_BYTES);
            prop_assert_eq!(message.more, number < last || set.more);
            let part = assignments::from_wire(message).expect("it is ours");
            prop_assert_eq!((part.full, part.floor), (set.full, set.floor));
            back.put.extend(part.put);
            back.cancel.extend(part.cancel);
            back.forget.extend(part.forget);
            prop_assert_eq!(&part.drain, &set.drain, "it stands in each message of a set");
            back.drain = part.drain;
        }
        prop_assert_eq!(back, set);
    }
}

/// The wire says less than the record; see [`report`].
fn as_it_travels(reported: Fence, mut line: Line) -> Line {
    match &mut line.body {
        LineBody::Accepted { fence, boot_id, .. } => {
            *fence = reported;
            boot_id.clear();
        }
        LineBody::Exit { logs, .. } => {
            for log in logs {
                *log = log.map(|end| LogEnd { total: end.total, digest: None });
            }
        }
        LineBody::Go
        | LineBody::StepStarted { .. }
        | LineBody::StepEnded { .. }
        | LineBody::Stuck { .. }
        | LineBody::Void { .. } => {}
    }
    line
}

#[test]
fn a_large_set_is_cut_into_messages_and_an_empty_one_is_one_message() {
    let mut set = Assignments { full: true, floor: 7, ..Assignments::default() };
    assert_eq!(assignments::to_wire(&set).len(), 1);
    let envelope = envelopes::with_env_of(200 * 1024);
    let digest = envelope_digest(&envelope);
    set.put = (1..=5)
        .map(|n| Put { fence: Fence(n), digest, envelope: Some(envelope.clone()), secrets: Default::default() })
        .collect();
    let messages = assignments::to_wire(&set);
    assert_eq!(messages.iter().map(|message| message.more).collect::<Vec<_>>(), [true, true, false]);
}
