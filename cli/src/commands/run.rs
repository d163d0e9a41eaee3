//! `windlass run`: starts a run, and follows it.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::model::JobKey;
use windlass_proto::api::{LogLine, Run, StartRun};

use crate::args::RunArguments;
use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::follow::{self, News};
use crate::output::Screen;
use crate::text::run_id;
use crate::view;

/// Starts a run.
pub fn run(client: &Client, arguments: RunArguments, screen: &mut Screen) -> Result<Exit> {
    let RunArguments { project, branch, revision, jobs, detach } = arguments;
    let request = StartRun { branch, revision, jobs: jobs.iter().map(ToString::to_string).collect() };
    let run: Run = client.post(&format!("/projects/{project}/runs"), &request)?;
    if detach {
        if screen.is_json() {
            screen.json(&run)?;
        } else {
            screen.line(&view::runs::headline(&run))?;
        }
        return Ok(Exit::Done);
    }
    let ended = follow(client, &run.id, None, screen)?;
    Ok(Exit::of_run(&ended))
}

/// Prints a run as it goes on, or one job of it.
pub fn follow(client: &Client, id: &str, job: Option<&JobKey>, screen: &mut Screen) -> Result<Run> {
    let mut told = Told::default();
    let ended = follow::run(client, id, &mut |news| match news {
        News::Line(line) if job.is_none_or(|job| line.job.as_deref() == Some(job.as_str())) => print(&line, screen),
        News::Line(_) => Ok(()),
        News::Run(run) => told.run(&run, job, screen),
    })?;
    if screen.is_json() {
        screen.json(&ended)?;
        return Ok(ended);
    }
    screen.line(&view::runs::ended(&ended))?;
    let held = view::runs::unsettled(&ended).next().map(str::to_owned);
    if let Some(held) = held {
        let run = run_id(&ended.id);
        screen.note(&format!("hint: windlass settle {run} {held} succeeded|failed|again --reason \"…\""))?;
        return Ok(ended);
    }
    let failed = view::runs::failed(&ended);
    if let Some(first) = failed.split(", ").next().filter(|first| !first.is_empty()) {
        let run = run_id(&ended.id);
        screen.note(&format!("hint: windlass logs {run} {first} · windlass retry {run}"))?;
    }
    Ok(ended)
}

/// Prints one line of a log.
pub fn print(line: &LogLine, screen: &mut Screen) -> Result<()> {
    if screen.is_json() {
        return screen.json(line);
    }
    match view::log::line(line) {
        Some((prefix, text)) => screen.line_with(&prefix, &text),
        None => Ok(()),
    }
}

/// What was said about a run.
#[derive(Debug, Default)]
struct Told {
    headline: bool,
    waits: BTreeMap<String, String>,
    ended: BTreeSet<String>,
}

impl Told {
    fn run(&mut self, run: &Run, only: Option<&JobKey>, screen: &mut Screen) -> Result<()> {
        if screen.is_json() {
            return Ok(());
        }
        if !std::mem::replace(&mut self.headline, true) {
            screen.line(&view::runs::headline(run))?;
            if !run.problems.is_empty() {
                screen.line(windlass_core::pipeline::render(&run.problems).trim_end())?;
            }
        }
        for job in run.jobs.iter().filter(|job| only.is_none_or(|only| job.key == only.as_str())) {
            if let Some(waiting) =
                job.waiting.as_ref().filter(|waiting| !["needs", "placed"].contains(&waiting.reason.as_str()))
                && self.waits.insert(job.key.clone(), waiting.reason.clone()).as_ref() != Some(&waiting.reason)
            {
                screen.line(&format!("{:<18} waits: {}", job.key, waiting.text))?;
            }
            if let Some(line) = view::runs::job_line(job)
                && self.ended.insert(format!("{} {}", job.key, job.attempt))
            {
                screen.line(&line)?;
            }
        }
        Ok(())
    }
}
