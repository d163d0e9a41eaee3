//! The fold: what a fact means. The same code builds the engine's state, a restarted master, the history and every test's model.

use std::sync::Arc;

use super::state::{AttemptRef, DeliveryResult, JoinTokenState, Map, ProjectState, State};
use crate::agent::{Agent, Presence, Standing};
use crate::attempt::state::{AttemptState, Placed};
use crate::fact::{Fact, ReopenedRun};
use crate::job::{Cancel, Job, JobState};
use crate::model::{
    AgentId, Attempt, Config, Digest, Duration, Fence, JobKey, Phase, ProjectName, RunId, Settlement, UnixMs,
};
use crate::run::state::Artifact;
use crate::run::{Run, RunState};
use crate::touched::Touched;

/// A master that was off for longer may as well have a wrong clock.
const LEAP: Duration = Duration::from_secs(30 * 24 * 3600);

/// Runs that a master may have made after the backup that it was restored from.
const RUNS_SKIPPED: u64 = 1_000;

impl State {
    /// Folds one fact, and says what it touched. Facts are in order and were decided by this crate, so that nothing here can fail.
    pub fn apply(&mut self, at: UnixMs, fact: &Fact) -> Touched {
        let before = std::mem::replace(&mut self.now, at);
        let mut touched = Touched::default();
        let t = &mut touched;
        match fact {
            Fact::EpochBegun { epoch } => self.begin((before, at), *epoch, t),
            Fact::Restored => self.restore(at, t),
            Fact::ProjectStarted { project, .. } => self.start_project(project, t),
            Fact::ConfigSet { config } => self.configure(config, t),
            Fact::TokenMade { token } => {
                self.tokens.insert_mut(token.id.clone(), token.clone());
            }
            Fact::JoinTokenMade { token } => {
                let state = JoinTokenState { token: token.clone(), used: None };
                self.join_tokens.insert_mut(token.id.clone(), state);
            }
            Fact::AgentEnrolled { agent, token, csr, register, chain } => {
                self.use_join_token(token, *csr, *agent, chain);
                self.agents.insert_mut(*agent, Arc::new(Agent::enrolled(*agent, register.clone(), at)));
                t.agents.insert(*agent);
            }
            Fact::AgentSeen { agent, session, incarnation, boot_id, program, offer } => {
                self.sessions = *session;
                let epoch = self.epoch;
                self.change_agent(*agent, t, |agent| {
                    agent.presence = Presence::Connected { session: *session, since: at };
                    agent.standing = Standing::Good;
                    agent.alarmed = None;
                    agent.incarnation = *incarnation;
                    (agent.seen_in, agent.seen_as) = (epoch, *session);
                    agent.boot_id.clone_from(boot_id);
                    agent.program.clone_from(program);
                    agent.offer = offer.clone();
                    agent.observations.clear();
                });
            }
            Fact::Agent(fact) => self.change_agent(fact.agent(), t, |agent| crate::agent::fold::fold(agent, at, fact)),
            Fact::MasterPaused { .. } => self.listening = at,
            Fact::AgentGone { agent, .. } => {
                self.change_agent(*agent, t, |agent| agent.presence = Presence::Gone { since: at });
            }
            Fact::Observed { agent, observation } => {
                t.lanes.insert(observation.lane.clone());
                self.change_agent(*agent, t, |agent| {
                    agent.observations.insert(observation.lane.clone(), observation.clone());
                });
            }
            Fact::DeliveryTaken { delivery } => self.take(at, delivery, t),
            Fact::DeliveryMatchedNothing { key, why } => {
                self.settle_delivery(key, DeliveryResult::Nothing(why.clone()), t);
            }
            Fact::DeliveriesForgotten { taken_until } => self.forget_deliveries(*taken_until),
            Fact::KeyUsed { .. } | Fact::KeysForgotten { .. } => self.keep_keys(at, fact),
            Fact::LogsExpired { project, below } => self.expire_logs(project, *below, t),
            Fact::RunsExpired { project, below } => self.expire_runs(project, *below, t),
            Fact::RunCreated { .. } => self.create_run(at, fact, t),
            Fact::JobsAdded { run, jobs } => self.change_run(run, t, |run| run.add_jobs(jobs)),
            Fact::JobPlaced { run, job, attempt, agent, fence, envelope, why, despite: _ } => {
                let placed = Placed { number: *attempt, fence: *fence, agent: *agent, envelope, why };
                self.place(at, run, job, placed, t);
            }
            Fact::Reported { fence, line } => {
                self.change_attempt(*fence, t, |attempt| attempt.fold(line, at));
                if line.body.is_last() {
                    self.change_job_of(*fence, t, Job::reconsider);
                    self.void_observation(*fence, t);
                }
            }
            Fact::AttemptLost { fence, reason } => self.change_attempt(*fence, t, |attempt| attempt.lose(*reason, at)),
            Fact::AttemptGone { fence, reason } => {
                self.change_attempt(*fence, t, |attempt| attempt.leave(*reason, at));
            }
            Fact::LogSealed { seal } => self.change_attempt(seal.fence, t, |attempt| attempt.seal(seal)),
            Fact::ArtifactStored { fence, name, digest, size } => self.store(*fence, name, *digest, *size, t),
            Fact::JobClosed { fence } => self.close(*fence, t),
            Fact::CancelAsked { run, job, by, why, force } => {
                let cancel = Cancel { by: by.clone(), why: why.clone(), force: *force };
                self.change_job(run, job, t, |job| job.cancel = Some(cancel));
                t.agents.extend(self.job(run, job).and_then(|job| job.attempt()).map(|attempt| attempt.agent));
            }
            Fact::JobEnded { run, job, outcome } => self.change_job(run, job, t, |job| {
                job.state = JobState::Ended(outcome.clone());
                job.ended = Some(at);
            }),
            Fact::Settled { run, job, attempt, fence, settlement } => {
                self.settle(run, job, *attempt, *fence, settlement, t);
            }
            Fact::JobsRetried { run, reopened, jobs, by } => self.retry(run, reopened.as_deref(), jobs, by, t),
            Fact::JobHeld { run, job } => self.change_job(run, job, t, |job| job.state = JobState::Held),
            Fact::RunEnded { run, outcome } => self.change_run(run, t, |run| {
                run.state = RunState::Ended(outcome.clone());
                run.ended = Some(at);
            }),
            Fact::RunClosed { run } => {
                t.closed.extend(self.runs.get(run).cloned());
                self.runs.remove_mut(run);
            }
            Fact::Secret(fact) => self.keep_secret(at, fact, t),
            Fact::Deployment(fact) => touched = crate::deploy::fold(self, at, fact),
        }
        touched
    }

