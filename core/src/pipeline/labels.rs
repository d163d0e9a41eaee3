//! `runs-on`: terms over the labels of agents, all of which must hold.

use super::limits::LABEL_VALUE_BYTES;
use super::read::Reader;
use super::spec::Span;
use super::words::{did_you_mean, quote};
use super::yaml::{Node, Value};
use crate::model::{Code, Name, Term};

const HINT: &str = "write `role=build, arch=arm64|amd64, !shared`";

impl Reader<'_> {
    /// A text or list of terms, or a map from label to value.
    pub(super) fn runs_on(&mut self, node: &Node) -> Option<Vec<Term>> {
        let terms: Vec<Term> = match &node.value {
            Value::Map(entries) if entries.iter().any(|entry| entry.key.text == "cel") => {
                self.no_expressions(node.span, HINT);
                return None;
            }
            Value::Map(_) => self.terms_of_map(node),
            Value::List(items) => items.iter().flat_map(|item| self.terms_of_text(item)).collect(),
            Value::Scalar { .. } | Value::Refused => self.terms_of_text(node),
        };
        let empty = matches!(&node.value, Value::Map(entries) if entries.is_empty())
            || matches!(&node.value, Value::List(items) if items.is_empty());
        if empty {
            self.findings.error(node.span, Code::BadLabel, "`runs-on` names no label", "leave it out for any agent");
        }
        Some(terms)
    }

    fn terms_of_text(&mut self, node: &Node) -> Vec<Term> {
        let Some(text) = self.text(node, "runs-on") else { return Vec::new() };
        text.split(',').filter_map(|term| self.term(term.trim(), node.span)).collect()
    }

    fn term(&mut self, text: &str, within: Span) -> Option<Term> {
        let at = if text.is_empty() { within } else { self.findings.locate(within, text) };
        let (negated, rest) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (key, values) = match rest.split_once('=') {
            Some((key, values)) => (key, values.split('|').map(str::to_owned).collect()),
            None => (rest, Vec::new()),
        };
        let key_fits = self.label_key(key, at);
        let values_fit = values.iter().all(|value| self.label_value(value, at));
        (key_fits && values_fit).then(|| Term { key: key.to_owned(), values, negated })
    }

    fn terms_of_map(&mut self, node: &Node) -> Vec<Term> {
        let mut terms = Vec::new();
        for entry in self.entries(node, "runs-on", "label") {
            let key = &entry.key.text;
            let key_fits = self.label_key(key, entry.key.span);
            let values = match &entry.value.value {
                Value::List(items) if !items.is_empty() => items.iter().collect(),
                Value::List(_) | Value::Scalar { .. } | Value::Map(_) | Value::Refused => vec![&entry.value],
            };
            let texts: Vec<Option<String>> = values
                .into_iter()
                .map(|value| self.text(value, key).filter(|text| self.label_value(text, value.span)))
                .collect();
            if let (true, Some(values)) = (key_fits, texts.into_iter().collect()) {
                terms.push(Term { key: key.clone(), values, negated: false });
            }
        }
        terms
    }

    fn label_key(&mut self, key: &str, at: Span) -> bool {
        let fits = Name::new(key).is_ok();
        if !fits {
            self.findings.error(
                at,
                Code::BadLabel,
                format!("{} is not a label", quote(key)),
                did_you_mean(key, [], HINT),
            );
        }
        fits
    }

    fn label_value(&mut self, value: &str, at: Span) -> bool {
        let fits = !value.is_empty()
            && value.len() <= LABEL_VALUE_BYTES
            && value.chars().all(|c| c.is_ascii_graphic() && !matches!(c, ',' | '|' | '=' | '!'));
        if !fits {
            let text = format!("{} is not the value of a label", quote(value));
            self.findings.error(at, Code::BadLabel, text, did_you_mean(value, [], HINT));
        }
        fits
    }
}
