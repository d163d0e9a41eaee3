//! One entry of the index, as a value and as 48 bytes.

/// How long an entry is.
pub const ENTRY_BYTES: usize = 48;

/// What a chunk is. The numbers are those of the index and never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Bytes that the step wrote to its standard output.
    Stdout = 1,
    /// Bytes that the step wrote to its standard error.
    Stderr = 2,
    /// No bytes: here some are missing.
    Gap = 3,
}

/// Why bytes are missing. The numbers are those of the index and never change meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GapReason {
    /// None are: the chunk is not a gap.
    NoGap = 0,
    /// The log met its quota.
    Quota = 1,
    /// The disk of the agent made no progress for too long.
    DiskStuck = 2,
    /// The disk of the agent was full.
    DiskFull = 3,
    /// The shim died before it had written all.
    ShimLost = 4,
    /// The host lost power before all was synced.
    PowerLost = 5,
    /// The agent never came back with the rest.
    AgentGone = 6,
}

/// A chunk of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins in the raw bytes.
    pub offset: u64,
    /// When it was read, in nanoseconds since the start of the step.
    pub at_ns: u64,
    /// How many line feeds stand before it.
    pub line: u64,
    /// For a gap: how many bytes are missing; 0 means not known, or not known yet.
    pub dropped: u64,
    /// How many bytes it has; 0 for a gap.
    pub len: u32,
    /// What it is.
    pub kind: Kind,
    /// For a gap: why.
    pub gap: GapReason,
    /// The CRC-32C of its bytes; 0 for a gap.
    pub data_crc32c: u32,
}

/// Why 48 bytes are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// They were not written whole, or changed since.
    #[error("the checksum does not fit")]
    Checksum,
    /// A kind or a reason that this program does not know.
    #[error("kind {kind} with gap {gap} is not known")]
    Unknown {
        /// The number in the place of the kind.
        kind: u8,
        /// The number in the place of the reason.
        gap: u8,
    },
    /// A gap with bytes, a chunk without, or something in a reserved place.
    #[error("its parts contradict each other")]
    Contradiction,
}

impl Entry {
    /// Where the chunk ends in the raw bytes.
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.len)
    }

    /// The 48 bytes.
    pub fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0; ENTRY_BYTES];
        bytes[0..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.at_ns.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.line.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.dropped.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.len.to_le_bytes());
        bytes[36] = self.kind as u8;
        bytes[37] = self.gap as u8;
        bytes[40..44].copy_from_slice(&self.data_crc32c.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..44]);
        bytes[44..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The entry that these 48 bytes are.
    pub fn decode(bytes: &[u8; ENTRY_BYTES]) -> Result<Entry, EntryError> {
        if crc32c::crc32c(&bytes[..44]) != u32_at(bytes, 44) {
            return Err(EntryError::Checksum);
        }
        let unknown = EntryError::Unknown { kind: bytes[36], gap: bytes[37] };
        let entry = Entry {
            offset: u64_at(bytes, 0),
            at_ns: u64_at(bytes, 8),
            line: u64_at(bytes, 16),
            dropped: u64_at(bytes, 24),
            len: u32_at(bytes, 32),
            kind: Kind::from_number(bytes[36]).ok_or(unknown)?,
            gap: GapReason::from_number(bytes[37]).ok_or(unknown)?,
            data_crc32c: u32_at(bytes, 40),
        };
        if bytes[38..40] == [0, 0] && entry.is_consistent() { Ok(entry) } else { Err(EntryError::Contradiction) }
    }

    fn is_consistent(&self) -> bool {
        let named = self.gap != GapReason::NoGap;
        let fits = self.offset.checked_add(u64::from(self.len)).is_some();
        fits && match self.kind {
            Kind::Stdout | Kind::Stderr => !named && self.len > 0 && self.dropped == 0,
            Kind::Gap => named && self.len == 0 && self.data_crc32c == 0,
        }
    }
}

impl Kind {
    /// The kind with this number in the index.
    pub fn from_number(number: u8) -> Option<Kind> {
        [Kind::Stdout, Kind::Stderr, Kind::Gap].into_iter().find(|kind| *kind as u8 == number)
    }
}

impl GapReason {
    /// The reason with this number in the index.
    pub fn from_number(number: u8) -> Option<GapReason> {
        use GapReason::{AgentGone, DiskFull, DiskStuck, NoGap, PowerLost, Quota, ShimLost};
        let all = [NoGap, Quota, DiskStuck, DiskFull, ShimLost, PowerLost, AgentGone];
        all.into_iter().find(|reason| *reason as u8 == number)
    }
}

fn u64_at(bytes: &[u8; ENTRY_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("it is a slice of eight"))
}

fn u32_at(bytes: &[u8; ENTRY_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("it is a slice of four"))
}
