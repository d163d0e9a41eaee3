//! Opening the journal: every fact from the first on, and then its own thread.

use std::path::Path;
use std::sync::Arc;

use windlass_core::Recorded;
use windlass_disk::RealDisk;
use windlass_disk::journal::{Journal, Params, Recovered};

use super::{Committer, DecodeError, Reader, decode};

/// Why the journal could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal itself.
    #[error(transparent)]
    Journal(#[from] windlass_disk::journal::Error),
    /// A record holds what this program does not understand.
    #[error(transparent)]
    Decode(#[from] DecodeError),
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
            Self::Decode(_) => true,
            Self::Closed => false,
        }
    }
}

/// The journal, opened and read to its end.
#[derive(Debug)]
pub struct Facts {
    journal: Journal,
    /// What the start found.
    pub recovered: Recovered,
}

impl Facts {
    /// Opens the journal in `dir` and gives the facts of each turn to `each`, in order.
    pub fn open(
        dir: &Path,
        cluster_id: [u8; 16],
        segment_bytes: u64,
        mut each: impl FnMut(&[Recorded]),
    ) -> Result<Self, Error> {
        let params = Params { segment_bytes };
        let (journal, recovered) = Journal::open(Arc::new(RealDisk), dir, cluster_id, params, |record| {
            let facts = record.entries.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
            each(&facts);
            Ok(())
        })?;
        Ok(Self { journal, recovered })
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

    /// Hands the journal to its own thread.
    pub fn into_committer(self) -> Result<Committer, std::io::Error> {
        Committer::start(self.journal)
    }
}
