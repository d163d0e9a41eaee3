//! `windlass runs`, `show`, `why`.

use windlass_core::model::{JobKey, RunId};
use windlass_proto::api::{Agent, JobDetail, Lane, Run, Why};

use crate::args::RunsArguments;
use crate::client::{Client, encoded};
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::{Reader, table};
use crate::view;

/// Lists runs.
pub fn list(client: &Client, arguments: RunsArguments, screen: &mut Screen) -> Result<Exit> {
    let RunsArguments { project, branch, outcome, number } = arguments;
    let query = [("project", project.map(|project| project.to_string())), ("branch", branch), ("outcome", outcome)];
    let runs: Vec<Run> = client.list("/runs", &query, number)?;
    if screen.is_json() {
        screen.json(&runs)?;
    } else if runs.is_empty() {
        screen.note("there is no run")?;
    } else {
        screen.line(&view::runs::list(&runs, &Reader::here()))?;
    }
    Ok(Exit::Done)
}

/// Shows a run, or a job of it.
pub fn show(client: &Client, run: &RunId, job: Option<&JobKey>, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/runs/{}", run.in_path());
    match job {
        None => {
            let run: Run = client.get(&path, &[])?;
            if screen.is_json() { screen.json(&run)? } else { screen.line(&view::runs::one(&run, &Reader::here()))? }
        }
        Some(job) => {
            let detail: JobDetail = client.get(&format!("{path}/jobs/{}", job.in_path()), &[])?;
            if screen.is_json() { screen.json(&detail)? } else { screen.line(&view::runs::job(&detail))? }
        }
    }
    Ok(Exit::Done)
}

/// Why the jobs of a run wait, or a target runs what it runs.
pub fn why(client: &Client, subject: &str, screen: &mut Screen) -> Result<Exit> {
    match subject.parse() {
        Ok(run) => why_of_run(client, &run, screen),
        Err(_) => why_of_target(client, subject, screen),
    }
}

fn why_of_target(client: &Client, name: &str, screen: &mut Screen) -> Result<Exit> {
    let agent: Agent = client.get(&format!("/agents/{}", encoded(name)), &[])?;
    let lanes: Vec<Lane> = client.all("/lanes", &[])?;
    if screen.is_json() {
        screen.json(&lanes)?;
    } else {
        screen.line(&view::targets::why(&agent, &lanes, &Reader::here()))?;
    }
    Ok(Exit::Done)
}

fn why_of_run(client: &Client, run: &RunId, screen: &mut Screen) -> Result<Exit> {
    let why: Why = client.get(&format!("/runs/{}/why", run.in_path()), &[])?;
    if screen.is_json() {
        screen.json(&why)?;
        return Ok(Exit::Done);
    }
    if why.items.is_empty() {
        screen.note(&format!("no job of {run} waits"))?;
        return Ok(Exit::Done);
    }
    let row = |item: &windlass_proto::api::QueuedJob| vec![item.job.clone(), item.waiting.text.clone()];
    screen.line(&table(&why.items.iter().map(row).collect::<Vec<_>>()))?;
    Ok(Exit::Done)
}
