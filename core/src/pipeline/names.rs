//! The rules for names, of things and of artifacts.

use super::read::Reader;
use super::spec::Span;
use super::words::{did_you_mean, quote};
use crate::model::name::NAME_MAX;
use crate::model::{Code, Name};

const RULE: &str = "a name is 1 to 63 of a-z, 0-9, `_` and `-`, and begins with a letter or digit";
const ARTIFACT_RULE: &str =
    "an artifact's name is 1 to 63 of a-z, 0-9, `.`, `_` and `-`, and begins with a letter or digit";

impl Reader<'_> {
    /// A text that follows the rule for names; `kind` says what it names.
    pub(super) fn name(&mut self, text: &str, at: Span, kind: &str) -> Option<Name> {
        match Name::new(text) {
            Ok(name) => Some(name),
            Err(_) => {
                self.bad_name(text, at, kind, RULE);
                None
            }
        }
    }

    /// The name of an artifact may have dots, but does not begin with one.
    pub(super) fn artifact_name(&mut self, text: &str, at: Span) -> Option<String> {
        let may_begin = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = text.starts_with(may_begin)
            && text.chars().all(|c| may_begin(c) || matches!(c, '.' | '_' | '-'))
            && text.len() <= NAME_MAX;
        if fits {
            return Some(text.to_owned());
        }
        self.bad_name(text, at, "an artifact", ARTIFACT_RULE);
        None
    }

    fn bad_name(&mut self, text: &str, at: Span, kind: &str, rule: &str) {
        let simpler = text.to_lowercase();
        let known = (simpler != text && Name::new(&simpler).is_ok()).then_some(simpler.as_str());
        let hint = did_you_mean(text, known, rule);
        self.findings.error(at, Code::BadName, format!("{} is not a name for {kind}", quote(text)), hint);
    }
}
