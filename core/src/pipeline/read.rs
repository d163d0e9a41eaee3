//! Nodes to values. A reader that answers `None` has said why.

use super::findings::Findings;
use super::keys::Keys;
use super::range::{Numbers, Times};
use super::scalar::{Meaning, meaning};
use super::spec::{At, Span};
use super::words::{clip, did_you_mean, listed, quote, time_in_words};
use super::yaml::{Entry, Key, Node, Value};
use crate::model::{Code, Duration};

/// Reads the nodes of one file and remembers what is wrong.
pub(super) struct Reader<'t> {
    pub(super) findings: Findings<'t>,
    /// Who makes or needs what could not be read in full, so that nobody is blamed for an artifact that is not there.
    pub(super) artifacts_unclear: bool,
}

/// A block with fixed keys.
pub(super) struct Object<'n> {
    /// What it is in a sentence: "job `build`".
    pub(super) what: String,
    pub(super) span: Span,
    fields: Vec<(&'static str, &'n Key, &'n Node)>,
}

impl<'n> Object<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.fields.iter().find(|(name, ..)| *name == key).map(|(.., node)| *node)
    }

    /// Where the key itself stands.
    pub(super) fn key(&self, key: &str) -> Option<Span> {
        self.fields.iter().find(|(name, ..)| *name == key).map(|(_, key, _)| key.span)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&'static str, Span)> + '_ {
        self.fields.iter().map(|(name, key, _)| (*name, key.span))
    }
}

