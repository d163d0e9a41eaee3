//! How long a master takes with a directory. Each figure is taken in a process of its own, so that its memory is its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio_util::sync::CancellationToken;
use windlass_core::world::turn;
use windlass_master::engine::{Published, record};
use windlass_master::facts::{Committer, Facts, Files};
use windlass_master::history::{Error, History, RunFilter};

use super::make::begin;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// From a checkpoint until the process may talk.
    Start,
    /// The same from the first fact on.
    WithoutCheckpoint,
    /// A history from nothing until it answers.
    Rebuild,
    /// A start until the history that is there answers.
    History,
}

impl Figure {
    /// All of them, in the order in which they must be taken.
    pub const ALL: [Self; 4] = [Self::Start, Self::WithoutCheckpoint, Self::Rebuild, Self::History];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::WithoutCheckpoint => "start-without-checkpoint",
            Self::Rebuild => "rebuild-history",
            Self::History => "history-answers",
        }
    }
}

/// Takes one figure; returns the time and the most memory that this process had, in bytes.
pub async fn measure(figure: Figure, dir: &Path) -> Result<(Duration, u64)> {
    let files = super::files(dir);
    let history = dir.join("history-1");
    if figure == Figure::Rebuild && history.exists() {
        std::fs::remove_dir_all(&history)?;
    }
    let begun = Instant::now();
    match figure {
        Figure::Start => drop(start(&files).await?),
        Figure::WithoutCheckpoint => {
            drop(start(&Files { checkpoints: dir.join("none"), ..files }).await?);
        }
        Figure::Rebuild | Figure::History => {
            let started = start(&files).await?;
            answers(&started, &files, dir).await?;
        }
    }
    Ok((begun.elapsed(), most_memory()?))
}

struct Started {
    published: Published,
    reader: windlass_master::facts::Reader,
    _committer: Committer,
}

/// As the master does it: the facts, and an epoch of its own, durable.
async fn start(files: &Files) -> Result<Started> {
    let (facts, mut state) = Facts::start(files)?;
    let reader = facts.reader();
    let (epoch, at) = (facts.last_epoch() + 1, state.now);
    let facts = facts.into_committer()?;
    let lsn = facts.commit(epoch, record(at, turn(&mut state, at, [begin(epoch)]).facts)).await?;
    let published = Published::new(windlass_core::State::default());
    published.publish(state, lsn);
    Ok(Started { published, reader, _committer: facts })
}

async fn answers(started: &Started, files: &Files, dir: &Path) -> Result<()> {
    let stop = CancellationToken::new();
    let (reader, published) = (started.reader.clone(), started.published.clone());
    let (history, threads) =
        History::start(dir, files.cluster_id, reader, files.checkpoints(), published, stop.clone())?;
    let listed = loop {
        match history.list_runs(RunFilter::default(), None, 10).await {
            Err(Error::Rebuilding { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            listed => break listed?,
        }
    };
    if listed.is_empty() {
        bail!("the history is empty");
    }
    stop.cancel();
    drop(history);
    tokio::task::block_in_place(|| threads.join());
    Ok(())
}

/// `VmHWM` of this process.
fn most_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel counts memory")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib * 1024)
}
