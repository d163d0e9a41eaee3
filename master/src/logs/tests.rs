use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use windlass_core::State;
use windlass_core::model::{Attempt, Digest, Fence};
use windlass_disk::log::{GapReason, Kind};
use windlass_disk::{Disk, FaultyDisk, RealDisk};

use super::*;

const QUOTA: u64 = 1 << 30;

fn key() -> LogKey {
    LogKey { fence: Fence(7), step: 1 }
}

fn name() -> LogName {
    LogName {
        run: "shop#42".parse().expect("a run"),
        job: "production/change@web1".parse().expect("a job"),
        attempt: Attempt(1),
        step: 1,
    }
}

/// A temporary directory and the logs in it.
struct Place {
    dir: tempfile::TempDir,
    logs: Logs,
}

fn place() -> Place {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let logs = start(Arc::new(RealDisk), dir.path().join("logs"));
    Place { dir, logs }
}

fn start(disk: Arc<dyn Disk>, dir: PathBuf) -> Logs {
    Logs::start(disk, dir, &State::default()).expect("started")
}

fn piece(text: &str) -> Piece {
    let len = u32::try_from(text.len()).expect("short");
    Piece::Bytes { kind: Kind::Stdout, at_ns: 5, len, crc32c: crc32c::crc32c(text.as_bytes()) }
}

fn chunk(offset: u64, texts: &[&str]) -> Chunk {
    Chunk { offset, data: Bytes::from(texts.concat()), pieces: texts.iter().map(|text| piece(text)).collect() }
}

fn gap(offset: u64, dropped: u64) -> Chunk {
    let piece = Piece::Gap { at_ns: 9, reason: GapReason::Quota, dropped };
    Chunk { offset, data: Bytes::new(), pieces: vec![piece] }
}

async fn append(logs: &Logs, chunk: Chunk) -> Verdict {
    logs.append(key(), chunk).await.expect("the log is open")
}

