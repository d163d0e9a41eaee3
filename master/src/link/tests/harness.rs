//! A master with nothing but its link, and an engine that decides by core's rules without a journal.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, watch};
use windlass_core::model::*;
use windlass_core::world::{self, Turn};
use windlass_core::{Effect, Fact, Input, State};
use windlass_disk::FaultyDisk;
use windlass_proto::tls::Names;

use super::client::{Certificate, Client};
use crate::blobs::Blobs;
use crate::clock::wall;
use crate::engine::Published;
use crate::identity::Identity;
use crate::inbox::{Inbox, Submitted};
use crate::link::{Admission, Link, Patience, Sessions, serve};
use crate::logs::{LogName, Logs};
use crate::secrets::Secrets;
use crate::tasks::Tasks;

/// What the first attempt of the first agent needs; the second attempt is the other agent's.
pub(super) const NEEDED: &[u8] = b"what the attempt needs";
/// The artifact that it makes.
pub(super) const MADE: &str = "shop.tar";
pub(super) const QUOTA: u64 = 1024 * 1024;

/// A running link.
pub(super) struct Master {
    pub(super) dir: tempfile::TempDir,
    pub(super) address: SocketAddr,
    pub(super) link: Link,
    /// Where its logs are.
    pub(super) disk: FaultyDisk,
    /// The engine's own; whoever holds it holds up every decision.
    pub(super) state: Arc<Mutex<State>>,
    seen: watch::Receiver<Vec<Input>>,
}

pub(super) fn agent(n: u8) -> AgentId {
    AgentId(uuid::Uuid::from_bytes([n; 16]))
}

pub(super) fn fence(n: u64) -> Fence {
    Fence::of(1, n)
}

pub(super) fn log_name(step: u32) -> LogName {
    LogName { run: run_id(), job: job_key(1), attempt: Attempt(1), step }
}

fn run_id() -> RunId {
    "shop#1".parse().expect("a run")
}

fn job_key(n: u64) -> JobKey {
    format!("build{n}").parse().expect("a job")
}

impl Master {
    pub(super) async fn start() -> Self {
        Self::with_patience(Patience::default()).await
    }

    pub(super) async fn with_patience(patience: Patience) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let identity = Arc::new(Identity::create(&dir.path().join("identity"), wall()).expect("a new cluster"));
        let state = believed();
        let published = Published::new(state.clone());
        let disk = FaultyDisk::new();
        let logs = Logs::start(Arc::new(disk.clone()), PathBuf::from("/data/logs"), &state).expect("started");
        let blobs = Blobs::open(&dir.path().join("blobs")).expect("a folder");
        let (inbox, inputs) = Inbox::new(16);
        let (sessions, tasks) = (Sessions::default(), Tasks::default());
        let admission = Admission::default();
        let secrets =
            Secrets::start(Box::new(disk.clone()), dir.path(), identity.cluster_id(), None, &State::default())
                .expect("started");
        let link = Link { identity, published, inbox, logs, blobs, secrets, sessions, admission, tasks, patience };
        let state = Arc::new(Mutex::new(state));
        let (sees, seen) = watch::channel(Vec::new());
        link.tasks
            .spawn("engine", engine(Arc::clone(&state), link.published.clone(), link.sessions.clone(), inputs, sees));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let serving = serve(listener, link.clone());
        link.tasks.spawn("link", async move { serving.await.expect("TLS settings") });
        Self { dir, address, link, disk, state, seen }
    }

    /// The certificate that enrolment would have given to this agent.
    pub(super) fn certificate(&self, agent: AgentId) -> Certificate {
        let key = rcgen::KeyPair::generate().expect("a key");
        let request = rcgen::CertificateParams::default().serialize_request(&key).expect("a request");
        let chain = self.link.identity.issue_agent(&request.pem().expect("PEM"), agent, wall()).expect("signed");
        Certificate { chain, key: key.serialize_pem() }
    }

    /// The agent, connected as it should be.
    pub(super) async fn client(&self, agent: AgentId) -> Client {
        let certificate = self.certificate(agent);
        Client::honest(self.address, self.link.identity.ca_pem(), &certificate).await.expect("connected")
    }

    pub(super) fn uri_of(&self, agent: AgentId) -> String {
        Names { cluster_id: self.link.identity.cluster_id() }.agent(agent)
    }

    /// Facts come true, as after a commit.
    pub(super) async fn happen(&self, facts: &[Fact]) {
        let mut state = self.state.lock().await;
        let now = state.now;
        let touched: Vec<_> = facts.iter().flat_map(|fact| state.apply(now, fact).agents).collect();
        self.link.published.publish(state.clone(), self.link.published.lsn() + 1);
        self.link.sessions.refresh(touched);
    }

    /// Another attempt for an agent.
    pub(super) async fn place(&self, n: u64, agent: AgentId) {
        self.happen(&placing(n, agent)).await;
    }

    /// Waits until so many inputs satisfy this, and returns them.
    pub(super) async fn inputs(&self, count: usize, wanted: impl Fn(&Input) -> bool) -> Vec<Input> {
        let mut seen = self.seen.clone();
        let found = |seen: &Vec<Input>| seen.iter().filter(|input| wanted(input)).count() >= count;
        let seen = tokio::time::timeout(Duration::from_secs(60), seen.wait_for(found)).await;
        let seen = seen.expect("the inputs come in time").expect("the engine lives");
        seen.iter().filter(|input| wanted(input)).cloned().collect()
    }

    /// What the engine has seen so far.
    pub(super) fn seen(&self) -> Vec<Input> {
        self.seen.borrow().clone()
    }
}

