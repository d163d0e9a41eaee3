//! What a session carries, in both directions.

use std::collections::BTreeMap;

use windlass_core::model::{Fence, Observation};

use super::assignments::{self, Assignments};
use super::fields::{fence, known, required};
use super::{Error, Result, observation};
use crate::v1::{self, RefusalReason};

/// What comes from an agent. Hello and reports stay as they travel, because their meaning needs what only the receiver knows: see
/// [`super::hello::from_wire`] and [`super::report::from_wire`].
#[derive(Debug, Clone, PartialEq)]
pub enum Up {
    /// The first message, and only that.
    Hello(v1::Hello),
    /// A line of a record.
    Report(v1::Report),
    /// Every 5 s.
    Heartbeat(v1::Heartbeat),
    /// What it sees of a service.
    Observation(Observation),
}

/// What comes from the master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// The first message, if the Hello was let in.
    Welcome(Welcome),
    /// The last message.
    Refusal(Refused),
    /// What is wanted.
    Assignments(Assignments),
    /// For each of these attempts the facts are synced up to this index.
    ReportAck(BTreeMap<Fence, u32>),
    /// The answer to a heartbeat.
    HeartbeatAck {
        /// The heartbeat's.
        number: u64,
        /// The master's wall clock, milliseconds since 1970; for warnings about skew only.
        wall_ms: i64,
    },
}

/// A session begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Of the master.
    pub epoch: u64,
    /// Of the session, in the epoch.
    pub session: u64,
    /// How far the record of each held attempt is known; missing: not at all.
    pub acked: BTreeMap<Fence, u32>,
}

/// A session does not begin, or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: RefusalReason,
    /// For people.
    pub detail: String,
    /// Not to be dialled again before; 0: no wish.
    pub retry_after_s: u32,
}

impl Up {
    /// What a message of an agent says.
    pub fn from_wire(wire: v1::FromAgent) -> Result<Self> {
        use v1::from_agent::Body;
        Ok(match required("from_agent.body", wire.body)? {
            Body::Hello(hello) => Self::Hello(hello),
            Body::Report(report) => Self::Report(report),
            Body::Heartbeat(heartbeat) => Self::Heartbeat(heartbeat),
            Body::Observation(seen) => Self::Observation(observation::from_wire(seen)?),
        })
    }

    /// The message.
    pub fn into_wire(self) -> v1::FromAgent {
        use v1::from_agent::Body;
        let body = match self {
            Self::Hello(hello) => Body::Hello(hello),
            Self::Report(report) => Body::Report(report),
            Self::Heartbeat(heartbeat) => Body::Heartbeat(heartbeat),
            Self::Observation(seen) => Body::Observation(observation::to_wire(&seen)),
        };
        v1::FromAgent { body: Some(body) }
    }
}

impl Down {
    /// What a message of the master says.
    pub fn from_wire(wire: v1::FromMaster) -> Result<Self> {
        use v1::from_master::Body;
        Ok(match required("from_master.body", wire.body)? {
            Body::Welcome(welcome) => Self::Welcome(welcome_from_wire(&welcome)?),
            Body::Refusal(refusal) => Self::Refusal(refusal_from_wire(refusal)?),
            Body::Assignments(set) => Self::Assignments(assignments::from_wire(set)?),
            Body::ReportAck(ack) => Self::ReportAck(upto_from_wire(&ack.upto)?),
            Body::HeartbeatAck(ack) => Self::HeartbeatAck { number: ack.number, wall_ms: ack.wall_ms },
        })
    }

    /// The messages: several for a large set of assignments, one for all else.
    pub fn into_wire(self) -> Vec<v1::FromMaster> {
        use v1::from_master::Body;
        let body = match self {
            Self::Welcome(welcome) => Body::Welcome(v1::Welcome {
                master_epoch: welcome.epoch,
                session: welcome.session,
                acked: upto_to_wire(&welcome.acked),
            }),
            Self::Refusal(refused) => Body::Refusal(v1::Refusal {
                reason: refused.reason.into(),
                detail: refused.detail,
                retry_after_s: refused.retry_after_s,
            }),
            Self::Assignments(set) => {
                let messages = assignments::to_wire(&set).into_iter();
                return messages.map(|set| v1::FromMaster { body: Some(Body::Assignments(set)) }).collect();
            }
            Self::ReportAck(acked) => Body::ReportAck(v1::ReportAck { upto: upto_to_wire(&acked) }),
            Self::HeartbeatAck { number, wall_ms } => Body::HeartbeatAck(v1::HeartbeatAck { number, wall_ms }),
        };
        vec![v1::FromMaster { body: Some(body) }]
    }
}

fn welcome_from_wire(wire: &v1::Welcome) -> Result<Welcome> {
    if wire.master_epoch == 0 {
        return Err(Error::Missing { field: "welcome.master_epoch" });
    }
    if wire.session == 0 {
        return Err(Error::Missing { field: "welcome.session" });
    }
    Ok(Welcome { epoch: wire.master_epoch, session: wire.session, acked: upto_from_wire(&wire.acked)? })
}

fn refusal_from_wire(wire: v1::Refusal) -> Result<Refused> {
    let reason = known("refusal.reason", wire.reason)?;
    Ok(Refused { reason, detail: wire.detail, retry_after_s: wire.retry_after_s })
}

fn upto_to_wire(acked: &BTreeMap<Fence, u32>) -> Vec<v1::Upto> {
    acked.iter().map(|(fence, index)| v1::Upto { fence: fence.0, index: *index }).collect()
}

fn upto_from_wire(wire: &[v1::Upto]) -> Result<BTreeMap<Fence, u32>> {
    wire.iter().map(|upto| Ok((fence("upto.fence", upto.fence)?, upto.index))).collect()
}
