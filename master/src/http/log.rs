//! The log of a step, as the bytes that the step wrote: from any offset, followed until it is sealed.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::stream::unfold;
use windlass_core::attempt::{AttemptState, StepState};
use windlass_core::model::{Outcome, RunId};
use windlass_disk::log::Entry;
use windlass_proto::api::{
    HEADER_ATTEMPT, HEADER_DIGEST, HEADER_DURABLE, HEADER_GAPS, HEADER_LENGTH, HEADER_OFFSET, HEADER_STATE, ProblemKind,
};

use super::answer::{Answer, put, raw, streamed};
use super::api::Api;
use super::call::{Call, cut};
use super::expired;
use super::limits::FOLLOW_TIME;
use super::problem::Refused;
use super::runs::{attempt_of, find, job_of};
use crate::logs::{LogName, LogPhase, LogState, Part, Summary, Tail};

/// Bytes that are read and sent at once.
const PIECE_BYTES: usize = 64 * 1024;
/// Gaps that the header names; jsonl has them all.
const GAPS_MAX: usize = 64;

/// `GET /runs/{run}/jobs/{job}/steps/{step}/log`
pub(super) async fn get(call: Call) -> Answer {
    let run = find(&call.api, &call.param("run")?).await?;
    expired::demand_logs(&call.api.published.state(), &run.id)?;
    let job = job_of(&call, &run)?;
    let attempt = attempt_of(job, call.value("attempt", "the number of an attempt")?)?;
    let (step, state) = step_of(attempt, call.text_param("step"))?;
    let name = LogName { run: run.id.clone(), job: job.plan.key.clone(), attempt: attempt.number, step };
    let summary = call.api.logs.summary(&name).await?.unwrap_or_else(nothing_yet);
    let length = summary.state.end;
    let follow = call.flag("follow")?;
    let range = if follow { None } else { range(&call.headers, length)? };
    let (offset, len) = match range {
        Some((first, len)) => (first, len),
        None => {
            let offset = offset(&call, length)?;
            (offset, length.saturating_sub(offset))
        }
    };
    let body = match (call.head, follow) {
        (true, _) => Body::empty(),
        (false, false) => streamed(stored(call.api.clone(), name, offset, len)),
        (false, true) => {
            let tail = call.api.logs.tail(&name, offset).await?;
            streamed(followed(call.api.clone(), run.id.clone(), name, tail))
        }
    };
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let mut response = raw(status, "text/plain; charset=utf-8", body);
    if !follow {
        put(&mut response, header::CONTENT_LENGTH, &len.to_string());
    }
    if range.is_some() {
        put(&mut response, header::CONTENT_RANGE, &format!("bytes {offset}-{}/{length}", offset + len - 1));
    }
    describe(&mut response, attempt, state, &summary, offset);
    Ok(response)
}

fn nothing_yet() -> Summary {
    Summary { state: LogState::default(), entries: 0, lines: 0, gaps: Vec::new() }
}

/// A step by its number, from 1, or by its name.
fn step_of<'a>(attempt: &'a AttemptState, word: &str) -> Result<(u32, &'a StepState), Refused> {
    let mut steps = (1..).zip(&attempt.steps);
    let found = match word.parse::<u32>() {
        Ok(wanted) => steps.find(|(number, _)| *number == wanted),
        Err(_) => steps.find(|(_, step)| step.name == word),
    };
    found.ok_or_else(|| Refused::not_found(format_args!("step {:?} in this attempt", cut(word))))
}

/// Where to begin: bytes from the beginning, or, negative, from the end.
fn offset(call: &Call, length: u64) -> Result<u64, Refused> {
    let asked: Option<i64> = call.value("offset", "a whole number of bytes")?;
    Ok(match asked {
        None => 0,
        Some(from_end) if from_end < 0 => length.saturating_sub(from_end.unsigned_abs()),
        Some(offset) => offset.unsigned_abs(),
    })
}

/// The first byte and the length of the one range that is asked for; none: the header asks for no range.
pub(super) fn range(headers: &HeaderMap, length: u64) -> Result<Option<(u64, u64)>, Refused> {
    let mut values = headers.get_all(header::RANGE).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let wrong = |detail: &str| Refused::new(ProblemKind::BadRange, detail);
    let text = value.to_str().ok().filter(|_| values.next().is_none()).unwrap_or_default();
    let range = text.strip_prefix("bytes=").ok_or_else(|| wrong("a range is written `bytes=first-last`"))?;
    let (first, last) = range.split_once('-').ok_or_else(|| wrong("one range is served at a time"))?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong("one range is served at a time"));
    let (first, end) = match (first, last) {
        ("", last) => (length.saturating_sub(number(last)?), length),
        (first, "") => (number(first)?, length),
        (first, last) => (number(first)?, number(last)?.saturating_add(1).min(length)),
    };
    if first < end {
        Ok(Some((first, end - first)))
    } else {
        Err(wrong("the range lies outside").hint(format!("there are {length} bytes")))
    }
}

