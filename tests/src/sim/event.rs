//! Everything that can happen next.

use windlass_core::model::Fence;
use windlass_proto::v1;

use super::faults::Fault;

/// The index of a host.
pub type HostId = usize;

/// A connection pair between an agent and the master; never used twice.
pub type LinkId = u64;

/// What travels on a link.
#[derive(Debug, Clone)]
pub enum Wire {
    /// Connection A, up.
    Up(Box<v1::FromAgent>),
    /// Connection A, down.
    Down(Box<v1::FromMaster>),
    /// Connection B, up.
    LogUp(Box<v1::LogUp>),
    /// Connection B, down.
    LogDown(Box<v1::LogDown>),
    /// The agent's end of the link is closed.
    AgentLeft,
    /// The master's end of the link is closed.
    MasterLeft,
}

/// One event.
#[derive(Debug, Clone)]
pub enum Event {
    /// The master's program is started.
    StartMaster,
    /// A deadline of the master may have come.
    MasterWakes,
    /// The log writer syncs.
    MasterSyncs,
    /// A turn's checkpoint is due.
    Checkpoint,
    /// It is written.
    WriteCheckpoint,
    /// The master may have been quiet for a while.
    MasterQuiet,
    /// An agent's program is started.
    StartAgent(HostId),
    /// An agent looks at its records, and with `true` at its locks.
    Look(HostId, bool),
    /// An agent dials.
    Dial(HostId),
    /// A shim goes on.
    Shim(HostId, Fence),
    /// A message arrives.
    Deliver(HostId, LinkId, Wire),
    /// One side notices that it has heard nothing.
    Silent(HostId, LinkId),
    /// A person or tool asks for its n-th run, maybe again.
    AskRun(usize),
    /// Somebody cancels a run.
    AskCancel(usize, bool),
    /// A person settles what is held.
    AskSettle,
    /// A person pauses the agent of a host, or ends that.
    AskPause(HostId, bool),
    /// A person readmits the agent of a host, if it is in quarantine.
    AskReadmit(HostId),
    /// After a restore a person has seen which agents are back.
    AskStart,
    /// All faults are over, and time has passed: it is looked at what is still open.
    Rest,
    /// The state directory of a host becomes what it was when the fault began.
    RollBack(HostId),
    /// A second host with the state directory of the first is started.
    StartCopy(HostId),
    /// It goes for ever.
    EndCopy(HostId),
    /// The master goes on from a backup.
    Restore,
    /// Its journal is damaged, after a backup.
    DamageJournal,
    /// Something goes wrong.
    Fault(Fault),
    /// A fault is over.
    Mend(Fault),
}

impl Event {
    /// Its number, and what it is about, for the hash of a trace.
    pub fn number(&self) -> (u64, u64) {
        let id = |host: &HostId| *host as u64;
        match self {
            Self::StartMaster => (1, 0),
            Self::MasterWakes => (2, 0),
            Self::MasterSyncs => (3, 0),
            Self::StartAgent(host) => (4, id(host)),
            Self::Look(host, locks) => (5, id(host) * 2 + u64::from(*locks)),
            Self::Dial(host) => (6, id(host)),
            Self::Shim(host, fence) => (7, fence.0 ^ id(host)),
            Self::Deliver(host, link, wire) => (8 + wire.number(), (link << 8) ^ id(host)),
            Self::Silent(host, link) => (20, (link << 8) ^ id(host)),
            Self::AskRun(number) => (21, *number as u64),
            Self::AskCancel(number, force) => (22, (*number as u64) * 2 + u64::from(*force)),
            Self::AskSettle => (25, 0),
            Self::AskPause(host, on) => (26, id(host) * 2 + u64::from(*on)),
            Self::AskReadmit(host) => (27, id(host)),
            Self::AskStart => (28, 0),
            Self::Rest => (29, 0),
            Self::RollBack(host) => (30, id(host)),
            Self::StartCopy(host) => (31, id(host)),
            Self::EndCopy(host) => (32, id(host)),
            Self::Restore => (33, 0),
            Self::Checkpoint => (34, 0),
            Self::WriteCheckpoint => (35, 0),
            Self::MasterQuiet => (36, 0),
            Self::DamageJournal => (37, 0),
            Self::Fault(fault) => (23, fault.number()),
            Self::Mend(fault) => (24, fault.number()),
        }
    }

    /// The host whose processes it needs; none for the master and the people.
    pub fn host(&self) -> Option<HostId> {
        match self {
            Self::StartAgent(host) | Self::Look(host, _) | Self::Dial(host) | Self::Shim(host, _) => Some(*host),
            Self::Deliver(host, _, Wire::Down(_) | Wire::LogDown(_) | Wire::MasterLeft) => Some(*host),
            Self::Deliver(..) | Self::StartMaster | Self::MasterWakes | Self::MasterSyncs | Self::Silent(..) => None,
            Self::AskRun(_) | Self::AskCancel(..) | Self::Fault(_) | Self::Mend(_) => None,
            Self::AskSettle | Self::AskPause(..) | Self::AskReadmit(_) | Self::AskStart | Self::Rest => None,
            Self::RollBack(_) | Self::StartCopy(_) | Self::EndCopy(_) | Self::Restore => None,
            Self::Checkpoint | Self::WriteCheckpoint | Self::MasterQuiet | Self::DamageJournal => None,
        }
    }

    /// Whether it is something that a person or tool asks the master for.
    pub fn is_of_people(&self) -> bool {
        matches!(
            self,
            Self::AskRun(_)
                | Self::AskCancel(..)
                | Self::AskSettle
                | Self::AskPause(..)
                | Self::AskReadmit(_)
                | Self::AskStart
        )
    }

    /// Whether the master's process is needed.
    pub fn is_of_master(&self) -> bool {
        match self {
            Self::StartMaster | Self::MasterWakes | Self::MasterSyncs => true,
            Self::Checkpoint | Self::WriteCheckpoint | Self::MasterQuiet => true,
            Self::Deliver(_, _, Wire::Up(_) | Wire::LogUp(_) | Wire::AgentLeft) => true,
            Self::Deliver(..) | Self::StartAgent(_) | Self::Look(..) | Self::Dial(_) | Self::Shim(..) => false,
            Self::Silent(..) | Self::AskRun(_) | Self::AskCancel(..) | Self::Fault(_) | Self::Mend(_) => false,
            Self::AskSettle | Self::AskPause(..) | Self::AskReadmit(_) | Self::AskStart | Self::Rest => false,
            Self::RollBack(_) | Self::StartCopy(_) | Self::EndCopy(_) => false,
            Self::Restore | Self::DamageJournal => false,
        }
    }
}

impl Wire {
    fn number(&self) -> u64 {
        match self {
            Self::Up(_) => 0,
            Self::Down(_) => 1,
            Self::LogUp(_) => 2,
            Self::LogDown(_) => 3,
            Self::AgentLeft => 4,
            Self::MasterLeft => 5,
        }
    }
}
