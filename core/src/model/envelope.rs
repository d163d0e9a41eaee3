//! What an agent is asked to carry out: the envelope of one attempt. It is a value of core; `proto` turns it into bytes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::{Attempt, JobKey, LaneId, Revision, RunId};
use super::limits::Limits;
use super::release::Change;
use super::secret::SecretName;
use super::time::Duration;

/// The most bytes an envelope may have on the wire.
pub const ENVELOPE_MAX: usize = 256 * 1024;

/// All that agent and shim need to carry out one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The run.
    pub run: RunId,
    /// The job.
    pub job: JobKey,
    /// Which try of the job.
    pub attempt: Attempt,
    /// Environment of every step; a step's own `env` overrides it by name.
    pub env: BTreeMap<String, String>,
    /// In the order they are carried out; logs and reports name a step by its number, from 1.
    pub steps: Vec<Step>,
    /// Of the whole attempt.
    pub timeout: Duration,
    /// Without a byte on either stream; zero: off.
    pub silent_timeout: Duration,
    /// From the polite signal to the kill.
    pub grace: Duration,
    /// For `always` steps after a cancel or time-out, together.
    pub cleanup: Duration,
    /// Log bytes that the attempt may store.
    pub log_quota_bytes: u64,
    /// How many of the agent's slots it takes; 0 for a change of a target, which is taken beside them.
    pub slots: u32,
    /// What all its processes together may have of the host.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
    /// What happens to the workspace before and after.
    pub workspace: Workspace,
    /// The lane and its generation, for jobs of deployments.
    pub lane: Option<(LaneId, u64)>,
}

/// One step of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the job.
    pub name: String,
    /// When it runs, seen from the steps before it.
    pub run_if: RunIf,
    /// Of this step; zero: only the job's.
    pub timeout: Duration,
    /// Where, inside the workspace; empty: the workspace.
    pub dir: String,
    /// Besides the job's, overriding it by name.
    pub env: BTreeMap<String, String>,
    /// Secrets that it sees as variables.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<SecretName>,
    /// Secrets that it sees as files; the variable of the name holds the path.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secret_files: BTreeSet<SecretName>,
    /// A failure becomes `tolerated`.
    pub tolerate: bool,
    /// What is executed.
    pub action: Action,
}

impl Envelope {
    /// The secrets that its steps declare.
    pub fn secrets(&self) -> BTreeSet<&SecretName> {
        self.steps.iter().flat_map(Step::declared_secrets).collect()
    }
}

impl Step {
    /// The secrets that it declares, in whatever form.
    pub fn declared_secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.secrets.iter().chain(&self.secret_files)
    }
}

/// What a step executes.
#[expect(clippy::large_enum_variant, reason = "steps are few, and most of them stand in a plan once")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A command of the pipeline.
    Command(Command),
    /// Something the agent's own program does, in a child process like any other.
    Builtin(Builtin),
}

/// A command line; with a script its path is added as the last argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Program and arguments, never passed through a shell.
    pub argv: Vec<String>,
    /// The text of a file whose path ends `argv`.
    pub script: Option<String>,
}

/// A condition on the steps (or needed jobs) before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunIf {
    /// All so far succeeded, were skipped or are tolerated, and nobody is stopping the job.
    #[default]
    Success,
    /// One failed or timed out, and nobody is stopping the job.
    Failure,
    /// In every case.
    Always,
}

/// The folder of a project, user and job on an agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workspace {
    /// Untracked files are removed, ignored ones kept.
    #[default]
    Warm,
    /// Ignored files are removed too.
    Clean,
    /// A new folder, removed afterwards.
    Fresh,
}

/// The built-in steps and what each is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "builtin", rename_all = "snake_case")]
pub enum Builtin {
    /// Brings exactly this revision into the workspace with the git CLI.
    Checkout {
        /// URL or local folder of the repository.
        url: String,
        /// The commit.
        revision: Revision,
        /// Full ref name it was seen on, asked for if the server does not serve commits by id.
        reference: Option<String>,
    },
    /// Brings artifacts of earlier jobs into the workspace, by digest.
    Fetch {
        /// Each is compared with its digest.
        files: Vec<FetchFile>,
    },
    /// Stores files of the workspace as artifacts.
    Put {
        /// One blob each.
        artifacts: Vec<Collect>,
    },
    /// Takes the target out of traffic, before anything else: what it runs is not what its lane wants.
    Drain(Change),
    /// Fetch, verify, unpack and prove the way back; touches nothing that serves.
    Prepare(Change),
    /// Drain, stop, switch the symlink, start.
    Switch(Change),
    /// Identity and gates of the service.
    Check(Change),
    /// Undrain, and record that the target keeps the release.
    Commit(Change),
    /// Puts the way back in place, unless the change was committed.
    WayBack(Change),
}

impl Builtin {
    /// The name on the wire, in `windlass-agent step NAME`, and of the step.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Checkout { .. } => "checkout",
            Self::Fetch { .. } => "fetch",
            Self::Put { .. } => "put",
            Self::Drain(_) => "drain",
            Self::Prepare(_) => "prepare",
            Self::Switch(_) => "switch",
            Self::Check(_) => "check",
            Self::Commit(_) => "commit",
            Self::WayBack(_) => "way_back",
        }
    }
}

/// An artifact to bring into the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchFile {
    /// The artifact's name, which becomes the file's.
    pub name: String,
    /// Its content.
    pub digest: Digest,
    /// Folder inside the workspace.
    pub to: String,
}

/// Files of the workspace that become one artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// Name of the artifact.
    pub name: String,
    /// What it is made of.
    pub from: CollectFrom,
    /// No match is fine.
    pub optional: bool,
}

/// What an artifact is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CollectFrom {
    /// This file, as it is; path inside the workspace.
    File(String),
    /// All files that match these globs, as a tar, compressed as the artifact's name says (`.tar`, `.tar.zst`).
    Tar(Vec<String>),
}
