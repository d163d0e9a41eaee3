//! The descendants of the shim. As a subreaper it is the parent of every orphan below it, so that nothing gets away.
//!
//! The first process of each step, its *leader*, stays unreaped until the job's end: as long, its number names its group and nobody
//! else's. All others are reaped as they come.
//!
//! Where the kernel keeps the job's processes in a cgroup, it kills them there at once, and says whether any is left.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions};

use super::{Cgroup, pidfd};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// All processes below the shim.
#[derive(Debug)]
pub(crate) struct Tree {
    ended: OwnedFd,
    /// Empty once they have been reaped at the end.
    leaders: HashSet<Pid>,
    /// Of the whole job.
    group: Option<Cgroup>,
}

impl Tree {
    /// `ended` is readable whenever a child ended.
    pub(crate) fn new(ended: OwnedFd, group: Option<Cgroup>) -> Self {
        Self { ended, leaders: HashSet::new(), group }
    }

    /// Where new processes belong.
    pub(crate) fn group(&self) -> Option<&Cgroup> {
        self.group.as_ref()
    }

    /// Readable when a child ended.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.ended.as_fd()
    }

    /// Forgets the signals so far, and reaps the orphans that ended.
    pub(crate) fn reap(&self) {
        let mut buffer = [0; 128 * 8];
        while matches!(rustix::io::read(&self.ended, &mut buffer), Ok(1..)) {}
        for orphan in self.orphans() {
            _ = rustix::process::waitpid(Some(orphan), WaitOptions::NOHANG);
        }
    }

    /// A new step's first process.
    pub(crate) fn add(&mut self, leader: Pid) {
        self.leaders.insert(leader);
    }

    /// How a leader ended; `None` while it runs.
    pub(crate) fn ended(&self, leader: Pid) -> Option<Ended> {
        let status = peek(leader)?;
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Some(Ended::Code(code)),
            (None, Some(signal)) => Some(Ended::Signal(signal)),
            (None, None) => None,
        }
    }

    /// Signals the group of a leader, which must not have been reaped.
    pub(crate) fn signal_group(&self, leader: Pid, signal: Signal) {
        if self.leaders.contains(&leader) {
            // An error means that nobody is left in it.
            _ = rustix::process::kill_process_group(leader, signal);
        }
    }

    /// Asks every group and every child to end.
    pub(crate) fn term_all(&self) {
        self.signal_all(Signal::TERM);
    }

    /// Kills all that is left. Who moved itself to another cgroup is a child still, or will be.
    pub(crate) fn kill_all(&self) {
        if let Some(group) = &self.group {
            // What it could not end is seen, and killed again.
            _ = group.kill();
        }
        self.signal_all(Signal::KILL);
    }

    fn signal_all(&self, signal: Signal) {
        self.leaders.iter().for_each(|leader| self.signal_group(*leader, signal));
        self.orphans().into_iter().for_each(|orphan| _ = pidfd::signal(orphan, signal));
    }

    /// Children that live, with their names, for people.
    pub(crate) fn living(&self) -> Vec<String> {
        let alive = children().into_iter().filter(|child| is_alive(child.pid));
        alive.map(|child| format!("pid {} ({})", child.pid.as_raw_nonzero(), child.name)).collect()
    }

    /// True if no descendant is left: the cgroup is empty; every child ended, so what was below them would be our child now; and the
    /// kernel, asked last, knows of none.
    pub(crate) fn is_gone(&mut self) -> bool {
        if self.group.as_ref().is_some_and(|group| !group.is_empty().unwrap_or(false)) {
            return false;
        }
        if self.leaders.iter().copied().any(is_alive) || children().iter().any(|child| is_alive(child.pid)) {
            return false;
        }
        self.leaders.clear();
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return false,
                Err(_) => return true, // ECHILD
            }
        }
    }

    /// Nobody is left: the cgroup goes. If it cannot, the agent removes it later.
    pub(crate) fn remove_group(&self) {
        if let Some(group) = &self.group {
            _ = group.remove();
        }
    }

    /// Children that are not leaders.
    fn orphans(&self) -> Vec<Pid> {
        children().into_iter().map(|child| child.pid).filter(|pid| !self.leaders.contains(pid)).collect()
    }
}

/// Looks whether a child ended and leaves it unreaped.
fn peek(child: Pid) -> Option<WaitIdStatus> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    rustix::process::waitid(WaitId::Pid(child), options).ok().flatten()
}

/// Whether an unreaped child still runs. (Its state in `/proc` may say zombie while threads of it go on.)
fn is_alive(child: Pid) -> bool {
    peek(child).is_none()
}

struct Child {
    pid: Pid,
    name: String,
}

/// All children as `/proc` shows them; not every kernel lists them in one file.
fn children() -> Vec<Child> {
    let us = rustix::process::getpid();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter_map(Pid::from_raw).filter_map(|pid| child_of(us, pid)).collect()
}

/// Reads `pid (name) state parent …`; the name may hold anything, so its end is looked for from behind. What is wanted of it stands
/// in its first 512 bytes, which come with one read.
fn child_of(parent: Pid, pid: Pid) -> Option<Child> {
    let mut stat = [0; 512];
    let mut file = fs::File::open(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let read = file.read(&mut stat).ok()?;
    let stat = String::from_utf8_lossy(&stat[..read]);
    let (head, tail) = stat.rsplit_once(") ")?;
    let mut fields = tail.split(' ');
    let (_state, its_parent) = (fields.next()?, fields.next()?.parse::<i32>().ok()?);
    let name = head.split_once(" (")?.1.escape_default().to_string();
    (Pid::from_raw(its_parent) == Some(parent)).then_some(Child { pid, name })
}
