//! The master itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Hold, Time};

/// How the master is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Master {
    /// What people call it.
    pub name: String,
    /// Version of its program.
    pub version: String,
    /// Rises with each start.
    pub epoch: u64,
    /// Its own time, which never steps.
    pub now: Time,
    /// Its wall clock minus its own time, in milliseconds; more than a minute either way is a warning.
    pub clock_ahead_ms: i64,
    /// The volume of its data.
    pub disk: MasterDisk,
    /// Runs that damage of the journal took from the history.
    pub lost_runs: Vec<LostRuns>,
    /// Projects of which nothing is placed since the master was restored.
    pub stopped: Vec<String>,
    /// While it is there, nothing happens to a target by itself, forward or back.
    #[serde(default)]
    pub stop_all: Option<Hold>,
}

/// Stops whatever happens by itself to targets, or lets it go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StopAllRequest {
    /// It goes on.
    #[serde(default)]
    pub lift: bool,
    /// Why; demanded.
    pub reason: String,
}

/// The volume of the master's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MasterDisk {
    /// How full it is.
    pub level: DiskLevel,
    /// All of it; none if it cannot be asked.
    pub total_bytes: Option<u64>,
    /// What is free; none if it cannot be asked.
    pub free_bytes: Option<u64>,
}

/// How full a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiskLevel {
    /// Nothing is given up.
    Plenty,
    /// Less than 10 % and 10 GiB are free: somebody should make room.
    Low,
    /// Less than 5 % and 4 GiB: no new runs, and agents keep their logs.
    Tight,
    /// Less than 2 % and 1 GiB: only reports, cancels and what operators do.
    Stop,
}

/// Runs of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LostRuns {
    /// The project.
    pub project: String,
    /// The first number.
    pub first: u64,
    /// The last one.
    pub last: u64,
}
