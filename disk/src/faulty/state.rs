//! The whole disk, behind one lock: inodes, who has locked what, and the faults that are planned.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

use super::inode::{Content, Id, Inode, NameChange, Names};
use super::seed::Seed;
use crate::file::Open;

const ROOT: Id = 0;

/// What an open handle must show at every use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle {
    pub(super) number: u64,
    pub(super) inode: Id,
    boot: u64,
    writable: bool,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    inodes: Vec<Inode>,
    locks: HashMap<Id, u64>,
    /// Descriptors beyond the first, by the open file they belong to.
    duplicates: HashMap<u64, u32>,
    handles: u64,
    boot: u64,
    seed: Seed,
    pub(super) operations: u64,
    pub(super) power_off_at: Option<u64>,
    pub(super) failures: BTreeMap<u64, ErrorKind>,
    pub(super) capacity: u64,
}

impl Default for State {
    fn default() -> State {
        State {
            inodes: vec![Inode::Dir(Names::default())],
            locks: HashMap::new(),
            duplicates: HashMap::new(),
            handles: 0,
            boot: 0,
            seed: Seed::default(),
            operations: 0,
            power_off_at: None,
            failures: BTreeMap::new(),
            capacity: u64::MAX,
        }
    }
}

impl State {
    pub(super) fn crash(&mut self, seed: u64) {
        self.seed = Seed(seed);
        for inode in &mut self.inodes {
            match inode {
                Inode::File(content) => content.crash(&mut self.seed),
                Inode::Dir(names) => names.crash(&mut self.seed),
                Inode::Link(_) => {}
            }
        }
        self.boot += 1;
        self.let_go();
        self.locks.clear();
        self.duplicates.clear();
        self.power_off_at = None;
        self.failures.clear();
    }

    /// No handle has survived: what no name leads to is gone. Its number stays, so that none means two things.
    fn let_go(&mut self) {
        let mut reached = vec![false; self.inodes.len()];
        let mut names_of = vec![ROOT];
        while let Some(id) = names_of.pop() {
            if !std::mem::replace(&mut reached[id], true)
                && let Inode::Dir(names) = &self.inodes[id]
            {
                names_of.extend(names.now.values());
            }
        }
        for (inode, reached) in self.inodes.iter_mut().zip(reached) {
            if !reached {
                *inode = Inode::File(Content::default());
            }
        }
    }

    /// The content behind names that are all durable.
    pub(super) fn synced(&self, path: &Path) -> Option<&Content> {
        let mut id = ROOT;
        for component in path.components() {
            let Component::Normal(name) = component else { continue };
            let Inode::Dir(names) = &self.inodes[id] else { return None };
            id = names.durable(name.to_str()?)?;
        }
        match &self.inodes[id] {
            Inode::File(content) => Some(content),
            Inode::Dir(_) | Inode::Link(_) => None,
        }
    }

    pub(super) fn damage(&mut self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let id = self.find(path).expect("the file to damage exists");
        let Inode::File(content) = &mut self.inodes[id] else {
            panic!("{} is not a file", path.display());
        };
        let mut bytes = content.bytes.clone();
        change(&mut bytes);
        content.replace(bytes);
    }

    /// Counts a change or a sync and lets it fail if that is planned.
    fn count(&mut self) -> io::Result<()> {
        let number = self.operations;
        self.operations += 1;
        if self.power_off_at.is_some_and(|at| number >= at) {
            return Err(io::Error::other("the power is off"));
        }
        self.failures.remove(&number).map_or(Ok(()), |kind| Err(kind.into()))
    }

