//! Secrets, without their values.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// A secret of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// As `TAX_KEY`.
    pub name: String,
    /// Only jobs that change a target of this environment get it; none: all jobs of the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Of the newest value: 1, 2, …
    pub number: u32,
    /// Runs that are not of the main branch get it too.
    pub unprotected: bool,
    /// When the newest value was set.
    pub set: Time,
    /// Who set it.
    pub by: String,
    /// When an agent got it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered: Option<Time>,
}

/// A value was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretSet {
    /// Its number.
    pub number: u32,
}

/// Which values agents got, as far as the journal can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExposedSecrets {
    /// By project, environment and name.
    pub items: Vec<ExposedSecret>,
    /// Damage of the journal: deliveries that are told there are not among the items. Empty: this was all.
    pub unread: Vec<UnreadFacts>,
}

/// Facts that cannot be read, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnreadFacts {
    /// The number of the first in the journal.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// Names the file and the place in it.
    pub why: String,
}

/// A value that agents got, of which somebody may have had a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExposedSecret {
    /// Its project.
    pub project: String,
    /// Its environment, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// As `TAX_KEY`.
    pub name: String,
    /// Which of its values.
    pub number: u32,
    /// A newer value was set, or it was deleted: what is asked for is done already.
    pub changed: bool,
    /// Names of the agents that got it, in order.
    pub agents: Vec<String>,
    /// How many attempts got it.
    pub deliveries: u64,
    /// When it was delivered first.
    pub first: Time,
    /// When it was delivered last.
    pub last: Time,
}
