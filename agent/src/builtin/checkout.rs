//! The step `checkout`: exactly one revision of a repository in the workspace, with the git CLI and nothing of the host's own settings.

use std::path::Path;

use windlass_core::model::{Envelope, Revision, Workspace};

use super::context::{Context, Failure};
use super::git::Git;
use crate::attempts::{AttemptDir, read_lines};
use crate::release::clock;

/// How far back is asked for at first, where a server does not serve a commit by its id.
const FIRST_DEPTH: u32 = 50;

/// Fetches the revision if it is not here, checks it out, cleans as the job asks, and compares the commit id.
pub fn run(url: &str, revision: &Revision, reference: Option<&str>, context: &Context) -> Result<(), Failure> {
    let began = clock::boottime();
    let workspace = of_attempt(&context.attempt_dir)?;
    let git = Git::new(&context.workspace, url)?;
    if !context.workspace.join(".git").is_dir() {
        git.run(&["init", "--quiet"])?;
    }
    git.break_locks()?;
    // An interrupted fetch may have left the commit without its files, so having it is no proof before it is checked out.
    let is_here = git.has(revision)? && git.detach(revision).is_ok();
    if !is_here {
        fetch(&git, url, revision, reference)?;
        git.detach(revision)?;
    }
    match workspace {
        Workspace::Warm => git.run(&["clean", "-ffd", "--quiet"])?,
        Workspace::Clean | Workspace::Fresh => git.run(&["clean", "-ffdx", "--quiet"])?,
    };
    let found = git.run(&["rev-parse", "--verify", "HEAD^{commit}"])?;
    if found.trim() != revision.as_str() {
        return Err(Failure::Failed(format!("the workspace is at {}, not at {revision}", found.trim())));
    }
    context.log.took(&format!("checkout {}", revision.short()), began);
    Ok(())
}

/// By id first. A server that will not serve it is asked for the reference, further back until the commit is there.
fn fetch(git: &Git, url: &str, revision: &Revision, reference: Option<&str>) -> Result<(), Failure> {
    let by_id = git.fetch(url, &["--depth", "1"], revision.as_str());
    let Err(refused) = by_id else { return Ok(()) };
    let Some(reference) = reference else { return Err(away(url, &refused)) };
    let depth = FIRST_DEPTH.to_string();
    git.fetch(url, &["--depth", &depth], reference).map_err(|error| away(url, &error))?;
    if git.has(revision)? {
        return Ok(());
    }
    let is_shallow = git.run(&["rev-parse", "--is-shallow-repository"])?.trim() == "true";
    let whole: &[&str] = if is_shallow { &["--unshallow"] } else { &[] };
    git.fetch(url, whole, reference).map_err(|error| away(url, &error))?;
    if git.has(revision)? { Ok(()) } else { Err(Failure::Failed(format!("{revision} is not on {reference} of {url}"))) }
}

fn away(url: &str, error: &Failure) -> Failure {
    Failure::MayPass(format!("{url} does not give it: {error}"))
}

/// What the job asks of its workspace, by the record of the attempt.
fn of_attempt(attempt_dir: &Path) -> Result<Workspace, Failure> {
    let path = AttemptDir::new(attempt_dir).record();
    let bytes = std::fs::read(&path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    let lines: Vec<_> = read_lines(&bytes).whole.into_iter().take(1).map(std::sync::Arc::new).collect();
    let envelope: Option<&Envelope> = crate::attempts::accepted_of(&lines).map(|(_, envelope)| envelope);
    envelope.map(|envelope| envelope.workspace).ok_or_else(|| Failure::Failed("the attempt has no envelope".to_owned()))
}
