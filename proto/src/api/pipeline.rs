//! The plan of a run, and what is wrong with a pipeline file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a run does: the pipeline file made exact for its revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunPlan {
    /// The run.
    pub run: String,
    /// In the order of the file; those that deployments made follow.
    pub jobs: Vec<PlannedJob>,
}

/// A job of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedJob {
    /// Unique in the run.
    pub key: String,
    /// Jobs that end first.
    pub needs: Vec<String>,
    /// `success`, `failure` or `always`, seen from the needed jobs.
    #[serde(rename = "if")]
    pub condition: String,
    /// Labels of the agents that may carry it out, as written.
    pub runs_on: Vec<String>,
    /// Environment of every step.
    pub env: BTreeMap<String, String>,
    /// Its own steps; empty for an entry with `deploy`.
    pub steps: Vec<PlannedStep>,
    /// Of an attempt; none for an entry with `deploy`.
    pub timeout_ms: Option<u64>,
    /// The lane that an entry with `deploy` goes along.
    pub deploys: Option<String>,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedStep {
    /// Unique in the job.
    pub name: String,
    /// `success`, `failure` or `always`, seen from the steps before.
    #[serde(rename = "if")]
    pub condition: String,
    /// Program and arguments; none for a built-in step.
    pub argv: Option<Vec<String>>,
    /// The text whose path is added as the last argument.
    pub script: Option<String>,
    /// Name of the built-in step.
    pub builtin: Option<String>,
    /// Besides the job's, overriding it by name.
    pub env: BTreeMap<String, String>,
}

/// One problem of a pipeline file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PipelineProblem {
    /// The file it was found in.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// How many characters it is about, at least 1.
    pub width: u32,
    /// `error` or `warning`.
    pub severity: String,
    /// One of a closed list: `unknown-key`.
    pub code: String,
    /// What is wrong.
    pub text: String,
    /// The way out.
    pub hint: Option<String>,
    /// The line of the file.
    pub source: String,
}

/// A pipeline file to be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LintRequest {
    /// Its text, at most 256 KiB.
    pub text: String,
    /// The name that problems give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LintAnswer {
    /// True if the file can be used.
    pub ok: bool,
    /// In the order of the file, 50 at most.
    #[schema(value_type = Vec<PipelineProblem>)]
    pub problems: Vec<windlass_core::model::Problem>,
}
