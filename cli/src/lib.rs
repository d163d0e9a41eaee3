//! The client of Windlass: it speaks to a master over its HTTP API and over nothing else. The same executable contains the master and
//! the agent, so that `windlass demo` can start them: the name it is called by says which program it is.
//!
//! Reading order: [`programs`] (who is called), [`args`] (what can be typed), [`commands`] (one file each), [`client`] (requests),
//! [`follow`] (runs as they go on), [`view`] (what people read), [`output`] (the only place that prints), [`demo`].
//!
//! Invariant: data goes to standard output, all else to standard error. Absent: rules of the business; the master has them.

pub mod args;
pub mod client;
mod clock;
mod commands;
mod demo;
mod error;
mod exit;
pub mod follow;
pub mod output;
mod programs;
pub mod sign;
pub mod text;
pub mod view;

pub use error::Error;
pub use exit::Exit;

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program that the first argument names: the client, unless it is `windlass-master` or `windlass-agent`.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    programs::run(arguments)
}