impl<'t> Reader<'t> {
    /// A block with fixed keys; `_` is taken for `-`.
    pub(super) fn object<'n>(&mut self, node: &'n Node, what: String, keys: Keys) -> Option<Object<'n>> {
        let Value::Map(entries) = &node.value else {
            self.wrong_type(node, &what, &format!("a map of {}", listed(keys.known.iter().copied())));
            return None;
        };
        let mut object = Object { what, span: node.span, fields: Vec::new() };
        let mut seen: Vec<(String, Span)> = Vec::new();
        for Entry { key, value } in entries {
            let spelled = key.text.replace('_', "-");
            if let Some((_, first)) = seen.iter().find(|(earlier, _)| *earlier == spelled) {
                let text = format!("{} has the key {} twice", object.what, quote(&spelled));
                self.findings.error(
                    key.span,
                    Code::DuplicateKey,
                    text,
                    format!("the first one is on line {}", first.line),
                );
            } else if let Some(known) = keys.known.iter().find(|known| **known == spelled) {
                object.fields.push((known, key, value));
            } else {
                self.unknown_key(key, &spelled, &object.what, keys);
            }
            seen.push((spelled, key.span));
        }
        Some(object)
    }

    fn unknown_key(&mut self, key: &Key, spelled: &str, what: &str, keys: Keys) {
        if let Some((later, instead)) = keys.later.iter().find(|(later, _)| *later == spelled) {
            self.findings.error(key.span, Code::UnknownKey, not_available(later), instead);
            return;
        }
        let known = keys.known.iter().chain(keys.later.iter().map(|(later, _)| later)).copied();
        let hint = did_you_mean(spelled, known, &format!("it takes {}", listed(keys.known.iter().copied())));
        self.findings.error(key.span, Code::UnknownKey, format!("{what} has no key {}", quote(&key.text)), hint);
    }

    /// A map whose keys people choose; of a key that is there twice only the first counts.
    pub(super) fn entries<'n>(&mut self, node: &'n Node, key: &str, kind: &str) -> Vec<&'n Entry> {
        let Value::Map(entries) = &node.value else {
            self.wrong_type(node, &format!("`{key}`"), "a map");
            return Vec::new();
        };
        let mut first: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
        let mut out = Vec::new();
        for entry in entries {
            match first.get(entry.key.text.as_str()) {
                Some(line) => {
                    let text = format!("{kind} {} is defined twice", quote(&entry.key.text));
                    self.findings.error(
                        entry.key.span,
                        Code::DuplicateKey,
                        text,
                        format!("the first one is on line {line}"),
                    );
                }
                None => {
                    first.insert(&entry.key.text, entry.key.span.line);
                    out.push(entry);
                }
            }
        }
        out
    }

    /// The items of a list.
    pub(super) fn list<'n>(&mut self, node: &'n Node, key: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) => Some(items),
            Value::Scalar { text, .. } if !text.is_empty() => {
                let hint = format!("write `{key}: [{}]`", clip(text.trim_end()));
                self.findings.error(node.span, Code::WrongType, format!("`{key}` takes a list, not a text"), hint);
                None
            }
            Value::Scalar { .. } | Value::Map(_) | Value::Refused => {
                self.wrong_type(node, &format!("`{key}`"), "a list");
                None
            }
        }
    }

    /// A list of texts; items that are none are left out.
    pub(super) fn texts(&mut self, node: &Node, key: &str) -> Option<Vec<At<String>>> {
        let items = self.list(node, key)?;
        Some(items.iter().filter_map(|item| Some(At { value: self.text(item, key)?, span: item.span })).collect())
    }

    /// A text; plain integers and booleans are taken as written.
    pub(super) fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let (text, plain) = match &node.value {
            Value::Scalar { text, plain } => (text, *plain),
            Value::Map(entries) if matches!(entries.as_slice(), [only] if only.key.text == "cel") => {
                self.no_expressions(node.span, "write the value itself");
                return None;
            }
            Value::List(_) | Value::Map(_) | Value::Refused => {
                self.wrong_type(node, &format!("`{key}`"), "a text");
                return None;
            }
        };
        let hint = format!("write \"{}\"", clip(text));
        match meaning(text) {
            Meaning::Text | Meaning::Bool | Meaning::Integer => Some(text.clone()),
            Meaning::Null | Meaning::Number(_) if !plain => Some(text.clone()),
            Meaning::Null if text.is_empty() => {
                self.findings.error(
                    node.span,
                    Code::NotText,
                    format!("`{key}` takes a text; nothing is written here"),
                    hint,
                );
                None
            }
            Meaning::Null => {
                self.findings.error(node.span, Code::NotText, format!("`{text}` means nothing in YAML"), hint);
                None
            }
            Meaning::Number(becomes) => {
                let change =
                    if becomes == *text { String::new() } else { format!(" and would become {}", clip(&becomes)) };
                self.findings.error(
                    node.span,
                    Code::NotText,
                    format!("{} is a number in YAML{change}", quote(text)),
                    hint,
                );
                None
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, node: &Node, key: &str) -> Option<bool> {
        match &node.value {
            Value::Scalar { text, plain: true } if text == "true" => Some(true),
            Value::Scalar { text, plain: true } if text == "false" => Some(false),
            Value::Map(entries) if matches!(entries.as_slice(), [only] if only.key.text == "cel") => {
                self.no_expressions(node.span, "write `true` or `false`");
                None
            }
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) | Value::Refused => {
                self.wrong_type(node, &format!("`{key}`"), "`true` or `false`");
                None
            }
        }
    }

    /// A whole number, written as one.
    pub(super) fn number(&mut self, node: &Node, range: Numbers) -> Option<u32> {
        let Numbers { key, least, most } = range;
        let wanted = format!("a whole number from {least} to {most}");
        let Value::Scalar { text, plain: true } = &node.value else {
            self.wrong_type(node, &format!("`{key}`"), &wanted);
            return None;
        };
        let is_integer = meaning(text) == Meaning::Integer;
        match text.parse() {
            Ok(number) if is_integer && (least..=most).contains(&number) => Some(number),
            Ok(_) | Err(_) => {
                let code = if is_integer { Code::OutOfRange } else { Code::WrongType };
                self.findings.error(node.span, code, format!("`{key}` takes {wanted}, not {}", quote(text)), "");
                None
            }
        }
    }

    /// A span of time.
    pub(super) fn time(&mut self, node: &Node, range: Times) -> Option<Duration> {
        let Times { key, noun, least, most, beyond } = range;
        let Value::Scalar { text, .. } = &node.value else {
            self.wrong_type(node, &format!("`{key}`"), &format!("a time from {least} to {most}"));
            return None;
        };
        let Ok(time) = Duration::parse(text) else {
            let text = format!("`{key}` takes a time from {least} to {most}, not {}", quote(text));
            self.findings.error(node.span, Code::WrongType, text, "write for example `90s`, `30m`, `1h30m`");
            return None;
        };
        let spoken = time_in_words(time);
        if time > most {
            let text = format!("{noun} of {spoken} is more than the {} allowed", time_in_words(most));
            self.findings.error(node.span, Code::OutOfRange, text, format!("write `{most}`{beyond}"));
            return None;
        }
        if time < least {
            let text = format!("{noun} of {spoken} is less than the {} allowed", time_in_words(least));
            self.findings.error(node.span, Code::OutOfRange, text, format!("write `{least}` or more"));
            return None;
        }
        Some(time)
    }

    /// One of these fixed words.
    pub(super) fn word<T: Copy>(&mut self, node: &Node, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node, key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let all = listed(words.iter().map(|(word, _)| *word));
            let hint = did_you_mean(&text, words.iter().map(|(word, _)| *word), "");
            self.findings.error(
                node.span,
                Code::UnknownName,
                format!("`{key}` is one of {all}, not {}", quote(&text)),
                hint,
            );
        }
        found
    }

    /// Says that a block lacks a key that it must have.
    pub(super) fn missing(&mut self, at: Span, what: &str, key: &str, hint: &str) {
        self.findings.error(at, Code::MissingKey, format!("{what} has no `{key}`"), hint);
    }

    pub(super) fn no_expressions(&mut self, at: Span, hint: &str) {
        self.findings.error(at, Code::BadExpression, "expressions are not available in this version of Windlass", hint);
    }

    /// Says what is wanted instead of what is there.
    pub(super) fn wrong_type(&mut self, node: &Node, what: &str, wanted: &str) {
        let found = match &node.value {
            Value::Refused => return,
            Value::Scalar { text, .. } if text.is_empty() => "nothing".to_owned(),
            Value::Scalar { text, .. } => quote(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        };
        self.findings.error(node.span, Code::WrongType, format!("{what} takes {wanted}, not {found}"), "");
    }
}

/// What is said of everything that the language has and this version has not.
pub(super) fn not_available(key: &str) -> String {
    format!("`{key}` is not available in this version of Windlass")
}
