//! One attempt that has a directory, and who writes its record.

use std::path::PathBuf;
use std::sync::Arc;

use windlass_core::attempt::Line;
use windlass_core::attempt::hung::Asked;
use windlass_core::model::{Envelope, Fence};
use windlass_disk::Disk;
use windlass_shim::Cgroups;

use super::holdings::Attempt;
use super::shim::Shim;
use super::sweep::Sweep;
use crate::attempts::{self, AttemptDir, Follow, place_of, spool_bytes};

/// What the agent knows of an attempt besides its lines.
pub(super) struct Held {
    pub(super) attempt: Arc<Attempt>,
    pub(super) standing: Standing,
}

/// Who writes the record.
pub(super) enum Standing {
    /// A shim that we spawned, or found.
    Live(Box<Live>),
    /// We, until what its lost shim left behind is gone.
    Sweeping(Box<Sweep>),
    /// Nobody any more.
    Ended {
        /// Of its records and logs, until it is forgotten.
        spool_bytes: u64,
    },
}

/// An attempt under a shim.
pub(super) struct Live {
    pub(super) follow: Follow,
    /// The child to reap; none if an earlier agent spawned it.
    pub(super) shim: Option<Box<dyn Shim>>,
    /// The folder nobody else may use.
    pub(super) workspace: Option<PathBuf>,
    /// Where its processes are kept together.
    pub(super) cgroups: Option<Cgroups>,
    /// When it was spawned or found, in milliseconds of the boot clock.
    pub(super) found_ms: u64,
    /// The cancel that it was given.
    pub(super) asked: Option<Asked>,
    /// It hung, and what could be done is done.
    pub(super) remedied: bool,
}

impl Live {
    /// Nothing was asked of it yet.
    pub(super) fn new(follow: Follow, workspace: Option<PathBuf>, cgroups: Option<Cgroups>, found_ms: u64) -> Self {
        Self { follow, shim: None, workspace, cgroups, found_ms, asked: None, remedied: false }
    }
}

impl Held {
    pub(super) fn live(fence: Fence, dir: AttemptDir, live: Live) -> Self {
        let attempt = Arc::new(Attempt { fence, dir, lines: Vec::new(), grouped: live.cgroups.is_some() });
        Self { attempt, standing: Standing::Live(Box::new(live)) }
    }

    pub(super) fn ended(disk: &dyn Disk, fence: Fence, dir: AttemptDir, lines: Vec<Arc<Line>>) -> Self {
        let spool_bytes = spool_bytes(disk, &dir);
        let grouped = place_of(disk, &dir).is_some_and(|place| place.cgroups.is_some());
        Self { attempt: Arc::new(Attempt { fence, dir, lines, grouped }), standing: Standing::Ended { spool_bytes } }
    }

    pub(super) fn sweeping(fence: Fence, dir: AttemptDir, sweep: Sweep) -> Self {
        let attempt = Attempt { fence, dir, lines: sweep.lines().to_vec(), grouped: true };
        Self { attempt: Arc::new(attempt), standing: Standing::Sweeping(Box::new(sweep)) }
    }

    /// Whether anything of it may run.
    pub(super) fn is_live(&self) -> bool {
        match &self.standing {
            Standing::Live(_) | Standing::Sweeping(_) => true,
            Standing::Ended { .. } => false,
        }
    }

    /// Slots that it takes now.
    pub(super) fn slots(&self) -> u32 {
        if self.is_live() { self.attempt.envelope().map_or(1, |envelope| envelope.slots) } else { 0 }
    }

    /// Log bytes that are reserved for it: its quota while it lives, its real size after.
    pub(super) fn reserved_bytes(&self) -> u64 {
        match &self.standing {
            Standing::Live(_) | Standing::Sweeping(_) => {
                self.attempt.envelope().map_or(0, |envelope| envelope.log_quota_bytes)
            }
            Standing::Ended { spool_bytes } => *spool_bytes,
        }
    }

    /// What its record and logs take now.
    pub(super) fn spool_bytes(&self, disk: &dyn Disk) -> u64 {
        match &self.standing {
            Standing::Live(_) | Standing::Sweeping(_) => spool_bytes(disk, &self.attempt.dir),
            Standing::Ended { spool_bytes } => *spool_bytes,
        }
    }

    pub(super) fn workspace(&self) -> Option<&PathBuf> {
        match &self.standing {
            Standing::Live(live) => live.workspace.as_ref(),
            Standing::Sweeping(sweep) => sweep.workspace.as_ref(),
            Standing::Ended { .. } => None,
        }
    }

    /// Reads what is new in the record; true if there was anything, and the record's last line ends the attempt's life.
    pub(super) fn look(&mut self, disk: &dyn Disk) -> attempts::Result<bool> {
        let Standing::Live(live) = &mut self.standing else { return Ok(false) };
        let new = live.follow.poll()?;
        if let Some(shim) = &mut live.shim {
            shim.reap();
        }
        if new.is_empty() {
            return Ok(false);
        }
        let attempt = Arc::make_mut(&mut self.attempt);
        attempt.lines.extend(new);
        if attempt.lines.last().is_some_and(|line| line.body.is_last()) {
            let spool_bytes = spool_bytes(disk, &self.attempt.dir);
            self.standing = Standing::Ended { spool_bytes };
        }
        Ok(true)
    }

    /// True if the shim that we spawned is gone: its lock is free.
    pub(super) fn has_lost_shim(&self) -> bool {
        match &self.standing {
            Standing::Live(live) => live.shim.as_ref().is_some_and(|shim| shim.is_gone()),
            Standing::Sweeping(_) | Standing::Ended { .. } => false,
        }
    }

    pub(super) fn envelope(&self) -> Option<&Envelope> {
        self.attempt.envelope()
    }
}
