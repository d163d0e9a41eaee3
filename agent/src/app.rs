//! What runs beside what, and in which order it ends.
//!
//! Order of the end: the session is closed, the threads finish what they write, the lock goes with the process. Shims go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use windlass_disk::lock::{self, DirLock, lock_dir};
use windlass_disk::{RealDisk, safe_write};

use crate::args::Place;
use crate::attempts::{self, State as Memory, StateDir, Store};
use crate::config::{Config, files};
use crate::exit::{CONFIG, DISK, Failure, NOT_NOW};
use crate::host::RealHost;
use crate::identity::{Identity, identity};
use crate::link::{Blobs, Dialler, Introduction, Link};
use crate::socket::{self, Answers};
use crate::tasks::Tasks;
use crate::watch::Watch;
use crate::work::{self, Settings, SpawnShim};
use crate::{clock, observing};

/// Serves the master until a signal says stop.
pub fn run(place: &Place) -> Result<(), Failure> {
    log_to_stderr();
    let config = Config::load(&place.config, &place.state_dir)?;
    let dir = StateDir::new(&place.state_dir);
    let identity = identity(&dir)?;
    let _owner = own(dir.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(NOT_NOW, format!("no threads: {error}")))?;
    runtime.block_on(Box::pin(serve(config, place, dir, identity)))
}

/// Says whether configuration and identity are right.
pub fn check(place: &Place) -> Result<(), Failure> {
    use std::io::Write;
    let config = Config::load(&place.config, &place.state_dir)?;
    let identity = identity(&StateDir::new(&place.state_dir))?;
    let mut lines = vec![
        format!("agent    {} of cluster {}", identity.agent, identity.cluster),
        format!("master   {}", config.master),
        format!("slots    {}", config.slots),
        format!("work     {}", config.work_dir.display()),
        format!("steps    run as {}, like the agent, so they can read its key", files::own_user().name),
    ];
    if !config.policy.is_set {
        lines.push("policy   none: this host takes no work".to_owned());
    }
    let text = lines.join("\n") + "\n";
    let told = std::io::stdout().lock().write_all(text.as_bytes());
    told.map_err(|error| Failure::new(NOT_NOW, format!("cannot write: {error}")))
}

async fn serve(config: Config, place: &Place, dir: StateDir, identity: Identity) -> Result<(), Failure> {
    let tasks = Tasks::new();
    let failed = CancellationToken::new();
    let began = start(&config, place, &dir, &identity, &tasks, &failed);
    let outcome = match began {
        Ok(()) => tokio::select! {
            signalled = stop_signal() => signalled,
            () = failed.cancelled() => Err(disk_refused()),
        },
        Err(failure) => Err(failure),
    };
    tasks.end().await;
    if failed.is_cancelled() {
        return Err(disk_refused());
    }
    tracing::info!("stopped; running jobs go on");
    outcome
}

/// The composition root.
fn start(
    config: &Config,
    place: &Place,
    dir: &StateDir,
    identity: &Identity,
    tasks: &Tasks,
    failed: &CancellationToken,
) -> Result<(), Failure> {
    let disk: Arc<dyn windlass_disk::Disk> = Arc::new(RealDisk);
    let store = Store::open(Arc::clone(&disk), Arc::new(RealHost), dir).map_err(disk_failure)?;
    let memory = Memory::load(disk, dir, &identity.cluster).map_err(disk_failure)?;
    let watch = Watch::start(tasks).map_err(no_start("inotify"))?;
    let boot_id = clock::boot_id().map_err(no_start("the boot id"))?;
    let settings = settings(config, identity, &boot_id);
    let work = work::spawn(tasks, store.clone(), memory, settings, Box::new(SpawnShim), &watch, failed.clone());
    let work = work.map_err(disk_failure)?;
    let (live, is_live) = watch::channel(None);
    let (changes, seen) = observing::start(config, dir, &work, tasks).map_err(no_start("a thread for the observer"))?;
    let blobs = Blobs::new(is_live, dir.blobs());
    listen(dir, Answers { blobs, work: work.clone(), observe: changes }, tasks)?;
    let introduction = Introduction::new(identity.agent, boot_id, config);
    let dialler = Dialler::new(&config.master, dir);
    tracing::info!(agent = %identity.agent, master = config.master, state = %place.state_dir.display(), "started");
    let link = Link { dialler, introduction, work, seen, store, watch, live };
    tasks.task("link", link.run(tasks.clone()));
    Ok(())
}

fn settings(config: &Config, identity: &Identity, boot_id: &str) -> Settings {
    let agent = config.name.as_ref().map_or_else(|| identity.agent.to_string(), ToString::to_string);
    Settings {
        agent,
        slots: config.slots,
        policy: config.policy.clone(),
        services: config.services.clone(),
        work_dir: config.work_dir.clone(),
        user: files::own_user(),
        boot_id: boot_id.to_owned(),
        exe: PathBuf::from("/proc/self/exe"),
    }
}

fn listen(dir: &StateDir, answers: Answers, tasks: &Tasks) -> Result<(), Failure> {
    let listener = socket::listen(&dir.socket()).map_err(no_start("the socket for steps"))?;
    tasks.task("socket", socket::serve(listener, answers, tasks.clone()));
    Ok(())
}

/// The one owner of a state directory.
pub(crate) fn own(dir: &Path) -> Result<DirLock, Failure> {
    safe_write::create_dir_all_synced(&RealDisk, dir).map_err(|error| disk_failure(error.into()))?;
    lock_dir(&RealDisk, dir).map_err(|error| match error {
        lock::Error::Held(path) => Failure::new(NOT_NOW, format!("another agent runs on {}", dir.display()))
            .hint(format!("stop it first, or use another --state-dir; whoever has {} open is it", path.display())),
        lock::Error::Disk(error) => disk_failure(error.into()),
    })
}

async fn stop_signal() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).map_err(no_start("a signal handler"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_start("a signal handler"))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("WINDLASS_LOG")
        .unwrap_or_else(|_unset| tracing_subscriber::EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // In a process that logs already, that stays as it is.
    let _first = logs.try_init();
}

fn no_start(what: &'static str) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure::new(NOT_NOW, format!("cannot start without {what}: {error}"))
}

fn disk_failure(error: attempts::Error) -> Failure {
    match &error {
        attempts::Error::OtherCluster { .. } => Failure::new(CONFIG, &error)
            .hint("enrol again with an empty state directory, or restore the identity that belongs to it"),
        attempts::Error::Disk(_)
        | attempts::Error::Record(_)
        | attempts::Error::Log(_)
        | attempts::Error::Io { .. } => Failure::new(DISK, &error),
    }
}

fn disk_refused() -> Failure {
    Failure::new(DISK, "the disk refused, so what is on it is not known")
        .hint("start the agent again: it goes by what is on disk")
}
