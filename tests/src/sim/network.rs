//! Links between agents and the master: in order, with delay, and sometimes in one direction only or in none.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{HostId, LinkId};
use super::host::MS;
use super::rng::Rng;

/// What a link does with messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Nothing arrives at the master.
    pub up_lost: bool,
    /// Nothing arrives at the agent.
    pub down_lost: bool,
    /// Every message takes so much longer.
    pub slow_ns: u64,
}

impl Weather {
    /// Whether nobody hears the other any more: heartbeats or their answers are lost.
    pub fn is_deaf(self) -> bool {
        self.up_lost || self.down_lost
    }
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Connection A.
    Control,
    /// Connection A, down.
    ControlDown,
    /// Connection B, up.
    Bulk,
    /// Connection B, down.
    BulkDown,
}

/// Where the two ends of links are.
#[derive(Debug, Default)]
pub struct Network {
    last: LinkId,
    weather: BTreeMap<HostId, Weather>,
    /// When the last message of a way arrives: they do not overtake each other.
    arrives: BTreeMap<(LinkId, Way), u64>,
    /// Links that lost a message: nothing behind it can arrive any more.
    broken: BTreeSet<LinkId>,
}

impl Network {
    /// A new link.
    pub fn open(&mut self) -> LinkId {
        self.last += 1;
        self.last
    }

    /// How it is for a host now.
    pub fn weather(&self, host: HostId) -> Weather {
        self.weather.get(&host).copied().unwrap_or_default()
    }

    /// Whether the two ends of a link have lost each other.
    pub fn is_broken(&self, host: HostId, link: LinkId) -> bool {
        self.broken.contains(&link) || self.weather(host).is_deaf()
    }

    /// It loses what is on its way, and everything after.
    pub fn cut(&mut self, link: LinkId) {
        self.broken.insert(link);
    }

    /// It changes.
    pub fn set_weather(&mut self, host: HostId, weather: Weather) {
        self.weather.insert(host, weather);
    }

    /// When a message that is sent now arrives; none if it is lost.
    pub fn arrival(&mut self, now: u64, host: HostId, link: LinkId, way: Way, rng: &mut Rng) -> Option<u64> {
        let weather = self.weather(host);
        let lost = match way {
            Way::Control | Way::Bulk => weather.up_lost,
            Way::ControlDown | Way::BulkDown => weather.down_lost,
        };
        let delay = rng.between(MS / 5, 3 * MS) + weather.slow_ns;
        if lost {
            self.broken.insert(link);
        }
        if self.broken.contains(&link) {
            return None;
        }
        let arrives = self.arrives.entry((link, way)).or_default();
        *arrives = (now + delay).max(*arrives + 1);
        Some(*arrives)
    }
}