    /// Sessions and observations of the master before are void.
    fn begin(&mut self, (before, at): (UnixMs, UnixMs), epoch: u64, touched: &mut Touched) {
        assert!(epoch > self.epoch, "epochs rise");
        self.epoch = epoch;
        self.begun = at;
        self.away = if before > UnixMs(0) { at.since(before) } else { Duration::default() };
        self.leapt = before > UnixMs(0) && at > before.after(LEAP);
        self.listening = at;
        self.fences = 0;
        self.sessions = 0;
        touched.all = true;
        let ids: Vec<AgentId> = self.agents.keys().copied().collect();
        for id in ids {
            self.change_agent(id, touched, |agent| {
                agent.observations.clear();
                agent.presence = match agent.presence {
                    Presence::Enrolled => Presence::Enrolled,
                    Presence::Connected { .. } | Presence::Gone { .. } => Presence::Gone { since: at },
                };
            });
        }
    }

    /// What happened after the backup is not known: no number of a run may mean two things, and nothing starts by itself.
    fn restore(&mut self, at: UnixMs, touched: &mut Touched) {
        touched.all = true;
        self.restored = Some(self.epoch);
        let lanes: Vec<_> = self.lanes.keys().cloned().collect();
        for lane in lanes {
            if let Some(lane) = self.lanes.get_mut(&lane) {
                Arc::make_mut(lane).fenced = true;
            }
        }
        let names: Vec<_> = self.projects.keys().cloned().collect();
        for name in names {
            if let Some(project) = self.projects.get_mut(&name) {
                project.next_run += RUNS_SKIPPED;
                project.stopped = Some(at);
            }
        }
    }

