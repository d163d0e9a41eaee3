//! Where those who wait for a log find its state.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{LogPhase, LogState};

/// The states of all logs that are open, or waited for before they exist; by the path of their files.
#[derive(Debug, Clone, Default)]
pub(super) struct Registry(Arc<Mutex<HashMap<PathBuf, watch::Sender<LogState>>>>);

impl Registry {
    /// The state of a log that begins to be written; whoever waited for it sees it. Called before its files exist.
    pub(super) fn begin(&self, base: &Path) -> watch::Sender<LogState> {
        let state = self.lock().entry(base.to_owned()).or_default().clone();
        state.send_modify(|state| state.phase = LogPhase::Live);
        state
    }

    /// The state of a log, if it is open.
    pub(super) fn find(&self, base: &Path) -> Option<LogState> {
        self.lock().get(base).map(|state| *state.borrow()).filter(|state| state.phase != LogPhase::Absent)
    }

    /// The state of a log, to wait for: absent for one that is not open.
    pub(super) fn follow(&self, base: &Path) -> watch::Receiver<LogState> {
        let mut states = self.lock();
        // Nobody waits any more for logs that never came.
        states.retain(|_, state| state.borrow().phase != LogPhase::Absent || state.receiver_count() > 0);
        states.entry(base.to_owned()).or_default().subscribe()
    }

    /// The log is over.
    pub(super) fn end(&self, base: &Path) {
        self.lock().remove(base);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, watch::Sender<LogState>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
