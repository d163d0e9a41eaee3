//! `windlass projects`.

use windlass_proto::api::Project;

use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::{run_id, span, table};

/// Lists projects.
pub fn run(client: &Client, screen: &mut Screen) -> Result<Exit> {
    let projects: Vec<Project> = client.all("/projects", &[])?;
    if screen.is_json() {
        screen.json(&projects)?;
    } else if projects.is_empty() {
        screen.note("there is no project\nhint: [projects.NAME] in master.toml")?;
    } else {
        let head = ["NAME", "REPOSITORY", "FILE", "NEWS BY", "LAST RUN"].map(str::to_owned).to_vec();
        let rows = std::iter::once(head).chain(projects.iter().map(row)).collect::<Vec<_>>();
        screen.line(&table(&rows))?;
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
