//! A checked pipeline: what a file without errors says, the file's own `defaults` already merged, the built-in ones not yet.
//! Made by `parse` alone; read by `fires` and `expand`.

use std::collections::BTreeMap;

use globset::GlobMatcher;

use crate::model::{
    BatchSpec, Collect, Duration, EnvironmentName, JobKey, Limits, OnUnknown, Rules, RunIf, SecretName, ServiceName,
    ServiceSpec, Term, Workspace,
};

/// A place in the file; always inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Characters, at least 1.
    pub width: u32,
}

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// What.
    pub value: T,
    /// Where.
    pub span: Span,
}

/// A pipeline file without errors.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// What triggers a run.
    pub on: On,
    /// Environment of every step.
    pub env: BTreeMap<String, String>,
    /// What runs on targets.
    pub services: BTreeMap<ServiceName, ServiceSpec>,
    /// In the order of the file; names are unique, needs exist and form no circle.
    pub jobs: Vec<JobSpec>,
}

/// What triggers a run.
#[derive(Debug, Clone)]
pub struct On {
    /// Pushes, if at all.
    pub push: Option<PushSpec>,
    /// A person or a token may start one.
    pub manual: bool,
}

/// Which pushes trigger a run; an empty list was not given.
#[derive(Debug, Clone, Default)]
pub struct PushSpec {
    /// Branches.
    pub branches: Globs,
    /// Tags.
    pub tags: Globs,
    /// Changed paths.
    pub paths: Globs,
}

/// Patterns of which the last match decides.
#[derive(Debug, Clone, Default)]
pub struct Globs(pub Vec<Pattern>);

/// One pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As written, with the `!`.
    pub text: String,
    /// It began with `!`.
    pub excludes: bool,
    /// What it matches; `*` stays within a path part, `**` does not.
    pub matcher: GlobMatcher,
}

/// An entry under `jobs`.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// Its name.
    pub key: At<JobKey>,
    /// These end first.
    pub needs: Vec<At<JobKey>>,
    /// What it does.
    pub work: WorkSpec,
}

/// What a job does.
#[derive(Debug, Clone)]
pub enum WorkSpec {
    /// Steps on one agent.
    Steps {
        /// Keys of the job, with those of `defaults` where it lacks them.
        settings: Box<Settings>,
        /// At least one.
        steps: Vec<StepSpec>,
    },
    /// A deployment.
    Deploy {
        /// Seen from the needed jobs.
        run_if: Option<RunIf>,
        /// What and where to.
        deploy: DeploySpec,
    },
}

/// The keys that a job and `defaults` share; none: not given.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Seen from the needed jobs.
    pub run_if: Option<RunIf>,
    /// Where it may run.
    pub runs_on: Option<Vec<Term>>,
    /// Of an attempt.
    pub timeout: Option<Duration>,
    /// Without a byte on either stream.
    pub silent_timeout: Option<Duration>,
    /// From the polite signal to the kill.
    pub grace: Option<Duration>,
    /// For `always` steps after a cancel or time-out.
    pub cleanup: Option<Duration>,
    /// Of every step.
    pub env: BTreeMap<String, String>,
    /// What every step sees.
    pub secrets: Option<SecretUses>,
    /// Doing it twice is harmless.
    pub idempotent: Option<bool>,
    /// What follows when nothing is proven.
    pub on_unknown: Option<OnUnknown>,
    /// What all processes together may have of the host.
    pub limits: Option<Limits>,
    /// The repository is checked out.
    pub checkout: Option<bool>,
    /// What happens to the workspace.
    pub workspace: Option<Workspace>,
    /// What it leaves.
    pub artifacts: Option<Vec<At<Collect>>>,
    /// What it wants from needed jobs.
    pub inputs: Option<Vec<At<InputUse>>>,
}

/// The secrets that a job or step declares.
pub type SecretUses = BTreeMap<SecretName, At<SecretForm>>;

/// How a step sees a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// As a variable.
    Variable,
    /// As a file, whose path the variable holds.
    File,
}

/// An artifact that a job wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputUse {
    /// The artifact.
    pub name: String,
    /// The job that makes it; none: the one needed job that does.
    pub from: Option<At<String>>,
    /// Folder inside the workspace.
    pub to: String,
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepSpec {
    /// Unique in the job; its number if the file gives none.
    pub name: At<String>,
    /// What it executes.
    pub run: Run,
    /// Seen from the steps before it.
    pub run_if: RunIf,
    /// Of this step alone.
    pub env: BTreeMap<String, String>,
    /// What this step sees beside those of the job.
    pub secrets: SecretUses,
    /// Inside the workspace; empty: the workspace.
    pub dir: String,
    /// Of this step; none: only the job's.
    pub timeout: Option<Duration>,
    /// A failure becomes `tolerated`.
    pub tolerate: bool,
}

/// What a step executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Run {
    /// A text for a shell.
    Script {
        /// The text.
        text: String,
        /// Which shell.
        shell: Shell,
    },
    /// Program and arguments, executed as they stand.
    List(Vec<String>),
}

/// What reads a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shell {
    /// `/bin/sh -e FILE`.
    Sh,
    /// `bash --noprofile --norc -eo pipefail FILE`.
    Bash,
    /// A command to which the file's path is added.
    Own(Vec<String>),
}

/// The block of an entry with `deploy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploySpec {
    /// What; stands under `services`.
    pub service: At<ServiceName>,
    /// Where to; the operators know it.
    pub environment: EnvironmentName,
    /// One entry for each batch; the last repeats.
    pub strategy: Vec<BatchSpec>,
    /// What follows where it fails.
    pub rules: Rules,
}

impl Pipeline {
    /// A person or a token may start a run.
    pub fn takes_manual(&self) -> bool {
        self.on.manual
    }
}

impl Settings {
    /// These, and those of `defaults` where they say nothing. Only `env` is merged name by name.
    pub(super) fn or(self, defaults: &Self) -> Self {
        let mut env = defaults.env.clone();
        env.extend(self.env);
        Self {
            run_if: self.run_if.or(defaults.run_if),
            runs_on: self.runs_on.or_else(|| defaults.runs_on.clone()),
            timeout: self.timeout.or(defaults.timeout),
            silent_timeout: self.silent_timeout.or(defaults.silent_timeout),
            grace: self.grace.or(defaults.grace),
            cleanup: self.cleanup.or(defaults.cleanup),
            env,
            secrets: self.secrets.or_else(|| defaults.secrets.clone()),
            idempotent: self.idempotent.or(defaults.idempotent),
            on_unknown: self.on_unknown.or(defaults.on_unknown),
            limits: self.limits.or(defaults.limits),
            checkout: self.checkout.or(defaults.checkout),
            workspace: self.workspace.or(defaults.workspace),
            artifacts: self.artifacts.or_else(|| defaults.artifacts.clone()),
            inputs: self.inputs.or_else(|| defaults.inputs.clone()),
        }
    }
}

impl JobSpec {
    /// The artifacts it leaves.
    pub(super) fn artifacts(&self) -> &[At<Collect>] {
        match &self.work {
            WorkSpec::Steps { settings, .. } => settings.artifacts.as_deref().unwrap_or_default(),
            WorkSpec::Deploy { .. } => &[],
        }
    }

    /// True if it leaves this artifact.
    pub(super) fn makes(&self, artifact: &str) -> bool {
        self.artifacts().iter().any(|made| made.value.name == artifact)
    }
}
