//! Which paths a push changed.

use std::path::Path;

use windlass_core::model::Revision;

use super::clone::{Ask, Place, has_commit};
use super::process::Git;

/// A push that names more than so many bytes of paths is taken for one whose paths are not known.
const PATHS_BYTES: u64 = 4 * 1024 * 1024;

/// Paths that differ from the old tip, or for a new branch from the merge base with the main branch. None: not known, so it fires.
pub(super) async fn since(place: &Place, clone: &Path, ask: &Ask, revision: &Revision) -> Option<Vec<String>> {
    let old = match &ask.before {
        Some(before) if has_commit(clone, before).await => before.to_string(),
        Some(_) => return None,
        None => merge_base(place, clone, ask, revision).await?,
    };
    let args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--end-of-options"];
    let args = args.into_iter().chain([old.as_str(), revision.as_str()]);
    let printed = Git::inside(clone).max_bytes(PATHS_BYTES).run(args).await.ok()?;
    let text = String::from_utf8(printed).ok()?;
    Some(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// Where a new branch left the main branch, as far as the clone knows it.
async fn merge_base(place: &Place, clone: &Path, ask: &Ask, revision: &Revision) -> Option<String> {
    let main = format!("refs/heads/{}", place.main_branch);
    if ask.reference == main {
        return None;
    }
    let printed = Git::inside(clone).run(["merge-base", &main, revision.as_str()]).await.ok()?;
    let base: Revision = String::from_utf8(printed).ok()?.trim().parse().ok()?;
    Some(base.to_string())
}
