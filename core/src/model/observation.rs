//! What an agent says about one service on its host. The newest counts; nothing is decided from its absence.

use serde::{Deserialize, Serialize};

use super::id::LaneId;
use super::time::Duration;

/// One look at a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Which service, and as part of which environment.
    pub lane: LaneId,
    /// Release that `current` points to.
    pub linked: Option<String>,
    /// Release that the running process names.
    pub running: Running,
    /// Good without a break for so long, by the target's own clock, since the last change.
    pub healthy_for: Duration,
    /// Changes between good and bad since the last change was committed.
    pub flaps: u32,
    /// Generation of the last change that the target saw.
    pub generation: u64,
    /// A person moved it by hand on the host: only a person moves it again.
    pub held_by_hand: bool,
    /// It was taken out of traffic, and waits there for the release that its lane wants.
    #[serde(default)]
    pub drained: bool,
    /// What gates and identity say now.
    pub health: Health,
}

/// What the running process says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Running {
    /// It names this release.
    Release(String),
    /// It names something that is no release of ours.
    Other(String),
    /// Nothing answers.
    Nothing,
}

/// What identity and gates say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// All pass.
    Healthy,
    /// One failed `fall` times in a row, or flaps too often.
    Unhealthy,
    /// Not known yet.
    NoData,
}
