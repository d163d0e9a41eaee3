//! A world: a master, agents and a repository in a temporary folder.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::agent::{Agent, build_host, target};
use super::api::Api;
use super::master::Master;
use super::process::{Output, Program, end_all_in, processes_in};
use super::repository::Repository;
use super::small_disk::SmallDisk;
use super::volume::{FileSystem, Volume};
use super::wait::until;

/// What a world is made of; `start` makes it.
#[derive(Debug)]
pub struct Windlass {
    executable: String,
    builders: Vec<String>,
    /// With the port of what they serve, where it has one.
    targets: Vec<(String, Option<u16>)>,
    rails: String,
    poll: bool,
    small_disk: bool,
    slots: u32,
    limits: String,
    kill: String,
    volume_of_master: Option<FileSystem>,
    volumes_of_agents: Option<FileSystem>,
}

impl Windlass {
    /// `executable` is `env!("CARGO_BIN_EXE_windlass-under-test")`.
    pub fn new(executable: &str) -> Self {
        Self {
            executable: executable.to_owned(),
            builders: Vec::new(),
            targets: Vec::new(),
            rails: String::new(),
            poll: false,
            small_disk: false,
            slots: 2,
            limits: String::new(),
            kill: "auto".to_owned(),
            volume_of_master: None,
            volumes_of_agents: None,
        }
    }

    /// A build host; it has two slots unless [`Self::slots`] says another number.
    #[must_use]
    pub fn builder(mut self, name: &str) -> Self {
        self.builders.push(name.to_owned());
        self
    }

    /// A target of the environment `production`.
    #[must_use]
    pub fn target(mut self, name: &str) -> Self {
        self.targets.push((name.to_owned(), None));
        self
    }

    /// The same; its service listens on this port of the loopback interface.
    #[must_use]
    pub fn target_at(mut self, name: &str, port: u16) -> Self {
        self.targets.push((name.to_owned(), Some(port)));
        self
    }

    /// One more line of the environment `production`.
    #[must_use]
    pub fn rail(mut self, line: &str) -> Self {
        self.rails = format!("{}{line}\n", self.rails);
        self
    }

    /// The master looks at the repository every second.
    #[must_use]
    pub fn polling(mut self) -> Self {
        self.poll = true;
        self
    }

    /// The master's data lies on a volume of its own that is nearly full once it listens. Needs root.
    #[must_use]
    pub fn small_disk(mut self) -> Self {
        self.small_disk = true;
        self
    }

    /// How many jobs a build host takes at once.
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// `process.kill` of a build host.
    #[must_use]
    pub fn kill(mut self, mode: &str) -> Self {
        self.kill = mode.to_owned();
        self
    }

    /// What stands in `[limits]` of `master.toml`.
    #[must_use]
    pub fn limits(mut self, limits: &str) -> Self {
        self.limits = limits.to_owned();
        self
    }

    /// The master's data lies on a volume of its own, whose power can be cut. Needs root.
    #[must_use]
    pub fn volume_of_master(mut self, file_system: FileSystem) -> Self {
        self.volume_of_master = Some(file_system);
        self
    }

    /// The state of each agent lies on a volume of its own, whose power can be cut. Needs root.
    #[must_use]
    pub fn volumes_of_agents(mut self, file_system: FileSystem) -> Self {
        self.volumes_of_agents = Some(file_system);
        self
    }

    /// Starts everything; the project is called `shop`.
    pub fn start(self) -> World {
        // What outlives its parent becomes our child, so that it can be seen and ended.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).expect("Linux has subreapers");
        let folder = tempfile::Builder::new().prefix("windlass-test-").tempdir().expect("a temporary folder");
        let program = Program::new(&self.executable, folder.path());
        let repository = Repository::create(folder.path(), "shop");
        let secret = folder.path().join("hook.key");
        write_private(&secret, HOOK_KEY);
        let poll = if self.poll { "poll = \"1s\"\n" } else { "" };
        let rails = &self.rails;
        let limits = format!("limits = {{ {} }}\n", self.limits);
        let config = format!(
            "{limits}[projects.shop]\ngit = {:?}\nhook = {{ secret_file = {:?} }}\n{poll}{ENVIRONMENT}{rails}",
            repository.url(),
            secret.display().to_string()
        );
        let disk = self.small_disk.then(|| SmallDisk::mount(&folder.path().join("master")));
        let volume = |name: &str, at: &str, file_system: FileSystem| {
            let id = folder.path().file_name().expect("it has a name").to_string_lossy().into_owned();
            Volume::mount(&folder.path().join(at), &format!("{id}-{name}"), folder.path(), file_system)
        };
        let mut volumes: Vec<Volume> =
            self.volume_of_master.map(|kind| volume("master", "master", kind)).into_iter().collect();
        if let Some(kind) = self.volumes_of_agents {
            volumes.extend(self.builders.iter().map(|name| volume(name, &format!("agent-{name}/state"), kind)));
        }
        let mut master = Master::init(&program, folder.path(), &config);
        master.start();
        let mut world = World { agents: Vec::new(), master, repository, program, volumes, disk, folder };
        let builder_toml = format!("slots = {}\nprocess = {{ kill = {:?} }}\n{BUILDER_TOML}", self.slots, self.kill);
        for name in &self.builders {
            world.add_agent(&build_host(name), &builder_toml);
        }
        for (name, port) in &self.targets {
            let root = world.folder.path().join(name).display().to_string();
            let http = port.map_or_else(String::new, |port| format!("http = \"127.0.0.1:{port}\"\n"));
            let config = TARGET_TOML.replace("ROOT", &root) + &http;
            world.add_agent(&target(name), &config);
        }
        world
    }
}

