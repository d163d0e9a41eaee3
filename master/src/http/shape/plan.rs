//! The plan of a run.

use windlass_core::model::{Action, JobPlan, RunIf, Step, Work};
use windlass_core::run::Run;
use windlass_proto::api;

/// What the jobs of a run do.
pub(in crate::http) fn run_plan(run: &Run) -> api::RunPlan {
    api::RunPlan { run: run.id.in_path(), jobs: run.jobs.iter().map(|job| planned(&job.plan)).collect() }
}

fn planned(plan: &JobPlan) -> api::PlannedJob {
    let job = api::PlannedJob {
        key: plan.key.to_string(),
        needs: plan.needs.iter().map(ToString::to_string).collect(),
        condition: condition(plan.run_if).to_owned(),
        runs_on: Vec::new(),
        env: std::collections::BTreeMap::new(),
        steps: Vec::new(),
        timeout_ms: None,
        deploys: None,
    };
    match &plan.work {
        Work::Deploy(work) => {
            api::PlannedJob { deploys: Some(format!("{}/{}", work.service, work.environment)), ..job }
        }
        Work::Steps(work) => api::PlannedJob {
            runs_on: work.runs_on.iter().map(ToString::to_string).collect(),
            env: work.env.clone(),
            steps: work.steps.iter().map(step).collect(),
            timeout_ms: Some(work.timeout.ms()),
            ..job
        },
    }
}

fn step(step: &Step) -> api::PlannedStep {
    let (argv, script, builtin) = match &step.action {
        Action::Command(command) => (Some(command.argv.clone()), command.script.clone(), None),
        Action::Builtin(builtin) => (None, None, Some(builtin.name().to_owned())),
    };
    let condition = condition(step.run_if).to_owned();
    api::PlannedStep { name: step.name.clone(), condition, argv, script, builtin, env: step.env.clone() }
}

fn condition(run_if: RunIf) -> &'static str {
    match run_if {
        RunIf::Success => "success",
        RunIf::Failure => "failure",
        RunIf::Always => "always",
    }
}
