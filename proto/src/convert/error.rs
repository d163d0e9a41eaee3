//! Why a message is not taken. Each closes the session it came in.

/// What every conversion from the wire returns.
pub type Result<T> = std::result::Result<T, Error>;

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field or oneof that must be set is not.
    #[error("{field} is missing")]
    Missing {
        /// The field, with its message: `report.body`.
        field: &'static str,
    },
    /// An enum value that is unknown, or 0 where a value is due.
    #[error("{field} has the unknown value {value}")]
    UnknownValue {
        /// The field, with its message.
        field: &'static str,
        /// What came.
        value: i32,
    },
    /// A value that breaks its rule.
    #[error("{field} is wrong: {why}")]
    Invalid {
        /// The field, with its message.
        field: &'static str,
        /// The rule it breaks.
        why: String,
    },
    /// More than the agent link allows.
    #[error("{field} has {found}, more than {limit}")]
    TooMuch {
        /// The field, with its message.
        field: &'static str,
        /// How much came.
        found: usize,
        /// How much is allowed.
        limit: usize,
    },
    /// The wire can say it, this program does not do it.
    #[error("{field} is set, which this version does not carry out")]
    Unsupported {
        /// The field, with its message.
        field: &'static str,
    },
}

impl Error {
    /// A value that breaks its rule.
    pub(super) fn invalid(field: &'static str, why: impl ToString) -> Self {
        Self::Invalid { field, why: why.to_string() }
    }
}
