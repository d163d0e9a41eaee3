//! Where everything lies in the agent's state directory.

use std::path::{Path, PathBuf};

use windlass_core::model::Fence;

/// The agent's state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// This one; it need not exist.
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The CA of the cluster.
    pub fn ca(&self) -> PathBuf {
        self.identity().join("ca.pem")
    }

    /// The agent's certificate and what leads to the CA.
    pub fn cert(&self) -> PathBuf {
        self.identity().join("cert.pem")
    }

    /// The agent's key.
    pub fn key(&self) -> PathBuf {
        self.identity().join("key.pem")
    }

    /// The folder of the three.
    pub fn identity(&self) -> PathBuf {
        self.0.join("identity")
    }

    /// What must survive a restart.
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// What steps ask through.
    pub fn socket(&self) -> PathBuf {
        self.0.join("agent.sock")
    }

    /// One directory per attempt.
    pub fn attempts(&self) -> PathBuf {
        self.0.join("attempts")
    }

    /// Artifacts on their way.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// Room that only evidence gets.
    pub fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Why somebody on this host wants nothing new, if somebody does.
    pub fn paused(&self) -> PathBuf {
        self.0.join("paused")
    }

    /// What the observer repeats.
    pub fn observed(&self) -> PathBuf {
        self.0.join("observed")
    }

    /// The directory of an attempt.
    pub fn attempt(&self, fence: Fence) -> AttemptDir {
        AttemptDir(self.attempts().join(fence.to_string()))
    }
}

/// The directory of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptDir(PathBuf);

impl AttemptDir {
    /// This one; it need not exist.
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What happened, line by line; carries the lock.
    pub fn record(&self) -> PathBuf {
        self.0.join("record")
    }

    /// The log of a step without an extension; steps count from 1.
    pub fn log(&self, step: u32) -> PathBuf {
        self.0.join(format!("step-{step:02}"))
    }

    /// Somebody asked to stop.
    pub fn cancel(&self) -> PathBuf {
        self.0.join("cancel")
    }

    /// Somebody asked to stop without grace and cleanup.
    pub fn cancel_force(&self) -> PathBuf {
        self.0.join("cancel.force")
    }

    /// Where services live on this host, for built-in steps: JSON of `[services]`.
    pub fn services(&self) -> PathBuf {
        self.0.join("services")
    }
}
