//! An artifact goes to an agent that needs it.

use futures_util::{Stream, StreamExt, TryStreamExt};
use tonic::Status;
use windlass_core::model::AgentId;
use windlass_proto::convert::blobs::{Fetch, Part};
use windlass_proto::v1;

use super::claims::{names_digest, open_attempt, present};
use crate::blobs::Error;
use crate::link::Link;

/// The parts of the blob from the offset on, while the session lives.
pub(in crate::link) async fn run(
    link: &Link,
    agent: AgentId,
    request: &v1::FetchRequest,
) -> Result<impl Stream<Item = Result<v1::BlobPart, Status>> + Send + use<>, Status> {
    let fetch = Fetch::from_wire(request).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let seat = present(&link.sessions, agent, fetch.session)?;
    let state = link.published.state();
    if !names_digest(&open_attempt(&state, agent, fetch.fence)?.envelope, &fetch.digest) {
        tracing::warn!(%agent, fence = %fetch.fence, digest = %fetch.digest, "an agent asked for what its attempt does not name");
        return Err(Status::permission_denied("no step of the attempt names this artifact"));
    }
    let pieces = link.blobs.read(fetch.digest, fetch.offset).await.map_err(|error| status(&error))?;
    let mut offset = fetch.offset;
    let parts = pieces.map_ok(move |data| {
        let part = Part { offset, data, open: None };
        offset += part.data.len() as u64;
        part.into_wire()
    });
    Ok(parts.map_err(|error| status(&error)).take_until(seat.over.cancelled_owned()))
}

/// What an agent is told about a blob; what the store says is for our own log.
pub(super) fn status(error: &Error) -> Status {
    match error {
        Error::Missing(digest) => Status::not_found(format!("there is no blob {digest}")),
        Error::Size { .. } | Error::Mismatch { .. } => Status::invalid_argument(error.to_string()),
        Error::Store(_) | Error::Disk(_) => {
            tracing::error!(%error, "the blob store refuses");
            Status::unavailable("the blob store refuses")
        }
    }
}
