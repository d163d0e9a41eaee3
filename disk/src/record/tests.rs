use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::file::{Disk, Open};
use crate::{FaultyDisk, RealDisk};

fn record_of(payloads: &[&[u8]]) -> Vec<u8> {
    payloads.iter().flat_map(|payload| line::encode(payload).expect("a payload")).collect()
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((1..=255u8).prop_filter("no line feed", |byte| *byte != b'\n'), 0..200)
}

fn faulty_record(disk: &FaultyDisk) -> RecordWriter {
    let file = disk.open(Path::new("/record"), Open::CreateNew).expect("create");
    disk.sync_dir(Path::new("/")).expect("sync");
    RecordWriter::new(file).expect("open")
}

proptest! {
    #[test]
    fn what_was_appended_is_read(payloads in proptest::collection::vec(payload(), 0..8)) {
        let bytes = record_of(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let read = read_record(&bytes);
        prop_assert_eq!(read, RecordRead { lines: payloads, end: RecordEnd::Clean });
    }

    #[test]
    fn a_cut_record_gives_its_whole_lines(payloads in proptest::collection::vec(payload(), 1..5), cut in 0..1000usize) {
        let bytes = record_of(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let cut = cut % bytes.len();
        let read = read_record(&bytes[..cut]);
        prop_assert_eq!(&read.lines[..], &payloads[..read.lines.len()]);
        let clean = cut == 0 || bytes[cut - 1] == b'\n';
        let whole = record_of(&read.lines.iter().map(Vec::as_slice).collect::<Vec<_>>()).len() as u64;
        let end = if clean { RecordEnd::Clean } else { RecordEnd::Torn { at: whole } };
        prop_assert_eq!(read.end, end);
    }

    #[test]
    fn a_tail_gives_each_line_once_at_whatever_boundary(payloads in proptest::collection::vec(payload(), 0..5), steps in proptest::collection::vec(1..50usize, 1..40)) {
        let bytes = record_of(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let mut tail = RecordTail::new();
        let mut lines = Vec::new();
        let mut end = 0;
        for step in steps {
            end = (end + step).min(bytes.len());
            let at = usize::try_from(tail.offset()).expect("small");
            lines.extend(tail.take(&bytes[at..end]).expect("undamaged"));
        }
        let at = usize::try_from(tail.offset()).expect("small");
        lines.extend(tail.take(&bytes[at..]).expect("undamaged"));
        prop_assert_eq!(lines, payloads);
    }
}

#[test]
fn a_flipped_bit_before_the_last_line_is_damage_and_named() {
    let whole = record_of(&[b"one", b"two", b"three"]);
    let (second, third) = (record_of(&[b"one"]).len(), record_of(&[b"one", b"two"]).len());
    for bit in 0..third * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (at, line) = if bit / 8 < second { (0, 1) } else { (second as u64, 2) };
        let read = read_record(&bytes);
        assert_eq!(read.end, RecordEnd::Damaged(Damaged { at, line }), "bit {bit}");
        assert_eq!(read.lines.len(), line - 1);
    }
}

#[test]
fn only_the_last_line_can_be_torn_and_a_whole_one_cannot() {
    let first = record_of(&[b"one"]).len();
    let at = first as u64;
    let torn = RecordEnd::Torn { at };
    let damaged = RecordEnd::Damaged(Damaged { at, line: 2 });
    let cases: [(&str, &[u8], RecordEnd); 7] = [
        ("nothing behind", b"", RecordEnd::Clean),
        ("no line feed", b"0000", torn),
        ("zeros only", b"\0\0\0\0", torn),
        ("a zero byte and a line feed", b"0000\x000000 x\n", torn),
        ("a whole line that fails", b"00000000 x\n", damaged),
        ("a zero byte before the last line", b"0000\x000000 x\n0000", damaged),
        ("an empty line", b"\n", damaged),
    ];
    for (name, behind, end) in cases {
        let mut bytes = record_of(&[b"one"]);
        bytes.extend_from_slice(behind);
        let read = read_record(&bytes);
        assert_eq!((read.lines.len(), read.end), (1, end), "{name}");
    }
}

#[test]
fn a_payload_with_a_line_feed_or_a_zero_byte_is_refused() {
    let disk = FaultyDisk::new();
    let mut writer = faulty_record(&disk);
    for payload in [&b"a\nb"[..], b"a\0b"] {
        let error = writer.append(payload).expect_err("not a line");
        assert!(matches!(error, WriteError::Payload(InvalidPayload)));
    }
    assert!(writer.file().is_empty().expect("len"));
}

#[test]
fn an_acknowledged_line_survives_every_cut_and_a_torn_one_is_cut_off() {
    let payloads: Vec<Vec<u8>> = (1..6).map(|n: u8| vec![b'a' + n; usize::from(n) * 400]).collect();
    let mut torn = 0;
    for operation in 0.. {
        let mut acknowledged = 0;
        for seed in 0..20 {
            let disk = FaultyDisk::new();
            let mut writer = faulty_record(&disk);
            disk.power_off_at(disk.operations() + operation);
            acknowledged = payloads.iter().take_while(|payload| writer.append(payload).is_ok()).count();
            disk.crash(seed);
            let file = disk.open(Path::new("/record"), Open::Write).expect("open");
            let read = cut_torn_tail(&*file).expect("read");
            assert!(!matches!(read.end, RecordEnd::Damaged(_)), "cut at {operation}, seed {seed}");
            torn += u32::from(read.end != RecordEnd::Clean);
            assert!(read.lines.len() >= acknowledged);
            assert_eq!(read.lines, payloads[..read.lines.len()]);
            let mut again = RecordWriter::new(file).expect("reopen");
            again.append(b"concluded").expect("append");
            let end = read_record(&again.file().read_all().expect("read"));
            assert_eq!((end.lines.len(), end.end), (read.lines.len() + 1, RecordEnd::Clean));
        }
        if acknowledged == payloads.len() {
            assert!(torn > 20, "only {torn} tails were torn");
            return;
        }
    }
}

#[test]
fn a_line_that_found_no_space_can_be_tried_again() {
    let disk = FaultyDisk::new();
    let mut writer = faulty_record(&disk);
    writer.append(b"accepted").expect("append");
    disk.fail_at(disk.operations(), std::io::ErrorKind::Interrupted);
    writer.append(&[b'x'; 300]).expect_err("planned, after a part");
    writer.append(b"go").expect("tried again");
    let read = read_record(&writer.file().read_all().expect("read"));
    assert_eq!(read, RecordRead { lines: vec![b"accepted".to_vec(), b"go".to_vec()], end: RecordEnd::Clean });
}

#[test]
fn after_a_failed_sync_nothing_more_is_appended() {
    let disk = FaultyDisk::new();
    let mut writer = faulty_record(&disk);
    disk.fail_at(disk.operations() + 1, std::io::ErrorKind::Other);
    writer.append(b"go").expect_err("the sync fails");
    writer.append(b"go").expect_err("and the next would lie");
}

#[test]
fn a_shim_goes_on_through_an_inherited_descriptor_and_the_agent_follows() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("record");
    let opened = std::fs::File::options().read(true).append(true).create_new(true).open(&path).expect("create");
    let inherited = opened.try_clone().expect("dup");
    RecordWriter::from_file(opened).expect("open").append(b"accepted").expect("append");
    let mut shim = RecordWriter::from_file(inherited).expect("open");
    let reader = RealDisk.open(&path, Open::Read).expect("open");
    let mut tail = RecordTail::new();
    assert_eq!(tail.poll(&*reader).expect("poll"), [b"accepted".to_vec()]);
    shim.append(b"go").expect("append");
    assert_eq!(tail.poll(&*reader).expect("poll"), [b"go".to_vec()]);
    assert!(tail.poll(&*reader).expect("poll").is_empty());
    shim.file().write_at(0, b"X").expect("append mode writes behind the end");
    shim.file().append(b"\n").expect("append");
    let error = tail.poll(&*reader).expect_err("a whole line that fails");
    assert!(matches!(error, TailError::Damaged(Damaged { line: 3, .. })), "{error}");
}
