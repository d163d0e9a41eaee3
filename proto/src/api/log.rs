//! A log as JSON lines, and how the bytes of one are described in headers.
//!
//! ```text
//! {"job":"test","attempt":1,"step":"unit","number":2,"offset":1048,"time":"…","stream":"stdout","text":"running 412 tests\n"}
//! {"job":"test",…,"offset":1066,"gap":{"dropped":4096,"reason":"quota"}}
//! {"job":"test",…,"offset":1066,"end":{"outcome":{"kind":"failed","code":101},"digest":"blake3:…"}}
//! {"cursor":"…"}
//! ```

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Outcome, Time};

/// One line of `format=jsonl`: `text` or `base64`, `gap`, `end`, or a `cursor` alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Key of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Which try of the job, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Name of the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Number of the step, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Of the first byte, in the stored log of this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// When the bytes were read from the step's pipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
    /// `stdout` or `stderr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// The line with its end, if it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes, if they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// The line goes on in the next piece.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Bytes are missing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<LogGap>,
    /// The log is whole; nothing follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<LogEnd>,
    /// Give it as `cursor` to go on here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<LogCursor>,
}

/// How far a reader of a run's log is. Opaque.
pub type LogCursor = String;

/// Missing bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogGap {
    /// How many; 0: not known.
    pub dropped: u64,
    /// `quota`, `disk_stuck`, `disk_full`, `shim_lost`, `power_lost` or `agent_gone`.
    pub reason: String,
}

/// The end of a step's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogEnd {
    /// How the step ended, if that is known.
    pub outcome: Option<Outcome>,
    /// `blake3:` and 64 hex digits.
    pub digest: String,
}

/// Number of the attempt whose log this is.
pub const HEADER_ATTEMPT: &str = "windlass-attempt";
/// Offset of the first byte of the body.
pub const HEADER_OFFSET: &str = "windlass-log-offset";
/// Bytes stored when the answer began.
pub const HEADER_LENGTH: &str = "windlass-log-length";
/// Bytes of them that survive a power cut.
pub const HEADER_DURABLE: &str = "windlass-log-durable";
/// `live` or `sealed`.
pub const HEADER_STATE: &str = "windlass-log-state";
/// `offset:dropped:reason, …`.
pub const HEADER_GAPS: &str = "windlass-log-gaps";
/// `blake3:` and 64 hex digits, once sealed.
pub const HEADER_DIGEST: &str = "windlass-log-digest";
