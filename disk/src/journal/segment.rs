//! The bytes of a segment: its name, its header, and its records. Pure.

use crate::journal::error::Damage;

/// The number of a fact in the journal; the first is 1.
pub type Lsn = u64;

/// The newest format of segments that this program reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// The most bytes one record may have, its head included.
pub const RECORD_MAX_BYTES: usize = 4 * 1024 * 1024;

pub(super) const HEADER_BYTES: usize = 72;
pub(super) const HEAD_BYTES: usize = 64;
const ENTRY_HEAD_BYTES: usize = 8;
const MAGIC: &[u8; 8] = b"WNDLSEG1";
const ALIGNMENT: usize = 8;

/// A fact to be appended.
#[derive(Debug, Clone, Copy)]
pub struct EntryRef<'a> {
    /// Which kind of fact; the numbers belong to the caller.
    pub kind: u16,
    /// Which format of that kind.
    pub format: u16,
    /// The fact.
    pub bytes: &'a [u8],
}

/// A fact that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which kind of fact; the numbers belong to the caller.
    pub kind: u16,
    /// Which format of that kind.
    pub format: u16,
    /// The fact.
    pub bytes: Vec<u8>,
}

/// What was appended at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The lsn of the first entry; of an empty record the one that comes next.
    pub first_lsn: Lsn,
    /// The epoch of the master that appended it.
    pub epoch: u64,
    /// BLAKE3 of the record as it stands in the segment.
    pub hash: [u8; 32],
    /// The facts; entry i has lsn `first_lsn + i`.
    pub entries: Vec<Entry>,
}

impl Record {
    /// The lsn that comes after this record.
    pub fn next_lsn(&self) -> Lsn {
        self.first_lsn + self.entries.len() as u64
    }
}

/// How many bytes of a segment a record of `count` entries needs whose facts have `fact_bytes` bytes
/// in all: what to reserve for it.
pub fn record_bytes(count: usize, fact_bytes: usize) -> usize {
    HEAD_BYTES + (count * ENTRY_HEAD_BYTES + fact_bytes).next_multiple_of(ALIGNMENT)
}

/// What the next record must continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) next_lsn: Lsn,
    pub(super) epoch: u64,
    pub(super) prev: [u8; 32],
}

impl Tip {
    /// Before the first record of all.
    pub(super) const START: Tip = Tip { next_lsn: 1, epoch: 0, prev: [0; 32] };

    /// Whether the record whose lsn, epoch and prev these are may stand here.
    pub(super) fn check(&self, found: &Tip) -> Result<(), Damage> {
        if found.next_lsn != self.next_lsn {
            return Err(Damage::Lsn { expected: self.next_lsn, found: found.next_lsn });
        }
        if found.prev != self.prev {
            return Err(Damage::Prev);
        }
        if found.epoch < self.epoch {
            return Err(Damage::Epoch { before: self.epoch, found: found.epoch });
        }
        Ok(())
    }

    /// Behind this record.
    pub(super) fn behind(record: &Record) -> Tip {
        Tip { next_lsn: record.next_lsn(), epoch: record.epoch, prev: record.hash }
    }
}

/// A place behind a record. With the hash it names everything before it, so that a reader may begin there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The first lsn of the segment that the place is in.
    pub segment: Lsn,
    /// Where in it, in bytes.
    pub offset: u64,
    /// The lsn of the last fact before it; 0 if there is none.
    pub last_lsn: Lsn,
    /// The epoch of the record before it.
    pub epoch: u64,
    /// The BLAKE3 of the record before it.
    pub hash: [u8; 32],
}

impl Mark {
    pub(super) fn of(segment: Lsn, offset: u64, tip: &Tip) -> Mark {
        Mark { segment, offset, last_lsn: tip.next_lsn - 1, epoch: tip.epoch, hash: tip.prev }
    }

    pub(super) fn tip(&self) -> Tip {
        Tip { next_lsn: self.last_lsn + 1, epoch: self.epoch, prev: self.hash }
    }
}

/// What behind the name of a segment says that it is compressed.
const COMPRESSED: &str = ".zst";

/// The name of the compressed segment that begins with this lsn.
pub(super) fn compressed_name(first_lsn: Lsn) -> String {
    file_name(first_lsn) + COMPRESSED
}

/// The lsn that a segment of this name begins with, compressed or not; `None` if it is no segment.
pub(super) fn lsn_of_any(file_name: &str) -> Option<Lsn> {
    lsn_of(file_name.strip_suffix(COMPRESSED).unwrap_or(file_name))
}

/// The name of the segment that begins with this lsn.
pub(super) fn file_name(first_lsn: Lsn) -> String {
    format!("{first_lsn:020}.seg")
}

