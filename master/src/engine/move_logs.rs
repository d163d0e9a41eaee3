//! The thread `log mover`: moves old logs to where the operator wants them, at the start and once an hour.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use windlass_core::model::{self, ProjectName, RunId};
use windlass_core::retention::old_below;
use windlass_disk::RealDisk;

use super::Published;
use crate::clock::Clock;
use crate::logs;
use crate::tasks::Tasks;

/// Age is counted by day; nobody waits for this.
const EVERY: Duration = Duration::from_secs(3600);

/// What moves where, and when.
#[derive(Debug, Clone)]
pub struct MoveLogs {
    /// Where all logs lie.
    pub from: PathBuf,
    /// Where the old ones go.
    pub to: PathBuf,
    /// How old they are then.
    pub after: model::Duration,
    /// Which runs are over.
    pub published: Published,
    /// The time.
    pub clock: Clock,
}

impl MoveLogs {
    /// Starts the thread `log mover`; it ends when the master stops.
    pub fn start(self, tasks: &Tasks) -> io::Result<()> {
        let stop = tasks.shutdown.clone();
        let (held, let_go) = channel::<()>();
        let run = move || {
            let stops = || stop.is_cancelled();
            loop {
                self.all(&stops);
                if let_go.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("log mover".to_owned()).spawn(run)?;
        let stop = tasks.shutdown.clone();
        tasks.spawn("move logs", async move {
            stop.cancelled().await;
            drop(held);
        });
        Ok(())
    }

    fn all(&self, stops: &dyn Fn() -> bool) {
        let state = self.published.state();
        for project in state.projects.keys() {
            let below = old_below(&state, self.clock.now(), project, self.after);
            match self.one(project, below, stops) {
                Ok(0) => {}
                Ok(runs) => tracing::info!(%project, runs, below, to = %self.to.display(), "moved old logs"),
                Err(error) => tracing::error!(%project, %error, "old logs stay where they are; tried again in an hour"),
            }
        }
    }

    fn one(&self, project: &ProjectName, below: u64, stops: &dyn Fn() -> bool) -> windlass_disk::Result<u64> {
        let is_open = |number| {
            let run = RunId { project: project.clone(), number };
            self.published.state().runs.contains_key(&run)
        };
        logs::move_old(&RealDisk, (&self.from, &self.to), project, below, &is_open, stops)
    }
}
