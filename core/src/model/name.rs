//! Names that people choose: `[a-z0-9][a-z0-9_-]{0,62}`, one type for each kind of thing, so that they cannot be mixed up.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most bytes a name may have.
pub const NAME_MAX: usize = 63;

/// A text that breaks the rule for names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a name: a name is 1 to 63 of a-z, 0-9, `_` and `-`, and begins with a letter or digit")]
pub struct InvalidName {
    /// What was given, cut to 64 characters.
    pub text: String,
}

/// Any name, when the kind of thing does not matter (labels, steps).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(Arc<str>);

impl Name {
    /// Checks the rule for names.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        if first && rest && text.len() <= NAME_MAX {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidName { text: text.chars().take(64).collect() })
        }
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.to_string()
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Name);

        impl $name {
            /// Checks the rule for names.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                Name::new(text).map(Self)
            }

            /// The text of the name.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }
    )*};
}

names! {
    /// A repository (or folder) that the master watches.
    ProjectName;
    /// What is deployed.
    ServiceName;
    /// A named set of targets with guard rails.
    EnvironmentName;
    /// What people call an agent; its identity is the [`AgentId`](super::AgentId).
    AgentName;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_one_rule() {
        for good in ["a", "0", "shop", "b-1_x", &"a".repeat(63)] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-rf", "_x", "Shop", "a/b", "..", "a b", "ä", "a\u{200b}", &"a".repeat(64)] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
    }
}
