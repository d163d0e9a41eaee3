//! Two commits and what comes of them.

use std::thread;
use std::time::Duration;

use serde_json::json;
use windlass_proto::api::{JobDetail, Run};

use super::check::{self, Logs};
use super::repository::Commit;
use super::service::Edition;
use super::stage::{Stage, TARGETS};
use super::summary::{Chapter, Recovery, Summary};
use super::tell::Teller;
use super::watch::Watch;
use crate::clock::{Stopwatch, now};
use crate::error::{Error, Result};
use crate::follow;
use crate::text::{run_id, short, span};

const GOOD: Commit = Commit { edition: Edition::Good, title: "Greet in three languages" };
const BAD: Commit = Commit { edition: Edition::Bad, title: "Read prices from a file" };

/// Between two looks for the run of a push.
const LOOK: Duration = Duration::from_millis(10);
/// A run that does not exist by then will not.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells the whole story, and says what was measured.
pub fn tell(stage: &Stage, teller: &mut Teller<'_>) -> Result<Summary> {
    teller.say("1. a good commit")?;
    let good = chapter(stage, GOOD, teller)?;
    teller.say(&ending(&good))?;
    teller.say("2. a bad commit: it builds, and passes its tests")?;
    let bad = chapter(stage, BAD, teller)?;
    quote_service(stage, &bad, teller)?;
    teller.say(&ending(&bad))?;
    let mut logs = Logs::default();
    logs.add(&stage.client, &good.run)?;
    logs.add(&stage.client, &bad.run)?;
    let answers = answers(stage, &good, teller)?;
    let summary = Summary::of(&good, &bad, recovery(stage, &bad)?, logs, answers, teller.ms());
    for line in summary.lines(&good) {
        teller.say(&line)?;
    }
    Ok(summary)
}

/// Commits, pushes, and follows the run to its end.
fn chapter(stage: &Stage, commit: Commit, teller: &mut Teller<'_>) -> Result<Chapter> {
    let revision = stage.repository.make(commit)?;
    let pushed_ms = now().0;
    stage.repository.push()?;
    let run = run_of(stage, &revision)?;
    let after = run.created.0.0.saturating_sub(pushed_ms);
    let text = format!(
        "  git push      {} \"{}\"   {} exists after {}",
        short(&revision),
        commit.title,
        run_id(&run.id),
        span(after)
    );
    teller.event(
        "pushed",
        &text,
        json!({ "revision": revision, "title": commit.title, "run": run.id, "exists_after_ms": after }),
    )?;
    let mut watch = Watch::new(&stage.client);
    let run = follow::run(&stage.client, &run.id, &mut |news| watch.news(&news, teller))?;
    let Some(seen) = watch.deployment else {
        let what = format!(
            "{} made no deployment:\n{}",
            run_id(&run.id),
            crate::view::runs::one(&run, &crate::text::Reader::here())
        );
        return Err(Error::Demo { what, hint: problems_of(&run) });
    };
    let deployment = stage.client.get(&format!("/deployments/{}", seen.id), &[])?;
    Ok(Chapter { pushed_ms, run, deployment })
}

fn problems_of(run: &Run) -> String {
    run.unread.clone().unwrap_or_default()
}

/// The run of a revision, once it exists.
fn run_of(stage: &Stage, revision: &str) -> Result<Run> {
    let since = Stopwatch::start();
    loop {
        let runs: Vec<Run> = stage.client.list("/runs", &[("project", Some("shop".to_owned()))], 2)?;
        if let Some(run) = runs.into_iter().find(|run| run.revision == revision) {
            return Ok(run);
        }
        if since.elapsed() > PATIENCE {
            let what = format!("the push of {} made no run within {} s", short(revision), PATIENCE.as_secs());
            return Err(Error::Demo { what, hint: stage.log_of("master") });
        }
        thread::sleep(LOOK);
    }
}

fn ending(chapter: &Chapter) -> String {
    let deployment = &chapter.deployment;
    let untouched: Vec<&str> =
        deployment.targets.iter().filter(|target| !target.touched).map(|target| target.name.as_str()).collect();
    let outcome = deployment.outcome.as_deref().unwrap_or("not over");
    let confirmed = deployment.targets.iter().filter(|target| target.state == "confirmed").count();
    match untouched.as_slice() {
        [] => format!(
            "  {outcome}: {confirmed} of {} targets confirmed it from the running process",
            deployment.targets.len()
        ),
        names => format!("  {outcome}: {} never touched", names.join(" and ")),
    }
}

/// What the service of the touched target said about its trouble.
fn quote_service(stage: &Stage, bad: &Chapter, teller: &mut Teller<'_>) -> Result<()> {
    for target in bad.deployment.targets.iter().filter(|target| target.touched) {
        let log = stage.log_of(&super::ask::name_of(&target.name));
        if let Some(line) = log.lines().rev().find(|line| line.starts_with("shop: ")) {
            teller.quote("         │ ", line)?;
        }
    }
    Ok(())
}

/// How many targets answer with the release of the good commit.
fn answers(stage: &Stage, good: &Chapter, teller: &mut Teller<'_>) -> Result<usize> {
    let wanted = crate::text::release_number(&good.deployment.release).to_owned();
    let named = check::releases(stage);
    let is_good =
        |name: &Option<String>| name.as_deref().is_some_and(|name| crate::text::release_number(name) == wanted);
    let count = named.values().filter(|name| is_good(name)).count();
    teller.event(
        "targets_asked",
        &format!("  {count} of {} targets answer {wanted}", TARGETS.len()),
        json!({ "answers": named }),
    )?;
    Ok(count)
}

fn recovery(stage: &Stage, bad: &Chapter) -> Result<Recovery> {
    let is_touched = |job: &str| {
        bad.deployment.targets.iter().any(|target| target.touched && job.ends_with(&format!("/change@{}", target.name)))
    };
    let Some(job) = bad.run.jobs.iter().find(|job| is_touched(&job.key)) else { return Ok(Recovery::default()) };
    let key = job.key.replace('/', "~");
    let detail: JobDetail = stage.client.get(&format!("/runs/{}/jobs/{key}", bad.run.id), &[])?;
    Ok(Recovery::of(&detail))
}
