//! `env` and `settings`: maps from variables to texts. Values reach commands this way and no other.

use std::collections::BTreeMap;

use super::limits::{ENV_NAME_BYTES, ENV_VALUE_BYTES};
use super::read::Reader;
use super::spec::Span;
use super::words::{did_you_mean, quote};
use super::yaml::Node;
use crate::model::Code;

/// Variables that begin so are set by Windlass.
const OURS: &str = "WINDLASS_";

impl Reader<'_> {
    /// A map of variables; `key` is `env` or `settings`.
    pub(super) fn variables(&mut self, node: &Node, key: &str) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for entry in self.entries(node, key, "variable") {
            let name_fits = self.variable_name(&entry.key.text, entry.key.span);
            let Some(value) = self.text(&entry.value, &entry.key.text) else { continue };
            if value.len() > ENV_VALUE_BYTES {
                let text = format!("the value of `{}` is longer than {} KiB", entry.key.text, ENV_VALUE_BYTES / 1024);
                self.findings.error(entry.value.span, Code::TooBig, text, "put it into a file of the repository");
            } else if name_fits {
                out.insert(entry.key.text.clone(), value);
            }
        }
        out
    }

    fn variable_name(&mut self, name: &str, at: Span) -> bool {
        if name.starts_with(OURS) {
            let text = format!("{} is set by Windlass: names that begin with `{OURS}` are taken", quote(name));
            self.findings.error(at, Code::Clash, text, "choose another name");
            return false;
        }
        let fits = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.len() <= ENV_NAME_BYTES;
        if !fits {
            let rule = "a variable is 1 to 128 of A-Z, a-z, 0-9 and `_`, and begins with no digit";
            self.findings.error(
                at,
                Code::BadName,
                format!("{} is not a name for a variable", quote(name)),
                did_you_mean(name, [], rule),
            );
        }
        fits
    }
}
