//! The pipeline file, as its authors meet it: what is taken, what is refused and in which words.

mod errors;
mod fires;
mod hostile;
mod limits;
mod never_panics;
mod plan;
mod secrets;

use windlass_core::pipeline::{Parsed, parse, render};

/// Reads a text as `windlass.yaml`.
fn read(text: &str) -> Parsed {
    parse("windlass.yaml", text)
}

/// What `windlass lint` prints.
fn lint(text: &str) -> String {
    render(&read(text).problems)
}
