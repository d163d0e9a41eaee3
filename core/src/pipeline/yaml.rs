//! Text to a tree of nodes, strictly: one document, no anchors, aliases, merge keys or tags, and within the limits.
//! The scanner of `saphyr-parser` does the reading; what it would allow and we do not is refused here.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as Scanned, StrInput};

use super::findings::Findings;
use super::limits::{DEPTH, NODES};
use super::scalar::{Meaning, meaning};
use super::spec::Span;
use super::words::{clip, quote};
use crate::model::Code;

/// A value of the file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Value {
    /// A text, plain if it stands without quotes.
    Scalar { text: String, plain: bool },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file; keys may repeat.
    Map(Vec<Entry>),
    /// Something that was refused already: nothing more is said about it.
    Refused,
}

/// A key and its value.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) value: Node,
}

/// A key as written.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

/// The only document of the file; none if it cannot be read, or is empty.
pub(super) fn load(text: &str, findings: &mut Findings<'_>) -> Option<Node> {
    refuse_directives(text, findings);
    let mut tree = Tree { findings, open: Vec::new(), nodes: 0, root: None, documents: 0 };
    let mut parser = Parser::<StrInput<'_>>::new_from_str(text);
    while let Some(next) = parser.next_event() {
        // They come in the order of the file, so that later ones would not be shown.
        if tree.findings.are_enough() {
            return None;
        }
        match next {
            Ok((event, scanned)) => tree.event(event, scanned).ok()?,
            Err(error) => {
                tree.unreadable(&error, text);
                return None;
            }
        }
    }
    tree.root
}

const ALIAS_HINT: &str = "write it out, or use `defaults:` for what all jobs share";

/// The file goes beyond a limit, so that reading ends.
struct TooBig;

/// A list or map whose end was not seen yet.
enum Open {
    List(Span, Vec<Node>),
    Map { span: Span, entries: Vec<Entry>, key: PendingKey },
}

/// What the next node in a map is.
enum PendingKey {
    /// A key.
    Awaited,
    /// The value of this key.
    Read(Key),
    /// The value of a key that was refused.
    Refused,
}

struct Tree<'f, 't> {
    findings: &'f mut Findings<'t>,
    open: Vec<Open>,
    nodes: usize,
    root: Option<Node>,
    documents: usize,
}

