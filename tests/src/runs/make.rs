//! Writes the directory: through the codec, the committer and the checkpointer of the master, many runs to a turn.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use windlass_core::model::UnixMs;
use windlass_core::{Input, Recorded};
use windlass_disk::RealDisk;
use windlass_master::facts::{Checkpointer, Facts, Files, Pace, Reader, fold};

use super::template::Template;

/// Runs in one turn: about 400 KiB of facts, as a busy master may write.
const RUNS_PER_TURN: u64 = 40;

/// Between the ends of two runs.
const BETWEEN_MS: u64 = 1_000;

/// Where facts and checkpoints are in a directory that was made here.
pub fn files(dir: &Path) -> Files {
    let (disk, journal, checkpoints) = (Arc::new(RealDisk), dir.join("journal"), dir.join("checkpoints"));
    Files { disk, journal, checkpoints, cluster_id: *b"many runs, over.", segment_bytes: 64 * 1024 * 1024 }
}

/// Reads the facts there.
pub fn reader(files: &Files) -> Reader {
    Reader::new(files.source())
}

pub(super) fn begin(epoch: u64) -> Input {
    Input::Begin { epoch, restored: false }
}

/// Makes a data directory with so many runs in it that are over.
pub async fn make(runs: u64, files: &Files, pace: Pace) -> Result<()> {
    let template = Template::new()?;
    let (facts, mut state) = Facts::start(files)?;
    let checkpointer = Checkpointer::start(files.checkpoints(), facts.source(), pace, facts.read_bytes)?;
    let committer = facts.into_committer()?;
    let at = |number: u64| UnixMs(1_000_000 + number * BETWEEN_MS);
    let mut turn: Vec<Recorded> =
        template.before.iter().map(|fact| Recorded { at: at(0), fact: fact.clone() }).collect();
    for number in 1..=runs {
        turn.extend(template.run(number, at(number))?);
        if number % RUNS_PER_TURN == 0 || number == runs {
            fold(&mut state, &turn);
            committer.commit(1, std::mem::take(&mut turn)).await?;
            let place = committer.place();
            checkpointer.turns().ended(Arc::new(state.clone()), place.mark, place.bytes);
        }
    }
    committer.quiet(1).await?;
    tokio::task::block_in_place(|| checkpointer.stop());
    committer.close();
    Ok(())
}
