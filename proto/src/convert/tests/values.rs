//! Any value of each noun.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::input::{Held, Hello, KillMode, Offer};
use windlass_core::model::{
    Attempt, Digest, Duration, Failure, Fence, Health, NotStarted, Observation, Outcome, Running, StepOutcome,
    UnknownReason,
};

use super::super::blobs::{Fetch, Part, PutOpen};
use super::super::logs::{Chunk, Down, LogId, Mark, Up};
use super::super::report::LINE_FORMAT;
use super::envelopes;
use crate::v1;

pub(super) fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

pub(super) fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[A-Z_]{1,8}", text(), 0..4)
}

pub(super) fn fence() -> impl Strategy<Value = Fence> {
    (1..u64::MAX).prop_map(Fence)
}

pub(super) fn digest() -> impl Strategy<Value = Digest> {
    any::<[u8; 32]>().prop_map(Digest)
}

fn failure() -> impl Strategy<Value = Failure> {
    prop_oneof![
        (1..=255u8).prop_map(Failure::Code),
        (1..=64i32).prop_map(Failure::Signal),
        text().prop_map(Failure::Exec),
        text().prop_map(Failure::Broken),
    ]
}

fn not_started() -> impl Strategy<Value = NotStarted> {
    prop_oneof![
        Just(NotStarted::Busy),
        Just(NotStarted::DiskLow),
        Just(NotStarted::AgentRestart),
        Just(NotStarted::ShimFailed),
        Just(NotStarted::Reboot),
        text().prop_map(NotStarted::DeniedByAgent),
        text().prop_map(NotStarted::SetupFailed),
        text().prop_map(NotStarted::Pipeline),
        text().prop_map(NotStarted::Rejected),
        text().prop_map(NotStarted::Secret),
    ]
}

fn unknown() -> impl Strategy<Value = UnknownReason> {
    use UnknownReason::{AgentLost, AgentLostState, AgentRemoved, EvidenceDamaged, Reboot, Restored, ShimLost};
    prop::sample::select(vec![Reboot, ShimLost, AgentLost, AgentLostState, AgentRemoved, EvidenceDamaged, Restored])
}

/// Of an attempt that was started.
fn started_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Succeeded),
        failure().prop_map(|how| Outcome::Failed { how }),
        Just(Outcome::TimedOut),
        Just(Outcome::Cancelled),
        unknown().prop_map(|reason| Outcome::Unknown { reason }),
    ]
}

pub(super) fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        started_outcome(),
        text().prop_map(|why| Outcome::Skipped { why }),
        not_started().prop_map(|reason| Outcome::NotStarted { reason }),
    ]
}

pub(super) fn step_outcome() -> impl Strategy<Value = StepOutcome> {
    prop_oneof![
        Just(StepOutcome::Succeeded),
        failure().prop_map(|how| StepOutcome::Failed { how }),
        Just(StepOutcome::TimedOut),
        Just(StepOutcome::Cancelled),
        Just(StepOutcome::Skipped),
        option::of(failure()).prop_map(|how| StepOutcome::Tolerated { how }),
    ]
}

pub(super) fn observation() -> impl Strategy<Value = Observation> {
    let running = prop_oneof![
        (1..9_999u64, any::<u32>()).prop_map(|(n, digest)| Running::Release(format!("r{n}-{digest:08x}"))),
        "[s-z]{1,9}".prop_map(Running::Other),
        Just(Running::Nothing),
    ];
    let health = prop::sample::select(vec![Health::Healthy, Health::Unhealthy, Health::NoData]);
    let linked = option::of("r[1-9]-[0-9a-f]{8}");
    (running, health, linked, any::<(u64, u32, u64, (bool, bool))>()).prop_map(|(running, health, linked, numbers)| {
        let (healthy_for, flaps, generation, (held_by_hand, drained)) = numbers;
        Observation {
            lane: "shop/production".parse().expect("a lane"),
            linked,
            running,
            healthy_for: Duration::from_ms(healthy_for),
            flaps,
            generation,
            held_by_hand,
            drained,
            health,
        }
    })
}

pub(super) fn hello() -> impl Strategy<Value = Hello> {
    let held = (fence(), any::<u32>(), 1..9u32).prop_map(|(fence, lines, attempt)| Held {
        fence,
        lines,
        run: "shop#42".to_owned(),
        job: "build".to_owned(),
        attempt: Attempt(attempt),
    });
    (vec(held, 0..4), offer(), any::<[u8; 16]>(), 1..u64::MAX, any::<u64>()).prop_map(
        |(held, offer, id, incarnation, max_epoch)| Hello {
            agent: windlass_core::model::AgentId(uuid_of(id)),
            protocol: super::super::PROTOCOL,
            program: "windlass-agent 0.1.0".to_owned(),
            incarnation,
            boot_id: "b".to_owned(),
            max_epoch,
            held,
            offer,
        },
    )
}

fn uuid_of(bytes: [u8; 16]) -> uuid::Uuid {
    uuid::Uuid::from_bytes(bytes)
}

