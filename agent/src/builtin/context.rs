//! What a built-in step is given, and how it fails.

use std::path::PathBuf;

use windlass_core::model::{Change, Fence};

use crate::release::command::Env;
use crate::release::{Error, LocalServices, Log, Target};

/// Where a built-in step runs.
#[derive(Debug)]
pub struct Context {
    /// Through which the agent is asked.
    pub socket: PathBuf,
    /// The attempt's directory.
    pub attempt_dir: PathBuf,
    /// The folder of the job.
    pub workspace: PathBuf,
    /// The attempt that the step belongs to.
    pub fence: Fence,
    /// Where services live on this host.
    pub services: LocalServices,
    /// What hooks begin with.
    pub env: Env,
    /// The step's log.
    pub log: Log,
}

impl Context {
    /// The service that a change is about, on this host.
    pub fn target<'a>(&'a self, change: &'a Change) -> Result<Target<'a>, Error> {
        Target::of(change, &self.services, self.env.clone(), &self.log)
    }
}

/// How a built-in step fails; the text fits after "cannot …:".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Another attempt may succeed: exit code 75.
    #[error("{0}")]
    MayPass(String),
    /// It will not: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    /// The exit code of the step.
    pub fn code(&self) -> u8 {
        match self {
            Self::MayPass(_) => 75,
            Self::Failed(_) => 1,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::Disk(_) | Error::Io { .. } | Error::NoRoom { .. } => Self::MayPass(text),
            Error::Damaged { .. }
            | Error::Stale { .. }
            | Error::Interrupted { .. }
            | Error::Outside { .. }
            | Error::PlanMismatch(_)
            | Error::Held(_)
            | Error::Nothing(_)
            | Error::Unsupported(_)
            | Error::NotWhole { .. }
            | Error::WrongArtifact { .. }
            | Error::Archive(_)
            | Error::Hook { .. }
            | Error::Check(_) => Self::Failed(text),
        }
    }
}
