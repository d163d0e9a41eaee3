//! Facts about secrets. None has ever seen a value.

use serde::{Deserialize, Serialize};

use crate::model::{AgentId, Digest, Fence, ProjectName, RunId};
use crate::secret::{Grant, SecretId};

/// One thing that happened to a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "secret_fact", rename_all = "snake_case")]
pub enum SecretFact {
    /// A value is sealed on the master's disk.
    Set {
        /// Which.
        secret: SecretId,
        /// 1, 2, … of this secret.
        number: u32,
        /// Runs that are not of the main branch get it too.
        unprotected: bool,
        /// Bytes of the value.
        bytes: u32,
        /// BLAKE3 of the file that holds it.
        sealed: Digest,
        /// Who set it.
        by: String,
    },
    /// It is no longer delivered; its values are erased.
    Deleted {
        /// Which.
        secret: SecretId,
        /// Who says so.
        by: String,
        /// Why.
        reason: String,
    },
    /// From here on an agent is believed to know these values.
    Delivered {
        /// For this attempt.
        fence: Fence,
        /// Of this run.
        run: RunId,
        /// Who gets them.
        agent: AgentId,
        /// Which, with their numbers.
        secrets: Vec<Grant>,
    },
}

impl SecretFact {
    /// The project it belongs to.
    pub fn project(&self) -> &ProjectName {
        match self {
            Self::Set { secret, .. } | Self::Deleted { secret, .. } => &secret.project,
            Self::Delivered { run, .. } => &run.project,
        }
    }
}
