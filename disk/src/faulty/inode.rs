//! What a name leads to: the content everybody sees, the content that is durable, and the changes
//! between the two that a crash may lose.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::seed::Seed;

/// What the medium writes at once. A real page is larger; a small block tears more often.
const BLOCK: usize = 512;

pub(super) type Id = usize;

/// A file, a directory or a symbolic link.
#[derive(Debug, Clone)]
pub(super) enum Inode {
    File(Content),
    Dir(Names),
    Link(PathBuf),
}

/// The bytes of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Resize(usize),
}

impl Content {
    pub(super) fn write(&mut self, offset: usize, data: &[u8]) {
        put(&mut self.bytes, offset, data);
        self.unsynced.push(Change::Write { offset, data: data.to_vec() });
    }

    pub(super) fn resize(&mut self, len: usize) {
        self.bytes.resize(len, 0);
        self.unsynced.push(Change::Resize(len));
    }

    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            match change {
                Change::Write { offset, data } => put(&mut self.durable, offset, &data),
                Change::Resize(len) => self.durable.resize(len, 0),
            }
        }
    }

    /// What is sure to be there after a crash.
    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    pub(super) fn is_synced(&self) -> bool {
        self.unsynced.is_empty()
    }

    /// The content is what the bad disk made of it, and it is durable.
    pub(super) fn replace(&mut self, bytes: Vec<u8>) {
        self.durable.clone_from(&bytes);
        self.bytes = bytes;
        self.unsynced.clear();
    }

    pub(super) fn crash(&mut self, seed: &mut Seed) {
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::Resize(len) if seed.coin() => self.durable.resize(len, 0),
                Change::Resize(_) => {}
                Change::Write { offset, data } => keep_some_blocks(&mut self.durable, offset, &data, seed),
            }
        }
        self.bytes.clone_from(&self.durable);
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(data);
}

fn keep_some_blocks(bytes: &mut Vec<u8>, offset: usize, data: &[u8], seed: &mut Seed) {
    let mut at = 0;
    while at < data.len() {
        let block_end = (offset + at) / BLOCK * BLOCK + BLOCK;
        let end = data.len().min(block_end - offset);
        if seed.coin() {
            put(bytes, offset + at, &data[at..end]);
        }
        at = end;
    }
}

/// The names in a directory.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) now: BTreeMap<String, Id>,
    durable: BTreeMap<String, Id>,
    unsynced: Vec<NameChange>,
}

/// One change of names; a rename within a directory is one, as a journaling file system does it.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Set(String, Id),
    Unset(String),
    Rename { from: String, to: String, id: Id },
}

impl Names {
    pub(super) fn change(&mut self, change: NameChange) {
        apply(&mut self.now, change.clone());
        self.unsynced.push(change);
    }

    /// What a name leads to for sure after a crash.
    pub(super) fn durable(&self, name: &str) -> Option<Id> {
        self.durable.get(name).copied()
    }

    pub(super) fn sync(&mut self) {
        self.unsynced.clear();
        self.durable.clone_from(&self.now);
    }

    pub(super) fn crash(&mut self, seed: &mut Seed) {
        for change in std::mem::take(&mut self.unsynced) {
            if seed.coin() {
                apply(&mut self.durable, change);
            }
        }
        self.now.clone_from(&self.durable);
    }
}

fn apply(names: &mut BTreeMap<String, Id>, change: NameChange) {
    match change {
        NameChange::Set(name, id) => {
            names.insert(name, id);
        }
        NameChange::Unset(name) => {
            names.remove(&name);
        }
        NameChange::Rename { from, to, id } => {
            names.remove(&from);
            names.insert(to, id);
        }
    }
}
