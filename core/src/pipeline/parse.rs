//! Text to a checked pipeline: all problems at once, in the order of the file.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Names;
use super::expand::expand;
use super::findings::Findings;
use super::keys;
use super::limits::{FILE_BYTES, JOBS, PLAN_BYTES, STEPS};
use super::read::{Object, Reader};
use super::spec::{JobSpec, On, Pipeline, Span, WorkSpec};
use super::yaml::{Entry, Node, load};
use crate::model::{Code, Problem, ServiceName, ServiceSpec, Severity, json_bytes};

/// What became of a file.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// There if no problem is an error.
    pub pipeline: Option<Pipeline>,
    /// In the order of the file, 50 at most.
    pub problems: Vec<Problem>,
}

/// Reads a pipeline file; `file` is the name that problems give it.
pub fn parse(file: &str, text: &str) -> Parsed {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > FILE_BYTES {
        return refused(file, Code::TooBig, format!("the file is larger than {} KiB", FILE_BYTES / 1024));
    }
    let mut findings = Findings::new(file, text);
    if text.contains('\0') {
        let at = findings.locate(Span { line: 1, column: 1, width: 1 }, "\0");
        findings.error(at, Code::BadYaml, "the file holds NUL", "it is a text in UTF-8");
        return Parsed { pipeline: None, problems: findings.finish() };
    }
    let root = load(text, &mut findings);
    let unreadable = root.is_none() && findings.count() > 0;
    let mut reader = Reader { findings, artifacts_unclear: false };
    let pipeline = if unreadable { None } else { reader.pipeline(root.as_ref()) };
    if reader.findings.count() == 0 {
        pipeline.iter().for_each(|pipeline| reader.check_plan(pipeline));
    }
    let problems = reader.findings.finish();
    let usable = problems.iter().all(|problem| problem.severity == Severity::Warning);
    Parsed { pipeline: pipeline.filter(|_| usable), problems }
}

/// The same for bytes that nobody has looked at yet.
pub fn parse_bytes(file: &str, bytes: &[u8]) -> Parsed {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(file, text),
        Err(error) => {
            let text = format!("the file is not UTF-8: it breaks at byte {}", error.valid_up_to());
            refused(file, Code::BadYaml, text)
        }
    }
}

/// A file that is not looked into.
fn refused(file: &str, code: Code, text: String) -> Parsed {
    let mut findings = Findings::new(file, "");
    findings.error(Span { line: 1, column: 1, width: 1 }, code, text, "");
    Parsed { pipeline: None, problems: findings.finish() }
}

impl Reader<'_> {
    fn pipeline(&mut self, root: Option<&Node>) -> Option<Pipeline> {
        let Some(root) = root.filter(|root| !root.is_absent()) else {
            let at = root.map_or(Span { line: 1, column: 1, width: 1 }, |root| root.span);
            self.missing(at, "the file", "jobs", NO_JOBS);
            return None;
        };
        let object = self.object(root, "the file".to_owned(), keys::FILE)?;
        let on = object.get("on").map_or_else(On::by_default, |node| self.on(node));
        let env = object.get("env").map(|node| self.variables(node, "env")).unwrap_or_default();
        let defaults = object.get("defaults").map(|node| self.defaults(node)).unwrap_or_default();
        let service_entries =
            object.get("services").map(|node| self.entries(node, "services", "service")).unwrap_or_default();
        let services: BTreeMap<ServiceName, ServiceSpec> =
            service_entries.iter().filter_map(|entry| self.service(entry)).collect();
        let job_entries = self.job_entries(&object);
        let jobs: Vec<JobSpec> = job_entries.iter().filter_map(|entry| self.job(entry, &defaults)).collect();
        self.count_steps(&jobs);
        let names = Names { jobs: names_of(&job_entries), services: names_of(&service_entries) };
        self.check_needs(&jobs, &names);
        self.check_services(&jobs, &names);
        self.check_secrets(&env, &jobs);
        if !self.artifacts_unclear && jobs.len() == job_entries.len() {
            self.check_artifacts(&jobs, &services);
        }
        Some(Pipeline { on, env, services, jobs })
    }

    fn job_entries<'n>(&mut self, object: &Object<'n>) -> Vec<&'n Entry> {
        let Some(node) = object.get("jobs") else {
            self.missing(object.span, &object.what, "jobs", NO_JOBS);
            return Vec::new();
        };
        let before = self.findings.count();
        let entries = self.entries(node, "jobs", "job");
        if entries.is_empty() && self.findings.count() == before {
            self.findings.error(node.span, Code::MissingKey, "`jobs` has no job", NO_JOBS);
        }
        if let Some(beyond) = entries.get(JOBS) {
            let text = format!("{} jobs are more than the {JOBS} allowed", entries.len());
            self.findings.error(beyond.key.span, Code::TooBig, text, "split the pipeline");
            return Vec::new();
        }
        entries
    }

    /// The plan is recorded with the run: what all jobs share is in it once for each job.
    fn check_plan(&mut self, pipeline: &Pipeline) {
        let bytes = json_bytes(&expand(pipeline));
        if bytes > PLAN_BYTES {
            let (kib, most) = (bytes.div_ceil(1024), PLAN_BYTES / 1024);
            let text = format!("the plan of a run of this file has {kib} KiB; {most} KiB are allowed");
            let hint = "what `env` of the file holds is in the plan once for each job: put large values into files of the repository";
            self.findings.error(Span { line: 1, column: 1, width: 1 }, Code::TooBig, text, hint);
        }
    }

    fn count_steps(&mut self, jobs: &[JobSpec]) {
        let mut count = 0;
        for job in jobs {
            let WorkSpec::Steps { steps, .. } = &job.work else { continue };
            let before = count;
            count += steps.len();
            if count > STEPS && before <= STEPS {
                let text = format!("with job `{}` the pipeline has {count} steps; {STEPS} are allowed", job.key.value);
                self.findings.error(job.key.span, Code::TooBig, text, "call a script that does several things");
            }
        }
    }
}

const NO_JOBS: &str = "the smallest file is `jobs: { test: { run: make test } }`";

fn names_of<'n>(entries: &[&'n Entry]) -> BTreeSet<&'n str> {
    entries.iter().map(|entry| entry.key.text.as_str()).collect()
}
