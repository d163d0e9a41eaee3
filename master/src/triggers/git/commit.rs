//! What is said of a commit: title, author, time, and its place on the branch.

use std::path::Path;

use windlass_core::model::{Commit, Revision, UnixMs};

use super::process::{Error, Git};

/// A title is cut to so many characters.
const TITLE_CHARS: usize = 200;
/// An author's name too.
const AUTHOR_CHARS: usize = 100;
/// A message can be long; only its first line is used.
const MESSAGE_BYTES: u64 = 1024 * 1024;

/// Reads the commit from the clone.
pub(super) async fn read(clone: &Path, revision: &Revision) -> Result<Commit, Error> {
    let args = ["log", "-1", "--no-show-signature", "--no-notes", "--format=%ct%x00%an%x00%s", "--end-of-options"];
    let args = args.into_iter().chain([revision.as_str()]);
    let printed = Git::inside(clone).max_bytes(MESSAGE_BYTES).run(args).await?;
    let text = String::from_utf8_lossy(&printed);
    let mut parts = text.trim_end_matches('\n').splitn(3, '\0');
    let mut next = || parts.next().unwrap_or_default();
    let (seconds, author, title) = (next(), next(), next());
    let count = ["rev-list", "--count", "--first-parent", "--end-of-options", revision.as_str()];
    let count = Git::inside(clone).run(count).await?;
    Ok(Commit {
        revision: revision.clone(),
        title: line(title, TITLE_CHARS),
        author: line(author, AUTHOR_CHARS),
        // A commit dated before 1970 is dated 1970: the time is for people only.
        time: UnixMs(seconds.parse::<u64>().unwrap_or(0).saturating_mul(1_000)),
        position: String::from_utf8_lossy(&count).trim().parse().unwrap_or(0),
    })
}

/// Text of a stranger: one line, no control characters, cut.
fn line(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}
