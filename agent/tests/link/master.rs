//! A master of a few lines: it lets every Hello in, wants what the test says, and keeps what it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use windlass_agent::tasks::Tasks;
use windlass_core::attempt::{Line, LineBody};
use windlass_core::model::{Digest, Envelope, Fence};
use windlass_proto::convert::logs::LogId;
use windlass_proto::convert::{Assignments, Cancel, Put, envelope_digest};
use windlass_proto::v1;
use windlass_proto::v1::agent_link_server::AgentLinkServer;

use crate::identity::Cluster;
use crate::service::{Service, Tls};

/// Long enough for a slow machine, short enough to fail.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the master was told and wants.
pub struct Told {
    pub epoch: u64,
    pub hellos: Vec<v1::Hello>,
    pub lines: BTreeMap<Fence, Vec<Line>>,
    pub logs: BTreeMap<LogId, Vec<u8>>,
    pub sealed: BTreeMap<LogId, Digest>,
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    pub artifacts: BTreeMap<String, Digest>,
    pub heartbeats: usize,
    pub wanted: BTreeMap<Fence, Envelope>,
    pub cancelled: Vec<Cancel>,
    pub forgotten: Vec<Fence>,
    /// The newest session is the only one.
    pub session: u64,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            epoch: 5,
            hellos: Vec::new(),
            lines: BTreeMap::new(),
            logs: BTreeMap::new(),
            sealed: BTreeMap::new(),
            blobs: BTreeMap::new(),
            artifacts: BTreeMap::new(),
            heartbeats: 0,
            wanted: BTreeMap::new(),
            cancelled: Vec::new(),
            forgotten: Vec::new(),
            session: 0,
        }
    }
}

#[derive(Clone)]
pub struct Master {
    pub tasks: Tasks,
    told: Arc<Mutex<Told>>,
    changed: watch::Sender<u64>,
}

impl Master {
    /// Listens on a free port; says which.
    pub async fn start(cluster: &Cluster) -> (Self, u16) {
        let master = Self { tasks: Tasks::new(), told: Arc::default(), changed: watch::Sender::new(0) };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let pair = &cluster.master;
        let config =
            windlass_proto::tls::server_config(cluster.ca.as_bytes(), pair.cert.as_bytes(), pair.key.as_bytes());
        let acceptor = TlsAcceptor::from(Arc::new(config.expect("settings")));
        let (accepted, incoming) = tokio::sync::mpsc::channel(8);
        let tasks = master.tasks.clone();
        master.tasks.task("accept", async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, accepted) = (acceptor.clone(), accepted.clone());
                tasks.task("handshake", async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        _ = accepted.send(Ok::<_, std::io::Error>(Tls(tls))).await;
                    }
                });
            }
        });
        let service = AgentLinkServer::new(Service(master.clone()));
        let server = tonic::transport::Server::builder().add_service(service);
        master.tasks.task("serve", async move {
            server.serve_with_incoming(ReceiverStream::new(incoming)).await.expect("it serves");
        });
        (master, port)
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is told, and wakes who waits.
    pub fn change<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        let result = change(&mut self.told());
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// Ends the live session, as a lost connection would.
    pub fn cut(&self) {
        self.change(|told| told.session += 1);
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Wants an attempt to be done.
    pub fn wants(&self, fence: Fence, envelope: Envelope) {
        self.change(|told| _ = told.wanted.insert(fence, envelope));
    }

    /// What this agent should do: all of it, which is always right.
    pub fn assignments(&self) -> Assignments {
        let told = self.told();
        let put = told.wanted.iter().map(|(fence, envelope)| Put {
            fence: *fence,
            digest: envelope_digest(envelope),
            envelope: Some(envelope.clone()),
            secrets: Default::default(),
        });
        Assignments {
            full: true,
            more: false,
            floor: 0,
            put: put.filter(|put| !told.forgotten.contains(&put.fence)).collect(),
            cancel: told.cancelled.clone(),
            forget: told.forgotten.clone(),
            drain: None,
        }
    }

    /// Waits until what is told fits.
    pub async fn until(&self, what: &str, mut fits: impl FnMut(&Told) -> bool) {
        let mut changes = self.changes();
        let waited = tokio::time::timeout(PATIENCE, async {
            while !fits(&self.told()) {
                changes.changed().await.expect("the master lives");
            }
        });
        if waited.await.is_err() {
            let told = self.told();
            panic!("{what}: not within {PATIENCE:?}; hellos {}, lines {:#?}", told.hellos.len(), told.lines);
        }
    }

    /// Waits for the last line of an attempt.
    pub async fn end_of(&self, fence: Fence) -> LineBody {
        let is_last = |told: &Told| {
            told.lines.get(&fence)?.last().filter(|line| line.body.is_last()).map(|line| line.body.clone())
        };
        self.until("the end of the attempt", |told| is_last(told).is_some()).await;
        is_last(&self.told()).expect("it was there")
    }

    /// Waits until a log is whole; gives its bytes.
    pub async fn log(&self, fence: Fence, step: u32) -> Vec<u8> {
        let log = LogId { fence, step };
        self.until("a whole log", |told| told.sealed.contains_key(&log)).await;
        let told = self.told();
        assert_eq!(Digest::of(&told.logs[&log]), told.sealed[&log], "the digest that the host named");
        told.logs[&log].clone()
    }
}
