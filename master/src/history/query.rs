//! What is over, asked. Queries run on a thread of their own, one after the other, so that none blocks the runtime.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use windlass_core::attempt::AttemptState;
use windlass_core::deploy::Deployment;
use windlass_core::model::{DeploymentId, LaneId, ProjectName, RunId};
use windlass_core::run::{Run, RunState};

use super::handle::{Error, History, Shared};
use super::key::{self, Kind};
use super::store::{Store, parse};

/// A query waits so long for the view to reach what was committed when it was asked.
const CATCH_UP: Duration = Duration::from_millis(200);

/// Rows that one page may look at before it returns what it has.
const LOOKED_AT_MAX: usize = 20_000;

/// Asks and answers; what the store itself did wrong is returned.
pub(super) type Query = Box<dyn FnOnce(Result<&Store, Error>) -> Result<(), Error> + Send>;

/// Which runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Of this project.
    pub project: Option<ProjectName>,
    /// Of this branch.
    pub branch: Option<String>,
    /// That ended so: the word of an outcome.
    pub outcome: Option<String>,
}

impl RunFilter {
    /// True if the run is one of them; a run that is not over has no outcome.
    pub fn takes(&self, run: &Run) -> bool {
        let outcome = match &run.state {
            RunState::Ended(outcome) => Some(outcome.word()),
            RunState::Waiting | RunState::Running => None,
        };
        self.project.as_ref().is_none_or(|project| *project == run.id.project)
            && self.branch.as_ref().is_none_or(|branch| *branch == run.branch)
            && self.outcome.as_deref().is_none_or(|wanted| outcome == Some(wanted))
    }
}

/// A place in the list of runs, newest first: older than this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the run was created, in milliseconds since 1970.
    pub created_ms: u64,
    /// The run.
    pub run: RunId,
}

pub(super) fn serve(shared: &Shared, mut queries: mpsc::Receiver<Query>) {
    while let Some(query) = queries.blocking_recv() {
        let asked = match shared.store.load_full() {
            Some(keeper) => keeper.call(move |store| query(Ok(store))),
            None => query(Err(shared.why_not())),
        };
        if let Err(error @ Error::Store(_)) = asked {
            shared.sick.send_replace(Some(error));
        }
    }
}

impl History {
    /// Runs that are over, newest first, whole.
    pub async fn list_runs(&self, filter: RunFilter, before: Option<Cursor>, limit: usize) -> Result<Vec<Run>, Error> {
        let state = self.shared.published.state();
        let ordinal = move |project: &ProjectName| state.projects.get(project).map(|project| project.ordinal);
        let before =
            before.and_then(|at| Some(key::run_by_time(at.created_ms, ordinal(&at.run.project)?, at.run.number)));
        self.ask(move |store| {
            let (mut runs, mut looked_at) = (Vec::new(), 0);
            store.keys_down(Kind::RunByTime, before.as_deref(), |key| {
                let run: Option<Run> = read(store, &[&[Kind::Run as u8], &key[9..]].concat())?;
                let taken = run.filter(|run| filter.takes(run));
                runs.extend(taken.map(|run| with_attempts(store, run, &key[9..])).transpose()?);
                looked_at += 1;
                Ok(runs.len() < limit && looked_at < LOOKED_AT_MAX)
            })?;
            Ok(runs)
        })
        .await
    }

    /// A run that is over, whole.
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, Error> {
        let state = self.shared.published.state();
        let Some(project) = state.projects.get(&id.project).filter(|project| id.number < project.next_run) else {
            return Ok(None);
        };
        let (place, reopened) = (key::run(project.ordinal, id.number), state.reopened.get(&id).copied().unwrap_or(0));
        self.ask_for_one(move |store| {
            // A row from before the run was taken up again the last time is not the run.
            let row = read::<Run>(store, &place)?.filter(|run| run.reopened >= reopened);
            row.map(|run| with_attempts(store, run, &place[1..])).transpose()
        })
        .await
    }

    /// A deployment of any age.
    pub async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>, Error> {
        let Some((service, environment)) = self.lane_ordinals(&id.lane) else { return Ok(None) };
        self.ask_for_one(move |store| read(store, &key::deployment(service, environment, id.number))).await
    }

    /// Deployments of a lane, newest first.
    pub async fn deployments(&self, lane: LaneId, limit: usize) -> Result<Vec<Deployment>, Error> {
        let Some((service, environment)) = self.lane_ordinals(&lane) else { return Ok(Vec::new()) };
        self.ask(move |store| {
            let prefix = key::Key::of(Kind::Deployment).u32(service).u32(environment).done();
            let rows = store.scan(&prefix)?;
            rows.iter().rev().take(limit).map(|(_, value)| parse(value)).collect()
        })
        .await
    }

    fn lane_ordinals(&self, lane: &LaneId) -> Option<(u32, u32)> {
        let state = self.shared.published.state();
        let service = state.services.get(&lane.service)?.ordinal;
        state.environments.get(&lane.environment).map(|environment| (service, *environment))
    }

    /// What left the state a moment ago may not be there yet: a view that is behind does not say that it does not exist.
    async fn ask_for_one<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Store) -> Result<Option<T>, Error> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let last = self.shared.published.lsn();
        let found = self.ask(query).await?;
        let applied = *self.shared.applied.borrow();
        if found.is_none() && applied < last { Err(Error::Behind { applied, last }) } else { Ok(found) }
    }

    async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.catch_up().await;
        let (done, answer) = oneshot::channel();
        let query: Query = Box::new(move |store| {
            let answer = store.and_then(query);
            let fault = answer.as_ref().err().filter(|error| matches!(error, Error::Store(_))).cloned();
            // Whoever asked may have gone away.
            let _ = done.send(answer);
            fault.map_or(Ok(()), Err)
        });
        self.queries.send(query).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Gives the view a moment to hold what was committed before the question; what it holds then is answered.
    async fn catch_up(&self) {
        let wanted = self.shared.published.lsn();
        let mut applied = self.shared.applied.subscribe();
        let _late = tokio::time::timeout(CATCH_UP, applied.wait_for(|now| *now >= wanted)).await;
    }
}

/// Puts the attempts of a run back in their places; `place` is project and number as they stand in keys.
fn with_attempts(store: &Store, mut run: Run, place: &[u8]) -> Result<Run, Error> {
    let prefix = [&[Kind::Attempt as u8], place].concat();
    for (key, value) in store.scan(&prefix)? {
        let index = key.get(prefix.len()..prefix.len() + 2).and_then(|bytes| bytes.try_into().ok());
        let job = index.and_then(|bytes| run.jobs.get_mut(usize::from(u16::from_be_bytes(bytes))));
        let attempt: AttemptState = parse(&value)?;
        if let Some(job) = job {
            Arc::make_mut(job).attempts.push(Arc::new(attempt));
        }
    }
    Ok(run)
}

fn read<T: serde::de::DeserializeOwned>(store: &Store, key: &[u8]) -> Result<Option<T>, Error> {
    store.get(key)?.map(|value| parse(&value)).transpose()
}
