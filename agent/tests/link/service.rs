//! The wire of the played master.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};
use windlass_core::model::{Digest, Fence};
use windlass_proto::convert::blobs::{Fetch, Part, PutDone};
use windlass_proto::convert::{Down, Up, Welcome, envelope_digest, logs, report};
use windlass_proto::v1;

use crate::master::Master;

pub struct Service(pub Master);

type Answers<T> = ReceiverStream<Result<T, Status>>;

#[tonic::async_trait]
impl v1::agent_link_server::AgentLink for Service {
    type SessionStream = Answers<v1::FromMaster>;
    type LogsStream = Answers<v1::LogDown>;
    type FetchStream = Answers<v1::BlobPart>;

    async fn session(
        &self,
        request: Request<Streaming<v1::FromAgent>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (out, answers) = mpsc::channel(64);
        self.0.tasks.task("session", session(self.0.clone(), request.into_inner(), out));
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn logs(&self, request: Request<Streaming<v1::LogUp>>) -> Result<Response<Self::LogsStream>, Status> {
        let (out, answers) = mpsc::channel(64);
        self.0.tasks.task("logs", store_logs(self.0.clone(), request.into_inner(), out));
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn fetch(&self, request: Request<v1::FetchRequest>) -> Result<Response<Self::FetchStream>, Status> {
        let fetch = Fetch::from_wire(request.get_ref()).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let blob = self.0.told().blobs.get(&fetch.digest).cloned().ok_or_else(|| Status::not_found("no such blob"))?;
        let (out, answers) = mpsc::channel(64);
        let begin = usize::try_from(fetch.offset).expect("small");
        // The first try is cut in the middle: the second must go on there.
        let end = if begin == 0 { blob.len() / 2 } else { blob.len() };
        for at in (begin..end).step_by(100_000) {
            let data = Bytes::copy_from_slice(&blob[at..end.min(at + 100_000)]);
            _ = out.send(Ok(Part { offset: at as u64, data, open: None }.into_wire())).await;
        }
        if begin == 0 {
            _ = out.send(Err(Status::unavailable("cut in the middle"))).await;
        }
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn put(&self, request: Request<Streaming<v1::BlobPart>>) -> Result<Response<v1::PutDone>, Status> {
        let mut parts = request.into_inner();
        let (mut bytes, mut name) = (Vec::new(), None);
        while let Some(part) = parts.message().await? {
            let part = Part::from_wire(part).map_err(|error| Status::invalid_argument(error.to_string()))?;
            name = part.open.map(|open| open.name).or(name);
            bytes.extend_from_slice(&part.data);
        }
        let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
        self.0.change(|told| {
            told.blobs.insert(digest, bytes);
            told.artifacts.insert(name.expect("the first part names it"), digest);
        });
        Ok(Response::new(PutDone { digest, size }.to_wire()))
    }

    async fn renew(&self, _request: Request<v1::RenewRequest>) -> Result<Response<v1::RenewReply>, Status> {
        Err(Status::unimplemented("not played"))
    }
}

async fn session(master: Master, mut up: Streaming<v1::FromAgent>, out: mpsc::Sender<Result<v1::FromMaster, Status>>) {
    let Ok(Some(first)) = up.message().await else { return };
    let Ok(Up::Hello(hello)) = Up::from_wire(first) else { panic!("a Hello comes first") };
    let (epoch, number, acked) = master.change(|told| {
        told.session += 1;
        let known = |held: &v1::Held| Some((Fence(held.fence), told.lines.get(&Fence(held.fence))?.len() as u32));
        let acked: BTreeMap<Fence, u32> = hello.held.iter().filter_map(known).collect();
        told.hellos.push(hello);
        (told.epoch, told.session, acked)
    });
    let welcome = Down::Welcome(Welcome { epoch, session: number, acked });
    send(&out, welcome).await;
    let mut changes = master.changes();
    changes.mark_changed();
    loop {
        let message = tokio::select! {
            message = up.message() => message,
            Ok(()) = changes.changed() => {
                if master.told().session != number {
                    return;
                }
                send(&out, Down::Assignments(master.assignments())).await;
                continue;
            }
        };
        let Ok(Some(message)) = message else { return };
        match Up::from_wire(message).expect("it keeps the rules") {
            Up::Hello(_) => panic!("a second Hello"),
            Up::Report(wire) => {
                let of = |fence: Fence| {
                    master.told().wanted.get(&fence).map(|placed| (envelope_digest(placed), placed.clone()))
                };
                let (fence, line) = report::from_wire(wire, of).expect("it keeps the rules");
                let index = line.index;
                master.change(|told| {
                    let lines = told.lines.entry(fence).or_default();
                    if lines.last().map_or(0, |last| last.index) < index {
                        lines.push(line);
                    }
                });
                send(&out, Down::ReportAck(BTreeMap::from([(fence, index)]))).await;
            }
            Up::Heartbeat(beat) => {
                master.change(|told| told.heartbeats += 1);
                send(&out, Down::HeartbeatAck { number: beat.number, wall_ms: 0 }).await;
            }
            Up::Observation(_) => {}
        }
    }
}

async fn send(out: &mpsc::Sender<Result<v1::FromMaster, Status>>, down: Down) {
    for message in down.into_wire() {
        _ = out.send(Ok(message)).await;
    }
}

async fn store_logs(master: Master, mut up: Streaming<v1::LogUp>, out: mpsc::Sender<Result<v1::LogDown, Status>>) {
    let of_session = master.told().session;
    while let Ok(Some(message)) = up.message().await {
        if master.told().session != of_session {
            return;
        }
        let down = match logs::Up::from_wire(message).expect("it keeps the rules") {
            logs::Up::Open { log, .. } => {
                let told = master.told();
                let durable = told.logs.get(&log).map_or(0, |bytes| bytes.len() as u64);
                logs::Down::Ack { log, durable, sealed: told.sealed.contains_key(&log) }
            }
            logs::Up::Chunk(chunk) => master.change(|told| {
                let bytes = told.logs.entry(chunk.log).or_default();
                let end = bytes.len() as u64;
                assert!(chunk.offset <= end, "a hole at {end}");
                let known = usize::try_from(end - chunk.offset).expect("small").min(chunk.data.len());
                bytes.extend_from_slice(&chunk.data[known..]);
                logs::Down::Ack { log: chunk.log, durable: bytes.len() as u64, sealed: false }
            }),
            logs::Up::Seal { log, total, digest } => master.change(|told| {
                assert_eq!(told.logs.get(&log).map_or(0, |bytes| bytes.len() as u64), total);
                told.sealed.insert(log, digest.expect("the host lost nothing"));
                logs::Down::Ack { log, durable: total, sealed: true }
            }),
        };
        _ = out.send(Ok(down.into_wire())).await;
    }
}

/// A connection as tonic wants it.
pub struct Tls(pub TlsStream<TcpStream>);

impl Connected for Tls {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Tls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Tls {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