/// The lsn that a segment of this name begins with; `None` if it is no segment.
pub(super) fn lsn_of(file_name: &str) -> Option<Lsn> {
    let digits = file_name.strip_suffix(".seg")?;
    let all_digits = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

/// The first bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) format: u32,
    pub(super) cluster_id: [u8; 16],
    pub(super) first_lsn: Lsn,
    pub(super) prev: [u8; 32],
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&self.format.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.cluster_id);
        bytes[32..40].copy_from_slice(&self.first_lsn.to_le_bytes());
        bytes[40..].copy_from_slice(&self.prev);
        let crc = header_crc(&bytes);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header of any format: magic and checksum stay where they are for ever.
    pub(super) fn decode(bytes: &[u8]) -> Option<Header> {
        let bytes: &[u8; HEADER_BYTES] = bytes.try_into().ok()?;
        let whole = &bytes[..8] == MAGIC && u32_at(bytes, 12) == header_crc(bytes);
        whole.then(|| Header {
            format: u32_at(bytes, 8),
            cluster_id: array_at(bytes, 16),
            first_lsn: u64_at(bytes, 32),
            prev: array_at(bytes, 40),
        })
    }
}

fn header_crc(bytes: &[u8; HEADER_BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..])
}

/// The bytes of the record that continues `tip`, which has the lsn, the epoch and the prev of it.
pub(super) fn encode_record(tip: &Tip, entries: &[EntryRef<'_>]) -> Vec<u8> {
    let facts = entries.iter().map(|entry| entry.bytes.len()).sum();
    let total = record_bytes(entries.len(), facts);
    let mut bytes = Vec::with_capacity(total);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&length(total - HEAD_BYTES).to_le_bytes());
    bytes.extend_from_slice(&tip.next_lsn.to_le_bytes());
    bytes.extend_from_slice(&tip.epoch.to_le_bytes());
    bytes.extend_from_slice(&length(entries.len()).to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&tip.prev);
    for entry in entries {
        bytes.extend_from_slice(&length(entry.bytes.len()).to_le_bytes());
        bytes.extend_from_slice(&entry.kind.to_le_bytes());
        bytes.extend_from_slice(&entry.format.to_le_bytes());
        bytes.extend_from_slice(entry.bytes);
    }
    bytes.resize(total, 0);
    let crc = crc32c::crc32c(&bytes[4..]);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn length(len: usize) -> u32 {
    u32::try_from(len).expect("a record is checked against RECORD_MAX_BYTES before")
}

/// The head of a record, before its checksum is known to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    crc: u32,
    count: u32,
    /// How long the whole record is.
    pub(super) total: usize,
    /// What the record says of its place.
    pub(super) place: Tip,
}

impl Head {
    /// The head that these 64 bytes can be.
    pub(super) fn decode(bytes: &[u8]) -> Option<Head> {
        let bytes: &[u8; HEAD_BYTES] = bytes.try_into().ok()?;
        let len = usize::try_from(u32_at(bytes, 4)).ok()?;
        let possible = len.is_multiple_of(ALIGNMENT)
            && len <= RECORD_MAX_BYTES - HEAD_BYTES
            && u64_at(bytes, 8) > 0
            && u32_at(bytes, 28) == 0;
        possible.then(|| Head {
            crc: u32_at(bytes, 0),
            count: u32_at(bytes, 24),
            total: HEAD_BYTES + len,
            place: Tip { next_lsn: u64_at(bytes, 8), epoch: u64_at(bytes, 16), prev: array_at(bytes, 32) },
        })
    }

    /// Whether the checksum fits the record, which is `total` bytes long.
    pub(super) fn verifies(&self, record: &[u8]) -> bool {
        record.len() == self.total && crc32c::crc32c(&record[4..]) == self.crc
    }

    /// The record that verifies; `None` if its entries make no sense.
    pub(super) fn record(&self, bytes: &[u8]) -> Option<Record> {
        let mut rest = &bytes[HEAD_BYTES..];
        let mut entries = Vec::new();
        for _ in 0..self.count {
            let (head, behind) = rest.split_first_chunk::<ENTRY_HEAD_BYTES>()?;
            let (fact, behind) = behind.split_at_checked(usize::try_from(u32_at(head, 0)).ok()?)?;
            entries.push(Entry { kind: u16_at(head, 4), format: u16_at(head, 6), bytes: fact.to_vec() });
            rest = behind;
        }
        if rest.len() >= ALIGNMENT || rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        let hash = *blake3::hash(bytes).as_bytes();
        Some(Record { first_lsn: self.place.next_lsn, epoch: self.place.epoch, hash, entries })
    }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has the length of the array")
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}
