//! The key that seals secrets: 32 bytes in a file of their own, outside the data directory and every backup of it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// What a service manager hands over, if it does.
const CREDENTIAL: &str = "windlass-secret-key";

/// Seals and opens.
#[derive(Clone)]
pub struct Key(pub(super) XChaCha20Poly1305);

/// The key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others may read it.
    #[error("{} can be read by others: mode {mode:03o}", path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// Of it.
        mode: u32,
    },
    /// It is no key.
    #[error("{} does not hold {KEY_BYTES} bytes", .0.display())]
    Length(PathBuf),
}

impl Key {
    /// From the service manager's credential, else from this file; none if there is neither.
    pub fn find(path: &Path) -> Result<Option<Self>, KeyError> {
        let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL));
        match credential.filter(|path| path.exists()) {
            Some(path) => read(&path, false).map(Some),
            None if !path.try_exists().map_err(failed(path))? => Ok(None),
            None => read(path, true).map(Some),
        }
    }
}

/// Makes a key file that only its owner reads; one that is there stays. True if it was made.
pub fn make_key(path: &Path) -> Result<bool, KeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    SystemRandom::new().fill(&mut key[..]).map_err(|_| failed(path)(io::Error::other("no random bytes")))?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        made => made.map_err(failed(path))?,
    };
    file.write_all(&key[..]).and_then(|()| file.sync_all()).map_err(failed(path))?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(path))?;
    Ok(true)
}

/// What the service manager made is taken as it is; ours is closed to others, and no link.
fn read(path: &Path, is_ours: bool) -> Result<Key, KeyError> {
    let no_follow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).expect("the flags of open are an int");
    let flags = if is_ours { no_follow } else { 0 };
    let mut file = File::options().read(true).custom_flags(flags).open(path).map_err(failed(path))?;
    let mode = file.metadata().map_err(failed(path))?.mode() & 0o777;
    if is_ours && mode & 0o077 != 0 {
        return Err(KeyError::Mode { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES + 1]);
    let mut len = 0;
    while len < bytes.len() {
        match file.read(&mut bytes[len..]).map_err(failed(path))? {
            0 => break,
            read => len += read,
        }
    }
    let cipher = (len == KEY_BYTES).then(|| XChaCha20Poly1305::new_from_slice(&bytes[..KEY_BYTES]).ok()).flatten();
    cipher.map(Key).ok_or_else(|| KeyError::Length(path.to_owned()))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { path: path.clone(), source }
}
