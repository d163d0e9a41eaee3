//! Everything that the story needs, started and connected.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use windlass_proto::api::{Agent, AgentState, JoinTokenAnswer, JoinTokenRequest};

use super::ask::ask;
use super::ports;
use super::program::{LOGS, Program, Request, SOCKET};
use super::repository::Repository;
use super::rustc;
use crate::client::{Account, Client};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::programs::{AGENT, MASTER};

/// The targets.
pub const TARGETS: [&str; 3] = ["web1", "web2", "web3"];
/// The host that builds.
const BUILDER: &str = "build1";
/// Between two looks at something that is about to be there.
const LOOK: Duration = Duration::from_millis(10);
/// What is not there by then will not be.
const PATIENCE: Duration = Duration::from_secs(20);

/// The stage.
#[derive(Debug)]
pub struct Stage {
    /// Where everything is.
    pub folder: PathBuf,
    /// Speaks to the master.
    pub client: Client,
    /// What is pushed to.
    pub repository: Repository,
    /// Address of the service on each target.
    pub services: BTreeMap<&'static str, String>,
    /// True if the service is compiled on this machine.
    pub compiles: bool,
    windlass: PathBuf,
    socket: PathBuf,
    keeper: Child,
}

/// What the master wrote about where it listens.
#[derive(Debug, Deserialize)]
struct Listening {
    http: String,
    agents: String,
}

impl Stage {
    /// Sets everything up.
    pub fn set_up() -> Result<Self> {
        let windlass =
            std::env::current_exe().map_err(|source| Error::Terminal { what: "find this program", source })?;
        let (keeper, folder) = start_keeper(&windlass)?;
        let socket = folder.join(SOCKET);
        let rustc = rustc::find();
        let compiles = rustc.is_some();
        let repository = Repository::create(&folder, &windlass, &socket, rustc)?;
        let ports = ports::free(TARGETS.len())?;
        let services = TARGETS.into_iter().zip(ports.iter().map(|port| format!("127.0.0.1:{port}"))).collect();
        let (client, listening) = start_master(&windlass, &folder, &socket, repository.bare())?;
        repository.add_hook(&format!("{}/hooks/shop", client.url()), &folder.join("hook.key"))?;
        let stage = Self { folder, client, repository, services, compiles, windlass, socket, keeper };
        stage.start_agents(&listening.agents)?;
        Ok(stage)
    }

    /// The file that the client's file of this demo would be; the token of its administrator.
    pub fn token_file(&self) -> PathBuf {
        self.folder.join("token")
    }

