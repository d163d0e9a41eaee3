//! Runs: lists, one of them, why it waits; its cancel and its retry.

use std::sync::Arc;

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use windlass_core::attempt::AttemptState;
use windlass_core::job::Job;
use windlass_core::model::{JobKey, ProjectName, RunId};
use windlass_core::retention::has_expired;
use windlass_core::run::Run;
use windlass_core::{Answer as Answered, Input, Refusal};
use windlass_proto::api::{self, OutcomeKind, ProblemKind};

use super::answer::{Answer, empty, ok};
use super::api::Api;
use super::call::Call;
use super::limits::REASON_BYTES;
use super::problem::Refused;
use super::{expired, room, shape};
use crate::history::{Cursor, RunFilter};

/// The run, live or over.
pub(super) async fn find(api: &Api, id: &RunId) -> Result<Arc<Run>, Refused> {
    let state = api.published.state();
    if let Some(run) = state.runs.get(id) {
        return Ok(Arc::clone(run));
    }
    expired::demand_run(&state, id)?;
    let over = api.history.run(id.clone()).await?;
    if over.is_none() && api.history.has_lost(id) {
        let why = format!("run {id} was lost to damage of the journal; the master's own log names the file");
        return Err(Refused::new(ProblemKind::Expired, why));
    }
    over.map(Arc::new).ok_or_else(|| Refused::not_found(format_args!("run {id}")))
}

/// The job of this call.
pub(super) fn job_of<'r>(call: &Call, run: &'r Run) -> Result<&'r Arc<Job>, Refused> {
    let key: JobKey = call.param("job")?;
    run.job(&key).ok_or_else(|| Refused::not_found(format_args!("job {key} in {}", run.id)))
}

/// This attempt of a job; none: the newest.
pub(super) fn attempt_of(job: &Job, number: Option<u32>) -> Result<&Arc<AttemptState>, Refused> {
    let found = match number {
        None => job.attempt(),
        Some(number) => job.attempts.iter().find(|attempt| attempt.number.0 == number),
    };
    found.ok_or_else(|| match number {
        Some(number) => Refused::not_found(format_args!("attempt {number} of {}", job.plan.key)),
        None => Refused::not_found(format_args!("attempt of {} yet", job.plan.key)),
    })
}

/// `GET /runs`
pub(super) async fn list(call: Call) -> Answer {
    let filter = RunFilter {
        project: call.value::<ProjectName>("project", "a project")?,
        branch: call.text("branch").map(str::to_owned),
        outcome: outcome(&call)?.map(|outcome| outcome.word().to_owned()),
    };
    let (limit, before) = (call.limit()?, cursor(&call)?);
    let state = call.api.published.state();
    let older = |run: &Run| before.as_ref().is_none_or(|at| place(run) < (at.created_ms, &at.run));
    let live = state.runs.values().filter(|run| filter.takes(run) && older(run)).map(|run| Run::clone(run));
    let mut runs: Vec<Run> = live.collect();
    // One more than asked for tells whether the list goes on.
    let over = call.api.history.list_runs(filter, before.clone(), limit + 1).await?;
    let goes_on = over.len() > limit;
    // A run may have left the state after the look at it, and so stand in both.
    let is_kept = |run: &Run| !has_expired(&call.api.published.state(), &run.id);
    let is_new = |over: &Run| runs.iter().all(|run| run.id != over.id);
    let news: Vec<Run> = over.into_iter().filter(|over| is_new(over) && is_kept(over)).collect();
    runs.extend(news);
    runs.sort_by(|a, b| place(b).cmp(&place(a)));
    let more = goes_on || runs.len() > limit;
    runs.truncate(limit);
    let next = runs.last().filter(|_| more).map(|run| {
        let (created_ms, id) = place(run);
        URL_SAFE_NO_PAD.encode(format!("{created_ms} {id}"))
    });
    ok(&api::Page { items: runs.iter().map(|run| shape::run(&state, run)).collect(), next })
}

/// Where a run stands in the list; greater is newer.
fn place(run: &Run) -> (u64, &RunId) {
    (run.created.0, &run.id)
}

