//! `windlass retry`: new attempts in the same run.

use windlass_core::model::{JobKey, RunId};
use windlass_proto::api::{RetryRequest, Run, RunState};

use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::run_id;

/// Asks for it, and says what is done again.
pub fn run(client: &Client, id: &RunId, jobs: &[JobKey], screen: &mut Screen) -> Result<Exit> {
    let request = RetryRequest { jobs: jobs.iter().map(ToString::to_string).collect() };
    let run: Run = client.post(&format!("/runs/{}/retry", id.in_path()), &request)?;
    if screen.is_json() {
        screen.json(&run)?;
        return Ok(Exit::Done);
    }
    let again: Vec<&str> = run.jobs.iter().filter(|job| job.outcome.is_none()).map(|job| job.key.as_str()).collect();
    screen.line(&format!(
        "{}: {} again; earlier attempts and their logs are kept",
        run_id(&run.id),
        again.join(", ")
    ))?;
    if run.state != RunState::Ended {
        screen.note(&format!("hint: windlass logs {} -f", run_id(&run.id)))?;
    }
    Ok(Exit::Done)
}
