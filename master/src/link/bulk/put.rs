//! An artifact comes from the agent that made it.

use tonic::{Status, Streaming};
use windlass_core::model::AgentId;
use windlass_core::{Answer, Input};
use windlass_proto::convert::blobs::{Part, PutDone, PutOpen};
use windlass_proto::v1;

use super::claims::{makes_artifact, open_attempt, over, present};
use super::fetch::status;
use crate::link::Link;

/// The most bytes an artifact may have.
const ARTIFACT_MAX_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Takes the parts; done when the blob is synced and its fact committed.
pub(in crate::link) async fn run(
    link: &Link,
    agent: AgentId,
    mut inbound: Streaming<v1::BlobPart>,
) -> Result<PutDone, Status> {
    let first = tokio::time::timeout(link.patience.first_message, next(&mut inbound)).await;
    let first = first.map_err(|_elapsed| Status::deadline_exceeded("no first part came"))??;
    let first = first.ok_or_else(|| Status::invalid_argument("no first part came"))?;
    let open = first.open.clone().ok_or_else(|| Status::invalid_argument("the first part says not what follows"))?;
    let seat = present(&link.sessions, agent, open.session)?;
    check(link, agent, &open)?;
    tokio::select! {
        taken = take(link, &open, first, &mut inbound) => taken?,
        () = seat.over.cancelled() => return Err(over()),
    }
    commit(link, open).await
}

fn check(link: &Link, agent: AgentId, open: &PutOpen) -> Result<(), Status> {
    if !makes_artifact(&open_attempt(&link.published.state(), agent, open.fence)?.envelope, &open.name) {
        tracing::warn!(%agent, fence = %open.fence, name = %open.name.escape_debug(), "an agent brought what its attempt does not make");
        return Err(Status::permission_denied("no step of the attempt makes this artifact"));
    }
    match open.size <= ARTIFACT_MAX_BYTES {
        true => Ok(()),
        false => Err(Status::resource_exhausted(format!("an artifact has at most {ARTIFACT_MAX_BYTES} bytes"))),
    }
}

async fn take(link: &Link, open: &PutOpen, first: Part, inbound: &mut Streaming<v1::BlobPart>) -> Result<(), Status> {
    let mut upload = link.blobs.begin(open.digest, open.size).await.map_err(|error| status(&error))?;
    let mut part = Some(first);
    while let Some(Part { offset, data, .. }) = part {
        if offset != upload.written() {
            return Err(Status::invalid_argument(format!("a part at {offset} came, {} is due", upload.written())));
        }
        if !data.is_empty() {
            upload.write(data).await.map_err(|error| status(&error))?;
        }
        part = next(inbound).await?;
    }
    upload.finish().await.map_err(|error| status(&error))
}

async fn commit(link: &Link, open: PutOpen) -> Result<PutDone, Status> {
    let PutOpen { fence, name, digest, size, .. } = open;
    match link.inbox.submit(Input::BlobStored { fence, name, digest, size }).await {
        Ok(Answer::Refused(refusal)) => Err(Status::failed_precondition(refusal.to_string())),
        Ok(_) => Ok(PutDone { digest, size }),
        Err(stopped) => Err(Status::unavailable(stopped.to_string())),
    }
}

async fn next(inbound: &mut Streaming<v1::BlobPart>) -> Result<Option<Part>, Status> {
    let part = inbound.message().await?.map(Part::from_wire).transpose();
    part.map_err(|error| Status::invalid_argument(error.to_string()))
}
