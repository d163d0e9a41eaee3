use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::file::{Disk, Open};
use crate::{FaultyDisk, RealDisk};

const BASE: &str = "/step-01";

fn open(disk: &FaultyDisk) -> (LogWriter, Cut) {
    LogWriter::open(disk, Path::new(BASE)).expect("open the log")
}

fn new_log(disk: &FaultyDisk) -> LogWriter {
    let (writer, cut) = open(disk);
    assert_eq!(cut, Cut::default());
    disk.sync_dir(Path::new("/")).expect("sync");
    writer
}

fn reader(disk: &FaultyDisk) -> LogReader {
    LogReader::open(disk, Path::new(BASE)).expect("open the log")
}

fn paths() -> LogPaths {
    LogPaths::of(Path::new(BASE))
}

fn entry() -> impl Strategy<Value = Entry> {
    let numbers = (0..u64::MAX / 2, any::<u64>(), any::<u64>(), any::<u64>(), 1..=u32::MAX, any::<u32>());
    (numbers, 1..=3u8, 1..=6u8).prop_map(|((offset, at_ns, line, dropped, len, data_crc32c), kind, gap)| {
        let kind = Kind::from_number(kind).expect("it is one");
        let gap = GapReason::from_number(gap).expect("it is one");
        match kind {
            Kind::Gap => Entry { offset, at_ns, line, dropped, len: 0, kind, gap, data_crc32c: 0 },
            Kind::Stdout | Kind::Stderr => {
                Entry { offset, at_ns, line, dropped: 0, len, kind, gap: GapReason::NoGap, data_crc32c }
            }
        }
    })
}

proptest! {
    #[test]
    fn an_entry_survives_its_48_bytes(entry in entry()) {
        prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn a_flipped_bit_of_an_entry_is_found(entry in entry(), bit in 0..ENTRY_BYTES * 8) {
        let mut bytes = entry.encode();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(Entry::decode(&bytes), Err(EntryError::Checksum));
    }

    #[test]
    fn any_48_bytes_decode_without_panic(bytes in any::<[u8; ENTRY_BYTES]>()) {
        let mut bytes = bytes;
        let crc = crc32c::crc32c(&bytes[..44]);
        bytes[44..].copy_from_slice(&crc.to_le_bytes());
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes);
        }
    }
}

#[test]
fn the_layout_of_an_entry_is_what_the_format_says() {
    let entry = Entry {
        offset: 1,
        at_ns: 2,
        line: 3,
        dropped: 0,
        len: 5,
        kind: Kind::Stderr,
        gap: GapReason::NoGap,
        data_crc32c: 0x0807_0605,
    };
    let bytes = entry.encode();
    let mut expected = [0; 44];
    (expected[0], expected[8], expected[16], expected[32], expected[36]) = (1, 2, 3, 5, 2);
    expected[40..].copy_from_slice(&[5, 6, 7, 8]);
    assert_eq!(bytes[..44], expected);
    assert_eq!(bytes[44..], crc32c::crc32c(&expected).to_le_bytes());
}

#[test]
fn a_log_is_read_as_it_was_written() {
    let disk = FaultyDisk::new();
    let mut writer = new_log(&disk);
    writer.append(Kind::Stdout, 10, b"one\ntwo").expect("append");
    writer.append_chunk(Kind::Stderr, 20, b"!\n", crc32c::crc32c(b"!\n")).expect("append");
    writer.gap(30, GapReason::Quota, 77).expect("gap");
    let last = writer.append(Kind::Stdout, 40, b"end").expect("append");
    assert_eq!((writer.end(), writer.lines(), writer.entries()), (12, 2, 4));
    assert_eq!((last.offset, last.line), (9, 2));
    assert_eq!(writer.sync().expect("sync"), 12);
    assert_eq!(writer.digest().expect("digest"), *blake3::hash(b"one\ntwo!\nend").as_bytes());

    let reader = reader(&disk);
    assert_eq!(reader.extent().expect("extent"), Extent { entries: 4, end: 12 });
    assert_eq!(reader.read(0, 100).expect("read"), b"one\ntwo!\nend");
    assert_eq!(reader.read(7, 2).expect("read"), b"!\n");
    assert!(reader.read(12, 5).expect("read").is_empty());
    let kinds = |entries: Vec<Entry>| entries.iter().map(|entry| entry.kind).collect::<Vec<_>>();
    let all = [Kind::Stdout, Kind::Stderr, Kind::Gap, Kind::Stdout];
    assert_eq!(kinds(reader.entries(0, 9).expect("entries")), all);
    assert_eq!(kinds(reader.entries_from(0, 9).expect("entries")), all);
    assert_eq!(kinds(reader.entries_from(7, 9).expect("entries")), all[1..]);
    assert_eq!(kinds(reader.entries_from(9, 9).expect("entries")), all[2..]);
    assert_eq!(kinds(reader.entries_from(10, 9).expect("entries")), all[3..]);
    assert!(reader.entries_from(12, 9).expect("entries").is_empty());
    let gap = reader.entries(2, 1).expect("entries")[0];
    assert_eq!((gap.gap, gap.dropped, gap.offset), (GapReason::Quota, 77, 9));
}

