//! Reading committed facts while the committer goes on.

use windlass_core::Recorded;
use windlass_disk::journal::{Lost, Mark, Records, Source};

use super::{Error, decode};

/// Reads facts from any lsn. Cheap to clone; every call opens the segment it needs.
#[derive(Debug, Clone)]
pub struct Reader(Source);

impl Reader {
    /// Reads these segments.
    pub fn new(source: Source) -> Self {
        Self(source)
    }

    /// Facts from `lsn` on, at most about `max`, up to `end`, the last committed lsn. Blocks on the disk.
    pub fn read_from(&self, lsn: u64, end: u64, max: usize) -> Result<Vec<(u64, Recorded)>, Error> {
        let mut follower = self.follow(lsn)?;
        let mut out = Vec::new();
        while out.len() < max
            && let Some(turn) = follower.next(end)?
        {
            let facts = turn.facts.into_iter().zip(turn.first_lsn..);
            out.extend(facts.map(|(fact, at)| (at, fact)).filter(|(at, _)| *at >= lsn));
        }
        Ok(out)
    }

    /// Reads turn by turn and remembers where it is.
    pub fn follow(&self, lsn: u64) -> Result<Follower, Error> {
        Ok(Follower(self.0.read_from(lsn.max(1))?))
    }

    /// The same from a place on that a checkpoint names.
    pub fn follow_behind(&self, mark: &Mark) -> Result<Follower, Error> {
        Ok(Follower(self.0.read_behind(mark)?))
    }
}

/// Reads turn by turn.
#[derive(Debug)]
pub struct Follower(Records);

/// The facts of one record.
#[derive(Debug)]
pub struct TurnRead {
    /// The lsn of the first.
    pub first_lsn: u64,
    /// In order.
    pub facts: Vec<Recorded>,
}

impl TurnRead {
    /// The lsn of the last.
    pub fn last_lsn(&self) -> u64 {
        self.first_lsn + self.facts.len() as u64 - 1
    }
}

impl Follower {
    /// The next turn that ends at or before `end`, a committed lsn; none if there is none yet.
    pub fn next(&mut self, end: u64) -> Result<Option<TurnRead>, Error> {
        let Some(record) = self.0.up_to(end)? else { return Ok(None) };
        let facts = record.entries.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(TurnRead { first_lsn: record.first_lsn, facts }))
    }

    /// Goes on behind a damaged segment; `None` if nothing can be read behind it.
    pub fn skip(&mut self) -> Result<Option<Lost>, Error> {
        Ok(self.0.skip()?)
    }
}
