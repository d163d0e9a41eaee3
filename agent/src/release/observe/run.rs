//! One thread per lane: looks block, and a slow service must not hold up the view of another.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::{mpsc, watch};
use windlass_core::model::{Change, LaneId, Observation};

use super::keep::{keep, kept};
use super::lane::Lane;
use super::look::look;
use crate::release::clock;
use crate::release::place::LocalServices;
use crate::tasks::Tasks;

/// What an observer needs.
#[derive(Debug, Clone)]
pub struct Observer {
    /// `observed/` of the state directory.
    pub dir: PathBuf,
    /// `[services]` of `agent.toml`.
    pub local: LocalServices,
    /// Starts the threads and ends them.
    pub tasks: Tasks,
}

/// Watches all lanes that this host was ever a target of, and those of each change that comes, until all tasks shall end. A
/// change makes its lane be looked at, and spoken of, at once. Observations wait while their channel is full, so the
/// receiver takes them even when no session is there, and keeps the newest of each lane for the next Hello.
pub async fn observe_loop(
    observer: Observer,
    mut changes: mpsc::Receiver<Change>,
    observations: mpsc::Sender<Observation>,
) {
    let mut lanes = BTreeMap::new();
    match kept(&observer.dir) {
        Ok(changes) => changes.into_iter().for_each(|change| observer.tell(&mut lanes, change, &observations)),
        Err(error) => tracing::error!(%error, "what was watched before the start is not known"),
    }
    let stop = observer.tasks.stop().clone();
    loop {
        let change = tokio::select! {
            change = changes.recv() => change,
            () = stop.cancelled() => None,
        };
        match change {
            Some(change) => observer.tell(&mut lanes, change, &observations),
            None => return,
        }
    }
}

/// The newest change of a lane; each one wakes its thread.
type Lanes = BTreeMap<LaneId, watch::Sender<Change>>;

impl Observer {
    fn tell(&self, lanes: &mut Lanes, change: Change, observations: &mpsc::Sender<Observation>) {
        let lane = change.deployment.lane.clone();
        if let Some(told) = lanes.get(&lane).filter(|told| !told.is_closed()) {
            told.send_replace(change);
            return;
        }
        let (told, changes) = watch::channel(change);
        let watched = Watched { observer: self.clone(), changes, observations: observations.clone() };
        match self.tasks.thread("observe", watched.run()) {
            Ok(()) => _ = lanes.insert(lane, told),
            Err(error) => tracing::error!(%lane, %error, "the service is not observed: no thread"),
        }
    }
}

struct Watched {
    observer: Observer,
    changes: watch::Receiver<Change>,
    observations: mpsc::Sender<Observation>,
}

impl Watched {
    async fn run(mut self) {
        let mut lane = Lane::new(self.changes.borrow_and_update().clone());
        self.keep(lane.change());
        let stop = self.observer.tasks.stop().clone();
        let mut asked = true;
        loop {
            let sent = tokio::select! {
                sent = self.look(&mut lane, asked) => sent,
                () = stop.cancelled() => return,
            };
            if sent.is_err() {
                return;
            }
            let told = tokio::select! {
                () = tokio::time::sleep(clock::std(lane.pace())) => None,
                changed = self.changes.changed() => Some(changed),
                () = stop.cancelled() => return,
            };
            asked = match told {
                Some(Err(_nobody_tells_any_more)) => return,
                told => told.is_some(),
            };
            if asked && lane.take(self.changes.borrow_and_update().clone()) {
                self.keep(lane.change());
            }
        }
    }

    /// Looks, and says what is worth it; what was asked for always is.
    async fn look(&self, lane: &mut Lane, asked: bool) -> Result<(), mpsc::error::SendError<Observation>> {
        let observation = match look(lane.change(), &self.observer.local) {
            Ok(seen) => lane.fold(seen),
            Err(error) => {
                tracing::warn!(lane = %lane.change().deployment.lane, %error, "the service cannot be observed");
                lane.fold_trouble()
            }
        };
        let at = clock::boottime();
        if asked || lane.is_worth_sending(&observation, at) {
            self.observations.send(observation.clone()).await?;
            lane.was_sent(observation, at);
        }
        Ok(())
    }

    fn keep(&self, change: &Change) {
        if let Err(error) = keep(&self.observer.dir, change) {
            tracing::error!(lane = %change.deployment.lane, %error, "a restart of the agent will not know what to watch");
        }
    }
}
