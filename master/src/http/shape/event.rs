//! From facts to events.
//!
//! A report names its attempt by fence alone. Which run, job and agent that is, is learnt from the facts that are read and from what is
//! open now; for a replay that begins in the middle of an attempt which is closed by now it cannot be learnt, and the event says so in
//! `text`.

use std::collections::BTreeMap;

use windlass_core::attempt::LineBody;
use windlass_core::fact::{AgentFact, DeploymentFact};
use windlass_core::model::deployment::DebtEnd;
use windlass_core::model::{AgentId, DeploymentId, Fence, JobKey, RunId};
use windlass_core::world::AttemptRef;
use windlass_core::{Fact, Recorded, State};
use windlass_proto::api::{Event, EventKind};

use super::release_word;

/// Attempts by fence.
#[derive(Debug, Default)]
pub(in crate::http) struct Attempts {
    known: BTreeMap<Fence, AttemptRef>,
}

impl Attempts {
    /// What is open now.
    pub(in crate::http) fn open(state: &State) -> Self {
        let known = state.attempts.iter().map(|(fence, place)| (*fence, place.clone())).collect();
        Self { known }
    }
}

/// The events of a fact, in order.
pub(in crate::http) fn events(state: &State, attempts: &mut Attempts, recorded: &Recorded) -> Vec<Event> {
    let blank = |kind| Event {
        kind,
        time: recorded.at.into(),
        project: None,
        run: None,
        job: None,
        attempt: None,
        step: None,
        agent: None,
        deployment: None,
        lane: None,
        outcome: None,
        text: None,
    };
    let of_run =
        |kind, run: &RunId| Event { project: Some(run.project.to_string()), run: Some(run.in_path()), ..blank(kind) };
    match &recorded.fact {
        Fact::RunCreated { run, .. } => vec![of_run(EventKind::RunCreated, run)],
        Fact::RunEnded { run, outcome } => {
            vec![Event { outcome: Some(outcome.into()), ..of_run(EventKind::RunEnded, run) }]
        }
        Fact::JobPlaced { run, job, attempt, agent, fence, .. } => {
            let place = AttemptRef { run: run.clone(), job: job.clone(), attempt: *attempt, agent: *agent };
            attempts.known.insert(*fence, place);
            let first = is_first(state, attempts, run, *fence);
            if first { vec![of_run(EventKind::RunStarted, run)] } else { Vec::new() }
        }
        Fact::JobEnded { run, job, outcome } => {
            let event = of_run(EventKind::JobEnded, run);
            vec![Event { job: Some(job.to_string()), outcome: Some(outcome.into()), ..event }]
        }
        Fact::Reported { fence, line } => {
            let place = attempts.known.get(fence);
            reported(&line.body, is_settled(state, place), |kind| of_attempt(state, blank(kind), *fence, place))
        }
        Fact::CancelAsked { run, job, by, why, .. } => {
            let text = Some(if why.is_empty() { format!("by {by}") } else { format!("by {by}: {why}") });
            vec![Event { job: Some(job.to_string()), text, ..of_run(EventKind::JobStopping, run) }]
        }
        Fact::JobHeld { run, job } => {
            vec![Event { job: Some(job.to_string()), ..of_run(EventKind::RunHeld, run) }]
        }
        Fact::Settled { run, job, attempt, settlement, .. } => {
            let (job, text) = (Some(job.to_string()), Some(settlement.to_string()));
            vec![Event { job, attempt: Some(attempt.0), text, ..of_run(EventKind::JobSettled, run) }]
        }
        Fact::JobsRetried { run, jobs, by, .. } => {
            let event = |job: &JobKey| Event {
                job: Some(job.to_string()),
                text: Some(format!("by {by}")),
                ..of_run(EventKind::JobRetried, run)
            };
            jobs.iter().map(event).collect()
        }
        Fact::AgentSeen { agent, .. } => {
            vec![Event { agent: name(state, *agent), ..blank(EventKind::AgentConnected) }]
        }
        Fact::AgentGone { agent, .. } => vec![Event { agent: name(state, *agent), ..blank(EventKind::AgentGone) }],
        Fact::Agent(fact) => {
            let (kind, text) = about_agent(fact);
            vec![Event { agent: name(state, fact.agent()), text: Some(text), ..blank(kind) }]
        }
        Fact::Deployment(fact) => match of_lane(fact) {
            Some((kind, text)) => {
                let agent = debtor(fact).and_then(|agent| name(state, agent));
                vec![Event { lane: fact.lane().map(ToString::to_string), agent, text: Some(text), ..blank(kind) }]
            }
            None => deployment(state, fact).map(|about| about.event(&blank)).into_iter().collect(),
        },
        Fact::EpochBegun { .. }
        | Fact::ConfigSet { .. }
        | Fact::TokenMade { .. }
        | Fact::JoinTokenMade { .. }
        | Fact::AgentEnrolled { .. }
        | Fact::Observed { .. }
        | Fact::DeliveryTaken { .. }
        | Fact::DeliveryMatchedNothing { .. }
        | Fact::JobsAdded { .. }
        | Fact::DeliveriesForgotten { .. }
        | Fact::KeysForgotten { .. }
        | Fact::KeyUsed { .. }
        | Fact::LogsExpired { .. }
        | Fact::RunsExpired { .. }
        | Fact::MasterPaused { .. }
        | Fact::Restored
        | Fact::ProjectStarted { .. }
        | Fact::AttemptLost { .. }
        | Fact::AttemptGone { .. }
        | Fact::LogSealed { .. }
        | Fact::ArtifactStored { .. }
        | Fact::JobClosed { .. }
        | Fact::Secret(_)
        | Fact::RunClosed { .. } => Vec::new(),
    }
}

