//! A chunk of the wire in the words of the log format.

use windlass_disk::log::{GapReason, Kind};
use windlass_proto::convert::logs::{Chunk as WireChunk, Mark};
use windlass_proto::v1;

use crate::logs::{Chunk, Piece};

/// A mark whose parts the conversion should not have let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mark has no kind, or a gap no reason")]
pub struct NoKind;

/// The same chunk.
pub fn chunk_of(wire: WireChunk) -> Result<Chunk, NoKind> {
    let pieces = wire.marks.iter().map(piece_of).collect::<Result<_, _>>()?;
    Ok(Chunk { offset: wire.offset, data: wire.data, pieces })
}

fn piece_of(mark: &Mark) -> Result<Piece, NoKind> {
    let Mark { len, at_ns, crc32c, dropped, .. } = *mark;
    match mark.kind {
        v1::Kind::Stdout => Ok(Piece::Bytes { kind: Kind::Stdout, at_ns, len, crc32c }),
        v1::Kind::Stderr => Ok(Piece::Bytes { kind: Kind::Stderr, at_ns, len, crc32c }),
        v1::Kind::Gap => Ok(Piece::Gap { at_ns, reason: reason_of(mark.gap)?, dropped }),
        v1::Kind::Unspecified => Err(NoKind),
    }
}

fn reason_of(gap: v1::GapReason) -> Result<GapReason, NoKind> {
    match gap {
        v1::GapReason::NoGap => Err(NoKind),
        v1::GapReason::Quota => Ok(GapReason::Quota),
        v1::GapReason::DiskStuck => Ok(GapReason::DiskStuck),
        v1::GapReason::DiskFull => Ok(GapReason::DiskFull),
        v1::GapReason::ShimLost => Ok(GapReason::ShimLost),
        v1::GapReason::PowerLost => Ok(GapReason::PowerLost),
        v1::GapReason::AgentGone => Ok(GapReason::AgentGone),
    }
}
