//! sled, kept at arm's length: one tree, small values, and a sync of our own.
//!
//! `flush` of sled 0.34.7 does not commit its file's length, so that a power cut can lose what it flushed; an `fdatasync` of the file on a
//! second descriptor mends that. Calls may panic on damaged data: every one goes through `guarded`.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use windlass_core::attempt::AttemptState;
use windlass_core::run::{Run, RunState};

use super::handle::Error;
use super::key::{self, VALUE_MAX};
use super::rows::{ExpiredRuns, Row};

/// Cache of sled. Resident memory is two to three times this.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// First byte of a value that stands whole, and of one that is in parts.
const WHOLE: u8 = b'V';
const PARTS: u8 = b'P';

/// Runs that expire with one call; few in tests, so that they see more than one.
const EXPIRE_AT_ONCE: usize = if cfg!(test) { 2 } else { 200 };

/// What turns change.
#[derive(Debug, Default)]
pub struct Changes {
    /// In order: of two with one key the later counts.
    pub rows: Vec<Row>,
    /// Keys that go.
    pub removed: Vec<Vec<u8>>,
    /// Runs that go, with all that is kept of them.
    pub expired: Vec<ExpiredRuns>,
}

impl Changes {
    /// What one more turn changes; what it writes stays, whatever turns before it removed.
    pub fn add(&mut self, rows: Vec<Row>, removed: Vec<Vec<u8>>) {
        if !removed.is_empty() {
            self.rows.retain(|(key, _)| !removed.contains(key));
            self.removed.extend(removed);
        }
        self.removed.retain(|key| rows.iter().all(|(written, _)| written != key));
        self.rows.extend(rows);
    }
}

/// The open view.
#[derive(Debug)]
pub struct Store {
    db: sled::Db,
    file: File,
}

impl Store {
    /// Opens or creates it, and says which lsn it has applied; 0 for a new one.
    pub fn open(dir: &Path, cluster_id: [u8; 16]) -> Result<(Self, u64), Error> {
        guarded(|| {
            let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES).flush_every_ms(None);
            let db = config.open().map_err(store_error)?;
            let file = File::open(dir.join("db")).map_err(|error| io_error(&error))?;
            let store = Self { db, file };
            let applied = store.check(cluster_id)?;
            Ok((store, applied))
        })
    }

    fn check(&self, cluster_id: [u8; 16]) -> Result<u64, Error> {
        match self.db.get(key::meta(key::CLUSTER)).map_err(store_error)? {
            None => {
                self.db.insert(key::meta(key::CLUSTER), &cluster_id).map_err(store_error)?;
                return Ok(0);
            }
            Some(found) if found == cluster_id => {}
            Some(_) => return Err(Error::Store("it belongs to another cluster".to_owned())),
        }
        match self.db.get(key::meta(key::APPLIED)).map_err(store_error)? {
            None => Ok(0),
            Some(value) => applied_of(&value).ok_or_else(|| Error::Store("its position does not verify".to_owned())),
        }
    }

    /// Applies the rows of turns, and their last lsn, as one batch. Without the lsn a crash repeats it. What expires is another matter.
    pub fn apply(&self, Changes { rows, removed, expired: _ }: Changes, lsn: Option<u64>) -> Result<(), Error> {
        guarded(|| {
            let mut batch = sled::Batch::default();
            for (key, value) in rows {
                put(&mut batch, key, &value);
            }
            for key in removed {
                batch.remove(key);
            }
            if let Some(lsn) = lsn {
                batch.insert(key::meta(key::APPLIED), applied_value(lsn));
            }
            self.db.apply_batch(batch).map_err(store_error)
        })
    }

    /// Removes the oldest of these runs with all that is kept of them, so many that a call does not take long; true if there may be more.
    pub fn expire(&self, ExpiredRuns { project, below }: ExpiredRuns) -> Result<bool, Error> {
        guarded(|| {
            let (mut batch, mut count) = (sled::Batch::default(), 0);
            for row in self.db.range(key::run(project, 0)..key::run(project, below)).take(EXPIRE_AT_ONCE) {
                let (place, value) = row.map_err(store_error)?;
                self.expire_run(project, &place, &value, &mut batch)?;
                count += 1;
            }
            self.db.apply_batch(batch).map_err(store_error)?;
            Ok(count == EXPIRE_AT_ONCE)
        })
    }

    /// A run with its places in time and among outcomes, and its attempts with theirs.
    fn expire_run(&self, project: u32, place: &[u8], value: &[u8], batch: &mut sled::Batch) -> Result<(), Error> {
        let run: Run = parse(&self.whole(place, value)?)?;
        if let RunState::Ended(outcome) = &run.state {
            batch.remove(key::run_by_outcome(project, outcome, run.id.number));
        }
        batch.remove(key::run_by_time(run.created.0, project, run.id.number));
        for row in self.db.scan_prefix(key::attempts(project, run.id.number)) {
            let (place, value) = row.map_err(store_error)?;
            let attempt: AttemptState = parse(&self.whole(&place, &value)?)?;
            batch.remove(key::attempt_by_agent(attempt.agent, attempt.fence));
            remove(batch, &place, &value);
        }
        remove(batch, place, value);
        Ok(())
    }

    /// Makes everything applied durable.
    pub fn sync(&self) -> Result<(), Error> {
        guarded(|| {
            self.db.flush().map_err(store_error)?;
            self.file.sync_data().map_err(|error| io_error(&error))
        })
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        guarded(|| match self.db.get(key).map_err(store_error)? {
            None => Ok(None),
            Some(value) => self.whole(key, &value).map(Some),
        })
    }

    /// Keys and values that begin with `prefix`, in order.
    pub fn scan(&self, prefix: &[u8]) -> Result<Vec<Row>, Error> {
        guarded(|| {
            let rows = self.db.scan_prefix(prefix).map(|row| {
                let (key, value) = row.map_err(store_error)?;
                Ok((key.to_vec(), self.whole(&key, &value)?))
            });
            rows.collect()
        })
    }

    /// Keys of a kind below `before` (or all), newest first, as long as `take` wants more.
    pub fn keys_down(
        &self,
        kind: key::Kind,
        before: Option<&[u8]>,
        mut take: impl FnMut(&[u8]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let low = vec![kind as u8];
        let high = before.map_or_else(|| vec![kind as u8 + 1], <[u8]>::to_vec);
        guarded(|| {
            for row in self.db.range(low..high).rev() {
                let (key, _) = row.map_err(store_error)?;
                if !take(&key)? {
                    break;
                }
            }
            Ok(())
        })
    }

    fn whole(&self, key: &[u8], value: &[u8]) -> Result<Vec<u8>, Error> {
        match value.split_first() {
            None => Ok(Vec::new()),
            Some((&WHOLE, rest)) => Ok(rest.to_vec()),
            Some((&PARTS, count)) => {
                let count = count.try_into().map(u16::from_be_bytes).map_err(|_| torn(key))?;
                let mut out = Vec::new();
                for number in 0..count {
                    let part = self.db.get(key::part(key, number)).map_err(store_error)?.ok_or_else(|| torn(key))?;
                    out.extend_from_slice(&part);
                }
                Ok(out)
            }
            Some(_) => Err(torn(key)),
        }
    }
}

