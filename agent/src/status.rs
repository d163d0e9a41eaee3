//! `windlass-agent status`: who this host is and what it holds. It is read from the state directory, so that it is told while the agent is
//! down too; what only a running agent knows is asked through its socket. Nothing is locked and nothing is written.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_core::attempt::{DiskRoom, LineBody};
use windlass_core::model::{AgentId, AgentName, Attempt, Fence, JobKey, Outcome, RunId};
use windlass_disk::lock::{LOCK_FILE, is_locked};
use windlass_proto::tls;

use crate::args::{Output, Place};
use crate::attempts::{Ending, Lines, StateDir, read_lines};
use crate::config::Config;
use crate::exit::{CONFIG, Failure, NOT_NOW};
use crate::host::{Host, RealHost};
use crate::pause;

/// An agent that is well answers at once.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The most bytes of its answer.
const ANSWER_MAX: u64 = 64 * 1024;

/// All that is told. Members that cannot be known are null.
#[derive(Debug, Serialize)]
struct Status {
    agent: AgentId,
    cluster: String,
    name: Option<AgentName>,
    version: &'static str,
    master: Option<String>,
    /// A process has the state directory.
    running: bool,
    connected: Option<bool>,
    /// Of the present epoch of the master.
    session: Option<u64>,
    /// Why somebody on this host wants nothing new.
    paused: Option<String>,
    paused_by_master: Option<bool>,
    disk: Disk,
    attempts: Vec<Held>,
    /// What could not be found out, and why.
    unknown: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Disk {
    /// `plenty`, or `low`: nothing new is taken.
    level: &'static str,
    total_bytes: u64,
    free_bytes: u64,
}

/// An attempt that the master has not said to forget.
#[derive(Debug, PartialEq, Serialize)]
struct Held {
    fence: Fence,
    run: Option<RunId>,
    job: Option<JobKey>,
    attempt: Option<Attempt>,
    /// `begun`, `accepted`, `running`, `stuck`, `ended`, or `unreadable`.
    state: &'static str,
    /// The step that runs, or ran last.
    step: Option<u32>,
    outcome: Option<Outcome>,
}

/// What the running agent says.
#[derive(Debug, Deserialize)]
struct Alive {
    session: Option<u64>,
    draining: bool,
}

/// Prints it.
pub fn status(place: &Place, output: Output) -> Result<(), Failure> {
    let told = match output {
        Output::Text => text(&look(place)?),
        Output::Json => serde_json::to_string(&look(place)?).expect("all of it is plain data") + "\n",
    };
    let written = io::stdout().lock().write_all(told.as_bytes());
    written.map_err(|error| Failure::new(NOT_NOW, format!("cannot write: {error}")))
}

fn look(place: &Place) -> Result<Status, Failure> {
    let dir = StateDir::new(&place.state_dir);
    let (cluster, agent) = who(&dir)?;
    let mut unknown = Vec::new();
    let config = Config::load(&place.config, &place.state_dir);
    let config = config.map_err(|error| unknown.push(format!("the master: {error}"))).ok();
    let alive = ask(&dir.socket());
    let is_running = alive.is_ok() || is_locked(&dir.path().join(LOCK_FILE)).unwrap_or(false);
    if let Err(error) = &alive
        && is_running
    {
        unknown.push(format!("the session: the agent does not answer: {error}"));
    }
    let alive = alive.ok();
    Ok(Status {
        agent,
        cluster,
        name: config.as_ref().and_then(|config| config.name.clone()),
        version: env!("CARGO_PKG_VERSION"),
        master: config.map(|config| config.master),
        running: is_running,
        connected: if is_running { alive.as_ref().map(|alive| alive.session.is_some()) } else { Some(false) },
        session: alive.as_ref().and_then(|alive| alive.session),
        paused: pause::reason(&dir.paused()),
        paused_by_master: alive.map(|alive| alive.draining),
        disk: disk(&dir)?,
        attempts: held(&dir)?,
        unknown,
    })
}

/// By the certificate. The key is not looked at: it is nobody's business here.
fn who(dir: &StateDir) -> Result<(String, AgentId), Failure> {
    let pem = fs::read(dir.cert()).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => pause::not_enrolled(dir.path()),
        _ => cannot_read(&dir.cert(), &error),
    })?;
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::new(CONFIG, format!("{} is no identity: {error}", dir.cert().display()))
            .hint("`windlass-agent join URL --token-file F` enrols this host again")
    };
    let chain = tls::certificates("certificate", &pem).map_err(|error| unusable(&error))?;
    let cluster = tls::cluster_of_agent(&chain[0]).map_err(|error| unusable(&error))?;
    let agent = tls::agent_id_of(&chain[0], &cluster).map_err(|error| unusable(&error))?;
    Ok((cluster, agent))
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::new(NOT_NOW, format!("{}: {error}", path.display())).hint("ask as the user that the agent runs as")
}

