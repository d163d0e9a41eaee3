//! `secrets`: which secrets a job or step asks for, and in what form it sees them. Values are never in the file.

use std::collections::BTreeMap;

use super::keys;
use super::read::Reader;
use super::spec::{At, JobSpec, SecretForm, SecretUses, Settings, Span, StepSpec, WorkSpec};
use super::words::{did_you_mean, quote};
use super::yaml::{Node, Value};
use crate::model::{Code, SecretName};

const RULE: &str = "a secret is 1 to 63 of A-Z, 0-9 and `_`, begins with a letter, and not with `WINDLASS_`";

/// The most secrets of a job, so that an envelope stays within its bounds.
const SECRETS_PER_JOB: usize = 100;

impl Reader<'_> {
    /// A list of names, or a map from name to `{as: file}`.
    pub(super) fn secrets(&mut self, node: &Node) -> SecretUses {
        let mut uses = SecretUses::new();
        match &node.value {
            Value::Map(_) => {
                for entry in self.entries(node, "secrets", "secret") {
                    let form = self.secret_form(&entry.value, &entry.key.text);
                    if let (Some(name), Some(form)) = (self.secret_name(&entry.key.text, entry.key.span), form) {
                        uses.insert(name, At { value: form, span: entry.key.span });
                    }
                }
            }
            Value::List(_) | Value::Scalar { .. } | Value::Refused => {
                for At { value, span } in self.texts(node, "secrets").unwrap_or_default() {
                    let Some(name) = self.secret_name(&value, span) else { continue };
                    if uses.insert(name, At { value: SecretForm::Variable, span }).is_some() {
                        let text = format!("secret {} is named twice", quote(&value));
                        self.findings.error(span, Code::Clash, text, "remove one of them");
                    }
                }
            }
        }
        uses
    }

    fn secret_form(&mut self, node: &Node, name: &str) -> Option<SecretForm> {
        let object = self.object(node, format!("secret {}", quote(name)), keys::SECRET)?;
        match object.get("as") {
            Some(node) => self.word(node, "as", &[("file", SecretForm::File), ("variable", SecretForm::Variable)]),
            None => Some(SecretForm::Variable),
        }
    }

    fn secret_name(&mut self, text: &str, at: Span) -> Option<SecretName> {
        let name = SecretName::new(text).ok();
        if name.is_none() {
            let simpler = text.to_uppercase().replace('-', "_");
            let near = SecretName::new(&simpler).is_ok().then_some(simpler.as_str());
            let text = format!("{} is not a name for a secret", quote(text));
            self.findings.error(at, Code::BadName, text, did_you_mean(&simpler, near, RULE));
        }
        name
    }

    /// A name means one thing: a variable or a secret, and a secret in one form.
    pub(super) fn check_secrets(&mut self, env: &BTreeMap<String, String>, jobs: &[JobSpec]) {
        for job in jobs {
            let WorkSpec::Steps { settings, steps } = &job.work else { continue };
            self.check_secrets_of(env, job, settings, steps);
        }
    }

    fn check_secrets_of(
        &mut self,
        env: &BTreeMap<String, String>,
        job: &JobSpec,
        settings: &Settings,
        steps: &[StepSpec],
    ) {
        let of_job = settings.secrets.iter().flatten();
        let of_steps = steps.iter().flat_map(|step| &step.secrets);
        let mut forms: BTreeMap<&SecretName, SecretForm> = BTreeMap::new();
        for (name, At { value: form, span }) in of_job.chain(of_steps) {
            let variables = [env, &settings.env].into_iter().chain(steps.iter().map(|step| &step.env));
            if variables.into_iter().any(|variables| variables.contains_key(name.as_str())) {
                let text = format!("`{name}` is a secret, and a variable of `env` too");
                self.findings.error(*span, Code::Clash, text, "give one of them another name");
            }
            if *forms.entry(name).or_insert(*form) != *form {
                let text = format!("`{name}` is a variable here and a file there");
                self.findings.error(*span, Code::Clash, text, "a job sees a secret in one form");
            }
        }
        if forms.len() > SECRETS_PER_JOB {
            let text =
                format!("job `{}` asks for {} secrets; {SECRETS_PER_JOB} are allowed", job.key.value, forms.len());
            self.findings.error(job.key.span, Code::TooBig, text, "split the job");
        }
    }
}
