//! What people do to lanes and deployments.

use crate::model::{AgentName, Digest, ReleaseId};

/// How a person deploys, besides what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manner {
    /// It takes the place of the deployment that is paused or on its way back.
    pub take_over: bool,
    /// An older release than what the lane wants.
    pub downgrade: bool,
    /// The gates of what runs are not asked beforehand: a fix to a broken lane.
    pub skip_self_test: bool,
}

/// What people do to a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaneVerb {
    /// Nothing starts on it.
    Lock,
    /// It is open again.
    Unlock,
    /// A refused release is taken again, and others of its revision.
    Allow(ReleaseId),
    /// Targets are brought to what the lane wants, whatever stands against it: this one, or all that are not there.
    Converge(Option<AgentName>),
    /// A target that has left the environment is listed no more.
    Forget(AgentName),
    /// After a restore: what its targets run is known again, and what it does from here on is above all that they have seen.
    Adopt,
}

/// What people do to a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentVerb {
    /// It ends: with the way back, if it has touched anything. With a release it stays where it is, and the lane wants that release.
    Abort(Option<ReleaseId>),
    /// It admits nothing more; what is in flight reaches its end.
    Pause,
    /// It goes on where it was.
    Resume,
    /// Exactly this plan may be carried out.
    Approve(Digest),
}
