use windlass_core::model::UnixMs;
use windlass_core::{Fact, Recorded, State};

use super::{Checkpoint, Checkpointer, Error, Facts, Files, Pace};

const CLUSTER: [u8; 16] = [7; 16];
const SEGMENT: u64 = 64 * 1024;

fn begun(epoch: u64) -> Recorded {
    Recorded { at: UnixMs(epoch), fact: Fact::EpochBegun { epoch } }
}

fn open(dir: &std::path::Path, cluster: [u8; 16]) -> Result<(Facts, Vec<Recorded>), Error> {
    let mut seen = Vec::new();
    let facts = Facts::open(dir, cluster, SEGMENT, |turn| seen.extend_from_slice(turn))?;
    Ok((facts, seen))
}

#[tokio::test]
async fn what_was_committed_is_there_after_a_start_and_can_be_followed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (facts, seen) = open(dir.path(), CLUSTER).expect("a new journal");
    assert!(seen.is_empty());
    let reader = facts.reader();
    let committer = facts.into_committer().expect("a thread");
    committer.reserve().await.expect("there is room");
    assert_eq!(committer.commit(1, vec![begun(1), begun(2)]).await.expect("durable"), 2);
    assert_eq!(committer.commit(2, vec![begun(3)]).await.expect("durable"), 3);
    let read = reader.read_from(2, 3, 10).expect("it reads");
    assert_eq!(read, vec![(2, begun(2)), (3, begun(3))]);
    committer.quiet(2).await.expect("durable");
    committer.close();
    let (facts, seen) = open(dir.path(), CLUSTER).expect("the same journal");
    assert_eq!(seen, vec![begun(1), begun(2), begun(3)]);
    assert_eq!((facts.last_lsn(), facts.last_epoch()), (3, 2));
}

#[tokio::test]
async fn a_turn_longer_than_a_record_is_refused_and_nothing_of_it_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let (facts, _) = open(dir.path(), CLUSTER).expect("a new journal");
    let committer = facts.into_committer().expect("a thread");
    let long = |key: u8| Recorded {
        at: UnixMs(1),
        fact: Fact::DeliveryMatchedNothing { key: char::from(key).to_string(), why: "x".repeat(2 * 1024 * 1024) },
    };
    let refused = committer.commit(1, vec![long(b'a'), long(b'b')]).await;
    assert!(matches!(refused, Err(Error::Journal(windlass_disk::journal::Error::TooLarge { .. }))), "{refused:?}");
    committer.close();
    assert_eq!(open(dir.path(), CLUSTER).expect("the same journal").1, []);
}

#[test]
fn a_journal_of_another_cluster_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path(), CLUSTER).expect("a new journal"));
    let error = open(dir.path(), [8; 16]).expect_err("it is not ours");
    assert!(error.is_damage());
    assert!(error.to_string().contains("another cluster"), "{error}");
}

fn files(dir: &std::path::Path) -> Files {
    let disk = std::sync::Arc::new(windlass_disk::RealDisk);
    let (journal, checkpoints) = (dir.join("journal"), dir.join("checkpoints"));
    Files { disk, journal, checkpoints, cluster_id: CLUSTER, segment_bytes: 1024 }
}

/// Commits epochs 1 to 9 with a checkpoint behind every third one.
async fn nine_epochs(files: &Files) -> State {
    let (facts, mut state) = Facts::start(files).expect("a new journal");
    let committer = facts.into_committer().expect("a thread");
    for epoch in 1..=9 {
        let turn = vec![begun(epoch)];
        super::fold(&mut state, &turn);
        committer.commit(epoch, turn).await.expect("durable");
        if epoch % 3 == 0 {
            let checkpoint = Checkpoint { mark: committer.place().mark, state: std::sync::Arc::new(state.clone()) };
            files.checkpoints().write(&checkpoint).expect("written");
        }
    }
    committer.close();
    state
}

fn folded(files: &Files) -> State {
    let mut state = State::default();
    Facts::open(&files.journal, CLUSTER, 1024, |turn| super::fold(&mut state, turn)).expect("it opens");
    state
}

#[tokio::test]
async fn a_start_from_a_checkpoint_believes_what_all_facts_say_and_two_are_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = files(dir.path());
    let state = nine_epochs(&files).await;
    assert_eq!(files.checkpoints().files().expect("listed").len(), 2);
    assert_eq!(folded(&files), state);
    let (facts, started) = Facts::start(&files).expect("it starts");
    assert_eq!((facts.recovered.records, &started), (0, &state));
    drop(facts);
    let newest = files.checkpoints().files().expect("listed").remove(0);
    std::fs::write(&newest, b"not what was written").expect("written");
    let (facts, started) = Facts::start(&files).expect("it starts from the older one");
    assert_eq!((facts.recovered.records, &started), (3, &state));
    drop(facts);
    std::fs::remove_dir_all(&files.checkpoints).expect("removed");
    let (facts, started) = Facts::start(&files).expect("it starts from the first segment");
    assert_eq!((facts.recovered.records, &started), (9, &state));
}

#[tokio::test]
async fn a_checkpoint_of_a_newer_program_is_refused_by_a_sentence() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = files(dir.path());
    nine_epochs(&files).await;
    let newest = files.checkpoints().files().expect("listed").remove(0);
    let mut bytes = std::fs::read(&newest).expect("read");
    bytes.truncate(bytes.len() - 32);
    bytes[8] += 1;
    let digest = blake3::hash(&bytes);
    bytes.extend_from_slice(digest.as_bytes());
    std::fs::write(&newest, bytes).expect("written");
    let error = Facts::start(&files).expect_err("it is refused");
    assert!(error.is_damage());
    assert!(error.to_string().contains("start the newer program"), "{error}");
}

#[tokio::test]
async fn a_checkpoint_that_the_journal_does_not_reach_proves_that_it_was_cut() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = files(dir.path());
    nine_epochs(&files).await;
    std::fs::remove_dir_all(&files.journal).expect("removed");
    assert!(Facts::start(&files).expect_err("it is refused").is_damage());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_turn_is_in_a_checkpoint_when_the_master_has_stopped() {
    let dir = tempfile::tempdir().expect("a folder");
    let files = files(dir.path());
    let (facts, mut state) = Facts::start(&files).expect("a new journal");
    let checkpointer = Checkpointer::start(files.checkpoints(), facts.source(), Pace::default(), 0).expect("a thread");
    let committer = facts.into_committer().expect("a thread");
    super::fold(&mut state, &[begun(1)]);
    committer.commit(1, vec![begun(1)]).await.expect("durable");
    let place = committer.place();
    checkpointer.turns().ended(std::sync::Arc::new(state.clone()), place.mark, place.bytes);
    tokio::task::block_in_place(|| checkpointer.stop());
    committer.close();
    let (facts, started) = Facts::start(&files).expect("it starts");
    assert_eq!((facts.recovered.records, started), (0, state));
}
