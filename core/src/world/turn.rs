//! From inputs to facts, answers and effects.

use std::collections::BTreeSet;

use super::keys;
use super::state::{DeliveryResult, State};
use crate::answer::{Answer, Decision};
use crate::effect::Effect;
use crate::fact::Fact;
use crate::input::{DeploymentVerb, Input};
use crate::model::{AgentId, Digest, Fence, ProjectName, UnixMs};
use crate::touched::Touched;
use crate::{agent, deploy, place, project, retention, run, secret};

/// Inputs of one turn. More would make its record, and the sync of it, larger than a caller should wait for.
pub const INPUTS_MAX: usize = 512;

/// A turn closes when its facts have so many bytes; it may be in the middle of what follows.
pub const TURN_BYTES: usize = 1024 * 1024;

/// The most that one decision makes: an input that would make more is refused.
pub const DECISION_BYTES_MAX: usize = 5 * 1024 * 1024 / 2;

/// A turn is one record of the journal, and this is the most that one holds.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// More rounds than this without rest mean that two rules answer each other for ever.
const ROUNDS_MAX: usize = 10_000;

/// Facts that are recorded together or not at all.
pub type Decided = Vec<Fact>;

/// What a turn made.
#[derive(Debug, Default)]
pub struct Turn {
    /// In order; they are committed as one record.
    pub facts: Vec<Fact>,
    /// One for each input that was taken, in order.
    pub answers: Vec<Answer>,
    /// By all facts of the turn.
    pub touched: Touched,
    /// What the next turn begins with, at once.
    pub rest: Rest,
    bytes: usize,
}

/// What was touched when a turn closed, and not looked at yet. A crash loses it: a start looks at everything.
#[derive(Debug, Default)]
pub struct Rest {
    touched: Touched,
    rounds: usize,
}

impl Rest {
    /// True if nothing is due.
    pub fn is_empty(&self) -> bool {
        self.touched.is_empty()
    }
}

/// Decides each input, then what follows, until nothing does. `state` is folded as facts are decided.
pub fn turn(state: &mut State, at: UnixMs, inputs: impl IntoIterator<Item = Input>) -> Turn {
    turn_behind(Rest::default(), state, at, inputs)
}

/// The same behind a turn that was closed. Inputs are taken while there is room for them; the others stay in the iterator.
pub fn turn_behind(rest: Rest, state: &mut State, at: UnixMs, inputs: impl IntoIterator<Item = Input>) -> Turn {
    let mut turn = Turn { rest, ..Turn::default() };
    let mut inputs = inputs.into_iter();
    while turn.answers.len() < INPUTS_MAX
        && !turn.is_full()
        && let Some(input) = inputs.next()
    {
        let Decision { facts, answer } = decide(state, at, input).bounded(DECISION_BYTES_MAX);
        turn.answers.push(answer);
        let fresh = turn.fold(state, at, facts);
        turn.rest.touched.merge(fresh);
    }
    turn.follow(state, at, |state, touched| advance(state, at, touched), place::pass);
    turn
}

impl Turn {
    fn is_full(&self) -> bool {
        self.bytes >= TURN_BYTES
    }

    /// Rounds of what follows from what was touched, until nothing does or the turn is full.
    fn follow(
        &mut self,
        state: &mut State,
        at: UnixMs,
        advance: impl Fn(&State, &Touched) -> Vec<Decided>,
        place: impl Fn(&State) -> Vec<Decided>,
    ) {
        let mut unplaced = Touched::default();
        while !self.is_full() {
            assert!(self.rest.rounds < ROUNDS_MAX, "decisions did not come to rest after {ROUNDS_MAX} rounds");
            self.rest.rounds += 1;
            let fresh = std::mem::take(&mut self.rest.touched);
            let mut decided = advance(state, &fresh);
            unplaced.merge(fresh);
            if decided.is_empty() && placement_may_change(&unplaced) {
                unplaced = Touched::default();
                decided = place(state);
            }
            if decided.is_empty() {
                self.rest = Rest::default();
                return;
            }
            let mut decided = decided.into_iter();
            while !self.is_full()
                && let Some(facts) = decided.next()
            {
                let fresh = self.fold(state, at, facts);
                self.rest.touched.merge(fresh);
            }
        }
        // What was decided and not recorded is decided again from what led to it.
        self.rest.touched.merge(unplaced);
        // Who left and who came back is told with the turn in which it was.
        self.rest.touched.closed.clear();
        self.rest.touched.reopened.clear();
    }

