//! All logs of a run as one stream, from facts and files as an agent would have caused them.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use serde_json::{Value, json};
use windlass_core::attempt::{Line, LineBody, LogEnd};
use windlass_core::input::{Enrolment, Hello, Input, JoinToken, LogSeal, Offer, PipelineFile, StartRun};
use windlass_core::model::{
    AgentId, AgentName, AgentRegister, Attempt, Commit, Config, Digest, Fence, JobKey, Outcome, Project, ProjectName,
    RunId, StepOutcome, UnixMs,
};
use windlass_core::run::Run;
use windlass_core::{State, world};
use windlass_disk::RealDisk;
use windlass_disk::log::Kind;

use crate::http::log::range;
use crate::http::merged::{Cursor, Merged};
use crate::logs::{Chunk, LogKey, LogName, Logs, Piece, Verdict};

/// One agent that carries out two jobs side by side, and the logs on disk.
struct Scene {
    state: State,
    logs: Logs,
    session: u64,
    agent: AgentId,
    lines: std::collections::BTreeMap<Fence, u32>,
    _dir: tempfile::TempDir,
}

const PIPELINE: &str = "jobs:\n  a: { checkout: false, steps: [{ name: one, run: x }, { name: two, run: y }] }\n  \
                        b: { checkout: false, steps: [{ name: one, run: z }] }\n";

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let logs = Logs::start(Arc::new(RealDisk), dir.path().to_owned(), &State::default()).expect("logs");
        let agent = AgentId("00000000-0000-0000-0000-000000000001".parse().expect("a UUID"));
        let mut scene = Self { state: State::default(), logs, session: 0, agent, lines: Default::default(), _dir: dir };
        scene.enrol();
        scene.connect();
        scene.start();
        scene
    }

    fn turn(&mut self, at: u64, input: Input) -> world::Turn {
        world::turn(&mut self.state, UnixMs(at), [input])
    }

    fn enrol(&mut self) {
        let project = Project { git: "/srv/shop".into(), file: "windlass.yaml".into(), main_branch: "main".into() };
        let projects = [(shop(), project)].into();
        let config = Config { projects, log_per_attempt: 1 << 20, ..Config::default() };
        let register = AgentRegister {
            name: AgentName::new("b1").expect("a name"),
            labels: Default::default(),
            projects: Default::default(),
            environments: Default::default(),
            jobs: false,
        };
        let token = JoinToken {
            id: "0123456789abcdef".into(),
            public_key: String::new(),
            register,
            expires: UnixMs(u64::MAX),
            by: "anna".into(),
        };
        let enrolment =
            Enrolment { token: token.id.clone(), csr: Digest::of(b"csr"), agent: self.agent, chain: String::new() };
        for input in [
            Input::Begin { epoch: 1, restored: false },
            Input::Configure(Box::new(config)),
            Input::MakeJoinToken(token),
            Input::Enrol(enrolment),
        ] {
            self.turn(1_000, input);
        }
    }

    fn connect(&mut self) {
        let offer = Offer {
            os: "linux".into(),
            arch: "x86_64".into(),
            slots: 4,
            projects: vec!["*".into()],
            jobs: true,
            ..Offer::default()
        };
        let hello = Hello {
            agent: self.agent,
            protocol: 1,
            program: "test".into(),
            incarnation: 1,
            boot_id: "boot".into(),
            max_epoch: 0,
            held: Vec::new(),
            offer,
        };
        self.turn(1_000, Input::Hello { hello: Box::new(hello), sessions_before: u64::MAX });
        self.session = self.state.agents.get(&self.agent).and_then(|agent| agent.session()).expect("it was let in");
    }

    fn start(&mut self) {
        let commit = Commit {
            revision: "a".repeat(40).parse().expect("a commit id"),
            title: "Begin".into(),
            author: "Mara".into(),
            time: UnixMs(0),
            position: 1,
        };
        let file = PipelineFile { commit, text: Some(PIPELINE.into()), changed: None };
        let (branch, by) = ("main".to_owned(), "anna".to_owned());
        let start = StartRun { project: shop(), branch, file, jobs: Vec::new(), by };
        self.turn(1_000, Input::StartRun(Box::new(start)));
    }

    fn run(&self) -> Arc<Run> {
        Arc::clone(self.state.runs.get(&RunId { project: shop(), number: 1 }).expect("it is live"))
    }

    fn fence(&self, job: &str) -> Fence {
        self.run().job(&key(job)).and_then(|job| job.attempt().map(|attempt| attempt.fence)).expect("it was placed")
    }

    /// The number of a step that the pipeline names.
    fn step(&self, job: &str, name: &str) -> u32 {
        let run = self.run();
        let attempt = Arc::clone(run.job(&key(job)).and_then(|job| job.attempt()).expect("it was placed"));
        let at = attempt.steps.iter().position(|step| step.name == name).expect("the step");
        u32::try_from(at + 1).expect("few steps")
    }

    fn report(&mut self, at: u64, job: &str, body: LineBody) {
        let fence = self.fence(job);
        let index = self.lines.entry(fence).or_default();
        *index += 1;
        let line = Line { format: 1, index: *index, boottime_ns: 0, wall_ms: 0, body };
        let (agent, session) = (self.agent, self.session);
        self.turn(at, Input::Reported { agent, session, fence, line: Box::new(line) });
    }

    fn begin(&mut self, at: u64, job: &str) {
        let fence = self.fence(job);
        let attempt = Arc::clone(self.run().job(&key(job)).and_then(|job| job.attempt()).expect("it was placed"));
        let envelope = Box::new((*attempt.envelope).clone());
        self.report(at, job, LineBody::Accepted { fence, envelope, boot_id: "boot".into() });
        self.report(at, job, LineBody::Go);
    }

    /// Stores bytes of a step's standard output, read so long after the step began.
    async fn write(&self, job: &str, step: u32, offset: u64, ms: u64, text: &'static str) {
        let log = LogKey { fence: self.fence(job), step };
        let name = LogName { run: self.run().id.clone(), job: key(job), attempt: Attempt(1), step };
        self.logs.open(log, &name, 1 << 20).await.expect("it opens");
        let len = u32::try_from(text.len()).expect("short");
        let piece =
            Piece::Bytes { kind: Kind::Stdout, at_ns: ms * 1_000_000, len, crc32c: crc32c::crc32c(text.as_bytes()) };
        let chunk = Chunk { offset, data: Bytes::from_static(text.as_bytes()), pieces: vec![piece] };
        assert_eq!(self.logs.append(log, chunk).await.expect("it is stored"), Verdict::Stored);
    }

    fn seal(&mut self, at: u64, job: &str, step: u32, text: &str) {
        let fence = self.fence(job);
        let (total, digest) = (text.len() as u64, Digest::of(text.as_bytes()));
        self.turn(at, Input::LogSealed(LogSeal { fence, step, total, digest, gaps: 0, damaged: false }));
    }

    async fn read(&self, merged: &mut Merged) -> Vec<Value> {
        let mut out = Vec::new();
        loop {
            merged.look(&self.run());
            merged.read().await.expect("the disk works");
            let taken = merged.take(1);
            let taken = if taken.is_empty() { merged.take_ends() } else { taken };
            if taken.is_empty() {
                return out;
            }
            let lines = taken.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            out.extend(lines.map(|line| serde_json::from_slice::<Value>(line).expect("a line is JSON")));
        }
    }

    fn merged(&self, cursor: Cursor) -> Merged {
        Merged::new(self.logs.clone(), None, cursor)
    }
}

