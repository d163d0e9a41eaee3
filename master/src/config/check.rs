//! From as written to checked. Every error is collected, so that one start names them all.

use std::path::{Path, PathBuf};

use toml::Spanned;
use windlass_core::model;

use super::checked::Config;
use super::error::{Error, Errors};
use super::limits::{LOST_AFTER, LOST_AFTER_RANGE};
use super::retention::BY_DEFAULT;
use super::variables::Scalars;
use super::written::File;

/// Collects what is wrong with one file.
pub(super) struct Checker<'t> {
    pub(super) path: Option<&'t Path>,
    text: &'t str,
    errors: Vec<Error>,
}

/// A scalar, and where it stands in the file; none: a flag or a variable set it.
pub(super) struct Scalar {
    pub(super) value: String,
    pub(super) at: Option<usize>,
}

/// What overrules the file, else what stands in it.
fn pick(above: Option<String>, written: Option<Spanned<String>>) -> Option<Scalar> {
    let written = written.map(|written| Scalar { at: Some(written.span().start), value: written.into_inner() });
    above.map(|value| Scalar { value, at: None }).or(written)
}

impl<'t> Checker<'t> {
    pub(super) fn new(path: Option<&'t Path>, text: &'t str) -> Self {
        Self { path, text, errors: Vec::new() }
    }

    /// Adds an error about the key at this byte of the text; none: a flag or a variable.
    pub(super) fn wrong(&mut self, at: Option<usize>, key: &str, text: impl Into<String>, hint: impl Into<String>) {
        let line_of = |byte: usize| 1 + self.text.bytes().take(byte).filter(|byte| *byte == b'\n').count();
        let file = at.and(self.path).map(PathBuf::from);
        let (line, key) = (at.map(line_of), key.to_owned());
        self.errors.push(Error { file, line, key, text: text.into(), hint: hint.into() });
    }

    /// What the TOML reader says: syntax, an unknown key or a wrong type.
    pub(super) fn syntax(&mut self, error: &toml::de::Error) -> Errors {
        let at = error.span().map_or(0, |span| span.start);
        self.wrong(Some(at), "", error.message().trim().replace('\n', "; "), "");
        self.errors()
    }

    pub(super) fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    pub(super) fn errors(&mut self) -> Errors {
        Errors(std::mem::take(&mut self.errors))
    }

    /// The whole configuration, or everything that is wrong with it.
    pub(super) fn config(mut self, file: File, above: Scalars) -> Result<Config, Errors> {
        let http_listen = self.http_listen(pick(above.http_listen, file.http.listen));
        let agents_listen = self.agents_listen(pick(above.agents_listen, file.agents.listen));
        let public_url = pick(above.public_url, file.public_url).and_then(|url| self.public_url(url));
        let data_dir = self.data_dir(above.data_dir, file.data_dir);
        let secret_key = self.secret_key(file.secrets.key_file, &data_dir);
        let name = self.name(pick(above.name, file.name));
        let lost_after = pick(above.agents_lost_after, file.agents.lost_after);
        let lost_after = self.span("agents.lost_after", lost_after, LOST_AFTER_RANGE).unwrap_or(LOST_AFTER);
        let log_per_attempt = self.log_per_attempt(pick(above.limits_log_per_attempt, file.limits.log_per_attempt));
        let sizes = self.sizes(file.disk);
        let retention = self.retention("retention", file.retention, BY_DEFAULT);
        let retention_by_project = self.retention_by_project(&file.projects, retention);
        let old_logs = self.old_logs(file.logs, &data_dir);
        let (projects, watched) = self.projects(file.projects);
        let environments = self.environments(file.environments, &projects);
        if self.is_wrong() {
            return Err(self.errors());
        }
        let model =
            model::Config { projects, environments, lost_after, log_per_attempt, retention, retention_by_project };
        Ok(Config {
            public_url,
            name,
            data_dir,
            http_listen,
            agents_listen,
            sizes,
            old_logs,
            secret_key,
            model,
            watched,
        })
    }
}