fn ask(socket: &Path) -> io::Result<Alive> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Answer {
        Ok(Alive),
        Error { text: String },
    }
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(b"{\"ask\": \"agent\"}\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_MAX)).read_line(&mut line)?;
    match serde_json::from_str(&line)? {
        Answer::Ok(alive) => Ok(alive),
        Answer::Error { text } => Err(io::Error::other(text)),
    }
}

fn disk(dir: &StateDir) -> Result<Disk, Failure> {
    let volume = RealHost.volume(dir.path()).map_err(|error| cannot_read(dir.path(), &error))?;
    let (total_bytes, free_bytes) = (volume.total_bytes, volume.free_bytes);
    let is_enough = DiskRoom { total_bytes, free_bytes, reserved_bytes: 0 }.is_enough();
    Ok(Disk { level: if is_enough { "plenty" } else { "low" }, total_bytes, free_bytes })
}

/// Oldest first.
fn held(dir: &StateDir) -> Result<Vec<Held>, Failure> {
    let listed = match fs::read_dir(dir.attempts()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.and_then(Iterator::collect::<io::Result<Vec<_>>>),
    };
    let listed = listed.map_err(|error| cannot_read(&dir.attempts(), &error))?;
    let mut fences: Vec<Fence> = listed.iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    fences.sort_unstable();
    let attempts = fences.into_iter().filter_map(|fence| match fs::read(dir.attempt(fence).record()) {
        Ok(bytes) => Some(attempt(fence, &read_lines(&bytes))),
        // It was forgotten meanwhile, or is being made.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => Some(attempt(fence, &Lines { whole: Vec::new(), end: Ending::Damaged { last: None } })),
    });
    Ok(attempts.collect())
}

fn attempt(fence: Fence, lines: &Lines) -> Held {
    let mut held = Held { fence, run: None, job: None, attempt: None, state: "begun", step: None, outcome: None };
    for line in &lines.whole {
        match &line.body {
            LineBody::Accepted { envelope, .. } => {
                (held.run, held.job) = (Some(envelope.run.clone()), Some(envelope.job.clone()));
                (held.attempt, held.state) = (Some(envelope.attempt), "accepted");
            }
            LineBody::Go => held.state = "running",
            LineBody::StepStarted { step } | LineBody::StepEnded { step, .. } => held.step = Some(*step),
            LineBody::Stuck { .. } => held.state = "stuck",
            LineBody::Void { outcome } | LineBody::Exit { outcome, .. } => {
                (held.state, held.outcome) = ("ended", Some(outcome.clone()));
            }
        }
    }
    match lines.end {
        Ending::Clean | Ending::Torn => {}
        Ending::Damaged { .. } | Ending::Newer { .. } => held.state = "unreadable",
    }
    held
}

