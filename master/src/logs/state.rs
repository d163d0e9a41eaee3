//! How far a log is, for those who wait for it.

/// How far a log is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogState {
    /// Bytes that can be read.
    pub end: u64,
    /// Bytes that are synced; the others are provisional.
    pub durable: u64,
    /// Where it is.
    pub phase: LogPhase,
}

/// Where a log is.
///
/// ```text
/// absent ─opened▶ live ─sealed and committed▶ sealed
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogPhase {
    /// No byte came yet.
    #[default]
    Absent,
    /// It may grow.
    Live,
    /// It is whole.
    Sealed,
}
