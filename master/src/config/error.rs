//! What is wrong with the configuration: file, line, key and the way out.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file; none: a flag or a variable.
    pub file: Option<PathBuf>,
    /// From 1; none: it is not about a line.
    pub line: Option<usize>,
    /// As `projects.shop.git`, or the name of a variable; empty: the whole file.
    pub key: String,
    /// What is wrong.
    pub text: String,
    /// The way out; empty: the text says it.
    pub hint: String,
}

/// Everything that is wrong. The start is refused with exit code 78.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Errors(pub Vec<Error>);

/// `/etc/windlass/master.toml:12: projects.shop.git: …` and, on a line of its own, the hint.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "\n  hint: {}", self.hint) }
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}