#[test]
fn the_chunk_of_every_offset_is_found() {
    let disk = FaultyDisk::new();
    let mut writer = new_log(&disk);
    for len in 1..40 {
        writer.append(Kind::Stdout, 0, &vec![b'x'; len]).expect("append");
        if len % 3 == 0 {
            writer.gap(0, GapReason::DiskStuck, 0).expect("gap");
        }
    }
    let reader = reader(&disk);
    for offset in 0..writer.end() {
        let (number, chunk) = reader.chunk_at(offset).expect("search").expect("there is one");
        assert!((chunk.offset..chunk.end()).contains(&offset));
        assert_eq!(reader.entries(number, 1).expect("entries"), [chunk]);
    }
    assert_eq!(reader.chunk_at(writer.end()).expect("search"), None);
}

#[test]
fn what_cannot_be_a_chunk_is_refused_and_leaves_nothing() {
    let disk = FaultyDisk::new();
    let mut writer = new_log(&disk);
    writer.append(Kind::Stdout, 0, b"x").expect("append");
    let wrong = writer.append_chunk(Kind::Stdout, 0, b"x", 0).expect_err("checksum");
    assert!(matches!(wrong, Error::Checksum { offset: 1 }));
    let refusals = [
        writer.append(Kind::Stdout, 0, b""),
        writer.append(Kind::Stdout, 0, &vec![0; CHUNK_MAX_BYTES + 1]),
        writer.append(Kind::Gap, 0, b"x"),
        writer.gap(0, GapReason::NoGap, 0),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Err(Error::Shape { offset: 1, .. })));
    }
    assert_eq!(reader(&disk).extent().expect("extent"), Extent { entries: 1, end: 1 });
    writer.append(Kind::Stdout, 0, &vec![0; CHUNK_MAX_BYTES]).expect("the longest");
}

#[test]
fn a_reader_of_a_growing_log_is_given_only_what_is_whole() {
    let disk = FaultyDisk::new();
    let mut writer = new_log(&disk);
    writer.append(Kind::Stdout, 0, b"whole").expect("append");
    let ahead = Entry { offset: 5, len: 10, ..writer.append(Kind::Stdout, 0, b"12345").expect("append") };
    let index = disk.open(&paths().index, Open::Write).expect("open");
    index.write_at(96, &Entry { offset: 10, ..ahead }.encode()).expect("an entry before its data");
    index.write_at(144, &[1; 20]).expect("a part of an entry");
    let reader = reader(&disk);
    assert_eq!(reader.extent().expect("extent"), Extent { entries: 2, end: 10 });
    assert_eq!(reader.entries(0, 9).expect("entries").len(), 2);
    assert_eq!(reader.entries(2, 9).expect("entries"), []);
    disk.open(&paths().bytes, Open::Write).expect("open").write_at(10, &[b'x'; 10]).expect("its data");
    assert_eq!(reader.extent().expect("extent"), Extent { entries: 3, end: 20 });
}

