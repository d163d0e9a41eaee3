//! `[policy]`: what this host takes. Deny by default: a host without it takes nothing.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use windlass_core::model::{Action, Builtin, Change, Digest, Envelope, Limits};

use super::written::{WrittenPolicy, WrittenSteps};
use crate::release::place::{LocalServices, Place};

/// What is taken. Each denial names its rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whether there is a policy at all.
    pub is_set: bool,
    /// Projects, exact; `*` only without environments.
    pub projects: BTreeSet<String>,
    /// Environments it is a target of.
    pub environments: BTreeSet<String>,
    /// Takes jobs of pipelines although it has environments.
    pub jobs: bool,
    /// Services that may be changed here.
    pub services: BTreeSet<String>,
    /// Folders in which releases live.
    pub release_roots: Vec<PathBuf>,
    /// What steps may execute.
    pub steps: Steps,
    /// What one job may have of this host.
    pub limits: Limits,
}

/// What steps and hooks may execute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Steps {
    /// Any command.
    #[default]
    Any,
    /// Built-in steps alone.
    None,
}

/// A key of `[policy]` and what is wrong with it.
pub(super) type Wrong = (&'static str, String);

impl Policy {
    pub(super) fn check(written: Option<WrittenPolicy>) -> Result<Self, Wrong> {
        let Some(written) = written else { return Ok(Self::default()) };
        let steps = match written.steps {
            WrittenSteps::Any => Steps::Any,
            WrittenSteps::None => Steps::None,
            WrittenSteps::Hooks => {
                return Err((
                    "steps",
                    "\"hooks\" is not carried out by this version: write \"any\" or \"none\"".to_owned(),
                ));
            }
        };
        if !written.same_user {
            return Err((
                "same_user",
                "this version runs steps as the agent's own user: write true, or leave it out".to_owned(),
            ));
        }
        if let Some(names) = &written.run_as {
            only_own_user(names)?;
        }
        if written.projects.iter().any(|name| name == "*") && !written.environments.is_empty() {
            return Err(("projects", "\"*\" goes only together with environments = []: name the projects".to_owned()));
        }
        for root in &written.release_roots {
            if !root.is_absolute()
                || root == Path::new("/")
                || root.components().any(|part| part == Component::ParentDir)
            {
                return Err(("release_roots", format!("{root:?} is not an absolute path without `..`")));
            }
        }
        Ok(Self {
            is_set: true,
            projects: written.projects.into_iter().collect(),
            environments: written.environments.into_iter().collect(),
            jobs: written.jobs,
            services: written.services.into_iter().collect(),
            release_roots: written.release_roots,
            steps,
            limits: Limits::default(),
        })
    }

    /// The rule that says no to an envelope; none: it is taken.
    pub fn denies(&self, envelope: &Envelope, services: &LocalServices) -> Option<&'static str> {
        let project = envelope.run.project.as_str();
        if !self.is_set {
            return Some("policy");
        }
        if !self.projects.contains("*") && !self.projects.contains(project) {
            return Some("projects");
        }
        match &envelope.lane {
            Some((lane, _)) if !self.environments.contains(lane.environment.as_str()) => return Some("environments"),
            Some((lane, _)) if !self.services.contains(lane.service.as_str()) => return Some("services"),
            None if !self.takes_jobs() => return Some("jobs"),
            Some(_) | None => {}
        }
        if let Some(rule) = envelope.limits.beyond(&self.limits) {
            return Some(rule);
        }
        envelope.steps.iter().find_map(|step| self.denies_action(&step.action, envelope, services))
    }

    /// Whether jobs of pipelines are taken.
    pub fn takes_jobs(&self) -> bool {
        self.is_set && (self.jobs || self.environments.is_empty())
    }

    /// BLAKE3 of what is taken; a change of it is seen by the master.
    pub fn digest(&self) -> Digest {
        Digest::of(format!("{self:?}").as_bytes())
    }

    fn denies_action(&self, action: &Action, envelope: &Envelope, services: &LocalServices) -> Option<&'static str> {
        match action {
            Action::Command(_) if self.steps == Steps::None => Some("steps"),
            Action::Command(_) => None,
            Action::Builtin(Builtin::Checkout { .. } | Builtin::Fetch { .. } | Builtin::Put { .. }) => None,
            Action::Builtin(
                Builtin::Drain(change)
                | Builtin::Prepare(change)
                | Builtin::Switch(change)
                | Builtin::Check(change)
                | Builtin::Commit(change)
                | Builtin::WayBack(change),
            ) => self.denies_change(change, envelope, services),
        }
    }

    /// A change must be of the lane that the envelope names, in a root that is allowed, with hooks only if commands are.
    fn denies_change(&self, change: &Change, envelope: &Envelope, services: &LocalServices) -> Option<&'static str> {
        let is_of_lane = envelope
            .lane
            .as_ref()
            .is_some_and(|(lane, _)| lane.service == change.service && lane.environment == change.environment);
        if !is_of_lane {
            return Some("services");
        }
        let is_in_root = Place::of(&change.service, &change.spec, services)
            .is_ok_and(|place| self.release_roots.iter().any(|root| place.root.starts_with(root)));
        if !is_in_root {
            return Some("release_roots");
        }
        (self.steps == Steps::None && !change.spec.hooks.is_empty()).then_some("steps")
    }
}

fn only_own_user(names: &[String]) -> Result<(), Wrong> {
    let own = super::files::own_user();
    match names.iter().find(|name| **name != own.name) {
        None => Ok(()),
        Some(other) => {
            let why = format!("{other:?}: this version runs steps only as the agent's own user, {:?}", own.name);
            Err(("run_as", why))
        }
    }
}
