//! The record of an attempt: what happened to it, line by line.
//!
//! A line is `<8 hex CRC-32C of the payload> <payload>\n`; a payload is JSON to its callers and bytes
//! without line feed and zero byte here. Called by the agent, which begins a record, by the shim,
//! which goes on with it through an inherited descriptor, and by whoever reads one. Invariant: each
//! line is synced before the next is written, so at most the last can be torn. Deliberately absent:
//! what the lines mean; the lock, which belongs to the open file and is taken by its opener.

mod line;
mod read;
mod writer;

pub use line::InvalidPayload;
pub use read::{Damaged, RecordEnd, RecordRead, RecordTail, TailError, cut_torn_tail, read_record};
pub use writer::{RecordWriter, WriteError};

#[cfg(test)]
mod tests;
