//! The lines of an attempt's record, as the agent and then the shim write them. One line, one report to the master.
//!
//! ```text
//! record:  ACCEPTED ─▶ GO ─▶ STEP_STARTED, STEP_ENDED, STUCK … ─▶ EXIT     or [ACCEPTED ─▶] VOID
//! ```
//! A line is JSON on disk; `disk::record` frames it with a checksum. `index` counts from 1 without a hole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Digest, Envelope, Fence, Outcome, StepOutcome};

/// The index of a last line that is written although lines before it are missing or damaged.
pub const INDEX_LAST: u32 = u32::MAX;

/// The format of the lines that this program writes. It reads them, and those of the format before: an agent that was replaced by a
/// newer one takes up what is there.
pub const FORMAT: u16 = 1;

/// One line of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Format of the line: [`FORMAT`].
    pub format: u16,
    /// 1, 2, … per record.
    pub index: u32,
    /// `CLOCK_BOOTTIME` in nanoseconds.
    pub boottime_ns: u64,
    /// Wall clock in milliseconds since 1970; for people only.
    pub wall_ms: i64,
    /// What happened.
    pub body: LineBody,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum LineBody {
    /// The agent promises to start it, or to say that it did not.
    Accepted {
        /// The attempt.
        fence: Fence,
        /// What to carry out.
        envelope: Box<Envelope>,
        /// Of the kernel; another one proves that no process survived.
        boot_id: String,
    },
    /// The first command may be executed once this is synced.
    Go,
    /// A step begins.
    StepStarted {
        /// From 1.
        step: u32,
    },
    /// A step is over.
    StepEnded {
        /// From 1.
        step: u32,
        /// How.
        outcome: StepOutcome,
        /// What it wrote to `$WINDLASS_OUTPUT`.
        outputs: BTreeMap<String, String>,
    },
    /// Processes survived KILL.
    Stuck {
        /// How many.
        survivors: u32,
        /// Where they are, for people.
        at: String,
    },
    /// It was not started and never will be. Last line.
    Void {
        /// `not_started` or `cancelled`.
        outcome: Outcome,
    },
    /// It ended; the process tree is gone, unless the outcome is `unknown`. Last line.
    Exit {
        /// How.
        outcome: Outcome,
        /// The log of each step, in order; none for a step without a log.
        logs: Vec<Option<LogEnd>>,
        /// A cancel arrived when the last step had already ended.
        cancel_too_late: bool,
    },
}

/// How long a log is when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEnd {
    /// Bytes.
    pub total: u64,
    /// Of all bytes; none if the host lost its own tail.
    pub digest: Option<Digest>,
}

impl LineBody {
    /// True for VOID and EXIT, after which nothing follows.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Void { .. } | Self::Exit { .. })
    }
}