    fn configure(&mut self, config: &Config, touched: &mut Touched) {
        touched.all = true;
        self.config = Arc::new(config.clone());
        for project in config.projects.keys() {
            let ordinal = ordinal(&self.projects);
            if !self.projects.contains_key(project) {
                self.projects.insert_mut(project.clone(), ProjectState::new(ordinal));
            }
        }
        for environment in config.environments.keys() {
            let ordinal = ordinal(&self.environments);
            if !self.environments.contains_key(environment) {
                self.environments.insert_mut(environment.clone(), ordinal);
            }
        }
    }

    fn start_project(&mut self, name: &ProjectName, touched: &mut Touched) {
        touched.all = true;
        if let Some(project) = self.projects.get_mut(name) {
            project.stopped = None;
        }
    }

    fn expire_logs(&mut self, name: &ProjectName, below: u64, touched: &mut Touched) {
        if let Some(project) = self.projects.get_mut(name) {
            project.logs.expire(below);
            touched.projects.insert(name.clone());
        }
    }

    /// A run that has expired has no logs either.
    fn expire_runs(&mut self, name: &ProjectName, below: u64, touched: &mut Touched) {
        self.expire_logs(name, below, touched);
        if let Some(project) = self.projects.get_mut(name) {
            project.runs.expire(below);
        }
        let expired = |id: &&RunId| id.project == *name && id.number < below;
        for id in self.reopened.keys().filter(expired).cloned().collect::<Vec<_>>() {
            self.reopened.remove_mut(&id);
        }
    }

    fn use_join_token(&mut self, token: &str, csr: Digest, agent: AgentId, chain: &str) {
        if let Some(known) = self.join_tokens.get_mut(token) {
            known.used = Some((csr, agent, Arc::from(chain)));
        }
    }

    fn create_run(&mut self, at: UnixMs, fact: &Fact, touched: &mut Touched) {
        let Fact::RunCreated { run: id, trigger, branch, commit, plan, problems, unread, delivery, trust } = fact
        else {
            return;
        };
        let mut run = Run {
            id: id.clone(),
            trigger: trigger.clone(),
            branch: branch.clone(),
            commit: commit.clone(),
            problems: problems.clone(),
            unread: unread.clone(),
            trust: *trust,
            reopened: 0,
            jobs: Vec::new(),
            services: plan.services.clone(),
            artifacts: Vec::new(),
            state: RunState::Waiting,
            created: at,
            started: None,
            ended: None,
        };
        run.add_jobs(&plan.jobs);
        self.runs.insert_mut(id.clone(), Arc::new(run));
        let known = self.projects.get(&id.project).cloned();
        let mut project = known.unwrap_or_else(|| ProjectState::new(ordinal(&self.projects)));
        (project.next_run, project.last_run) = (id.number + 1, id.number);
        project.logs.count(at, id.number);
        project.runs.count(at, id.number);
        self.projects.insert_mut(id.project.clone(), project);
        if let Some(delivery) = delivery {
            self.settle_delivery(delivery, DeliveryResult::Run(id.clone()), touched);
        }
        touched.runs.insert(id.clone());
    }

    fn place(&mut self, at: UnixMs, run: &RunId, job: &JobKey, placed: Placed<'_>, touched: &mut Touched) {
        let (fence, agent) = (placed.fence, placed.agent);
        self.fences += 1;
        let place = AttemptRef { run: run.clone(), job: job.clone(), attempt: placed.number, agent };
        self.attempts.insert_mut(fence, place);
        self.change_agent(agent, touched, |agent| {
            agent.open.insert(fence);
            agent.last_fence = Some(fence);
        });
        let attempt = Arc::new(AttemptState::new(placed, at));
        self.change_run(run, touched, |run| {
            run.started.get_or_insert(at);
            run.state = RunState::Running;
        });
        self.change_job(run, job, touched, |job| {
            job.state = JobState::Attempting;
            job.attempts.push(attempt);
        });
        touched.attempts.insert(fence, run.clone());
    }

    /// An agent that still carries it out is told to stop.
    fn settle(
        &mut self,
        run: &RunId,
        key: &JobKey,
        attempt: Attempt,
        fence: Fence,
        settlement: &Settlement,
        touched: &mut Touched,
    ) {
        self.change_job(run, key, touched, |job| {
            let found = job.attempts.iter_mut().find(|found| found.number == attempt);
            let found = found.expect("only an attempt that exists is settled");
            Arc::make_mut(found).settle(settlement);
            job.reconsider();
        });
        if let Some(place) = self.attempts.get(&fence) {
            touched.attempts.insert(fence, run.clone());
            touched.agents.insert(place.agent);
        }
    }

