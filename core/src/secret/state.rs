//! What is believed of a secret.
//!
//! ```text
//! ─Set▶ set(number) ─Set▶ set(number + 1)
//!           │ ▲
//!  Deleted  ▼ │ Set: the number goes on
//!        deleted
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fact::SecretFact;
use crate::model::{Digest, EnvironmentName, ProjectName, SecretName, UnixMs};
use crate::touched::Touched;
use crate::world::State;

/// A secret: its name in its scope. Written as `shop/TAX_KEY` or `shop/production/TAX_KEY`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretId {
    /// Jobs of this project may declare it.
    pub project: ProjectName,
    /// Only jobs that change a target of this environment; none: all.
    pub environment: Option<EnvironmentName>,
    /// What jobs call it.
    pub name: SecretName,
}

/// `TAX_KEY of shop/production`.
impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.project)?;
        self.environment.as_ref().map_or(Ok(()), |environment| write!(f, "/{environment}"))
    }
}

/// A text that names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no secret: that is project/NAME or project/environment/NAME")]
pub struct InvalidSecretId(String);

impl From<SecretId> for String {
    fn from(id: SecretId) -> Self {
        match id.environment {
            None => format!("{}/{}", id.project, id.name),
            Some(environment) => format!("{}/{environment}/{}", id.project, id.name),
        }
    }
}

impl TryFrom<String> for SecretId {
    type Error = InvalidSecretId;
    fn try_from(text: String) -> Result<Self, InvalidSecretId> {
        let parts: Vec<&str> = text.split('/').collect();
        let (project, environment, name) = match parts[..] {
            [project, name] => (project, None, name),
            [project, environment, name] => (project, Some(environment), name),
            _ => return Err(InvalidSecretId(text)),
        };
        let environment = environment.map(EnvironmentName::new).transpose();
        match (ProjectName::new(project), environment, SecretName::new(name)) {
            (Ok(project), Ok(environment), Ok(name)) => Ok(Self { project, environment, name }),
            _ => Err(InvalidSecretId(text)),
        }
    }
}

/// A secret that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretState {
    /// Of its newest value.
    pub number: u32,
    /// Runs that are not of the main branch get it too.
    pub unprotected: bool,
    /// Bytes of the newest value.
    pub bytes: u32,
    /// BLAKE3 of the file that holds the newest value.
    pub sealed: Digest,
    /// When it was set.
    pub set: UnixMs,
    /// Who set it.
    pub by: String,
    /// When an agent got it last, whatever its number was.
    pub delivered: Option<UnixMs>,
    /// It is not delivered any more.
    pub is_deleted: bool,
}

/// A value that an agent gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Which secret.
    pub secret: SecretId,
    /// Which of its values.
    pub number: u32,
}

impl State {
    /// Folds a fact about a secret. When a value was delivered last is not forgotten with a new one.
    pub(crate) fn keep_secret(&mut self, at: UnixMs, fact: &SecretFact, touched: &mut Touched) {
        match fact {
            SecretFact::Set { secret, number, unprotected, bytes, sealed, by } => {
                let delivered = self.secrets.get(secret).and_then(|before| before.delivered);
                let (number, unprotected, bytes, sealed) = (*number, *unprotected, *bytes, *sealed);
                let (by, is_deleted) = (by.clone(), false);
                let known = SecretState { number, unprotected, bytes, sealed, set: at, by, delivered, is_deleted };
                self.secrets.insert_mut(secret.clone(), known);
            }
            SecretFact::Deleted { secret, .. } => {
                if let Some(known) = self.secrets.get_mut(secret) {
                    known.is_deleted = true;
                }
            }
            SecretFact::Delivered { fence, secrets, .. } => {
                for grant in secrets {
                    if let Some(known) = self.secrets.get_mut(&grant.secret) {
                        known.delivered = Some(at);
                    }
                }
                self.change_attempt(*fence, touched, |attempt| attempt.secrets.clone_from(secrets));
            }
        }
    }
}