fn shop() -> ProjectName {
    ProjectName::new("shop").expect("a name")
}

fn key(job: &str) -> JobKey {
    job.parse().expect("the key of a job")
}

fn texts(lines: &[Value]) -> Vec<String> {
    let say = |line: &Value| match line["text"].as_str() {
        Some(text) => format!(
            "{} {}: {}",
            line["job"].as_str().unwrap_or(""),
            line["step"].as_str().unwrap_or(""),
            text.trim_end()
        ),
        None => format!("{} {} ended", line["job"].as_str().unwrap_or(""), line["step"].as_str().unwrap_or("")),
    };
    lines.iter().map(say).collect()
}

#[tokio::test]
async fn lines_of_many_steps_come_in_the_order_of_their_time_and_go_on_from_a_cursor() {
    let mut scene = Scene::new();
    let (one, two, other) = (scene.step("a", "one"), scene.step("a", "two"), scene.step("b", "one"));
    scene.begin(2_000, "a");
    scene.begin(2_000, "b");
    scene.report(2_000, "a", LineBody::StepStarted { step: one });
    scene.report(2_000, "b", LineBody::StepStarted { step: other });
    scene.write("a", one, 0, 10, "first\n").await;
    scene.write("b", other, 0, 5, "before it\n").await;
    scene.write("b", other, 10, 20, "after it\nhalf").await;
    let mut merged = scene.merged(Cursor::default());
    let lines = scene.read(&mut merged).await;
    assert_eq!(texts(&lines), ["b one: before it", "a one: first", "b one: after it"]);
    assert_eq!(
        (&lines[0]["offset"], &lines[0]["stream"], &lines[0]["number"]),
        (&json!(0), &json!("stdout"), &json!(other))
    );
    assert_eq!(lines[0]["time"], "1970-01-01T00:00:02.005Z");
    let cursor = merged.cursor().expect("one stream each");

    let succeeded = StepOutcome::Succeeded;
    scene.report(
        3_000,
        "a",
        LineBody::StepEnded { step: one, outcome: succeeded.clone(), outputs: Default::default() },
    );
    scene.report(3_000, "a", LineBody::StepStarted { step: two });
    scene.write("a", two, 0, 1, "second\n").await;
    scene.write("b", other, 19 + 4, 30, " a line\n").await;
    let later = ["b one: half a line", "a two: second"];
    assert_eq!(texts(&scene.read(&mut merged).await), later, "the same reader");
    assert_eq!(texts(&scene.read(&mut scene.merged(cursor)).await), later, "another one, from the cursor");
}

