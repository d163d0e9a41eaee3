//! `Idempotency-Key`: the same key and request is the same request; another one is refused.
//!
//! What a key was used for is a fact of the turn that carried the request out, so that the state itself, over restarts, tells a repeat
//! from a mismatch. The router looks before a handler does, because what was right once need not be so again: a run that was cancelled
//! cannot be cancelled. The engine looks again, because two with one key may be on their way at once.

use axum::http::{HeaderMap, HeaderName, Uri};
use windlass_core::input::RequestKey;
use windlass_core::model::Digest;
use windlass_proto::api::ProblemKind;

use super::limits::KEY_BYTES;
use super::problem::Refused;

/// The header that makes repeated requests one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Tells a repeat from a first request.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What becomes of a key that comes with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// It is kept for a day.
    Kept,
    /// It is refused: the answer holds a secret that is kept nowhere, so that it cannot be given again.
    Refused,
    /// Nobody looks at it: the request changes nothing, or has a name of its own.
    Ignored,
}

/// The key of a request, as the engine keeps it.
pub(super) fn key(
    keys: Keys,
    subject: &str,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<RequestKey>, Refused> {
    if keys == Keys::Ignored {
        return Ok(None);
    }
    let Some(key) = checked(headers)? else { return Ok(None) };
    if keys == Keys::Refused {
        let detail = "this request takes no Idempotency-Key: its answer holds a secret that is not kept";
        return Err(Refused::new(ProblemKind::BadRequest, detail));
    }
    let asked = uri.path_and_query().map_or("", |asked| asked.as_str());
    // No part can hold the line feed that separates it.
    let request = Digest::of(&[asked.as_bytes(), b"\n", body].concat());
    Ok(Some(RequestKey { name: format!("{subject}\n{key}"), request }))
}

fn checked(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.as_bytes();
    let visible = !key.is_empty() && key.len() <= KEY_BYTES && key.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if visible && values.next().is_none() => Ok(Some(key)),
        Ok(_) | Err(_) => {
            let detail = "an idempotency key is 1 to 255 visible ASCII characters, once";
            Err(Refused::new(ProblemKind::BadRequest, detail))
        }
    }
}
