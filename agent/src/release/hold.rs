//! Held by hand: somebody on this host moved the service, and nothing but a person moves it again. A file says so and why, so that it
//! outlives every restart; the observer tells the master.

use windlass_disk::safe_write;

use super::error::{Error, Result};
use super::layout::Layout;

const HELD_FILE: &str = "held";

/// Why somebody holds the service; none if nobody does. What cannot be read as text is a hold too: somebody meant something by it.
pub fn reason(layout: &Layout) -> Result<Option<String>> {
    match layout.disk().read(&layout.own(HELD_FILE)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        why => Ok(Some(String::from_utf8_lossy(&why?).into_owned())),
    }
}

/// Holds it, durably.
pub fn hold(layout: &Layout, why: &str) -> Result<()> {
    Ok(safe_write::write(layout.disk(), &layout.own(HELD_FILE), why.as_bytes())?)
}

/// Lets it go. False if nobody held it.
pub fn let_go(layout: &Layout) -> Result<bool> {
    let file = layout.own(HELD_FILE);
    if !layout.disk().exists(&file)? {
        return Ok(false);
    }
    layout.disk().remove_file(&file)?;
    layout.disk().sync_dir(&layout.root().join(".windlass"))?;
    Ok(true)
}

/// An error if somebody holds it: asked by every job that would move the service.
pub fn expect_none(layout: &Layout) -> Result<()> {
    reason(layout)?.map_or(Ok(()), |why| Err(Error::Held(why)))
}
