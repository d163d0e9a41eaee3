//! A state directory in a temporary folder, and attempts in it, for tests of this crate.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use windlass_core::attempt::{LineBody, LogEnd};
use windlass_core::model::{Action, Attempt, Command, Duration, Envelope, Fence, Outcome, RunIf, Step, Workspace};
use windlass_disk::lock::is_locked;
use windlass_disk::{Disk, RealDisk};

use super::{OwnRecord, StateDir, Store};
use crate::host::{Host, RealHost};

pub(crate) const BOOT: &str = "this-boot";

/// A store whose folder lives as long as it does.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn fixture() -> Fixture {
    fixture_on(Arc::new(RealDisk), Arc::new(RealHost))
}

pub(crate) fn fixture_on(disk: Arc<dyn Disk>, host: Arc<dyn Host>) -> Fixture {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let dir = StateDir::new(&folder.path().join("state"));
    let store = Store::open(Arc::clone(&disk), host, &dir).expect("a store");
    Fixture { store, disk, folder }
}

/// Waits until nobody holds the lock of a file that was let go: until it is executed, a child that another test starts has a copy of it.
pub(crate) fn wait_until_free(file: &Path) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while is_locked(file).expect("Linux lists its locks") {
        assert!(std::time::Instant::now() < until, "{} stays locked", file.display());
        std::thread::yield_now();
    }
}

/// One step of `shop#1 build`.
pub(crate) fn envelope() -> Envelope {
    Envelope {
        run: "shop#1".parse().expect("a run"),
        job: "build".parse().expect("a job"),
        attempt: Attempt(1),
        env: BTreeMap::new(),
        steps: vec![Step {
            name: "compile".to_owned(),
            run_if: RunIf::Success,
            timeout: Duration::from_secs(0),
            dir: String::new(),
            env: BTreeMap::new(),
            secrets: Default::default(),
            secret_files: Default::default(),
            tolerate: false,
            action: Action::Command(Command { argv: vec!["true".to_owned()], script: None }),
        }],
        timeout: Duration::from_secs(60),
        silent_timeout: Duration::from_secs(0),
        grace: Duration::from_secs(5),
        cleanup: Duration::from_secs(5),
        log_quota_bytes: 1024,
        slots: 1,
        limits: Default::default(),
        workspace: Workspace::Warm,
        lane: None,
    }
}

pub(crate) fn accepted(fence: Fence, boot_id: &str) -> LineBody {
    LineBody::Accepted { fence, envelope: Box::new(envelope()), boot_id: boot_id.to_owned() }
}

pub(crate) fn exit(logs: Vec<Option<LogEnd>>) -> LineBody {
    LineBody::Exit { outcome: Outcome::Succeeded, logs, cancel_too_late: false }
}

impl Fixture {
    /// An attempt with these lines; the record is still locked.
    pub(crate) fn attempt(&self, fence: Fence, lines: Vec<LineBody>) -> OwnRecord {
        let mut record = self.store.begin(fence).expect("a new attempt");
        for (body, index) in lines.into_iter().zip(1..) {
            record.append(index, body).expect("appended");
        }
        record
    }
}
