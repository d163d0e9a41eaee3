//! Artifacts over connection B: fetched by digest, brought by name. Both wait while there is no session and go on in the next.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use windlass_core::model::{Digest, Fence};
use windlass_proto::convert::blobs::{Fetch, Part, PutDone, PutOpen};
use windlass_proto::convert::{BULK_MAX_BYTES, DATA_MAX_BYTES};
use windlass_proto::v1;
use windlass_proto::v1::agent_link_client::AgentLinkClient;

use super::run::Live;

/// Parts handed to the connection; more would only be memory.
const OUTGOING: usize = 4;
/// Between two tries in one session.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Downloads whose bytes are not what their digest says, before that is believed.
const DAMAGED_TRIES: u32 = 3;

/// Why a blob did not travel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Trouble {
    /// What happened.
    pub text: String,
    /// Whether a new try makes sense.
    pub may_pass: bool,
}

/// Carries artifacts. Blocks on the disk: call it on a thread of its own.
#[derive(Debug, Clone)]
pub struct Blobs {
    live: watch::Receiver<Option<Live>>,
    dir: PathBuf,
}

impl Blobs {
    /// Keeps what is under way in `dir`; asks in whatever session lives.
    pub fn new(live: watch::Receiver<Option<Live>>, dir: PathBuf) -> Self {
        Self { live, dir }
    }

    /// The number of the session that lives, if one does.
    pub fn session(&self) -> Option<u64> {
        self.live.borrow().as_ref().map(|live| live.session)
    }

    /// The file with this content, in our own directory; whoever asked removes it.
    pub async fn fetch(&self, fence: Fence, digest: Digest) -> Result<PathBuf, Trouble> {
        let whole = self.dir.join(format!("{digest}.{fence}"));
        if whole.exists() {
            return Ok(whole);
        }
        let part = self.dir.join(format!("{digest}.{fence}.part"));
        let mut damaged = 0;
        loop {
            let live = self.live().await?;
            match download(&live, fence, digest, &part).await {
                Ok(()) if digest_of(&part)?.0 == digest => {
                    fs::rename(&part, &whole).map_err(|error| disk(&part, &error))?;
                    return Ok(whole);
                }
                Ok(()) => {
                    damaged += 1;
                    fs::remove_file(&part).map_err(|error| disk(&part, &error))?;
                    if damaged == DAMAGED_TRIES {
                        return Err(Trouble { text: format!("{digest} came damaged {damaged} times"), may_pass: true });
                    }
                }
                Err(failed) => self.wait_or_give_up(failed, "fetch").await?,
            }
        }
    }

    /// Brings a file under a name; answers when the master has it on disk, with its digest and size.
    pub async fn put(&self, fence: Fence, name: &str, path: &Path) -> Result<(Digest, u64), Trouble> {
        let (digest, size) = digest_of(path)?;
        loop {
            let live = self.live().await?;
            let open = PutOpen { session: live.session, fence, name: name.to_owned(), size, digest };
            match upload(&live, open, path).await {
                Ok(done) if done == (PutDone { digest, size }) => return Ok((digest, size)),
                Ok(_other) => {
                    let text = format!("the master stored something else than {}", path.display());
                    return Err(Trouble { text, may_pass: true });
                }
                Err(failed) => self.wait_or_give_up(failed, "put").await?,
            }
        }
    }

    async fn live(&self) -> Result<Live, Trouble> {
        let mut live = self.live.clone();
        let found = live.wait_for(Option::is_some).await;
        let found = found.map_err(|_| Trouble { text: "the agent stops".to_owned(), may_pass: true })?;
        found.clone().ok_or_else(|| Trouble { text: "the session ended".to_owned(), may_pass: true })
    }

