//! Reading while the writer goes on.

use super::*;

fn facts_up_to(records: &mut Records, end: Lsn) -> Vec<Lsn> {
    let mut lsns = Vec::new();
    while let Some(record) = records.up_to(end).expect("committed records are read") {
        lsns.extend(record.first_lsn..record.next_lsn());
    }
    lsns
}

#[test]
fn a_follower_is_given_every_committed_record_once_and_none_behind_the_end() {
    for segment_bytes in [300, 1000, 100_000] {
        let disk = FaultyDisk::new();
        let (mut journal, ..) = open_with(&disk, segment_bytes).expect("open");
        let mut records = journal.source().read_from(1).expect("read");
        assert_eq!(facts_up_to(&mut records, 0), []);
        for n in 0..30usize {
            let first = journal.append(1, &[fact(&vec![1; n * 20]), fact(b"")]).expect("append");
            if n % 4 == 0 {
                journal.append_empty(1).expect("append");
            }
            if n % 3 == 0 {
                assert_eq!(facts_up_to(&mut records, first - 1).last().copied().unwrap_or(first - 1), first - 1);
                assert_eq!(facts_up_to(&mut records, journal.last_lsn()), [first, first + 1]);
            }
        }
        assert_eq!(facts_up_to(&mut records, 60), [57, 58, 59, 60]);
        let mut all = journal.source().read_from(1).expect("read");
        assert_eq!(facts_up_to(&mut all, 60), (1..=60).collect::<Vec<_>>());
    }
}

#[test]
fn reading_begins_with_the_record_that_holds_the_lsn() {
    let disk = FaultyDisk::new();
    let (mut journal, ..) = open_with(&disk, 500).expect("open");
    for _ in 0..10 {
        journal.append(1, &[fact(&[1; 60]), fact(&[2; 60])]).expect("append");
    }
    for from in 1..=20 {
        let mut records = journal.source().read_from(from).expect("read");
        let record = records.up_to(20).expect("read").expect("there is one");
        assert_eq!(record.first_lsn, (from - 1) / 2 * 2 + 1);
    }
    let mut records = journal.source().read_from(21).expect("read");
    assert_eq!(records.up_to(20).expect("read"), None);
    journal.append(1, &[fact(b"new")]).expect("append");
    assert_eq!(facts_up_to(&mut records, 21), [21]);
}

#[test]
fn a_follower_names_damage_and_missing_segments() {
    let disk = FaultyDisk::new();
    let (mut journal, ..) = open_with(&disk, 200).expect("open");
    for bytes in [[1; 100], [2; 100], [3; 100]] {
        journal.append(1, &[fact(&bytes)]).expect("append");
    }
    disk.damage(&path(2), |bytes| bytes[HEADER_BYTES + 80] ^= 1);
    let mut records = journal.source().read_from(1).expect("read");
    records.up_to(3).expect("read").expect("the first");
    let error = records.up_to(3).expect_err("damaged");
    assert!(matches!(error, Error::Damage { file, what: Damage::Record, .. } if file == path(2)));
    disk.remove_file(&path(2)).expect("remove");
    let mut records = journal.source().read_from(1).expect("read");
    records.up_to(3).expect("read").expect("the first");
    let error = records.up_to(3).expect_err("missing");
    assert!(matches!(error, Error::Damage { file, what: Damage::Missing, .. } if file == path(2)));
}

#[test]
fn a_follower_on_another_thread_keeps_up_with_the_writer() {
    const RECORDS: u64 = 300;
    let disk = FaultyDisk::new();
    let (mut journal, ..) = open_with(&disk, 1000).expect("open");
    let source = journal.source();
    let (committed, ends) = std::sync::mpsc::channel();
    let follower = std::thread::spawn(move || {
        let mut records = source.read_from(1).expect("read");
        ends.into_iter().flat_map(|end| facts_up_to(&mut records, end)).collect::<Vec<_>>()
    });
    for _ in 0..RECORDS {
        let lsn = journal.append(1, &[fact(&[5; 40])]).expect("append");
        committed.send(lsn).expect("the follower lives");
    }
    drop(committed);
    assert_eq!(follower.join().expect("no panic"), (1..=RECORDS).collect::<Vec<_>>());
}
