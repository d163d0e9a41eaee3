//! What the agent asks through files: `cancel` and `cancel.force` in the attempt's directory.
//!
//! Heard by inotify where there is one to be had, and looked for once a second besides, so that a lost event costs a second.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::inotify;

/// What was asked so far; it only ever grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Nothing.
    Nothing,
    /// To stop.
    Cancel,
    /// To stop without grace and clean-up.
    Force,
}

/// Looks at the directory.
#[derive(Debug)]
pub(crate) struct Watch {
    cancel: PathBuf,
    force: PathBuf,
    /// None if the user's limit of inotify instances is reached: the look of each second does without.
    events: Option<OwnedFd>,
}

impl Watch {
    pub(crate) fn of(dir: &Path) -> Self {
        let watched = || -> rustix::io::Result<OwnedFd> {
            let events = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC)?;
            inotify::add_watch(&events, dir, inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO)?;
            Ok(events)
        };
        Self { cancel: dir.join("cancel"), force: dir.join("cancel.force"), events: watched().ok() }
    }

    /// Readable when something was made in the directory.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(AsFd::as_fd)
    }

    /// Forgets the events so far; their content does not matter.
    pub(crate) fn drain(&self) {
        let mut buffer = [0; 4096];
        if let Some(events) = &self.events {
            while matches!(rustix::io::read(events, &mut buffer), Ok(1..)) {}
        }
    }

    /// What the directory says now.
    pub(crate) fn look(&self) -> Asked {
        let there = |path: &Path| path.symlink_metadata().is_ok();
        if there(&self.force) {
            Asked::Force
        } else if there(&self.cancel) {
            Asked::Cancel
        } else {
            Asked::Nothing
        }
    }
}
