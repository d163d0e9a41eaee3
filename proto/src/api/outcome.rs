//! How a run, a job or a step ended, as one shape: `{"kind": "failed", "code": 101}`.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use windlass_core::model::{self, Failure, StepOutcome};

/// How something ended. Besides `kind` at most one member stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// The fixed word.
    pub kind: OutcomeKind,
    /// Exit code of `failed` and `tolerated`, 1 to 255.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// Signal that ended it, of `failed` and `tolerated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Why: of `not_started`, `unknown`, `skipped`, and of a failure that is neither code nor signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The closed list of outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// All that counted ended well.
    Succeeded,
    /// A command ended otherwise than with exit code 0.
    Failed,
    /// The clock ran out.
    TimedOut,
    /// Somebody asked for it, and the process tree is gone.
    Cancelled,
    /// The pipeline decided that it does not run.
    Skipped,
    /// Proven never to have executed a command.
    NotStarted,
    /// Nothing can be proven.
    Unknown,
    /// Of steps: it failed, and the pipeline says that this is neither green nor red.
    Tolerated,
}

impl OutcomeKind {
    /// The fixed word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::NotStarted => "not_started",
            Self::Unknown => "unknown",
            Self::Tolerated => "tolerated",
        }
    }

    /// The kind that this word names.
    pub fn from_word(word: &str) -> Option<Self> {
        use OutcomeKind::{Cancelled, Failed, NotStarted, Skipped, Succeeded, TimedOut, Tolerated, Unknown};
        let all = [Succeeded, Failed, TimedOut, Cancelled, Skipped, NotStarted, Unknown, Tolerated];
        all.into_iter().find(|kind| kind.word() == word)
    }
}

impl Outcome {
    fn plain(kind: OutcomeKind) -> Self {
        Self { kind, code: None, signal: None, reason: None }
    }

    fn because(kind: OutcomeKind, reason: String) -> Self {
        Self { reason: Some(reason), ..Self::plain(kind) }
    }

    fn of_failure(kind: OutcomeKind, how: &Failure) -> Self {
        let plain = Self::plain(kind);
        match how {
            Failure::Code(code) => Self { code: Some(*code), ..plain },
            Failure::Signal(signal) => Self { signal: Some(*signal), ..plain },
            Failure::Exec(_) | Failure::Broken(_) => Self::because(kind, how.to_string()),
        }
    }
}

impl From<&model::Outcome> for Outcome {
    fn from(outcome: &model::Outcome) -> Self {
        match outcome {
            model::Outcome::Succeeded => Self::plain(OutcomeKind::Succeeded),
            model::Outcome::Failed { how } => Self::of_failure(OutcomeKind::Failed, how),
            model::Outcome::TimedOut => Self::plain(OutcomeKind::TimedOut),
            model::Outcome::Cancelled => Self::plain(OutcomeKind::Cancelled),
            model::Outcome::Skipped { why } => Self::because(OutcomeKind::Skipped, why.clone()),
            model::Outcome::NotStarted { reason } => Self::because(OutcomeKind::NotStarted, reason.to_string()),
            model::Outcome::Unknown { reason } => Self::because(OutcomeKind::Unknown, reason.to_string()),
        }
    }
}

impl From<&StepOutcome> for Outcome {
    fn from(outcome: &StepOutcome) -> Self {
        match outcome {
            StepOutcome::Succeeded => Self::plain(OutcomeKind::Succeeded),
            StepOutcome::Failed { how } => Self::of_failure(OutcomeKind::Failed, how),
            StepOutcome::TimedOut => Self::plain(OutcomeKind::TimedOut),
            StepOutcome::Cancelled => Self::plain(OutcomeKind::Cancelled),
            StepOutcome::Skipped => Self::plain(OutcomeKind::Skipped),
            StepOutcome::Tolerated { how: Some(how) } => Self::of_failure(OutcomeKind::Tolerated, how),
            StepOutcome::Tolerated { how: None } => Self::because(OutcomeKind::Tolerated, "timed_out".to_owned()),
        }
    }
}

/// `succeeded`, `failed(101)`, `failed(signal 9)`, `not_started(busy)`; why something was skipped stands beside it, not in it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind.word();
        match (self.code, self.signal, &self.reason) {
            (Some(code), _, _) => write!(f, "{word}({code})"),
            (None, Some(signal), _) => write!(f, "{word}(signal {signal})"),
            (None, None, Some(reason)) if self.kind != OutcomeKind::Skipped => write!(f, "{word}({reason})"),
            (None, None, _) => f.write_str(word),
        }
    }
}