    /// What the link's weather caused passes with it; what the master decided does not.
    async fn wait_or_give_up(&self, failed: Failed, what: &str) -> Result<(), Trouble> {
        match failed {
            Failed::Disk(trouble) => Err(trouble),
            Failed::Call(status) if is_decided(status.code()) => {
                let text = format!("the master refused the {what}: {}", status.message());
                Err(Trouble { text, may_pass: status.code() == Code::ResourceExhausted })
            }
            Failed::Call(status) => {
                tracing::debug!(what, code = ?status.code(), message = status.message(), "tried again");
                tokio::time::sleep(AGAIN_AFTER).await;
                Ok(())
            }
        }
    }
}

enum Failed {
    Call(Box<Status>),
    Disk(Trouble),
}

impl From<Status> for Failed {
    fn from(status: Status) -> Self {
        Self::Call(Box::new(status))
    }
}

fn is_decided(code: Code) -> bool {
    matches!(
        code,
        Code::NotFound
            | Code::PermissionDenied
            | Code::InvalidArgument
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::DataLoss
    )
}

/// Goes on behind what the file holds.
async fn download(live: &Live, fence: Fence, digest: Digest, part: &Path) -> Result<(), Failed> {
    let on_disk = |error: &std::io::Error| Failed::Disk(disk(part, error));
    let mut file = OpenOptions::new().create(true).append(true).open(part).map_err(|error| on_disk(&error))?;
    let mut at = file.seek(SeekFrom::End(0)).map_err(|error| on_disk(&error))?;
    let request = Fetch { session: live.session, fence, digest, offset: at }.to_wire();
    let mut client = AgentLinkClient::new(live.bulk.clone()).max_decoding_message_size(BULK_MAX_BYTES);
    let mut parts = client.fetch(request).await?.into_inner();
    while let Some(message) = parts.message().await? {
        let message = Part::from_wire(message).map_err(|error| Status::aborted(error.to_string()))?;
        if message.offset != at {
            return Err(Status::aborted(format!("byte {at} was due, {} came", message.offset)).into());
        }
        file.write_all(&message.data).map_err(|error| on_disk(&error))?;
        at += message.data.len() as u64;
    }
    file.sync_data().map_err(|error| on_disk(&error))
}

async fn upload(live: &Live, open: PutOpen, path: &Path) -> Result<PutDone, Failed> {
    let on_disk = |error: std::io::Error| Failed::Disk(disk(path, &error));
    let mut file = File::open(path).map_err(on_disk)?;
    let (outgoing, parts) = mpsc::channel(OUTGOING);
    let mut client = AgentLinkClient::new(live.bulk.clone());
    let call = client.put(ReceiverStream::new(parts));
    let feed = async {
        let mut open = Some(open);
        let mut offset = 0;
        loop {
            let data = read_part(&mut file).map_err(on_disk)?;
            let is_last = data.is_empty();
            let (len, open) = (data.len() as u64, open.take());
            if !is_last || open.is_some() {
                let part: v1::BlobPart = Part { offset, data, open }.into_wire();
                if outgoing.send(part).await.is_err() {
                    break;
                }
            }
            if is_last {
                break;
            }
            offset += len;
        }
        drop(outgoing);
        Ok::<(), Failed>(())
    };
    let (fed, answer) = tokio::join!(feed, call);
    fed?;
    let done = answer?.into_inner();
    PutDone::from_wire(&done).map_err(|error| Status::aborted(error.to_string()).into())
}

fn read_part(file: &mut File) -> std::io::Result<Bytes> {
    let mut data = Vec::with_capacity(DATA_MAX_BYTES);
    file.take(DATA_MAX_BYTES as u64).read_to_end(&mut data)?;
    Ok(Bytes::from(data))
}

fn digest_of(path: &Path) -> Result<(Digest, u64), Trouble> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path).map_err(|error| disk(path, &error))?;
    let size = std::io::copy(&mut file, &mut hasher).map_err(|error| disk(path, &error))?;
    Ok((Digest(*hasher.finalize().as_bytes()), size))
}

fn disk(path: &Path, error: &std::io::Error) -> Trouble {
    let may_pass = error.kind() == std::io::ErrorKind::StorageFull;
    Trouble { text: format!("{}: {error}", path.display()), may_pass }
}