    /// Folds what was decided together.
    fn fold(&mut self, state: &mut State, at: UnixMs, facts: Decided) -> Touched {
        let mut touched = Touched::default();
        for fact in facts {
            self.bytes += fact.bytes();
            touched.merge(state.apply(at, &fact));
            self.facts.push(fact);
        }
        assert!(self.bytes < RECORD_BYTES_MAX, "a turn of {} bytes is no record", self.bytes);
        self.touched.merge(touched.clone());
        touched
    }
}

/// Placement comes last, when nothing else follows: it sees every job that became ready, and gives each slot once.
fn placement_may_change(touched: &Touched) -> bool {
    touched.all || !touched.runs.is_empty() || !touched.agents.is_empty()
}

/// What one input means.
pub fn decide(state: &State, at: UnixMs, input: Input) -> Decision {
    match input {
        Input::Begin { epoch, restored } => {
            let begun = [Fact::EpochBegun { epoch }].into_iter();
            Decision::done(begun.chain(restored.then_some(Fact::Restored)).collect())
        }
        Input::Configure(config) if *config == *state.config => Decision::done(Vec::new()),
        Input::Configure(config) => Decision::done(vec![Fact::ConfigSet { config }]),
        Input::Wake => Decision::done(Vec::new()),
        Input::Paused { for_ms } => Decision::done(vec![Fact::MasterPaused { for_ms }]),
        Input::Agent { agent, verb, by, reason } => agent::people::act(state, agent, verb, by, reason),
        Input::MakeToken(token) => Decision::done(vec![Fact::TokenMade { token }]),
        Input::MakeJoinToken(token) => agent::decide::make_join_token(state, token),
        Input::Enrol(request) => agent::decide::enrol(state, at, request),
        Input::Hello { hello, sessions_before } => agent::hello::hello(state, *hello, sessions_before),
        Input::SessionEnded { agent, session } => agent::decide::session_ended(state, agent, session),
        Input::Reported { agent, session, fence, line } => agent::decide::reported(state, agent, session, fence, line),
        Input::Observed { agent, session, observation } => agent::decide::observed(state, agent, session, observation),
        Input::LogSealed(seal) => sealed(state, seal),
        Input::BlobStored { fence, name, digest, size } => stored(state, fence, name, digest, size),
        Input::Deliver(delivery) => run::decide::deliver(state, at, delivery),
        Input::PipelineRead { key, read } => run::decide::pipeline_read(state, at, &key, *read),
        Input::Once { key, input } => keys::once(state, at, key, *input),
        Input::StartRun(start) => run::decide::start_run(state, at, *start),
        Input::CancelRun { run, jobs, by, why, force } => run::decide::cancel(state, &run, &jobs, &by, &why, force),
        Input::Retry { run, over, jobs, by } => run::retry::retry(state, &run, over, &jobs, &by),
        Input::StartProject { project, by, reason } => project::start(state, &project, by, reason),
        Input::Settle { run, job, verdict, by, reason } => {
            run::settle::settle(state, at, &run, &job, verdict, &by, &reason)
        }
        Input::LogsEnded { fence, seals } => logs_ended(state, fence, seals),
        Input::Deploy { lane, release, plan, manner, by, reason } => {
            deploy::decide::decide_deploy(state, at, &lane, release, plan, manner, (&by, &reason))
        }
        Input::Rollback { lane, to, by, reason } => deploy::decide::decide_rollback(state, at, &lane, to, &by, &reason),
        Input::SetSecret(set) => secret::set(state, set),
        Input::DeleteSecret { secret, by, reason } => secret::delete(state, secret, by, reason),
        Input::Lane { lane, verb, by, reason } => deploy::people::lane(state, at, lane, verb, by, reason),
        Input::Deployment { deployment, verb, by, reason } => match verb {
            DeploymentVerb::Abort(hold) => deploy::decide::decide_abort(state, &deployment, hold, &by, &reason),
            DeploymentVerb::Pause => deploy::people::pause(state, &deployment, by, reason),
            DeploymentVerb::Approve(plan) => deploy::people::approve(state, &deployment, plan, by),
            DeploymentVerb::Resume => deploy::people::resume(state, &deployment, by, reason),
        },
        Input::StopAll { lift, by, reason } => deploy::people::stop_all(state, lift, by, reason),
    }
}

/// A log that is sealed stays so; a log of a closed attempt was sealed before.
fn sealed(state: &State, seal: crate::input::LogSeal) -> Decision {
    let index = usize::try_from(seal.step).unwrap_or(usize::MAX).checked_sub(1);
    let step = index.and_then(|index| state.attempt(seal.fence)?.1.steps.get(index));
    match step {
        Some(step) if step.sealed.is_none() => Decision::done(vec![Fact::LogSealed { seal }]),
        Some(_) | None => Decision::done(Vec::new()),
    }
}

