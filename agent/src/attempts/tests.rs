use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::attempt::line::INDEX_LAST;
use windlass_core::attempt::{Concluder, LineBody};
use windlass_core::model::{Digest, Fence, NotStarted, Outcome, UnknownReason};
use windlass_disk::log::{GapReason, Kind, LogReader, LogWriter};
use windlass_disk::{Disk, FaultyDisk, Open, RealDisk};

use super::fixture::{BOOT, Fixture, accepted, exit, fixture, wait_until_free};
use super::*;
use crate::host::RealHost;

const FENCE: Fence = Fence(7);

/// Of an attempt whose lock was let go.
fn concluded(fixture: &Fixture, by: Concluder) -> Concluded {
    wait_until_free(&fixture.store.dir().attempt(FENCE).record());
    conclude(&fixture.store, FENCE, BOOT, by).expect("the disk is well")
}

fn last(concluded: Concluded) -> (u32, LineBody) {
    match concluded {
        Concluded::Ended(lines) => lines.last().map(|line| (line.index, line.body.clone())).expect("a last line"),
        other @ (Concluded::Live | Concluded::Deleted | Concluded::Unproven(_)) => panic!("not ended: {other:?}"),
    }
}

fn is_live(fixture: &Fixture) -> bool {
    matches!(conclude(&fixture.store, FENCE, BOOT, Concluder::Start), Ok(Concluded::Live))
}

fn void(reason: NotStarted) -> LineBody {
    LineBody::Void { outcome: Outcome::NotStarted { reason } }
}

#[test]
fn the_agents_memory_survives_and_never_goes_down() {
    let fixture = fixture();
    let load = || State::load(Arc::new(RealDisk), fixture.store.dir(), "cluster");
    let mut state = load().expect("begun");
    assert_eq!(state.next_incarnation().expect("synced"), 1);
    state.obey(9).expect("synced");
    state.obey(8).expect("ignored");
    state.raise_floor(70).expect("synced");
    state.raise_floor(60).expect("ignored");
    let mut again = load().expect("read");
    assert_eq!((again.max_epoch(), again.floor()), (9, Fence(70)));
    assert_eq!(again.next_incarnation().expect("synced"), 2);
    let other = State::load(Arc::new(RealDisk), fixture.store.dir(), "other");
    assert!(matches!(other, Err(Error::OtherCluster { .. })));
    std::fs::write(fixture.store.dir().state(), b"flipped").expect("damaged");
    assert_eq!(load().expect("begun anew").next_incarnation().expect("synced"), 1);
}

#[test]
fn an_attempt_is_begun_once() {
    let fixture = fixture();
    let _record = fixture.attempt(FENCE, vec![]);
    fixture.store.begin(FENCE).expect_err("it is there");
    assert_eq!(fixture.store.list().expect("listed"), [FENCE]);
}

#[test]
fn a_held_lock_means_a_live_shim_and_a_free_one_is_concluded() {
    let fixture = fixture();
    let record = fixture.attempt(FENCE, vec![accepted(FENCE, BOOT)]);
    assert!(is_live(&fixture));
    let inherited = record.inheritable().expect("a descriptor");
    drop(record);
    assert!(is_live(&fixture), "the lock belongs to the open file");
    drop(inherited);
    let agent_restart = (2, void(NotStarted::AgentRestart));
    assert_eq!(last(concluded(&fixture, Concluder::Start)), agent_restart);
    assert_eq!(last(concluded(&fixture, Concluder::ShimGone)), agent_restart, "what was concluded stands");
}

