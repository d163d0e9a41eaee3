//! The history of a directory, asked once it answers.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio_util::sync::CancellationToken;
use windlass_core::State;
use windlass_core::run::Run;
use windlass_master::engine::Published;
use windlass_master::history::{Error, History, LostRuns, RunFilter};

use super::base::small_files;
use crate::runs::reader;

/// More than any directory here has.
const ALL: usize = 10_000;

/// What the history says.
#[derive(Debug)]
pub struct Answers {
    /// All runs that are over, newest first.
    pub runs: Vec<Run>,
    /// What it names as lost.
    pub lost: Vec<LostRuns>,
}

/// Starts the history beside a journal that ends at `end`, waits until it answers, asks, and stops it.
pub async fn answers(dir: &Path, state: &State, end: u64) -> Result<Answers, Error> {
    let files = small_files(dir);
    let published = Published::new(State::default());
    published.publish(state.clone(), end);
    let stop = CancellationToken::new();
    let (checkpoints, reader) = (files.checkpoints(), reader(&files));
    let (history, threads) = History::start(dir, files.cluster_id, reader, checkpoints, published, stop.clone())?;
    let asked = loop {
        match history.list_runs(RunFilter::default(), None, ALL).await {
            // What sled says of its own damage makes the view anew.
            Err(Error::Rebuilding { .. } | Error::Store(_)) => tokio::time::sleep(Duration::from_millis(2)).await,
            asked => break asked,
        }
    };
    let lost = history.lost();
    stop.cancel();
    drop(history);
    tokio::task::block_in_place(|| threads.join());
    asked.map(|runs| Answers { runs, lost })
}
