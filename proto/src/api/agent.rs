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
    /// Name and version of its program.
    pub program: String,
    /// When it enrolled.
    pub enrolled: Time,
    /// What it last saw of the services on its host.
    pub services: Vec<ObservedService>,
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
}