async fn text(logs: &Logs) -> String {
    let bytes = logs.read(&name(), 0, 1 << 20).await.expect("readable");
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn a_log_is_stored_where_people_look_for_it() {
    let Place { dir, logs } = place();
    let mut opened = logs.open(key(), &name(), QUOTA).await.expect("opened");
    assert_eq!(opened.stored, 0);
    assert_eq!(append(&logs, chunk(0, &["one\n", "two\n"])).await, Verdict::Stored);
    opened.state.wait_for(|state| state.durable == 8).await.expect("the writer lives");
    let path = dir.path().join("logs/shop/42/production~change@web1.1/step-01.log");
    assert_eq!(std::fs::read_to_string(path).expect("a file"), "one\ntwo\n");
    assert_eq!(logs.open(key(), &name(), QUOTA).await.expect("opened again").stored, 8);
}

#[tokio::test]
async fn known_bytes_are_dropped_and_new_ones_kept() {
    let Place { dir: _dir, logs } = place();
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    assert_eq!(append(&logs, chunk(0, &["abc"])).await, Verdict::Duplicate);
    assert_eq!(append(&logs, chunk(1, &["bc"])).await, Verdict::Duplicate);
    assert_eq!(append(&logs, chunk(1, &["bcde", "f"])).await, Verdict::Stored);
    assert_eq!(append(&logs, chunk(0, &["a", "bcdef", "gh"])).await, Verdict::Stored);
    assert_eq!(text(&logs).await, "abcdefgh");
    let entries = logs.entries(&name(), 0, 100).await.expect("readable");
    assert_eq!(entries.iter().map(|entry| entry.len).collect::<Vec<_>>(), [3, 2, 1, 2]);
}

#[tokio::test]
async fn what_cannot_be_joined_is_refused_and_changes_nothing() {
    let Place { dir: _dir, logs } = place();
    logs.open(key(), &name(), 10).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    assert_eq!(append(&logs, chunk(4, &["e"])).await, Verdict::Gap { want: 3 });
    assert_eq!(append(&logs, chunk(u64::MAX, &["e"])).await, Verdict::Gap { want: 3 });
    let mut wrong = chunk(3, &["d", "e"]);
    wrong.data = Bytes::from_static(b"dX");
    assert_eq!(append(&logs, wrong).await, Verdict::Crc { want: 3 });
    let uncovered = Chunk { pieces: vec![piece("d")], ..chunk(3, &["d", "e"]) };
    assert_eq!(append(&logs, uncovered).await, Verdict::Crc { want: 3 });
    assert_eq!(append(&logs, chunk(3, &["12345678"])).await, Verdict::Quota { want: 3 });
    assert_eq!(text(&logs).await, "abc");
    let other = LogKey { step: 2, ..key() };
    assert!(matches!(logs.append(other, chunk(0, &["a"])).await, Err(Error::NotOpen(key)) if key == other));
}

#[tokio::test]
async fn a_gap_is_kept_once_however_often_it_comes() {
    let Place { dir, logs } = place();
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    assert_eq!(append(&logs, gap(3, 10)).await, Verdict::Stored);
    assert_eq!(append(&logs, gap(3, 10)).await, Verdict::Duplicate);
    assert_eq!(append(&logs, gap(2, 10)).await, Verdict::Duplicate);
    assert_eq!(append(&logs, gap(3, 20)).await, Verdict::Stored);
    logs.stop().await.expect("synced");
    let logs = start(Arc::new(RealDisk), dir.path().join("logs"));
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    assert_eq!(append(&logs, gap(3, 20)).await, Verdict::Duplicate);
    append(&logs, chunk(3, &["d"])).await;
    let summary = logs.summary(&name()).await.expect("readable").expect("it is there");
    assert_eq!(summary.gaps.iter().map(|gap| (gap.offset, gap.dropped)).collect::<Vec<_>>(), [(3, 10), (3, 20)]);
    assert_eq!((summary.entries, summary.state.end, summary.state.phase), (4, 4, LogPhase::Live));
    let SealVerdict::Sealed(sealed) = logs.seal(key(), 4, HostEnd::Lost(GapReason::ShimLost)).await.expect("open")
    else {
        panic!("it is whole")
    };
    assert_eq!(sealed.gaps, 3, "the last one says that the host lost its tail");
}

#[tokio::test]
async fn what_was_called_durable_survives_a_power_cut() {
    for seed in 0..20 {
        let disk = FaultyDisk::new();
        let dir = PathBuf::from("/data/logs");
        let logs = start(Arc::new(disk.clone()), dir.clone());
        let mut opened = logs.open(key(), &name(), QUOTA).await.expect("opened");
        append(&logs, chunk(0, &["durable"])).await;
        opened.state.wait_for(|state| state.durable == 7).await.expect("the writer lives");
        append(&logs, chunk(7, &["!"])).await;
        disk.crash(seed);
        let logs = start(Arc::new(disk.clone()), dir);
        let stored = logs.open(key(), &name(), QUOTA).await.expect("opened").stored;
        assert!(stored >= 7, "seed {seed}");
        assert_eq!(text(&logs).await, "durable!"[..usize::try_from(stored).expect("small")]);
    }
}

#[tokio::test]
async fn a_log_goes_on_after_a_restart_and_its_digest_covers_both_parts() {
    let Place { dir, logs } = place();
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["before "])).await;
    logs.stop().await.expect("synced");
    assert!(matches!(logs.append(key(), chunk(7, &["x"])).await, Err(Error::Stopped)));
    let logs = start(Arc::new(RealDisk), dir.path().join("logs"));
    assert_eq!(logs.open(key(), &name(), QUOTA).await.expect("opened").stored, 7);
    append(&logs, chunk(7, &["after"])).await;
    let digest = Digest::of(b"before after");
    let verdict = logs.seal(key(), 12, HostEnd::Whole(digest)).await.expect("open");
    assert_eq!(verdict, SealVerdict::Sealed(Sealed { total: 12, digest, gaps: 0, damaged: false }));
}

#[tokio::test]
async fn a_seal_waits_for_the_last_byte() {
    let Place { dir: _dir, logs } = place();
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    let digest = Digest::of(b"abcd");
    assert_eq!(logs.seal(key(), 4, HostEnd::Whole(digest)).await.expect("open"), SealVerdict::Short { want: 3 });
    append(&logs, chunk(3, &["d"])).await;
    assert!(matches!(logs.seal(key(), 4, HostEnd::Whole(digest)).await.expect("open"), SealVerdict::Sealed(_)));
    let empty = LogKey { step: 2, ..key() };
    logs.open(empty, &LogName { step: 2, ..name() }, QUOTA).await.expect("opened");
    let verdict = logs.seal(empty, 0, HostEnd::Whole(Digest::of(b""))).await.expect("open");
    assert!(matches!(verdict, SealVerdict::Sealed(Sealed { total: 0, .. })));
}

