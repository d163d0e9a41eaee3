//! What the shim makes of itself before anything else: leader of a session, reaper of orphans, deaf to polite signals.

use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

use crate::error::Error;

/// The number under which the agent hands over the locked record.
const RECORD_FD: i32 = 3;

/// Keeps from every child what whoever started this process left open beside the standard streams; descriptor 3 is then free in a child for
/// the record. Descriptors of our own are close-on-exec anyway.
pub fn keep_inherited() -> std::io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(number) = number.filter(|number| *number >= RECORD_FD) else { continue };
        // SAFETY: fcntl with these commands touches no memory.
        if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Takes over descriptor 3, which must be the record of this directory, and keeps it from every child.
pub(crate) fn take_record(dir: &Path) -> Result<File, Error> {
    // SAFETY: fcntl with these commands touches no memory, and an unused number is an error.
    if unsafe { libc::fcntl(RECORD_FD, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
        return Err(Error::agreement("descriptor 3 is not open"));
    }
    // SAFETY: it is open, and nothing else in this process owns it: the caller is the first code that runs.
    let record = File::from(unsafe { OwnedFd::from_raw_fd(RECORD_FD) });
    let path = dir.join("record");
    let named = rustix::fs::stat(&path).map_err(|errno| Error::File { path, source: errno.into() })?;
    let open = rustix::fs::fstat(&record).map_err(Error::system("fstat"))?;
    if (named.st_dev, named.st_ino) != (open.st_dev, open.st_ino) {
        return Err(Error::agreement("descriptor 3 is not the record of this attempt"));
    }
    Ok(record)
}

/// Leaves the agent's session, adopts all orphans of its descendants, allows no core dump, and blocks TERM, INT and HUP. The result
/// is readable whenever a child ended.
pub(crate) fn become_session() -> Result<OwnedFd, Error> {
    match rustix::process::setsid() {
        Ok(_) | Err(Errno::PERM) => {} // it leads one already
        Err(errno) => return Err(Error::system("setsid")(errno)),
    }
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).map_err(Error::system("subreaper"))?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(Error::system("setrlimit"))?;
    block_signals().map_err(|source| Error::System { what: "signals", source })
}

/// What is blocked here is blocked in every thread made later; a child empties its mask.
fn block_signals() -> std::io::Result<OwnedFd> {
    let ok = |answer: i32| if answer >= 0 { Ok(answer) } else { Err(std::io::Error::last_os_error()) };
    // SAFETY: the sets are plain memory that is initialised before use and outlives the calls. Default dispositions run no code of
    // ours. The descriptor of signalfd is new and owned by nobody else.
    unsafe {
        let (mut blocked, mut children, mut fuse) = (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed());
        libc::sigemptyset(&raw mut blocked);
        libc::sigemptyset(&raw mut children);
        libc::sigemptyset(&raw mut fuse);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGCHLD] {
            libc::sigaddset(&raw mut blocked, signal);
        }
        libc::sigaddset(&raw mut children, libc::SIGCHLD);
        libc::sigaddset(&raw mut fuse, libc::SIGALRM);
        // Ignored, children would reap themselves and the fuse would not burn.
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        ok(libc::sigprocmask(libc::SIG_BLOCK, &raw const blocked, std::ptr::null_mut()))?;
        ok(libc::sigprocmask(libc::SIG_UNBLOCK, &raw const fuse, std::ptr::null_mut()))?;
        let descriptor = ok(libc::signalfd(-1, &raw const children, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC))?;
        Ok(OwnedFd::from_raw_fd(descriptor))
    }
}

/// A kernel timer that ends this process, whatever its threads wait for. Children do not inherit it.
#[derive(Debug)]
pub(crate) struct Fuse;

impl Fuse {
    pub(crate) fn light(secs: u32) -> Self {
        // SAFETY: alarm takes a number and touches no memory.
        unsafe { libc::alarm(secs) };
        Self
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        // SAFETY: as above; 0 disarms.
        unsafe { libc::alarm(0) };
    }
}
