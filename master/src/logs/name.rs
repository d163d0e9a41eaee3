//! How a log is named: for writers by fence and step, for readers and on disk by run, job, attempt and step.

use std::path::{Path, PathBuf};

use windlass_core::model::{Attempt, Fence, JobKey, RunId};
use windlass_core::world::AttemptRef;

/// Names a log that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// The attempt.
    pub fence: Fence,
    /// The step, from 1.
    pub step: u32,
}

/// Names a log for ever.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogName {
    /// The run.
    pub run: RunId,
    /// The job.
    pub job: JobKey,
    /// Which try of the job.
    pub attempt: Attempt,
    /// The step, from 1.
    pub step: u32,
}

impl LogName {
    /// The log of a step of this attempt.
    pub fn of(attempt: &AttemptRef, step: u32) -> Self {
        Self { run: attempt.run.clone(), job: attempt.job.clone(), attempt: attempt.attempt, step }
    }

    /// The path of its files, without an extension.
    pub fn base(&self, dir: &Path) -> PathBuf {
        let attempt = format!("{}.{}", self.job.in_path(), self.attempt);
        let run = dir.join(self.run.project.as_str()).join(self.run.number.to_string());
        run.join(attempt).join(format!("step-{:02}", self.step))
    }
}
