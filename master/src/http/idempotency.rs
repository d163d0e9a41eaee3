//! `Idempotency-Key`: the same key and body is the same request; another body is refused.
//!
//! The engine remembers keys with the runs they made. Here a key is made unique per subject and bound to the body by putting the body's
//! digest behind it, so that the state itself, over restarts, tells a repeat from a mismatch.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};
use windlass_core::State;
use windlass_core::model::{Digest, RunId};
use windlass_proto::api::ProblemKind;

use super::call::Call;
use super::problem::Refused;

/// Lets requests with a key pass one by one, so that two with one key and different bodies cannot both be first. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Keys(Arc<Mutex<()>>);

impl Keys {
    /// Held from the look at the state until the input is committed.
    pub(super) async fn alone(&self) -> MutexGuard<'_, ()> {
        self.0.lock().await
    }
}

/// The key of a request as the engine keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// What every request of this subject with this key begins with.
    prefix: String,
    /// The same with the digest of the body.
    pub(super) whole: String,
}

/// Control characters separate the parts, because no part can hold one.
const SEPARATOR: char = '\n';

impl Key {
    /// The key of this call, if it has one. The path counts as part of the body.
    pub(super) fn of(call: &Call) -> Result<Option<Self>, Refused> {
        let Some(key) = call.idempotency_key()? else { return Ok(None) };
        let prefix = format!("{}{SEPARATOR}{key}{SEPARATOR}", call.subject());
        let path: Vec<&str> = call.params.values().map(String::as_str).collect();
        let body = [path.join("/").as_bytes(), b"\n", &call.body].concat();
        let whole = format!("{prefix}{}", Digest::of(&body));
        Ok(Some(Self { prefix, whole }))
    }

    /// The run that this key made; a refusal if it made one for another body.
    pub(super) fn known(&self, state: &State) -> Result<Option<RunId>, Refused> {
        let same_key = state.keys.range(self.prefix.clone()..).next().filter(|(key, _)| key.starts_with(&self.prefix));
        match same_key {
            None => Ok(None),
            Some((key, run)) if *key == self.whole => Ok(Some(run.clone())),
            Some((_, run)) => {
                let detail = format!("this Idempotency-Key made {run} for another request");
                Err(Refused::new(ProblemKind::IdempotencyMismatch, detail))
            }
        }
    }
}
