//! Reads facts for event streams on a thread of its own, because reading the journal blocks on the disk.

use std::io;

use tokio::sync::{mpsc, oneshot};
use windlass_core::Recorded;

use crate::facts::{Error, Reader};

/// Readers that may wait. Each takes about a millisecond; a full queue makes the reader of events wait.
const WAITING: usize = 64;

type Facts = Vec<(u64, Recorded)>;

#[derive(Debug)]
struct Ask {
    from: u64,
    end: u64,
    max: usize,
    reply: oneshot::Sender<Result<Facts, Error>>,
}

/// Reads committed facts. Cheap to clone; the thread ends with the last handle.
#[derive(Debug, Clone)]
pub struct JournalReader(mpsc::Sender<Ask>);

impl JournalReader {
    /// Starts the thread.
    pub fn start(reader: Reader) -> io::Result<Self> {
        let (sender, mut asks) = mpsc::channel::<Ask>(WAITING);
        std::thread::Builder::new().name("event reader".to_owned()).spawn(move || {
            while let Some(ask) = asks.blocking_recv() {
                // Whoever asked may have gone away.
                let _ = ask.reply.send(reader.read_from(ask.from, ask.end, ask.max));
            }
        })?;
        Ok(Self(sender))
    }

    /// Facts from the lsn `from` on, at most about `max`, up to `end`, a committed lsn.
    pub(super) async fn read_from(&self, from: u64, end: u64, max: usize) -> Result<Facts, Error> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Ask { from, end, max, reply }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}
