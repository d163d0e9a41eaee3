//! The facts of one run, as the core decides them, to be written again under other numbers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::input::{Enrolment, Hello, JoinToken, LogSeal, Offer, PipelineFile, StartRun};
use windlass_core::model::{
    AgentId, AgentRegister, Commit, Config, Digest, Duration, Fence, Outcome, Project, RunId, StepOutcome, UnixMs,
};
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
    fence: Fence,
}

impl Template {
    /// Lets the core decide a run.
    pub fn new() -> Result<Self> {
        let mut world = World::default();
        let agent = world.furnish()?;
        let before = std::mem::take(&mut world.facts);
        let fence = world.carry_out(agent)?;
        let run = world.facts.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        Ok(Self { before, run, fence })
    }

    /// The facts of the run with this number.
    pub fn run(&self, number: u64, at: UnixMs) -> Result<Vec<Recorded>> {
        let (run, fence) = (format!("shop#{number}\""), Fence::of(1, number).to_string());
        let renumber = |text: &String| -> Result<Recorded> {
            let text = text.replace("shop#1\"", &run).replace(&self.fence.to_string(), &fence);
            Ok(Recorded { at, fact: serde_json::from_str(&text)? })
        };
        self.run.iter().map(renumber).collect()
    }
}

#[derive(Default)]
struct World {
    state: State,
    facts: Vec<Fact>,
}

impl World {
    fn input(&mut self, input: Input) -> Result<Answer> {
        let Turn { facts, answers, .. } = turn(&mut self.state, UnixMs(1_000_000), [input]);
        self.facts.extend(facts);
        match answers.into_iter().next().context("every input has an answer")? {
            Answer::Refused(refusal) => bail!("the core refuses: {refusal}"),
            answer => Ok(answer),
        }
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
    fn carry_out(&mut self, agent: AgentId) -> Result<Fence> {
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
        self.input(Input::StartRun(Box::new(StartRun { project, branch, file, jobs: Vec::new(), by, key: None })))?;
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
        let closed: RunId = "shop#1".parse()?;
        if self.state.runs.contains_key(&closed) { bail!("the run is not over") } else { Ok(fence) }
    }
}
