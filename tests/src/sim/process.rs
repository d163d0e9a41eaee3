//! A process as its disk sees it: it can die before, in the middle of or right after any change, and nothing it does later has an effect.
//!
//! `kill -9` loses nothing of what the page cache has, so the disk below is not touched; a power cut takes the host with it.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use windlass_disk::file::Result;
use windlass_disk::{Disk, DiskFile, Error, FaultyDisk, Open};

/// When a process dies by itself, counted in its own changes and syncs.
#[derive(Debug, Clone, Copy)]
pub struct Death {
    /// At this change.
    pub at: u64,
    /// It is done, but the process never learns it.
    pub done: bool,
    /// The host loses its power in the same moment.
    pub power: bool,
}

#[derive(Debug, Default)]
struct Life {
    dead: bool,
    changes: u64,
    death: Option<Death>,
    power_lost: bool,
}

/// A process. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct Process(Arc<Mutex<Life>>);

impl Process {
    /// Whether it may act.
    pub fn is_alive(&self) -> bool {
        !self.life().dead
    }

    /// `kill -9`, now.
    pub fn kill(&self) {
        self.life().dead = true;
    }

    /// Plans its death, so many changes from now.
    pub fn dies_in(&self, changes: u64, done: bool, power: bool) {
        let mut life = self.life();
        life.death = Some(Death { at: life.changes + changes, done, power });
    }

    /// It does not die by itself any more.
    pub fn spare(&self) {
        self.life().death = None;
    }

    /// Whether it took the power of its host along.
    pub fn lost_power(&self) -> bool {
        self.life().power_lost
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a change: whether it is done at all, and whether the process is there after it.
    fn change(&self) -> Fate {
        let mut life = self.life();
        if life.dead {
            return Fate::Dead;
        }
        life.changes += 1;
        match life.death {
            Some(death) if life.changes > death.at => {
                life.dead = true;
                life.power_lost = death.power;
                if death.done { Fate::LastDeed } else { Fate::DiesNow }
            }
            Some(_) | None => Fate::Lives,
        }
    }
}

enum Fate {
    Lives,
    LastDeed,
    DiesNow,
    Dead,
}

fn dead(operation: &'static str, path: &Path) -> Error {
    Error::new(operation, path, io::Error::other("the process is dead"))
}

/// Complaints about the use of locks, shared with the model.
pub type Complaints = Arc<Mutex<Vec<String>>>;

type Owner = Arc<Mutex<Process>>;

/// The disk of a host, as one process uses it.
#[derive(Debug, Clone)]
pub struct ProcessDisk {
    disk: FaultyDisk,
    process: Process,
    inherited: Arc<Mutex<Option<Owner>>>,
    complaints: Complaints,
}

impl ProcessDisk {
    /// This process on this disk.
    pub fn new(disk: &FaultyDisk, process: &Process, complaints: &Complaints) -> Self {
        let (disk, process, complaints) = (disk.clone(), process.clone(), Arc::clone(complaints));
        Self { disk, process, inherited: Arc::default(), complaints }
    }

    /// The last duplicate of a file of this disk belongs to another process from now on.
    pub fn hand_over(&self, heir: &Process) {
        if let Some(owner) = lock(&self.inherited).take() {
            *lock(&owner) = heir.clone();
        }
    }

    fn change<T>(&self, operation: &'static str, path: &Path, act: impl FnOnce() -> Result<T>) -> Result<T> {
        change(&self.process, operation, path, act, || ())
    }