fn describe(response: &mut Response<Body>, attempt: &AttemptState, step: &StepState, summary: &Summary, offset: u64) {
    let sealed = step.sealed.as_ref();
    let is_sealed = sealed.is_some() || summary.state.phase == LogPhase::Sealed;
    let durable = if is_sealed { summary.state.end } else { summary.state.durable };
    let values = [
        (HEADER_ATTEMPT, attempt.number.to_string()),
        (HEADER_OFFSET, offset.to_string()),
        (HEADER_LENGTH, summary.state.end.to_string()),
        (HEADER_DURABLE, durable.to_string()),
        (HEADER_STATE, if is_sealed { "sealed" } else { "live" }.to_owned()),
        (HEADER_GAPS, summary.gaps.iter().take(GAPS_MAX).map(gap).collect::<Vec<_>>().join(", ")),
    ];
    for (name, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
        put(response, header::HeaderName::from_static(name), &value);
    }
    if let Some(seal) = sealed {
        put(response, header::HeaderName::from_static(HEADER_DIGEST), &format!("blake3:{}", seal.digest));
    }
}

fn gap(entry: &Entry) -> String {
    format!("{}:{}:{}", entry.offset, entry.dropped, super::lines::gap_word(entry.gap))
}

/// Bytes that are there.
fn stored(api: Api, name: LogName, offset: u64, len: u64) -> impl futures_util::Stream<Item = Bytes> + Send {
    unfold((api, name, offset, len), |(api, name, offset, left)| async move {
        let want = PIECE_BYTES.min(usize::try_from(left).unwrap_or(usize::MAX));
        if want == 0 || api.tasks.shutdown.is_cancelled() {
            return None;
        }
        let bytes = match api.logs.read(&name, offset, want).await {
            Ok(bytes) if !bytes.is_empty() => bytes,
            Ok(_) => return None,
            Err(error) => {
                tracing::warn!(%error, "a log cannot be read on");
                return None;
            }
        };
        let read = bytes.len() as u64;
        Some((bytes, (api, name, offset + read, left - read)))
    })
}

/// Bytes as they come, until the log is sealed, its attempt is over without one, an hour has passed, or the master stops.
fn followed(api: Api, run: RunId, name: LogName, tail: Tail) -> impl futures_util::Stream<Item = Bytes> + Send {
    let end = tokio::time::Instant::now() + FOLLOW_TIME;
    unfold((api, run, name, tail), move |(api, run, name, mut tail)| async move {
        let mut lsn = api.published.lsn();
        loop {
            if !may_grow(&api, &run, &name).await {
                return rest(&api, &name, &mut tail).await.map(|bytes| (bytes, (api, run, name, tail)));
            }
            tokio::select! {
                part = tail.next(PIECE_BYTES) => return bytes_of(part).map(|bytes| (bytes, (api, run, name, tail))),
                now = api.published.changed(lsn) => lsn = now,
                () = tokio::time::sleep_until(end) => return None,
                () = api.tasks.shutdown.cancelled() => return None,
            }
        }
    })
}

/// What is there of a log that grows no more.
async fn rest(api: &Api, name: &LogName, tail: &mut Tail) -> Option<Bytes> {
    let end = api.logs.summary(name).await.ok().flatten().map_or(0, |summary| summary.state.end);
    if tail.offset() < end { bytes_of(tail.next(PIECE_BYTES).await) } else { None }
}

fn bytes_of(part: crate::logs::Result<Part>) -> Option<Bytes> {
    match part {
        Ok(Part::Bytes { data, .. }) => Some(data),
        Ok(Part::End { .. }) => None,
        Err(error) => {
            tracing::warn!(%error, "a log cannot be followed");
            None
        }
    }
}

/// False once it is certain that no byte comes any more.
async fn may_grow(api: &Api, run: &RunId, name: &LogName) -> bool {
    let Ok(run) = find(api, run).await else { return false };
    let attempt = run.job(&name.job).and_then(|job| attempt_of(job, Some(name.attempt.0)).ok().cloned());
    attempt.is_some_and(|attempt| log_may_grow(&attempt, name.step))
}

/// False once the log is sealed, its attempt ended without one, or its agent is lost.
pub(super) fn log_may_grow(attempt: &AttemptState, step: u32) -> bool {
    let index = step as usize - 1;
    let sealed = attempt.steps.get(index).is_none_or(|step| step.sealed.is_some());
    let without = attempt.logs.as_ref().is_some_and(|logs| logs.get(index).is_none_or(Option::is_none));
    // What a lost agent still brings is stored; nobody waits for it.
    let lost = matches!(attempt.outcome(), Some(Outcome::Unknown { .. })) && attempt.logs.is_none();
    !sealed && !without && !lost && !attempt.closed
}

/// What describes the answers of this file in the OpenAPI document.
pub(super) const QUERY: &[(&str, &str)] = &[
    ("offset", "where to begin, in stored bytes; negative: from the end"),
    ("follow", "`true`: goes on until the log is sealed"),
    ("attempt", "which try of the job; default: the newest"),
];
