//! Log bytes over the wire: acknowledged means synced.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming};
use windlass_core::model::{Digest, Fence};
use windlass_core::{Fact, Input};
use windlass_proto::convert::logs::{Chunk, Down, LogId, Mark, Up};
use windlass_proto::v1::{self, GapReason, Kind, LogRejectReason};

use super::client::Client;
use super::harness::{Master, QUOTA, agent, fence, log_name};
use crate::logs::{LogPhase, Logs, Part};

const LOG: LogId = LogId { fence: Fence((1 << 28) + 1), step: 2 };

/// A call for logs.
struct Call {
    up: mpsc::Sender<v1::LogUp>,
    down: Streaming<v1::LogDown>,
}

impl Call {
    async fn of(client: &Client) -> Self {
        let (up, said) = mpsc::channel(64);
        let down = client.0.clone().logs(ReceiverStream::new(said)).await.expect("called").into_inner();
        Self { up, down }
    }

    async fn say(&self, up: Up) {
        self.up.send(up.into_wire()).await.expect("the call is open");
    }

    async fn open(&self, log: LogId, session: u64) {
        self.say(Up::Open { log, session, have: 0 }).await;
    }

    async fn send(&self, offset: u64, text: &'static str) {
        let data = Bytes::from_static(text.as_bytes());
        self.say(Up::Chunk(Chunk { log: LOG, offset, marks: vec![mark(&data)], data })).await;
    }

    async fn seal(&self, text: &str) {
        let digest = Some(Digest::of(text.as_bytes()));
        self.say(Up::Seal { log: LOG, total: text.len() as u64, digest }).await;
    }

    async fn next(&mut self) -> Result<Down, Status> {
        let message = tokio::time::timeout(Duration::from_secs(60), self.down.message()).await;
        let message = message.expect("it comes in time")?.expect("the call is open");
        Ok(Down::from_wire(message).expect("the master speaks well"))
    }

    /// Waits for the acknowledgement of so many bytes.
    async fn durable(&mut self, bytes: u64) {
        while self.next().await.expect("open") != (Down::Ack { log: LOG, durable: bytes, sealed: false }) {}
    }
}

fn mark(data: &[u8]) -> Mark {
    let len = u32::try_from(data.len()).expect("short");
    Mark { len, kind: Kind::Stdout, at_ns: 1, crc32c: crc32c::crc32c(data), dropped: 0, gap: GapReason::NoGap }
}

fn rejected(reason: LogRejectReason, want: u64) -> Down {
    Down::Reject { log: LOG, reason, want }
}

/// A master, the first agent's session, and its call with the log of the second step opened.
async fn opened() -> (Master, Client, super::client::Session, u64, Call) {
    let master = Master::start().await;
    let client = master.client(agent(1)).await;
    let (session, number) = client.session(agent(1), 1).await;
    let mut call = Call::of(&master.client(agent(1)).await).await;
    call.open(LOG, number).await;
    assert_eq!(call.next().await.expect("open"), Down::Ack { log: LOG, durable: 0, sealed: false });
    (master, client, session, number, call)
}

#[tokio::test]
async fn acknowledged_bytes_survive_a_power_cut() {
    let (master, _client, _session, _number, mut call) = opened().await;
    call.send(0, "acknowledged").await;
    call.durable(12).await;
    master.disk.crash(3);
    let state = master.state.lock().await.clone();
    let after = Logs::start(Arc::new(master.disk.clone()), PathBuf::from("/data/logs"), &state).expect("started");
    assert_eq!(after.read(&log_name(2), 0, 100).await.expect("readable"), "acknowledged");
}

#[tokio::test]
async fn a_log_goes_on_where_the_master_has_it() {
    let (master, client, session, _number, mut call) = opened().await;
    call.send(0, "one ").await;
    call.durable(4).await;
    drop((call, session));
    let (_session, number) = client.session(agent(1), 2).await;
    let mut call = Call::of(&client).await;
    call.open(LOG, number).await;
    call.durable(4).await;
    call.send(0, "one two").await;
    call.durable(7).await;
    assert_eq!(master.link.logs.read(&log_name(2), 0, 100).await.expect("readable"), "one two");
}

#[tokio::test]
async fn chunks_that_do_not_fit_are_asked_for_again() {
    let (_master, _client, _session, _number, mut call) = opened().await;
    call.send(5, "later").await;
    assert_eq!(call.next().await.expect("open"), rejected(LogRejectReason::LogGap, 0));
    // On its way when the gap was found: asked for once is enough.
    call.send(10, "later").await;
    let (data, other) = (Bytes::from_static(b"right"), mark(b"wrong"));
    call.say(Up::Chunk(Chunk { log: LOG, offset: 0, data, marks: vec![other] })).await;
    assert_eq!(call.next().await.expect("open"), rejected(LogRejectReason::LogCrc, 0));
    call.send(u64::MAX - 1, "over").await;
    call.send(0, "right").await;
    call.durable(5).await;
}