#[test]
fn an_entry_that_is_damaged_in_the_middle_is_named() {
    let disk = FaultyDisk::new();
    let mut writer = new_log(&disk);
    for _ in 0..3 {
        writer.append(Kind::Stdout, 0, b"x").expect("append");
    }
    disk.damage(&paths().index, |bytes| bytes[48 + 9] ^= 1);
    assert_eq!(reader(&disk).entries(0, 9).expect("what stands before it").len(), 1);
    let error = reader(&disk).entries(1, 9).expect_err("damaged");
    assert!(matches!(error, Error::Damaged { entry: 1, why: EntryError::Checksum, .. }));
}

#[test]
fn a_log_is_cut_at_its_first_bad_chunk_and_goes_on_there() {
    for bad in 0..3 {
        let disk = FaultyDisk::new();
        let mut writer = new_log(&disk);
        for _ in 0..3 {
            writer.append(Kind::Stdout, 0, b"line\n").expect("append");
        }
        writer.sync().expect("sync");
        drop(writer);
        disk.damage(&paths().bytes, |bytes| bytes[bad * 5 + 1] ^= 4);
        let (mut writer, cut) = open(&disk);
        let kept = bad as u64;
        assert_eq!(cut, Cut { bytes: 15 - 5 * kept, index: 144 - 48 * kept });
        assert_eq!((writer.end(), writer.lines(), writer.entries()), (5 * kept, kept, kept));
        writer.append(Kind::Stdout, 0, b"again").expect("append");
        let whole = [b"line\n".repeat(bad), b"again".to_vec()].concat();
        assert_eq!(writer.digest().expect("digest"), *blake3::hash(&whole).as_bytes());
        assert_eq!(reader(&disk).read(0, 99).expect("read"), whole);
    }
}

#[test]
fn what_was_cut_off_does_not_come_back_behind_what_was_written_instead() {
    for seed in 0..100 {
        let disk = FaultyDisk::new();
        let mut writer = new_log(&disk);
        for _ in 0..3 {
            writer.append(Kind::Stdout, 0, b"line\n").expect("append");
        }
        writer.sync().expect("sync");
        drop(writer);
        disk.damage(&paths().bytes, |bytes| bytes[6] ^= 4);
        let (mut writer, _) = open(&disk);
        writer.append(Kind::Stdout, 0, b"other").expect("append");
        drop(writer);
        disk.crash(seed);
        assert!(open(&disk).0.entries() <= 2, "seed {seed}");
    }
}

#[test]
fn bytes_without_an_entry_and_entries_without_bytes_are_cut() {
    let disk = FaultyDisk::new();
    let mut writer = new_log(&disk);
    writer.append(Kind::Stdout, 0, b"kept").expect("append");
    writer.append(Kind::Stdout, 0, b"lost").expect("append");
    drop(writer);
    disk.damage(&paths().bytes, |bytes| bytes.truncate(7));
    assert_eq!(open(&disk).1, Cut { bytes: 3, index: 48 });
    disk.damage(&paths().bytes, |bytes| bytes.extend_from_slice(b"more"));
    disk.damage(&paths().index, |bytes| bytes.extend_from_slice(&[0; 100]));
    let (writer, cut) = open(&disk);
    assert_eq!(cut, Cut { bytes: 4, index: 100 });
    assert_eq!(writer.end(), 4);
}

#[test]
fn only_the_window_at_the_end_is_read_again() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let base = dir.path().join("step-01");
    let (mut writer, _) = LogWriter::open(&RealDisk, &base).expect("open");
    let chunk = vec![b'x'; CHUNK_MAX_BYTES];
    let chunks = WINDOW_BYTES / CHUNK_MAX_BYTES as u64 + 4;
    for _ in 0..chunks {
        writer.append(Kind::Stdout, 0, &chunk).expect("append");
    }
    drop(writer);
    let bytes = RealDisk.open(&LogPaths::of(&base).bytes, Open::Write).expect("open");
    bytes.write_at(0, b"y").expect("before the window");
    assert_eq!(LogWriter::open(&RealDisk, &base).expect("open").1, Cut::default());
    bytes.write_at(4 * CHUNK_MAX_BYTES as u64, b"y").expect("in the window");
    let (writer, cut) = LogWriter::open(&RealDisk, &base).expect("open");
    assert_eq!(writer.entries(), 4);
    assert_eq!(cut.bytes, WINDOW_BYTES);
}

