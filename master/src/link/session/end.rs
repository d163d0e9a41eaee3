//! Why a session ended.

use std::fmt;

use windlass_core::answer::Refusal;
use windlass_proto::convert::{self, Refused};
use windlass_proto::v1::RefusalReason;

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The agent closed it, or its connection broke.
    Left,
    /// No heartbeat, or it takes no messages.
    Silent,
    /// It said what cannot be.
    Broken(String),
    /// Not let in.
    Refused(RefusalReason, String),
    /// Too many dial at once; how many seconds later it may dial again.
    TooMany(u32),
    /// The master believes no more in it: the agent is in quarantine, or removed.
    Void(String),
    /// A newer session of the same agent, or a person, took its place.
    Replaced,
    /// The master stops.
    GoingAway,
}

impl End {
    /// What the agent is told at the end; none where nobody listens.
    pub(super) fn farewell(self) -> Option<Refused> {
        let (reason, detail, retry_after_s) = match self {
            Self::Left | Self::Silent => return None,
            Self::Broken(why) => (RefusalReason::Protocol, why, 0),
            Self::Refused(reason, why) => (reason, why, 0),
            Self::TooMany(after_s) => (RefusalReason::TooMany, "too many agents dial at once".to_owned(), after_s),
            Self::Void(why) => (RefusalReason::Quarantined, why, 0),
            Self::Replaced => (RefusalReason::Superseded, "a newer session took its place".to_owned(), 0),
            Self::GoingAway => (RefusalReason::GoingAway, "the master stops".to_owned(), 1),
        };
        Some(Refused { reason, detail, retry_after_s })
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("the agent left"),
            Self::Silent => f.write_str("the agent is silent"),
            Self::Broken(why) => write!(f, "the agent broke the protocol: {}", why.escape_debug()),
            Self::Refused(_, why) => write!(f, "the hello was refused: {}", why.escape_debug()),
            Self::TooMany(_) => f.write_str("too many agents dial at once"),
            Self::Void(why) => f.write_str(why),
            Self::Replaced => f.write_str("a newer session took its place"),
            Self::GoingAway => f.write_str("the master stops"),
        }
    }
}

impl From<convert::Error> for End {
    fn from(error: convert::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// The engine has ended.
impl From<crate::inbox::Stopped> for End {
    fn from(_: crate::inbox::Stopped) -> Self {
        Self::GoingAway
    }
}

/// What a refused Hello means on the wire.
pub(super) fn refused_hello(refusal: &Refusal) -> End {
    let reason = if matches!(refusal, Refusal::StaleMaster { .. }) {
        RefusalReason::StaleMaster
    } else if matches!(refusal, Refusal::HelloLate) {
        RefusalReason::Superseded
    } else if matches!(refusal, Refusal::Quarantined(_) | Refusal::AgentRemoved | Refusal::AgentUnknown) {
        RefusalReason::Quarantined
    } else {
        RefusalReason::Protocol
    };
    End::Refused(reason, refusal.to_string())
}
