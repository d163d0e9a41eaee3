//! Dialling for ever: a session, its logs, a wait with jitter, the next session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tonic::transport::Channel;
use windlass_core::model::{LaneId, Observation};

use super::backoff::Backoff;
use super::dial::Dialler;
use super::error::{Error, Result};
use super::hello::Introduction;
use super::session::Session;
use super::ship;
use crate::attempts::Store;
use crate::pause;
use crate::tasks::Tasks;
use crate::watch::Watch;
use crate::work::Work;

/// What the observer sees: the newest of each lane.
pub type Seen = watch::Receiver<Arc<BTreeMap<LaneId, Observation>>>;

/// A session that lives, and the connection for bytes beside it.
#[derive(Debug, Clone)]
pub struct Live {
    /// Its number in the epoch.
    pub session: u64,
    /// Connection B.
    pub bulk: Channel,
}

/// Everything that sessions need.
pub struct Link {
    /// Opens connections.
    pub dialler: Dialler,
    /// What we say of ourselves.
    pub introduction: Introduction,
    /// Who carries assignments out.
    pub work: Work,
    /// What the observer sees.
    pub seen: Seen,
    /// Where the logs are.
    pub store: Store,
    /// Who hears that they grow.
    pub watch: Watch,
    /// Where the live session is told.
    pub live: watch::Sender<Option<Live>>,
}

impl Link {
    /// Holds a session as far as that is possible, until `tasks` end.
    pub async fn run(self, tasks: Tasks) {
        let mut backoff = Backoff::new();
        let stop = tasks.stop().clone();
        while !stop.is_cancelled() {
            let begun = Instant::now();
            let mut lived = Duration::ZERO;
            let ended = self.one(&tasks, &mut lived).await;
            self.live.send_replace(None);
            let wait = backoff.next(lived).max(at_least(&ended));
            match &ended {
                Ok(()) => return,
                Err(Error::Fatal(_)) => return,
                Err(error) => {
                    let (master, after_s) = (self.dialler.master(), begun.elapsed().as_secs());
                    tracing::warn!(master, after_s, again_in_ms = wait.as_millis(), %error, "no session");
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One session; ends with `Ok` only if we stop.
    async fn one(&self, tasks: &Tasks, lived: &mut Duration) -> Result<()> {
        let of_session = tasks.child();
        let stop = of_session.stop();
        let control = self.dialler.connect().await?;
        let paused = self.store.dir().paused();
        let introduction = self.introduction.paused(pause::reason(&paused));
        let opened = Session::open(control, &self.work, &introduction, paused, self.seen.clone());
        let session = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            opened = Box::pin(opened) => opened?,
        };
        let number = session.number();
        let began = Instant::now();
        tracing::info!(master = self.dialler.master(), session = number, "connected");
        let bulk = self.dialler.connect_when_needed()?;
        self.live.send_replace(Some(Live { session: number, bulk: bulk.clone() }));
        self.ship(&of_session, number, bulk);
        let ended = session.carry(stop).await;
        of_session.stop().cancel();
        *lived = began.elapsed();
        self.work.over(number).await?;
        ended
    }

    /// Logs go from a thread of their own, because they are read from the disk.
    fn ship(&self, of_session: &Tasks, session: u64, bulk: Channel) {
        let shipper = ship::Shipper::new(self.store.clone(), session, self.work.holdings(), self.watch.growth());
        let stop = of_session.stop().clone();
        let started = of_session.thread("ship", async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = shipper.run(bulk) => {}
            }
        });
        if let Err(error) = started {
            tracing::error!(%error, "logs are not shipped in this session");
        }
    }
}

/// The wish of a refusing master.
fn at_least(ended: &Result<()>) -> Duration {
    match ended {
        Err(Error::Refused(refused)) => Duration::from_secs(u64::from(refused.retry_after_s.min(300))),
        Ok(()) | Err(_) => Duration::ZERO,
    }
}