impl Tree<'_, '_> {
    fn event(&mut self, event: Event<'_>, scanned: Scanned) -> Result<(), TooBig> {
        let span = self.span(&scanned);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => self.document(span),
            Event::Alias(_) => {
                self.findings.error(span, Code::BadYaml, "aliases are not allowed", ALIAS_HINT);
                self.count(span)?;
                self.put(Node { span, value: Value::Refused });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_properties(span, anchor, tag.is_some());
                self.count(span)?;
                // The scanner says `~` for a value that is not there at all; only the width tells.
                let absent = style == ScalarStyle::Plain && scanned.is_empty();
                let text = if absent { String::new() } else { text.into_owned() };
                self.refuse_nul(span, &text);
                self.put(Node { span, value: Value::Scalar { text, plain: style == ScalarStyle::Plain } });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_properties(span, anchor, tag.is_some());
                self.count(span)?;
                self.open.push(Open::List(span, Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_properties(span, anchor, tag.is_some());
                self.count(span)?;
                self.open.push(Open::Map { span, entries: Vec::new(), key: PendingKey::Awaited });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
        Ok(())
    }

    /// The scanner gives up on 255 open brackets before it tells of the first, so that they are counted here.
    fn unreadable(&mut self, error: &ScanError, text: &str) {
        let mark = error.marker();
        let at = self.findings.place(mark.line(), mark.col(), mark.col() + 1);
        let open = text.chars().take(mark.index()).fold(0_usize, |open, c| match c {
            '[' | '{' => open + 1,
            ']' | '}' => open.saturating_sub(1),
            _ => open,
        });
        if open > DEPTH {
            self.too_deep(at);
        } else {
            let text = format!("this cannot be read: {}", error.info());
            self.findings.error(
                at,
                Code::BadYaml,
                text,
                "the file is YAML 1.2; quote a text that begins with a special character",
            );
        }
    }

    fn too_deep(&mut self, at: Span) {
        self.findings.error(at, Code::TooBig, format!("lists and maps are nested deeper than {DEPTH} levels"), "");
    }

    fn span(&self, scanned: &Scanned) -> Span {
        let (start, end) = (scanned.start, scanned.end);
        let to = if end.line() > start.line() { usize::MAX } else { end.col() };
        self.findings.place(start.line(), start.col(), to)
    }

    fn document(&mut self, span: Span) {
        self.documents += 1;
        if self.documents == 2 {
            self.findings.error(
                span,
                Code::BadYaml,
                "a second document begins here",
                "one file is one document: remove this line",
            );
        }
    }

    /// Counts a node before it is kept.
    fn count(&mut self, span: Span) -> Result<(), TooBig> {
        self.nodes += 1;
        if self.nodes > NODES {
            self.findings.error(
                span,
                Code::TooBig,
                format!("the file has more than {NODES} values"),
                "split the pipeline",
            );
            return Err(TooBig);
        }
        if self.open.len() >= DEPTH {
            self.findings.error(
                span,
                Code::TooBig,
                format!("lists and maps are nested deeper than {DEPTH} levels"),
                "",
            );
            return Err(TooBig);
        }
        Ok(())
    }

    fn refuse_properties(&mut self, span: Span, anchor: usize, tagged: bool) {
        if anchor != 0 {
            let at = self.findings.before(span, '&');
            self.findings.error(at, Code::BadYaml, "anchors are not allowed", ALIAS_HINT);
        }
        if tagged {
            let at = self.findings.before(span, '!');
            self.findings.error(
                at,
                Code::BadYaml,
                "tags are not allowed",
                "put quotes around a text that begins with `!`",
            );
        }
    }

    fn refuse_nul(&mut self, span: Span, text: &str) {
        if text.contains('\0') {
            self.findings.error(span, Code::BadYaml, "a text holds NUL", "no command and no file can take it");
        }
    }

    fn close(&mut self) {
        let node = match self.open.pop() {
            Some(Open::List(span, items)) => Node { span, value: Value::List(items) },
            Some(Open::Map { span, entries, .. }) => Node { span, value: Value::Map(entries) },
            None => return,
        };
        self.put(node);
    }

    fn put(&mut self, mut node: Node) {
        let Some(open) = self.open.last_mut() else {
            if self.documents < 2 {
                self.root = Some(node);
            }
            return;
        };
        match open {
            Open::List(_, items) => items.push(node),
            Open::Map { entries, key, .. } => match std::mem::replace(key, PendingKey::Awaited) {
                PendingKey::Awaited => *key = read_key(node, self.findings),
                PendingKey::Read(key) => {
                    if node.is_absent() {
                        node.span = key.span;
                    }
                    entries.push(Entry { key, value: node });
                }
                PendingKey::Refused => {}
            },
        }
    }
}

impl Node {
    /// True if nothing is written where a value may stand.
    pub(super) fn is_absent(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if text.is_empty())
    }
}

/// A key is a text that YAML would not change.
fn read_key(node: Node, findings: &mut Findings<'_>) -> PendingKey {
    let span = node.span;
    let (text, plain) = match node.value {
        Value::Scalar { text, plain } => (text, plain),
        Value::Refused => return PendingKey::Refused,
        Value::List(_) | Value::Map(_) => {
            findings.error(span, Code::BadYaml, "a key is a text, not a list or map", "");
            return PendingKey::Refused;
        }
    };
    if plain && text == "<<" {
        findings.error(span, Code::BadYaml, "merge keys are not allowed", ALIAS_HINT);
        return PendingKey::Refused;
    }
    let changed = match meaning(&text) {
        Meaning::Null | Meaning::Number(_) => plain,
        Meaning::Bool | Meaning::Integer | Meaning::Text => false,
    };
    if changed {
        findings.error(
            span,
            Code::NotText,
            format!("the key {} is not a text in YAML", quote(&text)),
            format!("write \"{}\"", clip(&text)),
        );
        return PendingKey::Refused;
    }
    PendingKey::Read(Key { text, span })
}

/// Directives come before the document, and the scanner obeys them without a word.
fn refuse_directives(text: &str, findings: &mut Findings<'_>) {
    for (index, line) in super::findings::lines(text).into_iter().enumerate() {
        if line.starts_with('%') {
            let at = findings.place(index + 1, 0, line.chars().count());
            findings.error(at, Code::BadYaml, "directives are not allowed", "remove this line: the file is YAML 1.2");
        } else if !line.trim().is_empty() && !line.trim_start().starts_with('#') {
            return;
        }
    }
}