/// What a line of a record means; `event` is about its attempt.
fn reported(line: &LineBody, is_settled: bool, event: impl Fn(EventKind) -> Event) -> Vec<Event> {
    match line {
        LineBody::Go => vec![event(EventKind::JobStarted)],
        LineBody::StepStarted { step } => vec![Event { step: Some(*step), ..event(EventKind::StepStarted) }],
        LineBody::StepEnded { step, outcome, .. } => {
            let outcome = Some(outcome.into());
            vec![Event { step: Some(*step), outcome, ..event(EventKind::StepEnded) }]
        }
        LineBody::Stuck { survivors, at } => {
            let text = Some(format!("{survivors} processes at {at}"));
            vec![Event { text, ..event(EventKind::JobStuck) }]
        }
        LineBody::Void { outcome } | LineBody::Exit { outcome, .. } if is_settled => {
            vec![Event { outcome: Some(outcome.into()), ..event(EventKind::JobLate) }]
        }
        LineBody::Accepted { .. } | LineBody::Void { .. } | LineBody::Exit { .. } => Vec::new(),
    }
}

/// True if nobody waited for this end any more.
fn is_settled(state: &State, place: Option<&AttemptRef>) -> bool {
    let job = place.and_then(|place| Some((place.attempt, state.job(&place.run, &place.job)?)));
    let attempt = job.and_then(|(number, job)| job.attempts.iter().find(|attempt| attempt.number == number));
    attempt.is_some_and(|attempt| attempt.settlement.is_some())
}

fn said(by: &str, reason: &str) -> String {
    format!("by {by}: {reason}")
}

