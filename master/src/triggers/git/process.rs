//! One run of the git CLI: nothing of the host's configuration, no prompt, a time-out and a bound on what it prints.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// No call to git may take longer.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How much of what git complains about is kept.
const COMPLAINT_BYTES: u64 = 16 * 1024;
/// How much of it a person is shown, in characters.
const COMPLAINT_CHARS: usize = 200;

/// Why a call gave nothing to work with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("git cannot be executed: {0}")]
    Exec(std::io::Error),
    #[error("git took longer than {} s", TIMEOUT.as_secs())]
    TimedOut,
    #[error("git printed more than {0} bytes")]
    TooMuch(u64),
    /// It ended otherwise than with 0; none: a signal ended it.
    #[error("{complaint}")]
    Failed { code: Option<i32>, complaint: String },
}

/// A call of git in the making.
pub(super) struct Git {
    args: Vec<OsString>,
    local: bool,
    max_bytes: u64,
}

impl Git {
    /// A call that needs no repository; `local` allows the `file` protocol and nothing else.
    pub(super) fn new(local: bool) -> Self {
        let mut args = Vec::new();
        let settings = [
            "core.hooksPath=/dev/null",
            "core.fsync=all",
            "fetch.fsckObjects=true",
            "gc.auto=0",
            "maintenance.auto=false",
        ];
        for setting in settings {
            args.extend([OsString::from("-c"), OsString::from(setting)]);
        }
        Self { args, local, max_bytes: 64 * 1024 }
    }

    /// A call inside a bare clone.
    pub(super) fn inside(clone: &Path) -> Self {
        let mut git = Self::new(false);
        let mut folder = OsString::from("--git-dir=");
        folder.push(clone);
        git.args.push(folder);
        git
    }

    /// Allows the `file` protocol and nothing else.
    pub(super) fn local(mut self, local: bool) -> Self {
        self.local = local;
        self
    }

    /// More than 64 KiB are expected, at most so many.
    pub(super) fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// What it prints if it ends with 0.
    pub(super) async fn run<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Result<Vec<u8>, Error> {
        let mut command = self.command();
        command.args(args);
        let child = command.spawn().map_err(Error::Exec)?;
        // Dropping the future drops the child, which kills it.
        tokio::time::timeout(TIMEOUT, finish(child, self.max_bytes)).await.map_err(|_| Error::TimedOut)?
    }

    /// The same for questions that git answers with 0 (yes) or 1 (no).
    pub(super) async fn ask<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Result<bool, Error> {
        match self.run(args).await {
            Ok(_) => Ok(true),
            Err(Error::Failed { code: Some(1), .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .args(&self.args)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_ALLOW_PROTOCOL", if self.local { "file" } else { "https:ssh" })
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }
}

async fn finish(mut child: Child, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let stdout = child.stdout.take().expect("it was piped");
    let stderr = child.stderr.take().expect("it was piped");
    let (printed, complaint) = tokio::join!(bounded(stdout, max_bytes), rest_of(stderr));
    let printed = printed?;
    let status = child.wait().await.map_err(Error::Exec)?;
    if status.success() {
        Ok(printed)
    } else {
        Err(Error::Failed { code: status.code(), complaint: last_line(&complaint) })
    }
}

async fn bounded(pipe: impl AsyncRead + Unpin, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    pipe.take(max_bytes + 1).read_to_end(&mut bytes).await.map_err(Error::Exec)?;
    if bytes.len() as u64 > max_bytes { Err(Error::TooMuch(max_bytes)) } else { Ok(bytes) }
}

/// The beginning of the complaint; the rest is read so that git does not block on a full pipe.
async fn rest_of(mut pipe: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    let kept = (&mut pipe).take(COMPLAINT_BYTES).read_to_end(&mut bytes).await;
    let drained = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    if let Err(error) = kept.and(drained.map(|_| 0)) {
        tracing::debug!(%error, "git's complaint could not be read to its end");
    }
    bytes
}

/// The last line that says something, fit for a screen.
fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("git gave no reason");
    line.chars().filter(|c| !c.is_control()).take(COMPLAINT_CHARS).collect()
}
