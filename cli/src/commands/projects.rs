//! `windlass projects`, and their start after a restore.

use windlass_core::model::ProjectName;
use windlass_proto::api::{Project, ReasonRequest};

use crate::args::ProjectsVerb;
use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::{run_id, span, table};

/// Lists projects, or starts one.
pub fn run(client: &Client, verb: Option<ProjectsVerb>, screen: &mut Screen) -> Result<Exit> {
    match verb {
        Some(ProjectsVerb::Start { project, reason }) => start(client, &project, reason, screen),
        None => list(client, screen),
    }
}

fn start(client: &Client, project: &ProjectName, reason: String, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/projects/{project}/start");
    let _accepted: serde_json::Value = client.post(&path, &ReasonRequest { reason })?;
    if screen.is_json() {
        screen.json(&client.get::<Project>(&format!("/projects/{project}"), &[])?)?;
    } else {
        screen.line(&format!("jobs of {project} are placed again"))?;
    }
    Ok(Exit::Done)
}

fn list(client: &Client, screen: &mut Screen) -> Result<Exit> {
    let projects: Vec<Project> = client.all("/projects", &[])?;
    if screen.is_json() {
        screen.json(&projects)?;
    } else if projects.is_empty() {
        screen.note("there is no project\nhint: [projects.NAME] in master.toml")?;
    } else {
        let head = ["NAME", "REPOSITORY", "FILE", "NEWS BY", "LAST RUN"].map(str::to_owned).to_vec();
        let rows = std::iter::once(head).chain(projects.iter().map(row)).collect::<Vec<_>>();
        screen.line(&table(&rows))?;
        let stopped: Vec<&str> =
            projects.iter().filter(|project| project.stopped.is_some()).map(|project| project.name.as_str()).collect();
        if !stopped.is_empty() {
            screen.note(&format!(
                "the master was restored from a backup: nothing of {} is placed\nhint: see with `windlass agents` who is back and what they hold, then windlass projects start {} --reason …",
                stopped.join(", "),
                stopped[0]
            ))?;
        }
    }
    Ok(Exit::Done)
}

fn row(project: &Project) -> Vec<String> {
    let news = match (project.hook, project.poll_ms) {
        (true, None) => "hook".to_owned(),
        (true, Some(ms)) => format!("hook, poll every {}", span(ms)),
        (false, Some(ms)) => format!("poll every {}", span(ms)),
        (false, None) => "nothing: only `windlass run`".to_owned(),
    };
    let last = project.last_run.as_deref().map_or_else(String::new, run_id);
    vec![project.name.clone(), project.git.clone(), project.file.clone(), news, last]
}