/// What happened to a lane, or to all of them, besides its deployments.
fn of_lane(fact: &DeploymentFact) -> Option<(EventKind, String)> {
    Some(match fact {
        DeploymentFact::LaneLocked { by, why, .. } => (EventKind::LaneLocked, said(by, why)),
        DeploymentFact::LaneUnlocked { by, why, .. } => (EventKind::LaneUnlocked, said(by, why)),
        DeploymentFact::Allowed { releases, by, why, .. } => {
            let names: Vec<String> = releases.iter().map(release_word).collect();
            (EventKind::LaneAllowed, format!("{} {}", names.join(", "), said(by, why)))
        }
        DeploymentFact::AllStopped { by, why } => (EventKind::AllStopped, said(by, why)),
        DeploymentFact::StopLifted { by, why } => (EventKind::AllLifted, said(by, why)),
        DeploymentFact::DebtMade { why, .. } => (EventKind::LaneOwes, why.clone()),
        DeploymentFact::DebtEnded { how: DebtEnd::Paid, .. } => (EventKind::LanePaid, "it is there".to_owned()),
        DeploymentFact::DebtEnded { how: DebtEnd::Left, .. } => (EventKind::LanePaid, "it has left".to_owned()),
        DeploymentFact::CatchUpStopped { why, .. } => (EventKind::LaneCatchUpStopped, why.clone()),
        DeploymentFact::Converged { by, why, .. } => (EventKind::LaneConverged, said(by, why)),
        DeploymentFact::LaneAdopted { by, why, .. } => (EventKind::LaneAdopted, said(by, why)),
        DeploymentFact::TargetForgotten { by, why, .. } => (EventKind::TargetForgotten, said(by, why)),
        DeploymentFact::ReleaseMade { .. }
        | DeploymentFact::Requested { .. }
        | DeploymentFact::PlanMade { .. }
        | DeploymentFact::Approved { .. }
        | DeploymentFact::TakenOver { .. }
        | DeploymentFact::Started { .. }
        | DeploymentFact::BatchStarted { .. }
        | DeploymentFact::TargetAdmitted { .. }
        | DeploymentFact::TargetMoved { .. }
        | DeploymentFact::Recovered { .. }
        | DeploymentFact::BakeStarted { .. }
        | DeploymentFact::BatchPassed { .. }
        | DeploymentFact::RollbackStarted { .. }
        | DeploymentFact::RollbackAsked { .. }
        | DeploymentFact::Paused { .. }
        | DeploymentFact::Resumed { .. }
        | DeploymentFact::TargetJoined { .. }
        | DeploymentFact::TargetBlank { .. }
        | DeploymentFact::Ended { .. } => return None,
    })
}

/// The target that such a fact is about.
fn debtor(fact: &DeploymentFact) -> Option<AgentId> {
    match fact {
        DeploymentFact::DebtMade { target, .. }
        | DeploymentFact::DebtEnded { target, .. }
        | DeploymentFact::TargetForgotten { target, .. } => Some(*target),
        _ => None,
    }
}

fn about_agent(fact: &AgentFact) -> (EventKind, String) {
    match fact {
        AgentFact::Quarantined { why, .. } => (EventKind::AgentQuarantined, why.to_string()),
        AgentFact::Readmitted { by, reason, .. } => (EventKind::AgentReadmitted, said(by, reason)),
        AgentFact::Removed { by, reason, .. } => (EventKind::AgentRemoved, said(by, reason)),
        AgentFact::Paused { by, reason, .. } => (EventKind::AgentPaused, said(by, reason)),
        AgentFact::Resumed { by, reason, .. } => (EventKind::AgentResumed, said(by, reason)),
        AgentFact::SilentTooLong { .. } => {
            (EventKind::AgentSilent, "a job on this target is open, and nobody knows how it stands".to_owned())
        }
        AgentFact::AttemptFound { found, .. } => {
            (EventKind::AgentAttemptFound, format!("attempt {} of {} {}", found.fence, found.run, found.job))
        }
    }
}

fn of_attempt(state: &State, event: Event, fence: Fence, place: Option<&AttemptRef>) -> Event {
    match place {
        Some(place) => Event {
            project: Some(place.run.project.to_string()),
            run: Some(place.run.in_path()),
            job: Some(place.job.to_string()),
            attempt: Some(place.attempt.0),
            agent: name(state, place.agent),
            ..event
        },
        None => Event { text: Some(format!("of attempt {fence}, which is over")), ..event },
    }
}

fn name(state: &State, agent: AgentId) -> Option<String> {
    state.agents.get(&agent).map(|agent| agent.register.name.to_string())
}

/// What happened to a deployment.
struct About<'f> {
    kind: EventKind,
    id: &'f DeploymentId,
    run: Option<&'f RunId>,
    agent: Option<String>,
    text: String,
}

impl About<'_> {
    fn event(self, blank: &impl Fn(EventKind) -> Event) -> Event {
        Event {
            deployment: Some(self.id.in_path()),
            project: self.run.map(|run| run.project.to_string()),
            run: self.run.map(RunId::in_path),
            agent: self.agent,
            text: Some(self.text),
            ..blank(self.kind)
        }
    }
}

