//! `jobs` and `defaults`: the keys of a job, and which of them exclude each other.

use super::keys;
use super::range;
use super::read::{Object, Reader};
use super::spec::{At, JobSpec, Settings, StepSpec, WorkSpec};
use super::words::quote;
use super::yaml::{Entry, Node, Value};
use crate::model::{Code, JobKey, Limits, OnUnknown, Workspace, limits};

const WORKSPACES: [(&str, Workspace); 3] =
    [("warm", Workspace::Warm), ("clean", Workspace::Clean), ("fresh", Workspace::Fresh)];

const ON_UNKNOWN: [(&str, OnUnknown); 2] = [("fail", OnUnknown::Fail), ("hold", OnUnknown::Hold)];

impl Reader<'_> {
    /// Keys for all jobs that lack them.
    pub(super) fn defaults(&mut self, node: &Node) -> Settings {
        match self.object(node, "`defaults`".to_owned(), keys::DEFAULTS) {
            Some(object) => self.settings(&object),
            None => Settings::default(),
        }
    }

    /// One job. Where a part is wrong the job stands in without it, so that the rest of the file can be checked against it.
    pub(super) fn job(&mut self, entry: &Entry, defaults: &Settings) -> Option<JobSpec> {
        let what = format!("job {}", quote(&entry.key.text));
        let name = self.name(&entry.key.text, entry.key.span, "a job");
        let object = self.object(&entry.value, what, keys::JOB)?;
        let needs = object.get("needs").map(|node| self.needs(node)).unwrap_or_default();
        let work = self.work(&object, entry, defaults);
        let key = name?.as_str().parse().ok()?;
        Some(JobSpec { key: At { value: key, span: entry.key.span }, needs, work: work? })
    }

    fn work(&mut self, object: &Object<'_>, entry: &Entry, defaults: &Settings) -> Option<WorkSpec> {
        let kinds: Vec<&str> = ["run", "steps", "deploy"].into_iter().filter(|key| object.get(key).is_some()).collect();
        if let [first, second, ..] = kinds[..] {
            let at = object.key(second).unwrap_or(object.span);
            let text = format!("{} has both `{first}` and `{second}`", object.what);
            self.findings.error(at, Code::Clash, text, "a job has exactly one of `run`, `steps`, `deploy`");
        }
        if let Some(node) = object.get("deploy") {
            self.only_needs_and_if(object);
            let run_if = object.get("if").and_then(|node| self.condition(node));
            return Some(WorkSpec::Deploy { run_if, deploy: self.deploy(node, &object.what)? });
        }
        let settings = Box::new(self.settings(object).or(defaults));
        let steps: Vec<StepSpec> = match (object.get("run"), object.get("steps")) {
            (Some(node), _) => self.only_step(node).into_iter().collect(),
            (None, Some(node)) => self.steps(node, &object.what),
            (None, None) => {
                let text = format!("{} has none of `run`, `steps`, `deploy`", object.what);
                self.findings.error(entry.key.span, Code::MissingKey, text, "write `run: make test`");
                Vec::new()
            }
        };
        Some(WorkSpec::Steps { settings, steps })
    }

    fn only_needs_and_if(&mut self, object: &Object<'_>) {
        for (key, at) in object.keys() {
            if !matches!(key, "needs" | "if" | "deploy" | "run" | "steps") {
                let text = format!("{} has `deploy`, and so cannot have `{key}`", object.what);
                self.findings.error(
                    at,
                    Code::Clash,
                    text,
                    "an entry with `deploy` takes only `needs` and `if` beside it",
                );
            }
        }
    }

    fn needs(&mut self, node: &Node) -> Vec<At<JobKey>> {
        let mut needs: Vec<At<JobKey>> = Vec::new();
        for At { value, span } in self.texts(node, "needs").unwrap_or_default() {
            let Some(name) = self.name(&value, span, "a job") else { continue };
            let Ok(key) = name.as_str().parse() else { continue };
            if needs.iter().any(|earlier| earlier.value == key) {
                self.findings.error(span, Code::Clash, format!("`{key}` is needed twice"), "remove one of them");
                continue;
            }
            needs.push(At { value: key, span });
        }
        needs
    }

    /// What all processes of a job together may have.
    fn limits(&mut self, node: &Node) -> Option<Limits> {
        let object = self.object(node, "`limits`".to_owned(), keys::LIMITS)?;
        let memory = object.get("memory").and_then(|node| {
            self.one(node, "memory", "a size from 1MiB to 1PiB", "write for example `512MiB` or `2GiB`", limits::memory)
        });
        let cpu = object.get("cpu").and_then(|node| {
            self.one(node, "cpu", "processors from 0.01 to 1000", "write for example `2` or `0.5`", limits::cpu)
        });
        let pids = object.get("pids").and_then(|node| self.number(node, range::PIDS));
        let (memory_bytes, cpu_milli, pids) =
            (memory.unwrap_or_default(), cpu.unwrap_or_default(), pids.unwrap_or_default());
        Some(Limits { memory_bytes, cpu_milli, pids })
    }

    fn one<T>(&mut self, node: &Node, key: &str, what: &str, hint: &str, read: fn(&str) -> Option<T>) -> Option<T> {
        let Value::Scalar { text, .. } = &node.value else {
            self.wrong_type(node, &format!("`{key}`"), what);
            return None;
        };
        let found = read(text);
        if found.is_none() {
            let text = format!("`{key}` takes {what}, not {}", quote(text));
            self.findings.error(node.span, Code::OutOfRange, text, hint);
        }
        found
    }

    fn settings(&mut self, object: &Object<'_>) -> Settings {
        Settings {
            run_if: object.get("if").and_then(|node| self.condition(node)),
            runs_on: object.get("runs-on").and_then(|node| self.runs_on(node)),
            timeout: object.get("timeout").and_then(|node| self.time(node, range::TIMEOUT)),
            silent_timeout: object.get("silent-timeout").and_then(|node| self.time(node, range::SILENT_TIMEOUT)),
            grace: object.get("grace").and_then(|node| self.time(node, range::GRACE)),
            cleanup: object.get("cleanup").and_then(|node| self.time(node, range::CLEANUP)),
            env: object.get("env").map(|node| self.variables(node, "env")).unwrap_or_default(),
            secrets: object.get("secrets").map(|node| self.secrets(node)),
            idempotent: object.get("idempotent").and_then(|node| self.boolean(node, "idempotent")),
            on_unknown: object.get("on-unknown").and_then(|node| self.word(node, "on-unknown", &ON_UNKNOWN)),
            limits: object.get("limits").and_then(|node| self.limits(node)),
            checkout: object.get("checkout").and_then(|node| self.checkout(node)),
            workspace: object.get("workspace").and_then(|node| self.word(node, "workspace", &WORKSPACES)),
            artifacts: object.get("artifacts").map(|node| self.artifacts(node)),
            inputs: object.get("inputs").map(|node| self.inputs(node)),
        }
    }
}
