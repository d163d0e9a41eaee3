//! What a start refuses, and that it says where.

use super::*;

fn refusal(disk: &FaultyDisk) -> Error {
    open_with(disk, 8192).expect_err("the start refuses")
}

#[track_caller]
fn assert_damage(disk: &FaultyDisk, segment: Lsn, at: usize, expected: Damage) {
    match refusal(disk) {
        Error::Damage { file, offset, what } => {
            assert_eq!((file, offset, what), (path(segment), at as u64, expected));
        }
        other => panic!("{other}"),
    }
}

/// Three segments of one fact each: 1, 2 and 3.
fn three_segments(disk: &FaultyDisk) {
    let (mut journal, ..) = open_with(disk, 200).expect("open");
    for bytes in [[1; 100], [2; 100], [3; 100]] {
        journal.append(1, &[fact(&bytes)]).expect("append");
    }
    assert_eq!(journal.source().segments().expect("list"), [1, 2, 3]);
}

fn rewrite_header(disk: &FaultyDisk, segment: Lsn, change: impl FnOnce(&mut Header)) {
    disk.damage(&path(segment), |bytes| {
        let mut header = Header::decode(&bytes[..HEADER_BYTES]).expect("a header");
        change(&mut header);
        bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    });
}

#[test]
fn a_flipped_bit_in_any_record_but_the_last_is_damage_and_named() {
    let whole = FaultyDisk::new();
    let starts = three_records(&whole);
    let sound = whole.read(&path(1)).expect("read");
    for bit in (starts[0] * 8..starts[2] * 8).step_by(3) {
        whole.damage(&path(1), |bytes| {
            bytes.clone_from(&sound);
            bytes[bit / 8] ^= 1 << (bit % 8);
        });
        let at = if bit / 8 < starts[1] { starts[0] } else { starts[1] };
        assert_damage(&whole, 1, at, Damage::Record);
    }
}

#[test]
fn an_empty_record_keeps_the_one_before_it_from_being_taken_for_torn() {
    let disk = FaultyDisk::new();
    let (mut journal, ..) = open(&disk);
    journal.append(1, &[fact(b"acknowledged")]).expect("append");
    journal.append_empty(1).expect("append");
    drop(journal);
    disk.damage(&path(1), |bytes| bytes[HEADER_BYTES + HEAD_BYTES + 9] ^= 1);
    assert_damage(&disk, 1, HEADER_BYTES, Damage::Record);
}

