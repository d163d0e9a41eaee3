use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::file::{Disk, Open};
use crate::journal::segment::{HEAD_BYTES, HEADER_BYTES, Header, Tip, encode_record, file_name};
use crate::journal::*;
use crate::{FaultyDisk, RealDisk};

mod behind;
mod codec;
mod damage;
mod follow;

const CLUSTER: [u8; 16] = *b"sixteen byte id.";
const DIR: &str = "/data/journal";

fn params(segment_bytes: u64) -> Params {
    Params { segment_bytes }
}

fn path(first_lsn: Lsn) -> PathBuf {
    Path::new(DIR).join(file_name(first_lsn))
}

fn fact(bytes: &[u8]) -> EntryRef<'_> {
    EntryRef { kind: 7, format: 1, bytes }
}

/// Opens with the facts of all records, joined in order.
fn open_with(disk: &FaultyDisk, segment_bytes: u64) -> Result<(Journal, Recovered, Vec<Vec<u8>>)> {
    let mut facts = Vec::new();
    let (journal, recovered) =
        Journal::open(Arc::new(disk.clone()), Path::new(DIR), CLUSTER, params(segment_bytes), |record| {
            assert_eq!(record.first_lsn, facts.len() as u64 + 1);
            facts.extend(record.entries.iter().map(|entry| entry.bytes.clone()));
            Ok(())
        })?;
    assert_eq!(recovered.last_lsn, facts.len() as u64);
    assert_eq!(journal.last_lsn(), recovered.last_lsn);
    Ok((journal, recovered, facts))
}

fn open(disk: &FaultyDisk) -> (Journal, Recovered, Vec<Vec<u8>>) {
    open_with(disk, 8192).expect("the journal opens")
}

/// A journal of three records of one fact each, which ends without an empty record; where each begins.
fn three_records(disk: &FaultyDisk) -> Vec<usize> {
    let (mut journal, ..) = open(disk);
    for bytes in [b"one", b"two", b"six"] {
        journal.append(1, &[fact(bytes)]).expect("append");
    }
    (0..4).map(|n| HEADER_BYTES + n * record_bytes(1, 3)).collect()
}

#[test]
fn what_was_appended_is_there_after_a_start_in_the_same_order() {
    let disk = FaultyDisk::new();
    let (mut journal, recovered, _) = open(&disk);
    let new = Recovered { last_lsn: 0, last_epoch: 0, segments: 1, records: 0, torn: None };
    assert_eq!(recovered, new);
    assert_eq!(journal.append(3, &[fact(b"a"), fact(b"bb")]).expect("append"), 1);
    assert_eq!(journal.append(3, &[fact(b"")]).expect("append"), 3);
    journal.append_empty(3).expect("append");
    journal.append_empty(3).expect("nothing to prove");
    assert_eq!(journal.append(4, &[fact(b"after the quiet")]).expect("append"), 4);
    let hash = journal.last_hash();
    drop(journal);
    let (journal, recovered, facts) = open(&disk);
    assert_eq!(recovered, Recovered { last_lsn: 4, last_epoch: 4, segments: 1, records: 4, torn: None });
    assert_eq!(facts, [&b"a"[..], b"bb", b"", b"after the quiet"].map(<[u8]>::to_vec));
    assert_eq!((journal.last_epoch(), journal.last_hash()), (4, hash));
}

#[test]
fn a_full_segment_is_followed_by_the_next_and_a_long_record_gets_a_longer_one() {
    let disk = FaultyDisk::new();
    let (mut journal, ..) = open_with(&disk, 1000).expect("open");
    let long = vec![b'x'; 5000];
    let facts: Vec<&[u8]> = vec![&long, b"short", &long, &[b'y'; 400], &[b'z'; 500]];
    for bytes in &facts {
        journal.append(1, &[fact(bytes)]).expect("append");
        journal.append_empty(1).expect("append");
    }
    drop(journal);
    let (_, recovered, found) = open_with(&disk, 1000).expect("open");
    assert_eq!(found, facts);
    assert_eq!((recovered.segments, recovered.records), (5, 10));
}

#[test]
fn a_record_has_a_limit_and_an_epoch_that_is_over_a_refusal() {
    let disk = FaultyDisk::new();
    let (mut journal, ..) = open(&disk);
    journal.append(5, &[fact(b"x")]).expect("append");
    assert!(matches!(journal.append(4, &[fact(b"x")]), Err(Error::Fenced { epoch: 4, newest: 5 })));
    let most = vec![0; RECORD_MAX_BYTES - record_bytes(1, 0)];
    let more = vec![0; most.len() + 1];
    assert!(matches!(journal.append(5, &[fact(&more)]), Err(Error::TooLarge { .. })));
    assert!(matches!(journal.reserve(RECORD_MAX_BYTES + 1), Err(Error::TooLarge { .. })));
    assert_eq!(journal.append(5, &[fact(&most)]).expect("the longest"), 2);
    drop(journal);
    assert_eq!(open(&disk).1.last_lsn, 2);
}

#[test]
fn a_full_volume_shows_in_reserve_and_breaks_nothing() {
    let disk = FaultyDisk::new();
    let (mut journal, ..) = open_with(&disk, 1000).expect("open");
    journal.append(1, &[fact(&[1; 300])]).expect("append");
    disk.limit_bytes(1500);
    let error = journal.reserve(record_bytes(1, 700)).expect_err("no room for a segment");
    assert!(error.is_no_space(), "{error}");
    journal.append(1, &[fact(&[2; 300])]).expect("what has room goes on");
    disk.limit_bytes(10_000);
    journal.reserve(record_bytes(1, 700)).expect("room again");
    disk.limit_bytes(0);
    journal.append(1, &[fact(&[3; 700])]).expect("it was reserved");
    drop(journal);
    assert_eq!(open(&disk).1.last_lsn, 3);
}