    fn look<T>(&self, operation: &'static str, path: &Path, act: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.process.is_alive() { act() } else { Err(dead(operation, path)) }
    }
}

fn change<T>(
    process: &Process,
    operation: &'static str,
    path: &Path,
    act: impl FnOnce() -> Result<T>,
    half: impl FnOnce(),
) -> Result<T> {
    match process.change() {
        Fate::Lives => act(),
        Fate::LastDeed => act().and_then(|_| Err(dead(operation, path))),
        Fate::DiesNow => {
            half();
            Err(dead(operation, path))
        }
        Fate::Dead => Err(dead(operation, path)),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk for ProcessDisk {
    fn open(&self, path: &Path, how: Open) -> Result<Box<dyn DiskFile>> {
        let open = || self.disk.open(path, how);
        let inner = match how {
            Open::Read | Open::Write => self.look("open", path, open)?,
            Open::Create | Open::CreateNew | Open::Truncate => self.change("open", path, open)?,
        };
        Ok(Box::new(ProcessFile::new(inner, self.process.clone(), self)))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.change("rename", from, || self.disk.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        self.change("remove", path, || self.disk.remove_file(path))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.change("remove the directory", path, || self.disk.remove_dir(path))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        self.change("create the directory", path, || self.disk.create_dir(path))
    }

    fn read_dir(&self, path: &Path) -> Result<Vec<PathBuf>> {
        self.look("read the directory", path, || self.disk.read_dir(path))
    }

    fn sync_dir(&self, path: &Path) -> Result<()> {
        self.change("sync the directory", path, || self.disk.sync_dir(path))
    }

    fn symlink(&self, to: &Path, path: &Path) -> Result<()> {
        self.change("symlink", path, || self.disk.symlink(to, path))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf> {
        self.look("read the link", path, || self.disk.read_link(path))
    }

    fn exists(&self, path: &Path) -> Result<bool> {
        self.look("stat", path, || self.disk.exists(path))
    }

    fn size(&self, path: &Path) -> Result<Option<u64>> {
        self.look("stat", path, || self.disk.size(path))
    }
}

/// An open file of a process. A write to a record by one who does not hold its lock is complained about.
#[derive(Debug)]
struct ProcessFile {
    inner: Box<dyn DiskFile>,
    owner: Owner,
    is_record: bool,
    locked: AtomicBool,
    inherited: Arc<Mutex<Option<Owner>>>,
    complaints: Complaints,
}

impl ProcessFile {
    fn new(inner: Box<dyn DiskFile>, process: Process, disk: &ProcessDisk) -> Self {
        let is_record = inner.path().ends_with("record");
        let (inherited, complaints) = (Arc::clone(&disk.inherited), Arc::clone(&disk.complaints));
        let owner = Arc::new(Mutex::new(process));
        Self { inner, owner, is_record, locked: AtomicBool::new(false), inherited, complaints }
    }

    fn change<T>(&self, operation: &'static str, act: impl FnOnce() -> Result<T>, half: impl FnOnce()) -> Result<T> {
        let process = lock(&self.owner).clone();
        change(&process, operation, self.inner.path(), act, half)
    }

    fn writes(&self) {
        if self.is_record && !self.locked.load(Ordering::Relaxed) {
            let what = format!("I2: {} is written without its lock", self.inner.path().display());
            lock(&self.complaints).push(what);
        }
    }

    fn look<T>(&self, operation: &'static str, act: impl FnOnce() -> Result<T>) -> Result<T> {
        if lock(&self.owner).is_alive() { act() } else { Err(dead(operation, self.inner.path())) }
    }
}

impl DiskFile for ProcessFile {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.look("read", || self.inner.read_at(offset, buffer))
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.writes();
        let half = || _ = self.inner.write_at(offset, &data[..data.len() / 2]);
        self.change("write", || self.inner.write_at(offset, data), half)
    }

    fn len(&self) -> Result<u64> {
        self.look("stat", || self.inner.len())
    }

    fn truncate(&self, len: u64) -> Result<()> {
        self.writes();
        self.change("truncate", || self.inner.truncate(len), || ())
    }

    fn fdatasync(&self) -> Result<()> {
        self.change("fdatasync", || self.inner.fdatasync(), || ())
    }

    fn fsync(&self) -> Result<()> {
        self.change("fsync", || self.inner.fsync(), || ())
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        self.change("preallocate", || self.inner.preallocate(len), || ())
    }

    fn try_flock(&self) -> Result<bool> {
        let locked = self.look("flock", || self.inner.try_flock())?;
        self.locked.store(locked, Ordering::Relaxed);
        Ok(locked)
    }

    fn duplicate(&self) -> Result<Box<dyn DiskFile>> {
        let inner = self.look("dup", || self.inner.duplicate())?;
        let owner = Arc::new(Mutex::new(lock(&self.owner).clone()));
        *lock(&self.inherited) = Some(Arc::clone(&owner));
        let (inherited, complaints) = (Arc::clone(&self.inherited), Arc::clone(&self.complaints));
        let locked = AtomicBool::new(self.locked.load(Ordering::Relaxed));
        Ok(Box::new(Self { inner, owner, is_record: self.is_record, locked, inherited, complaints }))
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
