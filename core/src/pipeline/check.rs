//! What spans several parts of the file: needs that exist and form no circle, and artifacts that somebody makes.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Circle, Graph};
use super::read::Reader;
use super::spec::{At, DeploySpec, InputUse, JobSpec, Span, WorkSpec};
use super::words::{did_you_mean, listed, quote};
use crate::model::{Code, JobKey, ServiceName, ServiceSpec};

/// Names that stand in the file, also of jobs and services that are wrong otherwise.
pub(super) struct Names<'n> {
    pub(super) jobs: BTreeSet<&'n str>,
    pub(super) services: BTreeSet<&'n str>,
}

/// The job among `before` that makes an artifact.
pub(super) enum Maker<'j> {
    One(&'j JobKey),
    Several(Vec<&'j JobKey>),
    Nobody,
}

/// Looks for the maker of an artifact among the jobs that end before this one.
pub(super) fn maker<'j>(graph: &Graph<'j>, job: &JobSpec, artifact: &str) -> Maker<'j> {
    let makes = |key: &&JobKey| graph.get(key).is_some_and(|job| job.makes(artifact));
    let makers: Vec<&JobKey> = graph.before(job).into_iter().filter(makes).collect();
    match makers[..] {
        [one] => Maker::One(one),
        [] => Maker::Nobody,
        _ => Maker::Several(makers),
    }
}

impl Reader<'_> {
    /// Needs that lead nowhere or back.
    pub(super) fn check_needs(&mut self, jobs: &[JobSpec], names: &Names<'_>) {
        for need in jobs.iter().flat_map(|job| &job.needs) {
            if !names.jobs.contains(need.value.as_str()) {
                let hint = did_you_mean(need.value.as_str(), names.jobs.iter().copied(), "");
                self.artifacts_unclear = true;
                self.findings.error(need.span, Code::UnknownName, format!("there is no job `{}`", need.value), hint);
            }
        }
        for circle in Graph::new(jobs).circles(jobs) {
            self.circle(&circle);
        }
    }

    fn circle(&mut self, circle: &Circle<'_>) {
        let [(first, closing), others @ ..] = &circle[..] else { return };
        if others.is_empty() {
            let text = format!("job `{}` needs itself", first.key.value);
            self.findings.error(closing.span, Code::Cycle, text, "remove it");
            return;
        }
        let path: Vec<&str> =
            circle.iter().map(|(job, _)| job.key.value.as_str()).chain([first.key.value.as_str()]).collect();
        let told = others
            .iter()
            .map(|(job, need)| format!("`{}` needs `{}` on line {}", job.key.value, need.value, need.span.line));
        let hint = told.collect::<Vec<_>>().join(", ");
        self.findings.error(closing.span, Code::Cycle, format!("jobs need each other: {}", path.join(" → ")), hint);
    }

    /// Services that exist.
    pub(super) fn check_services(&mut self, jobs: &[JobSpec], names: &Names<'_>) {
        for job in jobs {
            if let WorkSpec::Deploy { deploy, .. } = &job.work
                && !names.services.contains(deploy.service.value.as_str())
            {
                let service = deploy.service.value.as_str();
                let hint = did_you_mean(service, names.services.iter().copied(), "define it under `services`");
                self.findings.error(
                    deploy.service.span,
                    Code::UnknownName,
                    format!("there is no service `{service}`"),
                    hint,
                );
            }
        }
    }

    /// Artifacts that are wanted and made. Asked only when all jobs could be read, else it would blame the wrong one.
    pub(super) fn check_artifacts(&mut self, jobs: &[JobSpec], services: &BTreeMap<ServiceName, ServiceSpec>) {
        let graph = Graph::new(jobs);
        for job in jobs {
            match &job.work {
                WorkSpec::Steps { settings, .. } => {
                    for input in settings.inputs.iter().flatten() {
                        self.check_input(&graph, jobs, job, input);
                    }
                }
                WorkSpec::Deploy { deploy, .. } => self.check_deploy(&graph, jobs, job, deploy, services),
            }
        }
    }

    fn check_input(&mut self, graph: &Graph<'_>, jobs: &[JobSpec], job: &JobSpec, input: &At<InputUse>) {
        let InputUse { name, from, .. } = &input.value;
        let Some(from) = from else {
            return self.check_maker(graph, jobs, job, name, input.span, "its input");
        };
        let before = graph.before(job);
        let Some(maker) = before.iter().find(|key| key.as_str() == from.value) else {
            let text = format!("job `{}` does not need {}", job.key.value, quote(&from.value));
            let hint = did_you_mean(&from.value, before.iter().map(|key| key.as_str()), "add it to `needs`");
            self.findings.error(from.span, Code::UnknownName, text, hint);
            return;
        };
        if !graph.get(maker).is_some_and(|maker| maker.makes(name)) {
            let made = graph.get(maker).map(JobSpec::artifacts).unwrap_or_default();
            let hint = did_you_mean(name, made.iter().map(|made| made.value.name.as_str()), "");
            self.findings.error(
                input.span,
                Code::UnknownName,
                format!("job `{maker}` makes no artifact {}", quote(name)),
                hint,
            );
        }
    }

    fn check_deploy(
        &mut self,
        graph: &Graph<'_>,
        jobs: &[JobSpec],
        job: &JobSpec,
        deploy: &DeploySpec,
        services: &BTreeMap<ServiceName, ServiceSpec>,
    ) {
        if let Some(service) = services.get(&deploy.service.value) {
            let whose = format!("the artifact of service `{}`,", deploy.service.value);
            self.check_maker(graph, jobs, job, &service.artifact, deploy.service.span, &whose);
        }
    }

    fn check_maker(
        &mut self,
        graph: &Graph<'_>,
        jobs: &[JobSpec],
        job: &JobSpec,
        artifact: &str,
        at: Span,
        whose: &str,
    ) {
        match maker(graph, job, artifact) {
            Maker::One(_) => {}
            Maker::Several(makers) => {
                let text = format!("several jobs that `{}` needs make {whose} {}", job.key.value, quote(artifact));
                let hint =
                    format!("made by {}: give them different names", listed(makers.iter().map(|key| key.as_str())));
                self.findings.error(at, Code::Clash, text, hint);
            }
            Maker::Nobody => {
                let text = format!("no job that `{}` needs makes {whose} {}", job.key.value, quote(artifact));
                let elsewhere = jobs.iter().find(|other| other.makes(artifact));
                let all = jobs.iter().flat_map(JobSpec::artifacts).map(|made| made.value.name.as_str());
                let hint = match elsewhere {
                    Some(other) => format!("job `{}` makes it: add it to `needs`", other.key.value),
                    None => did_you_mean(artifact, all, "name it under `artifacts` of a job"),
                };
                self.findings.error(at, Code::UnknownName, text, hint);
            }
        }
    }
}
