//! Collects the problems of one file, each with its place and the line it stands on.

use std::fmt::Display;

use super::spec::Span;
use crate::model::problem::PROBLEMS_MAX;
use crate::model::{Code, Problem, Severity};

/// The most characters of a source line that a problem carries.
const SOURCE_CHARS: usize = 200;
/// With so many problems the place within a value is not looked for: a hostile file would make that dear.
const LOCATED: usize = 4 * PROBLEMS_MAX;

/// The problems found so far, and the text they are found in.
pub(super) struct Findings<'t> {
    file: &'t str,
    lines: Vec<Line<'t>>,
    problems: Vec<Problem>,
}

/// A line with its length, which is asked for every node: a file may be one long line.
struct Line<'t> {
    text: &'t str,
    chars: usize,
}

impl Line<'_> {
    /// Where the character of this number, from 0, begins; else the end.
    fn byte(&self, number: usize) -> usize {
        if self.chars == self.text.len() {
            return number.min(self.chars);
        }
        self.text.char_indices().nth(number).map_or(self.text.len(), |(byte, _)| byte)
    }

    /// How many characters begin before this byte.
    fn chars_before(&self, byte: usize) -> usize {
        if self.chars == self.text.len() { byte } else { self.text[..byte].chars().count() }
    }
}

impl<'t> Findings<'t> {
    pub(super) fn new(file: &'t str, text: &'t str) -> Self {
        let line = |text: &'t str| Line { text, chars: text.chars().count() };
        Self { file, lines: lines(text).into_iter().map(line).collect(), problems: Vec::new() }
    }

    /// An error; an empty hint is none.
    pub(super) fn error(&mut self, at: Span, code: Code, text: impl Display, hint: impl Display) {
        let hint = hint.to_string();
        let problem = Problem {
            file: self.file.to_owned(),
            line: at.line,
            column: at.column,
            width: at.width,
            severity: Severity::Error,
            code,
            text: text.to_string(),
            hint: (!hint.is_empty()).then_some(hint),
            source: self.lines[at.line as usize - 1].text.chars().take(SOURCE_CHARS).collect(),
        };
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// True if there are as many as anybody is told.
    pub(super) fn are_enough(&self) -> bool {
        self.problems.len() >= PROBLEMS_MAX
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.problems.len()
    }

    /// The first of them, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.truncate(PROBLEMS_MAX);
        self.problems
    }

    /// The nearest place inside the text; column and end column count from 0, as the scanner gives them.
    pub(super) fn place(&self, line: usize, from: usize, to: usize) -> Span {
        let index = line.clamp(1, self.lines.len()) - 1;
        let length = self.lines[index].chars;
        let from = if line > self.lines.len() { length } else { from.min(length) };
        let to = to.clamp(from, length.max(from)).max(from + 1);
        Span { line: narrow(index + 1), column: narrow(from + 1), width: narrow(to - from) }
    }

    /// Where this text stands at or after the beginning of `within`; else `within`.
    pub(super) fn locate(&self, within: Span, needle: &str) -> Span {
        if self.problems.len() >= LOCATED {
            return within;
        }
        let first = within.line as usize - 1;
        for (index, line) in self.lines.iter().enumerate().skip(first) {
            let skip = if index == first { line.byte(within.column as usize - 1) } else { 0 };
            if let Some(found) = line.text[skip..].find(needle) {
                let from = line.chars_before(skip + found);
                return self.place(index + 1, from, from + needle.chars().count());
            }
        }
        within
    }

    /// The word with this mark among the two before `node` on its line (an anchor and a tag may stand there); else `node`.
    pub(super) fn before(&self, node: Span, mark: char) -> Span {
        let line = &self.lines[node.line as usize - 1];
        let mut end = line.text[..line.byte(node.column as usize - 1)].trim_end();
        for _ in 0..2 {
            let word = end.rfind([' ', '\t']).map_or(0, |blank| blank + 1);
            if let Some(found) = end[word..].find(mark) {
                return self.place(node.line as usize, line.chars_before(word + found), line.chars_before(end.len()));
            }
            end = end[..word].trim_end();
        }
        node
    }
}

/// The lines of a text as YAML counts them: ended by LF, CR or both. There is always one.
pub(super) fn lines(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.find(['\n', '\r']) {
        lines.push(&rest[..end]);
        let ending = if rest[end..].starts_with("\r\n") { 2 } else { 1 };
        rest = &rest[end + ending..];
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest);
    }
    lines
}

/// Files are at most 256 KiB, so that every count fits.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
