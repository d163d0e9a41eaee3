//! Everything that can happen to the master. Whoever has read [`Input`], [`Fact`](crate::fact::Fact) and
//! [`Effect`](crate::effect::Effect) knows the program.

mod agent;
mod deploy;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::attempt::Line;
use crate::model::{
    AgentId, AgentName, AgentRegister, Commit, Config, DeliveryKey, DeploymentId, Digest, Fence, JobKey, LaneId,
    Observation, ProjectName, ReleaseId, RunId, UnixMs, Verdict,
};
use crate::run::Run;
use crate::secret::SecretId;
pub use agent::{AgentVerb, Held, Hello, KillMode, Offer};
pub use deploy::{DeploymentVerb, LaneVerb, Manner};

/// What the outside said.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The master started; `epoch` is above every earlier one.
    Begin {
        /// max(last + 1, wall clock in seconds).
        epoch: u64,
        /// The data directory is a restored backup, or a copy that was cut: what happened after it is not known here.
        restored: bool,
    },
    /// The operators' configuration, checked.
    Configure(Box<Config>),
    /// A deadline has come.
    Wake,
    /// The master itself stood still: agents that said nothing meanwhile may have had nobody to say it to.
    Paused {
        /// Between two turns.
        for_ms: u64,
    },
    /// An API token was made; only the digest of its secret is kept.
    MakeToken(ApiToken),
    /// A join token was made.
    MakeJoinToken(JoinToken),
    /// An agent proved that it holds a join token.
    Enrol(Enrolment),
    /// An agent dialled and said hello.
    Hello {
        /// What it says.
        hello: Box<Hello>,
        /// How many sessions of this epoch had begun when the connection that brought it was opened.
        sessions_before: u64,
    },
    /// A person does something to an agent.
    Agent {
        /// Which.
        agent: AgentId,
        /// What.
        verb: AgentVerb,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A session is over, for whatever reason.
    SessionEnded {
        /// Whose.
        agent: AgentId,
        /// Which.
        session: u64,
    },
    /// One line of a record.
    Reported {
        /// Who says so.
        agent: AgentId,
        /// In which session.
        session: u64,
        /// About which attempt.
        fence: Fence,
        /// What happened.
        line: Box<Line>,
    },
    /// What an agent sees of a service.
    Observed {
        /// Who says so.
        agent: AgentId,
        /// In which session.
        session: u64,
        /// What it sees.
        observation: Observation,
    },
    /// A log is whole on the master's disk.
    LogSealed(LogSeal),
    /// A blob that an attempt put is whole on the master's disk.
    BlobStored {
        /// The attempt.
        fence: Fence,
        /// Name of the artifact.
        name: String,
        /// Content.
        digest: Digest,
        /// Bytes.
        size: u64,
    },
    /// Somebody delivered the news of a push, or polling saw one.
    Deliver(Delivery),
    /// The master's own fetch for a delivery is done.
    PipelineRead {
        /// The delivery.
        key: DeliveryKey,
        /// What the fetch found.
        read: Box<Result<PipelineFile, ReadError>>,
    },
    /// One that carries a key: the same again is answered as the first was, and changes nothing.
    Once {
        /// Which request it is.
        key: RequestKey,
        /// What it asks for.
        input: Box<Input>,
    },
    /// A person or tool starts a run; the master has read the file already.
    StartRun(Box<StartRun>),
    /// A person cancels jobs of a run.
    CancelRun {
        /// The run.
        run: RunId,
        /// These jobs; empty: all.
        jobs: Vec<JobKey>,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// Skips grace and cleanup.
        force: bool,
    },
    /// A person has jobs of a run done again.
    Retry {
        /// The run.
        run: RunId,
        /// The same as the history has it, if it has left the state.
        over: Option<Arc<Run>>,
        /// These jobs; empty: those that failed.
        jobs: Vec<JobKey>,
        /// Who.
        by: String,
    },
    /// A person says how an `unknown` job counts.
    Settle {
        /// The run.
        run: RunId,
        /// The job.
        job: JobKey,
        /// As what.
        verdict: Verdict,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The master itself ended the logs of an attempt whose agent holds it no more.
    LogsEnded {
        /// The attempt.
        fence: Fence,
        /// Its logs that were not sealed.
        seals: Vec<LogSeal>,
    },
    /// A person deploys a release that exists.
    Deploy {
        /// Where to.
        lane: LaneId,
        /// Which; none: the newest of the service.
        release: Option<ReleaseId>,
        /// Exactly this plan, or a refusal.
        plan: Option<Digest>,
        /// How.
        manner: Manner,
        /// Who.
        by: String,
        /// Why; demanded of a take-over and of who skips the self-test.
        reason: String,
    },
    /// A person returns a lane to an earlier release.
    Rollback {
        /// Which lane.
        lane: LaneId,
        /// To which release; none: the last good one.
        to: Option<ReleaseId>,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person set a secret; its value is sealed on disk.
    SetSecret(SetSecret),
    /// A person deletes a secret.
    DeleteSecret {
        /// Which.
        secret: SecretId,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person has seen which agents are back after a restore: jobs of the project are placed again.
    StartProject {
        /// Which.
        project: ProjectName,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person does something to a lane.
    Lane {
        /// Which.
        lane: LaneId,
        /// What.
        verb: LaneVerb,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person does something to a deployment.
    Deployment {
        /// Which.
        deployment: DeploymentId,
        /// What.
        verb: DeploymentVerb,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A person stops everything that happens by itself to targets, or lets it go on.
    StopAll {
        /// It goes on.
        lift: bool,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// By what a request is known when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// Who asks, a line feed, and the key that they chose.
    pub name: String,
    /// Digest of what they ask for: the same name with another one is a conflict.
    pub request: Digest,
}

/// A new value of a secret, without the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetSecret {
    /// Which.
    pub secret: SecretId,
    /// The number it was sealed with: it must be the next one.
    pub number: u32,
    /// Runs that are not of the main branch get it too.
    pub unprotected: bool,
    /// Bytes of the value.
    pub bytes: u32,
    /// BLAKE3 of the file that holds it.
    pub sealed: Digest,
    /// Who.
    pub by: String,
}

/// An API token, as the master keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Names it without being secret: eight characters.
    pub id: String,
    /// BLAKE3 of the secret.
    pub secret: Digest,
    /// Who it speaks for.
    pub subject: String,
    /// After this it is refused.
    pub expires: UnixMs,
}

/// A join token, as the master keeps it: the public half only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// Sixteen hex digits.
    pub id: String,
    /// Ed25519 public key, hex.
    pub public_key: String,
    /// What it fixes about the agent.
    pub register: AgentRegister,
    /// After this it is refused.
    pub expires: UnixMs,
    /// Who made it.
    pub by: String,
}

/// A proven request to enrol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The join token's id; its proof was checked.
    pub token: String,
    /// Digest of the public key that a certificate is asked for: the same one gets the same answer.
    pub csr: Digest,
    /// The id to give.
    pub agent: AgentId,
    /// The chain signed for it, PEM.
    pub chain: String,
}

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSeal {
    /// The attempt.
    pub fence: Fence,
    /// Step, from 1.
    pub step: u32,
    /// Bytes stored.
    pub total: u64,
    /// BLAKE3 of them.
    pub digest: Digest,
    /// Places where bytes are missing.
    pub gaps: u32,
    /// The digest is not the one that the host named, twice.
    pub damaged: bool,
}

/// The news of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The sender's id, made unique per hook: the same key is the same delivery.
    pub key: DeliveryKey,
    /// For which project.
    pub project: ProjectName,
    /// Branch or tag, full name: `refs/heads/main`.
    pub reference: String,
    /// The commit that was pushed.
    pub revision: crate::model::Revision,
    /// The tip before, if the sender knows.
    pub before: Option<crate::model::Revision>,
    /// Who pushed, as far as the sender says.
    pub actor: String,
    /// Digest of the delivery's body: the same key with another body is a conflict.
    pub body: Digest,
}

/// What the master's own fetch found at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineFile {
    /// The commit.
    pub commit: Commit,
    /// Text of the pipeline file; none: there is no such file at the revision.
    pub text: Option<String>,
    /// Paths changed since the old tip; none: not known, so it fires.
    pub changed: Option<Vec<String>>,
}

/// Why the file could not be read. The run fails without jobs, and says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ReadError {
    /// The revision is not reachable from its ref.
    #[error("revision_gone: {0}")]
    RevisionGone(String),
    /// The repository does not answer.
    #[error("repository_away: {0}")]
    RepositoryAway(String),
    /// The file or the repository is larger than the limit.
    #[error("too_big: {0}")]
    TooBig(String),
}

/// A manual start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartRun {
    /// Of which project.
    pub project: ProjectName,
    /// The branch it belongs to.
    pub branch: String,
    /// What the fetch found.
    pub file: PipelineFile,
    /// Only these jobs and what they need; empty: all.
    pub jobs: Vec<JobKey>,
    /// Who.
    pub by: String,
}

/// Who an agent is in words; carried by answers about enrolment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Its identity.
    pub agent: AgentId,
    /// Its name.
    pub name: AgentName,
    /// The chain signed for it, PEM.
    pub chain: String,
    /// What the token fixed.
    pub register: AgentRegister,
}
