//! An agent process.

use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::process::{Pid, Signal};
use serde_json::json;

use windlass_agent::work::{Cgroup, KernelGroups};

use super::api::Api;
use super::process::{
    Output, Program, daemon, end_all_in, kill, kill_all, kill_children, pids, signal, stop, words_of,
};
use super::wait::until;

/// An agent with its own state directory.
#[derive(Debug)]
pub struct Agent {
    program: Program,
    folder: PathBuf,
    name: String,
    child: Option<Child>,
}

impl Agent {
    /// Asks for a join token, joins, and writes `agent.toml`; `config` is what stands in it besides master, name and work directory.
    pub(super) fn join(program: &Program, folder: &Path, api: &Api, grant: &serde_json::Value, config: &str) -> Self {
        let name = grant["name"].as_str().expect("a grant names the agent").to_owned();
        let folder = folder.join(format!("agent-{name}"));
        std::fs::create_dir_all(&folder).expect("the world's folder can be written");
        let agent = Self { program: program.clone(), folder, name, child: None };
        let reply = api.post("/join-tokens", grant);
        assert!(reply.status == 200 || reply.status == 201, "{reply:?}");
        let output = agent.join_with(api.url(), reply.body["token"].as_str().expect("a token"));
        assert_eq!(output.code, Some(0), "{}", output.err);
        agent.configure(config);
        agent
    }

    /// `windlass-agent join` with this token.
    pub fn join_with(&self, url: &str, token: &str) -> Output {
        let (config, state) = (self.config().display().to_string(), self.state_dir().display().to_string());
        let args = ["join", url, "--token-file", "-", "--config", &config, "--state-dir", &state];
        self.program.run_with("windlass-agent", args, &[], token)
    }

    /// Replaces what `join` wrote but for the address of the master and the name.
    fn configure(&self, config: &str) {
        let written = std::fs::read_to_string(self.config()).expect("join wrote it");
        let master = written.lines().find(|line| line.starts_with("master")).expect("join names the master");
        let work = self.folder.join("work").display().to_string();
        let text =
            format!("{master}\nname = {:?}\n{config}\n[disk]\nballast_mib = 1\n[work]\ndir = {work:?}\n", self.name);
        std::fs::write(self.config(), text).expect("the world's folder can be written");
    }

    /// Starts it; returns when its session is open.
    pub fn start(&mut self, api: &Api) {
        self.spawn();
        until(&format!("{} is connected", self.name), || {
            let state = api.get(&format!("/agents/{}", self.name)).body["state"].clone();
            (state == "connected").then_some(())
        });
    }

    /// Starts it and waits for nothing.
    pub fn spawn(&mut self) {
        self.spawn_under(&[]);
    }

    /// Starts it below another program, as a tracer.
    pub fn spawn_under(&mut self, above: &[String]) {
        assert!(self.child.is_none(), "it runs already");
        let mut command = self.program.command_under(above, "windlass-agent");
        command.arg("run").arg("--config").arg(self.config()).arg("--state-dir").arg(self.state_dir());
        self.child = Some(daemon(command, &self.folder.join("agent.log")));
    }

    /// `kill -9`; shims and steps go on.
    pub fn kill(&mut self) {
        kill(&mut self.child.take().expect("it runs"));
    }

    /// `kill -9` of what was started below another program, which is still to be handed over.
    pub fn kill_tracee(&mut self) {
        kill_children(self.child.as_ref().expect("it runs"));
    }

    /// The shims of its jobs.
    pub fn shims(&self) -> Vec<Pid> {
        let attempts = self.state_dir().join("attempts").display().to_string();
        let is_ours = |pid: &Pid| {
            let words = words_of(*pid);
            words.get(1).is_some_and(|word| word == "shim")
                && words.get(2).is_some_and(|dir| dir.starts_with(&attempts))
        };
        pids().filter(is_ours).collect()
    }

    /// `kill -9` of the shims of its jobs, and of nobody else.
    pub fn kill_shims(&self) {
        kill_all(&self.shims());
    }

    /// The host loses its power and comes back: no process of it is left, and the kernel has another boot id. Needs root.
    pub fn power_cycle(&mut self) {
        self.kill();
        end_all_in(&self.folder);
        let boot = self.folder.join("boot-id");
        std::fs::write(&boot, "6d1b4b9e-5f0c-4f6f-9a57-8e9c4ce0b1a2\n").expect("the world's folder can be written");
        let bind = format!("mount --bind {} /proc/sys/kernel/random/boot_id && exec \"$0\" \"$@\"", boot.display());
        self.spawn_under(&["unshare", "--mount", "sh", "-c", &bind].map(str::to_owned));
    }

    /// How it ended, if it did so by itself: its exit code, none if a signal ended it.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        let ended = self.child.as_mut().expect("it was started").try_wait().expect("it is our child");
        ended.map(|status| {
            self.child = None;
            status.code()
        })
    }

    /// Hands over the process that was started below another program, for the caller to wait for; the agent counts as gone.
    pub fn hand_over(&mut self) -> Child {
        self.child.take().expect("it runs")
    }

    /// Its process, or the one above it.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Asks it to stop; returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        stop(&mut self.child.take().expect("it runs"))
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        signal(self.child.as_ref().expect("it runs"), Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        signal(self.child.as_ref().expect("it runs"), Signal::CONT);
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it keeps everything.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// Where the kernel keeps its processes, and those of its jobs, if it can.
    pub fn groups(&self) -> Option<Cgroup> {
        KernelGroups::base(&Cgroup::own()?, &self.state_dir()).ok()
    }

    /// A folder of the host that nothing else uses.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it logged.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }

    /// Where it is configured.
    pub fn config(&self) -> PathBuf {
        self.folder.join("agent.toml")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            kill(child);
        }
    }
}

/// A grant for a build host.
pub(super) fn build_host(name: &str) -> serde_json::Value {
    json!({ "name": name, "labels": { "role": "build" } })
}

/// A grant for a target of `production`.
pub(super) fn target(name: &str) -> serde_json::Value {
    json!({ "name": name, "labels": { "role": "web" }, "environments": ["production"] })
}