#[test]
fn nothing_promised_is_deleted_and_a_cancel_is_honoured() {
    let fixture = fixture();
    drop(fixture.attempt(FENCE, vec![]));
    assert!(matches!(concluded(&fixture, Concluder::Start), Concluded::Deleted));
    assert!(fixture.store.list().expect("listed").is_empty());
    drop(fixture.attempt(FENCE, vec![accepted(FENCE, BOOT)]));
    fixture.store.cancel(FENCE, true, "mara", "wrong branch").expect("asked");
    fixture.store.cancel(FENCE, false, "tom", "again").expect("asked again");
    let dir = fixture.store.dir().attempt(FENCE);
    let text = std::fs::read_to_string(dir.cancel()).expect("there");
    assert_eq!(text, r#"{"by":"mara","why":"wrong branch"}"#);
    assert!(dir.cancel_force().exists());
    assert_eq!(last(concluded(&fixture, Concluder::ShimGone)).1, LineBody::Void { outcome: Outcome::Cancelled });
}

#[test]
fn a_lost_shim_leaves_unknown_and_logs_that_end_at_their_last_whole_chunk() {
    let fixture = fixture();
    let over = LineBody::StepEnded {
        step: 2,
        outcome: windlass_core::model::StepOutcome::Succeeded,
        outputs: Default::default(),
    };
    let lines = vec![accepted(FENCE, BOOT), LineBody::Go, LineBody::StepStarted { step: 1 }, over];
    drop(fixture.attempt(FENCE, lines));
    let dir = fixture.store.dir().attempt(FENCE);
    let (mut other, _) = LogWriter::open(&RealDisk, &dir.log(2)).expect("a log");
    other.append(Kind::Stdout, 1, b"all, or its beginning").expect("written");
    let (mut log, _) = LogWriter::open(&RealDisk, &dir.log(1)).expect("a log");
    log.append(Kind::Stdout, 1, b"half of").expect("written");
    let torn = RealDisk.open(&dir.log(1).with_extension("log"), Open::Write).expect("the bytes");
    torn.append(b" a chunk").expect("written without its entry");
    let (index, body) = last(concluded(&fixture, Concluder::ShimGone));
    let LineBody::Exit { outcome, logs, .. } = body else { panic!("{body:?}") };
    assert_eq!((index, outcome), (INDEX_LAST, Outcome::Unknown { reason: UnknownReason::ShimLost }));
    let end = logs[0].expect("it has a log");
    assert_eq!((end.total, end.digest), (7, Some(Digest::of(b"half of"))));
    for step in [1, 2] {
        let entries = LogReader::open(&RealDisk, &dir.log(step)).expect("a log").entries(0, 9).expect("readable");
        let gap = entries.last().map(|entry| entry.gap);
        assert_eq!(gap, Some(GapReason::ShimLost), "step {step}: its bytes may have lain in its pipes");
    }
}

#[test]
fn logs_are_ended_once_wherever_a_full_disk_cuts_it_short() {
    let dir = StateDir::new(Path::new("/agent"));
    for operation in 0.. {
        let disk = FaultyDisk::new();
        let store = Store::open(Arc::new(disk.clone()), Arc::new(RealHost), &dir).expect("a store");
        drop(store.begin(FENCE).expect("a new attempt"));
        let attempt = dir.attempt(FENCE);
        for step in [1, 2] {
            let (mut log, _) = LogWriter::open(&disk, &attempt.log(step)).expect("a log");
            log.append(Kind::Stdout, 1, b"half of").expect("written");
        }
        disk.fail_at(disk.operations() + operation, std::io::ErrorKind::StorageFull);
        let first = end_logs(&store, &attempt, UnknownReason::ShimLost);
        disk.spare();
        let ends = end_logs(&store, &attempt, UnknownReason::ShimLost).expect("there is room again");
        assert_eq!(end_logs(&store, &attempt, UnknownReason::ShimLost).expect("asked again"), ends);
        for step in [1, 2] {
            let entries = LogReader::open(&disk, &attempt.log(step)).expect("a log").entries(0, 9).expect("readable");
            let kinds: Vec<_> = entries.iter().map(|entry| (entry.kind, entry.gap)).collect();
            let expected = [(Kind::Stdout, GapReason::NoGap), (Kind::Gap, GapReason::ShimLost)];
            assert_eq!(kinds, expected, "step {step}, cut short at operation {operation}");
        }
        if let Ok(first) = first {
            assert!(operation > 4, "nothing was cut short");
            assert_eq!(first, ends);
            return;
        }
    }
}

#[test]
fn what_is_concluded_stays_with_its_names() {
    let disk = FaultyDisk::new();
    let dir = StateDir::new(Path::new("/agent"));
    let store = Store::open(Arc::new(disk.clone()), Arc::new(RealHost), &dir).expect("a store");
    let mut record = store.begin(FENCE).expect("a new attempt");
    record.append(1, accepted(FENCE, BOOT)).expect("appended");
    drop(record);
    conclude(&store, FENCE, BOOT, Concluder::Start).expect("the disk is well");
    assert!(disk.is_synced(&dir.attempt(FENCE).record()), "the agent died before it synced the directories");
}

#[test]
fn damage_ends_in_evidence_damaged_with_the_highest_index() {
    let fixture = fixture();
    drop(fixture.attempt(FENCE, vec![accepted(FENCE, BOOT), LineBody::Go]));
    let path = fixture.store.dir().attempt(FENCE).record();
    let mut bytes = std::fs::read(&path).expect("there");
    bytes[12] ^= 1;
    std::fs::write(&path, &bytes).expect("flipped");
    let (index, body) = last(concluded(&fixture, Concluder::Start));
    assert_eq!(index, u32::MAX);
    let unknown = Outcome::Unknown { reason: UnknownReason::EvidenceDamaged };
    assert!(matches!(&body, LineBody::Exit { outcome, .. } if *outcome == unknown), "{body:?}");
    assert_eq!(last(concluded(&fixture, Concluder::Start)), (index, body), "it is written once");
}

#[test]
fn a_follower_sees_whole_lines_once() {
    let fixture = fixture();
    let mut record = fixture.attempt(FENCE, vec![accepted(FENCE, BOOT)]);
    let mut follow = Follow::open(&RealDisk, &fixture.store.dir().attempt(FENCE)).expect("there");
    assert_eq!(follow.poll().expect("read").len(), 1);
    assert!(follow.poll().expect("read").is_empty());
    record.append(2, LineBody::Go).expect("appended");
    record.append(3, exit(vec![])).expect("appended");
    let bodies: Vec<_> = follow.poll().expect("read").iter().map(|line| line.body.clone()).collect();
    assert_eq!(bodies, [LineBody::Go, exit(vec![])]);
}

#[test]
fn forgetting_leaves_nothing_of_the_attempt() {
    let fixture = fixture();
    drop(fixture.attempt(FENCE, vec![accepted(FENCE, BOOT)]));
    let dir = fixture.store.dir().attempt(FENCE);
    std::fs::create_dir_all(dir.path().join("tmp/deep")).expect("made");
    std::fs::write(dir.path().join("tmp/deep/file"), b"x").expect("written");
    let blob = |name: &str| -> PathBuf { fixture.store.dir().blobs().join(name) };
    for name in ["ab.7", "cd.7.part", "ef.17"] {
        std::fs::write(blob(name), b"x").expect("written");
    }
    fixture.store.forget(FENCE).expect("forgotten");
    assert!(fixture.store.list().expect("listed").is_empty());
    assert_eq!((blob("ab.7").exists(), blob("cd.7.part").exists(), blob("ef.17").exists()), (false, false, true));
    assert!(spool_bytes(&RealDisk, &dir) == 0);
}

#[test]
fn a_record_of_a_newer_program_is_left_alone() {
    let fixture = fixture();
    let mut record = fixture.attempt(FENCE, vec![accepted(FENCE, BOOT)]);
    let path = fixture.store.dir().attempt(FENCE).record();
    let mut follow = Follow::open(&RealDisk, &fixture.store.dir().attempt(FENCE)).expect("there");
    record.append_raw(br#"{"format":2,"index":2,"body":{"what":"something new"}}"#);
    drop(record);
    wait_until_free(&path);
    let before = std::fs::read(&path).expect("there");
    let refused = conclude(&fixture.store, FENCE, BOOT, Concluder::Start);
    assert!(matches!(refused, Err(Error::NewerRecord { format: 2, .. })), "{refused:?}");
    assert!(matches!(follow.poll(), Err(Error::NewerRecord { format: 2, .. })));
    assert_eq!(std::fs::read(&path).expect("there"), before);
}
