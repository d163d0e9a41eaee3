//! What people do to lanes and deployments.

use crate::model::{Digest, ReleaseId};

/// What people do to a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneVerb {
    /// Nothing starts on it.
    Lock,
    /// It is open again.
    Unlock,
    /// A refused release is taken again, and others of its revision.
    Allow(ReleaseId),
}

/// What people do to a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentVerb {
    /// It ends: with the way back, if it has touched anything.
    Abort,
    /// It admits nothing more; what is in flight reaches its end.
    Pause,
    /// It goes on where it was.
    Resume,
    /// Exactly this plan may be carried out.
    Approve(Digest),
}
