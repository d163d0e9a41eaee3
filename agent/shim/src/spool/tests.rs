use std::io;
use std::path::Path;
use std::time::Duration;

use windlass_core::attempt::LineBody;
use windlass_disk::log::{GapReason, LogReader};
use windlass_disk::record::{RecordWriter, read_record};
use windlass_disk::{Disk, FaultyDisk, Open, RealDisk};

use super::handle::{Chunk, Stream};
use super::log::{Quota, StepLog};
use super::{Files, Lost, Spool};

fn chunk(text: &str) -> Chunk {
    Chunk { step: 1, stream: Stream::Stdout, at_ns: 1, data: text.as_bytes().to_vec() }
}

/// The bytes, and the gaps as (offset, dropped).
fn read(base: &Path) -> (String, Vec<(u64, u64, GapReason)>) {
    read_from(&RealDisk, base)
}

fn read_from(disk: &dyn Disk, base: &Path) -> (String, Vec<(u64, u64, GapReason)>) {
    let reader = LogReader::open(disk, base).expect("it was begun");
    let entries = reader.entries(0, 100).expect("whole");
    let gaps = entries.iter().filter(|entry| entry.len == 0).map(|gap| (gap.offset, gap.dropped, gap.gap));
    let bytes = reader.read(0, 1000).expect("whole");
    (String::from_utf8(bytes).expect("text"), gaps.collect())
}

#[test]
fn a_quota_is_shared_between_one_head_and_a_tail_for_each_step() {
    const MIB: u64 = 1024 * 1024;
    let table = [
        (256 * MIB, 3, 253 * MIB, MIB),
        (256 * MIB, 128, 128 * MIB, MIB),
        (256 * MIB, 256, 128 * MIB, MIB / 2),
        (10, 1, 5, 5),
        (0, 1, 0, 0),
        (MIB, 0, MIB / 2, MIB / 2),
    ];
    for (quota, steps, head_bytes, tail_bytes) in table {
        assert_eq!(Quota::of(quota, steps), Quota { head_bytes, tail_bytes }, "{quota} for {steps}");
    }
}

#[test]
fn what_fits_the_quota_has_no_gap_even_if_its_end_waited_as_a_tail() {
    let dir = tempfile::tempdir().expect("a directory");
    let base = dir.path().join("step-01");
    let mut quota = Quota { head_bytes: 5, tail_bytes: 5 };
    let mut log = StepLog::begin(&RealDisk, base.clone()).expect("begun");
    for text in ["abc", "def", "ghi", "j"] {
        log.append(chunk(text), &mut quota).expect("written");
    }
    assert_eq!(read(&base), ("abcde".to_owned(), vec![]), "the tail is not known yet");
    assert!(log.finish(&RealDisk, 9).expect("written"));
    assert_eq!(read(&base), ("abcdefghij".to_owned(), vec![]));
}

#[test]
fn beyond_the_quota_a_gap_stands_between_head_and_tail_and_is_counted_at_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let base = dir.path().join("step-01");
    let mut quota = Quota { head_bytes: 4, tail_bytes: 3 };
    let mut log = StepLog::begin(&RealDisk, base.clone()).expect("begun");
    for text in ["abcdef", "ghijkl"] {
        log.append(chunk(text), &mut quota).expect("written");
    }
    assert_eq!(read(&base), ("abcd".to_owned(), vec![(4, 0, GapReason::Quota)]));
    log.dropped(8, 100).expect("counted");
    assert!(log.finish(&RealDisk, 9).expect("written"));
    let gaps = vec![(4, 0, GapReason::Quota), (4, 105, GapReason::Quota)];
    assert_eq!(read(&base), ("abcdjkl".to_owned(), gaps));
    log.sync().expect("synced");
    assert_eq!(log.end().expect("whole").map(|end| end.total), Some(7));
}