#[tokio::test]
async fn a_log_ends_with_its_seal_and_one_that_never_came_holds_nobody_up() {
    let mut scene = Scene::new();
    let (one, two) = (scene.step("a", "one"), scene.step("a", "two"));
    let steps =
        scene.run().job(&key("a")).and_then(|job| job.attempt().map(|attempt| attempt.steps.len())).expect("steps");
    scene.begin(2_000, "a");
    scene.report(2_000, "a", LineBody::StepStarted { step: one });
    scene.write("a", one, 0, 1, "only half").await;
    let mut merged = scene.merged(Cursor::default());
    assert_eq!(texts(&scene.read(&mut merged).await), Vec::<String>::new(), "its end may come yet");
    assert!(!merged.is_done());
    let outcome = StepOutcome::Failed { how: windlass_core::model::Failure::Code(7) };
    scene.report(2_500, "a", LineBody::StepEnded { step: one, outcome, outputs: Default::default() });
    let end = |step| (step == one).then(|| LogEnd { total: 9, digest: Some(Digest::of(b"only half")) });
    let logs = (1..).take(steps).map(end).collect();
    let outcome = Outcome::Failed { how: windlass_core::model::Failure::Code(7) };
    scene.report(2_500, "a", LineBody::Exit { outcome, logs, cancel_too_late: false });
    assert_eq!(texts(&scene.read(&mut merged).await), Vec::<String>::new(), "it is not whole here yet");
    scene.seal(2_600, "a", one, "only half");
    let lines = scene.read(&mut merged).await;
    assert_eq!(texts(&lines), ["a one: only half", "a one ended"]);
    assert_eq!(lines[1]["end"]["outcome"], json!({"kind": "failed", "code": 7}));
    assert_eq!(lines[1]["end"]["digest"], format!("blake3:{}", Digest::of(b"only half")));
    assert_eq!(lines[1]["offset"], 9);
    assert!(merged.is_done(), "step {two} never wrote anything");
    let done = merged.cursor().expect("all is read");
    assert_eq!(scene.read(&mut scene.merged(done)).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_line_longer_than_what_is_read_at_once_comes_whole() {
    let mut scene = Scene::new();
    let one = scene.step("a", "one");
    scene.begin(2_000, "a");
    scene.report(2_000, "a", LineBody::StepStarted { step: one });
    let part: &'static str = "x".repeat(20_000).leak();
    for (n, text) in (0..).zip([part, part, part, "\n"]) {
        scene.write("a", one, n * 20_000, n, text).await;
    }
    let lines = scene.read(&mut scene.merged(Cursor::default())).await;
    assert_eq!((lines.len(), lines[0]["text"].as_str().map(str::len)), (1, Some(60_001)));
}

#[test]
fn one_range_is_served_and_every_other_is_refused() {
    let asked = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(text).expect("visible"));
        range(&headers, 100).map_err(|refused| refused.kind.status())
    };
    assert_eq!(range(&HeaderMap::new(), 100).expect("no range is fine"), None);
    assert_eq!(asked("bytes=0-0"), Ok(Some((0, 1))));
    assert_eq!(asked("bytes=10-19"), Ok(Some((10, 10))));
    assert_eq!(asked("bytes=90-"), Ok(Some((90, 10))));
    assert_eq!(asked("bytes=-5"), Ok(Some((95, 5))));
    assert_eq!(asked("bytes=-500"), Ok(Some((0, 100))));
    assert_eq!(asked("bytes=90-1000"), Ok(Some((90, 10))));
    for bad in ["bytes=100-", "bytes=5-4", "bytes=-0", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes=-", "bytes"] {
        assert_eq!(asked(bad), Err(416), "{bad}");
    }
}
