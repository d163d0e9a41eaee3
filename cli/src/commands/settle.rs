//! `windlass settle`: a person's word about a job of which nothing can be proven.

use windlass_core::model::{JobKey, RunId};
use windlass_proto::api::{Job, SettleRequest, Verdict};

use crate::args::SettleAs;
use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Screen;

/// Settles.
pub fn run(
    client: &Client,
    run: &RunId,
    job: &JobKey,
    verdict: SettleAs,
    reason: String,
    screen: &mut Screen,
) -> Result<Exit> {
    let verdict = match verdict {
        SettleAs::Succeeded => Verdict::Succeeded,
        SettleAs::Failed => Verdict::Failed,
        SettleAs::Again => Verdict::Again,
    };
    let path = format!("/runs/{}/jobs/{}/settle", run.in_path(), job.in_path());
    let settled: Job = client.post(&path, &SettleRequest { verdict, reason })?;
    if screen.is_json() {
        screen.json(&settled)?;
        return Ok(Exit::Done);
    }
    screen.line(&match verdict {
        Verdict::Again => format!("{job} of {run} gets another attempt; the one before is kept"),
        Verdict::Succeeded | Verdict::Failed => {
            format!("{job} of {run} counts as {}; what is known of it stays `unknown`", verdict.word())
        }
    })?;
    Ok(Exit::Done)
}
