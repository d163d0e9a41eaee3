//! The git CLI, with settings of ours and none of the host's.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use windlass_core::model::Revision;

use super::context::Failure;

/// Settings of every call; hooks and checks of names that some file systems take for others.
const SETTINGS: [&str; 8] = [
    "core.hooksPath=/dev/null",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "fetch.fsckObjects=true",
    "transfer.credentialsInUrl=die",
    "submodule.recurse=false",
    "advice.detachedHead=false",
    "gc.auto=0",
];

/// Git in one working folder.
#[derive(Debug)]
pub(super) struct Git {
    folder: PathBuf,
    protocols: &'static str,
}

impl Git {
    /// For a repository at this URL; a local path is the only way to the `file` protocol.
    pub(super) fn new(folder: &Path, url: &str) -> Result<Self, Failure> {
        let is_local = url.starts_with('/') || url.starts_with("file:///");
        if url.starts_with('-') || url.contains("::") {
            return Err(Failure::Failed(format!("{url:?} is not the URL of a repository")));
        }
        let protocols = if is_local { "https:ssh:file" } else { "https:ssh" };
        Ok(Self { folder: folder.to_owned(), protocols })
    }

    /// Runs it; says what it wrote to its standard output.
    pub(super) fn run(&self, args: &[&str]) -> Result<String, Failure> {
        let verb = args.first().copied().unwrap_or_default();
        let output =
            self.command(args).output().map_err(|error| Failure::Failed(format!("git cannot be run: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::Failed(format!("git {verb}: {}", said.trim())))
    }

    /// Fetches one thing, without tags.
    pub(super) fn fetch(&self, url: &str, options: &[&str], what: &str) -> Result<(), Failure> {
        let mut args = vec!["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--force"];
        args.extend(options);
        args.extend(["--end-of-options", url, what]);
        self.run(&args).map(drop)
    }

    /// Puts the files of a commit in the working folder, without a branch.
    pub(super) fn detach(&self, revision: &Revision) -> Result<(), Failure> {
        self.run(&["checkout", "--quiet", "--force", "--detach", revision.as_str()]).map(drop)
    }

    /// Removes what a killed git left: no other one works in a workspace, because no two attempts share one.
    pub(super) fn break_locks(&self) -> Result<(), Failure> {
        for lock in ["index.lock", "shallow.lock", "HEAD.lock", "config.lock"] {
            let path = self.folder.join(".git").join(lock);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::Failed(format!("{}: {error}", path.display())));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Whether the commit itself is here.
    pub(super) fn has(&self, revision: &Revision) -> Result<bool, Failure> {
        let commit = format!("{revision}^{{commit}}");
        let status = self.command(&["cat-file", "-e", &commit]).stderr(Stdio::null()).status();
        Ok(status.map_err(|error| Failure::Failed(format!("git cannot be run: {error}")))?.success())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.folder).stdin(Stdio::null());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(args);
        let foreign = std::env::vars_os().map(|(name, _)| name);
        for name in foreign.filter(|name| name.as_encoded_bytes().starts_with(b"GIT_")) {
            command.env_remove(name);
        }
        command
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", self.protocols)
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .env("LC_ALL", "C");
        command
    }
}
