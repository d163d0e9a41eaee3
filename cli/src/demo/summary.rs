//! What was measured. Nothing here is a constant.

use serde::Serialize;
use windlass_proto::api::{Deployment, JobDetail, Run, Step};

use super::check::Logs;
use super::stage::TARGETS;
use crate::text::{between, span, thousands};

/// All of it, as it is printed for programs.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Both runs.
    pub runs: Vec<RunFigures>,
    /// Both deployments.
    pub deployments: Vec<DeploymentFigures>,
    /// From the push to the end of the first deployment.
    pub commit_to_production_ms: Option<u64>,
    /// From the failure of the gate to the release before answering again.
    pub recovery_ms: Option<u64>,
    /// From the start of the bad release to the failure of its gate.
    pub gate_ms: Option<u64>,
    /// Targets whose running process names the last good release.
    pub targets_on_last_good: usize,
    /// Targets of the second deployment that were touched.
    pub targets_touched_by_bad: usize,
    /// Bytes of all logs.
    pub log_bytes: u64,
    /// Places where bytes of logs are missing.
    pub log_gaps: u64,
    /// More about them.
    pub logs: Logs,
    /// From the first line to this one.
    pub took_ms: u64,
    /// Everything was as it was told.
    pub as_told: bool,
}

/// A run.
#[derive(Debug, Serialize)]
pub struct RunFigures {
    /// `shop.1`.
    pub id: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// From the push to the time that the run came to exist, by the clock of this machine.
    pub exists_after_ms: u64,
    /// From then to its end.
    pub took_ms: Option<u64>,
}

/// A deployment.
#[derive(Debug, Serialize)]
pub struct DeploymentFigures {
    /// `shop.production.1`.
    pub id: String,
    /// How it ended.
    pub outcome: Option<String>,
    /// From getting the lane to its end.
    pub took_ms: Option<u64>,
}

/// A commit and all that came of it.
#[derive(Debug)]
pub struct Chapter {
    /// When it was pushed, in milliseconds since 1970.
    pub pushed_ms: u64,
    /// Its run, over.
    pub run: Run,
    /// Its deployment, over.
    pub deployment: Deployment,
}

impl Chapter {
    fn run_figures(&self) -> RunFigures {
        let outcome = self.run.outcome.map(|outcome| outcome.word().to_owned());
        let exists_after_ms = self.run.created.0.0.saturating_sub(self.pushed_ms);
        let took_ms = between(Some(self.run.created), self.run.ended);
        RunFigures { id: self.run.id.clone(), outcome, exists_after_ms, took_ms }
    }

    fn deployment_figures(&self) -> DeploymentFigures {
        let Deployment { id, outcome, started, ended, .. } = &self.deployment;
        DeploymentFigures { id: id.clone(), outcome: outcome.clone(), took_ms: between(*started, *ended) }
    }

    /// How long a job took.
    fn job_ms(&self, key: &str) -> Option<u64> {
        let job = self.run.jobs.iter().find(|job| job.key == key)?;
        between(job.started, job.ended)
    }
}

/// How the change of the target that failed went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recovery {
    /// Until its gate failed.
    pub gate_ms: Option<u64>,
    /// From then until the release before answered.
    pub way_back_ms: Option<u64>,
}

impl Recovery {
    /// By the steps of the change.
    pub fn of(change: &JobDetail) -> Self {
        let step =
            |name: &str| -> Option<&Step> { change.attempts.last()?.steps.iter().find(|step| step.name == name) };
        let (switch, check, way_back) = (step("switch"), step("check"), step("way_back"));
        let failed = check.and_then(|check| check.ended);
        let gate_ms = between(switch.and_then(|switch| switch.started), failed);
        Self { gate_ms, way_back_ms: between(failed, way_back.and_then(|way_back| way_back.ended)) }
    }
}

impl Summary {
    /// Puts all figures together.
    pub fn of(good: &Chapter, bad: &Chapter, recovery: Recovery, logs: Logs, answers: usize, took_ms: u64) -> Self {
        let ended = good.deployment.ended.map(|time| time.0.0.saturating_sub(good.pushed_ms));
        let touched = bad.deployment.targets.iter().filter(|target| target.touched).count();
        let is = |chapter: &Chapter, outcome: &str| chapter.deployment.outcome.as_deref() == Some(outcome);
        let as_told = is(good, "succeeded")
            && is(bad, "rolled_back")
            && answers == TARGETS.len()
            && touched == 1
            && logs.are_whole();
        Self {
            runs: vec![good.run_figures(), bad.run_figures()],
            deployments: vec![good.deployment_figures(), bad.deployment_figures()],
            commit_to_production_ms: ended,
            recovery_ms: recovery.way_back_ms,
            gate_ms: recovery.gate_ms,
            targets_on_last_good: answers,
            targets_touched_by_bad: touched,
            log_bytes: logs.bytes,
            log_gaps: logs.gaps,
            logs,
            took_ms,
            as_told,
        }
    }

    /// The same for people.
    pub fn lines(&self, good: &Chapter) -> Vec<String> {
        let figure = |ms: Option<u64>| ms.map_or_else(|| "not known".to_owned(), span);
        let parts = [
            ("build", good.job_ms("build")),
            ("test", good.job_ms("test")),
            ("three targets", self.deployments[0].took_ms),
        ];
        let parts: Vec<String> = parts.iter().map(|(name, ms)| format!("{name} {}", figure(*ms))).collect();
        let Logs { logs, lines, gaps, digests_equal, .. } = &self.logs;
        let total = TARGETS.len();
        vec![
            format!("commit to production  {}   {}", figure(self.commit_to_production_ms), parts.join(" · ")),
            format!("failure to recovery   {}   the gate had taken {}", figure(self.recovery_ms), figure(self.gate_ms)),
            format!("targets               {} of {total} answer with the good release", self.targets_on_last_good),
            format!(
                "logs                  {} lines in {logs} logs, {digests_equal} digests equal, {gaps} gaps",
                thousands(*lines)
            ),
        ]
    }
}
