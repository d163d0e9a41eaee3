//! One pass over the jobs that may be placed: oldest run first, then the order of the file. A job that cannot be placed blocks none.

use std::collections::BTreeMap;

use super::explain::Waiting;
use crate::agent::Agent;
use crate::fact::{Fact, SecretFact};
use crate::job::decide::{despite, is_placeable};
use crate::job::envelope::envelope;
use crate::model::{AgentId, Attempt, Fence, StepsWork, Work};
use crate::run::Run;
use crate::world::{Decided, State};
use crate::{project, secret};

/// Agents that may carry out a job now, or why none may.
pub(super) enum Candidates<'a> {
    /// At least one, with its free slots.
    Some(Vec<(&'a Agent, u32)>),
    /// None, for this reason.
    None(Waiting),
}

/// Places every job that can be placed now.
pub fn pass(state: &State) -> Vec<Decided> {
    let mut runs: Vec<&Run> = state.runs.values().map(AsRef::as_ref).filter(|run| !run.is_ended()).collect();
    runs.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let mut taken = BTreeMap::new();
    let (mut decided, mut placed) = (Vec::new(), 0);
    for run in runs {
        for job in run.jobs.iter().filter(|job| is_placeable(run, job)) {
            let Work::Steps(work) = &job.plan.work else { continue };
            let Candidates::Some(found) = candidates(state, run, work) else { continue };
            let Some((agent, why)) = best(&found, work, &taken) else { continue };
            if work.target.is_none() {
                *taken.entry(agent.id).or_insert(0) += 1;
            }
            let number = u32::try_from(job.attempts.len()).unwrap_or(u32::MAX).saturating_add(1);
            placed += 1;
            let fence = Fence::of(state.epoch, state.fences + placed);
            let envelope = envelope(state, run, job, work, agent);
            let secrets = secret::granted(state, run, job, &envelope);
            let mut facts = vec![Fact::JobPlaced {
                run: run.id.clone(),
                job: job.plan.key.clone(),
                attempt: Attempt(number),
                agent: agent.id,
                fence,
                envelope: Box::new(envelope),
                why,
                despite: despite(job),
            }];
            if !secrets.is_empty() {
                let (run, agent) = (run.id.clone(), agent.id);
                facts.push(Fact::Secret(SecretFact::Delivered { fence, run, agent, secrets }));
            }
            decided.push(facts);
        }
    }
    decided
}

/// Most free slots, then the first by name; `taken` counts what this pass has given away.
fn best<'a>(
    found: &[(&'a Agent, u32)],
    work: &StepsWork,
    taken: &BTreeMap<AgentId, u32>,
) -> Option<(&'a Agent, String)> {
    if work.target.is_some() {
        return found.first().map(|(agent, _)| (*agent, "the target".to_owned()));
    }
    let left = |agent: &Agent, free: u32| free.saturating_sub(taken.get(&agent.id).copied().unwrap_or(0));
    let open = found.iter().map(|(agent, free)| (*agent, left(agent, *free))).filter(|(_, free)| *free > 0);
    let (agent, free) = open.min_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.register.name.cmp(&b.0.register.name)))?;
    Some((agent, format!("{free} of {} slots free", agent.offer.slots)))
}

