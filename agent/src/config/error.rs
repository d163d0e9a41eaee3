//! What is wrong with the configuration of this host.

use std::path::PathBuf;

use crate::exit::{self, Failure};

/// What is wrong, where, and the way out. The exit code is always 78.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{} cannot be read: {why}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// A line of the file is wrong.
    #[error("{}, line {line}: {why}", file.display())]
    Line {
        /// Which file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong, with the key.
        why: String,
    },
    /// A value breaks its rule.
    #[error("{}: {key}: {why}", file.display())]
    Value {
        /// Which file.
        file: PathBuf,
        /// Which key.
        key: String,
        /// The rule, and what to write instead.
        why: String,
    },
    /// Others may read or write what they must not.
    #[error("{} has mode {mode:04o}: {why}", file.display())]
    Mode {
        /// Which file.
        file: PathBuf,
        /// The mode it has.
        mode: u32,
        /// What is wrong with it.
        why: &'static str,
        /// The mode it must have.
        wanted: u32,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::Unreadable { file, .. } => {
                format!("`windlass-agent join URL --token-file F --config {}` writes one", file.display())
            }
            Error::Line { file, .. } | Error::Value { file, .. } => {
                format!("correct it; `windlass-agent check --config {}` says whether it is right", file.display())
            }
            Error::Mode { file, wanted, .. } => format!("chmod {wanted:o} {}", file.display()),
        };
        Failure::new(exit::CONFIG, error).hint(hint)
    }
}