#[tokio::test]
async fn a_wrong_digest_begins_the_log_anew_once_and_then_marks_it_damaged() {
    let Place { dir: _dir, logs } = place();
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abX"])).await;
    let wanted = Digest::of(b"abc");
    assert_eq!(logs.seal(key(), 3, HostEnd::Whole(wanted)).await.expect("open"), SealVerdict::Mismatch);
    assert_eq!(append(&logs, chunk(3, &["d"])).await, Verdict::Gap { want: 0 });
    append(&logs, chunk(0, &["abc"])).await;
    let verdict = logs.seal(key(), 3, HostEnd::Whole(wanted)).await.expect("open");
    let whole = Sealed { total: 3, digest: wanted, gaps: 0, damaged: false };
    assert_eq!(verdict, SealVerdict::Sealed(whole));
    let other = Digest::of(b"something else");
    let verdict = logs.seal(key(), 3, HostEnd::Whole(other)).await.expect("open");
    assert_eq!(verdict, SealVerdict::Sealed(Sealed { damaged: true, ..whole }));
}

#[tokio::test]
async fn that_a_log_was_begun_anew_is_known_after_a_restart() {
    let disk = FaultyDisk::new();
    let dir = PathBuf::from("/data/logs");
    let logs = start(Arc::new(disk.clone()), dir.clone());
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    let never = HostEnd::Whole(Digest::of(b"what no byte of it is"));
    assert_eq!(logs.seal(key(), 3, never).await.expect("open"), SealVerdict::Mismatch);
    disk.crash(7);
    let logs = start(Arc::new(disk.clone()), dir.clone());
    assert_eq!(logs.open(key(), &name(), QUOTA).await.expect("opened").stored, 0, "what was wrong is gone");
    append(&logs, chunk(0, &["abc"])).await;
    let verdict = logs.seal(key(), 3, never).await.expect("open");
    assert!(matches!(verdict, SealVerdict::Sealed(Sealed { total: 3, damaged: true, .. })), "not asked for ever");
    logs.close(key()).await.expect("closed");
    assert!(!disk.exists(&name().base(&dir).with_extension("anew")).expect("readable"), "the mark goes with it");
}

#[tokio::test]
async fn what_the_host_lost_is_a_gap_behind_what_stands() {
    let Place { dir: _dir, logs } = place();
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    // The host itself has one byte less: its last one was not synced.
    let verdict = logs.seal(key(), 2, HostEnd::Lost(GapReason::PowerLost)).await.expect("open");
    let whole = Sealed { total: 3, digest: Digest::of(b"abc"), gaps: 1, damaged: false };
    assert_eq!(verdict, SealVerdict::Sealed(whole));
    let again = logs.seal(key(), 2, HostEnd::Lost(GapReason::PowerLost)).await.expect("open");
    assert_eq!(again, SealVerdict::Sealed(whole), "one gap is enough");
    let gaps = logs.summary(&name()).await.expect("readable").expect("it is there").gaps;
    assert_eq!(gaps.iter().map(|gap| (gap.offset, gap.gap)).collect::<Vec<_>>(), [(3, GapReason::PowerLost)]);
}

#[tokio::test]
async fn a_log_whose_agent_is_gone_ends_with_a_gap_and_is_sealed() {
    let Place { dir, logs } = place();
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    let sealed = logs.abandon(key(), &name(), QUOTA).await.expect("open").expect("it has bytes");
    assert_eq!(sealed, Sealed { total: 3, digest: Digest::of(b"abc"), gaps: 1, damaged: false });
    logs.stop().await.expect("synced");
    let logs = start(Arc::new(RealDisk), dir.path().join("logs"));
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    let mut tail = logs.tail(&name(), 0).await.expect("there");
    let again = logs.abandon(key(), &name(), QUOTA).await.expect("open").expect("it has bytes");
    assert_eq!(again, sealed, "a crash before its fact is no harm");
    logs.close(key()).await.expect("closed");
    assert_eq!(rest(&mut tail).await, "abc");
    let other = LogName { step: 2, ..name() };
    assert_eq!(logs.abandon(LogKey { step: 2, ..key() }, &other, QUOTA).await.expect("asked"), None, "nothing came");
}

