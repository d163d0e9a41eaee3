//! Facts about releases, deployments and lanes. A lane is the fold of its facts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::deployment::{
    DebtEnd, DeploymentKind, DeploymentOutcome, DeploymentPlan, PlannedTarget, TargetState,
};
use crate::model::{
    AgentId, BatchSpec, DeploymentId, Digest, JobKey, LaneId, Pause, Phase, Release, ReleaseId, Rules, RunId, WayBack,
};

/// One thing that happened to a release, a deployment or a lane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "deployment", rename_all = "snake_case")]
pub enum DeploymentFact {
    /// A release exists; the same digest never makes a second one.
    ReleaseMade {
        /// All of it.
        release: Box<Release>,
    },
    /// Somebody asked for a deployment; it waits on its lane until it may start.
    Requested {
        /// Its identity.
        id: DeploymentId,
        /// Which way.
        kind: DeploymentKind,
        /// To which release.
        release: ReleaseId,
        /// The run that asked, or that was made for it.
        run: RunId,
        /// The entry of the run that ends with it.
        entry: JobKey,
        /// A subject, or `pipeline`.
        by: String,
        /// Why, if a person said so.
        reason: String,
        /// How the targets are divided into batches.
        strategy: Vec<BatchSpec>,
        /// What follows where it fails.
        #[serde(default)]
        rules: Rules,
        /// Exactly this plan, or it is rejected.
        plan: Option<Digest>,
        /// It takes the place of the deployment that is paused or on its way back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        takes_over: bool,
        /// The gates of what runs are not asked beforehand.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        skips_self_test: bool,
    },
    /// What it will do; the approvals of another plan count no more.
    PlanMade {
        /// Which.
        id: DeploymentId,
        /// All of it.
        plan: Box<DeploymentPlan>,
    },
    /// A person approves exactly this plan.
    Approved {
        /// Which deployment.
        id: DeploymentId,
        /// Digest of the plan.
        plan: Digest,
        /// Who.
        by: String,
    },
    /// A deployment gives way to a person's: it admits nothing more, its changes take their way back, and what it brought is refused.
    TakenOver {
        /// Whose lane it is from now on.
        id: DeploymentId,
        /// Whose it was; none: nobody's, the lane was mixed or locked.
        old: Option<DeploymentId>,
        /// The lane's generation from here on.
        generation: u64,
        /// The lane refuses this from now on.
        refused: Option<ReleaseId>,
        /// Who.
        by: String,
        /// Who approved it, where the environment demands that.
        approvals: Vec<String>,
        /// Why.
        why: String,
    },
    /// The lane is this deployment's.
    Started {
        /// Which.
        id: DeploymentId,
        /// What it will do.
        plan: Box<DeploymentPlan>,
    },
    /// A batch begins; with the first one the lane's generation rises.
    BatchStarted {
        /// Which deployment.
        id: DeploymentId,
        /// From 0.
        batch: usize,
        /// The lane's generation from here on.
        generation: u64,
    },
    /// A job for a target may be placed, from now on.
    TargetAdmitted {
        /// Which deployment.
        id: DeploymentId,
        /// Which target.
        target: AgentId,
        /// Which part of the change.
        phase: Phase,
        /// Of the lane.
        generation: u64,
        /// The job, which is added to the run in the same turn.
        job: JobKey,
    },
    /// A target comes in while the deployment is active: it joined late, or is back.
    TargetJoined {
        /// Which deployment.
        id: DeploymentId,
        /// Which target.
        target: PlannedTarget,
        /// Index of its batch in the plan.
        batch: usize,
        /// Where it returns to.
        way_back: WayBack,
    },
    /// A target is somewhere else.
    TargetMoved {
        /// Which deployment.
        id: DeploymentId,
        /// Which target.
        target: AgentId,
        /// Where it is now.
        to: TargetState,
        /// This move makes the target a failed one, for this reason; a target fails at most once.
        failure: Option<String>,
    },
    /// The master had started again, and has heard every touched target or waited long enough: admission goes on.
    Recovered {
        /// Which.
        id: DeploymentId,
        /// Of the master that goes on.
        epoch: u64,
    },
    /// Every target of the batch is confirmed, failed within the budget, or owed.
    BakeStarted {
        /// Which deployment.
        id: DeploymentId,
        /// From 0.
        batch: usize,
    },
    /// All gates passed for the whole bake.
    BatchPassed {
        /// Which deployment.
        id: DeploymentId,
        /// From 0.
        batch: usize,
    },
    /// From here on every touched target goes to its way back.
    RollbackStarted {
        /// Which deployment.
        id: DeploymentId,
        /// The lane's generation from here on.
        generation: u64,
        /// What the lane wants now; none: nothing ran before.
        desired: Option<ReleaseId>,
        /// Why.
        why: String,
        /// The lane refuses this release from now on, unless a person asks.
        refused: Option<ReleaseId>,
        /// The person who asked for it; none: it began by itself, and is held by a stop of everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A person asked for a way back that goes on already: a stop of everything holds it no more.
    RollbackAsked {
        /// Which deployment.
        id: DeploymentId,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A deployment admits nothing more; what is in flight reaches its end.
    Paused {
        /// Which.
        id: DeploymentId,
        /// Why.
        why: Pause,
    },
    /// It goes on where it was; a bake begins again.
    Resumed {
        /// Which.
        id: DeploymentId,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Nothing starts on a lane.
    LaneLocked {
        /// Which.
        lane: LaneId,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A lane is open again.
    LaneUnlocked {
        /// Which.
        lane: LaneId,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A lane takes releases again that it refused.
    Allowed {
        /// Which lane.
        lane: LaneId,
        /// These.
        releases: Vec<ReleaseId>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Nothing happens to a target by itself any more, on any lane.
    AllStopped {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// It does again.
    StopLifted {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A lane owes a target what it wants.
    DebtMade {
        /// Which lane.
        lane: LaneId,
        /// Which target.
        target: AgentId,
        /// Why.
        why: String,
    },
    /// It does no more.
    DebtEnded {
        /// Which lane.
        lane: LaneId,
        /// Which target.
        target: AgentId,
        /// How.
        how: DebtEnd,
        /// The release the lane can return to from here on, if that changes: nobody is owed it any more.
        last_good: Option<ReleaseId>,
    },
    /// A target that a lane may have changed is here, and has nothing of the lane: it is a fresh host.
    TargetBlank {
        /// Which lane.
        lane: LaneId,
        /// Which target.
        target: AgentId,
    },
    /// So many failed on their way to what the lane wants that nobody is brought to it by itself any more.
    CatchUpStopped {
        /// Which lane.
        lane: LaneId,
        /// Why.
        why: String,
    },
    /// A person wants targets on what their lane wants, whatever stands against it.
    Converged {
        /// Which lane.
        lane: LaneId,
        /// These, with what they are known to run.
        targets: BTreeMap<AgentId, String>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A lane lists a target no more that has left its environment.
    TargetForgotten {
        /// Which lane.
        lane: LaneId,
        /// Which target.
        target: AgentId,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A lane that was restored from a backup acts again, above all that its targets have seen.
    LaneAdopted {
        /// Which.
        lane: LaneId,
        /// Of the lane from here on.
        generation: u64,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A deployment is over; its outcome never changes.
    Ended {
        /// Which.
        id: DeploymentId,
        /// How.
        outcome: DeploymentOutcome,
        /// Why, for people.
        why: String,
        /// What the lane wants from here on, if that changes.
        desired: Option<ReleaseId>,
        /// The release the lane can return to from here on, if that changes.
        last_good: Option<ReleaseId>,
        /// What the lane owes from here on, and why; none if that does not change.
        owed: Option<BTreeMap<AgentId, String>>,
    },
}

impl DeploymentFact {
    /// The lane that it is about; none for a release, and for all of them.
    pub fn lane(&self) -> Option<&LaneId> {
        match self {
            Self::ReleaseMade { .. } | Self::AllStopped { .. } | Self::StopLifted { .. } => None,
            Self::LaneLocked { lane, .. }
            | Self::LaneUnlocked { lane, .. }
            | Self::Allowed { lane, .. }
            | Self::DebtMade { lane, .. }
            | Self::DebtEnded { lane, .. }
            | Self::TargetBlank { lane, .. }
            | Self::CatchUpStopped { lane, .. }
            | Self::Converged { lane, .. }
            | Self::TargetForgotten { lane, .. }
            | Self::LaneAdopted { lane, .. } => Some(lane),
            Self::Requested { id, .. }
            | Self::PlanMade { id, .. }
            | Self::Approved { id, .. }
            | Self::TakenOver { id, .. }
            | Self::Started { id, .. }
            | Self::BatchStarted { id, .. }
            | Self::TargetAdmitted { id, .. }
            | Self::TargetJoined { id, .. }
            | Self::TargetMoved { id, .. }
            | Self::Recovered { id, .. }
            | Self::BakeStarted { id, .. }
            | Self::BatchPassed { id, .. }
            | Self::RollbackStarted { id, .. }
            | Self::RollbackAsked { id, .. }
            | Self::Paused { id, .. }
            | Self::Resumed { id, .. }
            | Self::Ended { id, .. } => Some(&id.lane),
        }
    }
}