#[test]
fn after_a_failed_write_or_sync_the_journal_is_broken_until_it_is_opened_again() {
    for failing in 0..2 {
        let disk = FaultyDisk::new();
        let (mut journal, ..) = open(&disk);
        journal.append(1, &[fact(b"first")]).expect("append");
        disk.fail_at(disk.operations() + failing, std::io::ErrorKind::Other);
        let error = journal.append(1, &[fact(b"second")]).expect_err("planned");
        assert!(matches!(error, Error::Disk(_)));
        assert!(matches!(journal.append(1, &[fact(b"third")]), Err(Error::Broken)));
        assert!(matches!(journal.append_empty(1), Err(Error::Broken)));
        assert!(matches!(journal.reserve(1), Err(Error::Broken)));
        drop(journal);
        let (mut journal, _, facts) = open(&disk);
        assert_eq!(facts[0], b"first");
        journal.append(2, &[fact(b"goes on")]).expect("append");
    }
}

/// Appends until the power goes; how many facts were acknowledged.
fn append_until_power_off(disk: &FaultyDisk, facts: &[Vec<u8>]) -> usize {
    let Ok((mut journal, ..)) = open_with(disk, 2000) else {
        return 0;
    };
    let mut acknowledged = 0;
    for (n, bytes) in facts.iter().enumerate() {
        if journal.append(1, &[fact(bytes)]).is_err() {
            return acknowledged;
        }
        acknowledged = n + 1;
        if n % 3 == 2 && journal.append_empty(1).is_err() {
            return acknowledged;
        }
    }
    acknowledged
}

#[test]
fn an_acknowledged_record_survives_a_power_cut_at_every_operation() {
    let facts: Vec<Vec<u8>> = (0..9u8).map(|n| vec![b'a' + n; 100 + 200 * usize::from(n)]).collect();
    let mut torn = 0;
    for operation in 0.. {
        let mut acknowledged = 0;
        for seed in 0..8 {
            let disk = FaultyDisk::new();
            disk.power_off_at(operation);
            acknowledged = append_until_power_off(&disk, &facts);
            disk.crash(seed);
            let (mut journal, recovered, found) = open_with(&disk, 2000).expect("every cut can be mended");
            torn += u32::from(recovered.torn.is_some());
            assert!(found.len() >= acknowledged, "cut at {operation}, seed {seed}");
            assert_eq!(found, facts[..found.len()]);
            journal.append(2, &[fact(b"goes on")]).expect("append");
            drop(journal);
            disk.crash(seed + 1);
            let (_, recovered, again) = open_with(&disk, 2000).expect("the second start");
            assert_eq!((recovered.torn, again.len()), (None, found.len() + 1));
        }
        if acknowledged == facts.len() {
            assert!(torn > 20, "only {torn} ends were torn");
            return;
        }
    }
}

#[test]
fn what_a_start_has_shown_stays_even_if_its_writer_was_killed_before_the_sync() {
    for seed in 0..20 {
        let disk = FaultyDisk::new();
        let (journal, ..) = open(&disk);
        drop(journal);
        let record = encode_record(&Tip { epoch: 1, ..Tip::START }, &[fact(&[7; 900])]);
        let file = disk.open(&path(1), Open::Write).expect("open");
        file.write_at(HEADER_BYTES as u64, &record).expect("written, not synced");
        assert_eq!(open(&disk).1.last_lsn, 1);
        disk.crash(seed);
        assert_eq!(open(&disk).1.last_lsn, 1);
    }
}

#[test]
fn a_torn_end_is_overwritten_with_zeros_and_told() {
    let disk = FaultyDisk::new();
    let starts = three_records(&disk);
    disk.damage(&path(1), |bytes| bytes[starts[2] + HEAD_BYTES] ^= 1);
    let (journal, recovered, facts) = open(&disk);
    let torn = recovered.torn.expect("the last record is torn");
    assert_eq!((torn.file, torn.offset), (path(1), starts[2] as u64));
    assert_eq!(torn.bytes, (HEAD_BYTES + 8 + 3) as u64);
    assert_eq!(facts, [b"one", b"two"]);
    drop(journal);
    let bytes = disk.read(&path(1)).expect("read");
    assert!(bytes[starts[2]..].iter().all(|byte| *byte == 0));
    assert_eq!(bytes.len(), 8192);
}

#[test]
fn a_real_disk_keeps_a_journal_too() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let journal_dir = dir.path().join("data/journal");
    let open = || {
        let mut facts = Vec::new();
        let opened = Journal::open(Arc::new(RealDisk), &journal_dir, CLUSTER, params(4096), |record| {
            facts.extend(record.entries.clone());
            Ok(())
        });
        (opened.expect("open").0, facts)
    };
    let (mut journal, _) = open();
    for n in 0..100u8 {
        journal.append(1, &[fact(&[n; 100])]).expect("append");
    }
    drop(journal);
    let (_, facts) = open();
    assert_eq!(facts.len(), 100);
    assert!(facts.iter().zip(0..).all(|(fact, n)| fact.bytes == [n; 100]));
}
