//! Agents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Register, Time};

/// An agent that holds a certificate of this master.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// What people call it.
    pub name: String,
    /// Its identity, a UUID.
    pub id: String,
    /// Where it is.
    pub state: AgentState,
    /// Since when; none if it was never seen.
    pub since: Option<Time>,
    /// Nothing new is placed on it, because a person said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Word>,
    /// Nothing new is placed on it, because somebody on its host said so, for this reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_on_host: Option<String>,
    /// Its Hellos are refused; its jobs go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// A person ended its quarantine, and it has not dialled since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readmitted: Option<Word>,
    /// It never comes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Word>,
    /// From when its silence is counted; none if it has a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Time>,
    /// Since then it is silent for too long with a job on this target open: a person should look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm: Option<Time>,
    /// Its last Hello was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<TurnedAway>,
    /// What it holds of the time between a backup and its restore: shown, and never run again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<FoundAttempt>,
    /// Jobs of pipelines it has now.
    pub slots_used: u32,
    /// Jobs it takes at once.
    pub slots: u32,
    /// Labels that placement sees.
    pub labels: BTreeMap<String, String>,
    /// What its join token fixed.
    pub register: Register,
    /// Projects its own policy takes.
    pub takes_projects: Vec<String>,
    /// Environments its own policy takes.
    pub takes_environments: Vec<String>,
    /// How it ends all processes of a job.
    #[serde(default)]
    pub kill_mode: KillMode,
    /// Bytes of records and logs that it was not yet told to forget; none if it sent no heartbeat to this master.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spool_bytes: Option<u64>,
    /// Bytes that are free on the volume of its state directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_free_bytes: Option<u64>,
    /// Its clock minus the master's, in milliseconds, as of its last heartbeat. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_ms: Option<i64>,
    /// Name and version of its program.
    pub program: String,
    /// When it enrolled.
    pub enrolled: Time,
    /// What it last saw of the services on its host.
    pub services: Vec<ObservedService>,
}

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Word {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub time: Time,
}

/// Why the Hellos of an agent are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quarantine {
    /// `copied` or `lost_state`.
    pub kind: String,
    /// In words.
    pub why: String,
    /// Since when.
    pub since: Time,
}

/// A Hello that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnedAway {
    /// When.
    pub time: Time,
    /// Why.
    pub why: String,
}

/// An attempt that the master never heard of, as its agent describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundAttempt {
    /// Its name on the agent's disk.
    pub fence: String,
    /// The run it says it is of.
    pub run: String,
    /// The job it says it is of.
    pub job: String,
    /// Which try it says it is.
    pub attempt: u32,
    /// Lines of its record.
    pub lines: u32,
}

/// Something that needs a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonRequest {
    /// Why; demanded.
    pub reason: String,
}

/// Where an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// It was never seen.
    Enrolled,
    /// It has a session.
    Connected,
    /// It has no session.
    Gone,
}

/// How an agent ends all processes of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KillMode {
    /// By process groups and orphans: if a shim is lost, nothing can be proven gone.
    #[default]
    Group,
    /// The kernel keeps them together and says when all are gone.
    Cgroup,
}

/// What an agent sees of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedService {
    /// `shop/production`.
    pub lane: String,
    /// Release that `current` points to.
    pub linked: Option<String>,
    /// What the running process names: a release, or what else it said; none: nothing answers.
    pub running: Option<String>,
    /// `healthy`, `unhealthy` or `no_data`.
    pub health: String,
    /// Good without a break for so long, by the target's clock.
    pub healthy_for_ms: u64,
    /// Changes between good and bad since the last change.
    pub flaps: u32,
    /// Of the last change that the target saw.
    pub generation: u64,
    /// A person moved it by hand on the host.
    pub held_by_hand: bool,
    /// It is out of traffic, until it has what its lane wants.
    #[serde(default)]
    pub drained: bool,
}