#[test]
fn a_flipped_bit_in_a_header_is_damage() {
    for bit in 0..HEADER_BYTES * 8 {
        let disk = FaultyDisk::new();
        three_segments(&disk);
        disk.damage(&path(2), |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
        assert_damage(&disk, 2, 0, Damage::Header);
    }
}

#[test]
fn a_zeroed_or_cut_record_before_the_last_segment_is_damage() {
    let disk = FaultyDisk::new();
    three_segments(&disk);
    disk.damage(&path(2), |bytes| bytes[HEADER_BYTES..].fill(0));
    assert_damage(&disk, 3, 0, Damage::Lsn { expected: 2, found: 3 });
    disk.damage(&path(2), |bytes| bytes[150] = 1);
    assert_damage(&disk, 2, HEADER_BYTES, Damage::Record);
    disk.damage(&path(2), |bytes| bytes.truncate(HEADER_BYTES - 1));
    assert_damage(&disk, 2, 0, Damage::Header);
}

#[test]
fn more_behind_the_end_than_one_record_is_damage() {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    disk.damage(&path(1), |bytes| {
        bytes.resize(starts[3] + RECORD_MAX_BYTES + 1, 0);
        bytes[starts[3] + RECORD_MAX_BYTES] = 1;
    });
    assert_damage(&disk, 1, starts[3], Damage::Record);
}

fn assert_changed_records_are_damage(change: impl FnOnce(&mut Vec<u8>, &[usize]), record: usize, what: Damage) {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    disk.damage(&path(1), |bytes| change(bytes, &starts));
    assert_damage(&disk, 1, starts[record], what);
}

#[test]
fn swapped_records_are_damage() {
    let swap = |bytes: &mut Vec<u8>, at: &[usize]| bytes[at[0]..at[2]].rotate_left(at[1] - at[0]);
    let what = Damage::Lsn { expected: 1, found: 2 };
    assert_changed_records_are_damage(swap, 0, what);
}

#[test]
fn a_doubled_record_is_damage() {
    let double = |bytes: &mut Vec<u8>, at: &[usize]| bytes.copy_within(at[0]..at[1], at[1]);
    let what = Damage::Lsn { expected: 2, found: 1 };
    assert_changed_records_are_damage(double, 1, what);
}

#[test]
fn a_missing_record_is_damage() {
    let skip = |bytes: &mut Vec<u8>, at: &[usize]| bytes.copy_within(at[2]..at[3] + 100, at[1]);
    let what = Damage::Lsn { expected: 2, found: 3 };
    assert_changed_records_are_damage(skip, 1, what);
}

#[test]
fn a_replaced_record_is_damage_where_the_next_one_rests_on_it() {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    let forged = encode_record(&Tip { epoch: 1, ..Tip::START }, &[fact(b"ONE")]);
    disk.damage(&path(1), |bytes| bytes[starts[0]..starts[1]].copy_from_slice(&forged));
    assert_damage(&disk, 1, starts[1], Damage::Prev);
}

#[test]
fn an_epoch_that_falls_is_damage() {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    let (journal, ..) = open(&disk);
    let stale = Tip { next_lsn: 4, epoch: 0, prev: journal.last_hash() };
    drop(journal);
    let record = encode_record(&stale, &[fact(b"old")]);
    disk.damage(&path(1), |bytes| bytes[starts[3]..starts[3] + record.len()].copy_from_slice(&record));
    assert_damage(&disk, 1, starts[3], Damage::Epoch { before: 1, found: 0 });
}

#[test]
fn entries_that_make_no_sense_under_a_fitting_checksum_are_damage_and_not_torn() {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    disk.damage(&path(1), |bytes| {
        let record = &mut bytes[starts[2]..starts[3]];
        record[HEAD_BYTES] = 200;
        let crc = crc32c::crc32c(&record[4..]);
        record[..4].copy_from_slice(&crc.to_le_bytes());
    });
    assert_damage(&disk, 1, starts[2], Damage::Entries);
}

#[test]
fn a_missing_segment_is_damage() {
    let disk = FaultyDisk::new();
    three_segments(&disk);
    disk.rename(&path(2), Path::new("/data/aside")).expect("rename");
    assert_damage(&disk, 3, 0, Damage::Lsn { expected: 2, found: 3 });
    disk.rename(Path::new("/data/aside"), &path(2)).expect("rename");
    disk.remove_file(&path(1)).expect("remove");
    assert_damage(&disk, 2, 0, Damage::FirstMissing);
}

#[test]
fn a_doubled_segment_is_damage() {
    let disk = FaultyDisk::new();
    three_segments(&disk);
    let copy = disk.open(&path(4), Open::CreateNew).expect("create");
    copy.write_at(0, &disk.read(&path(3)).expect("read")).expect("write");
    assert_damage(&disk, 4, 0, Damage::Name(3));
}

#[test]
fn a_segment_of_another_history_is_damage() {
    let disk = FaultyDisk::new();
    three_segments(&disk);
    rewrite_header(&disk, 3, |header| header.prev[0] ^= 1);
    assert_damage(&disk, 3, 0, Damage::Prev);
}

#[test]
fn a_segment_of_another_cluster_is_refused() {
    let disk = FaultyDisk::new();
    three_segments(&disk);
    rewrite_header(&disk, 2, |header| header.cluster_id = [1; 16]);
    assert!(matches!(refusal(&disk), Error::OtherCluster(file) if file == path(2)));
}

#[test]
fn a_newer_format_is_refused() {
    let disk = FaultyDisk::new();
    three_segments(&disk);
    rewrite_header(&disk, 3, |header| header.format = FORMAT + 1);
    assert!(matches!(refusal(&disk), Error::NewerFormat { file, found: 2 } if file == path(3)));
}

#[test]
fn a_record_that_the_caller_does_not_understand_is_refused_with_its_place() {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    let opened = Journal::open(Arc::new(disk), Path::new(DIR), CLUSTER, params(8192), |record| {
        if record.first_lsn == 2 { Err("unknown kind".into()) } else { Ok(()) }
    });
    match opened.expect_err("the caller refused") {
        Error::Refused { file, offset, lsn, why } => {
            assert_eq!((file, offset, lsn), (path(1), starts[1] as u64, 2));
            assert_eq!(why.to_string(), "unknown kind");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_damaged_journal_is_left_as_it_is() {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    disk.damage(&path(1), |bytes| bytes[starts[1] + 70] ^= 1);
    let before = disk.read(&path(1)).expect("read");
    refusal(&disk);
    assert_eq!(disk.read(&path(1)).expect("read"), before);
}
