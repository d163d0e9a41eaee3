//! What is wired to what, and the order in which it starts and stops.
//!
//! Start: lock, identity, listeners, journal, the first commit (a new epoch), and only then does the process talk. Stop: nothing new is
//! accepted, sessions and readers are told, the engine decides what still waits, logs and history are flushed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use windlass_core::world::{self, Rest};
use windlass_core::{Answer, Input, State};
use windlass_disk::RealDisk;

use crate::backup;
use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::config::{Config, OldLogs};
use crate::data_dir::DataDir;
use crate::engine::{Act, EndLogs, Ended, Engine, MoveLogs, Published, RemoveLogs, Vigil, record};
use crate::exit::Failure;
use crate::facts::{Checkpointer, Checkpoints, Committer, Facts, Files, Pace, Reader};
use crate::history::{History, Threads};
use crate::http::{self, Api, JournalReader};
use crate::identity::{Enroller, Identity};
use crate::inbox::{INBOX_CAPACITY, Inbox};
use crate::init::{cluster_bytes, files, is_restored, next_epoch, open_facts};
use crate::link::{self, Admission, Link, Patience, Sessions};
use crate::logs::Logs;
use crate::secrets::{Key, Secrets};
use crate::tasks::Tasks;
use crate::triggers::{self, Repositories, Triggers};
use crate::volume::Volume;

/// What has not ended by then is cut off; everything acknowledged is on disk.
const GRACE: Duration = Duration::from_secs(10);

/// `windlass-master serve`: until SIGTERM or SIGINT.
pub fn serve(config: Config) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WINDLASS_LOG").unwrap_or_else(|_| "info".into());
    // A second subscriber in one process is the first one's; nothing is lost.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(std::io::stderr).try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Start)?;
    runtime.block_on(async {
        let listeners = Listeners::bind(&config).await?;
        run(config, listeners, stop_signal()?).await
    })
}

/// Where the master listens; the caller binds, so that tests can take any port.
#[derive(Debug)]
pub struct Listeners {
    /// People and tools.
    pub http: TcpListener,
    /// Agents.
    pub agents: TcpListener,
}

impl Listeners {
    /// Binds what the configuration says.
    pub async fn bind(config: &Config) -> Result<Self, Failure> {
        let bind = async |address: SocketAddr| {
            TcpListener::bind(address).await.map_err(|source| Failure::Listen { address, source })
        };
        Ok(Self { http: bind(config.http_listen).await?, agents: bind(config.agents_listen).await? })
    }

    fn addresses(&self) -> Result<(SocketAddr, SocketAddr), Failure> {
        let http = self.http.local_addr().map_err(Failure::Start)?;
        Ok((http, self.agents.local_addr().map_err(Failure::Start)?))
    }
}

