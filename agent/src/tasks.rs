//! The one place that starts tasks and threads, so that every one of them has a name and ends.

use std::future::Future;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Starts what runs beside the caller, and waits for all of it.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self { tracker: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// Cancelled when all shall end.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The same tasks, but with an end of their own within the end of all.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { tracker: self.tracker.clone(), stop: self.stop.child_token() }
    }

    /// Starts a task; it must end when [`Self::stop`] says so.
    pub fn task(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let span = tracing::debug_span!("task", name);
        self.tracker.spawn(work.instrument(span));
    }

    /// Starts a thread for work that blocks on the disk; it runs this future and nothing else.
    pub fn thread(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let (runtime, alive) = (Handle::current(), self.tracker.token());
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(work);
            drop(alive);
        })?;
        Ok(())
    }

    /// Tells all to end and waits until they have.
    pub async fn end(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}
