//! A master and a few hosts that do what they are told to. Every turn checks the invariants, and every forward admission V1, V9 and V10.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uuid::Uuid;

use super::checks;
pub(super) use super::host::{Fate, Host};
pub(super) use super::shop::*;

use crate::answer::Answer;
use crate::attempt::{Line, LineBody};
use crate::deploy::state::{Deployment, DeploymentState};
use crate::deploy::{change_of, invariants};
use crate::fact::{DeploymentFact, Fact};
use crate::input::{Enrolment, Hello, Input, JoinToken, Offer};
use crate::lane::Lane;
use crate::model::deployment::{DeploymentOutcome, TargetState};
use crate::model::*;
use crate::run::state::Artifact;
use crate::world::{State, turn};

pub(super) struct World {
    pub(super) state: State,
    pub(super) now: UnixMs,
    pub(super) hosts: BTreeMap<String, Host>,
    pub(super) facts: Vec<Fact>,
    position: u64,
    epoch: u64,
    /// Of what is pushed from now on.
    pub(super) rules: Rules,
}

impl World {
    /// A master and `count` targets `web1`, `web2`, …, all connected.
    pub(super) fn new(count: u128, max_unavailable: Option<Amount>) -> Self {
        let mut world = Self {
            state: State::default(),
            now: UnixMs(1_000_000),
            hosts: BTreeMap::new(),
            facts: Vec::new(),
            position: 0,
            epoch: 0,
            rules: Rules::default(),
        };
        world.begin();
        let main =
            Project { git: "/repo".to_owned(), file: "windlass.yaml".to_owned(), main_branch: "main".to_owned() };
        let config = Config {
            projects: BTreeMap::from([(project(), main)]),
            environments: BTreeMap::from([(lane_id().environment, environment(max_unavailable))]),
            lost_after: Duration::from_secs(300),
            ..Config::default()
        };
        world.turn(Input::Configure(Box::new(config)));
        for number in 1..=count {
            world.enrol(number);
        }
        // So that no later deployment waits to hear targets after the start of the master.
        world.pass(Duration::from_secs(61));
        world
    }

    pub(super) fn begin(&mut self) {
        self.epoch += 1;
        for host in self.hosts.values_mut() {
            host.session = None;
        }
        self.turn(Input::Begin { epoch: self.epoch, restored: false });
    }

    /// The master's data directory is a restored backup from now on; nobody is connected.
    pub(super) fn restore(&mut self) {
        self.epoch += 1;
        self.hosts.values_mut().for_each(|host| host.session = None);
        self.turn(Input::Begin { epoch: self.epoch, restored: true });
    }

    pub(super) fn enrol(&mut self, number: u128) {
        let name = format!("web{number}");
        let agent = AgentId(Uuid::from_u128(number));
        let environments = BTreeSet::from([lane_id().environment]);
        let register = AgentRegister {
            name: AgentName::new(&name).expect("a name"),
            labels: BTreeMap::from([("role".to_owned(), "web".to_owned())]),
            projects: BTreeSet::new(),
            environments,
            jobs: false,
        };
        let token = JoinToken {
            id: name.clone(),
            public_key: String::new(),
            register,
            expires: UnixMs(u64::MAX),
            by: "ines".to_owned(),
        };
        self.turn(Input::MakeJoinToken(token));
        let csr = Digest::of(name.as_bytes());
        self.turn(Input::Enrol(Enrolment { token: name.clone(), csr, agent, chain: String::new() }));
        let host = Host { agent, session: None, fate: Fate::Good, seen: None, incarnation: 0 };
        self.hosts.insert(name.clone(), host);
        self.connect(&name);
    }

    pub(super) fn host(&mut self, name: &str) -> &mut Host {
        self.hosts.get_mut(name).expect("a host of this world")
    }

    pub(super) fn connect(&mut self, name: &str) {
        let host = self.host(name);
        host.incarnation += 1;
        let hello = Hello {
            agent: host.agent,
            protocol: 1,
            program: "windlass-agent".to_owned(),
            incarnation: host.incarnation,
            boot_id: "boot".to_owned(),
            max_epoch: 0,
            held: Vec::new(),
            offer: Offer { slots: 1, environments: vec!["production".to_owned()], ..Offer::default() },
        };
        let session = match self.turn(Input::Hello { hello: Box::new(hello), sessions_before: u64::MAX }) {
            Answer::Welcome { session, .. } => session,
            other => panic!("no welcome: {other:?}"),
        };
        self.host(name).session = Some(session);
        self.observe(name);
    }

    pub(super) fn disconnect(&mut self, name: &str) {
        let host = self.host(name);
        let agent = host.agent;
        if let Some(session) = host.session.take() {
            self.turn(Input::SessionEnded { agent, session });
        }
    }

