//! The agent link, port 8471: gRPC over mutual TLS, for agents only.
//!
//! Called by `app` (serve) and by the engine's effects ([`Sessions::refresh`]). Control (`session`) and bytes (`bulk`) share neither a
//! connection nor a task, so that a log flood delays no cancel. Invariant: who a peer is comes from its certificate alone; it is looked
//! up in the register before a byte of it is read; nothing is taken or given that does not belong to an attempt of this agent.
//! Deliberately absent: decisions (core), certificates (`identity`), log files (`logs`), quarantine by the register.
//!
//! Reading order: [`listen`], [`service`], [`sessions`], then `session` and `bulk`.

mod admission;
mod bulk;
pub mod listen;
pub mod service;
mod session;
pub mod sessions;

use std::sync::Arc;
use std::time::Duration;

pub use admission::Admission;
pub use bulk::{OwnLog, chunk_of, own_log};
pub use listen::serve;
pub use session::{Statement, Told, statement};
pub use sessions::Sessions;

use crate::blobs::Blobs;
use crate::engine::Published;
use crate::identity::Identity;
use crate::inbox::Inbox;
use crate::logs::Logs;
use crate::secrets::Secrets;
use crate::tasks::Tasks;

/// What the link works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Link {
    /// Signs renewed certificates, and proves who we are.
    pub identity: Arc<Identity>,
    /// Where the register and the assignments stand.
    pub published: Published,
    /// The way to decisions.
    pub inbox: Inbox,
    /// Takes the bytes of logs.
    pub logs: Logs,
    /// Takes and gives artifacts.
    pub blobs: Blobs,
    /// Opens what is delivered.
    pub secrets: Secrets,
    /// Who is connected.
    pub sessions: Sessions,
    /// How many may connect at once.
    pub admission: Admission,
    /// Runs a task for each connection and call.
    pub tasks: Tasks,
    /// How long a peer may be silent.
    pub patience: Patience,
}

/// How long a peer may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first byte to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the opening of a call to its first message.
    pub first_message: Duration,
    /// Between two heartbeats, of which there is one every 5 s; and until a message of ours is taken.
    pub heartbeat: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            first_message: Duration::from_secs(30),
            heartbeat: Duration::from_secs(15),
        }
    }
}

#[cfg(test)]
mod tests;
