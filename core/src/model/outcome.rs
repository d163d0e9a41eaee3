//! How a job or step ended. Nothing is shown that is not proven: where evidence is missing the outcome is `unknown`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a job attempt (and with its last attempt the job) ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Every step that counted ended well.
    Succeeded,
    /// A command ended otherwise than with exit code 0.
    Failed {
        /// How.
        how: Failure,
    },
    /// The clock of the job or a step ran out.
    TimedOut,
    /// Somebody asked for it, and the process tree is gone.
    Cancelled,
    /// The pipeline decided that it does not run.
    Skipped {
        /// Why, for people.
        why: String,
    },
    /// Proven never to have executed a command.
    NotStarted {
        /// Why.
        reason: NotStarted,
    },
    /// Nothing can be proven.
    Unknown {
        /// What is missing.
        reason: UnknownReason,
    },
}

/// How a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It exited with this code, 1 to 255.
    Code(u8),
    /// This signal ended it.
    Signal(i32),
    /// It could not be executed.
    Exec(String),
    /// What it wrote for Windlass breaks a rule (outputs, artifacts).
    Broken(String),
}

/// Why a command is proven never to have run. The first five are tried again, three attempts at most; the others end the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotStarted {
    /// No free slot on the agent.
    Busy,
    /// No room on the agent's disk.
    DiskLow,
    /// The agent ended between accepting and starting.
    AgentRestart,
    /// The shim ended before it started anything.
    ShimFailed,
    /// The host rebooted before it was started.
    Reboot,
    /// The agent's own policy says no; the text names the rule.
    DeniedByAgent(String),
    /// The place for the command could not be prepared.
    SetupFailed(String),
    /// The pipeline file has problems, or the revision is gone.
    Pipeline(String),
    /// The deployment was rejected; the text says why.
    Rejected(String),
    /// A secret of this name is missing, or withheld from runs like this one.
    Secret(String),
}

impl NotStarted {
    /// True if the reason is ours and may pass, so that a new attempt makes sense.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Busy | Self::DiskLow | Self::AgentRestart | Self::ShimFailed | Self::Reboot => true,
            Self::DeniedByAgent(_) | Self::SetupFailed(_) | Self::Pipeline(_) | Self::Rejected(_) | Self::Secret(_) => {
                false
            }
        }
    }
}

/// What keeps an outcome from being proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownReason {
    /// The host rebooted while it ran.
    Reboot,
    /// The shim died while it ran.
    ShimLost,
    /// The agent has been silent too long.
    AgentLost,
    /// The agent lost its memory.
    AgentLostState,
    /// The agent was removed.
    AgentRemoved,
    /// The record of the attempt is damaged.
    EvidenceDamaged,
    /// The master was restored from a backup and the attempt is not held.
    Restored,
}

/// How a step ended: a job's outcome, or a failure that the pipeline tolerates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepOutcome {
    /// Exit code 0.
    Succeeded,
    /// Otherwise than with exit code 0.
    Failed {
        /// How.
        how: Failure,
    },
    /// The clock of the step or job ran out.
    TimedOut,
    /// Ended because the job was cancelled.
    Cancelled,
    /// Its condition did not hold.
    Skipped,
    /// It failed, and the pipeline says that this is neither green nor red.
    Tolerated {
        /// How; none if it timed out.
        how: Option<Failure>,
    },
}

impl Outcome {
    /// The fixed word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Skipped { .. } => "skipped",
            Self::NotStarted { .. } => "not_started",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// True for `succeeded`.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded)
    }
}

impl StepOutcome {
    /// The fixed word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Tolerated { .. } => "tolerated",
        }
    }

    /// True if the steps after it, and the job, go on as if it had succeeded.
    pub fn counts_as_success(&self) -> bool {
        match self {
            Self::Succeeded | Self::Skipped | Self::Tolerated { .. } => true,
            Self::Failed { .. } | Self::TimedOut | Self::Cancelled => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Exec(why) => write!(f, "exec: {why}"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl fmt::Display for NotStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("busy"),
            Self::DiskLow => f.write_str("disk_low"),
            Self::AgentRestart => f.write_str("agent_restart"),
            Self::ShimFailed => f.write_str("shim_failed"),
            Self::Reboot => f.write_str("reboot"),
            Self::DeniedByAgent(rule) => write!(f, "denied_by_agent: {rule}"),
            Self::SetupFailed(why) => write!(f, "setup_failed: {why}"),
            Self::Pipeline(why) => write!(f, "pipeline: {why}"),
            Self::Rejected(why) => write!(f, "rejected: {why}"),
            Self::Secret(name) => write!(f, "secret: {name}"),
        }
    }
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reboot => "reboot",
            Self::ShimLost => "shim_lost",
            Self::AgentLost => "agent_lost",
            Self::AgentLostState => "agent_lost_state",
            Self::AgentRemoved => "agent_removed",
            Self::EvidenceDamaged => "evidence_damaged",
            Self::Restored => "restored",
        })
    }
}

/// `succeeded`, `failed(101)`, `unknown(reboot)`.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded | Self::TimedOut | Self::Cancelled | Self::Skipped { .. } => f.write_str(self.word()),
            Self::Failed { how } => write!(f, "failed({how})"),
            Self::NotStarted { reason } => write!(f, "not_started({reason})"),
            Self::Unknown { reason } => write!(f, "unknown({reason})"),
        }
    }
}

/// `succeeded`, `failed(1)`, `tolerated(timed_out)`.
impl fmt::Display for StepOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded | Self::TimedOut | Self::Cancelled | Self::Skipped => f.write_str(self.word()),
            Self::Failed { how } => write!(f, "failed({how})"),
            Self::Tolerated { how: Some(how) } => write!(f, "tolerated({how})"),
            Self::Tolerated { how: None } => f.write_str("tolerated(timed_out)"),
        }
    }
}
