//! What a session is to work: a greeting that counts it, an epoch that must not fall, and the one number whose assignments count.

use std::sync::Arc;

use windlass_core::model::Fence;

use super::holdings::Holdings;
use super::state::State;
use crate::attempts::Result;

/// What a Hello says of the agent's memory. The incarnation is synced.
#[derive(Debug, Clone, PartialEq)]
pub struct Greeting {
    /// One more than ever before.
    pub incarnation: u64,
    /// The highest epoch obeyed.
    pub max_epoch: u64,
    /// Below it nothing new is taken.
    pub floor: Fence,
    /// All that is held.
    pub holdings: Arc<Holdings>,
}

/// A master of an epoch that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the master's epoch {offered} is below {obeyed}, which this agent obeyed")]
pub struct StaleMaster {
    /// What the Welcome says.
    pub offered: u64,
    /// What stands in the agent's memory.
    pub obeyed: u64,
}

impl State {
    /// Counts a new Hello. All that it says is synced.
    pub fn greet(&mut self) -> Result<Greeting> {
        self.look(false)?;
        let incarnation = self.memory.next_incarnation()?;
        let (max_epoch, floor) = (self.memory.max_epoch(), self.memory.floor());
        Ok(Greeting { incarnation, max_epoch, floor, holdings: Arc::new(self.holdings()) })
    }

    /// From now on the assignments of this session count, and of no other.
    pub fn begin(&mut self, epoch: u64, session: u64) -> Result<std::result::Result<(), StaleMaster>> {
        let obeyed = self.memory.max_epoch();
        if epoch < obeyed {
            return Ok(Err(StaleMaster { offered: epoch, obeyed }));
        }
        self.memory.obey(epoch)?;
        self.session = Some(session);
        self.waiting.clear();
        Ok(Ok(()))
    }

    /// The session is over; its assignments count no more.
    pub fn over(&mut self, session: u64) {
        if self.session == Some(session) {
            self.session = None;
            self.waiting.clear();
        }
    }
}