    /// The last lines of the log of one of the keeper's processes.
    pub fn log_of(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(LOGS).join(format!("{name}.log"))).unwrap_or_default()
    }

    /// How many daemons run.
    pub fn daemons(&self) -> Result<usize> {
        let running = ask(&self.socket, &Request::Running)?;
        Ok(running.iter().filter(|name| !name.contains('@')).count())
    }

    /// Ends everything, and waits until nothing is left.
    pub fn end(mut self) -> Result<()> {
        drop(self.keeper.stdin.take());
        let ended = self.keeper.wait().map_err(|source| Error::Terminal { what: "wait for the keeper", source })?;
        if ended.success() && !self.folder.exists() {
            return Ok(());
        }
        let what = format!("the keeper ended with {ended}");
        Err(Error::Demo { what, hint: format!("look at {}", self.folder.display()) })
    }

    /// Waits until the demo is interrupted: the keeper sees it and ends everything.
    pub fn wait(mut self) -> Result<()> {
        let pipe = self.keeper.stdin.take();
        let ended = self.keeper.wait().map_err(|source| Error::Terminal { what: "wait for the keeper", source });
        drop(pipe);
        ended.map(drop)
    }

    fn start_agents(&self, link: &str) -> Result<()> {
        self.start_agent(BUILDER, link, "projects = [\"shop\"]\n")?;
        for (name, http) in &self.services {
            let root = self.folder.join("targets").join(name).join("shop");
            let dir = root.parent().unwrap_or(&self.folder).display().to_string();
            let policy = format!(
                "projects = [\"shop\"]\nenvironments = [\"production\"]\nservices = [\"shop\"]\nrelease_roots = [{dir:?}]\n\
                 \n[services.shop]\nroot = {root:?}\nhttp = {http:?}\n"
            );
            fs::create_dir_all(&root).map_err(|source| Error::File { what: "make", path: root.clone(), source })?;
            self.start_agent(name, link, &policy)?;
        }
        let names = TARGETS.len() + 1;
        self.until("the agents do not connect", || {
            let agents: Vec<Agent> = self.client.all("/agents", &[])?;
            let connected = agents.iter().filter(|agent| agent.state == AgentState::Connected).count();
            Ok((connected == names).then_some(()))
        })
    }

    /// Writes its files, enrols it by a join token, and starts it.
    fn start_agent(&self, name: &str, link: &str, policy: &str) -> Result<()> {
        let dir = self.folder.join("agents").join(name);
        let (config, state, token) = (dir.join("agent.toml"), dir.join("state"), dir.join("join-token"));
        fs::create_dir_all(&state).map_err(|source| Error::File { what: "make", path: state.clone(), source })?;
        let work = dir.join("work");
        let head = format!(
            "master = {link:?}\nname = {name:?}\nslots = 2\n\n[disk]\nballast_mib = 1\n\n[work]\ndir = {work:?}\n\n[policy]\n{policy}"
        );
        write(&config, &head, 0o600)?;
        set_mode(&state, 0o700)?;
        let answer: JoinTokenAnswer = self.client.post_for_secret("/join-tokens", &register(name))?;
        write(&token, &format!("{}\n", answer.token), 0o600)?;
        let text = |path: &Path| path.display().to_string();
        let place = ["--config".to_owned(), text(&config), "--state-dir".to_owned(), text(&state)];
        let mut join = vec!["join".to_owned(), self.client.url().to_owned(), "--token-file".to_owned(), text(&token)];
        join.extend(place.clone());
        run_once(&self.windlass, AGENT, &join, &self.folder)?;
        let mut run = vec!["run".to_owned()];
        run.extend(place);
        start_daemon(&self.socket, &self.windlass, (name, AGENT), run, &self.folder)
    }

    fn until<T>(&self, otherwise: &str, look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
        until(&self.folder, otherwise, look)
    }
}

fn register(name: &str) -> JoinTokenRequest {
    let is_target = TARGETS.contains(&name);
    let role = if is_target { "web" } else { "build" };
    JoinTokenRequest {
        name: name.to_owned(),
        labels: BTreeMap::from([("role".to_owned(), role.to_owned())]),
        projects: vec!["shop".to_owned()],
        environments: if is_target { vec!["production".to_owned()] } else { Vec::new() },
        jobs: false,
        expires_in_secs: None,
    }
}

/// Starts the keeper and reads where the folder is.
fn start_keeper(windlass: &Path) -> Result<(Child, PathBuf)> {
    let failed = |source| Error::Terminal { what: "start the keeper", source };
    let mut keeper = Command::new(windlass)
        .arg("keeper")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Ctrl-C is for the demo; the keeper learns of it by its pipe.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let mut line = String::new();
    if let Some(stdout) = keeper.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).map_err(failed)?;
    }
    let folder = PathBuf::from(line.trim());
    if folder.is_dir() {
        return Ok((keeper, folder));
    }
    let hint = "the path of $TMPDIR must be short enough for a unix socket: TMPDIR=/tmp windlass demo".to_owned();
    Err(Error::Demo { what: "the keeper made no folder".to_owned(), hint })
}

