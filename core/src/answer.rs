//! What the caller of an input is told, after the commit. Refusals are values.

use crate::agent::Quarantine;
use crate::fact::Fact;
use crate::input::Enrolled;
use crate::model::{DeploymentId, Digest, Fence, JobKey, Problem, RunId};
use crate::secret::SecretId;

/// What a decision answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Done; there is nothing to say.
    Done,
    /// This run exists.
    Run {
        /// Which.
        run: RunId,
    },
    /// An earlier input with the same key was the same; this was its answer.
    Again(Box<Answer>),
    /// The delivery is durable. The run, once it is known; the reason, if it matched nothing.
    Delivered {
        /// The run, if it is known already.
        run: Option<RunId>,
        /// Why it made none.
        nothing: Option<String>,
        /// An earlier delivery was the same.
        again: bool,
    },
    /// The agent is enrolled.
    Enrolled(Box<Enrolled>),
    /// The session is open.
    Welcome {
        /// Of this master.
        epoch: u64,
        /// Its number.
        session: u64,
        /// How far each held record is known.
        acked: Vec<(Fence, u32)>,
    },
    /// Lines up to here are known.
    Acked {
        /// Which record.
        fence: Fence,
        /// Cumulative.
        upto: u32,
    },
    /// This deployment exists, in this run.
    Deployment {
        /// Which.
        deployment: DeploymentId,
        /// Its run.
        run: RunId,
    },
    /// No.
    Refused(Refusal),
}

/// What an input means: facts to record, and what its caller is told once they are durable.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// In order; empty if nothing changes.
    pub facts: Vec<Fact>,
    /// After the commit.
    pub answer: Answer,
}

impl Decision {
    /// Nothing changes, and the caller is told why not.
    pub fn refuse(refusal: Refusal) -> Self {
        Self { facts: Vec::new(), answer: Answer::Refused(refusal) }
    }

    /// The same, or a refusal if its facts would be longer than `max` bytes.
    pub(crate) fn bounded(self, max: usize) -> Self {
        let bytes = self.facts.iter().map(Fact::bytes).sum();
        if bytes > max { Self::refuse(Refusal::TooBig { bytes, max }) } else { self }
    }

    /// These facts, and nothing to say.
    pub fn done(facts: Vec<Fact>) -> Self {
        Self { facts, answer: Answer::Done }
    }
}

/// Why not. Each names the thing; the shell adds the way out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// No such project.
    #[error("there is no project {0}")]
    ProjectUnknown(String),
    /// No such run, or it is over long ago.
    #[error("there is no run {0}")]
    RunUnknown(RunId),
    /// No such job.
    #[error("run {0} has no job {1}")]
    JobUnknown(RunId, JobKey),
    /// Everything that was named is over.
    #[error("{0} has ended")]
    RunEnded(RunId),
    /// The attempt's outcome is proven, or somebody was faster.
    #[error("there is nothing to settle: {0}")]
    NothingToSettle(String),
    /// The pipeline file has errors.
    #[error("the pipeline file has {} errors", .0.len())]
    Problems(Vec<Problem>),
    /// There is no pipeline file at the revision.
    #[error("{0}")]
    NoPipeline(String),
    /// The same key came with another body.
    #[error("the key {0} was used for another request")]
    KeyMismatch(String),
    /// A join token that does not exist.
    #[error("there is no join token {0}")]
    JoinTokenUnknown(String),
    /// A join token that has served.
    #[error("the join token {0} was used")]
    JoinTokenUsed(String),
    /// A join token whose time is over.
    #[error("the join token {0} has expired")]
    JoinTokenExpired(String),
    /// The name belongs to another agent.
    #[error("an agent is called {0} already")]
    AgentNameTaken(String),
    /// Not enrolled here.
    #[error("this agent is not enrolled here")]
    AgentUnknown,
    /// The wire is not the one we speak.
    #[error("protocol {0} is not spoken here")]
    Protocol(u32),
    /// The agent obeyed a master with a higher epoch.
    #[error("this master is older than the one the agent obeyed: epoch {ours}, the agent's {theirs}")]
    StaleMaster {
        /// Of this master.
        ours: u64,
        /// The highest the agent obeyed.
        theirs: u64,
    },
    /// A person removed it.
    #[error("this agent was removed")]
    AgentRemoved,
    /// Its Hello said what an honest disk cannot say.
    #[error("this agent is in quarantine: {0}")]
    Quarantined(Quarantine),
    /// It was sent before another one that was let in, and came after it.
    #[error("this hello came late: a newer one of the same agent was let in")]
    HelloLate,
    /// Not the agent's present session.
    #[error("the session is over")]
    SessionOver,
    /// The record has a hole.
    #[error("line {got} of attempt {fence} came, line {want} is due")]
    Hole {
        /// Which record.
        fence: Fence,
        /// The line that is due.
        want: u32,
        /// The line that came.
        got: u32,
    },
    /// About an attempt of another agent.
    #[error("attempt {0} is not this agent's")]
    NotYours(Fence),
    /// No such environment.
    #[error("there is no environment {0}")]
    EnvironmentUnknown(String),
    /// No such service or no release of it.
    #[error("{0} has no release yet")]
    NoRelease(String),
    /// No such release.
    #[error("there is no release {0}")]
    ReleaseUnknown(String),
    /// The plan is another one now.
    #[error("the plan has changed: it is {now} now")]
    PlanChanged {
        /// Its digest now.
        now: Digest,
    },
    /// No such deployment.
    #[error("there is no deployment {0}")]
    DeploymentUnknown(DeploymentId),
    /// It is over.
    #[error("{0} has ended")]
    DeploymentEnded(DeploymentId),
    /// The master's volume has no room for another fact; nothing was decided.
    #[error("the master's disk is full; free some space on its data volume and try again")]
    NoSpace,
    /// No such secret, or it is deleted.
    #[error("there is no secret {0}")]
    SecretUnknown(SecretId),
    /// Another value of it came first.
    #[error("{0} was set by another request at the same time")]
    SecretRaced(SecretId),
    /// It would make facts that are longer than a record holds; nothing was decided.
    #[error("too big: {bytes} bytes would have to be recorded, {max} are allowed")]
    TooBig {
        /// That would be recorded.
        bytes: usize,
        /// That may be.
        max: usize,
    },
    /// Not allowed, with the arithmetic.
    #[error("{0}")]
    Rejected(String),
}
