//! A bare repository and a clone to commit in, with the git CLI.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A repository with a branch `main`.
#[derive(Debug)]
pub struct Repository {
    bare: PathBuf,
    clone: PathBuf,
}

impl Repository {
    /// `folder/NAME.git` and `folder/NAME`.
    pub(super) fn create(folder: &Path, name: &str) -> Self {
        let repository = Self { bare: folder.join(format!("{name}.git")), clone: folder.join(name) };
        git(folder, &["init", "--quiet", "--bare", "--initial-branch=main", &repository.bare.display().to_string()]);
        git(folder, &["init", "--quiet", "--initial-branch=main", &repository.clone.display().to_string()]);
        repository.git(&["remote", "add", "origin", &repository.bare.display().to_string()]);
        repository
    }

    /// What the master is told.
    pub fn url(&self) -> String {
        self.bare.display().to_string()
    }

    /// The bare repository.
    pub fn bare(&self) -> &Path {
        &self.bare
    }

    /// Writes files, commits all of them, and returns the revision.
    pub fn commit(&self, title: &str, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let path = self.clone.join(path);
            let folder = path.parent().expect("a file has a folder");
            std::fs::create_dir_all(folder).expect("the clone can be written");
            std::fs::write(&path, text).expect("the clone can be written");
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", title]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Pushes `main`.
    pub fn push(&self) {
        self.git(&["push", "--quiet", "origin", "main"]);
    }

    /// Commits and pushes.
    pub fn push_commit(&self, title: &str, files: &[(&str, &str)]) -> String {
        let revision = self.commit(title, files);
        self.push();
        revision
    }

    fn git(&self, args: &[&str]) -> String {
        git(&self.clone, args)
    }
}

/// git, in `folder`, as somebody whose configuration nobody knows.
pub(super) fn git(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(args);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Anna").env(format!("GIT_{who}_EMAIL"), "anna@example.org");
    }
    let output = command.output().expect("git is installed");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