async fn engine(
    state: Arc<Mutex<State>>,
    published: Published,
    sessions: Sessions,
    mut inputs: mpsc::Receiver<Submitted>,
    sees: watch::Sender<Vec<Input>>,
) {
    while let Some(Submitted { input, reply }) = inputs.recv().await {
        let mut state = state.lock().await;
        sees.send_modify(|seen| seen.push(input.clone()));
        let now = state.now;
        let Turn { mut answers, touched, .. } = world::turn(&mut state, now, [input]);
        published.publish(state.clone(), published.lsn() + 1);
        // A session that was ended meanwhile has lost its answer.
        _ = reply.send(answers.pop().expect("one answer for one input"));
        for effect in world::effects(&state, &touched) {
            match effect {
                Effect::Refresh(agent) => sessions.refresh([agent]),
                Effect::ReadPipeline(key) => unreachable!("nothing was delivered, yet {key} is due"),
                // Nobody here ends the logs of what a removed agent had.
                Effect::EndLogs(_) | Effect::RemoveLogs(_) => {}
            }
        }
    }
}

/// Two agents, each with one attempt.
fn believed() -> State {
    let mut facts = vec![Fact::EpochBegun { epoch: 1 }, enrolled(1), enrolled(2)];
    let plan = RunPlan { jobs: vec![job(1), job(2), job(3)], services: BTreeMap::new() };
    let trigger = Trigger { kind: TriggerKind::Manual, actor: "anna".to_owned(), time: UnixMs(1) };
    let revision = "4f2a91c04f2a91c04f2a91c04f2a91c04f2a91c0".parse().expect("a revision");
    let (title, author) = ("a change".to_owned(), "anna".to_owned());
    facts.push(Fact::RunCreated {
        run: run_id(),
        trigger,
        branch: "main".to_owned(),
        commit: Commit { revision, title, author, time: UnixMs(1), position: 1 },
        plan: Box::new(plan),
        problems: Vec::new(),
        unread: None,
        delivery: None,
        trust: Default::default(),
    });
    facts.extend(placing(1, agent(1)));
    facts.extend(placing(2, agent(2)));
    let mut state = State::default();
    facts.iter().for_each(|fact| drop(state.apply(UnixMs(1_000), fact)));
    state
}

fn enrolled(n: u8) -> Fact {
    let register = AgentRegister {
        name: AgentName::new(&format!("web{n}")).expect("a name"),
        labels: BTreeMap::new(),
        projects: [].into(),
        environments: [].into(),
        jobs: true,
    };
    let (token, csr, chain) = (format!("token{n}"), Digest::of(&[n]), "chain".to_owned());
    Fact::AgentEnrolled { agent: agent(n), token, csr, register, chain }
}

fn placing(n: u64, agent: AgentId) -> [Fact; 1] {
    let (run, job, attempt, fence) = (run_id(), job_key(n), Attempt(1), fence(n));
    let envelope = Box::new(envelope(n));
    [Fact::JobPlaced { run, job, attempt, agent, fence, envelope, why: "it fits".to_owned(), despite: None }]
}

fn job(n: u64) -> JobPlan {
    let Envelope { env, steps, timeout, silent_timeout, grace, cleanup, workspace, .. } = envelope(n);
    let (runs_on, inputs, artifacts) = (Vec::new(), Vec::new(), Vec::new());
    let (idempotent, checkout, target) = (false, false, None);
    let work = StepsWork {
        runs_on,
        env,
        steps,
        timeout,
        silent_timeout,
        grace,
        cleanup,
        idempotent,
        on_unknown: windlass_core::model::OnUnknown::Fail,
        limits: Default::default(),
        checkout,
        workspace,
        inputs,
        artifacts,
        target,
    };
    // Each needs one that never ends, so that core places none of them by itself.
    JobPlan { key: job_key(n), needs: vec![job_key(n)], run_if: RunIf::Success, work: Work::Steps(work) }
}

pub(super) fn envelope(n: u64) -> Envelope {
    let fetch = FetchFile { name: "needed".to_owned(), digest: Digest::of(NEEDED), to: String::new() };
    let put = Collect { name: MADE.to_owned(), from: CollectFrom::File("out".to_owned()), optional: false };
    let command = Command { argv: vec!["/bin/true".to_owned()], script: None };
    let actions = [
        ("fetch", Action::Builtin(Builtin::Fetch { files: vec![fetch] })),
        ("build", Action::Command(command)),
        ("put", Action::Builtin(Builtin::Put { artifacts: vec![put] })),
    ];
    let step = |(name, action): (&str, Action)| Step {
        name: name.to_owned(),
        run_if: RunIf::Success,
        timeout: windlass_core::model::Duration::from_secs(60),
        dir: String::new(),
        env: BTreeMap::new(),
        secrets: Default::default(),
        secret_files: Default::default(),
        tolerate: false,
        action,
    };
    let span = windlass_core::model::Duration::from_secs;
    Envelope {
        run: run_id(),
        job: job_key(n),
        attempt: Attempt(1),
        env: BTreeMap::new(),
        steps: actions.map(step).into(),
        timeout: span(600),
        silent_timeout: span(0),
        grace: span(10),
        cleanup: span(60),
        log_quota_bytes: QUOTA,
        slots: 1,
        limits: Default::default(),
        workspace: Workspace::Warm,
        lane: None,
    }
}
