//! What is believed of an agent.
//!
//! ```text
//! presence:
//! enrolled ─Hello let in▶ connected(session) ─session over, or a new epoch▶ gone(since) ─Hello let in▶ connected
//! connected ─quarantined or removed▶ gone
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::standing::{Standing, Word};
use crate::input::{Held, Offer};
use crate::model::{AgentId, AgentRegister, Fence, LaneId, Observation, UnixMs};

/// An agent that holds a certificate of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Its identity.
    pub id: AgentId,
    /// What its join token fixed; targets and rights go by this alone.
    pub register: AgentRegister,
    /// What it said it takes, in its last Hello.
    pub offer: Offer,
    /// Where it is.
    pub presence: Presence,
    /// Whether it may have a session.
    pub standing: Standing,
    /// A person wants nothing new placed on it.
    pub paused: Option<Word>,
    /// It is silent too long, with a job on a target; since then a person should look.
    pub alarmed: Option<UnixMs>,
    /// Of its last Hello.
    pub incarnation: u64,
    /// The epoch of the master that let it in last; 0: none did.
    pub seen_in: u64,
    /// The last session it had, of that epoch.
    pub seen_as: u64,
    /// Of its last Hello.
    pub boot_id: String,
    /// Name and version of its program.
    pub program: String,
    /// Attempts that it shall do or has not yet been told to forget.
    pub open: BTreeSet<Fence>,
    /// The highest fence it was given.
    pub last_fence: Option<Fence>,
    /// What it holds of the time between a backup and its restore: shown, and left alone.
    pub found: BTreeMap<Fence, Held>,
    /// The newest of each lane: of this epoch, of the present session, and from after the last change of the target.
    pub observations: BTreeMap<LaneId, Observation>,
    /// When it enrolled.
    pub enrolled: UnixMs,
}

/// Where an agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Never seen.
    Enrolled,
    /// It has this session since then.
    Connected {
        /// Of this epoch.
        session: u64,
        /// When the Hello was believed.
        since: UnixMs,
    },
    /// No session since then.
    Gone {
        /// When the session ended, or the master started.
        since: UnixMs,
    },
}

impl Agent {
    pub(crate) fn enrolled(id: AgentId, register: AgentRegister, at: UnixMs) -> Self {
        Self {
            id,
            register,
            offer: Offer::default(),
            presence: Presence::Enrolled,
            standing: Standing::Good,
            paused: None,
            alarmed: None,
            incarnation: 0,
            seen_in: 0,
            seen_as: 0,
            boot_id: String::new(),
            program: String::new(),
            open: BTreeSet::new(),
            last_fence: None,
            found: BTreeMap::new(),
            observations: BTreeMap::new(),
            enrolled: at,
        }
    }

    /// The session it has now.
    pub fn session(&self) -> Option<u64> {
        match self.presence {
            Presence::Connected { session, .. } => Some(session),
            Presence::Enrolled | Presence::Gone { .. } => None,
        }
    }

    /// Why nothing new is placed on it, in the words of whoever paused it: here, or on its host. None if nobody did.
    pub fn pause(&self) -> Option<String> {
        let here = self.paused.as_ref().map(|word| format!("paused by {}: {:?}", word.by, word.reason));
        here.or_else(|| Some(format!("paused on its host: {:?}", self.offer.paused.as_ref()?)))
    }

    /// True if environments may have it as a target.
    pub fn may_be_target(&self) -> bool {
        !self.register.environments.is_empty()
    }

    /// Labels that placement sees: what it offers, overruled by the register, and `os`, `arch`, `agent`.
    pub fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.offer.labels.clone();
        labels.insert("os".to_owned(), self.offer.os.clone());
        labels.insert("arch".to_owned(), self.offer.arch.clone());
        labels.extend(self.register.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
        labels.insert("agent".to_owned(), self.register.name.to_string());
        labels
    }

    /// One below the lowest open fence; if none is open, the last one it was given.
    pub fn floor(&self) -> u64 {
        match (self.open.first(), self.last_fence) {
            (Some(lowest), _) => lowest.0 - 1,
            (None, Some(last)) => last.0,
            (None, None) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgentName;

    #[test]
    fn the_floor_is_below_the_lowest_open_fence_else_the_last_one_given() {
        let rows: [(&[u64], Option<u64>, u64); 5] =
            [(&[], None, 0), (&[7], Some(7), 6), (&[7, 9], Some(9), 6), (&[9], Some(9), 8), (&[], Some(9), 9)];
        for (open, last, floor) in rows {
            let register = AgentRegister {
                name: AgentName::new("b1").expect("a name"),
                labels: BTreeMap::new(),
                projects: BTreeSet::new(),
                environments: BTreeSet::new(),
                jobs: false,
            };
            let mut agent = Agent::enrolled(AgentId(uuid::Uuid::nil()), register, UnixMs(0));
            agent.open = open.iter().copied().map(Fence).collect();
            agent.last_fence = last.map(Fence);
            assert_eq!(agent.floor(), floor, "open {open:?}, last {last:?}");
        }
    }
}
