//! One file at a revision, read without a checkout and never through a symbolic link.

use std::path::Path;

use windlass_core::input::ReadError;
use windlass_core::model::Revision;

use super::process::{Error, Git};

/// The most bytes of a pipeline file.
const FILE_BYTES: u64 = 256 * 1024;

/// The text of the file; none: there is no such regular file at the revision.
pub(super) async fn read(clone: &Path, revision: &Revision, path: &str) -> Result<Option<String>, ReadError> {
    let failed = |error: Error| ReadError::RepositoryAway(format!("{path} at {}: {error}", revision.short()));
    let list = ["ls-tree", "-l", "-z", "--full-tree", "--end-of-options", revision.as_str(), path];
    let listed = Git::inside(clone).run(list).await.map_err(failed)?;
    let Some(blob) = blob(&String::from_utf8_lossy(&listed), path) else { return Ok(None) };
    if blob.size > FILE_BYTES {
        let why = format!("{path} has {} bytes at {}; {FILE_BYTES} are read at most", blob.size, revision.short());
        return Err(ReadError::TooBig(why));
    }
    let print = ["cat-file", "blob", &blob.object];
    let bytes = Git::inside(clone).max_bytes(FILE_BYTES).run(print).await.map_err(failed)?;
    Ok(Some(text(bytes)))
}

struct Blob {
    object: String,
    size: u64,
}

/// `100644 blob <object> <size>\t<path>`, ended by NUL.
fn blob(listed: &str, path: &str) -> Option<Blob> {
    let entry = listed.split('\0').find(|entry| entry.split_once('\t').is_some_and(|(_, name)| name == path))?;
    let mut words = entry.split_once('\t')?.0.split_whitespace();
    let (mode, kind, object, size) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let regular = kind == "blob" && (mode == "100644" || mode == "100755");
    let hex = object.bytes().all(|b| b.is_ascii_hexdigit());
    (regular && hex).then_some(())?;
    Some(Blob { object: object.to_owned(), size: size.parse().ok()? })
}

/// Bytes that are not UTF-8 become NUL, which the parser refuses at its place, so that nothing is read differently than it was written.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).replace('\u{fffd}', "\0"))
}
