//! What the keeper is asked: one line of JSON, and one line back.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A process that the keeper starts and owns. Its output goes to `log/NAME.log` in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// What it is called among the keeper's processes.
    pub name: String,
    /// The file that is executed.
    pub file: PathBuf,
    /// The name it is started by.
    pub called: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Where.
    pub dir: PathBuf,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Starts a process; one of the same name is stopped before.
    Start(Program),
    /// Stops a process, if it is there.
    Stop {
        /// Its name.
        name: String,
    },
    /// Which of the processes run.
    Running,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Done; the names of all processes that run.
    Ok(Vec<String>),
    /// Not done.
    Error(String),
}

/// Name of the socket in the folder.
pub const SOCKET: &str = "keeper.sock";
/// Folder of the logs.
pub const LOGS: &str = "log";
