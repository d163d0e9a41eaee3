//! How problems look on a terminal. `windlass lint`, the run's page and the answer of the API print the same text.

use std::fmt::Write;

use super::words::is_plain;
use crate::model::{Problem, Severity};

/// Three lines for each problem: place and text, the source line, carets and the hint.
pub fn render(problems: &[Problem]) -> String {
    let mut out = String::new();
    for problem in problems {
        one(&mut out, problem).expect("a String takes every write");
    }
    out
}

fn one(out: &mut String, problem: &Problem) -> std::fmt::Result {
    let Problem { file, line, column, width, severity, code, text, hint, source } = problem;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    writeln!(out, "{file}:{line}:{column}: {severity}[{}]: {text}", code.word())?;
    let shown: String = source.chars().map(visible).collect();
    writeln!(out, "{line:>3} | {}", shown.trim_end())?;
    let gutter = line.to_string().len().max(3);
    let length = shown.chars().count();
    let start = (*column as usize - 1).min(length);
    let carets = (*width as usize).min(length.saturating_sub(start)).max(1);
    write!(out, "{:gutter$} | {:start$}{}", "", "", "^".repeat(carets))?;
    match hint {
        Some(hint) => writeln!(out, " hint: {hint}"),
        None => writeln!(out),
    }
}

/// One character for one, so that the carets stay in place: what a terminal would obey or hide becomes a visible symbol.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        c if is_plain(c) => c,
        _ => '\u{fffd}',
    }
}
