//! Running one command of a service: a hook, a gate, an identity. In a process group of its own, with its own clock.
//!
//! Invariant: only a group whose leader we have not yet reaped is signalled, so its number cannot belong to anybody else.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use windlass_core::model::Duration;

use super::clock;

/// Bytes read at once.
const PIECE: usize = 16 * 1024;
/// Output read after the command itself has ended; what it left behind may write for ever.
const LAST_BYTES: usize = 1024 * 1024;

/// The environment of a command, whole.
pub type Env = BTreeMap<OsString, OsString>;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Program and arguments.
    pub argv: &'a [String],
    /// Where.
    pub dir: &'a Path,
    /// With what environment; nothing is inherited.
    pub env: &'a Env,
    /// Then the whole group is killed.
    pub timeout: Duration,
    /// What happens to processes that it leaves behind.
    pub leftovers: Leftovers,
}

/// What happens to processes of the group that outlive its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftovers {
    /// They end with the job: the shim sees to it.
    Leave,
    /// They are killed.
    Kill,
}

/// How it ended.
#[derive(Debug)]
pub enum End {
    /// By itself.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
    /// Killed by us, after its time.
    TimedOut(Duration),
    /// The program is not there or may not be executed.
    NotFound(io::Error),
    /// We could not start or follow it; this says nothing about the service.
    Trouble(io::Error),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut(span) => write!(f, "timed out after {span}"),
            Self::NotFound(error) => write!(f, "could not be executed: {error}"),
            Self::Trouble(error) => write!(f, "could not be started: {error}"),
        }
    }
}

/// Runs it to its end; `on_output` gets what it writes to either stream as it comes.
pub fn run(call: Call<'_>, on_output: &mut dyn FnMut(&[u8])) -> End {
    match start(call) {
        Ok(running) => running.follow(call, on_output).unwrap_or_else(End::Trouble),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            End::NotFound(error)
        }
        Err(error) => End::Trouble(error),
    }
}

struct Running {
    child: Child,
    pid: Pid,
    ended: OwnedFd,
    output: Option<PipeReader>,
}

fn start(call: Call<'_>) -> io::Result<Running> {
    let Some((program, arguments)) = call.argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the command is empty"));
    };
    let (output, theirs) = io::pipe()?;
    rustix::io::ioctl_fionbio(&output, true)?;
    let mut command = Command::new(program);
    command.args(arguments).current_dir(call.dir).env_clear().envs(call.env).process_group(0);
    let child = command.stdin(Stdio::null()).stdout(theirs.try_clone()?).stderr(theirs).spawn()?;
    drop(command);
    let pid = Pid::from_child(&child);
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(ended) => Ok(Running { child, pid, ended, output: Some(output) }),
        Err(errno) => Err(abandon(child, pid, errno)),
    }
}

/// Ends a child that cannot be followed.
fn abandon(mut child: Child, pid: Pid, errno: rustix::io::Errno) -> io::Error {
    let killed = kill_process_group(pid, Signal::KILL).map_err(io::Error::from);
    match killed.and_then(|()| child.wait()) {
        Ok(_) => errno.into(),
        Err(error) => error,
    }
}

impl Running {
    fn follow(mut self, call: Call<'_>, on_output: &mut dyn FnMut(&[u8])) -> io::Result<End> {
        let began = clock::boottime();
        let mut timed_out = false;
        loop {
            let left = call.timeout.ms().saturating_sub(clock::since(began).ms());
            if left == 0 && !timed_out {
                timed_out = true;
                self.kill_group();
            }
            if self.wait_for_news((!timed_out).then_some(left))? {
                break;
            }
            self.read_output(PIECE, on_output);
        }
        self.read_output(LAST_BYTES, on_output);
        if call.leftovers == Leftovers::Kill {
            self.kill_group();
        }
        let status = self.child.wait()?;
        Ok(match (timed_out, status.code()) {
            (true, _) => End::TimedOut(call.timeout),
            (false, Some(code)) => End::Exited(code),
            (false, None) => End::Signalled(status.signal().unwrap_or(0)),
        })
    }