fn offer() -> impl Strategy<Value = Offer> {
    let labels = btree_map("[a-z]{1,5}", "[a-z=]{0,5}", 0..3);
    let names = || vec("[a-z]{1,5}", 0..3);
    (labels, names(), names(), any::<(u32, bool, bool, bool)>()).prop_map(
        |(labels, projects, environments, (slots, jobs, same_user, grouped))| Offer {
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            labels,
            slots,
            projects,
            environments,
            jobs,
            same_user,
            paused: jobs.then(|| "disk swap".to_owned()),
            kill: if grouped { KillMode::Cgroup } else { KillMode::Group },
        },
    )
}

pub(super) fn line() -> impl Strategy<Value = Line> {
    let accepted = fence().prop_map(|fence| LineBody::Accepted {
        fence,
        envelope: Box::new(envelopes::plain()),
        boot_id: "b".to_owned(),
    });
    let void = prop_oneof![Just(Outcome::Cancelled), not_started().prop_map(|reason| Outcome::NotStarted { reason })];
    let log = option::of(
        (prop_oneof![Just(0), any::<u32>()], digest())
            .prop_map(|(total, digest)| LogEnd { total: u64::from(total), digest: Some(digest) }),
    );
    let exit = (started_outcome(), vec(log, 1..4), any::<bool>());
    let body = prop_oneof![
        Just(LineBody::Go),
        (1..9u32).prop_map(|step| LineBody::StepStarted { step }),
        (1..9u32, step_outcome(), pairs()).prop_map(|(step, outcome, outputs)| LineBody::StepEnded {
            step,
            outcome,
            outputs
        }),
        (any::<u32>(), text()).prop_map(|(survivors, at)| LineBody::Stuck { survivors, at }),
        void.prop_map(|outcome| LineBody::Void { outcome }),
        exit.prop_map(|(outcome, logs, cancel_too_late)| LineBody::Exit { outcome, logs, cancel_too_late }),
    ];
    let numbers = (1..u32::MAX, any::<u64>(), any::<i64>());
    (fence(), accepted, body, any::<bool>(), numbers).prop_map(
        |(_fence, accepted, other, is_accepted, (index, boottime_ns, wall_ms))| Line {
            format: LINE_FORMAT,
            index,
            boottime_ns,
            wall_ms,
            body: if is_accepted { accepted } else { other },
        },
    )
}

fn log() -> impl Strategy<Value = LogId> {
    (fence(), 1..9u32).prop_map(|(fence, step)| LogId { fence, step })
}

fn mark() -> impl Strategy<Value = Mark> {
    let chunk = (1..9u32, any::<(bool, u64, u32)>()).prop_map(|(len, (err, at_ns, crc32c))| Mark {
        len,
        kind: if err { v1::Kind::Stderr } else { v1::Kind::Stdout },
        at_ns,
        crc32c,
        dropped: 0,
        gap: v1::GapReason::NoGap,
    });
    let gap = any::<u64>().prop_map(|dropped| Mark {
        len: 0,
        kind: v1::Kind::Gap,
        at_ns: 0,
        crc32c: 0,
        dropped,
        gap: v1::GapReason::Quota,
    });
    prop_oneof![chunk, gap]
}

pub(super) fn log_up() -> impl Strategy<Value = Up> {
    let chunk = (log(), any::<u32>(), vec(mark(), 1..5)).prop_map(|(log, offset, marks)| {
        let len = marks.iter().map(|mark| mark.len as usize).sum();
        Up::Chunk(Chunk { log, offset: u64::from(offset), data: Bytes::from(vec![b'x'; len]), marks })
    });
    prop_oneof![
        (log(), any::<(u64, u64)>()).prop_map(|(log, (session, have))| Up::Open { log, session, have }),
        chunk,
        (log(), any::<u64>(), option::of(digest())).prop_map(|(log, total, digest)| Up::Seal { log, total, digest }),
    ]
}

pub(super) fn log_down() -> impl Strategy<Value = Down> {
    prop_oneof![
        (log(), any::<(u64, bool)>()).prop_map(|(log, (durable, sealed))| Down::Ack { log, durable, sealed }),
        (log(), any::<u64>()).prop_map(|(log, want)| Down::Reject { log, reason: v1::LogRejectReason::LogGap, want }),
    ]
}

pub(super) fn fetch() -> impl Strategy<Value = Fetch> {
    (fence(), digest(), any::<(u64, u64)>()).prop_map(|(fence, digest, (session, offset))| Fetch {
        session,
        fence,
        digest,
        offset,
    })
}

pub(super) fn part() -> impl Strategy<Value = Part> {
    let open = (fence(), digest(), "[a-z.]{1,9}", any::<(u64, u64)>())
        .prop_map(|(fence, digest, name, (session, size))| PutOpen { session, fence, name, size, digest });
    (any::<u64>(), vec(any::<u8>(), 0..9), option::of(open)).prop_map(|(offset, data, open)| Part {
        offset,
        data: Bytes::from(data),
        open,
    })
}

pub(super) fn acked() -> impl Strategy<Value = BTreeMap<Fence, u32>> {
    btree_map(fence(), any::<u32>(), 0..4)
}
