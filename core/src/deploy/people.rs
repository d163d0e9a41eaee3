//! What people hold and let go: a lane, a deployment, everything. Each verb that changes nothing is refused with a sentence.

use super::drift;
use super::state::{Deployment, DeploymentState};
use super::step::approvals;
use crate::answer::{Answer, Decision, Refusal};
use crate::fact::{DeploymentFact, Fact};
use crate::input::LaneVerb;
use crate::model::{DeploymentId, Digest, LaneId, Pause, ReleaseId, UnixMs};
use crate::world::State;

pub(super) fn done(fact: DeploymentFact) -> Decision {
    Decision::done(vec![Fact::Deployment(fact)])
}

pub(super) fn no(why: String) -> Decision {
    Decision::refuse(Refusal::Rejected(why))
}

/// Locks a lane, opens it, takes a refusal back, or mends what has drifted.
pub fn lane(state: &State, at: UnixMs, lane: LaneId, verb: LaneVerb, by: String, why: String) -> Decision {
    if !state.config.environments.contains_key(&lane.environment) && !state.lanes.contains_key(&lane) {
        return Decision::refuse(Refusal::EnvironmentUnknown(lane.environment.to_string()));
    }
    if !state.services.contains_key(&lane.service) {
        return Decision::refuse(Refusal::NoRelease(lane.service.to_string()));
    }
    let lock = state.lanes.get(&lane).and_then(|lane| lane.lock.as_ref());
    match (verb, lock) {
        (LaneVerb::Lock, Some(lock)) => no(format!("{lane} is locked {lock}")),
        (LaneVerb::Lock, None) => done(DeploymentFact::LaneLocked { lane, by, why }),
        (LaneVerb::Unlock, None) => no(format!("{lane} is not locked")),
        (LaneVerb::Unlock, Some(_)) => done(DeploymentFact::LaneUnlocked { lane, by, why }),
        (LaneVerb::Allow(release), _) => allow(state, lane, &release, by, why),
        (LaneVerb::Converge(target), _) => drift::converge(state, lane, target.as_ref(), by, why),
        (LaneVerb::Forget(target), _) => drift::forget(state, lane, &target, by, why),
        (LaneVerb::Adopt, _) => drift::adopt(state, at, lane, by, why),
    }
}

fn allow(state: &State, lane: LaneId, release: &ReleaseId, by: String, why: String) -> Decision {
    let Some(release) = state.releases.get(release) else {
        return Decision::refuse(Refusal::ReleaseUnknown(release.to_string()));
    };
    let revision = |id: &ReleaseId| state.releases.get(id).map(|known| known.revision.clone());
    let refused = state.lanes.get(&lane).map(|lane| lane.refused_with(release, revision)).unwrap_or_default();
    if refused.is_empty() {
        return no(format!("{lane} does not refuse {}", release.name()));
    }
    done(DeploymentFact::Allowed { lane, releases: refused, by, why })
}

/// Admits nothing more; what is in flight reaches its end.
pub fn pause(state: &State, id: &DeploymentId, by: String, why: String) -> Decision {
    let found = match open(state, id) {
        Ok(found) => found,
        Err(refusal) => return Decision::refuse(refusal),
    };
    match (&found.paused, &found.state) {
        (Some(pause), _) => no(format!("{id} is paused: {pause}")),
        (None, DeploymentState::Queued | DeploymentState::AwaitingApproval) => {
            no(format!("{id} waits for its lane: `windlass lock` holds it there"))
        }
        (None, DeploymentState::RollingBack) => no(format!("{id} is on its way back, which nothing holds")),
        (
            None,
            DeploymentState::Preparing
            | DeploymentState::Changing { .. }
            | DeploymentState::Baking { .. }
            | DeploymentState::Ended(_),
        ) => answered(found, DeploymentFact::Paused { id: id.clone(), why: Pause::Asked { by, why } }),
    }
}

/// Goes on where it was.
pub fn resume(state: &State, id: &DeploymentId, by: String, why: String) -> Decision {
    let found = match open(state, id) {
        Ok(found) => found,
        Err(refusal) => return Decision::refuse(refusal),
    };
    let Some(paused) = &found.paused else { return no(format!("{id} is not paused, it is {}", found.word())) };
    if let Some(stop) = &state.stop_all {
        return no(format!("everything is stopped {stop}: `windlass stop-all --lift` comes first"));
    }
    let mut decision = answered(found, DeploymentFact::Resumed { id: id.clone(), by, why });
    if let (Pause::Promote, DeploymentState::Baking { batch, .. }) = (paused, &found.state) {
        let (id, batch, generation) = (id.clone(), batch + 1, found.generation);
        decision.facts.push(Fact::Deployment(DeploymentFact::BatchStarted { id, batch, generation }));
    }
    decision
}

/// Approves exactly this plan.
pub fn approve(state: &State, id: &DeploymentId, plan: Digest, by: String) -> Decision {
    let found = match open(state, id) {
        Ok(found) => found,
        Err(refusal) => return Decision::refuse(refusal),
    };
    let Some(proposed) = found.proposed.as_ref().filter(|_| found.state == DeploymentState::AwaitingApproval) else {
        return no(format!("{id} waits for no approval, it is {}", found.word()));
    };
    let (demanded, now) = (approvals(state, found), proposed.digest());
    let asked = found.by == by || state.runs.get(&found.run).is_some_and(|run| run.trigger.actor == by);
    if now != plan {
        Decision::refuse(Refusal::PlanChanged { now })
    } else if !demanded.from.contains(&by) {
        no(format!("{} is approved by {demanded}, not by {by}", id.lane.environment))
    } else if asked {
        no(format!("{by} asked for {id}: somebody else approves it"))
    } else if found.approvals.contains(&by) {
        no(format!("{by} has approved this plan already"))
    } else {
        answered(found, DeploymentFact::Approved { id: id.clone(), plan, by })
    }
}

fn answered(deployment: &Deployment, fact: DeploymentFact) -> Decision {
    let answer = Answer::Deployment { deployment: deployment.id.clone(), run: deployment.run.clone() };
    Decision { answer, ..done(fact) }
}

fn open<'a>(state: &'a State, id: &DeploymentId) -> Result<&'a Deployment, Refusal> {
    let found = state.deployments.get(id).ok_or_else(|| Refusal::DeploymentUnknown(id.clone()))?;
    if found.is_ended() { Err(Refusal::DeploymentEnded(id.clone())) } else { Ok(found) }
}

/// Stops whatever happens by itself to targets, forward and back, or lets it go on. What is in flight reaches its end.
pub fn stop_all(state: &State, lift: bool, by: String, why: String) -> Decision {
    match (&state.stop_all, lift) {
        (None, false) => done(DeploymentFact::AllStopped { by, why }),
        (Some(_), true) => done(DeploymentFact::StopLifted { by, why }),
        (Some(stop), false) => no(format!("everything is stopped {stop}")),
        (None, true) => no("nothing is stopped".to_owned()),
    }
}
