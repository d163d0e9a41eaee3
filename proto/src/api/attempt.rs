//! Attempts of a job and their steps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Outcome, Settlement, Time};

/// The n-th try of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Its only name in the cluster; a number as text.
    pub fence: String,
    /// Name of the agent that carries it out.
    pub agent: String,
    /// Why this agent.
    pub why: String,
    /// Where it is.
    pub state: AttemptState,
    /// Processes that survived the kill, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// How it counts although nothing is proven of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
    /// How it ended in truth, where that became known after the settlement. It changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Outcome>,
    /// When it was placed.
    pub placed: Time,
    /// When its first command may have been executed.
    pub started: Option<Time>,
    /// When its end was believed.
    pub ended: Option<Time>,
    /// In the order they are carried out.
    pub steps: Vec<Step>,
}

/// Where an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptState {
    /// Nothing was heard of it yet.
    Placed,
    /// The agent has promised to start it.
    Accepted,
    /// The first command may have been executed.
    Running,
    /// It is over.
    Ended,
}

/// A step of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// From 1.
    pub number: u32,
    /// Its name; built-in steps have names too.
    pub name: String,
    /// Where it is.
    pub state: StepState,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// What it wrote to `$WINDLASS_OUTPUT`.
    pub outputs: BTreeMap<String, String>,
    /// When it began.
    pub started: Option<Time>,
    /// When it was over.
    pub ended: Option<Time>,
    /// Its log, once it is whole on the master's disk.
    pub log: Option<StepLog>,
}

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// It has not begun.
    Waiting,
    /// It has begun.
    Running,
    /// It is over, or will never begin.
    Ended,
}

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepLog {
    /// Bytes stored.
    pub bytes: u64,
    /// `blake3:` and 64 hex digits.
    pub digest: String,
    /// Places where bytes are missing.
    pub gaps: u32,
    /// The digest is not the one that the host named.
    pub damaged: bool,
}
