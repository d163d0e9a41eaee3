//! `windlass lint`: the same checks as the master's, without one.

use std::io::Read;
use std::path::Path;

use windlass_core::model::Severity;
use windlass_core::pipeline::{parse_bytes, render};

use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::output::Screen;

/// More than the largest pipeline file, so that a larger one is told from one that was cut.
const READ_MAX: u64 = 1024 * 1024;

/// Prints the problems of a file.
pub fn run(file: &Path, screen: &mut Screen) -> Result<Exit> {
    let failed = |source| Error::File { what: "read", path: file.to_owned(), source };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(failed)?;
    opened.take(READ_MAX).read_to_end(&mut bytes).map_err(failed)?;
    let problems = parse_bytes(&file.display().to_string(), &bytes).problems;
    if screen.is_json() {
        screen.json(&problems)?;
    } else if !problems.is_empty() {
        screen.line(render(&problems).trim_end())?;
    }
    let has_errors = problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if has_errors { Exit::Failed } else { Exit::Done })
}
