//! The one thread that owns the store. sled can hang as well as panic: who calls waits with a deadline, and gives the thread up after it.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use super::handle::Error;
use super::store::Store;

/// So long may opening take. It reads what sled wrote since its own last snapshot.
const OPEN: Duration = Duration::from_secs(60);

/// So long may any other call take, waiting for the one before included.
const CALL: Duration = Duration::from_secs(10);

/// Calls that may wait: one of the follower, and one of the queries.
const WAITING: usize = 2;

type Call = Box<dyn FnOnce(&Store) + Send>;

/// Calls the store. The thread ends with the last of these; one that hangs is left behind with its files.
#[derive(Debug, Clone)]
pub(super) struct Keeper(SyncSender<Call>);

/// A store that is open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) keeper: Keeper,
    /// The lsn that it has applied; 0 for a new one.
    pub(super) applied: u64,
    pub(super) closed: Closed,
}

/// Tells when the store has let go of its files.
#[derive(Debug)]
pub(super) struct Closed(Receiver<()>);

impl Closed {
    /// Waits for it, once every keeper is dropped; not for ever.
    pub(super) fn wait(self) {
        // Nothing is ever sent: the other end goes with the thread.
        let _ = self.0.recv_timeout(CALL);
    }
}

impl Keeper {
    /// Opens or creates the store.
    pub(super) fn open(dir: &Path, cluster_id: [u8; 16]) -> Result<Opened, Error> {
        let (opened, answer) = sync_channel(1);
        let (open, closed) = sync_channel::<()>(1);
        let (calls, asked) = sync_channel::<Call>(WAITING);
        let dir = dir.to_owned();
        let serve = move || {
            let store = match Store::open(&dir, cluster_id) {
                Err(error) => return drop(opened.send(Err(error))),
                Ok((store, applied)) => opened.send(Ok(applied)).is_ok().then_some(store),
            };
            // Nobody waits any more for a store that opened too late.
            let Some(store) = store else { return };
            while let Ok(call) = asked.recv() {
                call(&store);
            }
            drop(store);
            drop(open);
        };
        let spawned = std::thread::Builder::new().name("sled".to_owned()).spawn(serve);
        spawned.map_err(|error| Error::Store(error.to_string()))?;
        let applied = answer.recv_timeout(OPEN).map_err(|why| late("it does not open", OPEN, why))??;
        Ok(Opened { keeper: Self(calls), applied, closed: Closed(closed) })
    }

    /// Lets `act` work on the store.
    pub(super) fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, answer) = sync_channel(1);
        let call: Call = Box::new(move |store| {
            // Whoever gave up waiting has set this store aside.
            let _ = done.send(act(store));
        });
        // The queue has room for every caller, unless the thread hangs in a call that was given up.
        self.0.try_send(call).map_err(|_| Error::Store("it does not take calls".to_owned()))?;
        answer.recv_timeout(CALL).map_err(|why| late("it does not answer", CALL, why))?
    }
}

fn late(what: &str, after: Duration, why: RecvTimeoutError) -> Error {
    Error::Store(match why {
        RecvTimeoutError::Timeout => format!("{what} within {} s", after.as_secs()),
        RecvTimeoutError::Disconnected => format!("{what}: its thread has ended"),
    })
}
