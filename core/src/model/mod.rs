//! The nouns of Windlass, data only. Everything else in this crate is written in these words.
//!
//! Read `id`, `outcome`, `plan`, then `envelope`, `release` and `config`. Nothing here decides anything.

pub mod config;
pub mod deployment;
pub mod digest;
pub mod envelope;
pub mod freeze;
pub mod hold;
pub mod id;
pub mod limits;
pub mod name;
pub mod observation;
pub mod outcome;
pub mod plan;
pub mod problem;
pub mod release;
pub mod secret;
pub mod settlement;
mod size;
pub mod time;
pub mod trigger;

pub use config::{AgentRegister, Approvals, CatchUp, Config, Environment, Project, Retention};
pub use deployment::{AfterRollback, OnFailure, Prepare, Rules};
pub use digest::Digest;
pub use envelope::{Action, Builtin, Collect, CollectFrom, Command, Envelope, FetchFile, RunIf, Step, Workspace};
pub use freeze::{Freeze, InvalidFreeze};
pub use hold::{Hold, Pause};
pub use id::{AgentId, Attempt, DeploymentId, Fence, JobKey, LaneId, ReleaseId, Revision, RunId};
pub use limits::Limits;
pub use name::{AgentName, EnvironmentName, InvalidName, Name, ProjectName, ServiceName};
pub use observation::{Health, Observation, Running};
pub use outcome::{Failure, NotStarted, Outcome, StepOutcome, UnknownReason};
pub use plan::{DeployWork, InputSpec, JobPlan, Phase, RunPlan, StepsWork, TargetWork, Term, Work};
pub use problem::{Code, Problem, Severity};
pub use release::{Amount, BatchSpec, Change, Gate, Hook, HookCommand, Probe, Promote, Release, ServiceSpec, WayBack};
pub use secret::{InvalidSecret, InvalidSecretName, Secret, SecretName, Secrets};
pub use settlement::{OnUnknown, Settlement, Settler, Verdict};
pub(crate) use size::json_bytes;
pub use time::{CLOCKS_MAY_DIFFER, Duration, UnixMs};
pub use trigger::{Commit, DeliveryKey, Trigger, TriggerKind, Trust};
