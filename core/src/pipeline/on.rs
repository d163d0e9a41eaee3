//! `on`: what triggers a run.

use super::keys;
use super::read::Reader;
use super::spec::{Globs, On, PushSpec};
use super::yaml::{Node, Value};
use crate::model::Code;

impl On {
    /// Without `on`: every push, and whoever may ask.
    pub(super) fn by_default() -> Self {
        Self { push: Some(PushSpec::default()), manual: true }
    }
}

impl Reader<'_> {
    pub(super) fn on(&mut self, node: &Node) -> On {
        let Some(object) = self.object(node, "`on`".to_owned(), keys::ON) else { return On::by_default() };
        let push = object.get("push").and_then(|node| self.push(node));
        let manual = object.get("manual").and_then(|node| self.boolean(node, "manual")).unwrap_or(true);
        On { push, manual }
    }

    fn push(&mut self, node: &Node) -> Option<PushSpec> {
        if let Value::Scalar { text, plain: true } = &node.value {
            if text == "true" {
                return Some(PushSpec::default());
            }
            let hint = "leave `push` out if pushes trigger nothing";
            let text = "`push` takes `true`, or a map of `branches`, `tags`, `paths`";
            self.findings.error(
                node.span,
                Code::WrongType,
                text,
                if node.is_absent() { "write `push: true`" } else { hint },
            );
            return None;
        }
        let object = self.object(node, "`push`".to_owned(), keys::PUSH)?;
        let mut globs =
            |key: &str| -> Globs { object.get(key).and_then(|node| self.globs(node, key)).unwrap_or_default() };
        Some(PushSpec { branches: globs("branches"), tags: globs("tags"), paths: globs("paths") })
    }
}