fn start_master(windlass: &Path, folder: &Path, socket: &Path, bare: &Path) -> Result<(Client, Listening)> {
    let (config, data, token) = (folder.join("master.toml"), folder.join("master"), folder.join("token"));
    let key = folder.join("hook.key");
    let secret = uuid::Uuid::new_v4().simple().to_string() + &uuid::Uuid::new_v4().simple().to_string();
    write(&key, &format!("{secret}\n"), 0o600)?;
    write(&config, &master_toml(bare, &key), 0o600)?;
    let text = |path: &Path| path.display().to_string();
    let place = ["--config".to_owned(), text(&config), "--data-dir".to_owned(), text(&data)];
    let mut init = vec!["init".to_owned(), "--token-file".to_owned(), text(&token)];
    init.extend(place.clone());
    run_once(windlass, MASTER, &init, folder)?;
    let mut serve = vec!["serve".to_owned()];
    serve.extend(place);
    start_daemon(socket, windlass, ("master", MASTER), serve, folder)?;
    let listening = until(folder, "the master does not listen", || {
        is_running(socket, "master", folder)?;
        let written = fs::read_to_string(data.join("listening.json")).ok();
        Ok(written.and_then(|text| serde_json::from_str::<Listening>(&text).ok()))
    })?;
    let token =
        fs::read_to_string(&token).map_err(|source| Error::File { what: "read", path: token.clone(), source })?;
    let client = Client::new(Account::new(&format!("http://{}", listening.http), &token)?);
    until(folder, "the master does not answer", || match client.get::<serde_json::Value>("/me", &[]) {
        Ok(_) => Ok(Some(())),
        Err(error) if error.may_pass() => Ok(None),
        Err(error) => Err(error),
    })?;
    Ok((client, listening))
}

fn master_toml(bare: &Path, key: &Path) -> String {
    format!(
        "http = {{ listen = \"127.0.0.1:0\" }}\nagents = {{ listen = \"127.0.0.1:0\" }}\n\
         disk = {{ segment = \"16MiB\", ballast = \"4MiB\" }}\n\n\
         [projects.shop]\ngit = {bare:?}\nlocal = true\nhook = {{ secret_file = {key:?} }}\n\n\
         [environments.production]\ntargets = {{ role = \"web\" }}\nprojects = [\"shop\"]\n\
         deployers = [\"pipeline\", \"people\"]\nsame_user = true\n"
    )
}

/// Runs one of our programs to its end.
fn run_once(windlass: &Path, called: &str, arguments: &[String], folder: &Path) -> Result<()> {
    let output = Command::new(windlass)
        .arg0(called)
        .args(arguments)
        .env_clear()
        .envs(environment())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::File { what: "run", path: windlass.to_owned(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let verb = arguments.first().map_or("", String::as_str);
    let said = [output.stdout, output.stderr].concat();
    let what = format!("{called} {verb}: {}\n{}", output.status, String::from_utf8_lossy(&said).trim());
    Err(Error::Demo { what, hint: String::new() })
}

fn start_daemon(
    socket: &Path,
    windlass: &Path,
    (name, called): (&str, &str),
    arguments: Vec<String>,
    folder: &Path,
) -> Result<()> {
    let (name, called) = (name.to_owned(), called.to_owned());
    let program =
        Program { name, file: windlass.to_owned(), called, arguments, env: environment(), dir: folder.to_owned() };
    ask(socket, &Request::Start(program)).map(drop)
}

/// What our daemons see of our environment.
fn environment() -> BTreeMap<String, String> {
    let kept = ["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "RUST_LOG", "RUST_BACKTRACE"];
    kept.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect()
}

fn is_running(socket: &Path, name: &str, folder: &Path) -> Result<()> {
    if ask(socket, &Request::Running)?.iter().any(|running| running == name) {
        return Ok(());
    }
    let log = fs::read_to_string(folder.join(LOGS).join(format!("{name}.log"))).unwrap_or_default();
    Err(Error::Demo { what: format!("the {name} ended:\n{}", log.trim()), hint: String::new() })
}

/// Looks again and again until something is there.
fn until<T>(folder: &Path, otherwise: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let since = Stopwatch::start();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if since.elapsed() > PATIENCE {
            let logs = folder.join(LOGS);
            let what = format!("{otherwise} within {} s\n{}", PATIENCE.as_secs(), last_lines(&logs));
            return Err(Error::Demo { what, hint: String::new() });
        }
        thread::sleep(LOOK);
    }
}

/// The ends of all logs: they are gone with the folder, and say what went wrong.
fn last_lines(logs: &Path) -> String {
    let entries = fs::read_dir(logs).into_iter().flatten().flatten();
    let ends = entries.map(|entry| {
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("{}:\n  {}", entry.file_name().to_string_lossy(), lines.join("\n  "))
    });
    ends.collect::<Vec<_>>().join("\n")
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).map_err(|source| Error::File { what: "write", path: path.to_owned(), source })?;
    set_mode(path, mode)
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    let failed = |source| Error::File { what: "set the mode of", path: path.to_owned(), source };
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)
}
