//! What handlers work with.

use std::sync::Arc;

use crate::blobs::Blobs;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Published;
use crate::history::History;
use crate::http::journal::JournalReader;
use crate::identity::Enroller;
use crate::inbox::Inbox;
use crate::logs::Logs;
use crate::secrets::Secrets;
use crate::tasks::Tasks;
use crate::triggers::Triggers;
use crate::turned::TurnedAway;
use crate::vitals::Vitals;
use crate::volume::Volume;

/// The rooms that the API reaches. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    /// Where inputs go.
    pub inbox: Inbox,
    /// What is believed now.
    pub published: Published,
    /// What is over.
    pub history: History,
    /// What happened, for events.
    pub journal: JournalReader,
    /// Log bytes.
    pub logs: Logs,
    /// Artifacts.
    pub blobs: Blobs,
    /// What agents said of themselves last.
    pub vitals: Vitals,
    /// Which agents were turned away.
    pub turned: TurnedAway,
    /// Seals what is set.
    pub secrets: Secrets,
    /// Certificates for agents, and the identity of the cluster.
    pub enroller: Enroller,
    /// Repositories.
    pub triggers: Triggers,
    /// The master's own time.
    pub clock: Clock,
    /// How full the disk is.
    pub volume: Volume,
    /// The operators' configuration.
    pub config: Arc<Config>,
    /// Ends followers when the master stops.
    pub tasks: Tasks,
    /// Where the agent link listens.
    pub agents_port: u16,
}
