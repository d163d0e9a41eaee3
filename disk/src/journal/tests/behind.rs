//! A start from a place on, and segments that are compressed.

use super::*;
use crate::journal::source::Source;

fn behind(disk: &FaultyDisk, from: &Mark) -> Result<(Journal, Recovered, Vec<Vec<u8>>)> {
    let mut facts = Vec::new();
    let disk = Arc::new(disk.clone());
    let (journal, recovered) =
        Journal::open_behind(disk, Path::new(DIR), CLUSTER, params(200), Some(from), |record| {
            facts.extend(record.entries.iter().map(|entry| entry.bytes.clone()));
            Ok(())
        })?;
    Ok((journal, recovered, facts))
}

/// Five segments of one fact each, and the place behind each of them.
fn five(disk: &FaultyDisk) -> Vec<Mark> {
    let (mut journal, ..) = open_with(disk, 200).expect("open");
    let append = |byte: u8| {
        journal.append(1, &[fact(&[byte; 100])]).expect("append");
        journal.mark()
    };
    (1..=5).map(append).collect()
}

fn names(disk: &FaultyDisk) -> Vec<String> {
    let paths = disk.read_dir(Path::new(DIR)).expect("list");
    paths.iter().map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

fn bytes_behind(disk: &FaultyDisk, from: Lsn) -> Vec<u8> {
    let mut records = Source::new(Arc::new(disk.clone()), Path::new(DIR), CLUSTER).read_from(from).expect("open");
    let mut found = Vec::new();
    while let Some(record) = records.up_to(5).expect("sound") {
        found.extend(record.entries.iter().map(|entry| entry.bytes[0]));
    }
    found
}

#[test]
fn a_start_behind_a_mark_reads_what_follows_and_goes_on_as_a_start_from_the_first() {
    let disk = FaultyDisk::new();
    for (mark, number) in five(&disk).iter().zip(1u8..) {
        let (journal, recovered, facts) = behind(&disk, mark).expect("open");
        assert_eq!(facts, (number + 1..=5).map(|byte| vec![byte; 100]).collect::<Vec<_>>());
        assert_eq!((recovered.last_lsn, recovered.records), (5, u64::from(5 - number)));
        let whole = open_with(&disk, 200).expect("open").0;
        assert_eq!((journal.mark(), journal.last_hash()), (whole.mark(), whole.last_hash()));
    }
}

#[test]
fn what_was_appended_behind_a_mark_follows_from_the_first_record() {
    let disk = FaultyDisk::new();
    let marks = five(&disk);
    behind(&disk, &marks[4]).expect("open").0.append(2, &[fact(b"more")]).expect("append");
    assert_eq!(open_with(&disk, 200).expect("open").2.len(), 6);
}

#[test]
fn damage_before_the_mark_is_not_looked_at_and_behind_it_is_refused() {
    let disk = FaultyDisk::new();
    let marks = five(&disk);
    disk.damage(&path(2), |bytes| bytes[HEADER_BYTES + HEAD_BYTES] ^= 1);
    behind(&disk, &marks[1]).expect("open");
    assert!(matches!(behind(&disk, &marks[0]), Err(Error::Damage { file, .. }) if file == path(2)));
}

#[test]
fn a_mark_that_the_journal_does_not_reach_or_continue_is_damage() {
    let disk = FaultyDisk::new();
    let marks = five(&disk);
    let foreign = Mark { hash: [9; 32], ..marks[2] };
    assert!(matches!(behind(&disk, &foreign), Err(Error::Damage { .. })));
    disk.damage(&path(5), |bytes| bytes.truncate(100));
    assert!(matches!(behind(&disk, &marks[4]), Err(Error::Damage { .. })));
    disk.remove_file(&path(5)).expect("it is there");
    assert!(matches!(behind(&disk, &marks[4]), Err(Error::Damage { what: Damage::Missing, .. })));
}

#[test]
fn old_segments_are_compressed_and_read_as_before() {
    let disk = FaultyDisk::new();
    let marks = five(&disk);
    let source = Source::new(Arc::new(disk.clone()), Path::new(DIR), CLUSTER);
    assert_eq!(source.compress_before(marks[2].segment).expect("compressed"), 2);
    assert_eq!(source.compress_before(marks[2].segment).expect("nothing to do"), 0);
    let compressed: Vec<bool> = names(&disk).iter().map(|name| name.ends_with(".zst")).collect();
    assert_eq!(compressed, [true, true, false, false, false]);
    assert_eq!(open_with(&disk, 200).expect("open").2.len(), 5);
    assert_eq!(bytes_behind(&disk, 2), [2, 3, 4, 5]);
    assert_eq!(source.compress_before(Lsn::MAX).expect("compressed"), 2);
    assert!(names(&disk).contains(&file_name(5)), "the last one is written to");
}

#[test]
fn a_power_cut_while_segments_are_compressed_loses_nothing() {
    for cut in 0.. {
        let disk = FaultyDisk::new();
        five(&disk);
        let source = Source::new(Arc::new(disk.clone()), Path::new(DIR), CLUSTER);
        disk.power_off_at(disk.operations() + cut);
        let done = source.compress_before(4);
        disk.crash(cut);
        assert_eq!(open_with(&disk, 200).expect("open").2.len(), 5, "cut at {cut}");
        if done.is_ok() {
            return;
        }
    }
}

#[test]
fn a_reader_goes_on_behind_a_segment_that_is_damaged() {
    let disk = FaultyDisk::new();
    five(&disk);
    let source = Source::new(Arc::new(disk.clone()), Path::new(DIR), CLUSTER);
    source.compress_before(4).expect("compressed");
    disk.damage(&path(2).with_extension("seg.zst"), |bytes| bytes[20] ^= 1);
    let mut records = source.read_from(1).expect("open");
    assert_eq!(records.up_to(5).expect("sound").expect("the first").first_lsn, 1);
    assert!(records.up_to(5).is_err());
    assert_eq!(records.skip().expect("it goes on"), Some(Lost { from: 2, next: 3 }));
    assert_eq!(records.up_to(5).expect("sound").expect("the third").first_lsn, 3);
}

#[test]
fn verify_says_what_a_start_would_and_changes_nothing() {
    let disk = FaultyDisk::new();
    let marks = five(&disk);
    disk.damage(&path(5), |bytes| bytes[HEADER_BYTES + 9] ^= 1);
    let source = Source::new(Arc::new(disk.clone()), Path::new(DIR), CLUSTER);
    let before = disk.read(&path(5)).expect("read");
    let (mark, found) = source.verify(None, &mut |_| Ok(())).expect("torn");
    assert_eq!(mark.last_lsn, 4);
    assert_eq!(found.torn.map(|torn| torn.file), Some(path(5)));
    assert_eq!(disk.read(&path(5)).expect("read"), before);
    disk.damage(&path(3), |bytes| bytes[HEADER_BYTES + 9] ^= 1);
    assert!(source.verify(Some(&marks[1]), &mut |_| Ok(())).is_err());
}

#[test]
fn a_reader_says_when_the_first_segment_is_missing_or_damaged_and_goes_on_behind_it() {
    for change in [true, false] {
        let disk = FaultyDisk::new();
        five(&disk);
        if change {
            disk.damage(&path(1), |bytes| bytes[3] ^= 1);
        } else {
            disk.remove_file(&path(1)).expect("it is there");
        }
        let source = Source::new(Arc::new(disk.clone()), Path::new(DIR), CLUSTER);
        let mut records = source.read_from(1).expect("listed");
        assert!(records.up_to(5).is_err());
        assert!(records.up_to(5).is_err(), "it does not pass over it by itself");
        assert_eq!(records.skip().expect("it goes on"), Some(Lost { from: 1, next: 2 }));
        assert_eq!(records.up_to(5).expect("sound").expect("the second").first_lsn, 2);
    }
}
