//! `artifacts` and `inputs`: what a job leaves, and what it wants from others.

use super::keys;
use super::limits::ARTIFACTS_PER_JOB;
use super::paths::is_glob;
use super::read::{Reader, not_available};
use super::spec::{At, InputUse, Span};
use super::words::quote;
use super::yaml::{Entry, Node, Value};
use crate::model::{Code, Collect, CollectFrom};

/// Endings that promise a compression which a collected artifact does not have.
const FOREIGN_ENDINGS: [&str; 7] = [".tar.gz", ".tgz", ".gz", ".zip", ".xz", ".bz2", ".7z"];

impl Reader<'_> {
    /// A list of files, each one artifact named after itself; or a map from name to globs, each one tar.
    pub(super) fn artifacts(&mut self, node: &Node) -> Vec<At<Collect>> {
        let before = self.findings.count();
        let found: Vec<At<Collect>> = match &node.value {
            Value::Map(_) => self
                .entries(node, "artifacts", "artifact")
                .into_iter()
                .filter_map(|entry| self.collected(entry))
                .collect(),
            Value::List(_) | Value::Scalar { .. } | Value::Refused => self.listed_files(node),
        };
        if let Some(beyond) = found.get(ARTIFACTS_PER_JOB) {
            let text = format!("{} artifacts are more than the {ARTIFACTS_PER_JOB} allowed", found.len());
            self.findings.error(beyond.span, Code::TooBig, text, "collect several files with a glob");
        }
        self.artifacts_unclear |= self.findings.count() > before;
        found
    }

    fn listed_files(&mut self, node: &Node) -> Vec<At<Collect>> {
        let mut found: Vec<At<Collect>> = Vec::new();
        for At { value, span } in self.texts(node, "artifacts").unwrap_or_default() {
            let Some(collect) = self.listed_file(&value, span) else { continue };
            match found.iter().find(|earlier| earlier.value.name == collect.name) {
                Some(first) => {
                    let text = format!("two artifacts are called {}", quote(&collect.name));
                    self.findings.error(
                        span,
                        Code::Clash,
                        text,
                        format!("the first one is on line {}", first.span.line),
                    );
                }
                None => found.push(At { value: collect, span }),
            }
        }
        found
    }

    fn listed_file(&mut self, path: &str, at: Span) -> Option<Collect> {
        if is_glob(path) {
            let hint = "for globs write `artifacts: { name.tar.zst: [GLOB] }`";
            self.findings.error(at, Code::BadPath, format!("{} in a list of files is a glob", quote(path)), hint);
            return None;
        }
        let path = self.inside(path, at, "artifacts")?;
        let last = path.rsplit('/').next().unwrap_or(&path);
        let name = self.artifact_name(last, at)?;
        Some(Collect { name, from: CollectFrom::File(path), optional: false })
    }

    fn collected(&mut self, entry: &Entry) -> Option<At<Collect>> {
        let Entry { key, value } = entry;
        let name = self.artifact_name(&key.text, key.span);
        let (globs, optional) = match &value.value {
            Value::Map(_) => {
                let object = self.object(value, format!("artifact {}", quote(&key.text)), keys::ARTIFACT)?;
                let optional = object.get("optional").and_then(|node| self.boolean(node, "optional")).unwrap_or(false);
                let Some(paths) = object.get("paths") else {
                    self.missing(key.span, &object.what, "paths", "write `paths: [GLOB]`");
                    return None;
                };
                (self.file_globs(paths, "paths")?, optional)
            }
            Value::List(_) | Value::Scalar { .. } | Value::Refused => (self.file_globs(value, &key.text)?, false),
        };
        let name = name?;
        if let Some(ending) = FOREIGN_ENDINGS.iter().find(|ending| name.ends_with(*ending)) {
            let text = format!("{} would be a tar, whatever `{ending}` promises", quote(&name));
            self.findings.error(key.span, Code::BadName, text, "call it `….tar.zst` (compressed) or `….tar`");
            return None;
        }
        Some(At { value: Collect { name, from: CollectFrom::Tar(globs), optional }, span: key.span })
    }

    /// A list of artifacts, or a map from artifact to where it comes from and goes to.
    pub(super) fn inputs(&mut self, node: &Node) -> Vec<At<InputUse>> {
        if let Value::Map(_) = &node.value {
            return self
                .entries(node, "inputs", "input")
                .into_iter()
                .filter_map(|entry| self.placed_input(entry))
                .collect();
        }
        let mut found: Vec<At<InputUse>> = Vec::new();
        for At { value, span } in self.texts(node, "inputs").unwrap_or_default() {
            let Some(name) = self.artifact_name(&value, span) else { continue };
            if found.iter().any(|earlier| earlier.value.name == name) {
                self.findings.error(span, Code::Clash, format!("the input {} is listed twice", quote(&name)), "");
                continue;
            }
            found.push(At { value: InputUse { name, from: None, to: ".".to_owned() }, span });
        }
        found
    }

    fn placed_input(&mut self, entry: &Entry) -> Option<At<InputUse>> {
        let name = self.artifact_name(&entry.key.text, entry.key.span);
        let object = self.object(&entry.value, format!("input {}", quote(&entry.key.text)), keys::INPUT)?;
        let from = object.get("from").and_then(|node| Some(At { value: self.text(node, "from")?, span: node.span }));
        let to = object.get("to").and_then(|node| {
            let text = self.text(node, "to")?;
            self.inside(&text, node.span, "to")
        });
        let to = to.unwrap_or_else(|| ".".to_owned());
        Some(At { value: InputUse { name: name?, from, to }, span: entry.key.span })
    }

    /// `checkout: true` or `false`; its settings come with a later version.
    pub(super) fn checkout(&mut self, node: &Node) -> Option<bool> {
        let Value::Map(entries) = &node.value else { return self.boolean(node, "checkout") };
        for entry in entries {
            let text = not_available(&format!("checkout: {{ {} }}", super::words::clip(&entry.key.text)));
            self.findings.error(entry.key.span, Code::UnknownKey, text, "write `checkout: true` or `checkout: false`");
        }
        if entries.is_empty() {
            self.wrong_type(node, "`checkout`", "`true` or `false`");
        }
        None
    }
}