/// Filters step by step, so that the first filter that leaves nobody is the reason.
pub(super) fn candidates<'a>(state: &'a State, run: &Run, work: &StepsWork) -> Candidates<'a> {
    if project::is_stopped(state, &run.id.project) {
        return Candidates::None(Waiting::Stopped(run.id.project.to_string()));
    }
    if let Some(target) = &work.target {
        return target_only(state, target.agent);
    }
    let names = |agents: &[&Agent]| agents.iter().map(|agent| agent.register.name.to_string()).collect::<Vec<_>>();
    let known = state.agents.values().map(AsRef::as_ref).filter(|agent| agent.standing.is_known());
    let matching: Vec<&Agent> = known.filter(|agent| matches(agent, work)).collect();
    if matching.is_empty() {
        let terms: Vec<String> = work.runs_on.iter().map(ToString::to_string).collect();
        return Candidates::None(Waiting::NoAgent(terms.join(", ")));
    }
    let takes = |agent: &&&Agent| takes_project(agent, run);
    let taking: Vec<&Agent> = matching.iter().filter(takes).copied().collect();
    if taking.is_empty() {
        return Candidates::None(Waiting::NotTaken(names(&matching)));
    }
    let here: Vec<&Agent> = taking.iter().filter(|agent| agent.session().is_some()).copied().collect();
    if here.is_empty() {
        return Candidates::None(Waiting::AgentsAway(names(&taking)));
    }
    let (paused, here): (Vec<&Agent>, Vec<&Agent>) = here.iter().partition(|agent| agent.pause().is_some());
    if here.is_empty() {
        return Candidates::None(Waiting::AgentsPaused(paused.iter().copied().map(pause_of).collect()));
    }
    let free: Vec<(&Agent, u32)> =
        here.iter().map(|agent| (*agent, free_slots(state, agent))).filter(|(_, free)| *free > 0).collect();
    if free.is_empty() { Candidates::None(Waiting::AgentsFull(names(&here))) } else { Candidates::Some(free) }
}

fn target_only(state: &State, target: AgentId) -> Candidates<'_> {
    match state.agents.get(&target).map(AsRef::as_ref) {
        None => Candidates::None(Waiting::NoAgent(format!("agent {target}"))),
        Some(agent) if agent.session().is_none() => {
            Candidates::None(Waiting::AgentsAway(vec![agent.register.name.to_string()]))
        }
        Some(agent) if agent.pause().is_some() => Candidates::None(Waiting::AgentsPaused(vec![pause_of(agent)])),
        Some(agent) if is_being_changed(state, agent) => {
            Candidates::None(Waiting::AgentsFull(vec![agent.register.name.to_string()]))
        }
        Some(agent) => Candidates::Some(vec![(agent, 1)]),
    }
}

/// As `b2 is paused by ines: "disk swap"`.
fn pause_of(agent: &Agent) -> String {
    let name = &agent.register.name;
    agent.pause().map_or_else(|| name.to_string(), |pause| format!("{name} is {pause}"))
}

/// At most one job changes a target at any time, over all lanes.
fn is_being_changed(state: &State, agent: &Agent) -> bool {
    open_works(state, agent).any(|work| work.target.is_some())
}

/// Labels hold, and an agent of an environment is named by `runs-on` and allowed jobs of pipelines.
fn matches(agent: &Agent, work: &StepsWork) -> bool {
    let labels = agent.labels();
    let serves = !agent.register.environments.is_empty();
    let may = !serves || (agent.register.jobs && !work.runs_on.is_empty());
    may && work.runs_on.iter().all(|term| term.holds(&labels))
}

fn takes_project(agent: &Agent, run: &Run) -> bool {
    let register = agent.register.projects.is_empty() || agent.register.projects.contains(&run.id.project);
    let offered = |project: &String| project == "*" || project == run.id.project.as_str();
    register && agent.offer.jobs && agent.offer.projects.iter().any(offered)
}

fn free_slots(state: &State, agent: &Agent) -> u32 {
    let used = open_works(state, agent).filter(|work| work.target.is_none()).count();
    agent.offer.slots.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
}

/// The work of attempts that may still be running.
fn open_works<'a>(state: &'a State, agent: &'a Agent) -> impl Iterator<Item = &'a StepsWork> {
    agent.open.iter().filter_map(|fence| {
        let (job, attempt) = state.attempt(*fence)?;
        match (&job.plan.work, attempt.outcome()) {
            (Work::Steps(work), None) => Some(work),
            (Work::Steps(_), Some(_)) | (Work::Deploy(_), _) => None,
        }
    })
}
