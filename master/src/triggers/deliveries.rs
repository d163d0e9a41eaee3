//! Reads the repository for each delivery that waits for it, and tells the engine what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use windlass_core::input::{Delivery, PipelineFile, ReadError};
use windlass_core::model::{DeliveryKey, ProjectName};
use windlass_core::{Answer, Input, Refusal};

use super::git::{Ask, Place, Repositories};
use crate::config::Watched;
use crate::engine::Published;
use crate::inbox::{Inbox, Stopped};
use crate::tasks::Tasks;

/// Between two tries of what found no room on the master's disk.
const ROOM_AGAIN: Duration = Duration::from_secs(5);
/// How many repositories are read at once: enough to hide a slow one, few enough not to crowd out agents.
const AT_ONCE: usize = 4;
/// Waits between the tries of a repository that does not answer: five tries in about three minutes.
const BACKOFF: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(45), Duration::from_secs(120)];

/// Reads repositories for deliveries. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Triggers {
    inbox: Inbox,
    published: Published,
    repositories: Repositories,
    watched: Arc<BTreeMap<ProjectName, Watched>>,
    tasks: Tasks,
    slots: Arc<Semaphore>,
    reading: Arc<Mutex<BTreeSet<DeliveryKey>>>,
}

impl Triggers {
    /// `watched` says for each project whether its repository is a folder of this host.
    pub fn new(
        inbox: Inbox,
        published: Published,
        repositories: Repositories,
        watched: Arc<BTreeMap<ProjectName, Watched>>,
        tasks: Tasks,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        Self { inbox, published, repositories, watched, tasks, slots, reading: Arc::default() }
    }

    /// The clones that it reads.
    pub fn repositories(&self) -> &Repositories {
        &self.repositories
    }

    /// Where a project's repository is; none: it is not configured.
    pub fn place(&self, project: &ProjectName) -> Option<Place> {
        let state = self.published.state();
        let configured = state.config.projects.get(project)?;
        Some(Place {
            project: project.clone(),
            git: configured.git.clone(),
            local: self.watched.get(project).is_some_and(|watched| watched.local),
            file: configured.file.clone(),
            main_branch: configured.main_branch.clone(),
        })
    }

    /// Begins to read for this delivery, unless that is being done already. Returns at once; the answer comes as an input.
    pub fn read(&self, key: DeliveryKey) {
        if !self.reading().insert(key.clone()) {
            return;
        }
        let this = self.clone();
        self.tasks.spawn("read a delivery", async move {
            let shutdown = this.tasks.shutdown.clone();
            shutdown.run_until_cancelled(this.answer(&key)).await;
            this.reading().remove(&key);
        });
    }

    fn reading(&self) -> std::sync::MutexGuard<'_, BTreeSet<DeliveryKey>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, key: &DeliveryKey) {
        let state = self.published.state();
        let Some(delivery) = state.deliveries.get(key).map(|known| known.delivery.clone()) else { return };
        let read = match self.place(&delivery.project) {
            Some(place) => self.try_often(&place, &delivery).await,
            None => Err(ReadError::RepositoryAway(format!("project {} is configured no more", delivery.project))),
        };
        let input = Input::PipelineRead { key: key.clone(), read: Box::new(read) };
        loop {
            match self.inbox.submit(input.clone()).await {
                // It was answered: its run is made as soon as there is room.
                Ok(Answer::Refused(Refusal::NoSpace)) => tokio::time::sleep(ROOM_AGAIN).await,
                Ok(_) => return,
                Err(Stopped) => {
                    tracing::debug!(delivery = %key, "the master stops; the delivery is read again after its next start");
                    return;
                }
            }
        }
    }

    async fn try_often(&self, place: &Place, delivery: &Delivery) -> Result<PipelineFile, ReadError> {
        let ask = Ask {
            reference: delivery.reference.clone(),
            revision: Some(delivery.revision.clone()),
            before: delivery.before.clone(),
        };
        for wait in BACKOFF {
            match self.try_once(place, &ask).await {
                Err(ReadError::RepositoryAway(why)) => {
                    tracing::warn!(project = %place.project, why, "a repository does not answer");
                    tokio::time::sleep(wait).await;
                }
                Ok(file) => return Ok(file),
                Err(error @ (ReadError::RevisionGone(_) | ReadError::TooBig(_))) => return Err(error),
            }
        }
        self.try_once(place, &ask).await
    }

    /// The slot is held while git works, not while a repository that is away is waited for.
    async fn try_once(&self, place: &Place, ask: &Ask) -> Result<PipelineFile, ReadError> {
        let _slot = self.slots.acquire().await.expect("the semaphore is never closed");
        self.repositories.read(place, ask).await
    }
}
