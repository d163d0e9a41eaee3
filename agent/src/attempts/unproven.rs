//! An attempt that can only end as `unknown`: its record is held until it may be said.

use std::sync::Arc;

use windlass_core::attempt::line::INDEX_LAST;
use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::model::{Outcome, UnknownReason};
use windlass_disk::DiskFile;
use windlass_shim::Cgroup;

use super::conclude::end_the_line;
use super::record::{Ending, Lines, OwnRecord};
use super::{AttemptDir, Result, Store, end_logs};

/// GO without EXIT, or damage. Its lock is ours.
#[derive(Debug)]
pub struct Unproven {
    dir: AttemptDir,
    record: OwnRecord,
    /// Those that were found, and what was appended.
    lines: Vec<Arc<Line>>,
    reason: UnknownReason,
    /// Of STUCK, while it may be said: only EXIT follows damage.
    stuck: Option<u32>,
    /// Where what is left of the job may live. None: nobody lives, or nobody can tell.
    group: Option<Cgroup>,
}

impl Unproven {
    /// Takes the record over behind what is whole; damage stays as it is.
    pub(super) fn take(
        store: &Store,
        dir: &AttemptDir,
        file: Box<dyn DiskFile>,
        found: Lines,
        (reason, group): (UnknownReason, Option<Cgroup>),
    ) -> Result<Self> {
        match found.end {
            Ending::Clean | Ending::Newer { .. } => {}
            Ending::Torn => _ = windlass_disk::record::cut_torn_tail(&*file)?,
            Ending::Damaged { .. } => end_the_line(&*file)?,
        }
        let record = OwnRecord::new(file, store.shared_host())?;
        let lines: Vec<_> = found.whole.into_iter().map(Arc::new).collect();
        let stuck = (reason != UnknownReason::EvidenceDamaged).then(|| u32::try_from(lines.len() + 1).ok()).flatten();
        Ok(Self { dir: dir.clone(), record, lines, reason, stuck, group })
    }

    /// The group that must be empty first.
    pub fn group(&self) -> Option<&Cgroup> {
        self.group.as_ref()
    }

    /// Its lines so far; they are synced once one was appended.
    pub fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    /// Processes survive KILL. Said once; not in a damaged record.
    pub fn stuck(&mut self, at: &str) -> Result<()> {
        tracing::error!(dir = %self.dir.path().display(), at, "processes of a lost shim survive KILL");
        let Some(index) = self.stuck else { return Ok(()) };
        let body = LineBody::Stuck { survivors: 1, at: at.to_owned() };
        self.lines.push(self.record.append(index, body)?);
        self.stuck = None;
        Ok(())
    }

    /// Ends the logs and writes EXIT; all lines. Asked again after a full disk, it goes on where it was.
    pub fn conclude(&mut self, store: &Store) -> Result<Vec<Arc<Line>>> {
        let logs = end_logs(store, &self.dir, self.reason)?;
        self.lines.push(self.record.append(INDEX_LAST, exit(self.reason, logs))?);
        Ok(self.lines.clone())
    }
}

fn exit(reason: UnknownReason, logs: Vec<Option<LogEnd>>) -> LineBody {
    LineBody::Exit { outcome: Outcome::Unknown { reason }, logs, cancel_too_late: false }
}
