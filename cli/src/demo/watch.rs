//! Telling a run and its deployment as they happen.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_proto::api::{Artifact, Deployment, DeploymentTarget, Job, LogLine, Run};

use super::tell::Teller;
use crate::client::Client;
use crate::error::Result;
use crate::follow::News;
use crate::text::{between, release_number, size, span};

/// Steps whose words people want to see.
const SHOWN_STEPS: [&str; 2] = ["compile", "unit"];

/// Watches one run.
#[derive(Debug)]
pub struct Watch<'a> {
    client: &'a Client,
    told: BTreeSet<String>,
    /// The deployment as it was seen last.
    pub deployment: Option<Deployment>,
}

impl<'a> Watch<'a> {
    /// Nothing was told yet.
    pub fn new(client: &'a Client) -> Self {
        Self { client, told: BTreeSet::new(), deployment: None }
    }

    /// Tells what is new.
    pub fn news(&mut self, news: &News, teller: &mut Teller<'_>) -> Result<()> {
        match news {
            News::Line(line) => self.line(line, teller),
            News::Run(run) => {
                self.jobs(run, teller)?;
                self.deployment_of(run, teller)
            }
        }
    }

    fn line(&mut self, line: &LogLine, teller: &mut Teller<'_>) -> Result<()> {
        let (Some(job), Some(step), Some(text)) = (&line.job, &line.step, &line.text) else { return Ok(()) };
        if SHOWN_STEPS.contains(&step.as_str()) {
            return teller.quote(&format!("  {:<13} │ ", format!("{job} {step}")), text);
        }
        match job.split_once('@') {
            Some((phase, target)) if is_shown(phase, text) => teller.quote(&format!("  {target}   "), text),
            Some(_) | None => Ok(()),
        }
    }

    fn jobs(&mut self, run: &Run, teller: &mut Teller<'_>) -> Result<()> {
        for job in run.jobs.iter().filter(|job| job.deployment.is_none()) {
            let Some(outcome) = &job.outcome else { continue };
            if !self.told.insert(job.key.clone()) {
                continue;
            }
            let took = between(job.started, job.ended);
            let artifacts = self.artifacts(run, job)?;
            let agent = job.agent.as_deref().unwrap_or_default();
            let took_text = took.map_or_else(String::new, span);
            let text = format!("  {:<13} = {outcome} {took_text}   {agent}{artifacts}", job.key);
            let members =
                json!({ "run": run.id, "job": job.key, "outcome": outcome, "took_ms": took, "agent": job.agent });
            teller.event("job_ended", text.trim_end(), members)?;
        }
        Ok(())
    }

    fn artifacts(&self, run: &Run, job: &Job) -> Result<String> {
        let all: Vec<Artifact> = self.client.all(&format!("/runs/{}/artifacts", run.id), &[])?;
        let of_job = all.iter().filter(|artifact| artifact.job == job.key);
        Ok(of_job.map(|artifact| format!("   artifact {} {}", artifact.name, size(artifact.size_bytes))).collect())
    }

    fn deployment_of(&mut self, run: &Run, teller: &mut Teller<'_>) -> Result<()> {
        let Some(id) = run.jobs.iter().find_map(|job| job.deployment.as_ref()) else { return Ok(()) };
        let now: Deployment = self.client.get(&format!("/deployments/{id}"), &[])?;
        if self.deployment.is_none() {
            let text = format!("  shop {} → production", release_number(&now.release));
            teller.event("deployment_requested", &text, json!({ "deployment": now.id, "release": now.release }))?;
        }
        for target in &now.targets {
            self.target(&now, target, teller)?;
        }
        self.stages(&now, teller)?;
        self.deployment = Some(now);
        Ok(())
    }

    fn stages(&self, now: &Deployment, teller: &mut Teller<'_>) -> Result<()> {
        let before = self.deployment.as_ref();
        if now.outcome.is_some() || before.is_some_and(|before| before.state == now.state && before.batch == now.batch)
        {
            return Ok(());
        }
        let targets = now.batch.and_then(|batch| now.batches.get(batch as usize));
        let targets = targets.map_or_else(String::new, |batch| batch.targets.join(", "));
        let text = match now.state.as_str() {
            "changing" => format!("  batch {}: {targets}", now.batch.unwrap_or_default() + 1),
            "baking" => format!("  bake  {targets}: the gates must keep passing"),
            "rolling_back" => format!("  rolling back: {}", now.why),
            state => format!("  {state}"),
        };
        let members = json!({ "deployment": now.id, "state": now.state, "batch": now.batch, "why": now.why });
        teller.event("deployment_moved", &text, members)
    }

    fn target(&self, now: &Deployment, target: &DeploymentTarget, teller: &mut Teller<'_>) -> Result<()> {
        let was = self.deployment.as_ref().and_then(|was| was.targets.iter().find(|was| was.name == target.name));
        let is_new = was.is_none_or(|was| was.state != target.state);
        if !is_new || matches!(target.state.as_str(), "waiting" | "preparing" | "prepared" | "changing") {
            return Ok(());
        }
        let text = format!("  {}", crate::view::deployment::of_target(target));
        let members = json!({ "deployment": now.id, "target": target.name, "state": target.state,
            "touched": target.touched, "running": target.running });
        teller.event("target_moved", &text, members)
    }
}

/// The lines that tell how a change goes; of preparing only that the way back is there.
fn is_shown(phase: &str, text: &str) -> bool {
    let begins: &[&str] =
        if phase.ends_with("/prepare") { &["way back"] } else { &["gate ", "switch", "check", "way back", "reverted"] };
    begins.iter().any(|begin| text.starts_with(begin))
}
