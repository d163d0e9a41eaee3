//! The operators' checked configuration, as far as decisions rest on it. It enters the state as an input like everything else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::freeze::Freeze;
use super::name::{AgentName, EnvironmentName, ProjectName};
use super::release::Amount;
use super::time::{Duration, UnixMs};

/// Projects, environments and the times that decisions use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// What the master watches.
    pub projects: BTreeMap<ProjectName, Project>,
    /// Where things are deployed.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// A silent agent's open attempts end `unknown` after this; never those of targets.
    pub lost_after: Duration,
    /// Log bytes that one attempt may store.
    pub log_per_attempt: u64,
    /// How long what is over is kept.
    #[serde(default)]
    pub retention: Retention,
    /// The same, of projects that have their own.
    #[serde(default)]
    pub retention_by_project: BTreeMap<ProjectName, Retention>,
}

/// How long what is over is kept, from the day on in which the run was created; none: for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Runs, with all that is known of them.
    pub runs: Option<Duration>,
    /// The logs of their steps.
    pub logs: Option<Duration>,
}

impl Config {
    /// How long what is over in this project is kept.
    pub fn retention_of(&self, project: &ProjectName) -> Retention {
        self.retention_by_project.get(project).copied().unwrap_or(self.retention)
    }
}

/// A repository that the master watches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// URL or local folder.
    pub git: String,
    /// The pipeline file, inside the repository.
    pub file: String,
    /// The main branch: where deployments come from unless an environment says otherwise.
    pub main_branch: String,
}

/// A named set of targets with guard rails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Agents whose entry in the register carries all of these are its targets.
    pub targets: BTreeMap<String, String>,
    /// Projects that deploy here.
    pub projects: BTreeSet<ProjectName>,
    /// Branches that deploy here; empty: the project's main branch.
    pub branches: BTreeSet<String>,
    /// `pipeline` (a run by itself), `people` (all with the right), or subjects by name.
    pub deployers: BTreeSet<String>,
    /// Targets of the lane that may be out of service at a time; default 1 up to 10 targets, else 10 %.
    pub max_unavailable: Option<Amount>,
    /// Healthy targets that go back at a time; the same default.
    pub rollback_at_once: Option<Amount>,
    /// A touched target silent for so long is one failure.
    pub lost_after: Duration,
    /// Takes targets whose agent runs steps as itself.
    pub same_user: bool,
    /// Takes only targets whose kernel keeps the processes of a job together.
    #[serde(default)]
    pub require_cgroup: bool,
    /// Who approves forward deployments.
    #[serde(default)]
    pub approvals: Approvals,
    /// The same where a deployment takes the place of one that fails; none: who asks is enough.
    #[serde(default)]
    pub incident_approvals: Approvals,
    /// Nothing starts within these.
    #[serde(default)]
    pub freeze: Vec<Freeze>,
    /// Targets do not replace each other: who is out of service for another reason leaves the others alone.
    #[serde(default)]
    pub independent: bool,
    /// How targets that do not run what their lane wants are brought to it.
    #[serde(default)]
    pub catch_up: CatchUp,
}

impl Environment {
    /// Who approves a deployment.
    pub fn approvals_of(&self, takes_over: bool) -> &Approvals {
        if takes_over { &self.incident_approvals } else { &self.approvals }
    }

    /// When something may start again, and the window that holds it until then; none if nothing holds it. Windows that follow on each
    /// other are one.
    pub fn frozen_until(&self, at: UnixMs) -> Option<(UnixMs, &Freeze)> {
        let open = |at: UnixMs| {
            self.freeze.iter().filter_map(move |freeze| Some((freeze.until(at)?, freeze))).max_by_key(|(end, _)| *end)
        };
        let (mut end, freeze) = open(at)?;
        // More windows than there are cannot follow on each other, unless they fill the week.
        for _ in &self.freeze {
            let Some((later, _)) = open(end) else { break };
            end = later;
        }
        Some((end, freeze))
    }
}

/// How targets that do not run what their lane wants are brought to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUp {
    /// So many at a time, of the targets of the lane.
    pub at_once: Amount,
    /// After so many failures on the way to one release a person looks first.
    pub max_failures: u32,
}

impl Default for CatchUp {
    fn default() -> Self {
        Self { at_once: Amount::Percent(10), max_failures: 3 }
    }
}

/// Approvals that a plan needs before it is carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// So many people; 0: none.
    pub required: u32,
    /// Of these subjects. Who asked for the deployment does not count.
    pub from: BTreeSet<String>,
}

impl std::fmt::Display for Approvals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.from.iter().map(String::as_str).collect();
        f.write_str(&names.join(" or "))
    }
}

/// What a join token fixed about an agent. Targets go by this alone, never by what an agent says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRegister {
    /// What people call it.
    pub name: AgentName,
    /// Labels that placement and environments trust; `agent` is added.
    pub labels: BTreeMap<String, String>,
    /// Projects whose jobs it may run; empty: all.
    pub projects: BTreeSet<ProjectName>,
    /// Environments it may be a target of.
    pub environments: BTreeSet<EnvironmentName>,
    /// Takes jobs of pipelines although it has environments.
    pub jobs: bool,
}