/// The master ended the logs of an attempt that its agent holds no more: with that it is closed.
fn logs_ended(state: &State, fence: Fence, seals: Vec<crate::input::LogSeal>) -> Decision {
    let gone = state.attempt(fence).is_some_and(|(_, attempt)| attempt.gone);
    if !gone {
        return Decision::done(Vec::new());
    }
    let mut facts: Vec<Fact> = seals.into_iter().flat_map(|seal| sealed(state, seal).facts).collect();
    facts.push(Fact::JobClosed { fence });
    Decision::done(facts)
}

fn stored(state: &State, fence: Fence, name: String, digest: Digest, size: u64) -> Decision {
    let Some(place) = state.attempts.get(&fence) else { return Decision::done(Vec::new()) };
    let run = state.runs.get(&place.run);
    let known = run.and_then(|run| run.artifact(&place.job, &name)).is_some_and(|known| known.digest == digest);
    match known {
        true => Decision::done(Vec::new()),
        false => Decision::done(vec![Fact::ArtifactStored { fence, name, digest, size }]),
    }
}

/// One round of what now follows from the facts that touched `touched`, and from deadlines that have come.
pub fn advance(state: &State, at: UnixMs, touched: &Touched) -> Vec<Decided> {
    let mut decided = each(closings(state, touched));
    if touched.all {
        decided.extend(state.runs.values().flat_map(|run| each(run::decide::advance(state, run))));
    } else {
        let runs = touched.runs.iter().filter_map(|id| state.runs.get(id));
        decided.extend(runs.flat_map(|run| each(run::decide::advance(state, run))));
    }
    decided.extend(each(agent::silence::advance(state, at)));
    decided.extend(each(keys::advance(state, at)));
    decided.extend(each(retention::advance(state, at)));
    decided.extend(deploy::advance(state, at, touched));
    decided
}

/// Facts of which each stands for itself.
fn each(facts: Vec<Fact>) -> Vec<Decided> {
    facts.into_iter().map(|fact| vec![fact]).collect()
}

fn closings(state: &State, touched: &Touched) -> Vec<Fact> {
    let fences: BTreeSet<Fence> = match touched.all {
        true => state.attempts.keys().copied().collect(),
        false => touched.attempts.keys().copied().collect(),
    };
    let whole = |fence: &Fence| {
        state.attempt(*fence).is_some_and(|(_, attempt)| attempt.outcome().is_some() && attempt.is_whole())
    };
    fences.into_iter().filter(whole).map(|fence| Fact::JobClosed { fence }).collect()
}

/// The only timer: the earliest time at which something follows without an input.
pub fn next_deadline(state: &State, at: UnixMs) -> Option<UnixMs> {
    let work = [agent::silence::next_deadline(state), deploy::next_deadline(state, at)];
    let memory = [keys::next_deadline(state), retention::next_deadline(state)];
    work.into_iter().chain(memory).flatten().min()
}

/// What to do in the world about what was touched.
pub fn effects(state: &State, touched: &Touched) -> Vec<Effect> {
    let reading =
        |key: &&String| state.deliveries.get(*key).is_some_and(|delivery| delivery.result == DeliveryResult::Reading);
    let agents: Vec<AgentId> = match touched.all {
        true => state.agents.keys().copied().collect(),
        false => touched.agents.iter().copied().collect(),
    };
    let keys: Vec<String> = match touched.all {
        true => state.deliveries.keys().filter(reading).cloned().collect(),
        false => touched.deliveries.iter().filter(reading).cloned().collect(),
    };
    let gone = |fence: &&Fence| state.attempt(**fence).is_some_and(|(_, attempt)| attempt.gone && !attempt.closed);
    let fences: Vec<Fence> = match touched.all {
        true => state.attempts.keys().filter(gone).copied().collect(),
        false => touched.attempts.keys().filter(gone).copied().collect(),
    };
    let refresh = agents.into_iter().map(Effect::Refresh);
    let refresh = refresh.chain(fences.into_iter().map(Effect::EndLogs));
    let expired = |name: &&ProjectName| state.projects.get(*name).is_some_and(|project| project.logs.from > 0);
    let projects: Vec<ProjectName> = match touched.all {
        true => state.projects.keys().filter(expired).cloned().collect(),
        false => touched.projects.iter().cloned().collect(),
    };
    let refresh = refresh.chain(projects.into_iter().map(Effect::RemoveLogs));
    refresh.chain(keys.into_iter().map(Effect::ReadPipeline)).collect()
}

#[cfg(test)]
mod tests;
