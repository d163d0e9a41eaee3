//! The directory that is damaged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use windlass_core::Recorded;
use windlass_core::State;
use windlass_core::model::UnixMs;
use windlass_core::run::Run;
use windlass_master::facts::{Checkpoint, Facts, Files, fold};

use super::history::answers;
use crate::runs::{Template, files};

/// Bytes of a segment: each holds a few runs.
const SEGMENT: u64 = 32 * 1024;

/// A data directory, and what is in it.
#[derive(Debug)]
pub struct Base {
    /// Where it is.
    pub dir: PathBuf,
    /// What its facts say.
    pub state: State,
    /// The lsn of the last one.
    pub end: u64,
    /// All runs that are over, newest first.
    pub runs: Vec<Run>,
}

/// Where the facts of a directory that was made here are.
pub fn small_files(dir: &Path) -> Files {
    Files { segment_bytes: SEGMENT, ..files(dir) }
}

impl Base {
    /// Makes one with so many runs, a checkpoint after half of them and one after three quarters. Before the last one the
    /// first is done again.
    pub async fn make(dir: &Path, runs: u64) -> Result<Self> {
        let files = small_files(dir);
        let template = Template::new()?;
        let (facts, mut state) = Facts::start(&files)?;
        let source = facts.source();
        let committer = facts.into_committer()?;
        let before: Vec<Recorded> =
            template.before.iter().map(|fact| Recorded { at: UnixMs(1), fact: fact.clone() }).collect();
        fold(&mut state, &before);
        committer.commit(1, before).await?;
        for number in 1..=runs {
            if number == runs {
                let turn = template.again(1, UnixMs(1_000), UnixMs(1_000 * number))?;
                fold(&mut state, &turn);
                committer.commit(1, turn).await?;
            }
            let turn = template.run(number, UnixMs(1_000 * number))?;
            fold(&mut state, &turn);
            committer.commit(1, turn).await?;
            if number == runs / 2 || number == runs * 3 / 4 {
                let checkpoint = Checkpoint { mark: committer.place().mark, state: Arc::new(state.clone()) };
                let older = files.checkpoints().write(&checkpoint)?;
                older.map_or(Ok(0), |older| source.compress_before(older.segment))?;
            }
        }
        let end = committer.place().mark.last_lsn;
        committer.quiet(1).await?;
        committer.close();
        let listed = answers(dir, &state, end).await?;
        Ok(Self { dir: dir.to_owned(), state, end, runs: listed.runs })
    }
}
