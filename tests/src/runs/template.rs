//! The facts of one run, as the core decides them, to be written again under other numbers; and those of the same run done again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::input::{Enrolment, Hello, JoinToken, LogSeal, Offer, PipelineFile, StartRun};
use windlass_core::model::{
    AgentId, AgentRegister, Commit, Config, Digest, Duration, Fence, Outcome, Project, StepOutcome, UnixMs,
};
use windlass_core::run::Run;
use windlass_core::world::{Turn, turn};
use windlass_core::{Answer, Fact, Input, Recorded, State};

const PIPELINE: &str = "jobs:\n  build:\n    runs-on: role=build\n    run: cargo test --workspace\n";
const BOOT: &str = "0f0e0d0c-0b0a-0908-0706-050403020100";

/// What is written before the first run, and what each run writes.
#[derive(Debug)]
pub struct Template {
    /// The master begins, and an agent is there.
    pub before: Vec<Fact>,
    /// JSON of each fact of run `shop#1`.
    run: Vec<String>,
    /// The same of the run done again.
    again: Vec<String>,
    fences: [Fence; 2],
}

/// When the core decided.
const DECIDED: UnixMs = UnixMs(1_000_000);

/// What the attempts of runs that are done again count from: more than there are runs.
const AGAIN: u64 = 1 << 27;

impl Template {
    /// Lets the core decide a run.
    pub fn new() -> Result<Self> {
        let mut world = World::default();
        let agent = world.furnish()?;
        let before = std::mem::take(&mut world.facts);
        let (first, over) = world.carry_out(agent)?;
        let run = world.texts()?;
        let second = world.carry_out_again(agent, over)?;
        Ok(Self { before, run, again: world.texts()?, fences: [first, second] })
    }

    /// The facts of the run with this number.
    pub fn run(&self, number: u64, at: UnixMs) -> Result<Vec<Recorded>> {
        self.renumbered(&self.run, number, at)
    }

    /// The facts of the run with this number, whose first facts are of the time `before`, done again.
    pub fn again(&self, number: u64, before: UnixMs, at: UnixMs) -> Result<Vec<Recorded>> {
        let dated = |text: &String| {
            ["created", "placed", "started", "ended"].into_iter().fold(text.clone(), |text, word| {
                text.replace(&format!("\"{word}\":{}", DECIDED.0), &format!("\"{word}\":{}", before.0))
            })
        };
        let again: Vec<String> = self.again.iter().map(dated).collect();
        self.renumbered(&again, number, at)
    }

    fn renumbered(&self, facts: &[String], number: u64, at: UnixMs) -> Result<Vec<Recorded>> {
        let [first, second] = self.fences.map(|fence| fence.to_string());
        let run = format!("shop#{number}\"");
        let renumber = |text: &String| -> Result<Recorded> {
            // The second one first: it is the number that the second run begins with.
            let text = text.replace("shop#1\"", &run).replace(&second, &Fence::of(1, AGAIN + number).to_string());
            let text = text.replace(&first, &Fence::of(1, number).to_string());
            Ok(Recorded { at, fact: serde_json::from_str(&text)? })
        };
        facts.iter().map(renumber).collect()
    }
}

#[derive(Default)]
struct World {
    state: State,
    facts: Vec<Fact>,
    closed: Vec<Arc<Run>>,
}

impl World {
    fn input(&mut self, input: Input) -> Result<Answer> {
        let Turn { facts, answers, touched, .. } = turn(&mut self.state, DECIDED, [input]);
        self.facts.extend(facts);
        self.closed.extend(touched.closed);
        match answers.into_iter().next().context("every input has an answer")? {
            Answer::Refused(refusal) => bail!("the core refuses: {refusal}"),
            answer => Ok(answer),
        }
    }

    /// JSON of each fact since the last time.
    fn texts(&mut self) -> Result<Vec<String>> {
        Ok(self.facts.drain(..).map(|fact| serde_json::to_string(&fact)).collect::<Result<_, _>>()?)
    }