/// Bytes until the log is over, joined.
async fn rest(tail: &mut Tail) -> String {
    let mut text = Vec::new();
    loop {
        match tail.next(4).await.expect("readable") {
            Part::Bytes { offset, data, .. } => {
                assert_eq!(offset + data.len() as u64, tail.offset());
                text.extend_from_slice(&data);
            }
            Part::End { total } => {
                assert_eq!(total, tail.offset());
                return String::from_utf8(text).expect("text");
            }
        }
    }
}

#[tokio::test]
async fn a_follower_sees_every_byte_of_a_log_that_did_not_exist_when_it_came() {
    let Place { dir: _dir, logs } = place();
    let mut tail = logs.tail(&name(), 0).await.expect("waiting");
    let follower = tokio::task::JoinSet::from_iter([async move { rest(&mut tail).await }]);
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    for at in 0..50u64 {
        append(&logs, chunk(at * 3, &["ab\n"])).await;
    }
    assert!(matches!(
        logs.seal(key(), 150, HostEnd::Lost(GapReason::ShimLost)).await.expect("open"),
        SealVerdict::Sealed(_)
    ));
    logs.close(key()).await.expect("closed");
    assert_eq!(follower.join_all().await, ["ab\n".repeat(50)]);
    let mut late = logs.tail(&name(), 147).await.expect("a log that is over");
    assert_eq!(rest(&mut late).await, "ab\n");
    let summary = logs.summary(&name()).await.expect("readable").expect("it is there");
    assert_eq!((summary.state.phase, summary.state.durable), (LogPhase::Sealed, 150));
}

#[tokio::test]
async fn bytes_are_readable_before_they_are_durable_and_say_so() {
    let Place { dir: _dir, logs } = place();
    let mut opened = logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    opened.state.wait_for(|state| state.durable == 3).await.expect("the writer lives");
    let mut tail = logs.tail(&name(), 0).await.expect("there");
    let part = tail.next(100).await.expect("readable");
    assert_eq!(part, Part::Bytes { offset: 0, data: Bytes::from_static(b"abc"), provisional: false });
    append(&logs, chunk(3, &["d"])).await;
    let Part::Bytes { offset: 3, .. } = tail.next(100).await.expect("readable") else { panic!("one byte follows") };
}

#[tokio::test]
async fn a_failed_sync_ends_the_writer_and_nothing_is_acknowledged() {
    let disk = FaultyDisk::new();
    let logs = start(Arc::new(disk.clone()), PathBuf::from("/data/logs"));
    let opened = logs.open(key(), &name(), QUOTA).await.expect("opened");
    // The bytes and their entry are written, then the bytes are synced.
    disk.fail_at(disk.operations() + 2, std::io::ErrorKind::Other);
    append(&logs, chunk(0, &["lost"])).await;
    assert!(matches!(logs.failed().await, Error::Log(_)));
    assert_eq!(opened.state.borrow().durable, 0);
    assert!(matches!(logs.append(key(), chunk(4, &["more"])).await, Err(Error::Stopped)));
}

#[tokio::test]
async fn a_full_volume_refuses_bytes_and_loses_none() {
    let disk = FaultyDisk::new();
    let logs = start(Arc::new(disk.clone()), PathBuf::from("/data/logs"));
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc"])).await;
    disk.limit_bytes(60);
    assert_eq!(append(&logs, chunk(3, &["d"])).await, Verdict::NoSpace { want: 3 });
    disk.limit_bytes(1 << 20);
    assert_eq!(append(&logs, chunk(3, &["d"])).await, Verdict::Stored);
    assert_eq!(text(&logs).await, "abcd");
}

#[tokio::test]
async fn a_log_that_finds_no_room_to_begin_or_to_end_does_so_later() {
    let disk = FaultyDisk::new();
    let logs = start(Arc::new(disk.clone()), PathBuf::from("/data/logs"));
    // What is there is synced, then its first directory is made.
    disk.fail_at(disk.operations() + 1, std::io::ErrorKind::StorageFull);
    let error = logs.open(key(), &name(), QUOTA).await.expect_err("no room");
    assert!(error.is_no_space(), "{error}");
    assert_eq!(logs.open(key(), &name(), QUOTA).await.expect("opened").stored, 0);
    append(&logs, chunk(0, &["abc"])).await;
    disk.limit_bytes(60);
    let lost = || HostEnd::Lost(GapReason::PowerLost);
    assert!(logs.seal(key(), 3, lost()).await.expect_err("no room for the gap").is_no_space());
    assert!(logs.abandon(key(), &name(), QUOTA).await.expect_err("no room").is_no_space());
    disk.limit_bytes(1 << 20);
    assert_eq!(logs.open(key(), &name(), QUOTA).await.expect("opened").stored, 3);
    let SealVerdict::Sealed(sealed) = logs.seal(key(), 3, lost()).await.expect("room") else { panic!("all is there") };
    assert_eq!((sealed.total, sealed.gaps), (3, 1));
    assert_eq!(text(&logs).await, "abc");
}

