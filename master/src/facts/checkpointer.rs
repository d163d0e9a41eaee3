//! The thread that writes checkpoints, from what was published: no turn waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use windlass_core::State;
use windlass_disk::journal::{Mark, Source};

use super::{Checkpoint, Checkpoints};

/// What may happen between two checkpoints.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// So many bytes of journal.
    pub bytes: u64,
    /// So much time, if anything changed.
    pub every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { bytes: 64 * 1024 * 1024, every: Duration::from_secs(600) }
    }
}

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A turn that was published.
#[derive(Debug, Clone)]
struct Published {
    state: Arc<State>,
    mark: Mark,
    /// Of the journal, since the start.
    bytes: u64,
}

/// Takes note of each turn. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns(Arc<watch::Sender<Option<Published>>>);

impl Turns {
    /// Nobody writes checkpoints.
    pub fn unheard() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// A turn is published; `bytes` of journal were written since the start.
    pub fn ended(&self, state: Arc<State>, mark: Mark, bytes: u64) {
        self.0.send_replace(Some(Published { state, mark, bytes }));
    }
}

/// The thread.
#[derive(Debug)]
pub struct Checkpointer {
    turns: Turns,
    stop: CancellationToken,
    thread: std::thread::JoinHandle<()>,
}

impl Checkpointer {
    /// Starts it. `unwritten` is how many bytes of journal the start had to read.
    pub fn start(checkpoints: Checkpoints, source: Source, pace: Pace, unwritten: u64) -> std::io::Result<Self> {
        let turns = Turns::unheard();
        let stop = CancellationToken::new();
        let writer = Writer { checkpoints, source, pace, lsn: 0, bytes: 0, unwritten, at: Instant::now() };
        let (heard, stopped, runtime) = (turns.0.subscribe(), stop.clone(), Handle::current());
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || writer.run(&heard, &stopped, &runtime))?;
        Ok(Self { turns, stop, thread })
    }

    /// Where turns are noted.
    pub fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// Writes the last one, and ends.
    pub fn stop(self) {
        self.stop.cancel();
        // A panic there was reported where it happened; the journal has everything.
        let _ = self.thread.join();
    }
}

struct Writer {
    checkpoints: Checkpoints,
    source: Source,
    pace: Pace,
    /// Of the last one.
    lsn: u64,
    /// Of the journal when the last one was written.
    bytes: u64,
    unwritten: u64,
    at: Instant,
}

impl Writer {
    fn run(mut self, turns: &watch::Receiver<Option<Published>>, stop: &CancellationToken, runtime: &Handle) {
        loop {
            let stopped = runtime.block_on(async { tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_ok() });
            let newest = turns.borrow().clone();
            if let Some(turn) = newest.filter(|turn| turn.mark.last_lsn > self.lsn && (stopped || self.is_due(turn))) {
                self.write(&turn);
            }
            if stopped {
                return;
            }
        }
    }

    fn is_due(&self, turn: &Published) -> bool {
        self.unwritten + turn.bytes - self.bytes >= self.pace.bytes || self.at.elapsed() >= self.pace.every
    }

    /// One that cannot be written is tried again when the next one is due.
    fn write(&mut self, turn: &Published) {
        let checkpoint = Checkpoint { mark: turn.mark, state: Arc::clone(&turn.state) };
        self.checkpoints.write_and_compress(&checkpoint, &self.source);
        (self.lsn, self.bytes, self.unwritten, self.at) = (turn.mark.last_lsn, turn.bytes, 0, Instant::now());
    }
}
