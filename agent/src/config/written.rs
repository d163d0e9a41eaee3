//! The file as it is written.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use windlass_core::model::{AgentName, ServiceName};

use crate::release::LocalService;

/// All of `agent.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) master: String,
    pub(super) name: Option<AgentName>,
    #[serde(default = "one")]
    pub(super) slots: u32,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) policy: Option<WrittenPolicy>,
    #[serde(default)]
    pub(super) work: Work,
    #[serde(default)]
    pub(super) process: Process,
    #[serde(default)]
    pub(super) disk: DiskKeys,
    #[serde(default)]
    pub(super) limits: WrittenLimits,
    #[serde(default)]
    pub(super) services: BTreeMap<ServiceName, LocalService>,
}

/// `[policy]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenPolicy {
    #[serde(default)]
    pub(super) projects: Vec<String>,
    #[serde(default)]
    pub(super) environments: Vec<String>,
    #[serde(default)]
    pub(super) jobs: bool,
    #[serde(default)]
    pub(super) services: Vec<String>,
    #[serde(default)]
    pub(super) release_roots: Vec<PathBuf>,
    pub(super) run_as: Option<Vec<String>>,
    #[serde(default)]
    pub(super) steps: WrittenSteps,
    #[serde(default = "yes")]
    pub(super) same_user: bool,
}

/// `policy.steps`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenSteps {
    #[default]
    Any,
    Hooks,
    None,
}

/// `[work]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Work {
    pub(super) dir: Option<PathBuf>,
}

/// `[process]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Process {
    #[serde(default)]
    pub(super) kill: WrittenKill,
}

/// `[limits]`: of each job.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenLimits {
    pub(super) memory: Option<String>,
    pub(super) cpu: Option<Number>,
    pub(super) pids: Option<u32>,
}

/// A number with or without a point.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Number {
    Whole(u32),
    Float(f64),
}

/// `[disk]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DiskKeys {
    pub(super) ballast_mib: Option<u32>,
}

/// `process.kill`.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WrittenKill {
    #[default]
    Auto,
    Cgroup,
    Group,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}