/// Cancelled by the first SIGTERM or SIGINT.
fn stop_signal() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Start)?;
    let tasks = Tasks::default();
    tasks.spawn("signals", async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

/// Serves until `stop`.
pub async fn run(config: Config, listeners: Listeners, stop: CancellationToken) -> Result<(), Failure> {
    let data = DataDir::at(&config.data_dir);
    let identity = Arc::new(data.identity()?);
    let _lock = data.lock()?;
    let moved_logs = data.moved_logs(&identity, config.old_logs.as_ref())?;
    let begun = begin(&config, &data, &identity).await?;
    let house = House::build(config, &data, identity, begun, moved_logs, listeners.addresses()?.1.port())?;
    house.serve(listeners, &data, stop).await
}

/// A state with an epoch of its own, durable.
struct Begun {
    state: State,
    clock: Clock,
    facts: Committer,
    reader: Reader,
    checkpoints: Checkpoints,
    checkpointer: Checkpointer,
    lsn: u64,
    rest: Rest,
}

/// Reads the journal, and begins an epoch with the configuration as it is now. Only after this may the process talk.
async fn begin(config: &Config, data: &DataDir, identity: &Identity) -> Result<Begun, Failure> {
    let mut state = State::default();
    let files = Files { segment_bytes: config.sizes.segment_bytes, ..files(data, identity) };
    let facts: Facts = open_facts(&files, &mut state)?;
    if let Some(torn) = &facts.recovered.torn {
        tracing::warn!(
            bytes = torn.bytes,
            offset = torn.offset,
            "cut a torn record off the journal; nothing rested on it"
        );
    }
    let (epoch, reader) = (next_epoch(&facts), facts.reader());
    let checkpoints = files.checkpoints();
    let checkpointer = Checkpointer::start(checkpoints.clone(), facts.source(), Pace::default(), facts.read_bytes);
    let checkpointer = checkpointer.map_err(Failure::Start)?;
    let clock = Clock::start(state.now);
    let restored = is_restored(data, &facts)?;
    let inputs = [Input::Begin { epoch, restored }, Input::Configure(Box::new(config.model.clone()))];
    let at = clock.now();
    let turn = world::turn(&mut state, at, inputs);
    if let Some(Answer::Refused(refusal)) = turn.answers.into_iter().find(|answer| *answer != Answer::Done) {
        return Err(Failure::Refused(refusal));
    }
    let facts = facts.into_committer().map_err(Failure::Start)?;
    let lsn = facts.commit(epoch, record(at, turn.facts)).await.map_err(Failure::Commit)?;
    backup::Mark::remove(data.path())?;
    tracing::info!(epoch, lsn, runs = state.runs.size(), agents = state.agents.size(), "the master begins");
    Ok(Begun { state, clock, facts, reader, checkpoints, checkpointer, lsn, rest: turn.rest })
}

/// Everything that serves, wired.
struct House {
    engine: Engine,
    http: Api,
    link: Link,
    triggers: Triggers,
    history: Threads,
    history_stop: CancellationToken,
    checkpointer: Checkpointer,
    logs: Logs,
    tasks: Tasks,
    config: Config,
}

impl House {
    fn build(
        config: Config,
        data: &DataDir,
        identity: Arc<Identity>,
        begun: Begun,
        moved: Option<PathBuf>,
        agents_port: u16,
    ) -> Result<Self, Failure> {
        let Begun { state, clock, facts, reader, checkpoints, checkpointer, lsn, rest } = begun;
        let tasks = Tasks::default();
        let published = Published::new(State::default());
        published.publish(state.clone(), lsn);
        let turns = checkpointer.turns();
        turns.ended(published.state(), facts.place().mark, facts.place().bytes);
        let (inbox, waiting) = Inbox::new(INBOX_CAPACITY);
        let logs = Logs::start(Arc::new(RealDisk), data.logs(), &state)
            .map_err(|error| Failure::Logs(error.to_string()))?
            .and_moved(moved.clone());
        if let (Some(OldLogs { after, .. }), Some(to)) = (&config.old_logs, &moved) {
            let (to, after) = (to.clone(), *after);
            let (published, clock) = (published.clone(), clock.clone());
            let moving = MoveLogs { from: data.logs(), to, after, published, clock };
            moving.start(&tasks).map_err(Failure::Start)?;
        }
        let blobs = Blobs::open(&data.blobs()).map_err(|error| Failure::Blobs(error.to_string()))?;
        let history_stop = CancellationToken::new();
        let cluster = cluster_bytes(&identity);
        let (asked, history) =
            History::start(data.path(), cluster, reader.clone(), checkpoints, published.clone(), history_stop.clone())?;
        let volume = Volume::of(data.path(), config.sizes.ballast_bytes);
        let key = Key::find(&config.secret_key)?;
        let secrets = Secrets::start(Box::new(RealDisk), data.path(), identity.cluster_id(), key, &state)
            .map_err(Failure::Start)?;
        let sessions = Sessions::default();
        let triggers = Triggers::new(
            inbox.clone(),
            published.clone(),
            Repositories::new(data.path()),
            Arc::new(config.watched.clone()),
            tasks.clone(),
        );
        let link = Link {
            identity: Arc::clone(&identity),
            published: published.clone(),
            inbox: inbox.clone(),
            logs: logs.clone(),
            blobs: blobs.clone(),
            secrets: secrets.clone(),
            sessions: sessions.clone(),
            admission: Admission::default(),
            tasks: tasks.clone(),
            patience: Patience::default(),
        };
        let http = Api {
            enroller: Enroller::new(identity, published.clone(), inbox.clone()),
            inbox,
            published: published.clone(),
            history: asked,
            journal: JournalReader::start(reader).map_err(Failure::Start)?,
            logs: logs.clone(),
            volume: volume.clone(),
            blobs,
            vitals: sessions.vitals().clone(),
            turned: sessions.turned().clone(),
            clock: clock.clone(),
            secrets,
            triggers: triggers.clone(),
            config: Arc::new(config.clone()),
            tasks: tasks.clone(),
            agents_port,
        };
        let end_logs = EndLogs {
            logs: logs.clone(),
            published: published.clone(),
            inbox: link.inbox.clone(),
            tasks: tasks.clone(),
        };
        let log_dirs = [data.logs()].into_iter().chain(moved).collect();
        let remove_logs = RemoveLogs::start(Arc::new(RealDisk), log_dirs, published.clone()).map_err(Failure::Start)?;
        let act = Act { sessions, triggers: triggers.clone(), end_logs, remove_logs };
        let (vigil, inbox) = (Vigil::new(clock.now()), waiting);
        let engine =
            Engine { state, rest, clock, vigil, facts, published, turns, inbox, volume, act, room_again: None };
        Ok(Self { engine, http, link, triggers, history, history_stop, checkpointer, logs, tasks, config })
    }

    async fn serve(self, listeners: Listeners, data: &DataDir, stop: CancellationToken) -> Result<(), Failure> {
        let Self { engine, http, link, triggers, history, history_stop, checkpointer, logs, tasks, config } = self;
        say_where(data, &listeners)?;
        let engine_stop = CancellationToken::new();
        let mut engines = JoinSet::new();
        engines.spawn(engine.run(engine_stop.clone()));
        for (project, watched) in &config.watched {
            if let Some(interval) = watched.poll {
                let (inbox, published) = (link.inbox.clone(), link.published.clone());
                triggers::poll(&tasks, triggers.clone(), inbox, published, project.clone(), interval);
            }
        }
        let serving = tasks.clone();
        tasks.spawn("agents", async move {
            if let Err(error) = link::serve(listeners.agents, link).await {
                tracing::error!(%error, "agents cannot be served");
                serving.shutdown.cancel();
            }
        });
        spawn_volume(&tasks, http.volume.clone(), logs.clone());
        tasks.spawn("http", http::serve(listeners.http, http));
        let why = tokio::select! {
            ended = engines.join_next() => Why::Engine(ended),
            error = logs.failed() => Why::Logs(error.to_string()),
            error = history.cut() => Why::History(error),
            () = stop.cancelled() => Why::Asked,
            () = tasks.shutdown.cancelled() => Why::Asked,
        };
        drop(triggers);
        Drain { tasks, engines, engine_stop, logs, history, history_stop, checkpointer }.stop(why).await
    }
}

/// The volume is watched until the master stops.
fn spawn_volume(tasks: &Tasks, volume: Volume, logs: Logs) {
    let stop = tasks.shutdown.clone();
    tasks.spawn("volume", async move {
        let _stopped = stop.run_until_cancelled(volume.watch(logs)).await;
    });
}

/// Why the master stops.
enum Why {
    Asked,
    Engine(Option<Result<Ended, JoinError>>),
    Logs(String),
    History(crate::history::Error),
}

/// What has to end, in this order.
struct Drain {
    tasks: Tasks,
    engines: JoinSet<Ended>,
    engine_stop: CancellationToken,
    logs: Logs,
    history: Threads,
    history_stop: CancellationToken,
    checkpointer: Checkpointer,
}

impl Drain {
    async fn stop(mut self, why: Why) -> Result<(), Failure> {
        tracing::info!("the master stops");
        self.tasks.shutdown.cancel();
        if tokio::time::timeout(GRACE, self.tasks.join()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        self.engine_stop.cancel();
        let decided = match why {
            Why::Engine(ended) => judge(ended),
            Why::Asked => judge(self.engines.join_next().await),
            Why::Logs(error) => Err(Failure::LogsFailed(error)),
            Why::History(error) => Err(Failure::History(error)),
        };
        if let Err(error) = self.logs.stop().await {
            tracing::error!(%error, "the logs were not synced");
        }
        self.history_stop.cancel();
        tokio::task::block_in_place(|| {
            self.history.join();
            self.checkpointer.stop();
        });
        decided
    }
}

fn judge(ended: Option<Result<Ended, JoinError>>) -> Result<(), Failure> {
    match ended {
        Some(Ok(Ended::Stopped)) => Ok(()),
        Some(Ok(Ended::CommitFailed(error))) => Err(Failure::Commit(error)),
        Some(Err(error)) => Err(Failure::Start(std::io::Error::other(error))),
        None => Err(Failure::Start(std::io::Error::other("the engine is gone"))),
    }
}

/// Tells whoever started us with port 0 where we listen.
fn say_where(data: &DataDir, listeners: &Listeners) -> Result<(), Failure> {
    let (http, agents) = listeners.addresses()?;
    let path = data.listening();
    let text = serde_json::json!({ "http": http.to_string(), "agents": agents.to_string() }).to_string();
    let (partial, failed) =
        (path.with_extension("partial"), |source| Failure::File { what: "write", path: path.clone(), source });
    std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, &path)).map_err(failed)?;
    tracing::info!(%http, %agents, "listening");
    Ok(())
}
