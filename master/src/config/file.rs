//! Reading files that decide: who may have written them is checked on the open descriptor, and size before memory is taken.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// What a file must be beyond a regular file of root or of this process's user, reached without a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nobody else may write it.
    NotWritableByOthers,
    /// Nobody else may read or write it.
    Private,
}

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot open it: {0}")]
    Open(std::io::Error),
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it belongs to user {0}, neither to root nor to the user of the master")]
    Owner(u32),
    #[error("others may use it: mode {mode:03o}")]
    Mode { mode: u32, demand: Demand },
    #[error("it has more than {0} bytes")]
    TooBig(u64),
    #[error("it is not UTF-8")]
    NotText,
}

impl Error {
    /// The way out for the file at `path`.
    pub(super) fn hint(&self, path: &Path) -> String {
        let path = path.display();
        match self {
            Self::Open(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                "name the file itself, not a symbolic link to it".to_owned()
            }
            Self::Mode { demand: Demand::Private, .. } => format!("chmod 600 {path}"),
            Self::Mode { demand: Demand::NotWritableByOthers, .. } => format!("chmod go-w {path}"),
            Self::Owner(_) => format!("chown root {path}"),
            Self::Open(_) | Self::NotAFile | Self::TooBig(_) | Self::NotText => String::new(),
        }
    }
}

/// The text of the file.
pub(super) fn read(path: &Path, demand: Demand, max_bytes: u64) -> Result<String, Error> {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).expect("the flags of open are an int");
    let file = File::options().read(true).custom_flags(no_follow).open(path).map_err(Error::Open)?;
    let meta = file.metadata().map_err(Error::Open)?;
    if !meta.is_file() {
        return Err(Error::NotAFile);
    }
    if meta.uid() != 0 && meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::Owner(meta.uid()));
    }
    let forbidden = match demand {
        Demand::NotWritableByOthers => 0o022,
        Demand::Private => 0o077,
    };
    let mode = meta.mode() & 0o777;
    if mode & forbidden != 0 {
        return Err(Error::Mode { mode, demand });
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes).map_err(Error::Open)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::TooBig(max_bytes));
    }
    String::from_utf8(bytes).map_err(|_| Error::NotText)
}
