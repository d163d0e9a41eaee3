//! Log bytes on their way to the master, and how far they are durable there.

use bytes::Bytes;
use windlass_core::model::{Digest, Fence};

use super::fields::{at_most, counted, digest, fence, known, required};
use super::{DATA_MAX_BYTES, Error, Result};
use crate::v1::{self, GapReason, Kind, LogRejectReason};

/// The most chunks that one message may carry: each has at least a byte, except gaps.
const MARKS_MAX: usize = 4_096;

/// Names a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// The attempt.
    pub fence: Fence,
    /// The step, from 1.
    pub step: u32,
}

/// What comes from an agent.
#[derive(Debug, Clone, PartialEq)]
pub enum Up {
    /// It has this log; answered by [`Down::Ack`] with the stored offset.
    Open {
        /// The log.
        log: LogId,
        /// The agent's present session.
        session: u64,
        /// Bytes that the agent has.
        have: u64,
    },
    /// A piece of it.
    Chunk(Chunk),
    /// It is over.
    Seal {
        /// The log.
        log: LogId,
        /// Bytes in all.
        total: u64,
        /// BLAKE3 of them; none: the host lost its own tail.
        digest: Option<Digest>,
    },
}

/// Consecutive bytes of a log. The marks cover the data exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The log.
    pub log: LogId,
    /// Where the data begins.
    pub offset: u64,
    /// At most [`DATA_MAX_BYTES`].
    pub data: Bytes,
    /// The chunks and gaps in it.
    pub marks: Vec<Mark>,
}

/// One chunk of a stream, or a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Bytes; 0 for a gap.
    pub len: u32,
    /// Which stream, or a gap; never `KindUnspecified`.
    pub kind: Kind,
    /// Nanoseconds since the start of the step.
    pub at_ns: u64,
    /// Of the bytes, made by the shim.
    pub crc32c: u32,
    /// For a gap: missing bytes; 0: not known.
    pub dropped: u64,
    /// For a gap: why.
    pub gap: GapReason,
}

/// What comes from the master.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// These bytes are synced.
    Ack {
        /// The log.
        log: LogId,
        /// Bytes that are durable.
        durable: u64,
        /// The log is whole there.
        sealed: bool,
    },
    /// Go on from `want`, or not at all.
    Reject {
        /// The log.
        log: LogId,
        /// Why; never `LogUnspecified`.
        reason: LogRejectReason,
        /// The offset to go on from.
        want: u64,
    },
}

impl Up {
    /// What a message says.
    pub fn from_wire(wire: v1::LogUp) -> Result<Self> {
        use v1::log_up::Body;
        match required("log_up.body", wire.body)? {
            Body::Open(open) => Ok(Self::Open { log: id(open.log)?, session: open.session, have: open.have }),
            Body::Chunk(chunk) => Ok(Self::Chunk(chunk_from_wire(chunk)?)),
            Body::Seal(seal) => {
                let digest = if seal.blake3.is_empty() { None } else { Some(digest("log_seal.blake3", &seal.blake3)?) };
                Ok(Self::Seal { log: id(seal.log)?, total: seal.total, digest })
            }
        }
    }

    /// The message.
    pub fn into_wire(self) -> v1::LogUp {
        use v1::log_up::Body;
        let body = match self {
            Self::Open { log, session, have } => Body::Open(v1::LogOpen { log: Some(log.to_wire()), session, have }),
            Self::Chunk(chunk) => Body::Chunk(v1::LogChunk {
                log: Some(chunk.log.to_wire()),
                offset: chunk.offset,
                data: chunk.data,
                marks: chunk.marks.iter().map(mark_to_wire).collect(),
            }),
            Self::Seal { log, total, digest } => {
                let blake3 = digest.map(|digest| digest.0.to_vec()).unwrap_or_default();
                Body::Seal(v1::LogSeal { log: Some(log.to_wire()), total, blake3 })
            }
        };
        v1::LogUp { body: Some(body) }
    }
}

impl Down {
    /// What a message says.
    pub fn from_wire(wire: v1::LogDown) -> Result<Self> {
        use v1::log_down::Body;
        match required("log_down.body", wire.body)? {
            Body::Ack(ack) => Ok(Self::Ack { log: id(ack.log)?, durable: ack.durable, sealed: ack.sealed }),
            Body::Reject(reject) => {
                let reason = known("log_reject.reason", reject.reason)?;
                Ok(Self::Reject { log: id(reject.log)?, reason, want: reject.want })
            }
        }
    }

    /// The message.
    pub fn into_wire(self) -> v1::LogDown {
        use v1::log_down::Body;
        let body = match self {
            Self::Ack { log, durable, sealed } => Body::Ack(v1::LogAck { log: Some(log.to_wire()), durable, sealed }),
            Self::Reject { log, reason, want } => {
                Body::Reject(v1::LogReject { log: Some(log.to_wire()), reason: reason.into(), want })
            }
        };
        v1::LogDown { body: Some(body) }
    }
}

impl LogId {
    fn to_wire(self) -> v1::LogId {
        v1::LogId { fence: self.fence.0, step: self.step }
    }
}

fn id(wire: Option<v1::LogId>) -> Result<LogId> {
    let wire = required("log", wire)?;
    Ok(LogId { fence: fence("log.fence", wire.fence)?, step: counted("log.step", wire.step)? })
}

fn chunk_from_wire(wire: v1::LogChunk) -> Result<Chunk> {
    at_most("log_chunk.data", wire.data.len(), DATA_MAX_BYTES)?;
    at_most("log_chunk.marks", wire.marks.len(), MARKS_MAX)?;
    let marks = wire.marks.iter().map(mark_from_wire).collect::<Result<Vec<_>>>()?;
    let covered: u64 = marks.iter().map(|mark| u64::from(mark.len)).sum();
    let given = wire.data.len() as u64;
    if covered != given || marks.is_empty() {
        let why = format!("they cover {covered} bytes of {given}");
        return Err(Error::invalid("log_chunk.marks", why));
    }
    Ok(Chunk { log: id(wire.log)?, offset: wire.offset, data: wire.data, marks })
}

fn mark_to_wire(mark: &Mark) -> v1::Mark {
    let Mark { len, kind, at_ns, crc32c, dropped, gap } = *mark;
    v1::Mark { len, kind: kind.into(), at_ns, crc32c, dropped, gap: gap.into() }
}

fn mark_from_wire(wire: &v1::Mark) -> Result<Mark> {
    let kind: Kind = known("mark.kind", wire.kind)?;
    let field = "mark.gap";
    let gap = GapReason::try_from(wire.gap).map_err(|_| Error::UnknownValue { field, value: wire.gap })?;
    let fits = match kind {
        Kind::Gap => gap != GapReason::NoGap && wire.len == 0,
        Kind::Stdout | Kind::Stderr => gap == GapReason::NoGap && wire.len > 0 && wire.dropped == 0,
        Kind::Unspecified => false,
    };
    if !fits {
        return Err(Error::invalid("mark", "its parts contradict each other"));
    }
    Ok(Mark { len: wire.len, kind, at_ns: wire.at_ns, crc32c: wire.crc32c, dropped: wire.dropped, gap })
}
