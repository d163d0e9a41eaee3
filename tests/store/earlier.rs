//! Every release adds a data directory under `tests/data`, and every later one opens them all. `runs --fixture DIR` makes one.

use std::path::{Path, PathBuf};

use windlass_core::State;
use windlass_master::facts::{Facts, fold};
use windlass_tests::damage::{answers, copy_dir, small_files};

fn releases() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let listed = std::fs::read_dir(data).expect("there is one for each release");
    let mut dirs: Vec<PathBuf> = listed.map(|entry| entry.expect("an entry").path()).collect();
    dirs.sort();
    dirs
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_every_earlier_release_is_opened_and_says_what_it_said() {
    let releases = releases();
    assert!(!releases.is_empty());
    for release in releases {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("data");
        copy_dir(&release, &dir).expect("copied");
        let files = small_files(&dir);
        let (facts, state) = Facts::start(&files).expect("it starts");
        let mut folded = State::default();
        drop(facts);
        let facts = Facts::open(&files.journal, files.cluster_id, files.segment_bytes, |turn| fold(&mut folded, turn));
        let end = facts.expect("every fact reads").last_lsn();
        assert_eq!(folded, state, "what the facts say and what a start believes: {}", release.display());
        let found = answers(&dir, &state, end).await.expect("the history is made anew");
        let said: String = found.runs.iter().map(|run| format!("{} {}\n", run.id, run.jobs.len())).collect();
        let expected = std::fs::read_to_string(release.join("runs.txt")).expect("the release left it");
        assert_eq!(said, expected, "{}", release.display());
        assert_eq!(found.lost, []);
    }
}