fn cursor(call: &Call) -> Result<Option<Cursor>, Refused> {
    let Some(text) = call.text("cursor") else { return Ok(None) };
    let parsed = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| {
        let text = String::from_utf8(bytes).ok()?;
        let (created_ms, run) = text.split_once(' ')?;
        Some(Cursor { created_ms: created_ms.parse().ok()?, run: run.parse().ok()? })
    });
    let wrong = || Refused::member(ProblemKind::BadRequest, "cursor", "it is not one that this master gave");
    parsed.map(Some).ok_or_else(wrong)
}

fn outcome(call: &Call) -> Result<Option<OutcomeKind>, Refused> {
    let Some(word) = call.text("outcome") else { return Ok(None) };
    let wrong = || Refused::member(ProblemKind::BadRequest, "outcome", "it is not the word of an outcome");
    OutcomeKind::from_word(word).map(Some).ok_or_else(wrong)
}

/// `GET /runs/{run}`; with `wait` it answers when the run changes.
pub(super) async fn get(call: Call) -> Answer {
    let id: RunId = call.param("run")?;
    let mut run = find(&call.api, &id).await?;
    if let Some(wait) = call.wait()? {
        // Whatever ends the wait, the run is read anew.
        let _ = tokio::time::timeout(wait, changed(&call.api, &run)).await;
        run = find(&call.api, &id).await?;
    }
    ok(&shape::run(&call.api.published.state(), &run))
}

/// Until the run is not what it was, or the master stops. A run that is over changes no more.
async fn changed(api: &Api, was: &Arc<Run>) {
    let mut lsn = api.published.lsn();
    loop {
        match api.published.state().runs.get(&was.id) {
            Some(run) if Arc::ptr_eq(run, was) => {}
            Some(_) | None => return,
        }
        let news = api.tasks.shutdown.run_until_cancelled(api.published.changed(lsn)).await;
        let Some(news) = news else { return };
        lsn = news;
    }
}

/// `GET /runs/{run}/plan`
pub(super) async fn plan(call: Call) -> Answer {
    let run = find(&call.api, &call.param("run")?).await?;
    ok(&shape::run_plan(&run))
}

/// `GET /runs/{run}/why`
pub(super) async fn why(call: Call) -> Answer {
    let run = find(&call.api, &call.param("run")?).await?;
    let state = call.api.published.state();
    ok(&api::Why { run: run.id.in_path(), items: waiting_jobs(&state, &run) })
}

/// `GET /queue`: older runs first.
pub(super) async fn queue(call: Call) -> Answer {
    let state = call.api.published.state();
    let mut runs: Vec<&Arc<Run>> = state.runs.values().collect();
    runs.sort_by_key(|run| place(run));
    let items = runs.into_iter().flat_map(|run| waiting_jobs(&state, run)).collect();
    ok(&api::Page::<api::QueuedJob> { items, next: None })
}

fn waiting_jobs(state: &windlass_core::State, run: &Run) -> Vec<api::QueuedJob> {
    let waiting = run.jobs.iter().filter_map(|job| {
        let waiting = shape::waiting(state, run, job)?;
        Some(api::QueuedJob { run: run.id.in_path(), job: job.plan.key.to_string(), waiting })
    });
    waiting.collect()
}

/// `GET /runs/{run}/jobs/{job}`
pub(super) async fn job(call: Call) -> Answer {
    let run = find(&call.api, &call.param("run")?).await?;
    let job = job_of(&call, &run)?;
    let state = call.api.published.state();
    let attempts = job.attempts.iter().map(|attempt| shape::attempt(&state, attempt)).collect();
    ok(&api::JobDetail { job: shape::job(&state, &run, job), attempts })
}

/// `GET /runs/{run}/jobs/{job}/attempts/{attempt}`
pub(super) async fn attempt(call: Call) -> Answer {
    let run = find(&call.api, &call.param("run")?).await?;
    let attempt = attempt_of(job_of(&call, &run)?, Some(call.param("attempt")?))?;
    ok(&shape::attempt(&call.api.published.state(), attempt))
}