fn put(batch: &mut sled::Batch, key: Vec<u8>, value: &[u8]) {
    if value.is_empty() {
        batch.insert(key, Vec::new());
    } else if value.len() < VALUE_MAX {
        batch.insert(key, [&[WHOLE], value].concat());
    } else {
        let parts = value.chunks(VALUE_MAX);
        let count = u16::try_from(parts.len()).expect("a record of at most 4 MiB has at most 512 parts");
        for (number, part) in (0u16..).zip(parts) {
            batch.insert(key::part(&key, number), part);
        }
        batch.insert(key, [&[PARTS][..], &count.to_be_bytes()].concat());
    }
}

/// Removes a value with its parts.
fn remove(batch: &mut sled::Batch, key: &[u8], value: &[u8]) {
    if let Some((&PARTS, count)) = value.split_first() {
        let count = count.try_into().map_or(0, u16::from_be_bytes);
        (0..count).for_each(|number| batch.remove(key::part(key, number)));
    }
    batch.remove(key);
}

/// A value as it was written.
pub(super) fn parse<T: serde::de::DeserializeOwned>(value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|error| Error::Store(error.to_string()))
}

fn applied_value(lsn: u64) -> Vec<u8> {
    let bytes = lsn.to_be_bytes();
    [&bytes[..], &crc32c::crc32c(&bytes).to_be_bytes()].concat()
}

fn applied_of(value: &[u8]) -> Option<u64> {
    let (lsn, crc) = value.split_at_checked(8)?;
    let crc = u32::from_be_bytes(crc.try_into().ok()?);
    let lsn: [u8; 8] = lsn.try_into().ok()?;
    (crc32c::crc32c(&lsn) == crc).then(|| u64::from_be_bytes(lsn))
}

fn torn(key: &[u8]) -> Error {
    Error::Store(format!("the value of key {key:02x?} is not whole"))
}

fn store_error(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(error) => io_error(&error),
        other => Error::Store(other.to_string()),
    }
}

fn io_error(error: &std::io::Error) -> Error {
    // sled wraps what the system said in an error of its own, and keeps the kind.
    match error.kind() {
        std::io::ErrorKind::StorageFull => Error::Full,
        _ => Error::Store(error.to_string()),
    }
}

/// A panic of sled is an error like its others.
fn guarded<T>(call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(Error::Store("sled panicked".to_owned())))
}
