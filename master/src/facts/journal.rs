//! Opening the journal: the newest checkpoint, every fact behind it, and then its own thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::{Recorded, State};
use windlass_disk::journal::{Journal, Params, Recovered, Source};
use windlass_disk::{Disk, RealDisk};

use super::checkpoint::Unusable;
use super::{Checkpoint, Checkpoints, Committer, DecodeError, Reader, decode};

/// Why the journal could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal itself.
    #[error(transparent)]
    Journal(#[from] windlass_disk::journal::Error),
    /// A record holds what this program does not understand.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A checkpoint was written by a newer program.
    #[error("{}: {why}", file.display())]
    Checkpoint {
        /// The file.
        file: PathBuf,
        /// Why it cannot be passed over.
        why: Unusable,
    },
    /// The thread that commits has ended.
    #[error("the journal is closed")]
    Closed,
}

impl Error {
    /// True if somebody must look before a start makes sense: acknowledged facts are damaged or not understood.
    pub fn is_damage(&self) -> bool {
        use windlass_disk::journal::Error as Journal;
        match self {
            Self::Journal(Journal::Damage { .. } | Journal::OtherCluster(_)) => true,
            Self::Journal(Journal::NewerFormat { .. } | Journal::Refused { .. }) => true,
            Self::Journal(Journal::Disk(_) | Journal::TooLarge { .. } | Journal::Fenced { .. } | Journal::Broken) => {
                false
            }
            Self::Decode(_) | Self::Checkpoint { .. } => true,
            Self::Closed => false,
        }
    }
}

/// Where facts and checkpoints are kept, and whose they are.
#[derive(Clone)]
pub struct Files {
    /// Where all of them lie.
    pub disk: Arc<dyn Disk>,
    /// Segments.
    pub journal: PathBuf,
    /// Checkpoints.
    pub checkpoints: PathBuf,
    /// Files of another cluster are refused.
    pub cluster_id: [u8; 16],
    /// Bytes of a new segment.
    pub segment_bytes: u64,
}

impl Files {
    /// The checkpoints.
    pub fn checkpoints(&self) -> Checkpoints {
        Checkpoints::at(Arc::clone(&self.disk), &self.checkpoints, self.cluster_id)
    }

    /// The segments.
    pub fn source(&self) -> Source {
        Source::new(Arc::clone(&self.disk), &self.journal, self.cluster_id)
    }

    /// What a start folds from: the newest checkpoint that can be used, if there is one.
    pub fn base(&self) -> Result<Option<Checkpoint>, Error> {
        let checkpoints = self.checkpoints();
        let disk = |error: windlass_disk::Error| Error::Journal(error.into());
        if let Some(newest) = checkpoints.files().map_err(disk)?.first()
            && let Err(why @ Unusable::Newer(_)) = checkpoints.read(newest)
        {
            return Err(Error::Checkpoint { file: newest.clone(), why });
        }
        checkpoints.newest(|_| true).map_err(disk)
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files")
            .field("journal", &self.journal)
            .field("checkpoints", &self.checkpoints)
            .finish_non_exhaustive()
    }
}

/// The journal, opened and read to its end.
#[derive(Debug)]
pub struct Facts {
    journal: Journal,
    /// What the start found.
    pub recovered: Recovered,
    /// Bytes of facts that the start read.
    pub read_bytes: u64,
}

impl Facts {
    /// The start; there is no other: what was believed at the newest checkpoint, and what the facts behind it say.
    pub fn start(files: &Files) -> Result<(Self, State), Error> {
        let base = files.base()?;
        let mut state = base.as_ref().map_or_else(State::default, |base| base.state.as_ref().clone());
        let facts = Self::open_behind(files, base.as_ref(), |turn| fold(&mut state, turn))?;
        Ok((facts, state))
    }

    /// Opens the journal in `dir` and gives the facts of each turn to `each`, in order.
    pub fn open(
        dir: &Path,
        cluster_id: [u8; 16],
        segment_bytes: u64,
        each: impl FnMut(&[Recorded]),
    ) -> Result<Self, Error> {
        let (disk, journal, checkpoints) = (Arc::new(RealDisk), dir.to_owned(), PathBuf::new());
        let files = Files { disk, journal, checkpoints, cluster_id, segment_bytes };
        Self::open_behind(&files, None, each)
    }

    fn open_behind(files: &Files, base: Option<&Checkpoint>, mut each: impl FnMut(&[Recorded])) -> Result<Self, Error> {
        let params = Params { segment_bytes: files.segment_bytes };
        let from = base.map(|base| &base.mark);
        let mut read_bytes = 0;
        let (journal, recovered) =
            Journal::open_behind(Arc::clone(&files.disk), &files.journal, files.cluster_id, params, from, |record| {
                let facts = record.entries.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
                read_bytes += record.entries.iter().map(|entry| entry.bytes.len() as u64).sum::<u64>();
                each(&facts);
                Ok(())
            })?;
        Ok(Self { journal, recovered, read_bytes })
    }

    /// The lsn of the last fact.
    pub fn last_lsn(&self) -> u64 {
        self.journal.last_lsn()
    }

    /// The epoch of the last record.
    pub fn last_epoch(&self) -> u64 {
        self.journal.last_epoch()
    }

    /// What reads it, also while the committer appends.
    pub fn reader(&self) -> Reader {
        Reader::new(self.journal.source())
    }

    /// The segments, for whoever compresses the old ones.
    pub fn source(&self) -> Source {
        self.journal.source()
    }

    /// The journal, for who appends on a thread of their own.
    pub fn into_journal(self) -> Journal {
        self.journal
    }

    /// Hands the journal to its own thread.
    pub fn into_committer(self) -> Result<Committer, std::io::Error> {
        Committer::start(self.journal)
    }
}

/// Folds the facts of a turn.
pub fn fold(state: &mut State, turn: &[Recorded]) {
    for recorded in turn {
        state.apply(recorded.at, &recorded.fact);
    }
}