#[test]
fn a_stuck_disk_leaves_a_gap_where_bytes_were_dropped() {
    let dir = tempfile::tempdir().expect("a directory");
    let base = dir.path().join("step-01");
    let mut quota = Quota { head_bytes: 100, tail_bytes: 0 };
    let mut log = StepLog::begin(&RealDisk, base.clone()).expect("begun");
    log.append(chunk("ab"), &mut quota).expect("written");
    log.dropped(3, 77).expect("written");
    log.append(chunk("cd"), &mut quota).expect("written");
    assert!(log.finish(&RealDisk, 9).expect("written"));
    assert_eq!(read(&base), ("abcd".to_owned(), vec![(2, 77, GapReason::DiskStuck)]));
}

/// A spool of one step on a disk that may fail.
fn spool(disk: &FaultyDisk) -> Spool {
    let record = disk.open(Path::new("/record"), Open::Create).expect("made");
    let record = RecordWriter::new(record).expect("empty");
    let pause = Duration::from_millis(1);
    Spool::start(Files { disk: Box::new(disk.clone()), dir: Path::new("/"), record, pause }, 1, 1_000).expect("started")
}

fn record_lines(disk: &FaultyDisk) -> usize {
    read_record(&disk.read(Path::new("/record")).expect("there")).lines.len()
}

#[test]
fn after_a_failed_sync_nothing_more_is_promised_or_written() {
    let disk = FaultyDisk::new();
    let spool = spool(&disk);
    assert_eq!(spool.line(LineBody::Go), Ok(()));
    assert!(!spool.is_lost());
    disk.fail_at(disk.operations() + 1, io::ErrorKind::Other);
    assert_eq!(spool.line(LineBody::StepStarted { step: 1 }), Err(Lost), "the write went well, its sync did not");
    assert!(spool.is_lost());
    let before = disk.operations();
    assert_eq!(spool.line(LineBody::StepStarted { step: 1 }), Err(Lost));
    spool.begin(1);
    assert_eq!(spool.seal(), Err(Lost));
    assert_eq!(disk.operations(), before);
}

#[test]
fn a_log_that_cannot_be_synced_is_a_lost_disk() {
    let disk = FaultyDisk::new();
    let spool = spool(&disk);
    spool.begin(1);
    assert_eq!(spool.line(LineBody::Go), Ok(()));
    assert!(spool.offer(chunk("abc")).is_ok());
    spool.end(1, 5);
    assert_eq!(spool.line(LineBody::StepStarted { step: 1 }), Ok(()));
    disk.fail_at(disk.operations(), io::ErrorKind::Other);
    assert_eq!(spool.seal(), Err(Lost));
    assert_eq!(record_lines(&disk), 2, "and nobody writes EXIT");
}

#[test]
fn a_line_waits_for_room_on_a_full_disk() {
    let disk = FaultyDisk::new();
    let spool = spool(&disk);
    disk.limit_bytes(0);
    let start = disk.operations();
    std::thread::scope(|scope| {
        let line = scope.spawn(|| spool.line(LineBody::Go));
        while disk.operations() < start + 5 {
            std::thread::yield_now();
        }
        assert!(!line.is_finished());
        disk.limit_bytes(u64::MAX);
        assert_eq!(line.join().expect("no panic"), Ok(()));
    });
    assert_eq!(record_lines(&disk), 1);
}

#[test]
fn a_log_on_a_full_disk_goes_on_as_if_its_head_were_full() {
    let disk = FaultyDisk::new();
    let base = Path::new("/step-01").to_owned();
    let mut quota = Quota { head_bytes: 1_000, tail_bytes: 4 };
    let mut log = StepLog::begin(&disk, base.clone()).expect("begun");
    log.append(chunk("head"), &mut quota).expect("written");
    disk.limit_bytes(4 + 48);
    log.append(chunk("lost tail"), &mut quota).expect("kept");
    assert!(!log.finish(&disk, 9).expect("no failure"), "there is no room even for the gap");
    disk.limit_bytes(u64::MAX);
    assert!(log.finish(&disk, 9).expect("written"));
    assert_eq!(read_from(&disk, &base), ("headtail".to_owned(), vec![(4, 5, GapReason::DiskFull)]));
}
