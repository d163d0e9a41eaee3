//! Artifacts of a run: the list, and their bytes.

use axum::body::Body;
use axum::http::{StatusCode, header};
use futures_util::{StreamExt, TryStreamExt};
use windlass_core::model::{Digest, JobKey};
use windlass_core::run::Run;
use windlass_core::run::state::Artifact;
use windlass_proto::api::{self, ProblemKind};

use super::answer::{Answer, empty, ok, put, raw};
use super::call::{Call, cut};
use super::problem::Refused;
use super::{runs, shape};

/// `GET /runs/{run}/artifacts`
pub(super) async fn list(call: Call) -> Answer {
    let run = runs::find(&call.api, &call.param("run")?).await?;
    ok(&api::Page { items: run.artifacts.iter().map(shape::artifact).collect(), next: None })
}

/// `GET /runs/{run}/artifacts/{name}`; `job` tells two of one name apart.
pub(super) async fn get(call: Call) -> Answer {
    let run = runs::find(&call.api, &call.param("run")?).await?;
    let artifact = artifact_of(&call, &run)?;
    let size = call.api.blobs.size(&artifact.digest).await?;
    let size =
        size.ok_or_else(|| Refused::new(ProblemKind::Expired, "the bytes of this artifact are kept no longer"))?;
    let tag = format!("\"{}\"", shape_digest(&artifact.digest));
    if call.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return empty(StatusCode::NOT_MODIFIED);
    }
    let range = super::log::range(&call.headers, size)?;
    let (first, len) = range.unwrap_or((0, size));
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let body = if call.head { Body::empty() } else { bytes(&call, artifact.digest, first, len).await? };
    let mut response = raw(status, "application/octet-stream", body);
    put(&mut response, header::ETAG, &tag);
    put(&mut response, header::ACCEPT_RANGES, "bytes");
    put(&mut response, header::CONTENT_LENGTH, &len.to_string());
    put(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", artifact.name));
    if range.is_some() {
        put(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{}/{size}", first + len - 1));
    }
    Ok(response)
}

fn shape_digest(digest: &Digest) -> String {
    format!("blake3:{digest}")
}

fn artifact_of<'r>(call: &Call, run: &'r Run) -> Result<&'r Artifact, Refused> {
    let name = call.text_param("name");
    let job: Option<JobKey> = call.value("job", "the key of a job")?;
    let fits = |artifact: &&Artifact| artifact.name == name && job.as_ref().is_none_or(|job| *job == artifact.job);
    let mut found = run.artifacts.iter().filter(fits);
    let missing = || Refused::not_found(format_args!("artifact {:?} in {}", cut(name), run.id));
    let artifact = found.next().ok_or_else(missing)?;
    match found.next() {
        None => Ok(artifact),
        Some(other) => {
            let detail = format!("{} and {} made one of this name", artifact.job, other.job);
            Err(Refused::member(ProblemKind::BadRequest, "job", detail).hint("say which job: `?job=…`"))
        }
    }
}

/// The bytes asked for. One that cannot be read any more cuts the answer short, which the length tells.
async fn bytes(call: &Call, digest: Digest, first: u64, len: u64) -> Result<Body, Refused> {
    let mut left = len;
    let pieces = call.api.blobs.read(digest, first).await?;
    let pieces = pieces.map_ok(move |piece| {
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        left -= take as u64;
        piece.slice(..take)
    });
    let until_stop = pieces.take_until(call.api.tasks.shutdown.clone().cancelled_owned());
    Ok(Body::from_stream(until_stop.try_take_while(|piece| std::future::ready(Ok(!piece.is_empty())))))
}
