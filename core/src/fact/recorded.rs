//! A fact and when it was believed.

use serde::{Deserialize, Serialize};

use super::Fact;
use crate::model::UnixMs;

/// A fact with the time it was believed from; every fact of a turn has the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The master's `now`, which never steps back.
    pub at: UnixMs,
    /// What happened.
    #[serde(flatten)]
    pub fact: Fact,
}
