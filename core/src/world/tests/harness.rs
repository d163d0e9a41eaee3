//! A world with a clock that stands still until it is stepped, and agents that do as they are told.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::Agent;
use crate::answer::{Answer, Refusal};
use crate::attempt::line::{Line, LineBody, LogEnd};
use crate::effect::Effect;
use crate::fact::{Fact, ReopenedRun};
use crate::input::{
    AgentVerb, Delivery, Enrolment, Held, Hello, Input, JoinToken, LogSeal, Offer, PipelineFile, RequestKey, StartRun,
};
use crate::model::{
    AgentId, AgentRegister, Attempt, Commit, Config, Digest, Duration, Envelope, Fence, JobKey, Outcome, Project,
    Revision, RunId, UnixMs,
};
use crate::run::Run;
use crate::world::{State, Turn, effects, turn};

#[derive(Clone)]
pub(super) struct World {
    pub(super) state: State,
    pub(super) now: UnixMs,
    pub(super) facts: Vec<(UnixMs, Fact)>,
    pub(super) last: Vec<Answer>,
    pub(super) closed: Vec<Run>,
}

impl World {
    /// One project `shop`, no agents, epoch 1.
    pub(super) fn new() -> Self {
        let project = Project {
            git: "/srv/git/shop".to_owned(),
            file: "windlass.yaml".to_owned(),
            main_branch: "main".to_owned(),
        };
        let config = Config {
            projects: BTreeMap::from([(name("shop"), project)]),
            lost_after: Duration::from_secs(600),
            ..Config::default()
        };
        let mut world = Self {
            state: State::default(),
            now: UnixMs(1_000_000),
            facts: Vec::new(),
            last: Vec::new(),
            closed: Vec::new(),
        };
        world.input(Input::Begin { epoch: 1, restored: false });
        world.input(Input::Configure(Box::new(config)));
        world
    }

    pub(super) fn input(&mut self, input: Input) -> Answer {
        let Turn { facts, answers, touched, rest, .. } = turn(&mut self.state, self.now, [input]);
        assert!(rest.is_empty(), "a small world comes to rest in one turn");
        self.facts.extend(facts.into_iter().map(|fact| (self.now, fact)));
        self.closed.extend(touched.closed.iter().map(|run| run.as_ref().clone()));
        // Logs that the master itself has to end are ended at once, without a byte.
        for effect in effects(&self.state, &touched) {
            if let Effect::EndLogs(fence) = effect {
                self.input(Input::LogsEnded { fence, seals: Vec::new() });
            }
        }
        self.last = answers;
        self.last.last().expect("every input has an answer").clone()
    }

