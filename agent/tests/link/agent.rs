//! The real program in a folder of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use windlass_agent::work::{Cgroup, KernelGroups};
use windlass_core::model::Fence;

use crate::identity::Cluster;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_windlass-agent");

/// A host with an enrolled agent that does not run yet.
pub struct Host {
    folder: tempfile::TempDir,
}

/// An agent that runs; killed when dropped.
pub struct Agent {
    child: Child,
}

impl Host {
    pub fn new(cluster: &Cluster, port: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let host = Self { folder };
        let identity = host.state().join("identity");
        fs::create_dir_all(&identity).expect("made");
        for (name, text) in
            [("ca.pem", &cluster.ca), ("cert.pem", &cluster.agent.cert), ("key.pem", &cluster.agent.key)]
        {
            fs::write(identity.join(name), text).expect("written");
        }
        fs::set_permissions(identity.join("key.pem"), fs::Permissions::from_mode(0o600)).expect("mode");
        let work = host.folder.path().join("work");
        host.configure(&format!(
            "master = \"127.0.0.1:{port}\"\nname = \"b1\"\nslots = 4\nwork.dir = {work:?}\n[policy]\nprojects = [\"shop\"]\n"
        ));
        host
    }

    pub fn configure(&self, text: &str) {
        fs::write(self.config(), text).expect("written");
        fs::set_permissions(self.config(), fs::Permissions::from_mode(0o644)).expect("mode");
    }

    /// Adds this to the configuration.
    pub fn add(&self, text: &str) {
        let before = fs::read_to_string(self.config()).expect("written");
        self.configure(&(before + text));
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("agent.toml")
    }

    pub fn attempt(&self, fence: Fence) -> PathBuf {
        self.state().join("attempts").join(fence.to_string())
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("work/shop/build")
    }

    fn command(&self, verb: &str) -> Command {
        self.command_of(Command::new(PROGRAM), verb)
    }

    fn command_of(&self, mut command: Command, verb: &str) -> Command {
        command.arg(verb).arg("--config").arg(self.config()).arg("--state-dir").arg(self.state());
        command.stdin(Stdio::null()).env("WINDLASS_LOG", "warn");
        command
    }

    pub fn start(&self) -> Agent {
        Agent { child: self.command("run").spawn().expect("the program runs") }
    }

    /// Started by somebody who left files open.
    pub fn start_with_open_files(&self) -> Agent {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "exec 3</dev/null 5</dev/null; exec \"$0\" \"$@\"", PROGRAM]);
        Agent { child: self.command_of(shell, "run").spawn().expect("the program runs") }
    }

    /// Runs to its end.
    pub fn run(&self, verb: &str) -> Output {
        self.command(verb).output().expect("the program runs")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let base = Cgroup::own().and_then(|own| KernelGroups::base(&own, &self.state()).ok());
        let Some(base) = base else { return };
        // An agent that was killed, and its shims, leave their groups; a step may just end.
        let give_up = Instant::now() + Duration::from_secs(120);
        while base.kill().and_then(|()| base.remove()).is_err() && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Agent {
    /// As `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("it lived");
        self.child.wait().expect("reaped");
    }

    /// Asked politely; says whether it ended well.
    pub fn stop(mut self) -> bool {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")).expect("not zero");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it lives");
        self.child.wait().expect("reaped").success()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
