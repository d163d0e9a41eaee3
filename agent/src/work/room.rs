//! How much is spooled, and how much room the volume has.

/// What heartbeats say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes of records and logs that the master has not said to forget.
    pub spool_bytes: u64,
    /// Free on the volume of the state directory.
    pub free_bytes: u64,
    /// A person paused this agent.
    pub draining: bool,
}
