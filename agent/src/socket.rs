//! `agent.sock`: what built-in steps and `windlass-agent status` may ask of the agent. One line of JSON there, one back, then closed.
//!
//! Called by nobody here: steps connect. Invariant: only processes of our own user and of root are answered, a question is at most 1 MiB, and a step
//! that waits for the master waits here. Deliberately absent: anything that starts, stops or decides work.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use windlass_core::model::{Change, Digest, Fence};

use crate::link::{Blobs, Trouble};
use crate::tasks::Tasks;
use crate::work::Work;

/// Questions at once: each takes a thread while it waits. A host runs few steps at a time; others wait in the backlog.
const QUESTIONS: usize = 64;
/// The most bytes of a question: a change with its service's definition is far smaller.
const QUESTION_MAX: u64 = 1024 * 1024;
/// A question comes whole within this time.
const QUESTION_WITHIN: Duration = Duration::from_secs(10);

/// What a step may ask.
#[derive(Debug, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
enum Ask {
    Fetch { fence: Fence, digest: Digest },
    Put { fence: Fence, name: String, path: PathBuf },
    Observe { change: Box<Change> },
    Held {},
    Agent {},
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Given {
    Fetched { path: PathBuf },
    Put { digest: Digest, size: u64 },
    Held { fences: Vec<Fence> },
    Agent { session: Option<u64>, draining: bool },
    Nothing {},
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(Given),
    Error { text: String, may_pass: bool },
}

/// Who answers.
#[derive(Clone)]
pub struct Answers {
    /// Fetches and brings artifacts.
    pub blobs: Blobs,
    /// Knows what is held.
    pub work: Work,
    /// Looks at services.
    pub observe: mpsc::Sender<Change>,
}

/// Opens the socket; what an earlier agent left there is replaced, because the state directory has one owner.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers until the tasks end.
pub async fn serve(listener: UnixListener, answers: Answers, tasks: Tasks) {
    let (stop, room) = (tasks.stop().clone(), Arc::new(Semaphore::new(QUESTIONS)));
    loop {
        let next = async {
            let room = Arc::clone(&room).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await?.0, room))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = next => accepted,
        };
        let (stream, room) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a step could not connect");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (answers, ended) = (answers.clone(), stop.clone());
        let started = tasks.thread("ask", async move {
            tokio::select! {
                () = ended.cancelled() => {}
                () = answers.one(stream) => {}
            }
            drop(room);
        });
        if let Err(error) = started {
            tracing::error!(%error, "a step gets no answer: no thread");
        }
    }
}

impl Answers {
    async fn one(&self, mut stream: UnixStream) {
        let answer = match question(&mut stream).await {
            Ok(ask) => self.answer(ask).await,
            Err(error) => Answer::Error { text: format!("the question is not understood: {error}"), may_pass: false },
        };
        let mut line = serde_json::to_vec(&answer).expect("an answer has text keys only, so it is JSON");
        line.push(b'\n');
        if let Err(error) = stream.write_all(&line).await {
            tracing::debug!(%error, "a step did not wait for its answer");
        }
    }

    async fn answer(&self, ask: Ask) -> Answer {
        let given = match ask {
            Ask::Fetch { fence, digest } => self.blobs.fetch(fence, digest).await.map(|path| Given::Fetched { path }),
            Ask::Put { fence, name, path } => {
                let put = self.blobs.put(fence, &name, &path).await;
                put.map(|(digest, size)| Given::Put { digest, size })
            }
            Ask::Observe { change } => self
                .observe
                .send(*change)
                .await
                .map(|()| Given::Nothing {})
                .map_err(|_| Trouble { text: "the observer has ended".to_owned(), may_pass: true }),
            Ask::Held {} => {
                let fences = self.work.holdings().borrow().attempts.keys().copied().collect();
                Ok(Given::Held { fences })
            }
            Ask::Agent {} => Ok(Given::Agent { session: self.blobs.session(), draining: self.work.room().draining }),
        };
        match given {
            Ok(given) => Answer::Ok(given),
            Err(Trouble { text, may_pass }) => Answer::Error { text, may_pass },
        }
    }
}

async fn question(stream: &mut UnixStream) -> io::Result<Ask> {
    let ours = rustix::process::getuid().as_raw();
    let theirs = stream.peer_cred()?.uid();
    if theirs != ours && theirs != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it comes from another user"));
    }
    let mut line = String::new();
    let mut limited = BufReader::new(stream.take(QUESTION_MAX));
    tokio::time::timeout(QUESTION_WITHIN, limited.read_line(&mut line)).await??;
    Ok(serde_json::from_str(&line)?)
}
