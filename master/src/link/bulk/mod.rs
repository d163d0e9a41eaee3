//! Bytes: logs up, artifacts up and down. On a connection of their own, and only while the agent's session lives.

pub(super) mod claims;
pub(super) mod fetch;
pub(super) mod logs;
mod piece;
pub(super) mod put;
mod seal;

pub use claims::{OwnLog, own_log};
pub use piece::chunk_of;
