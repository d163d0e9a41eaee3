//! Secrets: what they are called, and the only type that holds the value of one.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The fewest bytes of a value: what is shorter would be found in every log.
pub const SECRET_MIN: usize = 6;

/// The most bytes of a value.
pub const SECRET_MAX: usize = 64 * 1024;

/// The most bytes a name may have.
const NAME_MAX: usize = 63;

/// Names that begin so are Windlass's own variables.
const OURS: &str = "WINDLASS_";

/// What a secret is called. Steps see it as a variable: `[A-Z][A-Z0-9_]{0,62}`, not beginning with `WINDLASS_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(Arc<str>);

/// A text that is no name for a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a name for a secret: that is 1 to 63 of A-Z, 0-9 and `_`, begins with a letter, and not with WINDLASS_"
)]
pub struct InvalidSecretName {
    /// What was given, cut to 64 characters.
    pub text: String,
}

impl SecretName {
    /// Checks the rule.
    pub fn new(text: &str) -> Result<Self, InvalidSecretName> {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
        let rest = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if first && rest && text.len() <= NAME_MAX && !text.starts_with(OURS) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidSecretName { text: text.chars().take(64).collect() })
        }
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for SecretName {
    type Error = InvalidSecretName;
    fn try_from(text: String) -> Result<Self, InvalidSecretName> {
        Self::new(&text)
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0.to_string()
    }
}

impl std::str::FromStr for SecretName {
    type Err = InvalidSecretName;
    fn from_str(text: &str) -> Result<Self, InvalidSecretName> {
        Self::new(text)
    }
}

/// The value of a secret. It cannot be printed, serialised or copied, and is overwritten when it is dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

/// A value that cannot be a secret. It never quotes the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// Less than [`SECRET_MIN`] bytes.
    #[error("a secret of {0} bytes is too short: less than {SECRET_MIN} could not be told from other text in a log")]
    TooShort(usize),
    /// More than [`SECRET_MAX`] bytes.
    #[error("a secret of {0} bytes is too long: {SECRET_MAX} are allowed")]
    TooLong(usize),
}

impl Secret {
    /// Takes the value over; one that is refused is overwritten too.
    pub fn new(value: Vec<u8>) -> Result<Self, InvalidSecret> {
        let value = Zeroizing::new(value);
        match value.len() {
            len if len < SECRET_MIN => Err(InvalidSecret::TooShort(len)),
            len if len > SECRET_MAX => Err(InvalidSecret::TooLong(len)),
            _ => Ok(Self(value)),
        }
    }

    /// The value. What is made of it is the caller's to overwrite.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// The secrets of one attempt, shared and not copied. Its `Debug` names them only.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Vec<(SecretName, Secret)>>);

impl Secrets {
    /// These; of two with one name the first counts.
    pub fn new(secrets: Vec<(SecretName, Secret)>) -> Self {
        Self(Arc::new(secrets))
    }

    /// The value of this one.
    pub fn get(&self, name: &SecretName) -> Option<&Secret> {
        self.iter().find(|(known, _)| *known == name).map(|(_, secret)| secret)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &Secret)> {
        self.0.iter().map(|(name, secret)| (name, secret))
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl PartialEq for Secrets {
    fn eq(&self, other: &Self) -> bool {
        let pairs = |secrets: &Self| {
            secrets.0.iter().map(|(name, secret)| (name.clone(), secret.0.clone())).collect::<Vec<_>>()
        };
        pairs(self) == pairs(other)
    }
}

impl Eq for Secrets {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_variables_and_never_ours() {
        for good in ["A", "TAX_KEY", "A1_", &"A".repeat(63)] {
            assert!(SecretName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "1A", "_A", "A-B", "A B", "Ä", "WINDLASS_X", &"A".repeat(64)] {
            assert!(SecretName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_value_is_neither_short_nor_huge_and_a_refusal_does_not_quote_it() {
        assert!(Secret::new(b"sixsix".to_vec()).is_ok());
        assert!(Secret::new(vec![b'x'; SECRET_MAX]).is_ok());
        let short = Secret::new(b"fives".to_vec()).err().expect("refused");
        assert_eq!(short, InvalidSecret::TooShort(5));
        assert!(!short.to_string().contains("fives"));
        assert_eq!(Secret::new(vec![b'x'; SECRET_MAX + 1]).err(), Some(InvalidSecret::TooLong(SECRET_MAX + 1)));
    }

    #[test]
    fn a_set_of_secrets_prints_names_only() {
        let name = SecretName::new("KEY").expect("a name");
        let secrets = Secrets::new(vec![(name.clone(), Secret::new(b"hunter22".to_vec()).expect("a value"))]);
        assert_eq!(format!("{secrets:?}"), "{SecretName(\"KEY\")}");
        assert_eq!(secrets.get(&name).map(Secret::expose), Some(&b"hunter22"[..]));
    }
}
