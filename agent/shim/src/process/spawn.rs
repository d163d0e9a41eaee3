//! A child that sets itself up, says so, and waits at a gate before it executes anything. End of file at the gate means "do not".
//!
//! All that needs memory is made before the fork; the child calls only what is async-signal-safe, because the disk thread may hold
//! any lock at that moment.

use std::ffi::{CStr, CString, c_char};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::event::{PollFd, PollFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal};
use zeroize::Zeroizing;

use super::{Cgroup, pidfd};
use crate::clock;

/// How long a child may take to set itself up.
const READY_WITHIN_NS: u64 = 30_000_000_000;

/// Where the child keeps its two ends while it sets itself up.
const REPORT_FD: RawFd = 3;
const GATE_FD: RawFd = 4;

/// `CLONE_INTO_CGROUP`.
const INTO_CGROUP: u64 = 0x2_0000_0000;

/// What is executed. Nothing is taken from the shim's own environment. It is not to be printed.
pub(crate) struct Launch {
    /// Paths to try in this order, as a search along `PATH` would.
    pub(crate) programs: Vec<CString>,
    pub(crate) argv: Vec<CString>,
    /// Some of it is secret.
    pub(crate) env: Vec<Zeroizing<CString>>,
    pub(crate) dir: CString,
}

/// The child's ends of its standard streams.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
}

/// A child before exec. Dropped, it never executes anything.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) pid: Pid,
    gate: OwnedFd,
    report: OwnedFd,
}

/// A child could not be brought to its gate.
#[derive(Debug, thiserror::Error)]
#[error("{stage}: {source}")]
pub(crate) struct Unready {
    stage: &'static str,
    source: io::Error,
}

/// Forks a child into a cgroup and waits until it is set up: a session and group of its own, these streams and no other descriptor,
/// an empty signal mask, default dispositions, its limits, its directory.
pub(crate) fn spawn(launch: &Launch, streams: Streams, group: Option<&Cgroup>) -> Result<Waiting, Unready> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| unready("pipe", errno.into()));
    let ((gate_child, gate), (report, report_child)) = (pipe()?, pipe()?);
    let prepared = Prepared::new(launch);
    let ends = [&streams.stdin, &streams.stdout, &streams.stderr, &report_child, &gate_child];
    let ends = ends.map(AsRawFd::as_raw_fd);
    let directory = group.map(Cgroup::open).transpose().map_err(|error| unready("cgroup", error))?;
    // SAFETY: the child calls `child` only, which is async-signal-safe and never returns.
    let (pid, entered) = match unsafe { fork_into(directory.as_ref()) } {
        (-1, _) => return Err(unready("fork", io::Error::last_os_error())),
        (0, _) => unsafe { child(&prepared, ends) },
        (pid, entered) => (Pid::from_raw(pid).expect("fork gives a positive number to the parent"), entered),
    };
    drop((streams, gate_child, report_child));
    let waiting = Waiting { pid, gate, report };
    if let (Some(group), false) = (group, entered) {
        group.take(pid).map_err(|error| unready("cgroup", error))?;
    }
    waiting.wait_until_ready()?;
    Ok(waiting)
}

/// Forks; says whether the child was born in this cgroup, which spares it the move.
///
/// # Safety
/// As fork: the child may call what is async-signal-safe only.
unsafe fn fork_into(group: Option<&OwnedFd>) -> (libc::pid_t, bool) {
    if let Some(group) = group {
        // SAFETY: all zero is a valid argument; it is plain memory that outlives the call, and names a descriptor that is open.
        let pid = unsafe {
            let mut args: libc::clone_args = std::mem::zeroed();
            args.flags = INTO_CGROUP;
            args.exit_signal = u64::from(libc::SIGCHLD.cast_unsigned());
            args.cgroup = u64::from(group.as_raw_fd().cast_unsigned());
            libc::syscall(libc::SYS_clone3, &raw mut args, size_of::<libc::clone_args>())
        };
        if pid >= 0 {
            return (libc::pid_t::try_from(pid).expect("it is a pid"), true);
        }
    }
    // Without a cgroup, and on kernels before 5.7.
    // SAFETY: as the caller promises.
    (unsafe { libc::fork() }, false)
}

