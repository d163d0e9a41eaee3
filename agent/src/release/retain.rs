//! Which releases a target keeps: the newest ones and what is pinned.

use std::fs;
use std::io;

use super::error::{Error, Result};
use super::layout::Layout;
use super::manifest::Manifest;

/// Removes what is neither pinned nor among the newest `keep`; answers the names of what went.
pub fn sweep(layout: &Layout, keep: u32, pinned: &[&str]) -> Result<Vec<String>> {
    let names = layout.names()?;
    let keep = usize::try_from(keep).unwrap_or(usize::MAX);
    let old = &names[..names.len().saturating_sub(keep)];
    let gone: Vec<String> = old.iter().filter(|name| !pinned.contains(&name.as_str())).cloned().collect();
    for name in &gone {
        remove(layout, name)?;
    }
    Ok(gone)
}

/// Removes one release. It is renamed first, so that what a cut leaves is no release any more.
pub fn remove(layout: &Layout, name: &str) -> Result<()> {
    remove_partial(layout, name)?;
    layout.disk().rename(&layout.release(name), &layout.partial(name))?;
    Manifest::remove(layout, name)?;
    remove_partial(layout, name)
}

/// Removes what an interrupted prepare or removal left.
pub fn remove_partial(layout: &Layout, name: &str) -> Result<()> {
    let partial = layout.partial(name);
    match fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &partial)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::fixture::layout;

    #[test]
    fn the_newest_and_the_pinned_stay() {
        let (_dir, layout) = layout();
        let name = |n: u32| format!("r{n}-{n:08x}");
        for n in 1..=12 {
            fs::create_dir(layout.release(&name(n))).expect("a release");
        }
        let gone = sweep(&layout, 3, &[&name(2), &name(11)]).expect("swept");
        assert_eq!(gone.len(), 8);
        let left: Vec<String> = [2, 10, 11, 12].map(name).to_vec();
        assert_eq!(layout.names().expect("read"), left);
    }
}
