//! Artifacts on their way between agent and master.

use bytes::Bytes;
use windlass_core::model::{Digest, Fence};

use super::fields::{at_most, digest, fence};
use super::{DATA_MAX_BYTES, Error, Result};
use crate::v1;

/// An agent asks for a blob that one of its assignments names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Its present session.
    pub session: u64,
    /// The assignment.
    pub fence: Fence,
    /// The blob.
    pub digest: Digest,
    /// Go on from here.
    pub offset: u64,
}

/// A piece of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where the data begins.
    pub offset: u64,
    /// At most [`DATA_MAX_BYTES`]; empty only in the first part of a Put.
    pub data: Bytes,
    /// In the first part of a Put: what follows.
    pub open: Option<PutOpen>,
}

/// An agent brings a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOpen {
    /// Its present session.
    pub session: u64,
    /// The attempt that made it.
    pub fence: Fence,
    /// Name of the artifact.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of them.
    pub digest: Digest,
}

/// A blob is synced and its fact committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutDone {
    /// BLAKE3 of what was stored.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

impl Fetch {
    /// What a request says.
    pub fn from_wire(wire: &v1::FetchRequest) -> Result<Self> {
        Ok(Self {
            session: wire.session,
            fence: fence("fetch.fence", wire.fence)?,
            digest: digest("fetch.blake3", &wire.blake3)?,
            offset: wire.offset,
        })
    }

    /// The request.
    pub fn to_wire(&self) -> v1::FetchRequest {
        let Self { session, fence, digest, offset } = self;
        v1::FetchRequest { session: *session, fence: fence.0, blake3: digest.0.to_vec(), offset: *offset }
    }
}

impl Part {
    /// What a message says.
    pub fn from_wire(wire: v1::BlobPart) -> Result<Self> {
        at_most("blob_part.data", wire.data.len(), DATA_MAX_BYTES)?;
        let open = wire.open.map(PutOpen::from_wire).transpose()?;
        Ok(Self { offset: wire.offset, data: wire.data, open })
    }

    /// The message.
    pub fn into_wire(self) -> v1::BlobPart {
        v1::BlobPart { offset: self.offset, data: self.data, open: self.open.map(PutOpen::into_wire) }
    }
}

impl PutOpen {
    fn from_wire(wire: v1::PutOpen) -> Result<Self> {
        if wire.name.is_empty() {
            return Err(Error::Missing { field: "put_open.name" });
        }
        Ok(Self {
            session: wire.session,
            fence: fence("put_open.fence", wire.fence)?,
            name: wire.name,
            size: wire.size,
            digest: digest("put_open.blake3", &wire.blake3)?,
        })
    }

    fn into_wire(self) -> v1::PutOpen {
        let Self { session, fence, name, size, digest } = self;
        v1::PutOpen { session, fence: fence.0, name, size, blake3: digest.0.to_vec() }
    }
}

impl PutDone {
    /// What an answer says.
    pub fn from_wire(wire: &v1::PutDone) -> Result<Self> {
        Ok(Self { digest: digest("put_done.blake3", &wire.blake3)?, size: wire.size })
    }

    /// The answer.
    pub fn to_wire(self) -> v1::PutDone {
        v1::PutDone { blake3: self.digest.0.to_vec(), size: self.size }
    }
}