impl Waiting {
    fn wait_until_ready(&self) -> Result<(), Unready> {
        let mut ready = [PollFd::new(&self.report, PollFlags::IN)];
        let heard = loop {
            match rustix::event::poll(&mut ready, Some(&clock::span(READY_WITHIN_NS))) {
                Err(rustix::io::Errno::INTR) => {}
                heard => break heard,
            }
        };
        if heard == Ok(0) {
            // It waits for a file system, so it may never read the gate; what it is asked for is never executed.
            _ = pidfd::signal(self.pid, Signal::KILL);
            return Err(unready("set-up", io::ErrorKind::TimedOut.into()));
        }
        match self.read_report() {
            Some((Stage::Ready, _)) => Ok(()),
            Some((stage, error)) => Err(unready(stage.name(), error)),
            None => Err(unready("set-up", io::Error::other("the child ended"))),
        }
    }

    /// Lets it execute. The result tells later, when it has ended, whether it could.
    pub(crate) fn release(self) -> (Pid, Report) {
        // If it is gone already, its end says all there is to say.
        _ = rustix::io::write(&self.gate, b"!");
        (self.pid, Report(self.report))
    }

    fn read_report(&self) -> Option<(Stage, io::Error)> {
        read_report(&self.report)
    }
}

/// The last word of a child that could not execute.
#[derive(Debug)]
pub(crate) struct Report(OwnedFd);

impl Report {
    /// Why nothing was executed, if so. For a child that has ended: then it does not block.
    pub(crate) fn exec_error(&self) -> Option<io::Error> {
        read_report(&self.0).map(|(_, error)| error)
    }
}

fn unready(stage: &'static str, source: io::Error) -> Unready {
    Unready { stage, source }
}

/// Where a child is, or stopped.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Stage {
    Ready = 1,
    Exec = 2,
    Session = 3,
    Descriptors = 4,
    Limits = 5,
    Directory = 6,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Exec => "exec",
            Self::Session => "setsid",
            Self::Descriptors => "descriptors",
            Self::Limits => "limits",
            Self::Directory => "directory",
        }
    }
}

fn read_report(report: &OwnedFd) -> Option<(Stage, io::Error)> {
    use Stage::{Descriptors, Directory, Exec, Limits, Ready, Session};
    let mut bytes = [0; 5];
    let read = rustix::io::retry_on_intr(|| rustix::io::read(report, &mut bytes)).ok()?;
    if read < bytes.len() {
        return None;
    }
    let stage = [Ready, Exec, Session, Descriptors, Limits, Directory].into_iter().find(|s| *s as u8 == bytes[0])?;
    let errno = i32::from_le_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]);
    Some((stage, io::Error::from_raw_os_error(errno)))
}

/// Pointers for exec, made before the fork.
struct Prepared<'a> {
    programs: &'a [CString],
    dir: &'a CStr,
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    open_files: libc::rlimit,
}

impl<'a> Prepared<'a> {
    fn new(launch: &'a Launch) -> Self {
        let pointers = |texts: &'a [CString]| {
            let texts = texts.iter().map(|text| text.as_ptr());
            texts.chain([std::ptr::null()]).collect()
        };
        let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        let most = hard.unwrap_or(u64::MAX).min(65_536);
        Self {
            programs: &launch.programs,
            dir: &launch.dir,
            argv: pointers(&launch.argv),
            env: launch.env.iter().map(|pair| pair.as_ptr()).chain([std::ptr::null()]).collect(),
            open_files: libc::rlimit { rlim_cur: most, rlim_max: most },
        }
    }
}

