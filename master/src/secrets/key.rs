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
    /// The key before the last change is there: not every value is sealed with the new one.
    #[error("{} is there: a change of the key was not finished", .0.display())]
    Unfinished(PathBuf),
    /// It is not ours to change.
    #[error("the key is the credential {CREDENTIAL} of systemd")]
    Credential,
    /// There is none.
    #[error("{} does not exist", .0.display())]
    None(PathBuf),
    /// It is no key.
    #[error("{} does not hold {KEY_BYTES} bytes", .0.display())]
    Length(PathBuf),
}

impl Key {
    /// From the service manager's credential, else from this file; none if there is neither.
    pub fn find(path: &Path) -> Result<Option<Self>, KeyError> {
        match credential() {
            Some(path) => read(&path, false).map(Some),
            None if before(path).try_exists().map_err(failed(path))? => Err(KeyError::Unfinished(before(path))),
            None if !path.try_exists().map_err(failed(path))? => Ok(None),
            None => read(path, true).map(Some),
        }
    }
}

fn credential() -> Option<PathBuf> {
    let path = std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| Path::new(&dir).join(CREDENTIAL));
    path.filter(|path| path.exists())
}

/// Where the key stands that is being replaced.
fn before(path: &Path) -> PathBuf {
    beside(path, "before")
}

fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{word}"));
    PathBuf::from(name)
}

/// The key before a change, and the one after it.
pub(super) struct Change {
    pub(super) before: Key,
    pub(super) after: Key,
}

/// Puts a new key in the place of the one at `path`, which stays beside it until [`finish`]. A change that was cut goes on where it was.
pub(super) fn change(path: &Path) -> Result<Change, KeyError> {
    if credential().is_some() {
        return Err(KeyError::Credential);
    }
    if !path.try_exists().map_err(failed(path))? {
        return Err(KeyError::None(path.to_owned()));
    }
    let (before, made) = (before(path), beside(path, "new"));
    let read_bytes = |path: &Path| std::fs::read(path).map(Zeroizing::new).map_err(failed(path));
    if !before.try_exists().map_err(failed(&before))? {
        let copy = beside(path, "copy");
        remove_if_there(&copy)?;
        read(path, true)?;
        write_new(&copy, &read_bytes(path)?)?;
        std::fs::rename(&copy, &before).map_err(failed(&before))?;
        sync_folder(path)?;
    }
    if read_bytes(path)? == read_bytes(&before)? {
        remove_if_there(&made)?;
        make_key(&made)?;
        std::fs::rename(&made, path).map_err(failed(path))?;
        sync_folder(path)?;
    }
    Ok(Change { before: read(&before, true)?, after: read(path, true)? })
}

/// Nothing is sealed with the key before any more.
pub(super) fn finish(path: &Path) -> Result<(), KeyError> {
    remove_if_there(&before(path))?;
    sync_folder(path)
}

fn remove_if_there(path: &Path) -> Result<(), KeyError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(failed(path)),
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = made.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(failed(path))
}

fn sync_folder(path: &Path) -> Result<(), KeyError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(path))
}

/// Makes a key file that only its owner reads; one that is there stays. True if it was made.
pub fn make_key(path: &Path) -> Result<bool, KeyError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    SystemRandom::new().fill(&mut key[..]).map_err(|_| failed(path)(io::Error::other("no random bytes")))?;
    match write_new(path, &key[..]) {
        Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        written => written?,
    }
    sync_folder(path)?;
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