    fn furnish(&mut self) -> Result<AgentId> {
        let (git, file, main_branch) = ("/srv/git/shop.git".to_owned(), "windlass.yaml".to_owned(), "main".to_owned());
        let project = Project { git, file, main_branch };
        let projects = BTreeMap::from([("shop".to_owned().try_into()?, project)]);
        let config = Config { projects, lost_after: Duration::from_secs(600), ..Config::default() };
        self.input(super::make::begin(1))?;
        self.input(Input::Configure(Box::new(config)))?;
        let register = AgentRegister {
            name: "b1".to_owned().try_into()?,
            labels: BTreeMap::from([("role".to_owned(), "build".to_owned())]),
            projects: BTreeSet::new(),
            environments: BTreeSet::new(),
            jobs: true,
        };
        let (id, by) = ("00112233aabbccdd".to_owned(), "anna".to_owned());
        let expires = UnixMs(2_000_000);
        self.input(Input::MakeJoinToken(JoinToken {
            id: id.clone(),
            public_key: String::new(),
            register,
            expires,
            by,
        }))?;
        let agent: AgentId = "6b1f3b0e-57f8-4d0e-9c52-4f2f5a7a7c11".parse()?;
        let chain = "a chain".to_owned();
        self.input(Input::Enrol(Enrolment { token: id, csr: Digest::of(b"key"), agent, chain }))?;
        let offer = Offer { slots: 2, projects: vec!["*".to_owned()], jobs: true, ..Offer::default() };
        let (program, boot_id) = ("windlass-agent 0.1.0".to_owned(), BOOT.to_owned());
        let hello =
            Hello { agent, protocol: 1, program, incarnation: 1, boot_id, max_epoch: 1, held: Vec::new(), offer };
        self.input(Input::Hello { hello: Box::new(hello), sessions_before: u64::MAX })?;
        Ok(agent)
    }

    /// Starts a run and reports its only job to the end.
    fn carry_out(&mut self, agent: AgentId) -> Result<(Fence, Arc<Run>)> {
        let commit = Commit {
            revision: "4f2a91c0".repeat(5).parse()?,
            title: "Count what is in the basket before it is paid".to_owned(),
            author: "Anna Example".to_owned(),
            time: UnixMs(500_000),
            position: 1,
        };
        let file = PipelineFile { commit, text: Some(PIPELINE.to_owned()), changed: None };
        let (branch, by) = ("main".to_owned(), "anna".to_owned());
        let project = "shop".to_owned().try_into()?;
        self.input(Input::StartRun(Box::new(StartRun { project, branch, file, jobs: Vec::new(), by })))?;
        self.report(agent)
    }

    /// The same for the only job of a run that is over.
    fn carry_out_again(&mut self, agent: AgentId, over: Arc<Run>) -> Result<Fence> {
        let jobs = over.jobs.iter().map(|job| job.plan.key.clone()).collect();
        self.input(Input::Retry { run: over.id.clone(), over: Some(over), jobs, by: "anna".to_owned() })?;
        Ok(self.report(agent)?.0)
    }

    /// Reports the only attempt that is open to its end.
    fn report(&mut self, agent: AgentId) -> Result<(Fence, Arc<Run>)> {
        let fence = *self.state.attempts.keys().next().context("the job is placed")?;
        let envelope = self.state.attempt(fence).context("it is open")?.1.envelope.as_ref().clone();
        let steps = u32::try_from(envelope.steps.len())?;
        let boot_id = BOOT.to_owned();
        let mut lines = vec![LineBody::Accepted { fence, envelope: Box::new(envelope), boot_id }, LineBody::Go];
        for step in 1..=steps {
            let (outcome, outputs) = (StepOutcome::Succeeded, BTreeMap::new());
            lines.extend([LineBody::StepStarted { step }, LineBody::StepEnded { step, outcome, outputs }]);
        }
        let digest = Digest::of(b"log");
        let logs = vec![Some(LogEnd { total: 3, digest: Some(digest) }); steps as usize];
        lines.push(LineBody::Exit { outcome: Outcome::Succeeded, logs, cancel_too_late: false });
        let session = self.state.agents.get(&agent).and_then(|agent| agent.session()).context("it has a session")?;
        for (body, index) in lines.into_iter().zip(1..) {
            let line = Box::new(Line { format: 1, index, boottime_ns: 1, wall_ms: 1, body });
            self.input(Input::Reported { agent, session, fence, line })?;
        }
        for step in 1..=steps {
            self.input(Input::LogSealed(LogSeal { fence, step, total: 3, digest, gaps: 0, damaged: false }))?;
        }
        Ok((fence, self.closed.pop().context("the run is not over")?))
    }
}