    /// The host tells what is true now.
    pub(super) fn observe(&mut self, name: &str) {
        let host = self.host(name);
        let agent = host.agent;
        if let (Some(session), Some(observation)) = (host.session, host.seen.clone()) {
            self.turn(Input::Observed { agent, session, observation });
        }
    }

    /// Changes what is true on a host that had a release, and tells.
    pub(super) fn becomes(&mut self, name: &str, change: impl FnOnce(&mut Observation)) {
        change(self.host(name).seen.as_mut().expect("the host has had a release"));
        self.observe(name);
    }

    /// Time goes by; whoever serves has served for longer, and says so.
    pub(super) fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
        self.turn(Input::Wake);
        let names: Vec<String> = self.hosts.keys().cloned().collect();
        for name in names {
            if let Some(seen) = &mut self.host(&name).seen {
                let healthy = seen.health == Health::Healthy;
                seen.healthy_for = Duration::from_ms(if healthy { seen.healthy_for.ms() + span.ms() } else { 0 });
            }
            self.observe(&name);
        }
    }

    pub(super) fn turn(&mut self, input: Input) -> Answer {
        self.now = self.now.after(Duration::from_ms(1));
        let mut shadow = self.state.clone();
        let made = turn(&mut self.state, self.now, [input]);
        for fact in &made.facts {
            if let Fact::Deployment(fact) = fact {
                checks::admission(&shadow, fact);
                checks::success(&shadow, fact);
            }
            shadow.apply(self.now, fact);
        }
        let broken = invariants::broken(&self.state);
        assert!(broken.is_none(), "{broken:?}");
        let rest = crate::world::advance(&self.state, self.now, &crate::Touched { all: true, ..Default::default() });
        assert!(rest.is_empty(), "a turn came to rest, and yet follows: {rest:?}");
        let due = crate::deploy::next_deadline(&self.state, self.now);
        assert!(
            due.is_none_or(|due| due > self.now),
            "a deadline that has come was not met: {due:?} at {:?}",
            self.now
        );
        self.facts.extend(made.facts);
        made.answers.into_iter().next().expect("one answer for one input")
    }

    /// A run of the project whose artifact is built; its entry `production` deploys it.
    pub(super) fn push(&mut self, strategy: &[BatchSpec]) -> RunId {
        self.position += 1;
        self.push_at(self.position, "main", strategy)
    }

    pub(super) fn push_at(&mut self, position: u64, branch: &str, strategy: &[BatchSpec]) -> RunId {
        let run = crate::run::decide::next_run(&self.state, &project());
        let revision: Revision = format!("{position:040x}").parse().expect("40 digits");
        let created = Fact::RunCreated {
            run: run.clone(),
            trigger: Trigger { kind: TriggerKind::Push, actor: "poll".to_owned(), time: self.now },
            branch: branch.to_owned(),
            commit: Commit {
                revision,
                title: format!("change {position}"),
                author: String::new(),
                time: self.now,
                position,
            },
            plan: Box::new(RunPlan {
                jobs: vec![
                    entry("build", &[], strategy, self.rules),
                    entry("production", &["build"], strategy, self.rules),
                ],
                services: BTreeMap::from([(lane_id().service, spec())]),
            }),
            problems: Vec::new(),
            unread: None,
            delivery: None,
            trust: Default::default(),
        };
        let build: JobKey = "build".parse().expect("a key");
        let built = Fact::JobEnded { run: run.clone(), job: build.clone(), outcome: Outcome::Succeeded };
        self.state.apply(self.now, &created);
        self.state.apply(self.now, &built);
        let artifact =
            Artifact { job: build, name: spec().artifact, digest: Digest::of(&position.to_be_bytes()), size: 1 };
        let known = self.state.runs.get_mut(&run).expect("it was just made");
        Arc::make_mut(known).artifacts.push(artifact);
        // The run was made behind the engine's back; a cancel of nobody's job makes it look at it.
        let touched = crate::Touched { runs: BTreeSet::from([run.clone()]), ..Default::default() };
        self.settle(touched);
        run
    }

    /// Rounds until nothing follows, as a turn does.
    fn settle(&mut self, mut touched: crate::Touched) {
        loop {
            let mut decided = crate::world::advance(&self.state, self.now, &touched);
            if decided.is_empty() {
                decided = crate::place::pass(&self.state);
            }
            if decided.is_empty() {
                return;
            }
            touched = crate::Touched::default();
            for fact in decided.into_iter().flatten() {
                if let Fact::Deployment(fact) = &fact {
                    checks::admission(&self.state, fact);
                }
                touched.merge(self.state.apply(self.now, &fact));
                self.facts.push(fact);
            }
        }
    }

    /// The open job of a host: its fence, its part of the change, and what it is told.
    pub(super) fn open(&self, name: &str) -> Option<(Fence, Phase, Change)> {
        let agent = self.state.agents.get(&self.hosts[name].agent)?;
        agent.open.iter().find_map(|fence| {
            let (job, attempt) = self.state.attempt(*fence)?;
            let phase = change_of(job)?.phase;
            let change = match &attempt.envelope.steps.first()?.action {
                Action::Builtin(
                    Builtin::Drain(change)
                    | Builtin::Prepare(change)
                    | Builtin::Switch(change)
                    | Builtin::WayBack(change),
                ) => change.clone(),
                other => panic!("not the first step of a deployment's job: {other:?}"),
            };
            attempt.outcome().is_none().then_some((*fence, phase, change))
        })
    }

    /// The host carries out its open job by its fate, and tells how it ended and what is true. False if it has none.
    pub(super) fn work(&mut self, name: &str) -> bool {
        let told = self.carry_out(name);
        self.observe(name);
        told
    }

    /// The same without the observation.
    pub(super) fn carry_out(&mut self, name: &str) -> bool {
        let Some((fence, phase, change)) = self.open(name) else { return false };
        if self.hosts[name].session.is_none() {
            return false;
        }
        let cancelled = self.state.attempt(fence).is_some_and(|(job, _)| job.cancel.is_some());
        let outcome = self.host(name).carry_out(phase, &change, cancelled);
        self.report(name, fence, outcome);
        true
    }

    pub(super) fn report(&mut self, name: &str, fence: Fence, outcome: Outcome) {
        let host = &self.hosts[name];
        let (agent, session) = (host.agent, host.session.expect("the host is connected"));
        let body = LineBody::Exit { outcome, logs: Vec::new(), cancel_too_late: false };
        let line = Box::new(Line { format: 1, index: 1, boottime_ns: 0, wall_ms: 0, body });
        self.turn(Input::Reported { agent, session, fence, line });
    }

    /// All hosts work until none has anything to do.
    pub(super) fn work_all(&mut self) {
        let names: Vec<String> = self.hosts.keys().cloned().collect();
        while names.iter().any(|name| self.work(name)) {}
    }

    /// Work and bakes until the deployment is over; panics if it does not get there.
    pub(super) fn finish(&mut self, number: u64) -> DeploymentOutcome {
        for _ in 0..40 {
            self.work_all();
            if let DeploymentState::Ended(outcome) = self.deployment(number).state {
                return outcome;
            }
            self.pass(BAKE);
        }
        panic!("{:#?}", self.deployment(number));
    }

    /// A release that all targets run, earned by a deployment.
    pub(super) fn released(&mut self) {
        self.push(&[batch(Amount::Rest, 0)]);
        let number = self.lane().next_number - 1;
        assert_eq!(self.finish(number), DeploymentOutcome::Succeeded);
    }

    pub(super) fn deployment(&self, number: u64) -> &Deployment {
        self.state.deployments.get(&deployment_id(number)).expect("the deployment is kept")
    }

    pub(super) fn lane(&self) -> &Lane {
        self.state.lanes.get(&lane_id()).expect("the lane was asked for")
    }

    pub(super) fn target(&self, number: u64, name: &str) -> &TargetState {
        &self.deployment(number).target(self.hosts[name].agent).expect("a target of the deployment").state
    }

    /// The name of the target that is in this state.
    pub(super) fn the(&self, number: u64, word: &str) -> String {
        let mut found = self.all(number, word);
        assert_eq!(found.len(), 1, "targets that are {word}");
        found.remove(0)
    }

    pub(super) fn all(&self, number: u64, word: &str) -> Vec<String> {
        let targets = self.deployment(number).targets.iter();
        targets.filter(|target| target.state.word() == word).map(|target| target.target.name.to_string()).collect()
    }

    pub(super) fn entry_outcome(&self, run: &RunId) -> Option<&Outcome> {
        self.facts.iter().rev().find_map(|fact| match fact {
            Fact::JobEnded { run: of, job, outcome } if of == run && !job.as_str().contains('/') => Some(outcome),
            _ => None,
        })
    }

    /// Why this deployment ended, from its facts: it may have left the state.
    pub(super) fn why_ended(&self, number: u64) -> &str {
        let id = deployment_id(number);
        let ended = self.facts.iter().find_map(|fact| match fact {
            Fact::Deployment(DeploymentFact::Ended { id: of, why, .. }) if *of == id => Some(why),
            _ => None,
        });
        ended.expect("it ended")
    }

    pub(super) fn running(&self, name: &str) -> Option<String> {
        match &self.hosts[name].seen.as_ref()?.running {
            Running::Release(name) => Some(name.clone()),
            Running::Other(_) | Running::Nothing => None,
        }
    }

    pub(super) fn name_of(&self, number: u64) -> String {
        self.state.releases.get(&release_id(number)).expect("a release").name()
    }
}

/// What a refusal says.
pub(super) fn why(answer: &Answer) -> String {
    match answer {
        Answer::Refused(refusal) => refusal.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}