#[tokio::test]
async fn where_there_is_little_room_new_bytes_wait_on_the_host_and_known_ones_are_known() {
    let dir = tempfile::tempdir().expect("a folder");
    let logs = start(Arc::new(RealDisk), dir.path().join("logs"));
    logs.open(key(), &name(), QUOTA).await.expect("open");
    assert_eq!(append(&logs, chunk(0, &["abc"])).await, Verdict::Stored);
    logs.refuse_bytes(true);
    assert_eq!(append(&logs, chunk(3, &["d"])).await, Verdict::NoSpace { want: 3 });
    assert_eq!(append(&logs, chunk(0, &["abc"])).await, Verdict::Duplicate);
    logs.refuse_bytes(false);
    assert_eq!(append(&logs, chunk(3, &["d"])).await, Verdict::Stored);
    assert_eq!(text(&logs).await, "abcd");
}

/// How many operations of the disk it takes to make a byte in each of so many logs durable.
fn syncs_of(disk: &FaultyDisk, logs: u32) -> u64 {
    let dir = std::path::Path::new("/data/logs");
    let mut writer = writer::Writer::new(Arc::new(disk.clone()), dir, registry::Registry::default(), Arc::default())
        .expect("a writer");
    let key = |number| LogKey { fence: Fence(u64::from(number)), step: 1 };
    let mut states = Vec::new();
    for number in 1..=logs {
        let base = LogName { attempt: Attempt(number), ..name() }.base(dir);
        states.push(writer.open(key(number), base, QUOTA).expect("opened"));
        assert_eq!(writer.append(key(number), &chunk(0, &["x"])).expect("the log is open"), Verdict::Stored);
    }
    let before = disk.operations();
    writer.sync().expect("synced");
    assert!(states.iter().all(|state| state.borrow().durable == 1));
    disk.operations() - before
}

#[test]
fn more_than_four_logs_are_synced_at_once_with_their_volume_and_survive_a_power_cut() {
    assert!(syncs_of(&FaultyDisk::new(), 4) >= 8, "two files of each log");
    let disk = FaultyDisk::new();
    assert_eq!(syncs_of(&disk, 5), 1);
    disk.crash(3);
    for attempt in 1..=5 {
        let base = LogName { attempt: Attempt(attempt), ..name() }.base(std::path::Path::new("/data/logs"));
        assert_eq!(disk.read(&base.with_extension("log")).expect("its name is kept"), b"x");
    }
}

#[tokio::test]
async fn a_log_that_moved_is_read_as_before() {
    let Place { dir, logs } = place();
    let (here, there) = (dir.path().join("logs"), dir.path().join("big"));
    moved_dir(&RealDisk, dir.path(), "a master", Some(&there)).expect("made");
    let logs = logs.and_moved(Some(there.clone()));
    logs.open(key(), &name(), QUOTA).await.expect("opened");
    append(&logs, chunk(0, &["abc\n", "d"])).await;
    logs.seal(key(), 5, HostEnd::Whole(Digest(*blake3::hash(b"abc\nd").as_bytes()))).await.expect("whole");
    logs.close(key()).await.expect("closed");
    let before = logs.summary(&name()).await.expect("readable").expect("there");
    assert_eq!(move_old(&RealDisk, (&here, &there), &name().run.project, 43, &|_| false, &|| false).expect("moved"), 1);
    assert!(!name().base(&here).with_extension("idx").exists());
    assert_eq!(logs.summary(&name()).await.expect("readable").expect("there"), before);
    assert_eq!(text(&logs).await, "abc\nd");
    assert_eq!(logs.read(&name(), 2, 2).await.expect("readable"), "c\n".as_bytes());
    let mut tail = logs.tail(&name(), 4).await.expect("there");
    assert!(matches!(tail.next(100).await.expect("readable"), Part::Bytes { offset: 4, .. }));
}
