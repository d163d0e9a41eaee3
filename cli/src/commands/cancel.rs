//! `windlass cancel`: asks, and waits until every process is gone.

use windlass_core::model::{JobKey, RunId};
use windlass_proto::api::{CancelRequest, JobState, Run};

use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;
use crate::text::run_id;
use crate::view;

/// The longest time until the run is looked at again.
const WAIT: &str = "2s";

/// What is asked.
pub fn request(jobs: &[JobKey], reason: String, force: bool) -> CancelRequest {
    CancelRequest { jobs: jobs.iter().map(ToString::to_string).collect(), reason, force }
}

/// Cancels.
pub fn run(client: &Client, id: &RunId, request: &CancelRequest, no_wait: bool, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/runs/{}", id.in_path());
    let _accepted: serde_json::Value = client.post(&format!("{path}/cancel"), request)?;
    let mut run: Run = client.get(&path, &[])?;
    while !no_wait && !is_over(&run, &request.jobs) {
        run = client.get(&path, &[("wait", Some(WAIT.to_owned()))])?;
    }
    if screen.is_json() {
        screen.json(&run)?;
        return Ok(Exit::Done);
    }
    if no_wait {
        screen.line(&format!("{} is asked to stop", run_id(&run.id)))?;
        return Ok(Exit::Done);
    }
    for line in run.jobs.iter().filter(|job| is_asked(&job.key, &request.jobs)).filter_map(view::runs::job_line) {
        screen.line(&line)?;
    }
    Ok(Exit::Done)
}

fn is_over(run: &Run, jobs: &[String]) -> bool {
    run.jobs.iter().filter(|job| is_asked(&job.key, jobs)).all(|job| job.state == JobState::Ended)
}

fn is_asked(key: &str, jobs: &[String]) -> bool {
    jobs.is_empty() || jobs.iter().any(|job| job == key)
}
