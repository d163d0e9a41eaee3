//! Shims, groups and a host that do what a test says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_core::attempt::LineBody;
use windlass_core::model::{Fence, Secrets};
use windlass_disk::DiskFile;
use windlass_shim::{Cgroup, Cgroups};

use crate::attempts::AttemptDir;
use crate::attempts::fixture::wait_until_free;
use crate::host::{Host, RealHost, Volume};
use crate::work::groups::Groups;
use crate::work::shim::{Shim, Spawn};

/// Shims that do nothing but hold their records, until the test lets go.
#[derive(Clone, Default)]
pub(super) struct FakeShims {
    pub(super) records: Arc<Mutex<BTreeMap<String, (File, PathBuf)>>>,
    pub(super) killed: Arc<AtomicU64>,
    pub(super) broken: bool,
    pub(super) groups: FakeGroups,
}

struct FakeShim(Arc<AtomicU64>);

impl Shim for FakeShim {
    fn reap(&mut self) {}

    fn is_gone(&self) -> bool {
        false
    }

    fn kill(&mut self) -> io::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Spawn for FakeShims {
    fn spawn(&self, dir: &Path, record: Box<dyn DiskFile>, _secrets: &Secrets) -> io::Result<Box<dyn Shim>> {
        if self.broken {
            return Err(io::Error::other("no processes left"));
        }
        let record = File::from(record.descriptor().expect("a real file").try_clone_to_owned()?);
        let name = dir.file_name().expect("a name").to_string_lossy().into_owned();
        self.records().insert(name, (record, AttemptDir::new(dir).record()));
        Ok(Box::new(FakeShim(Arc::clone(&self.killed))))
    }

    fn groups(&self) -> &dyn Groups {
        &self.groups
    }
}

impl FakeShims {
    pub(super) fn writes(&self, fence: u64, index: u32, body: LineBody) {
        let line = windlass_core::attempt::Line { format: 1, index, boottime_ns: 0, wall_ms: 0, body };
        let mut record = self.records()[&fence.to_string()].0.try_clone().expect("a descriptor");
        io::Seek::seek(&mut record, io::SeekFrom::End(0)).expect("at the end");
        let mut writer = windlass_disk::record::RecordWriter::from_file(record).expect("a record");
        writer.append(&serde_json::to_vec(&line).expect("JSON")).expect("appended");
    }

    pub(super) fn dies(&self, fence: u64) {
        let (record, path) = self.records().remove(&fence.to_string()).expect("it lived");
        drop(record);
        wait_until_free(&path);
    }

    pub(super) fn count(&self) -> usize {
        self.records().len()
    }

    /// How often one was killed.
    pub(super) fn killed(&self) -> u64 {
        self.killed.load(Ordering::Relaxed)
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<String, (File, PathBuf)>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What processes in a group outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survive {
    Nothing,
    Kill,
}

/// Groups of nobody, named as `jobs/11`.
#[derive(Clone, Default)]
pub(super) struct FakeGroups {
    on: bool,
    there: Arc<Mutex<BTreeMap<String, Option<Survive>>>>,
    killed: Arc<Mutex<Vec<String>>>,
}

impl FakeGroups {
    pub(super) fn on() -> Self {
        Self { on: true, ..Self::default() }
    }

    pub(super) fn populate(&self, name: &str, survive: Survive) {
        self.all().insert(name.to_owned(), Some(survive));
    }

    pub(super) fn empty(&self, name: &str) {
        self.all().insert(name.to_owned(), None);
    }

    pub(super) fn there(&self) -> Vec<String> {
        self.all().keys().cloned().collect()
    }

    pub(super) fn killed(&self) -> Vec<String> {
        self.killed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Option<Survive>>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(group: &Cgroup) -> String {
    group.path().strip_prefix("/g").expect("one of ours").display().to_string()
}

impl Groups for FakeGroups {
    fn of(&self, fence: Fence) -> Option<Cgroups> {
        let group = |part: &str| Cgroup::new(format!("/g/{part}/{fence}"));
        self.on.then(|| Cgroups { job: group("jobs"), shim: group("shims") })
    }

    fn is_empty(&self, group: &Cgroup) -> io::Result<bool> {
        Ok(self.all().get(&name(group)).is_none_or(Option::is_none))
    }

    fn kill(&self, group: &Cgroup) -> io::Result<()> {
        self.killed.lock().unwrap_or_else(PoisonError::into_inner).push(name(group));
        match self.all().get_mut(&name(group)) {
            Some(inside) if *inside == Some(Survive::Nothing) => *inside = None,
            Some(_) | None => {}
        }
        Ok(())
    }

    fn remove(&self, group: &Cgroup) -> io::Result<()> {
        self.all().remove(&name(group));
        Ok(())
    }

    fn attempts(&self) -> io::Result<Vec<Fence>> {
        let names = self.there();
        Ok(names.iter().filter_map(|name| name.strip_prefix("jobs/")?.parse().ok()).collect())
    }
}

/// The real host but for its clock and its room.
#[derive(Debug, Default)]
pub(super) struct TestHost {
    now_ms: AtomicU64,
    full: std::sync::atomic::AtomicBool,
}

impl TestHost {
    pub(super) fn passes(&self, span_ms: u64) {
        self.now_ms.fetch_add(span_ms, Ordering::Relaxed);
    }

    pub(super) fn fills(&self, full: bool) {
        self.full.store(full, Ordering::Relaxed);
    }
}

impl Host for TestHost {
    fn boottime_ns(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed) * 1_000_000
    }

    fn wall_ms(&self) -> i64 {
        0
    }

    fn volume(&self, _dir: &Path) -> io::Result<Volume> {
        let total_bytes = 1 << 40;
        Ok(Volume { total_bytes, free_bytes: if self.full.load(Ordering::Relaxed) { 0 } else { total_bytes } })
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        RealHost.make_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        RealHost.remove_folder(folder)
    }
}
