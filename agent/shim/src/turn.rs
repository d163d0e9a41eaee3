//! One wait for whatever comes next: bytes, an ended child, a cancel, room in the spool, or a deadline.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::clock;
use crate::pipes::{Pipes, Source};
use crate::process::Tree;
use crate::spool::Spool;
use crate::watch::{Asked, Watch};

/// The directory is looked at this often even if no event says so.
const LOOK_EVERY_NS: u64 = 1_000_000_000;

/// Everything the loop waits for.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) spool: Spool,
    pub(crate) pipes: Pipes,
    pub(crate) tree: Tree,
    pub(crate) watch: Watch,
    /// What the agent asked so far.
    pub(crate) asked: Asked,
    /// When the directory was looked at, on the boot clock.
    pub(crate) looked_ns: u64,
}

/// What was ready after a wait.
struct Ready {
    watch: bool,
    spool: bool,
    children: bool,
    sources: Vec<Source>,
}

impl Turn {
    /// Waits until something is there or this time is reached, and deals with all that does not concern a step. True if a child
    /// ended.
    pub(crate) fn wait(&mut self, until_ms: u64) -> bool {
        let due = [until_ms.saturating_mul(1_000_000), self.looked_ns + LOOK_EVERY_NS];
        let due = due.into_iter().chain(self.pipes.deadline_ns()).min().unwrap_or(0);
        let ready = self.poll(&clock::span(due.saturating_sub(clock::boot_ns())));
        self.handle(&ready);
        ready.children
    }

    /// Nobody of ours is left: takes what still lies in the pipes, and closes them.
    pub(crate) fn empty_pipes(&mut self) {
        while !self.pipes.is_empty() && !self.spool.is_lost() {
            let ready = self.poll(&clock::span(0));
            self.pipes.close_all_but(&ready.sources, clock::boot_ns());
            self.handle(&ready);
            if !self.pipes.is_empty() && self.pipes.sources().is_empty() {
                self.wait(u64::MAX); // for the disk
            }
        }
    }

    /// Looks at the directory now.
    pub(crate) fn look(&mut self) {
        self.asked = self.asked.max(self.watch.look());
        self.looked_ns = clock::boot_ns();
    }

    fn poll(&self, span: &Timespec) -> Ready {
        let sources = self.pipes.sources();
        let fixed = [self.spool.descriptor(), self.tree.descriptor()];
        let all = fixed.into_iter().chain(sources.iter().map(|(_, end)| *end)).chain(self.watch.descriptor());
        let ends: Vec<_> = all.collect();
        let mut polled: Vec<_> = ends.iter().map(|end| PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)).collect();
        if poll(&mut polled, Some(span)).is_err() {
            // Interrupted: as if nothing was there, and the next turn comes at once.
            return Ready { watch: false, spool: false, children: false, sources: Vec::new() };
        }
        let is_ready = |at: usize| polled.get(at).is_some_and(|end| !end.revents().is_empty());
        let readable = sources.iter().zip(fixed.len()..).filter(|(_, at)| is_ready(*at));
        Ready {
            spool: is_ready(0),
            children: is_ready(1),
            watch: is_ready(fixed.len() + sources.len()),
            sources: readable.map(|((source, _), _)| *source).collect(),
        }
    }

    fn handle(&mut self, ready: &Ready) {
        let now_ns = clock::boot_ns();
        let look = now_ns >= self.looked_ns + LOOK_EVERY_NS;
        if ready.spool {
            _ = rustix::io::read(self.spool.descriptor(), &mut [0; 8]);
        }
        if ready.watch {
            self.watch.drain();
        }
        if ready.children {
            self.tree.reap();
        }
        if ready.watch || look {
            self.look();
        }
        for source in &ready.sources {
            self.pipes.read(*source, &self.spool, now_ns);
        }
        self.pipes.tick(&self.spool, now_ns);
    }
}
