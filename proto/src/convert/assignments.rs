//! What the master currently wants an agent to do: all of it once per session, then what changed.

use windlass_core::model::{Digest, Envelope, Fence, Secret, SecretName, Secrets};
use zeroize::Zeroize;

use super::envelope::{envelope_bytes, envelope_from_bytes};
use super::fields::{at_most, digest, fence, parsed, unused};
use super::{Error, Result};
use crate::v1;

/// Room for one message with what is around it: half of what a control message may have.
const MESSAGE_BYTES: usize = super::CONTROL_MAX_BYTES / 2;
/// A generous bound for what a cancel, a forget or the frame of an assignment adds to its texts.
const FRAME_BYTES: usize = 64;
/// The most secrets of one attempt.
const SECRETS_MAX: usize = 100;

/// A set of wishes. In a full set what is not named is not wanted to change either; `floor` counts when all of the set is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assignments {
    /// All that is wanted now; else what changed.
    pub full: bool,
    /// The set goes on in the next message.
    pub more: bool,
    /// The agent refuses for ever a fence up to this that it does not hold.
    pub floor: u64,
    /// Start these, unless they are held.
    pub put: Vec<Put>,
    /// Do not start these, or stop them.
    pub cancel: Vec<Cancel>,
    /// Outcome and logs of these are safe: delete them.
    pub forget: Vec<Fence>,
    /// Nothing new follows, or jobs follow again; none: as before.
    pub drain: Option<Drain>,
}

/// Whether new jobs follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// None follow.
    pub on: bool,
    /// Who said so; empty when it ends.
    pub by: String,
}

/// An attempt to start, unless it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The attempt.
    pub fence: Fence,
    /// Digest of its envelope.
    pub digest: Digest,
    /// What to carry out; none where the agent holds it already.
    pub envelope: Option<Envelope>,
    /// What its steps declare; none where the agent holds it already. They stay in memory.
    pub secrets: Secrets,
}

/// An attempt to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancel {
    /// The attempt.
    pub fence: Fence,
    /// Without grace and cleanup.
    pub force: bool,
    /// Who asked.
    pub by: String,
    /// Why.
    pub why: String,
}

/// A set as it travels: in as many messages as its size needs, at least one, `more` on all but the last.
pub fn to_wire(assignments: &Assignments) -> Vec<v1::Assignments> {
    let mut messages = Messages::new(assignments);
    for put in &assignments.put {
        let envelope = put.envelope.as_ref().map(envelope_bytes).unwrap_or_default();
        let bytes = envelope.len();
        let envelope_blake3 = put.digest.0.to_vec();
        let secrets: Vec<v1::Secret> = put.secrets.iter().map(secret_to_wire).collect();
        let secret_bytes: usize =
            secrets.iter().map(|secret| secret.name.len() + secret.value.len() + FRAME_BYTES).sum();
        let fence = put.fence.0;
        let wire = v1::Assignment { fence, envelope_blake3, envelope, secrets, ..v1::Assignment::default() };
        messages.with_room(bytes + secret_bytes).put.push(wire);
    }
    for cancel in &assignments.cancel {
        let Cancel { fence, force, by, why } = cancel.clone();
        messages.with_room(by.len() + why.len()).cancel.push(v1::Cancel { fence: fence.0, force, by, why });
    }
    for fence in &assignments.forget {
        messages.with_room(0).forget.push(v1::Forget { fence: fence.0 });
    }
    messages.done(assignments.more)
}

/// One message of a set.
pub fn from_wire(wire: v1::Assignments) -> Result<Assignments> {
    let forget = wire.forget.into_iter().map(|forget| fence("forget.fence", forget.fence));
    Ok(Assignments {
        full: wire.full,
        more: wire.more,
        floor: wire.floor,
        put: wire.put.into_iter().map(put_from_wire).collect::<Result<_>>()?,
        cancel: wire.cancel.into_iter().map(cancel_from_wire).collect::<Result<_>>()?,
        forget: forget.collect::<Result<_>>()?,
        drain: wire.drain.map(|v1::Drain { on, by }| Drain { on, by }),
    })
}

fn put_from_wire(wire: v1::Assignment) -> Result<Put> {
    unused("assignment.signatures", !wire.signatures.is_empty())?;
    unused("assignment.approvals", !wire.approvals.is_empty())?;
    let fence = fence("assignment.fence", wire.fence)?;
    let digest = digest("assignment.envelope_blake3", &wire.envelope_blake3)?;
    let secrets = secrets_from_wire(wire.secrets)?;
    if wire.envelope.is_empty() {
        return Ok(Put { fence, digest, envelope: None, secrets });
    }
    if Digest::of(&wire.envelope) != digest {
        return Err(Error::invalid("assignment.envelope", "its digest is not the one beside it"));
    }
    Ok(Put { fence, digest, envelope: Some(envelope_from_bytes(&wire.envelope)?), secrets })
}

fn secret_to_wire((name, secret): (&SecretName, &Secret)) -> v1::Secret {
    v1::Secret { name: name.to_string(), value: secret.expose().to_vec() }
}

/// Names come once, and the values are within their bounds.
fn secrets_from_wire(wire: Vec<v1::Secret>) -> Result<Secrets> {
    at_most("assignment.secrets", wire.len(), SECRETS_MAX)?;
    let mut secrets: Vec<(SecretName, Secret)> = Vec::with_capacity(wire.len());
    for mut each in wire {
        let name: SecretName = parsed("secret.name", &each.name)?;
        if secrets.iter().any(|(known, _)| *known == name) {
            return Err(Error::invalid("secret.name", format!("{name} comes twice")));
        }
        let value =
            Secret::new(std::mem::take(&mut each.value)).map_err(|error| Error::invalid("secret.value", error))?;
        secrets.push((name, value));
    }
    Ok(Secrets::new(secrets))
}

impl Drop for v1::Secret {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

/// Printing one names it only.
impl std::fmt::Debug for v1::Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

fn cancel_from_wire(wire: v1::Cancel) -> Result<Cancel> {
    let v1::Cancel { fence: number, force, by, why } = wire;
    Ok(Cancel { fence: fence("cancel.fence", number)?, force, by, why })
}

/// Fills messages one after the other.
struct Messages<'a> {
    set: &'a Assignments,
    done: Vec<v1::Assignments>,
    current: v1::Assignments,
    bytes: usize,
}

impl<'a> Messages<'a> {
    fn new(set: &'a Assignments) -> Self {
        Self { set, done: Vec::new(), current: empty(set), bytes: 0 }
    }

    /// The message that has room for so many bytes more.
    fn with_room(&mut self, bytes: usize) -> &mut v1::Assignments {
        let bytes = bytes + FRAME_BYTES;
        if self.bytes > 0 && self.bytes + bytes > MESSAGE_BYTES {
            let full = std::mem::replace(&mut self.current, empty(self.set));
            self.done.push(full);
            self.bytes = 0;
        }
        self.bytes += bytes;
        &mut self.current
    }

    fn done(mut self, more: bool) -> Vec<v1::Assignments> {
        for message in &mut self.done {
            message.more = true;
        }
        self.current.more = more;
        self.done.push(self.current);
        self.done
    }
}

fn empty(set: &Assignments) -> v1::Assignments {
    let drain = set.drain.clone().map(|Drain { on, by }| v1::Drain { on, by });
    v1::Assignments { full: set.full, floor: set.floor, drain, ..v1::Assignments::default() }
}
