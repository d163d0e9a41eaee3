//! Every task of the master has a name, is tracked, and ends when the shutdown token says so.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Spawns tasks. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    /// Cancelled when the master stops; every task watches it.
    pub shutdown: CancellationToken,
}

impl Tasks {
    /// Runs `task` under this name until it ends.
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task.instrument(tracing::debug_span!("task", name)));
    }

    /// Waits until every task has ended. Nothing may be spawned after this.
    pub async fn join(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