fn deployment<'f>(state: &'f State, fact: &'f DeploymentFact) -> Option<About<'f>> {
    let run_of = |id| state.deployments.get(id).map(|deployment| &deployment.run);
    let about = |kind, id, text: String| About { kind, id, run: run_of(id), agent: None, text };
    Some(match fact {
        DeploymentFact::ReleaseMade { .. }
        | DeploymentFact::TargetAdmitted { .. }
        | DeploymentFact::Recovered { .. }
        | DeploymentFact::LaneLocked { .. }
        | DeploymentFact::LaneUnlocked { .. }
        | DeploymentFact::Allowed { .. }
        | DeploymentFact::AllStopped { .. }
        | DeploymentFact::StopLifted { .. }
        | DeploymentFact::DebtMade { .. }
        | DeploymentFact::DebtEnded { .. }
        | DeploymentFact::TargetBlank { .. }
        | DeploymentFact::CatchUpStopped { .. }
        | DeploymentFact::Converged { .. }
        | DeploymentFact::TargetForgotten { .. }
        | DeploymentFact::LaneAdopted { .. } => return None,
        DeploymentFact::Requested { id, release, run, by, .. } => {
            let text = format!("{} by {by}", release_word(release));
            About { run: Some(run), ..about(EventKind::DeploymentRequested, id, text) }
        }
        DeploymentFact::PlanMade { id, plan } => {
            let digest = plan.digest().short();
            about(EventKind::DeploymentAwaitsApproval, id, format!("plan {digest} of {}", release_word(&plan.release)))
        }
        DeploymentFact::Approved { id, plan, by } => {
            about(EventKind::DeploymentApproved, id, format!("plan {} by {by}", plan.short()))
        }
        DeploymentFact::TakenOver { id, old, by, why, .. } => {
            let old = old.as_ref().map_or_else(|| "the lane".to_owned(), ToString::to_string);
            about(EventKind::DeploymentTookOver, id, format!("{old}, {}", said(by, why)))
        }
        DeploymentFact::Started { id, plan } => {
            let text = format!("{} in {} batches", release_word(&plan.release), plan.batches.len());
            about(EventKind::DeploymentStarted, id, text)
        }
        DeploymentFact::BatchStarted { id, batch, generation } => {
            let text = format!("batch {} of generation {generation}", batch + 1);
            about(EventKind::DeploymentBatchStarted, id, text)
        }
        DeploymentFact::TargetJoined { id, target, .. } => {
            let agent = Some(target.name.to_string());
            About { agent, ..about(EventKind::DeploymentTargetMoved, id, "joined".to_owned()) }
        }
        DeploymentFact::TargetMoved { id, target, to, .. } => {
            let agent = name(state, *target);
            About { agent, ..about(EventKind::DeploymentTargetMoved, id, to.word().to_owned()) }
        }
        DeploymentFact::BakeStarted { id, batch } => {
            about(EventKind::DeploymentBakeStarted, id, format!("batch {}", batch + 1))
        }
        DeploymentFact::BatchPassed { id, batch } => {
            about(EventKind::DeploymentBatchPassed, id, format!("batch {}", batch + 1))
        }
        DeploymentFact::RollbackStarted { id, why, .. } | DeploymentFact::RollbackAsked { id, why, .. } => {
            about(EventKind::DeploymentRollbackStarted, id, why.clone())
        }
        DeploymentFact::Paused { id, why } => about(EventKind::DeploymentPaused, id, why.to_string()),
        DeploymentFact::Resumed { id, by, why } => about(EventKind::DeploymentResumed, id, said(by, why)),
        DeploymentFact::Ended { id, outcome, why, .. } => {
            let text = if why.is_empty() { outcome.word().to_owned() } else { format!("{}: {why}", outcome.word()) };
            about(EventKind::DeploymentEnded, id, text)
        }
    })
}

/// True if this is the first placement of the run: the lowest fence that its attempts have.
fn is_first(state: &State, attempts: &Attempts, run: &RunId, fence: Fence) -> bool {
    let live = state.runs.get(run).and_then(|run| run.jobs.iter().flat_map(|job| &job.attempts).map(|a| a.fence).min());
    let seen = attempts.known.iter().find(|(_, place)| place.run == *run).map(|(fence, _)| *fence);
    live.or(seen) == Some(fence)
}
