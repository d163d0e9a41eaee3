//! How an attempt counts of which nothing is proven.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use windlass_core::model;

/// A settlement stands beside an outcome and never rewrites it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settlement {
    /// As what.
    #[serde(rename = "as")]
    pub verdict: Verdict,
    /// `policy`, `observation`, or the name of a person.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What follows an `unknown` attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The run goes on as after a success.
    Succeeded,
    /// The run goes on as after a failure.
    Failed,
    /// The job gets a new attempt, although the one before may still run.
    Again,
}

impl Verdict {
    /// The fixed word.
    pub fn word(self) -> &'static str {
        model::Verdict::from(self).word()
    }
}

impl From<model::Verdict> for Verdict {
    fn from(verdict: model::Verdict) -> Self {
        match verdict {
            model::Verdict::Succeeded => Self::Succeeded,
            model::Verdict::Failed => Self::Failed,
            model::Verdict::Again => Self::Again,
        }
    }
}

impl From<Verdict> for model::Verdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Succeeded => Self::Succeeded,
            Verdict::Failed => Self::Failed,
            Verdict::Again => Self::Again,
        }
    }
}

impl From<&model::Settlement> for Settlement {
    fn from(settlement: &model::Settlement) -> Self {
        let model::Settlement { verdict, by, reason } = settlement;
        Self { verdict: (*verdict).into(), by: by.to_string(), reason: reason.clone() }
    }
}

/// `settled as failed by mara: it had copied half`.
impl fmt::Display for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settled as {} by {}: {}", self.verdict.word(), self.by, self.reason)
    }
}
