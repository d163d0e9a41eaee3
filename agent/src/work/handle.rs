//! The verbs of work, and its loop.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use windlass_core::model::Fence;
use windlass_proto::convert::Assignments;

use super::holdings::Holdings;
use super::room::Room;
use super::session::{Greeting, StaleMaster};
use super::shim::Spawn;
use super::state::{Settings, State};
use crate::attempts::{self, State as Memory, Store};
use crate::clock;
use crate::tasks::Tasks;
use crate::watch::{Growth, Watch};

/// Sets wait here while the disk syncs the one before; a session sends few, and waits when it is full.
const INBOX: usize = 16;
/// How often each lock is tried, in nanoseconds.
const TRY_LOCKS_EVERY_NS: u64 = 1_000_000_000;

/// Asks the work thread. Every verb waits until what it asks for is on disk.
#[derive(Debug, Clone)]
pub struct Work {
    inbox: mpsc::Sender<Message>,
    holdings: watch::Receiver<Arc<Holdings>>,
    room: watch::Receiver<Room>,
}

/// Work ended, because the disk refused or the agent stops. What is on disk is not known: only a new start is honest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work thread has ended")]
pub struct Fatal;

#[derive(Debug)]
enum Message {
    Greet(oneshot::Sender<Greeting>),
    Begin { epoch: u64, session: u64, answer: oneshot::Sender<Result<(), StaleMaster>> },
    Assign { session: u64, set: Assignments },
    Over { session: u64 },
}

impl Work {
    /// Counts a new Hello.
    pub async fn greet(&self) -> Result<Greeting, Fatal> {
        let (answer, greeting) = oneshot::channel();
        self.send(Message::Greet(answer)).await?;
        greeting.await.map_err(|_| Fatal)
    }

    /// From now on the assignments of this session count, and of no other.
    pub async fn begin(&self, epoch: u64, session: u64) -> Result<Result<(), StaleMaster>, Fatal> {
        let (answer, begun) = oneshot::channel();
        self.send(Message::Begin { epoch, session, answer }).await?;
        begun.await.map_err(|_| Fatal)
    }

    /// What the master wants. Carried out in the order of the calls; does not wait for the disk.
    pub async fn assign(&self, session: u64, set: Assignments) -> Result<(), Fatal> {
        self.send(Message::Assign { session, set }).await
    }

    /// The session is over; its assignments count no more.
    pub async fn over(&self, session: u64) -> Result<(), Fatal> {
        self.send(Message::Over { session }).await
    }

    /// What is held, at each change.
    pub fn holdings(&self) -> watch::Receiver<Arc<Holdings>> {
        self.holdings.clone()
    }

    /// What heartbeats say; at most a second old.
    pub fn room(&self) -> Room {
        *self.room.borrow()
    }

    async fn send(&self, message: Message) -> Result<(), Fatal> {
        self.inbox.send(message).await.map_err(|_| Fatal)
    }
}

/// Takes up what is on disk, then starts the work thread. It ends with `tasks`; if the disk refuses, it cancels `failed` first.
pub fn spawn(
    tasks: &Tasks,
    store: Store,
    memory: Memory,
    settings: Settings,
    spawner: Box<dyn Spawn>,
    watch: &Watch,
    failed: CancellationToken,
) -> attempts::Result<Work> {
    let mut state = State::new(store, memory, settings, spawner, Some(watch.clone()));
    state.take_up()?;
    let (inbox, messages) = mpsc::channel(INBOX);
    let (holdings, held) = watch::channel(Arc::new(state.holdings()));
    let (room, told) = watch::channel(state.room()?);
    let mut worker =
        Worker { state, messages, growth: watch.growth(), holdings, room, stop: tasks.stop().clone(), tried_ns: 0 };
    let thread = tasks.thread("work", async move {
        if let Err(error) = worker.run().await {
            tracing::error!(%error, "the disk refused: the agent ends, running jobs go on");
            failed.cancel();
        }
    });
    thread.map_err(attempts::Error::io_of_thread)?;
    Ok(Work { inbox, holdings: held, room: told })
}

struct Worker {
    state: State,
    messages: mpsc::Receiver<Message>,
    growth: Growth,
    holdings: watch::Sender<Arc<Holdings>>,
    room: watch::Sender<Room>,
    stop: CancellationToken,
    tried_ns: u64,
}

enum Event {
    Message(Message),
    Look,
    Stop,
}

impl Worker {
    async fn run(&mut self) -> attempts::Result<()> {
        loop {
            let event = tokio::select! {
                biased;
                () = self.stop.cancelled() => Event::Stop,
                message = self.messages.recv() => message.map_or(Event::Stop, Event::Message),
                () = self.growth.wait() => Event::Look,
            };
            match event {
                Event::Message(message) => self.take(message)?,
                Event::Look => self.look()?,
                Event::Stop => return Ok(()),
            }
        }
    }

    /// An answer that nobody waits for any more is dropped: the session that asked is over.
    fn take(&mut self, message: Message) -> attempts::Result<()> {
        match message {
            Message::Greet(answer) => {
                let greeting = self.state.greet()?;
                self.publish();
                let _nobody_waits = answer.send(greeting);
            }
            Message::Begin { epoch, session, answer } => {
                let _nobody_waits = answer.send(self.state.begin(epoch, session)?);
            }
            Message::Assign { session, set } => {
                self.state.assign(session, set)?;
                self.publish();
            }
            Message::Over { session } => self.state.over(session),
        }
        Ok(())
    }

    fn look(&mut self) -> attempts::Result<()> {
        let now = clock::boottime_ns();
        let try_locks = now.saturating_sub(self.tried_ns) >= TRY_LOCKS_EVERY_NS;
        if try_locks {
            self.tried_ns = now;
        }
        if self.state.look(try_locks)? {
            self.publish();
        }
        if try_locks {
            self.room.send_replace(self.state.room()?);
        }
        Ok(())
    }

    fn publish(&self) {
        let now = self.state.holdings();
        self.holdings.send_if_modified(|before| {
            let changed = !same(before, &now);
            if changed {
                *before = Arc::new(now);
            }
            changed
        });
    }
}

/// Whether nothing changed; attempts are shared, so looking at where they lie is enough.
fn same(before: &Holdings, now: &Holdings) -> bool {
    let ends = |held: &Holdings| -> BTreeMap<Fence, usize> {
        held.attempts.iter().map(|(fence, attempt)| (*fence, attempt.lines.len())).collect()
    };
    ends(before) == ends(now)
}