/// The child's whole life before exec.
///
/// # Safety
/// To be called in a forked child only. It allocates nothing, takes no lock, and does not return.
unsafe fn child(prepared: &Prepared<'_>, ends: [RawFd; 5]) -> ! {
    // SAFETY: every call is async-signal-safe, and every pointer was made before the fork from memory that lives on in this copy.
    unsafe {
        if !move_descriptors(ends) {
            fail(ends[3], Stage::Descriptors);
        }
        if libc::setsid() == -1 {
            fail(REPORT_FD, Stage::Session);
        }
        let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        if libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core) != 0
            || libc::setrlimit(libc::RLIMIT_NOFILE, &raw const prepared.open_files) != 0
            || libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
        {
            fail(REPORT_FD, Stage::Limits);
        }
        reset_oom_score();
        libc::umask(0o022);
        if libc::chdir(prepared.dir.as_ptr()) != 0 {
            fail(REPORT_FD, Stage::Directory);
        }
        default_signals();
        say(REPORT_FD, Stage::Ready, 0);
        let mut go = 0_u8;
        while libc::read(GATE_FD, (&raw mut go).cast(), 1) == -1 && *libc::__errno_location() == libc::EINTR {}
        if go == 0 {
            libc::_exit(0);
        }
        exec(prepared);
        fail(REPORT_FD, Stage::Exec)
    }
}

/// A step is as likely to be chosen as anybody: what protects the agent is not inherited.
unsafe fn reset_oom_score() {
    // SAFETY: the texts end with zero and live for ever; an error leaves things as they are.
    unsafe {
        let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file >= 0 {
            libc::write(file, c"0".as_ptr().cast(), 1);
            libc::close(file);
        }
    }
}

/// Standard streams to 0, 1 and 2, the report to 3, the gate to 4, nothing else open: the record's lock goes with the rest.
unsafe fn move_descriptors(ends: [RawFd; 5]) -> bool {
    // SAFETY: the calls take numbers only.
    unsafe {
        let mut high = [0; 5];
        for (high, end) in high.iter_mut().zip(ends) {
            *high = libc::fcntl(end, libc::F_DUPFD, 10);
            if *high == -1 {
                return false;
            }
        }
        for (low, high) in (0..).zip(high) {
            if libc::dup2(high, low) == -1 {
                return false;
            }
        }
        libc::fcntl(REPORT_FD, libc::F_SETFD, libc::FD_CLOEXEC) != -1
            && libc::fcntl(GATE_FD, libc::F_SETFD, libc::FD_CLOEXEC) != -1
            && close_from(GATE_FD + 1)
    }
}

unsafe fn close_from(first: RawFd) -> bool {
    // SAFETY: the calls take numbers, and memory of this function.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) == 0 {
            return true;
        }
        // Before kernel 5.9.
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return false;
        }
        let end = RawFd::try_from(limit.rlim_cur).unwrap_or(RawFd::MAX);
        for descriptor in first..end {
            libc::close(descriptor);
        }
        true
    }
}

unsafe fn default_signals() {
    // SAFETY: dispositions are the kernel's own, and the set is memory of this function.
    unsafe {
        // All zero is the default. The call of the C library would refuse 32 and 33, which it takes for its own.
        let default = [0_u64; 8];
        for signal in 1..=64 {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null_mut::<u8>(), 8);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Tries each program; returns if none could be executed, with errno of the one that says most.
unsafe fn exec(prepared: &Prepared<'_>) {
    // SAFETY: argv and env end with null and point into memory that lives on in this copy.
    unsafe {
        let mut told = libc::ENOENT;
        for program in prepared.programs {
            libc::execve(program.as_ptr(), prepared.argv.as_ptr(), prepared.env.as_ptr());
            match *libc::__errno_location() {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => told = libc::EACCES,
                other => {
                    told = other;
                    break;
                }
            }
        }
        *libc::__errno_location() = told;
    }
}

unsafe fn fail(report: RawFd, stage: Stage) -> ! {
    // SAFETY: the calls take numbers; errno belongs to this thread.
    unsafe {
        say(report, stage, *libc::__errno_location());
        libc::_exit(127)
    }
}

unsafe fn say(report: RawFd, stage: Stage, errno: i32) {
    let errno = errno.to_le_bytes();
    let bytes = [stage as u8, errno[0], errno[1], errno[2], errno[3]];
    // SAFETY: the bytes live on the stack, and five of them are written to a pipe at once.
    unsafe { libc::write(report, bytes.as_ptr().cast(), bytes.len()) };
}
