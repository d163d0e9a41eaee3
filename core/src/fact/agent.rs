//! Facts about one agent that are neither its sessions nor its attempts.

use serde::{Deserialize, Serialize};

use crate::agent::Quarantine;
use crate::input::Held;
use crate::model::AgentId;

/// One thing that happened to an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "agent_fact", rename_all = "snake_case")]
pub enum AgentFact {
    /// Its Hello says what an honest disk cannot say. Its session is void and its Hellos are refused; its jobs go on.
    Quarantined {
        /// Which.
        agent: AgentId,
        /// What it said.
        why: Quarantine,
    },
    /// A named person vouches for it: its next Hello is the new base.
    Readmitted {
        /// Which.
        agent: AgentId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// It never comes back.
    Removed {
        /// Which.
        agent: AgentId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Nothing new is placed on it; what runs goes on.
    Paused {
        /// Which.
        agent: AgentId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Jobs are placed on it again.
    Resumed {
        /// Which.
        agent: AgentId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// It is silent, and a job on a target is open: nothing is concluded from that, but a person should look.
    SilentTooLong {
        /// Which.
        agent: AgentId,
    },
    /// It holds an attempt that the master whose backup was restored gave it afterwards: kept and shown, never run again.
    AttemptFound {
        /// Which.
        agent: AgentId,
        /// What it says of it.
        found: Held,
    },
}

impl AgentFact {
    /// Whom it is about.
    pub fn agent(&self) -> AgentId {
        match self {
            Self::Quarantined { agent, .. }
            | Self::Readmitted { agent, .. }
            | Self::Removed { agent, .. }
            | Self::Paused { agent, .. }
            | Self::Resumed { agent, .. }
            | Self::SilentTooLong { agent }
            | Self::AttemptFound { agent, .. } => *agent,
        }
    }
}