/// The key that signs deliveries.
pub const HOOK_KEY: &str = "a-key-that-only-tests-use-0123456789";

const ENVIRONMENT: &str = "
[environments.production]
targets = { role = \"web\" }
projects = [\"shop\"]
deployers = [\"pipeline\", \"people\"]
same_user = true
";

const BUILDER_TOML: &str = "[policy]\nprojects = [\"*\"]\nenvironments = []\nsteps = \"any\"\n";

const TARGET_TOML: &str = "slots = 1
[policy]
projects = [\"shop\"]
environments = [\"production\"]
services = [\"shop\"]
release_roots = [\"ROOT\"]
steps = \"any\"
[services.shop]
root = \"ROOT\"
";

/// Real processes in a temporary folder; all gone when it is dropped.
#[derive(Debug)]
pub struct World {
    /// In the order they were named: builders, then targets.
    pub agents: Vec<Agent>,
    /// The master.
    pub master: Master,
    /// What the project `shop` watches.
    pub repository: Repository,
    /// The program under test.
    pub program: Program,
    /// The master's, or else those of the build hosts in their order; unmounted after the processes and before the folder.
    pub volumes: Vec<Volume>,
    #[expect(dead_code, reason = "it is unmounted when it is dropped, after the processes and before the folder")]
    disk: Option<SmallDisk>,
    folder: TempDir,
}

impl World {
    /// The API of the master that listens now.
    pub fn api(&self) -> Api {
        self.master.api()
    }

    /// The folder that holds everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The agent of this name.
    pub fn agent(&mut self, name: &str) -> &mut Agent {
        self.agents.iter_mut().find(|agent| agent.name() == name).expect("the world has such an agent")
    }

    /// Enrols an agent and starts it.
    pub fn add_agent(&mut self, grant: &Value, config: &str) {
        let api = self.api();
        let mut agent = Agent::join(&self.program, self.folder.path(), &api, grant, config);
        agent.start(&api);
        self.agents.push(agent);
    }

    /// Runs the client.
    pub fn windlass(&self, args: &[&str]) -> Output {
        let api = self.api();
        let env = [("WINDLASS_URL", api.url()), ("WINDLASS_TOKEN", api.token())];
        self.program.run_with("windlass", args, &env, "")
    }

    /// Commits a pipeline file and starts a run of it by hand; returns its id.
    pub fn run(&self, pipeline: &str) -> String {
        self.repository.push_commit("A pipeline", &[("windlass.yaml", pipeline)]);
        self.start_run()
    }

    /// Starts a run of what was pushed last; returns its id.
    pub fn start_run(&self) -> String {
        let reply = self.api().post("/projects/shop/runs", &json!({ "branch": "main" }));
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.body["id"].as_str().expect("a run has an id").to_owned()
    }

    /// The last lines of what master and agents logged.
    pub fn said(&self) -> String {
        let mut text = format!("--- master\n{}", tail(&self.master.said()));
        for agent in &self.agents {
            text += &format!("\n--- {}\n{}", agent.name(), tail(&agent.said()));
        }
        text
    }

    /// How many processes of the world there are.
    pub fn processes(&self) -> usize {
        processes_in(self.folder.path()).len()
    }

    /// Waits until `path` below the folder exists.
    pub fn appears(&self, path: &str) {
        let path = self.folder.path().join(path);
        until(&format!("{} exists", path.display()), || path.exists().then_some(()));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            show_logs(self);
        }
        let groups: Vec<_> = self.agents.iter().filter_map(Agent::groups).collect();
        self.agents.clear();
        end_all_in(self.folder.path());
        for group in groups {
            until("the agent's groups are removed", || group.remove().ok());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a test that fails shows what the daemons said")]
fn show_logs(world: &World) {
    eprintln!("{}", world.said());
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

fn write_private(path: &Path, text: &str) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("the world's folder can be written");
}
