//! How much room a fact takes in a record.

use super::Fact;
use crate::model::json_bytes;

/// What stands around a fact in the journal, at most: its time, its kind and length, and filling.
const AROUND_BYTES: usize = 48;

impl Fact {
    /// Bytes of it in a record, at most.
    pub fn bytes(&self) -> usize {
        json_bytes(self) + AROUND_BYTES
    }
}
