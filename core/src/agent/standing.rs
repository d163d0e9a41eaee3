//! Whether an agent may have a session.
//!
//! ```text
//! good ─a Hello that an honest disk cannot say▶ quarantined ─a named person readmits it▶ readmitted ─next Hello▶ good
//! any ─a named person removes it▶ removed, for ever
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::UnixMs;

/// Whether an agent may have a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Its Hellos are judged.
    Good,
    /// Its Hellos are refused, because its reports may be false. Its jobs go on; it starts nothing.
    Quarantined {
        /// Since then.
        since: UnixMs,
        /// What it said.
        why: Quarantine,
    },
    /// A person vouches for it: its next Hello is the new base.
    Readmitted(Word),
    /// It never comes back.
    Removed(Word),
}

/// Who decided something about an agent, why and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: UnixMs,
}

/// Why the Hellos of an agent are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "detail", rename_all = "snake_case")]
pub enum Quarantine {
    /// Its state directory was copied or rolled back; how that shows.
    Copied(String),
    /// Its state directory is new, and it is a target of an environment.
    LostState(String),
}

impl Quarantine {
    /// The fixed word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Copied(_) => "copied",
            Self::LostState(_) => "lost_state",
        }
    }
}

impl fmt::Display for Quarantine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Copied(how) => write!(f, "its state directory was copied or rolled back: {how}"),
            Self::LostState(how) => write!(f, "its state directory was lost: {how}"),
        }
    }
}

impl Standing {
    /// True unless a person removed it.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Good | Self::Quarantined { .. } | Self::Readmitted(_) => true,
            Self::Removed(_) => false,
        }
    }
}
