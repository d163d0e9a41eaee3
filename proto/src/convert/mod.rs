//! Wire to core and back, one file per noun.
//!
//! Called by the links of both sides and by nothing else. Invariant: what leaves here is whole: every field that must be there is, every
//! enum value is known, every limit of the agent link holds; what the wire can say and this program does not do is refused by name, never
//! dropped. What is wrong closes the session. Deliberately absent: decisions.
//!
//! Reading order: [`control`] (what a session carries), then its nouns, then [`logs`] and [`blobs`] (bulk).

pub mod assignments;
pub mod blobs;
pub mod control;
pub mod envelope;
mod error;
mod fields;
pub mod hello;
pub mod logs;
pub mod observation;
pub mod outcome;
pub mod report;

pub use assignments::{Assignments, Cancel, Drain, Put};
pub use control::{Down, Refused, Up, Welcome};
pub use envelope::{envelope_bytes, envelope_digest, envelope_from_bytes};
pub use error::{Error, Result};
pub use hello::Unheard;

/// The version of the agent link that this program speaks.
pub const PROTOCOL: u32 = 1;
/// The most bytes a control message may have.
pub const CONTROL_MAX_BYTES: usize = 1024 * 1024;
/// The most bytes a bulk message may have.
pub const BULK_MAX_BYTES: usize = 512 * 1024;
/// The most bytes of data in a chunk of a log or a part of a blob.
pub const DATA_MAX_BYTES: usize = 256 * 1024;
/// The most attempts an agent may hold.
pub const HELD_MAX: usize = 1_000;
/// The most steps of a job: those of the pipeline and 100 of ours.
pub const STEPS_MAX: usize = 1_100;
/// The most bytes of outputs that a step may have, names and values.
pub const OUTPUTS_MAX_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