#[tokio::test]
async fn a_log_has_a_quota() {
    let (_master, _client, _session, _number, mut call) = opened().await;
    let part = Bytes::from(vec![b'x'; 256 * 1024]);
    for n in 0..5 {
        let offset = n * part.len() as u64;
        call.say(Up::Chunk(Chunk { log: LOG, offset, data: part.clone(), marks: vec![mark(&part)] })).await;
    }
    let full = rejected(LogRejectReason::LogQuota, QUOTA);
    while call.next().await.expect("open") != full {}
}

#[tokio::test]
async fn a_whole_log_becomes_a_fact_and_followers_are_told() {
    let (master, client, _session, number, mut call) = opened().await;
    let mut tail = master.link.logs.tail(&log_name(2), 4).await.expect("there");
    call.send(0, "all of it").await;
    call.seal("all of it, and more").await;
    while call.next().await.expect("open") != rejected(LogRejectReason::LogGap, 9) {}
    call.seal("all of it").await;
    while call.next().await.expect("open") != (Down::Ack { log: LOG, durable: 9, sealed: true }) {}
    let state = master.link.published.state();
    let sealed = state.attempt(LOG.fence).expect("open").1.steps[1].sealed.clone().expect("it is a fact");
    assert_eq!((sealed.total, sealed.digest, sealed.damaged), (9, Digest::of(b"all of it"), false));
    let followed = async {
        let mut parts = Vec::new();
        while let Part::Bytes { data, .. } = tail.next(100).await.expect("readable") {
            parts.extend_from_slice(&data);
        }
        parts
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(60), followed).await.expect("it ends"), b"of it");
    let phase = master.link.logs.summary(&log_name(2)).await.expect("readable").expect("there").state.phase;
    assert_eq!(phase, LogPhase::Sealed);
    // An agent that missed the news asks again.
    let mut again = Call::of(&client).await;
    again.open(LOG, number).await;
    assert_eq!(again.next().await.expect("open"), Down::Ack { log: LOG, durable: 9, sealed: true });
    assert_eq!(master.inputs(1, |input| matches!(input, Input::LogSealed(_))).await.len(), 1);
}

#[tokio::test]
async fn a_wrong_digest_asks_for_everything_again_and_then_says_damaged() {
    let (master, _client, _session, _number, mut call) = opened().await;
    call.send(0, "abX").await;
    call.seal("abc").await;
    while call.next().await.expect("open") != rejected(LogRejectReason::LogMismatch, 0) {}
    call.send(0, "abX").await;
    call.seal("abc").await;
    while call.next().await.expect("open") != (Down::Ack { log: LOG, durable: 3, sealed: true }) {}
    let Input::LogSealed(seal) = &master.inputs(1, |input| matches!(input, Input::LogSealed(_))).await[0] else {
        panic!("a seal was looked for")
    };
    assert!(seal.damaged);
}

#[tokio::test]
async fn logs_of_others_and_of_nobody_are_refused() {
    let (master, _client, _session, number, mut call) = opened().await;
    let others =
        [LogId { fence: fence(2), step: 1 }, LogId { fence: fence(99), step: 1 }, LogId { fence: fence(1), step: 4 }];
    for log in others {
        let refused = Down::Reject { log, reason: LogRejectReason::LogNotYours, want: 0 };
        call.open(log, number).await;
        assert_eq!(call.next().await.expect("open"), refused);
        call.say(Up::Seal { log, total: 0, digest: None }).await;
        assert_eq!(call.next().await.expect("open"), refused);
    }
    master.happen(&[Fact::JobClosed { fence: fence(1) }]).await;
    let closed = LogId { fence: fence(1), step: 1 };
    call.open(closed, number).await;
    let refused = Down::Reject { log: closed, reason: LogRejectReason::LogNotYours, want: 0 };
    assert_eq!(call.next().await.expect("open"), refused);
}

#[tokio::test]
async fn a_call_lives_only_with_its_session() {
    let (master, client, session, number, mut call) = opened().await;
    drop(session);
    assert_eq!(call.next().await.expect_err("its session is over").code(), Code::FailedPrecondition);
    let mut stale = Call::of(&client).await;
    stale.open(LOG, number).await;
    assert_eq!(stale.next().await.expect_err("an old session").code(), Code::FailedPrecondition);
    let (_other_session, others) = master.client(agent(2)).await.session(agent(2), 1).await;
    let mut stolen = Call::of(&client).await;
    stolen.open(LOG, others).await;
    assert_eq!(stolen.next().await.expect_err("the session of another").code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn marks_that_do_not_cover_their_data_end_the_call() {
    let (_master, _client, _session, _number, mut call) = opened().await;
    let data = Bytes::from_static(b"abc");
    call.say(Up::Chunk(Chunk { log: LOG, offset: 0, data, marks: vec![mark(b"ab")] })).await;
    assert_eq!(call.next().await.expect_err("refused").code(), Code::InvalidArgument);
}