    /// Waits for output or the end; true when the command itself has ended. It is not reaped by this.
    fn wait_for_news(&self, timeout_ms: Option<u64>) -> io::Result<bool> {
        let timeout = timeout_ms.map(|ms| Timespec {
            tv_sec: i64::try_from(ms / 1_000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(ms % 1_000).unwrap_or(0) * 1_000_000,
        });
        let mut watched = vec![PollFd::new(&self.ended, PollFlags::IN)];
        watched.extend(self.output.iter().map(|output| PollFd::new(output, PollFlags::IN)));
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) => Ok(watched[0].revents().contains(PollFlags::IN)),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    fn read_output(&mut self, most: usize, on_output: &mut dyn FnMut(&[u8])) {
        let mut piece = [0; PIECE];
        let mut total = 0;
        while let Some(output) = &mut self.output {
            match output.read(&mut piece) {
                Ok(0) => self.output = None,
                Ok(read) => {
                    on_output(&piece[..read]);
                    total += read;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.output = None,
            }
            if total >= most {
                return;
            }
        }
    }

    /// The leader is not reaped yet, so the number is still its own.
    fn kill_group(&self) {
        if let Err(errno) = kill_process_group(self.pid, Signal::KILL) {
            tracing::debug!(%errno, "a process group of a command is gone already");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_sh(script: &str, timeout: Duration) -> (End, String) {
        let argv = ["/bin/sh", "-ec", script].map(str::to_owned);
        let env = Env::from([("PATH".into(), "/usr/bin:/bin".into()), ("COLOUR".into(), "blue".into())]);
        let mut output = Vec::new();
        let call = Call { argv: &argv, dir: Path::new("/"), env: &env, timeout, leftovers: Leftovers::Kill };
        let end = run(call, &mut |bytes| output.extend_from_slice(bytes));
        (end, String::from_utf8_lossy(&output).into_owned())
    }

    #[test]
    fn a_command_gets_its_environment_and_nothing_else() {
        let (end, output) = run_sh("echo $COLOUR; echo ${HOME-none} >&2; pwd; exit 3", Duration::from_secs(10));
        assert!(matches!(end, End::Exited(3)), "{end}");
        assert_eq!(output, "blue\nnone\n/\n");
    }

    #[test]
    fn a_time_out_kills_the_whole_group() {
        let (end, output) = run_sh("echo $$; sleep 1000 & sleep 1000", Duration::from_ms(300));
        assert!(matches!(end, End::TimedOut(_)), "{end}");
        let group: i32 = output.trim().parse().expect("the number of the group");
        let group = Pid::from_raw(group).expect("a positive number");
        let gone = || rustix::process::test_kill_process_group(group).is_err();
        let began = clock::boottime();
        while !gone() && clock::since(began) < Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert!(gone());
    }

    #[test]
    fn what_a_command_leaves_behind_does_not_hold_it_up() {
        let began = clock::boottime();
        let (end, output) = run_sh("sleep 1000 & echo done", Duration::from_secs(60));
        assert!(matches!(end, End::Exited(0)), "{end}");
        assert_eq!(output, "done\n");
        assert!(clock::since(began) < Duration::from_secs(30));
    }

    #[test]
    fn a_flood_is_read_and_a_missing_program_is_named() {
        let (end, output) = run_sh("head -c 3000000 /dev/zero", Duration::from_secs(60));
        assert!(matches!(end, End::Exited(0)), "{end}");
        assert!(output.len() >= 2_000_000, "{}", output.len());
        let argv = ["/nonexistent/program".to_owned()];
        let call = Call {
            argv: &argv,
            dir: Path::new("/"),
            env: &Env::new(),
            timeout: Duration::from_secs(1),
            leftovers: Leftovers::Leave,
        };
        assert!(matches!(run(call, &mut |_| ()), End::NotFound(_)));
    }
}
