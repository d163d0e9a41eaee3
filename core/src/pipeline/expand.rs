//! A checked pipeline to the plan of a run: built-in defaults filled in, shells turned into command lines.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Maker, maker};
use super::graph::Graph;
use super::spec::{
    At, DeploySpec, InputUse, JobSpec, Pipeline, Run, SecretForm, SecretUses, Settings, Shell, StepSpec, WorkSpec,
};
use crate::model::{
    Action, Command, DeployWork, Duration, InputSpec, JobKey, JobPlan, RunPlan, ServiceName, Step, StepsWork, Work,
};

const TIMEOUT: Duration = Duration::from_secs(3_600);
const GRACE: Duration = Duration::from_secs(30);
const CLEANUP: Duration = Duration::from_secs(60);
/// Off, for the times that may be.
const OFF: Duration = Duration::from_ms(0);

/// What a run of this pipeline will do.
pub fn expand(pipeline: &Pipeline) -> RunPlan {
    let graph = Graph::new(&pipeline.jobs);
    let jobs: Vec<JobPlan> = pipeline.jobs.iter().map(|job| plan(pipeline, &graph, job)).collect();
    let deployed: BTreeSet<&ServiceName> = pipeline.jobs.iter().filter_map(deployed_service).collect();
    let services = pipeline.services.iter().filter(|(name, _)| deployed.contains(name));
    RunPlan { jobs, services: services.map(|(name, spec)| (name.clone(), spec.clone())).collect() }
}

fn deployed_service(job: &JobSpec) -> Option<&ServiceName> {
    match &job.work {
        WorkSpec::Deploy { deploy, .. } => Some(&deploy.service.value),
        WorkSpec::Steps { .. } => None,
    }
}

fn plan(pipeline: &Pipeline, graph: &Graph<'_>, job: &JobSpec) -> JobPlan {
    let (run_if, work) = match &job.work {
        WorkSpec::Steps { settings, steps } => {
            (settings.run_if, Work::Steps(steps_work(&pipeline.env, graph, job, settings, steps)))
        }
        WorkSpec::Deploy { run_if, deploy } => (*run_if, Work::Deploy(deploy_work(pipeline, graph, job, deploy))),
    };
    JobPlan {
        key: job.key.value.clone(),
        needs: job.needs.iter().map(|need| need.value.clone()).collect(),
        run_if: run_if.unwrap_or_default(),
        work,
    }
}

fn steps_work(
    env: &BTreeMap<String, String>,
    graph: &Graph<'_>,
    job: &JobSpec,
    settings: &Settings,
    steps: &[StepSpec],
) -> StepsWork {
    let mut merged = env.clone();
    merged.extend(settings.env.clone());
    StepsWork {
        runs_on: settings.runs_on.clone().unwrap_or_default(),
        env: merged,
        steps: steps.iter().map(|spec| step(spec, settings.secrets.as_ref())).collect(),
        timeout: settings.timeout.unwrap_or(TIMEOUT),
        silent_timeout: settings.silent_timeout.unwrap_or(OFF),
        grace: settings.grace.unwrap_or(GRACE),
        cleanup: settings.cleanup.unwrap_or(CLEANUP),
        idempotent: settings.idempotent.unwrap_or(false),
        on_unknown: settings.on_unknown.unwrap_or_default(),
        limits: settings.limits.unwrap_or_default(),
        checkout: settings.checkout.unwrap_or(true),
        workspace: settings.workspace.unwrap_or_default(),
        inputs: settings.inputs.iter().flatten().map(|wanted| input(graph, job, wanted)).collect(),
        artifacts: job.artifacts().iter().map(|artifact| artifact.value.clone()).collect(),
        target: None,
    }
}

fn input(graph: &Graph<'_>, job: &JobSpec, wanted: &At<InputUse>) -> InputSpec {
    let InputUse { name, from, to } = &wanted.value;
    let from = match from {
        Some(from) => from.value.parse().expect("parse found a job of this name"),
        None => only_maker(graph, job, name),
    };
    InputSpec { name: name.clone(), from, to: to.clone() }
}

fn deploy_work(pipeline: &Pipeline, graph: &Graph<'_>, job: &JobSpec, deploy: &DeploySpec) -> DeployWork {
    let service = pipeline.services.get(&deploy.service.value).expect("parse found the service");
    DeployWork {
        service: deploy.service.value.clone(),
        environment: deploy.environment.clone(),
        strategy: deploy.strategy.clone(),
        rules: deploy.rules,
        artifact_of: only_maker(graph, job, &service.artifact),
    }
}

fn only_maker(graph: &Graph<'_>, job: &JobSpec, artifact: &str) -> JobKey {
    match maker(graph, job, artifact) {
        Maker::One(key) => Some(key.clone()),
        Maker::Several(_) | Maker::Nobody => None,
    }
    .expect("parse found exactly one needed job that makes the artifact")
}

fn step(step: &StepSpec, of_job: Option<&SecretUses>) -> Step {
    let uses = || of_job.into_iter().flatten().chain(&step.secrets);
    let seen_as = |form| uses().filter(move |(_, found)| found.value == form).map(|(name, _)| name.clone()).collect();
    Step {
        name: step.name.value.clone(),
        run_if: step.run_if,
        timeout: step.timeout.unwrap_or(OFF),
        dir: step.dir.clone(),
        env: step.env.clone(),
        secrets: seen_as(SecretForm::Variable),
        secret_files: seen_as(SecretForm::File),
        tolerate: step.tolerate,
        action: Action::Command(command(&step.run)),
    }
}

fn command(run: &Run) -> Command {
    match run {
        Run::List(argv) => Command { argv: argv.clone(), script: None },
        Run::Script { text, shell } => Command { argv: shell_argv(shell), script: Some(text.clone()) },
    }
}

/// What the path of the script's file is added to.
fn shell_argv(shell: &Shell) -> Vec<String> {
    let words: &[&str] = match shell {
        Shell::Sh => &["/bin/sh", "-e"],
        Shell::Bash => &["bash", "--noprofile", "--norc", "-eo", "pipefail"],
        Shell::Own(argv) => return argv.clone(),
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}
