//! `steps`: what an agent executes, one after the other.

use super::keys;
use super::limits::STEPS_PER_JOB;
use super::range;
use super::read::{Object, Reader};
use super::spec::{At, Run, Shell, Span, StepSpec};
use super::suggest::nearest;
use super::words::{listed, quote};
use super::yaml::{Node, Value};
use crate::model::{Code, RunIf};

/// Names of the built-in steps that stand before and after those of a job.
const TAKEN: [&str; 4] = ["checkout", "fetch", "cache", "put"];

const CONDITIONS: [(&str, RunIf); 3] =
    [("success", RunIf::Success), ("failure", RunIf::Failure), ("always", RunIf::Always)];

impl Reader<'_> {
    /// The steps of a job, `what` being its words in a sentence.
    pub(super) fn steps(&mut self, node: &Node, what: &str) -> Vec<StepSpec> {
        let Some(items) = self.list(node, "steps") else { return Vec::new() };
        if items.is_empty() {
            self.findings.error(
                node.span,
                Code::MissingKey,
                format!("{what} has no step"),
                "write `steps: [{ run: make test }]`",
            );
        }
        if let Some(first_beyond) = items.get(STEPS_PER_JOB) {
            let text = format!("{what} has {} steps; {STEPS_PER_JOB} are allowed", items.len());
            self.findings.error(first_beyond.span, Code::TooBig, text, "split the job");
            return Vec::new();
        }
        let steps: Vec<StepSpec> =
            items.iter().zip(1..).filter_map(|(item, number)| self.step(item, number, what)).collect();
        self.step_names_differ(&steps);
        steps
    }

    /// The one step of a job with `run`.
    pub(super) fn only_step(&mut self, node: &Node) -> Option<StepSpec> {
        let run = self.run(node, "run")?;
        let name = At { value: "run".to_owned(), span: node.span };
        Some(StepSpec {
            name,
            run,
            run_if: RunIf::Success,
            env: Default::default(),
            secrets: Default::default(),
            dir: String::new(),
            timeout: None,
            tolerate: false,
        })
    }

    fn step(&mut self, node: &Node, number: usize, job: &str) -> Option<StepSpec> {
        let object = self.object(node, format!("step {number} of {job}"), keys::STEP)?;
        let name = self.step_name(&object, number);
        let run = match object.get("run") {
            Some(node) => self.run(node, "run").and_then(|run| self.with_shell(run, &object)),
            None => {
                self.missing(object.span, &object.what, "run", "write `run: make test`");
                None
            }
        };
        let dir = object.get("dir").and_then(|node| {
            let text = self.text(node, "dir")?;
            self.inside(&text, node.span, "dir")
        });
        Some(StepSpec {
            name,
            run_if: object.get("if").and_then(|node| self.condition(node)).unwrap_or_default(),
            env: object.get("env").map(|node| self.variables(node, "env")).unwrap_or_default(),
            secrets: object.get("secrets").map(|node| self.secrets(node)).unwrap_or_default(),
            dir: dir.filter(|dir| dir != ".").unwrap_or_default(),
            timeout: object.get("timeout").and_then(|node| self.time(node, range::TIMEOUT)),
            tolerate: object
                .get("continue-on-error")
                .and_then(|node| self.boolean(node, "continue-on-error"))
                .unwrap_or(false),
            run: run?,
        })
    }

    fn step_name(&mut self, object: &Object<'_>, number: usize) -> At<String> {
        let by_number = At { value: number.to_string(), span: object.span };
        let Some(node) = object.get("name") else { return by_number };
        let Some(text) = self.text(node, "name") else { return by_number };
        if TAKEN.contains(&text.as_str()) {
            let text = format!("{} is the name of a built-in step", quote(&text));
            self.findings.error(node.span, Code::Clash, text, format!("{} are taken", listed(TAKEN)));
            return by_number;
        }
        match self.name(&text, node.span, "a step") {
            Some(name) => At { value: name.as_str().to_owned(), span: node.span },
            None => by_number,
        }
    }

    fn step_names_differ(&mut self, steps: &[StepSpec]) {
        for (index, step) in steps.iter().enumerate() {
            if let Some(first) = steps[..index].iter().find(|earlier| earlier.name.value == step.name.value) {
                let text = format!("two steps of the job are called `{}`", step.name.value);
                self.findings.error(
                    step.name.span,
                    Code::Clash,
                    text,
                    format!("the first one is on line {}", first.name.span.line),
                );
            }
        }
    }

    fn with_shell(&mut self, run: Run, object: &Object<'_>) -> Option<Run> {
        let Some(node) = object.get("shell") else { return Some(run) };
        let shell = self.shell(node)?;
        match run {
            Run::Script { text, .. } => Some(Run::Script { text, shell }),
            Run::List(_) => {
                let at: Span = object.key("shell").unwrap_or(object.span);
                let hint = "leave `shell` out, or write `run` as a text";
                self.findings.error(
                    at,
                    Code::Clash,
                    format!("{} has a `shell`, but its `run` is a list, which needs none", object.what),
                    hint,
                );
                None
            }
        }
    }

    fn shell(&mut self, node: &Node) -> Option<Shell> {
        match &node.value {
            Value::List(_) => self.argv(node, "shell").map(Shell::Own),
            Value::Scalar { .. } | Value::Map(_) | Value::Refused => {
                let at = self.word(node, "shell", &[("sh", true), ("bash", false)])?;
                Some(if at { Shell::Sh } else { Shell::Bash })
            }
        }
    }

    /// `if`: one of three words. Expressions are part of the language, not of this version.
    pub(super) fn condition(&mut self, node: &Node) -> Option<RunIf> {
        let words = listed(CONDITIONS.iter().map(|(word, _)| *word));
        if let Value::List(_) = &node.value {
            let text = "a list of conditions is not available in this version of Windlass";
            self.findings.error(node.span, Code::BadExpression, text, format!("write one of {words}"));
            return None;
        }
        let text = self.text(node, "if")?;
        let found = CONDITIONS.iter().find(|(word, _)| *word == text).map(|(_, condition)| *condition);
        if found.is_none() {
            let near = nearest(&text, CONDITIONS.iter().map(|(word, _)| *word));
            let hint = near.map_or_else(|| format!("write one of {words}"), |near| format!("did you mean `{near}`?"));
            self.no_expressions(node.span, &hint);
        }
        found
    }
}
