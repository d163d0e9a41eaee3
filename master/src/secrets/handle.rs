//! The one thread that reads and writes sealed values, behind a handle.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

use tokio::sync::{Mutex, MutexGuard, oneshot};
use windlass_core::State;
use windlass_core::model::{Digest, Secret, Secrets as Values};
use windlass_core::secret::{Grant, SecretId};
use windlass_disk::Disk;

use super::Key;
pub use super::seal::Error;
use super::seal::{Vault, dir_in};

/// Requests that may wait: each is a person or a session, which waits for its answer.
const WAITING: usize = 64;

enum Ask {
    Seal(Grant, Secret, oneshot::Sender<Result<Digest, Error>>),
    Open(Vec<Grant>, oneshot::Sender<Values>),
    Erase(SecretId, u32, oneshot::Sender<Result<(), Error>>),
}

/// Seals, opens and erases. Cheap to clone; the thread ends with the last of them.
#[derive(Debug, Clone)]
pub struct Secrets {
    asks: mpsc::SyncSender<Ask>,
    alone: Arc<Mutex<()>>,
    has_key: bool,
}

impl Secrets {
    /// Starts the thread on this data directory, after what stands for no secret of `state` is swept away.
    pub fn start(
        disk: Box<dyn Disk>,
        data_dir: &Path,
        cluster: &str,
        key: Option<Key>,
        state: &State,
    ) -> io::Result<Self> {
        let (asks, waiting) = mpsc::sync_channel(WAITING);
        let has_key = key.is_some();
        let vault = Vault { disk, dir: dir_in(data_dir), cluster: cluster.to_owned(), key };
        let keeps = |grant: &Grant| {
            let known = state.secrets.get(&grant.secret);
            known.is_some_and(|known| !known.is_deleted && grant.number <= known.number)
        };
        match vault.sweep(keeps) {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "sealed files that stand for no secret are erased"),
            // They are sealed, and the next start tries again.
            Err(error) => tracing::warn!(%error, "sealed files that stand for no secret stay"),
        }
        std::thread::Builder::new().name("secrets".to_owned()).spawn(move || serve(&vault, &waiting))?;
        Ok(Self { asks, alone: Arc::default(), has_key })
    }

    /// Whether there is a key to seal with.
    pub fn has_key(&self) -> bool {
        self.has_key
    }

    /// Between looking for the next number and the fact that takes it nobody else does.
    pub async fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().await
    }

    /// Seals a value on disk; gives the digest of its file.
    pub async fn seal(&self, grant: Grant, value: Secret) -> Result<Digest, Error> {
        self.ask(|reply| Ask::Seal(grant, value, reply)).await?
    }

    /// Opens these. One that cannot be opened is left out, and our own log says why.
    pub async fn open(&self, grants: Vec<Grant>) -> Result<Values, Error> {
        self.ask(|reply| Ask::Open(grants, reply)).await
    }

    /// Erases the values of a deleted secret, up to this number.
    pub async fn erase(&self, secret: SecretId, last: u32) -> Result<(), Error> {
        self.ask(|reply| Ask::Erase(secret, last, reply)).await?
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Error> {
        let gone = "the thread of the secrets is gone";
        let (reply, answer) = oneshot::channel();
        self.asks.try_send(ask(reply)).map_err(|_| Error::System("too many wait for a secret"))?;
        answer.await.map_err(|_| Error::System(gone))
    }
}

/// Who does not wait any more needs no answer.
fn serve(vault: &Vault, waiting: &mpsc::Receiver<Ask>) {
    while let Ok(ask) = waiting.recv() {
        match ask {
            Ask::Seal(grant, value, reply) => _ = reply.send(vault.seal(&grant, &value)),
            Ask::Open(grants, reply) => _ = reply.send(open(vault, grants)),
            Ask::Erase(secret, last, reply) => _ = reply.send(vault.erase(&secret, last)),
        }
    }
}

fn open(vault: &Vault, grants: Vec<Grant>) -> Values {
    let mut values = Vec::with_capacity(grants.len());
    for grant in grants {
        match vault.open(&grant) {
            Ok(value) => values.push((grant.secret.name, value)),
            Err(error) => {
                tracing::error!(secret = %grant.secret, number = grant.number, %error, "a secret is not delivered")
            }
        }
    }
    Values::new(values)
}