    /// A run that had left the state is back in it.
    fn retry(&mut self, id: &RunId, reopened: Option<&ReopenedRun>, jobs: &[JobKey], by: &str, touched: &mut Touched) {
        if let Some(run) = reopened.map(ReopenedRun::restored) {
            let run = Arc::new(Run { reopened: run.reopened + 1, ..run });
            self.reopened.insert_mut(id.clone(), run.reopened);
            touched.reopened.push(Arc::clone(&run));
            self.runs.insert_mut(id.clone(), run);
        }
        self.change_run(id, touched, |run| {
            run.state = if run.started.is_some() { RunState::Running } else { RunState::Waiting };
            run.ended = None;
            jobs.iter().for_each(|key| run.job_mut(key).into_iter().for_each(|job| job.retry(by)));
        });
    }

    fn store(&mut self, fence: Fence, name: &str, digest: Digest, size: u64, touched: &mut Touched) {
        let Some(place) = self.attempts.get(&fence).cloned() else { return };
        let artifact = Artifact { job: place.job, name: name.to_owned(), digest, size };
        self.change_run(&place.run, touched, |run| {
            run.artifacts.retain(|old| (&old.job, &old.name) != (&artifact.job, &artifact.name));
            run.artifacts.push(artifact);
        });
    }

    fn close(&mut self, fence: Fence, touched: &mut Touched) {
        self.change_attempt(fence, touched, |attempt| attempt.closed = true);
        let Some(place) = self.attempts.get(&fence).cloned() else { return };
        self.change_agent(place.agent, touched, |agent| {
            agent.open.remove(&fence);
        });
        self.attempts.remove_mut(&fence);
    }

    /// What was seen before a change of a target ended says nothing about what it left behind.
    fn void_observation(&mut self, fence: Fence, touched: &mut Touched) {
        let change = self.attempt(fence).and_then(|(job, _)| crate::deploy::change_of(job));
        let Some(change) = change.filter(|change| change.phase != Phase::Prepare) else { return };
        let (agent, lane) = (change.agent, change.deployment.lane.clone());
        self.change_agent(agent, touched, |agent| drop(agent.observations.remove(&lane)));
    }

    fn change_agent(&mut self, id: AgentId, touched: &mut Touched, change: impl FnOnce(&mut Agent)) {
        if let Some(agent) = self.agents.get_mut(&id) {
            change(Arc::make_mut(agent));
            touched.agents.insert(id);
        }
    }

    pub(crate) fn change_run(&mut self, id: &RunId, touched: &mut Touched, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs.get_mut(id) {
            change(Arc::make_mut(run));
            touched.runs.insert(id.clone());
        }
    }

    pub(crate) fn change_job(
        &mut self,
        run: &RunId,
        key: &JobKey,
        touched: &mut Touched,
        change: impl FnOnce(&mut Job),
    ) {
        self.change_run(run, touched, |run| {
            if let Some(job) = run.job_mut(key) {
                change(job);
            }
        });
    }

    fn change_job_of(&mut self, fence: Fence, touched: &mut Touched, change: impl FnOnce(&mut Job)) {
        if let Some(place) = self.attempts.get(&fence).cloned() {
            self.change_job(&place.run, &place.job, touched, change);
        }
    }

    pub(crate) fn change_attempt(
        &mut self,
        fence: Fence,
        touched: &mut Touched,
        change: impl FnOnce(&mut AttemptState),
    ) {
        let Some(place) = self.attempts.get(&fence).cloned() else { return };
        self.change_job(&place.run, &place.job, touched, |job| {
            if let Some(attempt) = job.attempts.iter_mut().find(|attempt| attempt.fence == fence) {
                change(Arc::make_mut(attempt));
            }
        });
        touched.attempts.insert(fence, place.run);
        touched.agents.insert(place.agent);
    }
}

/// Ordinals count from 1 and are never given twice, because nothing leaves these maps.
fn ordinal<K: Ord, V>(map: &Map<K, V>) -> u32 {
    u32::try_from(map.size()).unwrap_or(u32::MAX).saturating_add(1)
}