fn text(status: &Status) -> String {
    let Status { agent, cluster, name, version, master, disk, .. } = status;
    let name = name.as_ref().map_or_else(String::new, |name| format!("{name}, "));
    let mut lines = vec![
        format!("agent    {name}{agent} of cluster {cluster}, version {version}"),
        format!("master   {}", master.as_deref().unwrap_or("not known")),
        format!("session  {}", session(status)),
        format!("paused   {}", paused(status)),
        format!("disk     {}, {} of {} free", disk.level, mib(disk.free_bytes), mib(disk.total_bytes)),
    ];
    if status.attempts.is_empty() {
        lines.push("holds    nothing".to_owned());
    }
    lines.extend(status.attempts.iter().map(|held| format!("holds    {}", of_attempt(held))));
    lines.extend(status.unknown.iter().map(|what| format!("unknown  {what}")));
    lines.join("\n") + "\n"
}

fn session(status: &Status) -> String {
    match (status.running, status.connected, status.session) {
        (false, ..) => "none: the agent does not run; jobs that were begun go on".to_owned(),
        (true, _, Some(number)) => format!("connected, number {number}"),
        (true, Some(_), None) => "none: the agent dials; its log says why".to_owned(),
        (true, None, None) => "not known".to_owned(),
    }
}

fn paused(status: &Status) -> String {
    let here = status.paused.as_ref().map(|reason| format!("on this host: {reason:?}"));
    let there = status.paused_by_master.filter(|is_paused| *is_paused).map(|_| "by the master".to_owned());
    let both: Vec<String> = here.into_iter().chain(there).collect();
    if both.is_empty() { "no".to_owned() } else { both.join(", and ") }
}

fn of_attempt(held: &Held) -> String {
    let what = match (&held.run, &held.job, held.attempt) {
        (Some(run), Some(job), Some(attempt)) => format!("{run} {job} attempt {attempt}"),
        _ => "an attempt".to_owned(),
    };
    let step = held.step.filter(|_| held.state == "running").map_or_else(String::new, |step| format!(", step {step}"));
    let outcome = held.outcome.as_ref().map_or_else(String::new, |outcome| format!(" {outcome}, not yet forgotten"));
    format!("{what} ({}): {}{step}{outcome}", held.fence, held.state)
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempts::fixture::{BOOT, accepted, exit, fixture};

    #[test]
    fn every_attempt_is_told_by_its_last_line() {
        let fixture = fixture();
        let dir = fixture.store.dir();
        assert!(held(dir).expect("it is read").is_empty());
        let stuck = LineBody::Stuck { survivors: 1, at: "/job".to_owned() };
        let rows = [
            (1, vec![], "begun"),
            (2, vec![accepted(Fence(2), BOOT)], "accepted"),
            (3, vec![accepted(Fence(3), BOOT), LineBody::Go, LineBody::StepStarted { step: 1 }], "running"),
            (4, vec![accepted(Fence(4), BOOT), LineBody::Go, stuck], "stuck"),
            (5, vec![accepted(Fence(5), BOOT), LineBody::Go, exit(Vec::new())], "ended"),
            (6, vec![accepted(Fence(6), BOOT), LineBody::Go], "unreadable"),
        ];
        let records: Vec<_> = rows.iter().map(|(n, lines, _)| fixture.attempt(Fence(*n), lines.clone())).collect();
        let path = dir.attempt(Fence(6)).record();
        let mut bytes = fs::read(&path).expect("it is there");
        bytes[12] ^= 1;
        fs::write(&path, bytes).expect("flipped");
        let found = held(dir).expect("it is read, though its records are locked");
        let states: Vec<_> = found.iter().map(|held| (held.fence.0, held.state)).collect();
        assert_eq!(states, rows.map(|(fence, _, state)| (fence, state)));
        assert_eq!(of_attempt(&found[2]), "shop#1 build attempt 1 (3): running, step 1");
        assert_eq!(of_attempt(&found[4]), "shop#1 build attempt 1 (5): ended succeeded, not yet forgotten");
        drop(records);
    }

    #[test]
    fn a_host_without_an_identity_is_told_how_to_get_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Place { config: folder.path().join("agent.toml"), state_dir: folder.path().to_owned() };
        let failure = look(&place).map(drop).expect_err("no agent is enrolled here");
        assert!(failure.hint.is_some_and(|hint| hint.contains("windlass-agent join")), "{}", failure.text);
    }
}
