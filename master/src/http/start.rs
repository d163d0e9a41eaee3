//! `POST /projects/{project}/runs`: the file is read first, so that its errors are the answer.

use axum::http::StatusCode;
use windlass_core::input::StartRun;
use windlass_core::model::{JobKey, ProjectName, Revision, RunId};
use windlass_core::{Answer as Answered, Input};
use windlass_proto::api::{self, ProblemKind};

use super::answer::{Answer, json, put};
use super::call::Call;
use super::problem::Refused;
use super::{room, runs, shape};
use crate::triggers::Ask;
use crate::triggers::git::reference::is_branch;

/// Starts a run of the tip of a branch, or of a revision on it.
pub(super) async fn start(call: Call) -> Answer {
    let project: ProjectName = call.param("project")?;
    let place = call.api.triggers.place(&project);
    let place = place.ok_or_else(|| Refused::not_found(format_args!("project {project}")))?;
    let asked: api::StartRun = call.json()?;
    if let Some(Answered::Run { run }) = call.earlier() {
        return created(&call, run).await;
    }
    room::demand(&call.api)?;
    let branch = asked.branch.unwrap_or_else(|| place.main_branch.clone());
    if !is_branch(&branch) {
        return Err(Refused::member(ProblemKind::WrongParams, "/branch", "it is not the name of a branch"));
    }
    let revision = asked.revision.as_deref().map(revision).transpose()?;
    let jobs = jobs(&asked.jobs)?;
    let ask = Ask { reference: format!("refs/heads/{branch}"), revision, before: None };
    let file = call.api.triggers.repositories().read(&place, &ask).await?;
    let by = call.subject().to_owned();
    let start = StartRun { project, branch, file, jobs, by };
    match call.submit(Input::StartRun(Box::new(start))).await? {
        Answered::Run { run } => created(&call, &run).await,
        Answered::Refused(refusal) => Err(refusal.into()),
        other => unreachable!("a start is answered by a run or a refusal, not by {other:?}"),
    }
}

async fn created(call: &Call, id: &RunId) -> Answer {
    let run = runs::find(&call.api, id).await?;
    let mut response = json(StatusCode::CREATED, &shape::run(&call.api.published.state(), &run))?;
    put(&mut response, axum::http::header::LOCATION, &format!("{}/runs/{}", api::BASE, id.in_path()));
    Ok(response)
}

fn revision(text: &str) -> Result<Revision, Refused> {
    text.parse().map_err(|_| Refused::member(ProblemKind::WrongParams, "/revision", "it is not a whole commit id"))
}

fn jobs(keys: &[String]) -> Result<Vec<JobKey>, Refused> {
    let parse = |(index, key): (usize, &String)| {
        let pointer = format!("/jobs/{index}");
        key.parse().map_err(|_| Refused::member(ProblemKind::WrongParams, &pointer, "it is not the key of a job"))
    };
    keys.iter().enumerate().map(parse).collect()
}
