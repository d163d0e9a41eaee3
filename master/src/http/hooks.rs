//! `POST /hooks/{project}`: signed deliveries as Standard Webhooks describe them.
//!
//! The sequence of checks: size (the table), signature over the raw body, content type, JSON, what it says, duplicate and commit (the
//! engine). An unknown project and a bad signature get the same answer after the same work.

use axum::http::{HeaderMap, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use windlass_core::input::Delivery;
use windlass_core::model::{Digest, ProjectName, Revision};
use windlass_core::world::DeliveryResult;
use windlass_core::{Answer as Answered, Input, State};
use windlass_proto::api::{Delivered, HookDelivery, ProblemKind};

use super::answer::{Answer, json};
use super::call::Call;
use super::limits::{DELIVERIES_WAITING, DELIVERY_WAIT};
use super::problem::Refused;
use crate::clock::wall;
use crate::triggers::git::reference;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// A delivery's clock may differ from ours by so much.
const CLOCKS_DIFFER_SECS: u64 = 5 * 60;
/// A delivery's id, in bytes.
const ID_BYTES: usize = 255;
/// Signatures in one header; a sender that changes its key sends two.
const SIGNATURES_MAX: usize = 4;
/// A name for people, in characters.
const ACTOR_CHARS: usize = 100;

/// Carries the request out.
pub(super) async fn deliver(call: Call) -> Answer {
    let project: Option<ProjectName> = call.param("project").ok();
    let hook = project.as_ref().and_then(|name| call.api.config.watched.get(name)?.hook.clone());
    // Without a hook the work is the same, with a key that signs nothing.
    let key = hook.as_ref().map_or(&[0; 32][..], |hook| hook.bytes());
    let signed = proven(&call.headers, &call.body, key, wall().0 / 1_000);
    let (Some(id), Some(project), true) = (signed, project, hook.is_some()) else { return Err(not_proven()) };
    call.demand_json()?;
    let said: HookDelivery = call.json()?;
    let state = call.api.published.state();
    if waiting(&state) >= DELIVERIES_WAITING {
        return Err(Refused::new(ProblemKind::Starting, "too many deliveries wait to be read; send it again"));
    }
    super::room::demand(&call.api)?;
    let key = format!("hook:{project}:{id}");
    let delivery = delivery(project, key.clone(), said, Digest::of(&call.body))?;
    match call.api.inbox.submit(Input::Deliver(delivery)).await? {
        Answered::Delivered { run, nothing, again: true } => {
            let run = run.map(|run| run.in_path());
            json(StatusCode::OK, &Delivered { id, run, nothing, again: true })
        }
        Answered::Delivered { again: false, .. } => {
            let (run, nothing) = became(&call, &key).await;
            json(StatusCode::ACCEPTED, &Delivered { id, run, nothing, again: false })
        }
        Answered::Refused(refusal) => Err(refusal.into()),
        other => unreachable!("a delivery is answered by Delivered or a refusal, not by {other:?}"),
    }
}

/// The same for an unknown project and for every kind of bad proof.
fn not_proven() -> Refused {
    Refused::new(ProblemKind::NotSignedIn, "there is no such hook, or the signature is not good")
        .hint("compare the sender's key with the hook's `secret_file`, and its clock with the master's")
}

/// The delivery's id, if a signature over id, timestamp and raw body is good and the timestamp is near.
fn proven(headers: &HeaderMap, body: &[u8], key: &[u8], now_secs: u64) -> Option<String> {
    let (id, timestamp, signatures) = (one(headers, ID)?, one(headers, TIMESTAMP)?, one(headers, SIGNATURE)?);
    let id_is_plain = !id.is_empty() && id.len() <= ID_BYTES && id.bytes().all(|b| b.is_ascii_graphic());
    let digits = timestamp.bytes().all(|b| b.is_ascii_digit());
    let near = timestamp.parse::<u64>().is_ok_and(|at| digits && at.abs_diff(now_secs) <= CLOCKS_DIFFER_SECS);
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let good = |text: &str| {
        let signature = text.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        signature.is_some_and(|signature| hmac::verify(&key, &signed, &signature).is_ok())
    };
    let proven = signatures.split(' ').take(SIGNATURES_MAX).any(good);
    (proven && near && id_is_plain).then(|| id.to_owned())
}

/// A header that stands exactly once.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn waiting(state: &State) -> usize {
    state.deliveries.values().filter(|known| known.result == DeliveryResult::Reading).count()
}

fn delivery(project: ProjectName, key: String, said: HookDelivery, body: Digest) -> Result<Delivery, Refused> {
    let wrong = |pointer: &str, detail: &str| Refused::member(ProblemKind::WrongParams, pointer, detail);
    let reference = match (&said.branch, &said.tag) {
        (Some(branch), None) => format!("refs/heads/{branch}"),
        (None, Some(tag)) => format!("refs/tags/{tag}"),
        (Some(_), Some(_)) | (None, None) => return Err(wrong("/branch", "either `branch` or `tag` is wanted")),
    };
    if !reference::is_full(&reference) {
        return Err(wrong("/branch", "it is not the name of a branch or tag"));
    }
    let commit =
        |pointer: &str, text: &str| text.parse::<Revision>().map_err(|_| wrong(pointer, "it is not a whole commit id"));
    let is_nothing = |text: &str| text.bytes().all(|b| b == b'0');
    if is_nothing(&said.revision) {
        return Err(wrong("/revision", "a branch or tag that was removed makes no run"));
    }
    let before = said.before.as_deref().filter(|text| !is_nothing(text));
    let actor = said.actor.as_deref().unwrap_or("hook");
    Ok(Delivery {
        key,
        project,
        reference,
        revision: commit("/revision", &said.revision)?,
        before: before.map(|text| commit("/before", text)).transpose()?,
        actor: actor.chars().filter(|c| !c.is_control()).take(ACTOR_CHARS).collect(),
        body,
    })
}

/// What became of it, if that is known soon.
async fn became(call: &Call, key: &str) -> (Option<String>, Option<String>) {
    let published = &call.api.published;
    let known = async {
        let mut lsn = published.lsn();
        loop {
            match published.state().deliveries.get(key).map(|known| known.result.clone()) {
                Some(DeliveryResult::Run(run)) => return (Some(run.in_path()), None),
                Some(DeliveryResult::Nothing(why)) => return (None, Some(why)),
                Some(DeliveryResult::Reading) | None => lsn = published.changed(lsn).await,
            }
        }
    };
    tokio::time::timeout(DELIVERY_WAIT, known).await.unwrap_or_default()
}
