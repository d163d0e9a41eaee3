//! The keeper: makes the folder, starts and stops processes, and is the parent of whatever they leave behind. When its standard input
//! closes, because the demo is over or was killed, it ends every process and removes the folder.
//!
//! Invariant: only children of ours that we have not reaped are signalled, so their numbers belong to nobody else.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, waitpid};

use super::program::{LOGS, Program, Reply, Request, SOCKET};
use crate::clock::Stopwatch;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Between two looks at what ended.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// A process that does not end by itself within this is killed.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks at a process that shall end.
const STEP: Duration = Duration::from_millis(5);

/// Runs until standard input closes. Prints the folder as its first and only line.
pub fn keeper() -> Result<Exit> {
    let failed = |source| Error::Terminal { what: "keep the processes of the demo", source };
    set_child_subreaper(Some(getpid())).map_err(|errno| failed(errno.into()))?;
    let folder = tempfile::Builder::new().prefix("windlass-demo-").tempdir().map_err(failed)?;
    fs::create_dir(folder.path().join(LOGS)).map_err(failed)?;
    let family = Arc::new(Family { folder: folder.path().to_owned(), named: Mutex::default() });
    let socket = UnixListener::bind(folder.path().join(SOCKET)).map_err(failed)?;
    let serving = Arc::clone(&family);
    thread::Builder::new().name("keeper".to_owned()).spawn(move || serving.serve(&socket)).map_err(failed)?;
    let told = writeln!(io::stdout(), "{}", folder.path().display());
    let watched = told.and_then(|()| family.watch());
    family.end().and(watched).map_err(failed)?;
    folder.close().map_err(failed)?;
    Ok(Exit::Done)
}

/// All processes of the demo.
struct Family {
    folder: PathBuf,
    named: Mutex<BTreeMap<String, Child>>,
}

type Named<'a> = MutexGuard<'a, BTreeMap<String, Child>>;

impl Family {
    fn lock(&self) -> Named<'_> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, socket: &UnixListener) {
        for stream in socket.incoming() {
            // Who asked and went away gets no answer; the next one does.
            let _answered = stream.and_then(|stream| self.answer(&stream));
        }
    }

    fn answer(&self, mut stream: &UnixStream) -> io::Result<()> {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let done = serde_json::from_str(&line).map_err(io::Error::from).and_then(|request| self.act(request));
        let reply = match done {
            Ok(running) => Reply::Ok(running),
            Err(error) => Reply::Error(error.to_string()),
        };
        writeln!(stream, "{}", serde_json::to_string(&reply)?)
    }

    fn act(&self, request: Request) -> io::Result<Vec<String>> {
        let mut named = self.lock();
        match request {
            Request::Start(program) => {
                stop(&mut named, &program.name)?;
                let child = start(&program, &self.folder)?;
                named.insert(program.name, child);
            }
            Request::Stop { name } => stop(&mut named, &name)?,
            Request::Running => reap(&mut named)?,
        }
        Ok(named.keys().cloned().collect())
    }

    /// Until standard input closes.
    fn watch(&self) -> io::Result<()> {
        let stdin = io::stdin();
        loop {
            let mut watched = [PollFd::new(&stdin, PollFlags::IN)];
            match poll(&mut watched, Some(&LOOK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => reap(&mut self.lock())?,
                Ok(_) => {
                    if stdin.lock().read_line(&mut String::new())? == 0 {
                        return Ok(());
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Ends all: what a killed process leaves behind becomes a child of ours and is killed in the next round.
    fn end(&self) -> io::Result<()> {
        let mut named = self.lock();
        named.clear();
        loop {
            let children = children()?;
            if children.is_empty() {
                return Ok(());
            }
            for child in &children {
                kill_process(*child, Signal::KILL)?;
            }
            for child in children {
                waitpid(Some(child), WaitOptions::empty())?;
            }
        }
    }
}

fn start(program: &Program, folder: &Path) -> io::Result<Child> {
    let log = folder.join(LOGS).join(format!("{}.log", program.name));
    let log = File::options().append(true).create(true).open(log)?;
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", program.file.display()));
    Command::new(&program.file)
        .arg0(&program.called)
        .args(&program.arguments)
        .env_clear()
        .envs(&program.env)
        .current_dir(&program.dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .map_err(named)
}

/// Asks it to end, and kills it if it does not.
fn stop(named: &mut Named<'_>, name: &str) -> io::Result<()> {
    let Some(mut child) = named.remove(name) else { return Ok(()) };
    let since = Stopwatch::start();
    if child.try_wait()?.is_none() {
        kill_process(Pid::from_child(&child), Signal::TERM)?;
    }
    while child.try_wait()?.is_none() {
        if since.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
        thread::sleep(STEP);
    }
    Ok(())
}

/// Forgets what ended, and takes the end of what others left behind.
fn reap(named: &mut Named<'_>) -> io::Result<()> {
    let mut ended = Vec::new();
    for (name, child) in named.iter_mut() {
        if child.try_wait()?.is_some() {
            ended.push(name.clone());
        }
    }
    ended.iter().for_each(|name| drop(named.remove(name)));
    let ours: Vec<Pid> = named.values().map(Pid::from_child).collect();
    for orphan in children()?.into_iter().filter(|child| !ours.contains(child)) {
        waitpid(Some(orphan), WaitOptions::NOHANG)?;
    }
    Ok(())
}

/// Our children, by `/proc`.
fn children() -> io::Result<Vec<Pid>> {
    let parent = getpid().as_raw_nonzero().get();
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // A process that ended meanwhile is none of ours: ours stay until we reap them.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if parent_in(&stat) == Some(parent) {
            children.extend(Pid::from_raw(pid));
        }
    }
    Ok(children)
}

/// The fourth field; the second is a name in brackets that may hold anything.
fn parent_in(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("17 (a) (b) S 4 17 17 0"), Some(4));
        assert_eq!(parent_in("17 (sh) R 1 17"), Some(1));
        assert_eq!(parent_in("broken"), None);
    }
}
