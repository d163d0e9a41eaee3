//! Starting the program under test as client, master or agent, and ending everything that a world started.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::until;

/// The program under test.
#[derive(Debug, Clone)]
pub struct Program {
    executable: PathBuf,
    home: PathBuf,
}

/// What a program said and how it ended.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Program {
    /// `executable` is what cargo built for this test; `home` is where it may write.
    pub fn new(executable: &str, home: &Path) -> Self {
        Self { executable: PathBuf::from(executable), home: home.to_owned() }
    }

    /// The program as `name`, which decides what it is, with an empty environment but for `PATH` and `HOME`.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.executable);
        command.arg0(name).env_clear().env("HOME", &self.home).env("NO_COLOR", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).current_dir(&self.home);
        command
    }

    /// The same below another program, as a tracer, that starts what follows its own words. The kernel then takes the first word from
    /// a link, because it decides what the program is.
    pub fn command_under(&self, above: &[String], name: &str) -> Command {
        let Some((tracer, words)) = above.split_first() else { return self.command(name) };
        let link = self.home.join("bin").join(name);
        if !link.exists() {
            std::fs::create_dir_all(self.home.join("bin")).expect("the world's folder can be written");
            std::os::unix::fs::symlink(&self.executable, &link).expect("the world's folder can be written");
        }
        let mut command = Command::new(tracer);
        command.args(words).arg(link).env_clear().env("HOME", &self.home).env("NO_COLOR", "1");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null()).current_dir(&self.home);
        command
    }

    /// Runs to the end.
    pub fn run<I: AsRef<OsStr>>(&self, name: &str, args: impl IntoIterator<Item = I>) -> Output {
        self.run_with(name, args, &[], "")
    }

    /// Runs to the end with these variables and this standard input.
    pub fn run_with<I: AsRef<OsStr>>(
        &self,
        name: &str,
        args: impl IntoIterator<Item = I>,
        env: &[(&str, &str)],
        input: &str,
    ) -> Output {
        let mut command = self.command(name);
        command.args(args).envs(env.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("it was piped");
        // A program that does not read its input closes it; that is no failure of the test.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it can be waited for");
        Output {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The executable's path, for scripts.
    pub fn path(&self) -> &Path {
        &self.executable
    }
}

/// Starts a daemon whose output is appended to `log`.
pub(super) fn daemon(mut command: Command, log: &Path) -> Child {
    let file = File::options().create(true).append(true).open(log).expect("the world's folder can be written");
    let copy = file.try_clone().expect("a descriptor can be copied");
    command.stdout(file).stderr(copy).spawn().expect("the program starts")
}

/// `kill -9`, and waits until it is gone.
pub(super) fn kill(child: &mut Child) {
    child.kill().expect("it is our child");
    child.wait().expect("it is our child");
}

/// `kill -9` of what `child` started, and of it: a tracer that dies lets its tracees go on.
pub(super) fn kill_below(child: &mut Child) {
    kill_children(child);
    until("what was traced is gone", || children_of(child.id()).is_empty().then_some(()));
    kill(child);
}

/// `kill -9` of what `child` started.
pub(super) fn kill_children(child: &Child) {
    kill_all(&children_of(child.id()));
}

/// `kill -9` of these; each may have ended since it was found.
pub(super) fn kill_all(found: &[Pid]) {
    for pid in found {
        let _ = kill_process(*pid, Signal::KILL);
    }
}

/// The processes that `pid` started and that still are its children.
pub fn children_of(pid: u32) -> Vec<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| Pid::from_raw(word.parse().ok()?)).collect()
}

/// SIGTERM, and waits until it is gone; returns the exit code.
pub(super) fn stop(child: &mut Child) -> Option<i32> {
    signal(child, Signal::TERM);
    until("a daemon that was told to stop has ended", || child.try_wait().expect("it is our child")).code()
}

/// Sends a signal to a child that was not waited for.
pub(super) fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_child(child);
    kill_process(pid, signal).expect("it is our child");
}

/// Ends every process that works in `folder` or names it on its command line: shims and steps outlive the agents that started them.
pub fn end_all_in(folder: &Path) {
    until("every process of the world is gone", || {
        let found = processes_in(folder);
        kill_all(&found);
        found.is_empty().then_some(())
    });
}

/// Processes, but for this one, that work in `folder` or name it on their command line.
pub fn processes_in(folder: &Path) -> Vec<Pid> {
    let own = rustix::process::getpid();
    pids().filter(|pid| *pid != own && is_in(*pid, folder)).collect()
}

/// Every process there is.
pub(super) fn pids() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").expect("this is Linux");
    entries.filter_map(|entry| Pid::from_raw(entry.ok()?.file_name().to_str()?.parse().ok()?))
}

/// Its command line; empty if it is gone.
pub fn words_of(pid: Pid) -> Vec<String> {
    let words = std::fs::read(Path::new("/proc").join(pid.to_string()).join("cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn is_in(pid: Pid, folder: &Path) -> bool {
    let proc = Path::new("/proc").join(pid.to_string());
    let state = std::fs::read_to_string(proc.join("stat")).unwrap_or_default();
    let is_zombie = state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
    let works_there = std::fs::read_link(proc.join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder));
    let names_it = words_of(pid).iter().any(|word| word.contains(&*folder.to_string_lossy()));
    !is_zombie && (works_there || names_it)
}
