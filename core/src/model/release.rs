//! What is deployed, how, and what one target is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::id::{DeploymentId, ReleaseId, Revision, RunId};
use super::name::{AgentName, EnvironmentName, ServiceName};
use super::time::{Duration, UnixMs};

/// How a service lives on its targets; an entry under `services`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    /// Name of the artifact of the run that is unpacked as the release.
    pub artifact: String,
    /// Absolute folder on the target: `current`, `releases/`, `shared/`.
    pub root: String,
    /// Not secret; becomes `windlass.env` in the release.
    pub settings: BTreeMap<String, String>,
    /// Commands at fixed places of a change.
    pub hooks: BTreeMap<Hook, HookCommand>,
    /// Checks that must pass, by name.
    pub gates: BTreeMap<String, Gate>,
    /// How the running process names its release.
    pub identity: Probe,
    /// Releases that stay on the target besides the pinned ones.
    pub keep: u32,
}

/// The fixed places of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// Before anything is touched.
    Preflight,
    /// No traffic any more when it returns.
    Drain,
    /// The service is down when it returns.
    Stop,
    /// The service was asked to come up.
    Start,
    /// Traffic is confirmed when it returns.
    Undrain,
}

impl Hook {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Drain => "drain",
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Undrain => "undrain",
        }
    }
}

/// A command with its own clock. Never templated; it gets `WINDLASS_*` in its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookCommand {
    /// Program and arguments; a script of the pipeline is `["/bin/sh", "-ec", text]`.
    pub argv: Vec<String>,
    /// Default 30 s.
    pub timeout: Duration,
}

/// A way to ask the service something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// GET; good is a status of 200 to 299. As an identity the body or a header holds the release's name.
    Http(String),
    /// Good is a connection to `host:port`. It names nothing, so that it is no identity.
    Tcp(String),
    /// Good is exit code 0. As an identity it prints the release's name.
    Command(Vec<String>),
}

/// A check that must pass on a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// What is asked.
    pub probe: Probe,
    /// Between two samples. Default 2 s.
    pub every: Duration,
    /// Of one sample. Default 5 s.
    pub timeout: Duration,
    /// A check passes when good without a break for so long. Default 10 s.
    pub steady: Duration,
    /// Bad samples in a row that fail it. Default 3.
    pub fall: u32,
    /// Changes between good and bad that fail it. Default 3.
    pub flaps: u32,
    /// Bad samples at first do not count. Default 10 s.
    pub grace: Duration,
    /// A check that has not passed by then fails. Default 60 s.
    pub deadline: Duration,
}

/// An entry of a strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSpec {
    /// How many targets.
    pub targets: Amount,
    /// How long the gates must keep passing.
    pub bake: Option<Duration>,
    /// Failures of the whole deployment allowed.
    pub budget: Option<Amount>,
    /// What lets the next batch begin.
    #[serde(default)]
    pub promote: Promote,
}

impl BatchSpec {
    /// So many targets, and whatever is usual.
    pub fn plain(targets: Amount) -> Self {
        Self { targets, bake: None, budget: None, promote: Promote::Auto }
    }
}

/// What lets the next batch begin, once the gates of one have passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promote {
    /// That they have.
    #[default]
    Auto,
    /// A person, who resumes the deployment.
    Manual,
}

/// A number of targets, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// So many.
    Count(u32),
    /// Percent of the targets of the lane, rounded down.
    Percent(u32),
    /// All that are left (not for budgets and ceilings).
    Rest,
}

/// `3`, `10%`, `rest`.
impl std::fmt::Display for Amount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(n) => write!(f, "{n}"),
            Self::Percent(n) => write!(f, "{n}%"),
            Self::Rest => f.write_str("rest"),
        }
    }
}

/// Artifact digest, service definition and settings: immutable, numbered per service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// `shop r18`.
    pub id: ReleaseId,
    /// BLAKE3 of artifact digest, service definition and settings: the same digest is the same release.
    pub digest: Digest,
    /// The artifact's content.
    pub artifact: Digest,
    /// Bytes of the artifact.
    pub artifact_bytes: u64,
    /// How it lives on its targets.
    pub spec: ServiceSpec,
    /// The commit it was made from, and its place on the branch.
    pub revision: Revision,
    /// Number of first parents behind the revision.
    pub position: u64,
    /// First line of the commit's message.
    pub title: String,
    /// Branch of the run that made it.
    pub branch: String,
    /// The run that made it.
    pub run: RunId,
    /// When.
    pub created: UnixMs,
}

impl Release {
    /// Name on disk and in answers of the service: `r18-4f2a91c0`, so that no name is part of another.
    pub fn name(&self) -> String {
        format!("r{}-{}", self.id.number, self.digest.short())
    }
}

/// What one target is told about a change. Every built-in step of its jobs gets the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub service: ServiceName,
    /// Where to.
    pub environment: EnvironmentName,
    /// This target.
    pub target: AgentName,
    /// On whose behalf.
    pub deployment: DeploymentId,
    /// Of the lane; a target refuses a lower one than it has seen.
    pub generation: u64,
    /// Name of the release that shall run: `r18-4f2a91c0`.
    pub release: String,
    /// Content of its artifact, and the artifact's name, which tells how it is unpacked.
    pub artifact: Digest,
    /// Bytes of the artifact.
    pub artifact_bytes: u64,
    /// How it lives here.
    pub spec: ServiceSpec,
    /// Where the target returns to if this fails.
    pub way_back: WayBack,
    /// The longest bake of the deployment: the observer samples at gate speed for so long.
    pub bake: Duration,
    /// What runs may be what is being mended: its gates are not asked beforehand.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skips_self_test: bool,
    /// The way back is not what the lane wants: a target that takes it stays out of traffic.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stays_drained: bool,
    /// A person of the master's side asks: what was held by hand is held no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lets_go: bool,
}

/// Where a target returns to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// To this release, which lies on the target.
    Release(String),
    /// Nothing ran here before: stop, and remove `current`.
    Absent,
}

/// The most releases a target keeps besides pinned ones, unless the pipeline says otherwise.
pub const KEEP_DEFAULT: u32 = 5;