    pub(super) fn open(&mut self, path: &Path, how: Open) -> io::Result<Handle> {
        let inode = match (self.find(path), how) {
            (Ok(_), Open::CreateNew) => return Err(ErrorKind::AlreadyExists.into()),
            (Ok(id), Open::Truncate) => {
                self.count()?;
                self.file(id)?.resize(0);
                id
            }
            (Ok(id), Open::Read | Open::Write | Open::Create) => {
                self.file(id)?;
                id
            }
            (Err(error), Open::Read | Open::Write) => return Err(error),
            (Err(_), Open::Create | Open::CreateNew | Open::Truncate) => {
                self.add(path, Inode::File(Content::default()))?
            }
        };
        self.handles += 1;
        Ok(Handle { number: self.handles, inode, boot: self.boot, writable: how != Open::Read })
    }

    /// The content behind a handle, if the handle has survived.
    pub(super) fn content(&mut self, handle: Handle) -> io::Result<&mut Content> {
        if handle.boot != self.boot {
            return Err(io::Error::other("the handle is from before the crash"));
        }
        self.file(handle.inode)
    }

    pub(super) fn write(&mut self, handle: Handle, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge)?;
        let counted = self.writable(handle).and_then(|()| {
            self.count()?;
            self.room_for(handle, offset + data.len())
        });
        if let Err(error) = counted {
            let part = self.seed.up_to(data.len().saturating_sub(1));
            if error.kind() != ErrorKind::StorageFull && handle.writable && handle.boot == self.boot {
                self.content(handle)?.write(offset, &data[..part]);
            }
            return Err(error);
        }
        self.content(handle)?.write(offset, data);
        Ok(())
    }

    pub(super) fn resize(&mut self, handle: Handle, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| ErrorKind::FileTooLarge)?;
        self.writable(handle)?;
        self.count()?;
        self.room_for(handle, len)?;
        self.content(handle)?.resize(len);
        Ok(())
    }

    pub(super) fn sync(&mut self, handle: Handle) -> io::Result<()> {
        self.content(handle)?;
        self.count()?;
        self.content(handle)?.sync();
        Ok(())
    }

    /// One sync for all: it counts as one.
    pub(super) fn sync_all(&mut self) -> io::Result<()> {
        self.count()?;
        for inode in &mut self.inodes {
            match inode {
                Inode::File(content) => content.sync(),
                Inode::Dir(names) => names.sync(),
                Inode::Link(_) => {}
            }
        }
        Ok(())
    }

    pub(super) fn try_flock(&mut self, handle: Handle) -> io::Result<bool> {
        self.content(handle)?;
        Ok(*self.locks.entry(handle.inode).or_insert(handle.number) == handle.number)
    }

    pub(super) fn duplicate(&mut self, handle: Handle) -> io::Result<()> {
        self.content(handle)?;
        *self.duplicates.entry(handle.number).or_default() += 1;
        Ok(())
    }

    pub(super) fn close(&mut self, handle: Handle) {
        if handle.boot != self.boot {
            return;
        }
        if let Some(more) = self.duplicates.get_mut(&handle.number).filter(|more| **more > 0) {
            *more -= 1;
        } else if self.locks.get(&handle.inode) == Some(&handle.number) {
            self.locks.remove(&handle.inode);
        }
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> io::Result<()> {
        self.add(path, Inode::Dir(Names::default()))?;
        Ok(())
    }

    pub(super) fn symlink(&mut self, to: &Path, path: &Path) -> io::Result<()> {
        self.add(path, Inode::Link(to.to_owned()))?;
        Ok(())
    }

    pub(super) fn read_link(&mut self, path: &Path) -> io::Result<PathBuf> {
        let id = self.find(path)?;
        match &self.inodes[id] {
            Inode::Link(to) => Ok(to.clone()),
            Inode::File(_) | Inode::Dir(_) => Err(ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn exists(&mut self, path: &Path) -> io::Result<bool> {
        match self.find(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn size(&mut self, path: &Path) -> io::Result<Option<u64>> {
        match self.find(path) {
            Ok(id) => Ok(match &self.inodes[id] {
                Inode::File(content) => Some(content.bytes.len() as u64),
                Inode::Dir(_) | Inode::Link(_) => None,
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn read_dir(&mut self, path: &Path) -> io::Result<Vec<PathBuf>> {
        let id = self.find(path)?;
        Ok(self.dir(id)?.now.keys().map(|name| path.join(name)).collect())
    }

    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let id = self.find(path)?;
        self.dir(id)?;
        self.count()?;
        self.dir(id)?.sync();
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path, directory: bool) -> io::Result<()> {
        let id = self.find(path)?;
        match &self.inodes[id] {
            Inode::Dir(names) if directory && names.now.is_empty() => {}
            Inode::Dir(_) if directory => return Err(ErrorKind::DirectoryNotEmpty.into()),
            Inode::Dir(_) => return Err(ErrorKind::IsADirectory.into()),
            Inode::File(_) | Inode::Link(_) if directory => return Err(ErrorKind::NotADirectory.into()),
            Inode::File(_) | Inode::Link(_) => {}
        }
        self.count()?;
        let (dir, name) = self.place(path)?;
        self.dir(dir)?.change(NameChange::Unset(name));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let id = self.find(from)?;
        let ((from_dir, from), (to_dir, to)) = (self.place(from)?, self.place(to)?);
        self.count()?;
        if from_dir == to_dir {
            self.dir(to_dir)?.change(NameChange::Rename { from, to, id });
        } else {
            self.dir(to_dir)?.change(NameChange::Set(to, id));
            self.dir(from_dir)?.change(NameChange::Unset(from));
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, inode: Inode) -> io::Result<Id> {
        if self.find(path).is_ok() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let (dir, name) = self.place(path)?;
        self.count()?;
        let id = self.inodes.len();
        self.inodes.push(inode);
        self.dir(dir)?.change(NameChange::Set(name, id));
        Ok(id)
    }

    /// The directory that a path stands in, and its name there.
    fn place(&mut self, path: &Path) -> io::Result<(Id, String)> {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or(ErrorKind::InvalidInput)?;
        let dir = self.find(path.parent().unwrap_or(Path::new("/")))?;
        self.dir(dir)?;
        Ok((dir, name.to_owned()))
    }

    fn find(&mut self, path: &Path) -> io::Result<Id> {
        let mut id = ROOT;
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir => {}
                Component::Normal(name) => {
                    let name = name.to_str().ok_or(ErrorKind::InvalidInput)?;
                    id = *self.dir(id)?.now.get(name).ok_or(ErrorKind::NotFound)?;
                }
                Component::ParentDir | Component::Prefix(_) => return Err(ErrorKind::InvalidInput.into()),
            }
        }
        Ok(id)
    }

    fn file(&mut self, id: Id) -> io::Result<&mut Content> {
        match &mut self.inodes[id] {
            Inode::File(content) => Ok(content),
            Inode::Dir(_) => Err(ErrorKind::IsADirectory.into()),
            Inode::Link(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    fn dir(&mut self, id: Id) -> io::Result<&mut Names> {
        match &mut self.inodes[id] {
            Inode::Dir(names) => Ok(names),
            Inode::File(_) | Inode::Link(_) => Err(ErrorKind::NotADirectory.into()),
        }
    }

    fn writable(&mut self, handle: Handle) -> io::Result<()> {
        self.content(handle)?;
        if handle.writable { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
    }

    pub(super) fn used_bytes(&self) -> usize {
        let bytes = |inode: &Inode| match inode {
            Inode::File(content) => content.bytes.len(),
            Inode::Dir(_) | Inode::Link(_) => 0,
        };
        self.inodes.iter().map(bytes).sum()
    }

    fn room_for(&mut self, handle: Handle, len: usize) -> io::Result<()> {
        if self.capacity == u64::MAX {
            return Ok(());
        }
        let grown = len.saturating_sub(self.content(handle)?.bytes.len());
        let fits = (self.used_bytes() + grown) as u64 <= self.capacity || grown == 0;
        if fits { Ok(()) } else { Err(ErrorKind::StorageFull.into()) }
    }
}
