use std::path::Path;

use windlass_core::model::{Duration, UnixMs};
use windlass_core::{Fact, Recorded, State};

use super::*;
use crate::clock::wall;
use crate::data_dir::DataDir;
use crate::facts::{Committer, Facts, Files, fold};
use crate::identity::Identity;
use crate::init::files;

struct Kept {
    dir: tempfile::TempDir,
    data: DataDir,
    identity: Identity,
    files: Files,
}

impl Kept {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let data = DataDir::at(&dir.path().join("data"));
        data.create().expect("made");
        let identity = Identity::create(&data.identity_dir(), wall()).expect("made");
        let files = Files { segment_bytes: 1024, ..files(&data, &identity) };
        std::fs::create_dir_all(data.logs().join("shop/1/a.1")).expect("made");
        std::fs::write(data.logs().join("shop/1/a.1/step-01.log"), "hello\n").expect("written");
        std::fs::create_dir_all(data.blobs()).expect("made");
        std::fs::write(data.blobs().join("abc"), "blob").expect("written");
        Self { dir, data, identity, files }
    }

    /// Log `b.1` lies at another place, and `a.1` at both.
    fn move_a_log(&self) {
        let old = crate::config::OldLogs { dir: self.place("big"), after: Duration::from_secs(86_400) };
        let big = self.data.moved_logs(&self.identity, Some(&old)).expect("made").expect("it is configured");
        for (log, text) in [("a.1", "hello\n"), ("b.1", "moved\n")] {
            std::fs::create_dir_all(big.join("shop/1").join(log)).expect("made");
            std::fs::write(big.join("shop/1").join(log).join("step-01.log"), text).expect("written");
        }
    }

    fn place(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn at(&self, dir: &Path) -> Files {
        let data = DataDir::at(dir);
        Files { journal: data.journal(), checkpoints: data.checkpoints(), ..self.files.clone() }
    }

    fn backup(&self, to: &str) -> Result<(), crate::exit::Failure> {
        backup(&self.data, &self.identity, &self.files, &self.place(to))
    }
}

async fn epochs(files: &Files, epochs: std::ops::RangeInclusive<u64>) -> (Committer, State) {
    let (facts, mut state) = Facts::start(files).expect("it starts");
    let committer = facts.into_committer().expect("a thread");
    for epoch in epochs {
        let turn = vec![Recorded { at: UnixMs(epoch), fact: Fact::EpochBegun { epoch } }];
        fold(&mut state, &turn);
        committer.commit(epoch, turn).await.expect("durable");
    }
    (committer, state)
}

#[tokio::test]
async fn a_backup_beside_a_running_master_restores_what_it_believed_and_is_held() {
    let kept = Kept::new();
    kept.move_a_log();
    let (committer, state) = epochs(&kept.files, 1..=9).await;
    kept.backup("backup").expect("it is hot");
    committer.commit(10, vec![Recorded { at: UnixMs(10), fact: Fact::EpochBegun { epoch: 10 } }]).await.expect("later");
    assert!(!kept.place("backup/identity").exists());
    let restored = kept.place("restored");
    restore(&kept.place("backup"), &restored).expect("it verifies");
    let (facts, found) = Facts::start(&kept.at(&restored)).expect("it starts");
    assert_eq!(found, state);
    assert_eq!(std::fs::read(restored.join("logs/shop/1/a.1/step-01.log")).expect("there"), b"hello\n");
    assert_eq!(std::fs::read(restored.join("logs/shop/1/b.1/step-01.log")).expect("there"), b"moved\n");
    assert!(!restored.join("logs/.moved-logs").exists() && !restored.join(".moved-logs").exists());
    assert_eq!(std::fs::read(restored.join("blobs/abc")).expect("there"), b"blob");
    assert!(Mark::find(&restored, facts.last_lsn()).expect("read").is_some());
    assert_eq!(Mark::find(&restored, facts.last_lsn() + 1).expect("read"), None);
    drop(facts);
    std::fs::remove_dir_all(restored.join("checkpoints")).expect("removed");
    assert_eq!(Facts::start(&kept.at(&restored)).expect("it starts").1, state);
}

#[tokio::test]
async fn a_backup_that_is_not_what_its_manifest_names_is_refused_before_anything_is_written() {
    let kept = Kept::new();
    epochs(&kept.files, 1..=3).await.0.close();
    kept.backup("backup").expect("made");
    std::fs::write(kept.place("backup/logs/shop/1/a.1/step-01.log"), "hullo\n").expect("written");
    restore(&kept.place("backup"), &kept.place("restored")).expect_err("a changed file");
    assert!(!kept.place("restored").exists());
    std::fs::remove_file(kept.place("backup/manifest.json")).expect("removed");
    restore(&kept.place("backup"), &kept.place("restored")).expect_err("no manifest");
    kept.backup("backup").expect_err("the directory is not empty");
}

#[tokio::test]
async fn the_doctor_names_the_damage_and_its_copy_ends_before_it_and_is_held() {
    let kept = Kept::new();
    epochs(&kept.files, 1..=9).await.0.close();
    doctor(&kept.data, &kept.files, None).expect("it is sound");
    let first = kept.files.source().files().expect("listed").remove(0).1;
    let mut bytes = std::fs::read(&first).expect("read");
    let (record, head) = (bytes.len() / 2, 72);
    bytes[head + record / 8 * 8] ^= 1;
    std::fs::write(&first, bytes).expect("written");
    let damage = Facts::start(&kept.files).expect_err("it is damaged");
    assert!(damage.is_damage());
    let copy = kept.place("copy");
    doctor(&kept.data, &kept.files, Some(&copy)).expect("written");
    let (facts, state) = Facts::start(&kept.at(&copy)).expect("it starts");
    assert!((1..9).contains(&state.epoch), "{}", state.epoch);
    assert!(Mark::find(&copy, facts.last_lsn()).expect("read").is_some());
    assert!(copy.join("identity").exists());
    assert!(Facts::start(&kept.files).expect_err("nothing was changed").is_damage());
    doctor(&kept.data, &kept.files, None).expect_err("and it says so again");
}