    pub(super) fn refusal(&mut self, input: Input) -> Refusal {
        let facts = self.facts.len();
        match self.input(input) {
            Answer::Refused(refusal) => {
                assert_eq!(self.facts.len(), facts, "a refusal changes nothing");
                refusal
            }
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    /// What is believed of an agent.
    pub(super) fn entry(&self, agent: AgentId) -> &Agent {
        self.state.agents.get(&agent).expect("it is enrolled")
    }

    /// A person does something to an agent.
    pub(super) fn act(&mut self, agent: AgentId, verb: AgentVerb) -> Answer {
        let (by, reason) = ("ines".to_owned(), "disk swap".to_owned());
        self.input(Input::Agent { agent, verb, by, reason })
    }

    pub(super) fn step(&mut self, span: Duration) {
        self.now = self.now.after(span);
        self.input(Input::Wake);
    }

    /// Enrols an agent with these labels and lets it say hello with two slots.
    pub(super) fn agent(&mut self, number: u128, labels: &[(&str, &str)]) -> AgentId {
        let agent = self.enrol(number, labels);
        self.hello(agent, 1, Vec::new());
        agent
    }

    /// An agent with this environment in its register.
    pub(super) fn target(&mut self, number: u128) -> AgentId {
        let agent = self.enrol_for(number, &[], &["production"]);
        self.hello(agent, 1, Vec::new());
        agent
    }

    pub(super) fn enrol(&mut self, number: u128, labels: &[(&str, &str)]) -> AgentId {
        self.enrol_for(number, labels, &[])
    }

    fn enrol_for(&mut self, number: u128, labels: &[(&str, &str)], environments: &[&str]) -> AgentId {
        let agent = AgentId(uuid::Uuid::from_u128(number));
        let token = JoinToken {
            id: format!("{number:016x}"),
            public_key: String::new(),
            register: AgentRegister {
                name: name(&format!("a{number}")),
                labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
                projects: BTreeSet::new(),
                environments: environments.iter().map(|environment| name(environment)).collect(),
                jobs: true,
            },
            expires: self.now.after(Duration::from_secs(900)),
            by: "anna".to_owned(),
        };
        self.input(Input::MakeJoinToken(token.clone()));
        let csr = Digest::of(&number.to_be_bytes());
        self.input(Input::Enrol(Enrolment { token: token.id, csr, agent, chain: "chain".to_owned() }));
        agent
    }

    pub(super) fn hello(&mut self, agent: AgentId, incarnation: u64, held: Vec<Held>) -> Answer {
        self.input(Input::Hello {
            hello: Box::new(Self::hello_of(agent, incarnation, held)),
            sessions_before: u64::MAX,
        })
    }

    pub(super) fn hello_of(agent: AgentId, incarnation: u64, held: Vec<Held>) -> Hello {
        Hello {
            agent,
            protocol: 1,
            program: "windlass-agent 0.1.0".to_owned(),
            incarnation,
            boot_id: "boot".to_owned(),
            max_epoch: 1,
            held,
            offer: Offer { slots: 2, projects: vec!["*".to_owned()], jobs: true, ..Offer::default() },
        }
    }

    /// Starts a run by hand of this file.
    pub(super) fn run(&mut self, text: &str) -> RunId {
        match self.input(Input::StartRun(Box::new(start(text)))) {
            Answer::Run { run, .. } => run,
            other => panic!("no run: {other:?}"),
        }
    }

    pub(super) fn live(&self, run: &RunId) -> &Run {
        self.state.runs.get(run).expect("the run is not closed")
    }

    pub(super) fn outcome(&self, run: &RunId, job: &str) -> Option<Outcome> {
        self.find(run).job(&key(job)).expect("the run has the job").outcome().cloned()
    }

    /// The run, open or closed.
    pub(super) fn find(&self, run: &RunId) -> &Run {
        let open = self.state.runs.get(run).map(AsRef::as_ref);
        open.or_else(|| self.closed.iter().rfind(|closed| closed.id == *run)).expect("the run exists")
    }

    pub(super) fn fence(&self, run: &RunId, job: &str) -> Fence {
        let job = self.find(run).job(&key(job)).expect("the run has the job");
        job.attempt().expect("the job was placed").fence
    }

    pub(super) fn report(&mut self, fence: Fence, index: u32, body: LineBody) -> Answer {
        let agent = self.state.attempts.get(&fence).expect("the attempt is open").agent;
        let session = self.state.agents.get(&agent).and_then(|agent| agent.session()).expect("it has a session");
        self.input(reported(agent, session, fence, index, body))
    }

    /// Accepted and started, without an end.
    pub(super) fn begin(&mut self, run: &RunId, job: &str) -> Fence {
        let fence = self.fence(run, job);
        self.report(fence, 1, accepted(fence, self.envelope(fence)));
        self.report(fence, 2, LineBody::Go);
        fence
    }

    pub(super) fn envelope(&self, fence: Fence) -> Envelope {
        self.state.attempt(fence).expect("the attempt is open").1.envelope.as_ref().clone()
    }

    /// The whole life of an attempt: accepted, started, every step with a log of one byte, its end, its seals.
    pub(super) fn carry_out(&mut self, run: &RunId, job: &str, outcome: Outcome) -> Fence {
        let fence = self.begin(run, job);
        self.carry_out_rest(fence, outcome);
        fence
    }

    /// The end of an attempt that was accepted and started, and its seals.
    pub(super) fn carry_out_rest(&mut self, fence: Fence, outcome: Outcome) {
        let steps = self.envelope(fence).steps.len();
        let end = LogEnd { total: 1, digest: Some(Digest::of(b"x")) };
        self.report(fence, 3, LineBody::Exit { outcome, logs: vec![Some(end); steps], cancel_too_late: false });
        for step in 1..=u32::try_from(steps).expect("few steps") {
            let digest = Digest::of(b"x");
            self.input(Input::LogSealed(LogSeal { fence, step, total: 1, digest, gaps: 0, damaged: false }));
        }
    }

    /// fold(journal) = State; and a run that has left the state can be taken up again as it was.
    pub(super) fn assert_replays(&self) {
        for run in &self.closed {
            assert_eq!(ReopenedRun::of(run).as_ref().map(ReopenedRun::restored).as_ref(), Some(run));
        }
        let mut again = State::default();
        for (at, fact) in &self.facts {
            let text = serde_json::to_string(fact).expect("a fact is JSON");
            let fact: Fact = serde_json::from_str(&text).expect("and reads again");
            again.apply(*at, &fact);
        }
        again.now = self.state.now;
        assert_eq!(format!("{again:?}"), format!("{:?}", self.state));
    }
}

pub(super) fn reported(agent: AgentId, session: u64, fence: Fence, index: u32, body: LineBody) -> Input {
    let line = Line { format: 1, index, boottime_ns: 0, wall_ms: 0, body };
    Input::Reported { agent, session, fence, line: Box::new(line) }
}

pub(super) fn accepted(fence: Fence, envelope: Envelope) -> LineBody {
    LineBody::Accepted { fence, envelope: Box::new(envelope), boot_id: "boot".to_owned() }
}

pub(super) fn held(fence: Fence, lines: u32) -> Held {
    Held { fence, lines, run: "shop#1".to_owned(), job: "build".to_owned(), attempt: Attempt(1) }
}

pub(super) fn start(text: &str) -> StartRun {
    StartRun {
        project: name("shop"),
        branch: "main".to_owned(),
        file: file(text),
        jobs: Vec::new(),
        by: "anna".to_owned(),
    }
}

/// The same with this key.
pub(super) fn once(key: &str, input: Input) -> Input {
    let key = RequestKey { name: format!("anna\n{key}"), request: Digest::of(format!("{input:?}").as_bytes()) };
    Input::Once { key, input: Box::new(input) }
}

pub(super) fn file(text: &str) -> PipelineFile {
    PipelineFile { commit: commit('a'), text: Some(text.to_owned()), changed: None }
}

pub(super) fn commit(digit: char) -> Commit {
    Commit {
        revision: revision(digit),
        title: "Greet".to_owned(),
        author: "Anna".to_owned(),
        time: UnixMs(500_000),
        position: 1,
    }
}

pub(super) fn revision(digit: char) -> Revision {
    digit.to_string().repeat(40).parse().expect("forty hex digits")
}

pub(super) fn delivery(key: &str, digit: char) -> Delivery {
    Delivery {
        key: key.to_owned(),
        project: name("shop"),
        reference: "refs/heads/main".to_owned(),
        revision: revision(digit),
        before: None,
        actor: "anna".to_owned(),
        body: Digest::of(&[u8::try_from(digit).expect("ASCII")]),
    }
}

pub(super) fn name<T: TryFrom<String>>(text: &str) -> T {
    T::try_from(text.to_owned()).ok().expect("a name")
}

pub(super) fn key(text: &str) -> JobKey {
    text.parse().expect("the key of a job")
}
