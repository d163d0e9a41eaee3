//! What runs beside what, and in which order it ends.
//!
//! Order of the end: the session is closed, the threads finish what they write, the lock goes with the process. Shims go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use windlass_core::input::KillMode;
use windlass_disk::lock::{self, DirLock, lock_dir};
use windlass_disk::{RealDisk, safe_write};

use crate::args::Place;
use crate::attempts::{self, State as Memory, StateDir, Store};
use crate::config::{Config, Kill, files};
use crate::exit::{CONFIG, DISK, Failure, NOT_NOW};
use crate::host::RealHost;
use crate::identity::{Identity, identity};
use crate::link::{Blobs, Dialler, Introduction, Link};
use crate::socket::{self, Answers};
use crate::tasks::Tasks;
use crate::watch::Watch;
use crate::work::{self, CONTROLLERS, Cgroup, KernelGroups, Settings, SpawnShim};
use crate::{clock, observing};

/// Serves the master until a signal says stop.
pub fn run(place: &Place) -> Result<(), Failure> {
    log_to_stderr();
    windlass_shim::keep_inherited().map_err(no_start("a look at its open files"))?;
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
    lines.push(format!("jobs     end by {}", ended_by(config.kill)));
    lines.push(format!("limits   {}", bounded_by(&config)));
    if !config.policy.is_set {
        lines.push("policy   none: this host takes no work".to_owned());
    }
    let text = lines.join("\n") + "\n";
    let told = std::io::stdout().lock().write_all(text.as_bytes());
    told.map_err(|error| Failure::new(NOT_NOW, format!("cannot write: {error}")))
}

fn ended_by(kill: Kill) -> String {
    match (kill, Cgroup::own()) {
        (Kill::Group, _) => "process group, as configured".to_owned(),
        (Kill::Auto | Kill::Cgroup, None) => "process group: no cgroup2 mount shows this process".to_owned(),
        (Kill::Auto | Kill::Cgroup, Some(own)) => format!("cgroup, if {} may be written", own.path().display()),
    }
}

/// What the kernel could bound a job by.
fn bounded_by(config: &Config) -> String {
    let there = match config.kill {
        Kill::Group => Vec::new(),
        Kill::Auto | Kill::Cgroup => Cgroup::own().map(|own| own.could_bound()).unwrap_or_default(),
    };
    match there.as_slice() {
        [] => "none count here: there is no controller of cgroup2".to_owned(),
        there => format!(
            "could count for {}: `bounds` in the first line of the agent's log says what does",
            there.join(", ")
        ),
    }
}

async fn serve(config: Config, place: &Place, dir: StateDir, identity: Identity) -> Result<(), Failure> {
    let tasks = Tasks::new();
    let failed = CancellationToken::new();
    let groups = groups(config.kill, &dir)?;
    let began = start(&config, place, &dir, &identity, &groups, &tasks, &failed);
    let outcome = match began {
        Ok(()) => tokio::select! {
            signalled = stop_signal() => signalled,
            () = failed.cancelled() => Err(disk_refused()),
        },
        Err(failure) => Err(failure),
    };
    tasks.end().await;
    if let Err(error) = groups.leave() {
        tracing::debug!(%error, "the agent's cgroup stays");
    }
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
    groups: &KernelGroups,
    tasks: &Tasks,
    failed: &CancellationToken,
) -> Result<(), Failure> {
    let disk: Arc<dyn windlass_disk::Disk> = Arc::new(RealDisk);
    let store = Store::open(Arc::clone(&disk), Arc::new(RealHost), dir).map_err(disk_failure)?;
    let memory = Memory::load(disk, dir, &identity.cluster).map_err(disk_failure)?;
    let watch = Watch::start(tasks).map_err(no_start("inotify"))?;
    let boot_id = clock::boot_id().map_err(no_start("the name of this boot"))?;
    let settings = settings(config, identity, &boot_id);
    let spawner = Box::new(SpawnShim { groups: groups.clone() });
    let work = work::spawn(tasks, store.clone(), memory, settings, spawner, &watch, failed.clone());
    let work = work.map_err(disk_failure)?;
    let (live, is_live) = watch::channel(None);
    let (changes, seen) = observing::start(config, dir, &work, tasks).map_err(no_start("a thread for the observer"))?;
    let blobs = Blobs::new(is_live, dir.blobs());
    listen(dir, Answers { blobs, work: work.clone(), observe: changes }, tasks)?;
    let kill = if groups.are_there() { KillMode::Cgroup } else { KillMode::Group };
    let introduction = Introduction::new(identity.agent, boot_id, config, kill);
    let dialler = Dialler::new(&config.master, dir);
    let bounds = groups.bounds();
    if !config.policy.limits.is_none() && bounds.len() < CONTROLLERS.len() {
        tracing::warn!(?bounds, wanted = ?CONTROLLERS, "[limits] counts only for what the kernel can bound here");
    }
    tracing::info!(agent = %identity.agent, ?kill, ?bounds, master = config.master, state = %place.state_dir.display(), "started");
    let link = Link { dialler, introduction, work, seen, store, watch, live };
    tasks.task("link", link.run(tasks.clone()));
    Ok(())
}

/// Where processes are kept together, as the configuration says.
fn groups(kill: Kill, dir: &StateDir) -> Result<KernelGroups, Failure> {
    match (kill, (kill != Kill::Group).then(|| KernelGroups::enter(dir.path()))) {
        (_, None) => Ok(KernelGroups::NONE),
        (_, Some(Ok(groups))) => Ok(groups),
        (Kill::Cgroup, Some(Err(error))) => Err(Failure::new(CONFIG, format!("process.kill = \"cgroup\": {error}"))
            .hint("a cgroup2 file system must be mounted, and the agent must own its group there: Delegate=yes in its unit")),
        (Kill::Auto | Kill::Group, Some(Err(error))) => {
            tracing::warn!(%error, "no cgroup is writable: jobs are ended by their process groups");
            Ok(KernelGroups::NONE)
        }
    }
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
        ballast_bytes: config.ballast_bytes,
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
        attempts::Error::NewerRecord { .. } => Failure::new(CONFIG, &error)
            .hint("start the newer agent again until its jobs are over; going back means restoring"),
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
