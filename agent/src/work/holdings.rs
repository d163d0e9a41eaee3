//! What the agent holds, as the link reports and ships it. Published as a whole after each change.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_core::attempt::{Line, LineBody};
use windlass_core::model::{Envelope, Fence, LaneId, Outcome, UnknownReason};

use crate::attempts::{AttemptDir, accepted_of};

/// All attempts that have a directory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Holdings {
    /// By fence, so from old to new.
    pub attempts: BTreeMap<Fence, Arc<Attempt>>,
}

/// One of them. Its lines are synced.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its only name.
    pub fence: Fence,
    /// Its directory.
    pub dir: AttemptDir,
    /// Its record so far.
    pub lines: Vec<Arc<Line>>,
    /// The kernel keeps its processes together, so that none is left when it has ended.
    pub grouped: bool,
}

/// Where an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Promised, not started.
    Accepted,
    /// GO is on disk.
    Running,
    /// VOID or EXIT is on disk.
    Ended,
}

impl Attempt {
    /// Where it is, by its last line.
    pub fn phase(&self) -> Phase {
        match self.lines.last().map(|line| &line.body) {
            None | Some(LineBody::Accepted { .. }) => Phase::Accepted,
            Some(LineBody::Go | LineBody::StepStarted { .. } | LineBody::StepEnded { .. } | LineBody::Stuck { .. }) => {
                Phase::Running
            }
            Some(LineBody::Void { .. } | LineBody::Exit { .. }) => Phase::Ended,
        }
    }

    /// The lane that it works on, for jobs of deployments.
    pub fn lane(&self) -> Option<&LaneId> {
        self.envelope()?.lane.as_ref().map(|(lane, _)| lane)
    }

    /// Whether processes of it may live although it ended: its shim was lost in this boot, and in a process
    /// group nothing can be proven gone.
    pub fn may_have_survivors(&self) -> bool {
        use UnknownReason::{EvidenceDamaged, ShimLost};
        match self.lines.last().map(|line| &line.body) {
            Some(LineBody::Exit { outcome: Outcome::Unknown { reason }, .. }) => {
                !self.grouped && matches!(reason, ShimLost | EvidenceDamaged)
            }
            Some(
                LineBody::Exit { .. }
                | LineBody::Void { .. }
                | LineBody::Accepted { .. }
                | LineBody::Go
                | LineBody::StepStarted { .. }
                | LineBody::StepEnded { .. }
                | LineBody::Stuck { .. },
            )
            | None => false,
        }
    }

    /// What it was accepted with; none if nothing was accepted, or the beginning of its record is damaged.
    pub fn envelope(&self) -> Option<&Envelope> {
        accepted_of(&self.lines).map(|(_, envelope)| envelope)
    }
}