#[test]
fn synced_chunks_survive_every_cut_and_the_rest_is_a_whole_prefix() {
    let chunks: Vec<Vec<u8>> = (0..8u8).map(|n| vec![b'a' + n; 300]).collect();
    let whole = chunks.concat();
    for operation in 0.. {
        let mut finished = false;
        for seed in 0..10 {
            let disk = FaultyDisk::new();
            let mut writer = new_log(&disk);
            let mut synced = 0;
            disk.power_off_at(disk.operations() + operation);
            finished = chunks.iter().enumerate().all(|(n, chunk)| {
                let appended = writer.append(Kind::Stdout, 0, chunk).is_ok();
                if n % 3 == 2
                    && let Ok(end) = writer.sync()
                {
                    synced = end;
                }
                appended
            });
            drop(writer);
            disk.crash(seed);
            let (mut writer, _) = open(&disk);
            assert!(writer.end() >= synced, "cut at {operation}, seed {seed}");
            writer.append(Kind::Stderr, 0, b"more").expect("goes on");
            writer.sync().expect("sync");
            disk.crash(seed);
            let (writer, cut) = open(&disk);
            assert_eq!(cut, Cut::default());
            let end = usize::try_from(writer.end()).expect("small") - 4;
            assert_eq!(reader(&disk).read(0, end).expect("read"), whole[..end]);
        }
        if finished {
            return;
        }
    }
}

#[test]
fn a_chunk_that_found_no_space_can_be_tried_again() {
    for failing in 0..2 {
        let disk = FaultyDisk::new();
        let mut writer = new_log(&disk);
        writer.append(Kind::Stdout, 0, b"first").expect("append");
        disk.fail_at(disk.operations() + failing, std::io::ErrorKind::QuotaExceeded);
        writer.append(Kind::Stdout, 0, b"second").expect_err("planned");
        writer.append(Kind::Stdout, 0, b"2nd").expect("tried again");
        assert_eq!(reader(&disk).read(0, 99).expect("read"), b"first2nd");
        assert_eq!(writer.digest().expect("digest"), *blake3::hash(b"first2nd").as_bytes());
    }
}

#[test]
fn a_reader_is_given_no_byte_that_changed_on_the_disk() {
    let disk = FaultyDisk::new();
    let mut log = new_log(&disk);
    for data in [b"abc", b"def", b"ghi"] {
        log.append(Kind::Stdout, 0, data).expect("appended");
    }
    log.sync().expect("synced");
    disk.damage(&paths().bytes, |bytes| bytes[4] ^= 1);
    let reader = reader(&disk);
    assert_eq!(reader.read(1, 2).expect("sound"), b"bc");
    assert_eq!(reader.read(7, 9).expect("sound"), b"hi");
    for (offset, len) in [(0, 9), (2, 2), (5, 1)] {
        let error = reader.read(offset, len).expect_err("a bit was flipped");
        assert!(matches!(error, Error::Changed { offset: 3, .. }) && error.is_damage(), "{error}");
    }
}

#[test]
fn the_damaged_end_of_a_log_that_is_over_is_not_taken_for_one_that_is_still_written() {
    let damage = [(paths().index, 2 * ENTRY_BYTES + 9, None, 6), (paths().bytes, 0, Some(4), 3)];
    for (file, flipped, cut, sound) in damage {
        let disk = FaultyDisk::new();
        let mut log = new_log(&disk);
        for data in [b"abc", b"def", b"ghi"] {
            log.append(Kind::Stdout, 0, data).expect("appended");
        }
        log.sync().expect("synced");
        disk.damage(&file, |bytes| match cut {
            Some(len) => bytes.truncate(len),
            None => bytes[flipped] ^= 1,
        });
        assert!(reader(&disk).read(0, 9).expect("it may be written still").len() < 9);
        let over = LogReader::open_over(&disk, Path::new(BASE)).expect("it opens");
        assert_eq!(over.extent().expect("all of it was there"), Extent { entries: 3, end: 9 });
        assert!(over.read(0, 9).expect_err("it is damaged").is_damage());
        assert_eq!(over.read(0, sound).expect("what stands before is sound"), b"abcdef"[..sound]);
    }
}
