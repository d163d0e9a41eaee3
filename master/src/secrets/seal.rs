//! One value in one file: XChaCha20-Poly1305 with a random nonce. Cluster, name, scope and number are authenticated with it, so that no
//! file stands for another.
//!
//! ```text
//! magic "WNDLSEC1" | nonce 24 | sealed value and tag
//! ```

use std::path::{Path, PathBuf};

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use ring::rand::{SecureRandom, SystemRandom};
use windlass_core::model::{Digest, Secret};
use windlass_core::secret::{Grant, SecretId};
use windlass_disk::{Disk, safe_write};

use super::Key;

const MAGIC: &[u8; 8] = b"WNDLSEC1";
const NONCE_BYTES: usize = 24;

/// A value cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no key file.
    #[error("there is no key for secrets")]
    NoKey,
    /// The disk.
    #[error(transparent)]
    Disk(#[from] windlass_disk::Error),
    /// Another key, another cluster, another name, or a flipped bit.
    #[error("{} was not sealed by this master with this key, or is damaged", .0.display())]
    NotOurs(PathBuf),
    /// The system has no random bytes, or the thread is gone.
    #[error("{0}")]
    System(&'static str),
}

/// Where values lie, and what is authenticated with each.
pub(super) struct Vault {
    pub(super) disk: Box<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) cluster: String,
    pub(super) key: Option<Key>,
}

impl Vault {
    /// Seals a value on disk, power-safe; gives the digest of the file.
    pub(super) fn seal(&self, grant: &Grant, value: &Secret) -> Result<Digest, Error> {
        let Key(cipher) = self.key.as_ref().ok_or(Error::NoKey)?;
        let mut nonce = [0; NONCE_BYTES];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::System("there are no random bytes"))?;
        let payload = Payload { msg: value.expose(), aad: &self.bound_to(grant) };
        let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| Error::System("the value cannot be sealed"))?;
        let bytes = [&MAGIC[..], &nonce, &sealed].concat();
        let path = self.path(grant);
        safe_write::create_dir_all_synced(&*self.disk, &self.folder(&grant.secret))?;
        safe_write::write(&*self.disk, &path, &bytes)?;
        Ok(Digest::of(&bytes))
    }

    /// Opens a value.
    pub(super) fn open(&self, grant: &Grant) -> Result<Secret, Error> {
        let Key(cipher) = self.key.as_ref().ok_or(Error::NoKey)?;
        let path = self.path(grant);
        let bytes = self.disk.read(&path)?;
        let opened = bytes.strip_prefix(MAGIC).and_then(|rest| {
            let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES)?;
            let payload = Payload { msg: sealed, aad: &self.bound_to(grant) };
            cipher.decrypt(XNonce::from_slice(nonce), payload).ok()
        });
        opened.and_then(|value| Secret::new(value).ok()).ok_or(Error::NotOurs(path))
    }

    /// Erases every value of a secret, up to this number.
    pub(super) fn erase(&self, secret: &SecretId, last: u32) -> Result<(), Error> {
        for number in 1..=last {
            let path = self.path(&Grant { secret: secret.clone(), number });
            if self.disk.exists(&path)? {
                self.disk.remove_file(&path)?;
            }
        }
        let folder = self.folder(secret);
        if self.disk.exists(&folder)? {
            self.disk.sync_dir(&folder)?;
        }
        Ok(())
    }

    /// Every file below the folder of secrets, with the value that it stands for; none: it stands for nothing.
    pub(super) fn files(&self) -> Result<Vec<(PathBuf, Option<Grant>)>, Error> {
        let mut found = Vec::new();
        let mut folders = vec![self.dir.clone()];
        while let Some(folder) = folders.pop() {
            if !self.disk.exists(&folder)? {
                continue;
            }
            for path in self.disk.read_dir(&folder)? {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if name.contains('@') {
                    found.push((path.clone(), self.grant_of(&path)));
                } else {
                    folders.push(path);
                }
            }
        }
        Ok(found)
    }

    fn grant_of(&self, path: &Path) -> Option<Grant> {
        let below = path.strip_prefix(&self.dir).ok()?.to_str()?;
        let (id, number) = below.split_once('@')?;
        let grant = Grant { secret: SecretId::try_from(id.to_owned()).ok()?, number: number.parse().ok()? };
        (self.path(&grant) == path).then_some(grant)
    }

    /// Removes every file that stands for no value of these: what was sealed before a crash took the fact away, what is deleted and was not
    /// erased, what was half written. Returns how many.
    pub(super) fn sweep(&self, keeps: impl Fn(&Grant) -> bool) -> Result<usize, Error> {
        let mut swept = 0;
        for (path, grant) in self.files()? {
            if !grant.as_ref().is_some_and(&keeps) {
                self.disk.remove_file(&path)?;
                if let Some(folder) = path.parent() {
                    self.disk.sync_dir(folder)?;
                }
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn folder(&self, secret: &SecretId) -> PathBuf {
        let project = self.dir.join(secret.project.as_str());
        secret.environment.as_ref().map_or(project.clone(), |environment| project.join(environment.as_str()))
    }

    /// Names are in capitals, environments are not: neither is taken for the other.
    fn path(&self, grant: &Grant) -> PathBuf {
        self.folder(&grant.secret).join(format!("{}@{}", grant.secret.name, grant.number))
    }

    fn bound_to(&self, grant: &Grant) -> Vec<u8> {
        let SecretId { project, environment, name } = &grant.secret;
        let environment = environment.as_ref().map_or("", |environment| environment.as_str());
        let number = grant.number.to_string();
        // No part has a zero byte.
        [self.cluster.as_str(), name.as_str(), project.as_str(), environment, &number].join("\0").into_bytes()
    }
}

/// Where values lie in a data directory.
pub(super) fn dir_in(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets")
}
