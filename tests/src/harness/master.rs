//! A master process.

use std::path::{Path, PathBuf};
use std::process::Child;

use super::api::Api;
use super::process::{Output, Program, daemon, kill, kill_below, stop};
use super::wait::until;

/// A master with its own data directory.
#[derive(Debug)]
pub struct Master {
    program: Program,
    folder: PathBuf,
    config: String,
    child: Option<Child>,
    /// Where the first start listened: agents dial the address that they joined, so every later one listens there too.
    listeners: Option<serde_json::Value>,
}

impl Master {
    /// Makes identity and first token; `config` is the text of `master.toml` without listeners and data directory.
    pub(super) fn init(program: &Program, folder: &Path, config: &str) -> Self {
        let config = config.to_owned();
        let master = Self { program: program.clone(), folder: folder.to_owned(), config, child: None, listeners: None };
        master.configure("127.0.0.1:0", "127.0.0.1:0");
        let token = master.token_file().display().to_string();
        let output = master.run(&["init", "--token-file", &token]);
        assert_eq!(output.code, Some(0), "{}", output.err);
        master
    }

    /// Writes `master.toml` with these listeners; it counts from the next start on.
    pub fn configure(&self, http: &str, agents: &str) {
        let text = format!(
            "data_dir = {:?}\nhttp = {{ listen = {http:?} }}\nagents = {{ listen = {agents:?} }}\n\
             disk = {{ segment = \"16MiB\", ballast = \"1MiB\" }}\n{}",
            self.data_dir().display().to_string(),
            self.config
        );
        std::fs::write(self.config(), text).expect("the world's folder can be written");
    }

    /// One more line of the environment `production`; it counts from the next start on.
    pub fn rail(&mut self, line: &str) {
        self.config = format!("{}{line}\n", self.config);
    }

    /// Runs `windlass-master` with these arguments to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        let config = self.config().display().to_string();
        self.program.run("windlass-master", [args, &["--config", &config]].concat())
    }

    /// Starts serving, and waits until it listens.
    pub fn start(&mut self) {
        self.spawn_under(&[]);
        until("the master listens", || {
            assert!(self.ended().is_none(), "the master ended: {}", self.said());
            self.listens().then_some(())
        });
        if self.listeners.is_none() {
            let text = std::fs::read_to_string(self.listening()).expect("it listens");
            self.listeners = Some(serde_json::from_str(&text).expect("it is JSON"));
        }
    }

    /// Starts it below another program, as a tracer, and waits for nothing.
    pub fn spawn_under(&mut self, above: &[String]) {
        assert!(self.child.is_none(), "it runs already");
        if self.listeners.is_some() {
            self.configure(&self.address("http"), &self.address("agents"));
        }
        if self.listens() {
            std::fs::remove_file(self.listening()).expect("the world's folder can be written");
        }
        let mut command = self.program.command_under(above, "windlass-master");
        command.arg("serve").arg("--config").arg(self.config());
        self.child = Some(daemon(command, &self.folder.join("master.log")));
    }

    /// Whether it said where it listens.
    pub fn listens(&self) -> bool {
        self.listening().exists()
    }

    /// `kill -9` of what was started below another program.
    pub fn kill_below(&mut self) {
        kill_below(&mut self.child.take().expect("it runs"));
    }

    /// How it ended, if it did so by itself: its exit code, none if a signal ended it.
    pub fn ended(&mut self) -> Option<Option<i32>> {
        let ended = self.child.as_mut().expect("it was started").try_wait().expect("it is our child");
        ended.map(|status| {
            self.child = None;
            status.code()
        })
    }

    /// Its process, or the one above it.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        kill(&mut self.child.take().expect("it runs"));
    }

    /// Asks it to stop; returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        stop(&mut self.child.take().expect("it runs"))
    }

    /// The API of the master that listens now.
    pub fn api(&self) -> Api {
        Api::new(&self.address("http"), &self.token())
    }

    /// Address of a listener: `http` or `agents`.
    pub fn address(&self, listener: &str) -> String {
        let listeners = self.listeners.as_ref().expect("it listened once");
        listeners[listener].as_str().expect("an address").to_owned()
    }

    /// The first API token.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.token_file()).expect("init wrote it").trim().to_owned()
    }

    /// Where it keeps everything.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("master")
    }

    /// What it logged.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("master.log")).unwrap_or_default()
    }

    fn config(&self) -> PathBuf {
        self.folder.join("master.toml")
    }

    fn token_file(&self) -> PathBuf {
        self.folder.join("token")
    }

    fn listening(&self) -> PathBuf {
        self.data_dir().join("listening.json")
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            kill(child);
        }
    }
}
