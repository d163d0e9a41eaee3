//! Whose files these are, and who we are.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Error;

/// The user that the agent runs as, and steps with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name; the number if it has none.
    pub name: String,
    /// Its home.
    pub home: PathBuf,
}

/// Who we are, by `/etc/passwd`.
pub fn own_user() -> User {
    let uid = rustix::process::getuid().as_raw();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    user_in(&passwd, uid).unwrap_or_else(|| User { name: uid.to_string(), home: PathBuf::from("/") })
}

fn user_in(passwd: &str, uid: u32) -> Option<User> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_ours = fields.get(2)?.parse() == Ok(uid);
        is_ours.then(|| Some(User { name: (*fields.first()?).to_owned(), home: PathBuf::from(fields.get(5)?) }))?
    })
}

/// A file that configures us: only its owner writes it.
pub fn nobody_else_writes(file: &Path) -> Result<(), Error> {
    check(file, 0o022, "others may write it", 0o644)
}

/// A key: only its owner reads it.
pub fn nobody_else_reads(file: &Path) -> Result<(), Error> {
    check(file, 0o077, "others may read it", 0o600)
}

fn check(file: &Path, forbidden: u32, why: &'static str, wanted: u32) -> Result<(), Error> {
    let found: Metadata =
        std::fs::symlink_metadata(file).map_err(|why| Error::Unreadable { file: file.to_owned(), why })?;
    let mode = found.mode() & 0o7777;
    if mode & forbidden == 0 { Ok(()) } else { Err(Error::Mode { file: file.to_owned(), mode, why, wanted }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nshop:x:1001:1001::/srv/shop:/bin/false\n";
        let shop = User { name: "shop".to_owned(), home: PathBuf::from("/srv/shop") };
        assert_eq!(user_in(passwd, 1001), Some(shop));
        assert_eq!(user_in(passwd, 7), None);
    }
}
