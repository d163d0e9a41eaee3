//! The thread that appends. One turn, one record, one sync; a failed one ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};
use windlass_core::Recorded;
use windlass_disk::journal::{EntryRef, Journal, Mark, RECORD_MAX_BYTES};

use super::{Error, encode};

/// Requests that may wait. The engine sends one at a time; a second covers the quiet record.
const QUEUE: usize = 2;

/// The most of a segment that is kept for one turn; it matters only to those smaller than an operator may choose.
const SEGMENT_SHARE: u64 = 4;

enum Request {
    Append { epoch: u64, facts: Vec<Recorded>, done: oneshot::Sender<Result<u64, Error>> },
    Reserve { done: oneshot::Sender<Result<(), Error>> },
    Quiet { epoch: u64, done: oneshot::Sender<Result<(), Error>> },
}

/// The one writer of the journal.
#[derive(Debug)]
pub struct Committer {
    requests: mpsc::Sender<Request>,
    has_room: Arc<AtomicBool>,
    place: Arc<Mutex<Place>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// How far the journal is.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Behind the last record.
    pub mark: Mark,
    /// Bytes of facts that were appended since the start.
    pub bytes: u64,
}

impl Committer {
    pub(super) fn start(journal: Journal) -> Result<Self, std::io::Error> {
        let (requests, receiver) = mpsc::channel(QUEUE);
        let has_room = Arc::new(AtomicBool::new(false));
        let place = Arc::new(Mutex::new(Place { mark: journal.mark(), bytes: 0 }));
        let server = Server { journal, has_room: Arc::clone(&has_room), place: Arc::clone(&place) };
        let thread = std::thread::Builder::new().name("commit".to_owned()).spawn(move || server.serve(receiver))?;
        Ok(Self { requests, has_room, place, thread: Some(thread) })
    }

    /// How far the journal is since the last commit returned.
    pub fn place(&self) -> Place {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the facts of a turn durable; returns the lsn of the last. After an error nothing is known: the process must end.
    pub async fn commit(&self, epoch: u64, facts: Vec<Recorded>) -> Result<u64, Error> {
        self.ask(|done| Request::Append { epoch, facts, done }).await
    }

    /// Makes sure that the next turn finds room on the volume. That it does not is an answer, not a failure.
    pub async fn reserve(&self) -> Result<(), Error> {
        if self.has_room.load(Ordering::Acquire) {
            return Ok(());
        }
        self.ask(|done| Request::Reserve { done }).await
    }

    /// After a second of quiet, and at a clean stop: proves the record before it whole for ever.
    pub async fn quiet(&self, epoch: u64) -> Result<(), Error> {
        self.ask(|done| Request::Quiet { epoch, done }).await
    }

    /// Ends the thread, after what it was given.
    pub fn close(mut self) {
        let (closed, _) = mpsc::channel(1);
        self.requests = closed;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported by the request that met it.
            let _ = thread.join();
        }
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request) -> Result<T, Error> {
        let (done, answer) = oneshot::channel();
        self.requests.send(request(done)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

struct Server {
    journal: Journal,
    has_room: Arc<AtomicBool>,
    place: Arc<Mutex<Place>>,
}

impl Server {
    fn serve(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.blocking_recv() {
            match request {
                Request::Append { epoch, facts, done } => {
                    let appended = self.append(epoch, &facts);
                    let _ = done.send(appended);
                    // Room for the next turn is made while the engine acts on this one.
                    let _ = self.reserve();
                }
                Request::Reserve { done } => {
                    let _ = done.send(self.reserve());
                }
                Request::Quiet { epoch, done } => {
                    let _ = done.send(self.journal.append_empty(epoch).map_err(Error::from));
                }
            }
        }
    }

    fn reserve(&mut self) -> Result<(), Error> {
        // A segment must hold more than one record, however small it is.
        let share = usize::try_from(self.journal.segment_bytes() / SEGMENT_SHARE).unwrap_or(usize::MAX);
        let reserved = self.journal.reserve(RECORD_MAX_BYTES.min(share));
        self.has_room.store(reserved.is_ok(), Ordering::Release);
        Ok(reserved?)
    }

    fn append(&mut self, epoch: u64, facts: &[Recorded]) -> Result<u64, Error> {
        let entries: Vec<_> = facts.iter().map(encode).collect();
        let refs: Vec<EntryRef<'_>> = entries
            .iter()
            .map(|entry| EntryRef { kind: entry.kind, format: entry.format, bytes: &entry.bytes })
            .collect();
        self.journal.append(epoch, &refs)?;
        self.take_note(entries.iter().map(|entry| entry.bytes.len() as u64).sum());
        Ok(self.journal.last_lsn())
    }

    fn take_note(&self, bytes: u64) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Place { mark: self.journal.mark(), bytes: place.bytes + bytes };
    }
}
