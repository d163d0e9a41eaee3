//! What is wrong with a pipeline file, where, and the way out. `windlass lint`, the master and the API show the same problems.

use serde::{Deserialize, Serialize};

/// The most problems that are reported of one file.
pub const PROBLEMS_MAX: usize = 50;

/// One problem of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file it was found in, relative to the repository.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters the caret line marks, at least 1.
    pub width: u32,
    /// An error or a warning.
    pub severity: Severity,
    /// What kind of problem; the list is closed.
    pub code: Code,
    /// What is wrong, a fragment that names the thing.
    pub text: String,
    /// The way out.
    pub hint: Option<String>,
    /// The line of the file that it is about, as it stands there, cut to 200 characters.
    pub source: String,
}

/// Whether the file can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used.
    Warning,
}

/// The closed list of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    BadYaml,
    UnknownKey,
    DuplicateKey,
    MissingKey,
    WrongType,
    NotText,
    OutOfRange,
    BadName,
    UnknownName,
    Clash,
    Cycle,
    BadExpression,
    BadGlob,
    BadLabel,
    BadPath,
    TooBig,
    Unused,
}

impl Code {
    /// The code as it is printed: `unknown-key`.
    pub fn word(self) -> &'static str {
        match self {
            Self::BadYaml => "bad-yaml",
            Self::UnknownKey => "unknown-key",
            Self::DuplicateKey => "duplicate-key",
            Self::MissingKey => "missing-key",
            Self::WrongType => "wrong-type",
            Self::NotText => "not-text",
            Self::OutOfRange => "out-of-range",
            Self::BadName => "bad-name",
            Self::UnknownName => "unknown-name",
            Self::Clash => "clash",
            Self::Cycle => "cycle",
            Self::BadExpression => "bad-expression",
            Self::BadGlob => "bad-glob",
            Self::BadLabel => "bad-label",
            Self::BadPath => "bad-path",
            Self::TooBig => "too-big",
            Self::Unused => "unused",
        }
    }
}
