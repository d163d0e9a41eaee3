//! Who asks, and whether they may: a token in the header, looked up in what is believed now.

use axum::http::{HeaderMap, header};
use windlass_core::State;
use windlass_core::input::ApiToken;
use windlass_core::model::{Digest, UnixMs};
use windlass_proto::api::ProblemKind;

use super::problem::Refused;
use super::table::Right;
use crate::identity::{parse_api_token, same_digest};

/// Whom a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) subject: String,
    pub(super) token: String,
    pub(super) expires: UnixMs,
}

/// The caller, if the token is good and the right is theirs. Nobody learns why a token is not good.
pub(super) fn authorize(
    state: &State,
    headers: &HeaderMap,
    right: Right,
    now: UnixMs,
) -> Result<Option<Caller>, Refused> {
    let caller = match right {
        Right::Public(_) => return Ok(None),
        Right::Read | Right::Run | Right::Deploy | Right::Admin => {
            token(state, headers, now).ok_or_else(not_signed_in)?
        }
    };
    if may(&caller, right) { Ok(Some(caller)) } else { Err(not_allowed(&caller)) }
}

/// A request without a good token.
pub(super) fn not_signed_in() -> Refused {
    Refused::new(ProblemKind::NotSignedIn, "there is no valid token in the header Authorization")
        .hint("send `Authorization: Bearer wl_…`; `windlass login` keeps a token for you")
}

fn not_allowed(caller: &Caller) -> Refused {
    Refused::new(ProblemKind::NotAllowed, format!("{} may not do this", caller.subject))
}

/// Every token that exists yet was granted `admin`, which is all rights everywhere.
fn may(_: &Caller, right: Right) -> bool {
    match right {
        Right::Public(_) | Right::Read | Right::Run | Right::Deploy | Right::Admin => true,
    }
}

/// Exactly one header, of exactly one form. An unknown id costs the same comparison as a known one.
fn token(state: &State, headers: &HeaderMap, now: UnixMs) -> Option<Caller> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, more) = (values.next()?.to_str().ok()?, values.next());
    let (id, secret) = parse_api_token(value.strip_prefix("Bearer ")?)?;
    let known: Option<&ApiToken> = state.tokens.get(&id);
    let kept = known.map_or(Digest([0; 32]), |known| known.secret);
    let proven = same_digest(&secret, &kept) && more.is_none();
    let known = known.filter(|known| proven && now < known.expires)?;
    Some(Caller { subject: known.subject.clone(), token: known.id.clone(), expires: known.expires })
}
