//! `GET /events`: what happens, as server-sent events. `id` is the lsn of the fact; a reader that names the last one it had gets what
//! follows from the journal.

use std::collections::VecDeque;
use std::fmt::Write;

use axum::http::{StatusCode, header};
use bytes::Bytes;
use futures_util::stream::unfold;
use windlass_core::model::{ProjectName, RunId};
use windlass_proto::api::{Event, EventKind, ProblemKind};

use super::answer::{Answer, put, raw, streamed};
use super::api::Api;
use super::call::Call;
use super::limits::EVENT_COMMENT;
use super::problem::{Refused, internal};
use super::shape::{Attempts, events};

/// Facts that are read at once.
const FACTS: usize = 256;

/// What describes the route in the OpenAPI document.
pub(super) const QUERY: &[(&str, &str)] = &[
    ("project", "only of this project"),
    ("run", "only of this run"),
    ("kind", "only of this kind, or, as `run.`, of all that begin so"),
];

/// Which events.
#[derive(Debug, Default)]
struct Filter {
    project: Option<String>,
    run: Option<String>,
    kind: Option<String>,
}

impl Filter {
    fn takes(&self, event: &Event) -> bool {
        let same = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
        let kind = self.kind.as_ref().is_none_or(|kind| match kind.strip_suffix('.') {
            Some(_) => event.kind.word().starts_with(kind.as_str()),
            None => event.kind.word() == kind,
        });
        kind && same(&self.project, &event.project) && same(&self.run, &event.run)
    }
}

/// Carries the request out.
pub(super) async fn get(call: Call) -> Answer {
    let filter = filter(&call)?;
    let now = call.api.published.lsn();
    let after = match last_event_id(&call)? {
        Some(lsn) if lsn <= now => lsn,
        // An id from a journal that this master does not have: the reader knows things that are not so.
        Some(_) => return Ok(event_stream(reset(now))),
        None => now,
    };
    if call.head {
        return Ok(event_stream(axum::body::Body::empty()));
    }
    let attempts = Attempts::open(&call.api.published.state());
    let api = call.api.clone();
    let reader = Reader { api, filter, after, attempts, ready: VecDeque::new() };
    Ok(event_stream(streamed(unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }))))
}

fn event_stream(body: axum::body::Body) -> axum::http::Response<axum::body::Body> {
    let mut response = raw(StatusCode::OK, "text/event-stream", body);
    put(&mut response, header::HeaderName::from_static("x-accel-buffering"), "no");
    response
}

fn reset(now: u64) -> axum::body::Body {
    let word = EventKind::Reset.word();
    axum::body::Body::from(format!("id: {now}\nevent: {word}\ndata: {{}}\n\n"))
}

fn filter(call: &Call) -> Result<Filter, Refused> {
    let project: Option<ProjectName> = call.value("project", "a project")?;
    let run: Option<RunId> = call.value("run", "a run, as `shop.42`")?;
    let kind = call.text("kind").map(str::to_owned);
    let known = |kind: &String| match kind.strip_suffix('.') {
        Some(_) => EventKind::ALL.iter().any(|known| known.word().starts_with(kind.as_str())),
        None => EventKind::ALL.iter().any(|known| known.word() == kind),
    };
    if !kind.as_ref().is_none_or(known) {
        return Err(Refused::member(ProblemKind::BadRequest, "kind", "there is no such kind of event"));
    }
    Ok(Filter { project: project.map(|name| name.to_string()), run: run.map(|run| run.in_path()), kind })
}

fn last_event_id(call: &Call) -> Result<Option<u64>, Refused> {
    let Some(value) = call.headers.get("last-event-id") else { return Ok(None) };
    let wrong = || Refused::new(ProblemKind::BadRequest, "Last-Event-ID is not one that this master gave");
    value.to_str().ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(wrong)
}

/// A reader of events.
struct Reader {
    api: Api,
    filter: Filter,
    /// The lsn of the last fact that was read.
    after: u64,
    attempts: Attempts,
    ready: VecDeque<Bytes>,
}

impl Reader {
    /// The next event, or a comment; none: the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            let shutdown = &self.api.tasks.shutdown;
            let changed = tokio::time::timeout(EVENT_COMMENT, self.api.published.changed(self.after));
            match shutdown.run_until_cancelled(changed).await? {
                Ok(_) => self.read().await?,
                Err(_) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        let end = self.api.published.lsn();
        let facts = match self.api.journal.read_from(self.after + 1, end, FACTS).await {
            Ok(facts) => facts,
            Err(error) => {
                internal(&error);
                return None;
            }
        };
        let state = self.api.published.state();
        for (lsn, recorded) in facts {
            self.after = self.after.max(lsn);
            for event in events(&state, &mut self.attempts, &recorded) {
                if self.filter.takes(&event) {
                    self.ready.push_back(written(lsn, &event));
                }
            }
        }
        Some(())
    }
}

fn written(lsn: u64, event: &Event) -> Bytes {
    let mut text = format!("id: {lsn}\nevent: {}\ndata: ", event.kind.word());
    let data = serde_json::to_string(event).expect("an event is plain data");
    write!(text, "{data}\n\n").expect("a String takes every write");
    text.into()
}
