//! Runs and their jobs.

use windlass_proto::api::{Job, JobDetail, JobState, OutcomeKind, Run, RunState, Step, Verdict};

use crate::text::{Reader, between, run_id, short, size, span, table};

/// A list of runs.
pub fn list(runs: &[Run], reader: &Reader) -> String {
    let head = ["RUN", "STATE", "BRANCH", "REVISION", "TRIGGER", "STARTED", "TOOK", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(runs.iter().map(|run| {
        let started = run.started.unwrap_or(run.created);
        let took = between(Some(started), run.ended).map_or_else(String::new, span);
        let trigger = format!("{} by {}", run.trigger.kind, run.trigger.actor);
        let revision = short(&run.revision).to_owned();
        vec![
            run_id(&run.id),
            state(run),
            run.branch.clone(),
            revision,
            trigger,
            reader.time(started),
            took,
            failed(run),
        ]
    }));
    table(&rows)
}

/// `running 2/5`, `failed`.
pub fn state(run: &Run) -> String {
    let over = run.jobs.iter().filter(|job| job.state == JobState::Ended).count();
    match (&run.outcome, run.state) {
        (Some(outcome), _) => outcome.word().to_owned(),
        (None, RunState::Running) => format!("running {over}/{}", run.jobs.len()),
        (None, RunState::Held) => format!("held {over}/{}", run.jobs.len()),
        (None, RunState::Waiting | RunState::Ended) => run.state.to_string(),
    }
}

/// The jobs that keep a run from success, or wait for a person.
pub fn failed(run: &Run) -> String {
    let settled = |job: &&Job| job.settlement.as_ref().is_some_and(|settled| settled.verdict == Verdict::Succeeded);
    let bad = run.jobs.iter().filter(|job| job.outcome.as_ref().is_some_and(|outcome| is_bad(outcome.kind)));
    let bad = bad.filter(|job| !settled(job)).map(|job| job.key.clone());
    bad.chain(unsettled(run).map(|job| format!("{job} unsettled"))).collect::<Vec<_>>().join(", ")
}

/// The jobs that a person has to settle.
pub fn unsettled(run: &Run) -> impl Iterator<Item = &str> {
    let waits = |job: &&Job| job.waiting.as_ref().is_some_and(|waiting| waiting.reason == "unsettled");
    run.jobs.iter().filter(waits).map(|job| job.key.as_str())
}

fn is_bad(kind: OutcomeKind) -> bool {
    match kind {
        OutcomeKind::Failed | OutcomeKind::TimedOut | OutcomeKind::NotStarted | OutcomeKind::Unknown => true,
        OutcomeKind::Succeeded | OutcomeKind::Cancelled | OutcomeKind::Skipped | OutcomeKind::Tolerated => false,
    }
}

/// One run: what it is, its jobs, what is wrong with its pipeline file.
pub fn one(run: &Run, reader: &Reader) -> String {
    let mut lines = vec![headline(run), format!("{}  {}", state(run), when(run, reader))];
    if let Some(why) = &run.unread {
        lines.push(format!("the pipeline file could not be read: {why}"));
    }
    if !run.problems.is_empty() {
        lines.push(windlass_core::pipeline::render(&run.problems).trim_end().to_owned());
    }
    let rows: Vec<Vec<String>> = run.jobs.iter().map(job_row).collect();
    lines.push(table(&rows));
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

/// `shop#43  manual by mara · main 4f2a91c "Tax table 2026"`.
pub fn headline(run: &Run) -> String {
    let Run { trigger, branch, title, .. } = run;
    let revision = short(&run.revision);
    format!("{}  {} by {} · {branch} {revision} \"{title}\"", run_id(&run.id), trigger.kind, trigger.actor)
}

fn when(run: &Run, reader: &Reader) -> String {
    let started = run.started.unwrap_or(run.created);
    match between(run.started, run.ended) {
        Some(took) => format!("took {} · {}", span(took), reader.time(started)),
        None => reader.time(started),
    }
}

fn job_row(job: &Job) -> Vec<String> {
    let took = between(job.started, job.ended).map_or_else(String::new, span);
    let also = match (&job.waiting, &job.settlement, &job.stuck, &job.deployment) {
        (Some(waiting), _, _, _) => waiting.text.clone(),
        (None, Some(settled), _, _) => settled.to_string(),
        (None, None, Some(stuck), _) => format!("processes survived the kill: {stuck}"),
        (None, None, None, Some(deployment)) => crate::text::deployment_id(deployment),
        (None, None, None, None) => skipped(job),
    };
    vec![job.key.clone(), job_state(job), took, job.agent.clone().unwrap_or_default(), also]
}

fn skipped(job: &Job) -> String {
    let outcome = job.outcome.as_ref().filter(|outcome| outcome.kind == OutcomeKind::Skipped);
    outcome.and_then(|outcome| outcome.reason.clone()).unwrap_or_default()
}

/// `, agent silent since 2026-11-22T14:02:07.113Z`.
fn silent(job: &Job) -> String {
    job.silent_since.map_or_else(String::new, |since| format!(", agent silent since {since}"))
}

fn job_state(job: &Job) -> String {
    match (&job.outcome, job.stopping) {
        (Some(outcome), _) => outcome.to_string(),
        (None, true) => format!("{}, stopping{}", job.state, silent(job)),
        (None, false) => format!("{}{}", job.state, silent(job)),
    }
}

/// `build         = succeeded 1.9 s   build1`, for a job that is over.
pub fn job_line(job: &Job) -> Option<String> {
    let outcome = job.outcome.as_ref()?;
    let took = between(job.started, job.ended).map_or_else(String::new, |ms| format!(" {}", span(ms)));
    let agent = job.agent.as_ref().map_or_else(String::new, |agent| format!("   {agent}"));
    let why = Some(skipped(job)).filter(|why| !why.is_empty()).map_or_else(String::new, |why| format!("   {why}"));
    Some(format!("{:<18} = {outcome}{took}{agent}{why}", job.key))
}

/// One job with its attempts and steps.
pub fn job(detail: &JobDetail) -> String {
    let mut lines = vec![table(&[job_row(&detail.job)])];
    for attempt in &detail.attempts {
        let outcome = attempt.outcome.as_ref().map_or_else(|| "going on".to_owned(), ToString::to_string);
        let took = between(attempt.started, attempt.ended).map_or_else(String::new, |ms| format!(" {}", span(ms)));
        lines.push(format!("  attempt {} on {} · {outcome}{took} · {}", attempt.number, attempt.agent, attempt.why));
        if let Some(settled) = &attempt.settlement {
            lines.push(format!("    {settled}"));
        }
        if let Some(late) = &attempt.late {
            lines.push(format!("    late: it ended {late}"));
        }
        if let Some(stuck) = &attempt.stuck {
            lines.push(format!("    stuck: {stuck} survived the kill"));
        }
        let rows: Vec<Vec<String>> = attempt.steps.iter().map(step_row).collect();
        lines.extend(table(&rows).lines().map(|line| format!("    {line}")));
    }
    lines.join("\n")
}

fn step_row(step: &Step) -> Vec<String> {
    let outcome = step.outcome.as_ref().map_or_else(String::new, ToString::to_string);
    let took = between(step.started, step.ended).map_or_else(String::new, span);
    let log = step.log.as_ref().map_or_else(String::new, |log| {
        let gaps = if log.gaps > 0 { format!(", {} gaps", log.gaps) } else { String::new() };
        let damaged = if log.damaged { ", DAMAGED" } else { "" };
        format!("log {}{gaps}{damaged}", size(log.bytes))
    });
    vec![step.name.clone(), outcome, took, log]
}

/// `shop#43 failed after 2 m 35 s: test:1.90:17`.
pub fn ended(run: &Run) -> String {
    let took = between(Some(run.created), run.ended).map_or_else(String::new, |ms| format!(" after {}", span(ms)));
    let failed = Some(failed(run)).filter(|jobs| !jobs.is_empty()).map_or_else(String::new, |jobs| format!(": {jobs}"));
    format!("{} {}{took}{failed}", run_id(&run.id), state(run))
}
