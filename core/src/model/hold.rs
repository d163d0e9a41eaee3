//! What a person holds, or Windlass itself: a lane, a deployment, or everything.

use serde::{Deserialize, Serialize};

use super::time::{Duration, UnixMs};

/// Nothing starts by itself, and nothing goes forward, until a person lifts it. The way back never waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who; none: Windlass itself, after a way back that failed.
    pub by: Option<String>,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: UnixMs,
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.by {
            Some(by) => write!(f, "by {by}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// Why a deployment admits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pause", rename_all = "snake_case")]
pub enum Pause {
    /// A person asked for it.
    Asked {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Everything was stopped.
    StopAll {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// The batch has passed, and a person looks before the next one.
    Promote,
    /// The master was away for so long that what it watched may be another world.
    Recovered {
        /// For how long.
        away: Duration,
    },
    /// More has failed than the budget allows, and the pipeline file wants a person to decide.
    Failed {
        /// What.
        why: String,
    },
}

impl Pause {
    /// The fixed word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Asked { .. } => "asked",
            Self::StopAll { .. } => "stop_all",
            Self::Promote => "promote",
            Self::Recovered { .. } => "recovered",
            Self::Failed { .. } => "failed",
        }
    }
}

impl std::fmt::Display for Pause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asked { by, why } => write!(f, "by {by}: {why}"),
            Self::StopAll { by, why } => write!(f, "everything is stopped, by {by}: {why}"),
            Self::Promote => f.write_str("the batch has passed; the next one begins when a person resumes it"),
            Self::Recovered { away } => {
                write!(f, "the master was away for {away}; every touched target has answered, or had its time")
            }
            Self::Failed { why } => write!(f, "{why}; to resume it accepts that, to abort it takes the way back"),
        }
    }
}