/// `POST /runs/{run}/cancel`: answered when the request is durable; `cancelled` comes when it is proven.
pub(super) async fn cancel(call: Call) -> Answer {
    let id: RunId = call.param("run")?;
    let api::CancelRequest { jobs, reason, force } = call.json()?;
    let keys = keys(&jobs)?;
    let why = reason_of(&reason)?;
    if call.earlier().is_some() {
        return empty(StatusCode::ACCEPTED);
    }
    let input = Input::CancelRun { run: id.clone(), jobs: keys, by: call.subject().to_owned(), why, force };
    if let Answered::Refused(refusal) = call.submit(input).await? {
        return Err(not_live(&call.api, &id, refusal).await);
    }
    empty(StatusCode::ACCEPTED)
}

/// `POST /runs/{run}/retry`: new attempts in the same run. Answers with the run as it is then.
pub(super) async fn retry(call: Call) -> Answer {
    let id: RunId = call.param("run")?;
    let api::RetryRequest { jobs } = call.json()?;
    let jobs = keys(&jobs)?;
    if call.earlier().is_none() {
        room::demand(&call.api)?;
        let mut refusal = ask_again(&call, &id, &jobs).await?;
        if let Some(Refusal::RunUnknown(_)) = refusal {
            // It left the state between the look at it and the question.
            refusal = ask_again(&call, &id, &jobs).await?;
        }
        if let Some(refusal) = refusal {
            return Err(refusal.into());
        }
    }
    let run = find(&call.api, &id).await?;
    ok(&shape::run(&call.api.published.state(), &run))
}

async fn ask_again(call: &Call, id: &RunId, jobs: &[JobKey]) -> Result<Option<Refusal>, Refused> {
    let is_live = call.api.published.state().runs.contains_key(id);
    let over = if is_live { None } else { Some(find(&call.api, id).await?) };
    let input = Input::Retry { run: id.clone(), over, jobs: jobs.to_vec(), by: call.subject().to_owned() };
    let answered = call.submit(input).await?;
    Ok(if let Answered::Refused(refusal) = answered { Some(refusal) } else { None })
}

/// Why the engine refused, which knows live runs only: what it does not know may be over. It is asked first, because it knows the keys
/// of requests: of two with one key, on their way at once, the second is a repeat and not a mistake.
async fn not_live(api: &Api, id: &RunId, refusal: Refusal) -> Refused {
    if !matches!(refusal, Refusal::RunUnknown(_)) {
        return refusal.into();
    }
    match find(api, id).await {
        Ok(_) => Refusal::RunEnded(id.clone()).into(),
        Err(refused) => refused,
    }
}

fn keys(jobs: &[String]) -> Result<Vec<JobKey>, Refused> {
    let key = |(index, job): (usize, &String)| {
        let wrong =
            |_| Refused::member(ProblemKind::WrongParams, &format!("/jobs/{index}"), "it is not the key of a job");
        job.parse().map_err(wrong)
    };
    jobs.iter().enumerate().map(key).collect()
}

/// `POST /runs/{run}/jobs/{job}/settle`: a person's word, for what cannot be proven.
pub(super) async fn settle(call: Call) -> Answer {
    let (id, key): (RunId, JobKey) = (call.param("run")?, call.param("job")?);
    let api::SettleRequest { verdict, reason } = call.json()?;
    let reason = reason_of(&reason)?;
    if reason.trim().is_empty() {
        return Err(Refused::member(ProblemKind::WrongParams, "/reason", "say how you know"));
    }
    if call.earlier().is_none() {
        let by = call.subject().to_owned();
        let input = Input::Settle { run: id.clone(), job: key, verdict: verdict.into(), by, reason };
        if let Answered::Refused(refusal) = call.submit(input).await? {
            return Err(not_live(&call.api, &id, refusal).await);
        }
    }
    let run = find(&call.api, &id).await?;
    ok(&shape::job(&call.api.published.state(), &run, job_of(&call, &run)?))
}

/// A reason: short, without control characters.
pub(super) fn reason_of(text: &str) -> Result<String, Refused> {
    let wrong = |detail| Err(Refused::member(ProblemKind::WrongParams, "/reason", detail));
    if text.len() > REASON_BYTES {
        return wrong("a reason has at most 1024 bytes");
    }
    if text.chars().any(char::is_control) { wrong("a reason has no control characters") } else { Ok(text.to_owned()) }
}
