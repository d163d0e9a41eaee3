use windlass_core::model::UnixMs;
use windlass_core::{Fact, Recorded};

use super::{Error, Facts};

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
async fn a_turn_longer_than_a_record_is_several() {
    let dir = tempfile::tempdir().expect("a folder");
    let (facts, _) = open(dir.path(), CLUSTER).expect("a new journal");
    let committer = facts.into_committer().expect("a thread");
    let long = |key: u8| Recorded {
        at: UnixMs(1),
        fact: Fact::DeliveryMatchedNothing { key: char::from(key).to_string(), why: "x".repeat(2 * 1024 * 1024) },
    };
    let turn = vec![long(b'a'), long(b'b'), long(b'c')];
    assert_eq!(committer.commit(1, turn.clone()).await.expect("durable"), 3);
    committer.close();
    assert_eq!(open(dir.path(), CLUSTER).expect("the same journal").1, turn);
}

#[test]
fn a_journal_of_another_cluster_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    drop(open(dir.path(), CLUSTER).expect("a new journal"));
    let error = open(dir.path(), [8; 16]).expect_err("it is not ours");
    assert!(error.is_damage());
    assert!(error.to_string().contains("another cluster"), "{error}");
}
