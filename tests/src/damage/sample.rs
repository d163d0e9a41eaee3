//! One sample: what is damaged, and what must come of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use windlass_disk::{RealDisk, safe_write};
use windlass_master::facts::Facts;
use windlass_master::history::Error;

use super::base::{Base, small_files};
use super::harm::{copy_dir, files_below, harm};
use super::history::answers;
use crate::fuzz::{TARGETS, run_case};

/// Which files are damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Segments of the journal.
    Journal,
    /// Checkpoints.
    Checkpoint,
    /// Old segments, and the history is gone.
    OldSegment,
    /// Files of sled.
    History,
    /// A record, a log or its index.
    Attempt,
    /// A file like `state` of an agent.
    State,
}

/// How a sample ended. All of these keep the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// As if nothing had happened: it was not looked at, passed over, or mended.
    Same,
    /// The start refused and named the place.
    Refused,
    /// The history knew more than the journal.
    Cut,
    /// Runs are gone from the history, and named.
    NamedLoss,
}

impl Kind {
    /// Of the sample with this number. sled is slow to open, so that it has fewer.
    fn of(number: u64) -> Self {
        match number % 20 {
            0 => Self::History,
            1 => Self::OldSegment,
            2..=8 => Self::Journal,
            9..=12 => Self::Checkpoint,
            13..=17 => Self::Attempt,
            _ => Self::State,
        }
    }
}

/// Carries out the sample with this number in `dir`, which must not exist and is left behind. An error says which promise was broken.
pub async fn sample(base: &Base, number: u64, dir: &Path) -> Result<(Kind, Ending)> {
    let (kind, mut rng) = (Kind::of(number), Rng::with_seed(number));
    let ending = match kind {
        Kind::Journal | Kind::Checkpoint => {
            copy_dir(&base.dir, dir)?;
            let place = if kind == Kind::Journal { "journal" } else { "checkpoints" };
            let did = harm(&mut rng, &files_below(&dir.join(place))?)?;
            start(base, dir).await.with_context(|| format!("sample {number}: {did}"))?
        }
        Kind::OldSegment => {
            copy_dir(&base.dir, dir)?;
            let mut old = files_below(&dir.join("journal"))?;
            old.retain(|path| path.extension().is_some_and(|extension| extension == "zst"));
            let did = harm(&mut rng, &old)?;
            fs::remove_dir_all(dir.join("history-1"))?;
            rebuild(base, dir).await.with_context(|| format!("sample {number}: {did}"))?
        }
        Kind::History => {
            copy_dir(&base.dir, dir)?;
            let did = harm(&mut rng, &files_below(&dir.join("history-1"))?)?;
            same_history(base, dir).await.with_context(|| format!("sample {number}: {did}"))?;
            Ending::Same
        }
        Kind::Attempt => {
            let target = TARGETS[rng.usize(..TARGETS.len())];
            run_case(target, number)
                .map_err(|found| anyhow::anyhow!("{} case {number}: {}", target.name, found.what))?;
            Ending::Same
        }
        Kind::State => {
            state(&mut rng, dir).with_context(|| format!("sample {number}"))?;
            Ending::Same
        }
    };
    Ok((kind, ending))
}

/// A start refuses, or believes what it believed. One that ends early is refused by the history, which knows more.
async fn start(base: &Base, dir: &Path) -> Result<Ending> {
    let (facts, state) = match Facts::start(&small_files(dir)) {
        Ok(started) => started,
        Err(error) if error.is_damage() => return Ok(Ending::Refused),
        Err(error) => bail!("it is refused without a place: {error}"),
    };
    let end = facts.last_lsn();
    drop(facts);
    if end == base.end {
        ensure!(state == base.state, "another state");
        return Ok(Ending::Same);
    }
    match answers(dir, &state, end).await {
        Err(Error::JournalCut { .. }) => Ok(Ending::Cut),
        Err(error) => bail!("facts behind {end} are missing, and what is said is {error}"),
        Ok(_) => bail!("facts behind {end} are missing, and nothing is said"),
    }
}

/// Whatever happened to sled, the history answers as before.
async fn same_history(base: &Base, dir: &Path) -> Result<()> {
    let found = answers(dir, &base.state, base.end).await?;
    ensure!(found.lost.is_empty(), "{:?} are called lost", found.lost);
    ensure!(found.runs == base.runs, "{} runs, {} before", found.runs.len(), base.runs.len());
    Ok(())
}

/// Deploying goes on; what is not in the history any more is named, and the rest is as before.
async fn rebuild(base: &Base, dir: &Path) -> Result<Ending> {
    let (facts, state) = Facts::start(&small_files(dir))?;
    let end = facts.last_lsn();
    drop(facts);
    ensure!((&state, end) == (&base.state, base.end), "another state");
    let found = answers(dir, &state, end).await?;
    for run in &base.runs {
        let is_lost = found.lost.iter().any(|lost| lost.holds(&run.id));
        match found.runs.iter().find(|found| found.id == run.id) {
            Some(found) => ensure!(found == run, "{} is another run", run.id),
            None => ensure!(is_lost, "{} is gone, and nobody says so", run.id),
        }
    }
    ensure!(found.runs.len() <= base.runs.len(), "there are more runs than before");
    Ok(if found.runs.len() < base.runs.len() { Ending::NamedLoss } else { Ending::Same })
}

/// A small file that is written as a whole is the one that was written, or known to be damaged.
fn state(rng: &mut Rng, dir: &Path) -> Result<()> {
    fs::create_dir_all(dir)?;
    let (path, bytes) = (dir.join("state"), vec![rng.u8(..); rng.usize(1..500)]);
    safe_write::write_checked(&RealDisk, &path, &bytes)?;
    let did = harm(rng, std::slice::from_ref(&path))?;
    match safe_write::read_checked(&RealDisk, &path)? {
        safe_write::Checked::Whole(found) => ensure!(found == bytes, "{did}: other bytes"),
        safe_write::Checked::Missing | safe_write::Checked::Damaged => {}
    }
    Ok(())
}
