//! A settlement: how an attempt of which nothing is proven counts. It stands beside the outcome and never rewrites it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an `unknown` attempt counts, who says so, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// What follows.
    #[serde(rename = "as")]
    pub verdict: Verdict,
    /// Who says so.
    pub by: Settler,
    /// Why, for people.
    pub reason: String,
}

/// What follows an `unknown` attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The run goes on as after a success.
    Succeeded,
    /// The run goes on as after a failure.
    Failed,
    /// The job gets a new attempt, although this one may still run.
    Again,
}

/// Who settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settler {
    /// What the pipeline file says: `idempotent`, `on-unknown`.
    Policy,
    /// What a target says of itself.
    Observation,
    /// This person.
    Person(String),
}

/// What follows where an outcome is `unknown` and no new attempt does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// The run goes on as after a failure.
    #[default]
    Fail,
    /// The run waits until a person settles it.
    Hold,
}

impl Verdict {
    /// The fixed word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Again => "again",
        }
    }
}

impl Settlement {
    /// A settlement by what the pipeline file says.
    pub fn by_policy(verdict: Verdict, reason: &str) -> Self {
        Self { verdict, by: Settler::Policy, reason: reason.to_owned() }
    }
}

/// `policy`, `observation`, or a name.
impl fmt::Display for Settler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::Observation => "observation",
            Self::Person(name) => name,
        })
    }
}

/// `settled as failed by mara: it had copied half`.
impl fmt::Display for Settlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "settled as {} by {}: {}", self.verdict.word(), self.by, self.reason)
    }
}
