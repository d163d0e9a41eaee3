//! `GET /runs/{run}/log?format=jsonl`: every log of a run, followed until the run has ended and its logs are whole.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::time::Instant;
use windlass_core::model::{JobKey, RunId};
use windlass_proto::api::{LogLine, ProblemKind};

use super::answer::{Answer, raw, streamed};
use super::api::Api;
use super::call::Call;
use super::expired;
use super::limits::FOLLOW_TIME;
use super::merged::{Cursor, Merged};
use super::problem::Refused;
use super::runs::find;

/// Bytes that are sent at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Between two looks at logs that grow: how late a line may be shown, nothing else depends on it.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Between two cursors.
const CURSOR_EVERY: Duration = Duration::from_secs(1);

/// What describes the route in the OpenAPI document.
pub(super) const QUERY: &[(&str, &str)] = &[
    ("format", "`jsonl`; nothing else exists"),
    ("follow", "`true`: goes on until the run has ended and all its logs are sealed"),
    ("job", "only this job"),
    ("cursor", "goes on where a line `cursor` was given"),
];

/// Carries the request out.
pub(super) async fn get(call: Call) -> Answer {
    let id: RunId = call.param("run")?;
    if call.text("format") != Some("jsonl") {
        return Err(Refused::member(ProblemKind::BadRequest, "format", "write `format=jsonl`"));
    }
    let follow = call.flag("follow")?;
    let job: Option<JobKey> = call.value("job", "the key of a job")?;
    let cursor = cursor(&call)?;
    let run = find(&call.api, &id).await?;
    expired::demand_logs(&call.api.published.state(), &id)?;
    if let Some(job) = &job
        && run.job(job).is_none()
    {
        return Err(Refused::not_found(format_args!("job {job} in {id}")));
    }
    let body = if call.head {
        Body::empty()
    } else {
        let merged = Merged::new(call.api.logs.clone(), job, cursor);
        let reader = Reader { merged, follow, ..Reader::new(call.api.clone(), id) };
        streamed(unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }))
    };
    Ok(raw(StatusCode::OK, "application/jsonl", body))
}

fn cursor(call: &Call) -> Result<Cursor, Refused> {
    let Some(text) = call.text("cursor") else { return Ok(Cursor::default()) };
    let parsed = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    parsed.ok_or_else(|| Refused::member(ProblemKind::BadRequest, "cursor", "it is not one that this master gave"))
}

/// A reader of all logs of a run.
struct Reader {
    api: Api,
    run: RunId,
    merged: Merged,
    follow: bool,
    until: Instant,
    next_cursor: Instant,
    /// Something was sent since the last cursor.
    news: bool,
    over: bool,
}

impl Reader {
    fn new(api: Api, run: RunId) -> Self {
        let (now, merged) = (Instant::now(), Merged::new(api.logs.clone(), None, Cursor::default()));
        let (until, next_cursor) = (now + FOLLOW_TIME, now + CURSOR_EVERY);
        Self { api, run, merged, follow: false, until, next_cursor, news: false, over: false }
    }

    /// The next lines; none: there is nothing more.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.over && !self.api.tasks.shutdown.is_cancelled() && Instant::now() < self.until {
            let lsn = self.api.published.lsn();
            let is_ended = self.look().await?;
            let mut out = self.merged.take(PIECE_BYTES);
            if out.is_empty() {
                out = self.merged.take_ends();
            }
            if out.is_empty() && (!self.follow || (is_ended && self.merged.is_done())) {
                self.over = true;
                self.merged.flush();
                out = self.merged.take(usize::MAX);
            }
            self.news |= !out.is_empty();
            self.add_cursor(&mut out);
            if !out.is_empty() {
                return Some(out.into());
            }
            if !self.over {
                self.wait(lsn).await;
            }
        }
        None
    }

    /// Looks at the run and reads on. None if that is not possible any more; the answer ends, and the reader comes again.
    async fn look(&mut self) -> Option<bool> {
        let run = match find(&self.api, &self.run).await {
            Ok(run) => run,
            Err(refused) => {
                tracing::warn!(run = %self.run, why = refused.detail, "a run cannot be followed");
                return None;
            }
        };
        self.merged.look(&run);
        if let Err(error) = self.merged.read().await {
            tracing::warn!(run = %self.run, %error, "the logs of a run cannot be read");
            return None;
        }
        if self.follow {
            self.merged.flush_old();
        }
        Some(run.is_ended())
    }

    /// A cursor each second in which something was sent, and at the end.
    fn add_cursor(&mut self, out: &mut Vec<u8>) {
        let due = self.over || Instant::now() >= self.next_cursor;
        if !due || !self.news {
            return;
        }
        let Some(cursor) = self.merged.cursor() else { return };
        let cursor = serde_json::to_vec(&cursor).expect("a cursor is plain data");
        let line = LogLine { cursor: Some(URL_SAFE_NO_PAD.encode(cursor)), ..LogLine::default() };
        serde_json::to_writer(&mut *out, &line).expect("a line is plain data");
        out.push(b'\n');
        self.news = false;
        self.next_cursor = Instant::now() + CURSOR_EVERY;
    }

    async fn wait(&self, lsn: u64) {
        tokio::select! {
            _ = self.api.published.changed(lsn) => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = self.api.tasks.shutdown.cancelled() => {}
        }
    }
}
