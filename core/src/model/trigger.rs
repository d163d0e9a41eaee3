//! What asked for a run.

use serde::{Deserialize, Serialize};

use super::id::Revision;
use super::time::UnixMs;

/// The kinds of trigger that exist so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// A delivery said so, or polling saw it.
    Push,
    /// A person or a tool, by page, command line or API.
    Manual,
}

impl TriggerKind {
    /// The fixed word for it, a key of `on`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Manual => "manual",
        }
    }
}

/// What asked for a run, who, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Push or manual.
    pub kind: TriggerKind,
    /// The subject, or who pushed; `poll` for a push that polling saw.
    pub actor: String,
    /// When it was made durable.
    pub time: UnixMs,
}

/// What the master's own fetch says about a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The commit id.
    pub revision: Revision,
    /// First line of the message, at most 200 characters.
    pub title: String,
    /// Author's name, for people only: rights never depend on it.
    pub author: String,
    /// Committer time.
    pub time: UnixMs,
    /// Number of first parents behind it: a greater number on the same branch is newer.
    pub position: u64,
}

/// What makes a delivery the same delivery: the sender's id.
pub type DeliveryKey = String;

/// How far the revision of a run is trusted; proven by the master's own fetch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Reachable from the main branch of the project: gets every secret in scope.
    Protected,
    /// On another ref of the repository: gets those that are set `--unprotected`.
    #[default]
    Ordinary,
}
