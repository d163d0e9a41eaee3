//! Paths that came from a pipeline: inside the workspace, or refused.

use std::path::{Component, Path, PathBuf};

use super::context::Failure;

/// A path inside a folder, from a text that must be relative and without `..`.
pub(super) fn inside(folder: &Path, text: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(text);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if is_plain { Ok(folder.join(path)) } else { Err(Failure::Failed(format!("{text:?} leads out of the workspace"))) }
}

/// The name of an artifact: one plain part of a path.
pub(super) fn plain_name(name: &str) -> Result<&str, Failure> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) if part == name => Ok(name),
        _ => Err(Failure::Failed(format!("{name:?} is not the name of a file"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out() {
        let workspace = Path::new("/w");
        assert_eq!(inside(workspace, "a/b").expect("inside"), Path::new("/w/a/b"));
        assert_eq!(inside(workspace, "").expect("inside"), Path::new("/w"));
        for bad in ["..", "a/../b", "/etc", "a/.."] {
            inside(workspace, bad).expect_err(bad);
        }
        plain_name("shop.tar.zst").expect("plain");
        for bad in ["", ".", "..", "a/b", "/a", "a/"] {
            plain_name(bad).expect_err(bad);
        }
    }
}
