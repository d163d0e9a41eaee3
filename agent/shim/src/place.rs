//! Where an attempt runs: the file `place` beside its record. Written by the agent before ACCEPTED, read by the shim.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use windlass_core::model::Limits;

use crate::process::Cgroup;

/// What the shim must know besides the envelope. JSON in `DIR/place`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The folder of the job; it exists. Absolute.
    pub workspace: PathBuf,
    /// The fixed `PATH` of steps.
    pub path: String,
    /// Home folder of the user that steps run as.
    pub home: String,
    /// Name of that user.
    pub user: String,
    /// Name of the agent.
    pub agent: String,
    /// The agent's socket, for built-in steps. Absolute.
    pub socket: PathBuf,
    /// The folder for secrets that steps see as files; made when one does. On a tmpfs. Absolute.
    pub secrets: PathBuf,
    /// The program of built-in steps, normally `/proc/self/exe`: the shim's own, also when the file was replaced.
    pub exe: PathBuf,
    /// Where the kernel keeps its processes together; none: in process groups only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroups: Option<Cgroups>,
    /// What all processes of the job together may have, where the kernel keeps them together and has the controllers.
    #[serde(default, skip_serializing_if = "Limits::is_none")]
    pub limits: Limits,
}

/// The two groups of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cgroups {
    /// Of all steps and what they start.
    pub job: Cgroup,
    /// Of the shim, so that it is not ended with them.
    pub shim: Cgroup,
}

impl Place {
    /// Where it stands in the directory of an attempt.
    pub fn path_in(dir: &Path) -> PathBuf {
        dir.join("place")
    }
}
