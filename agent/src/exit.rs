//! How the program ends: what is printed and with which code.

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Cannot start now: a lock is taken, a network is away, a request was refused.
pub const NOT_NOW: u8 = 1;
/// Used wrongly.
pub const USAGE: u8 = 2;
/// A disk failed: what is on it is unknown.
pub const DISK: u8 = 74;
/// The configuration is wrong.
pub const CONFIG: u8 = 78;

/// Why the program ends otherwise than well.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What happened, with its causes.
    pub text: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure with a code, what could not be done and why.
    pub fn new(code: u8, text: impl fmt::Display) -> Self {
        Self { code, text: text.to_string(), hint: None }
    }

    /// The same with a way out.
    #[must_use]
    pub fn hint(self, hint: impl fmt::Display) -> Self {
        Self { hint: Some(hint.to_string()), ..self }
    }
}

/// The exit code of a command, after printing what went wrong.
pub fn of(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let mut stderr = std::io::stderr().lock();
    let mut text = format!("error: {}\n", failure.text);
    if let Some(hint) = &failure.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // Where standard error is closed there is nobody to tell, and the code says it too.
    let _told = stderr.write_all(text.as_bytes());
    ExitCode::from(failure.code)
}

/// The exit code of a wrong command line, or of `--help`, after printing it.
pub fn usage(wrong: &clap::Error) -> ExitCode {
    let _told = wrong.print();
    if wrong.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}
