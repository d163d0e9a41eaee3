//! The one way into the engine: submit an input, get its answer after the commit.

use tokio::sync::{mpsc, oneshot};
use windlass_core::{Answer, Input};

/// How many inputs may wait. A full inbox makes the caller wait; 1,024 is two turns of the engine.
pub const INBOX_CAPACITY: usize = 1024;

/// The engine has ended; nothing more is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the master is stopping")]
pub struct Stopped;

/// An input and the caller that waits for its answer.
#[derive(Debug)]
pub struct Submitted {
    /// What the outside said.
    pub input: Input,
    /// Where the answer goes; a caller that went away loses only its answer.
    pub reply: oneshot::Sender<Answer>,
}

/// Submits inputs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox(mpsc::Sender<Submitted>);

impl Inbox {
    /// An inbox, and the end that the engine reads.
    pub fn new(capacity: usize) -> (Self, mpsc::Receiver<Submitted>) {
        let (sender, receiver) = mpsc::channel(capacity);
        (Self(sender), receiver)
    }

    /// Waits until what follows from `input` is durable, and returns what its caller is told.
    pub async fn submit(&self, input: Input) -> Result<Answer, Stopped> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Submitted { input, reply }).await.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}
