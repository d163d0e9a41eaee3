//! One bare clone for each project, and reading a pipeline file from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use windlass_core::input::{PipelineFile, ReadError};
use windlass_core::model::{ProjectName, Revision};

use super::process::{Error, Git};
use super::{changes, commit, content, reference};

/// What `ls-remote --exit-code` ends with when no ref matched.
const NO_SUCH_REF: i32 = 2;
/// Refs of a repository, at most so many bytes of them.
const REFS_BYTES: u64 = 8 * 1024 * 1024;

/// Where a project's repository is, and which file of it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The project.
    pub project: ProjectName,
    /// URL or absolute folder, checked by the configuration.
    pub git: String,
    /// It is a folder, and `master.toml` allows it.
    pub local: bool,
    /// The pipeline file, inside the repository.
    pub file: String,
    /// The branch that a new one is compared with.
    pub main_branch: String,
}

/// What shall be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Full name of a branch or tag.
    pub reference: String,
    /// A commit that must be reachable from it; none: its tip.
    pub revision: Option<Revision>,
    /// The tip before, for the changed paths.
    pub before: Option<Revision>,
}

/// All bare clones. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Repositories {
    folder: PathBuf,
    /// Two fetches into one clone would meet in git's own locks, so each clone is used by one at a time.
    locks: Arc<Mutex<BTreeMap<ProjectName, Arc<tokio::sync::Mutex<()>>>>>,
}

impl Repositories {
    /// Clones lie in `git/` of the data directory; they hold nothing that cannot be fetched again.
    pub fn new(data_dir: &Path) -> Self {
        Self { folder: data_dir.join("git"), locks: Arc::default() }
    }

    /// Fetches the ref and reads the pipeline file at the revision.
    pub async fn read(&self, place: &Place, ask: &Ask) -> Result<PipelineFile, ReadError> {
        if !reference::is_full(&ask.reference) {
            return Err(gone(format!("{:?} is not a branch or tag", cut(&ask.reference))));
        }
        let lock = self.lock(&place.project);
        let _alone = lock.lock().await;
        has_ref(place, &ask.reference).await?;
        let clone = self.clone_of(place).await?;
        let fetched = fetch(place, &clone, &ask.reference).await;
        let read = match fetched {
            Ok(()) => read_in(place, &clone, ask).await,
            Err(error) if is_sound(&clone).await => return Err(error),
            Err(error) => Err(error),
        };
        let Err(ReadError::RepositoryAway(why)) = read else { return read };
        // It was fetched, or its own git calls it damaged, as it can be after a power cut.
        tracing::warn!(project = %place.project, why, "the clone is damaged: it is made anew");
        let removed = tokio::fs::remove_dir_all(&clone).await;
        removed.map_err(|error| ReadError::RepositoryAway(format!("{}: {error}", clone.display())))?;
        let clone = self.clone_of(place).await?;
        fetch(place, &clone, &ask.reference).await?;
        read_in(place, &clone, ask).await
    }

    /// The branches of the repository with their tips, in the order of their names.
    pub async fn branches(&self, place: &Place) -> Result<Vec<(String, Revision)>, ReadError> {
        let args = ["ls-remote", "--refs", "--heads", "--end-of-options", &place.git];
        let git = Git::new(place.local).max_bytes(REFS_BYTES);
        let printed = git.run(args).await.map_err(|error| away(place, &error))?;
        let text = String::from_utf8_lossy(&printed);
        let tip = |line: &str| {
            let (revision, name) = line.split_once('\t')?;
            reference::is_full(name).then_some(())?;
            Some((name.to_owned(), revision.parse().ok()?))
        };
        Ok(text.lines().filter_map(tip).collect())
    }

    fn lock(&self, project: &ProjectName) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(project.clone()).or_default())
    }

    async fn clone_of(&self, place: &Place) -> Result<PathBuf, ReadError> {
        let clone = self.folder.join(format!("{}.git", place.project));
        if !clone.join("HEAD").exists() {
            let args =
                ["init".as_ref(), "--bare".as_ref(), "--quiet".as_ref(), "--template=".as_ref(), clone.as_os_str()];
            Git::new(false).run(args).await.map_err(|error| away(place, &error))?;
        }
        Ok(clone)
    }
}

/// Asked first, because only this answer tells a ref that is gone from a repository that is.
async fn has_ref(place: &Place, name: &str) -> Result<(), ReadError> {
    let ask = ["ls-remote", "--exit-code", "--refs", "--quiet", "--end-of-options", &place.git, name];
    match Git::new(place.local).max_bytes(REFS_BYTES).run(ask).await {
        Ok(_) => Ok(()),
        Err(Error::Failed { code: Some(NO_SUCH_REF), .. }) => Err(gone(format!("there is no {name}"))),
        Err(error) => Err(away(place, &error)),
    }
}

async fn fetch(place: &Place, clone: &Path, name: &str) -> Result<(), ReadError> {
    let refspec = format!("+{name}:{name}");
    let args = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-maintenance"];
    let args = args.into_iter().chain(["--end-of-options", &place.git, &refspec]);
    Git::inside(clone).local(place.local).run(args).await.map_err(|error| away(place, &error))?;
    Ok(())
}

/// Reads what was fetched.
async fn read_in(place: &Place, clone: &Path, ask: &Ask) -> Result<PipelineFile, ReadError> {
    let revision = resolve(place, clone, ask).await?;
    let commit = commit::read(clone, &revision).await.map_err(|error| away(place, &error))?;
    let text = content::read(clone, &revision, &place.file).await?;
    let changed = changes::since(place, clone, ask, &revision).await;
    Ok(PipelineFile { commit, text, changed })
}

/// False only if git itself says that the clone is damaged.
async fn is_sound(clone: &Path) -> bool {
    let checked = Git::inside(clone).run(["fsck", "--no-dangling", "--no-progress"]).await;
    !matches!(checked, Err(Error::Failed { .. }))
}

/// The commit that was asked for, if it is reachable from its ref; else the tip.
async fn resolve(place: &Place, clone: &Path, ask: &Ask) -> Result<Revision, ReadError> {
    let failed = |error: Error| away(place, &error);
    let Some(revision) = &ask.revision else {
        let tip = format!("{}^{{commit}}", ask.reference);
        let printed = Git::inside(clone).run(["rev-parse", "--verify", "--end-of-options", &tip]).await;
        let text = String::from_utf8_lossy(&printed.map_err(failed)?).trim().to_owned();
        return text.parse().map_err(|_| gone(format!("{} names no commit", ask.reference)));
    };
    let missing = || gone(format!("{} is not on {}", revision.short(), ask.reference));
    if !has_commit(clone, revision).await {
        return Err(missing());
    }
    let question = ["merge-base", "--is-ancestor", revision.as_str(), &ask.reference];
    if Git::inside(clone).ask(question).await.map_err(failed)? { Ok(revision.clone()) } else { Err(missing()) }
}

/// True if the clone holds this commit.
pub(super) async fn has_commit(clone: &Path, revision: &Revision) -> bool {
    let commit = format!("{revision}^{{commit}}");
    Git::inside(clone).run(["cat-file", "-e", "--end-of-options", &commit]).await.is_ok()
}

fn gone(why: String) -> ReadError {
    ReadError::RevisionGone(why)
}

pub(super) fn away(place: &Place, error: &Error) -> ReadError {
    ReadError::RepositoryAway(format!("{}: {error}", place.git))
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
