//! What agents say of themselves, and what people do to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{AgentId, Attempt, Fence};

/// What an agent says first in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// From the certificate.
    pub agent: AgentId,
    /// Of the wire.
    pub protocol: u32,
    /// Name and version of the program.
    pub program: String,
    /// Rises with every Hello.
    pub incarnation: u64,
    /// Of the kernel.
    pub boot_id: String,
    /// The highest epoch it obeyed.
    pub max_epoch: u64,
    /// Everything it holds.
    pub held: Vec<Held>,
    /// What it takes.
    pub offer: Offer,
}

/// What people do to agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentVerb {
    /// Nothing new is placed on it.
    Pause,
    /// Jobs are placed on it again.
    Resume,
    /// It leaves its quarantine.
    Readmit,
    /// It never comes back.
    Remove,
}

/// An attempt that an agent holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Which.
    pub fence: Fence,
    /// Synced lines of its record.
    pub lines: u32,
    /// For an attempt that the master never heard of.
    pub run: String,
    /// The same.
    pub job: String,
    /// The same.
    pub attempt: Attempt,
}

/// What an agent takes. It may narrow the register, never widen it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// As `linux`.
    pub os: String,
    /// As `x86_64`.
    pub arch: String,
    /// Its own labels.
    pub labels: BTreeMap<String, String>,
    /// Jobs it takes at once.
    pub slots: u32,
    /// Projects its policy takes; `*`: all.
    pub projects: Vec<String>,
    /// Environments its policy takes.
    pub environments: Vec<String>,
    /// Takes jobs of pipelines.
    pub jobs: bool,
    /// Runs steps as itself.
    pub same_user: bool,
    /// How it ends what a job leaves behind.
    #[serde(default)]
    pub kill: KillMode,
    /// Somebody on its host wants nothing new placed on it, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

/// How an agent ends all processes of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillMode {
    /// By process groups and orphans: if a shim is lost, nothing can be proven gone.
    #[default]
    Group,
    /// The kernel keeps them together and says when all are gone.
    Cgroup,
}
