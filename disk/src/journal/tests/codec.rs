//! The bytes of headers and records.

use proptest::prelude::*;

use super::*;
use crate::journal::segment::{Head, lsn_of};

type Facts = Vec<(u16, u16, Vec<u8>)>;

fn facts() -> impl Strategy<Value = Facts> {
    let fact = (any::<u16>(), any::<u16>(), proptest::collection::vec(any::<u8>(), 0..100));
    proptest::collection::vec(fact, 0..6)
}

fn tip() -> impl Strategy<Value = Tip> {
    (1..u64::MAX / 2, any::<u64>(), any::<[u8; 32]>()).prop_map(|(next_lsn, epoch, prev)| Tip { next_lsn, epoch, prev })
}

fn encode(tip: &Tip, facts: &Facts) -> Vec<u8> {
    let entries: Vec<EntryRef<'_>> =
        facts.iter().map(|(kind, format, bytes)| EntryRef { kind: *kind, format: *format, bytes }).collect();
    encode_record(tip, &entries)
}

fn decode(bytes: &[u8]) -> Option<(Tip, Record)> {
    let head = Head::decode(bytes.get(..HEAD_BYTES)?)?;
    if !head.verifies(bytes) {
        return None;
    }
    Some((head.place, head.record(bytes)?))
}

proptest! {
    #[test]
    fn a_record_survives_its_bytes(tip in tip(), facts in facts()) {
        let bytes = encode(&tip, &facts);
        prop_assert_eq!(bytes.len() % 8, 0);
        prop_assert_eq!(bytes.len(), record_bytes(facts.len(), facts.iter().map(|fact| fact.2.len()).sum()));
        let (place, record) = decode(&bytes).expect("it was encoded");
        prop_assert_eq!(place, tip);
        prop_assert_eq!(record.hash, *blake3::hash(&bytes).as_bytes());
        prop_assert_eq!(record.next_lsn(), tip.next_lsn + facts.len() as u64);
        let found: Facts = record.entries.into_iter().map(|entry| (entry.kind, entry.format, entry.bytes)).collect();
        prop_assert_eq!(found, facts);
    }

    #[test]
    fn a_flipped_bit_of_a_record_is_found(tip in tip(), facts in facts(), bit in any::<prop::sample::Index>()) {
        let mut bytes = encode(&tip, &facts);
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn a_header_survives_its_bytes_and_no_flipped_bit(
        format in any::<u32>(), cluster_id in any::<[u8; 16]>(), tip in tip(), bit in 0..HEADER_BYTES * 8,
    ) {
        let header = Header { format, cluster_id, first_lsn: tip.next_lsn, prev: tip.prev };
        let mut bytes = header.encode();
        prop_assert_eq!(Header::decode(&bytes), Some(header));
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(Header::decode(&bytes), None);
    }

    #[test]
    fn any_entries_under_a_fitting_checksum_decode_without_panic(
        count in 0..5u32, body in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut bytes = encode(&Tip::START, &vec![(1, 1, body.repeat(8))]);
        bytes[24..28].copy_from_slice(&count.to_le_bytes());
        bytes[HEAD_BYTES..HEAD_BYTES + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        prop_assert_eq!(decode(&bytes), None);
    }
}

#[test]
fn the_layout_of_a_header_and_a_record_is_what_the_format_says() {
    let header = Header { format: 1, cluster_id: [0xcc; 16], first_lsn: 9, prev: [0xaa; 32] }.encode();
    assert_eq!(&header[..8], b"WNDLSEG1");
    assert_eq!(header[8..12], [1, 0, 0, 0]);
    assert_eq!(header[16..32], [0xcc; 16]);
    assert_eq!(header[32..40], [9, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(header[40..], [0xaa; 32]);

    let tip = Tip { next_lsn: 9, epoch: 5, prev: [0xaa; 32] };
    let record = encode_record(&tip, &[EntryRef { kind: 3, format: 2, bytes: b"fact" }]);
    let mut expected = vec![0; 80];
    expected[..4].copy_from_slice(&crc32c::crc32c(&record[4..]).to_le_bytes());
    (expected[4], expected[8], expected[16], expected[24]) = (16, 9, 5, 1);
    expected[32..64].fill(0xaa);
    (expected[64], expected[68], expected[70]) = (4, 3, 2);
    expected[72..76].copy_from_slice(b"fact");
    assert_eq!(record, expected);
}

#[test]
fn only_twenty_digits_name_a_segment() {
    assert_eq!(lsn_of(&file_name(42)), Some(42));
    assert_eq!(file_name(42), "00000000000000000042.seg");
    for name in ["42.seg", "00000000000000000042", "0000000000000000004x.seg", "99999999999999999999.seg"] {
        assert_eq!(lsn_of(name), None, "{name}");
    }
}
