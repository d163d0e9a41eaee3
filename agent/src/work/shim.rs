//! Starting this executable again as a shim, which takes over the lock of its record and outlives us.
//!
//! The record travels as the child's standard output, because the standard library can pass that without unsafe code; the child moves
//! it to descriptor 3 before anything else. The lock belongs to the open file, so it comes along. Standard input is a file in memory with
//! the secrets: they are whole before the child exists, and nobody waits for anybody.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::fs::{FileType, MemfdFlags, SealFlags};
use windlass_core::model::Secrets;
use windlass_disk::DiskFile;

use super::groups::{Groups, KernelGroups, NO_GROUPS};

/// Where a shim expects its record.
const RECORD_FD: i32 = 3;

/// A shim that runs.
pub trait Shim: Send {
    /// Takes its exit status if it ended. Asked again and again.
    fn reap(&mut self);
    /// Whether it ended and was reaped.
    fn is_gone(&self) -> bool;
    /// Ends it, unless it ended.
    fn kill(&mut self) -> io::Result<()>;
}

/// Starts a shim on the directory of an attempt, with its open, locked record and what its steps declare.
pub trait Spawn: Send {
    /// Does it.
    fn spawn(&self, dir: &Path, record: Box<dyn DiskFile>, secrets: &Secrets) -> io::Result<Box<dyn Shim>>;
    /// Where shims and their jobs are kept together.
    fn groups(&self) -> &dyn Groups {
        &NO_GROUPS
    }
}

/// Starts this executable again. Nothing of our environment goes along.
#[derive(Debug, Clone, Default)]
pub struct SpawnShim {
    /// Where it is put.
    pub groups: KernelGroups,
}

impl Spawn for SpawnShim {
    fn spawn(&self, dir: &Path, record: Box<dyn DiskFile>, secrets: &Secrets) -> io::Result<Box<dyn Shim>> {
        let descriptor = record.descriptor().expect("records of a running agent are on the real disk");
        let record = descriptor.try_clone_to_owned()?;
        // A group of its own: an interrupt typed at the agent's terminal is not for the shim.
        let child = Command::new("/proc/self/exe")
            .arg0("windlass-agent")
            .arg("shim")
            .arg(dir)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(handed(secrets)?)
            .stdout(Stdio::from(record))
            .spawn()?;
        Ok(Box::new(Spawned { child: Some(child) }))
    }

    fn groups(&self) -> &dyn Groups {
        &self.groups
    }
}

/// The secrets as a file in memory that nobody changes any more.
fn handed(secrets: &Secrets) -> io::Result<Stdio> {
    if secrets.is_empty() {
        return Ok(Stdio::null());
    }
    let mut file = File::from(rustix::fs::memfd_create("secrets", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(&windlass_shim::handed(secrets))?;
    file.rewind()?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file.into())
}

/// Our child, until it is reaped.
struct Spawned {
    child: Option<Child>,
}

impl Shim for Spawned {
    fn reap(&mut self) {
        let Some(child) = &mut self.child else { return };
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(_status)) => self.child = None,
            Err(error) => {
                tracing::error!(%error, "a shim cannot be waited for");
                self.child = None;
            }
        }
    }

    fn is_gone(&self) -> bool {
        self.child.is_none()
    }

    fn kill(&mut self) -> io::Result<()> {
        // Nobody else reaps it, so its number means it.
        self.child.as_mut().map_or(Ok(()), Child::kill)
    }
}

/// In the child, before it has a second thread: moves the record from standard output to descriptor 3. Does nothing where standard output
/// is no file: then whoever started the shim put the record in its place already.
pub fn take_record_from_stdout() -> io::Result<()> {
    let stdout = io::stdout();
    let found = rustix::fs::fstat(&stdout)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Ok(());
    }
    let record = rustix::io::fcntl_dupfd_cloexec(&stdout, RECORD_FD)?;
    if record.as_raw_fd() != RECORD_FD {
        return Err(io::Error::other("descriptor 3 is taken"));
    }
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    // From here on the shim owns it by its number.
    let _number = record.into_raw_fd();
    Ok(())
}
