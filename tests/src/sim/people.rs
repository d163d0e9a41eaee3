//! People and tools: they ask for runs until they are answered, and sometimes cancel one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use windlass_core::input::{JoinToken, PipelineFile, RequestKey, StartRun};
use windlass_core::model::{AgentId, AgentRegister, Commit, Digest, ProjectName, UnixMs};
use windlass_core::{Answer, Input};

use super::event::HostId;
use super::rng::Rng;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The idempotency key.
    pub key: String,
    text: String,
}

impl Wish {
    /// A run of one to four jobs.
    pub fn new(number: u64, rng: &mut Rng) -> Self {
        let mut text = String::from("jobs:\n");
        let jobs = rng.between(1, 5);
        for job in 0..jobs {
            let idempotent = if rng.per_mille(300) { ", idempotent: true" } else { "" };
            let hold = if rng.per_mille(300) { ", on-unknown: hold" } else { "" };
            let needs = if job > 0 && rng.per_mille(300) { format!(", needs: [j{}]", job - 1) } else { String::new() };
            let timeout = if rng.per_mille(150) { 30 } else { 900 };
            let grace = rng.between(1, 10);
            let steps: Vec<String> =
                (0..rng.between(1, 3)).map(|step| format!("{{name: s{step}, run: make {step}}}")).collect();
            let steps = steps.join(", ");
            let line = format!(
                "  j{job}: {{checkout: false, timeout: {timeout}s, grace: {grace}s, steps: [{steps}]{idempotent}{hold}{needs}}}"
            );
            _ = writeln!(text, "{line}");
        }
        Self { key: format!("key-{number}"), text }
    }

    /// As an input.
    pub fn input(&self) -> Input {
        let revision = "a".repeat(40).parse().expect("forty hex digits");
        let commit = Commit {
            revision,
            title: "Greet".to_owned(),
            author: "Anna".to_owned(),
            time: UnixMs(500_000),
            position: 1,
        };
        let file = PipelineFile { commit, text: Some(self.text.clone()), changed: None };
        let (branch, by) = ("main".to_owned(), "anna".to_owned());
        let start = StartRun { project: project(), branch, file, jobs: Vec::new(), by };
        let key = RequestKey { name: format!("anna\n{}", self.key), request: Digest::of(self.text.as_bytes()) };
        Input::Once { key, input: Box::new(Input::StartRun(Box::new(start))) }
    }

    /// What the answer says; none: asked in vain.
    pub fn run(answer: &Answer) -> Option<windlass_core::model::RunId> {
        match answer {
            Answer::Run { run } => Some(run.clone()),
            Answer::Again(first) => Self::run(first),
            _ => None,
        }
    }
}

/// The one project.
pub fn project() -> ProjectName {
    ProjectName::try_from("shop".to_owned()).expect("a name")
}

/// The identity of a host's agent.
pub fn agent_id(host: HostId) -> AgentId {
    format!("0190b2b0-0000-4000-8000-{host:012x}").parse().expect("an id")
}

/// What the agent of a host is enrolled with.
pub fn join_token(number: usize) -> JoinToken {
    let register = AgentRegister {
        name: format!("a{number}").try_into().expect("a name"),
        labels: BTreeMap::new(),
        projects: BTreeSet::new(),
        environments: BTreeSet::new(),
        jobs: true,
    };
    let expires = UnixMs(u64::MAX / 2);
    JoinToken { id: format!("{number:016x}"), public_key: String::new(), register, expires, by: "anna".to_owned() }
}
