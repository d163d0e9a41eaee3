//! The journal: facts in one order, each durable before anything rests on it.
//!
//! ```text
//! segment  preallocated zeros, named <first lsn, 20 digits>.seg, durable before its first record
//! header   magic "WNDLSEG1" | format u32 | crc32c u32 over the rest of the header | cluster_id 16
//!          | first_lsn u64 | prev 32: BLAKE3 of the record before the segment (first: 0)
//! record   crc32c u32 over all that follows | len u32 | first_lsn u64 | epoch u64 | count u32 | 0 u32
//!          | prev 32: BLAKE3 of the record before | entries, filled up with zeros to a multiple of 8
//! entry    len u32 | kind u16 | format u16 | bytes
//! ```
//!
//! All numbers are little-endian. The first lsn is 1; entry i of a record has `first_lsn + i`. An
//! **empty record** has the lsn that comes next as its `first_lsn` and uses none up, so several records
//! can begin with one lsn; their order rests on `prev` alone, which names the whole record before,
//! empty or not. `len` counts the entries and their filling; the hash is over the record from its
//! checksum on.
//!
//! Segments that nobody needs for a start any more are compressed (`<first lsn>.seg.zst`, one zstd frame) and read as before.
//!
//! Called by the master's `facts` alone, which holds the lock of the directory. Invariant: a record is
//! written after the sync of the one before it returned, so only the last can be torn; everything else
//! that does not verify is damage and is refused with file and offset. Deliberately absent: what an
//! entry means, checkpoints, group commit (one record is one turn of the engine), threads.

mod cursor;
mod error;
mod follow;
mod old;
mod recover;
mod segment;
mod source;
mod writer;

pub use error::{Damage, Error, Result};
pub use follow::{Lost, Records};
pub use recover::{Recovered, Refusal, Torn};
pub use segment::{Entry, EntryRef, FORMAT, Lsn, Mark, RECORD_MAX_BYTES, Record, record_bytes};
pub use source::Source;
pub use writer::{Journal, Params};

#[cfg(test)]
mod tests;
