//! `windlass status`, `plan`, `deploy`, `rollback`, `abort`, `releases`.

use windlass_core::model::DeploymentId;
use windlass_proto::api::{
    AbortRequest, Agent, DeployRequest, Deployment, DeploymentStarted, Lane, Master, Plan, Release, RollbackRequest,
};

use crate::args::{DeployArguments, LaneArguments};
use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::follow::{self, News};
use crate::output::Screen;
use crate::text::{Reader, deployment_id, run_id, short, size, table};
use crate::view;

/// Every lane, and what is wrong with the master or with clocks.
pub fn status(client: &Client, screen: &mut Screen) -> Result<Exit> {
    let lanes: Vec<Lane> = client.all("/lanes", &[])?;
    if screen.is_json() {
        screen.json(&lanes)?;
        return Ok(Exit::Done);
    }
    let agents: Vec<Agent> = client.all("/agents", &[])?;
    screen.line(&view::lanes::status(&lanes, &agents))?;
    // A master from before this request has no answer to it, and is not wrong otherwise.
    let master: Option<Master> = match client.get("/master", &[]) {
        Ok(master) => Some(master),
        Err(error) if error.exit() == Exit::NotFound => None,
        Err(error) => return Err(error),
    };
    for warning in view::master::warnings(master.as_ref(), &agents) {
        screen.note(&warning)?;
    }
    Ok(Exit::Done)
}

/// What a deployment would do.
pub fn plan(client: &Client, arguments: &LaneArguments, screen: &mut Screen) -> Result<Exit> {
    let LaneArguments { service, environment, release } = arguments;
    let plan: Plan = client.get(&format!("/lanes/{service}/{environment}/plan"), &[("release", release.clone())])?;
    if screen.is_json() {
        screen.json(&plan)?;
    } else {
        screen.line(&view::lanes::plan(&plan))?;
    }
    Ok(Exit::Done)
}

/// Deploys.
pub fn deploy(client: &Client, arguments: &DeployArguments, screen: &mut Screen) -> Result<Exit> {
    let LaneArguments { service, environment, release } = &arguments.lane;
    let request = DeployRequest { release: release.clone(), plan: arguments.plan.clone() };
    let started: DeploymentStarted = client.post(&format!("/lanes/{service}/{environment}/deploy"), &request)?;
    told(client, &started, arguments.follow, screen)
}

/// Goes back.
pub fn rollback(
    client: &Client,
    lane: &(String, String),
    to: Option<String>,
    reason: String,
    follow: bool,
    screen: &mut Screen,
) -> Result<Exit> {
    let path = format!("/lanes/{}/{}/rollback", lane.0, lane.1);
    let started: DeploymentStarted = client.post(&path, &RollbackRequest { to, reason })?;
    told(client, &started, follow, screen)
}

/// Ends an active deployment.
pub fn abort(client: &Client, id: &DeploymentId, reason: String, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/deployments/{}", id.in_path());
    let _accepted: serde_json::Value = client.post(&format!("{path}/abort"), &AbortRequest { reason })?;
    let deployment: Deployment = client.get(&path, &[])?;
    if screen.is_json() {
        screen.json(&deployment)?;
    } else {
        screen.line(&format!("{id} is {}", deployment.outcome.as_deref().unwrap_or(&deployment.state)))?;
    }
    Ok(Exit::Done)
}

fn told(client: &Client, started: &DeploymentStarted, follow: bool, screen: &mut Screen) -> Result<Exit> {
    if follow {
        return followed(client, started, screen);
    }
    if screen.is_json() {
        screen.json(started)?;
    } else {
        let (id, run) = (deployment_id(&started.deployment), run_id(&started.run));
        screen.line(&format!("{id} is asked for, by {run}"))?;
    }
    Ok(Exit::Done)
}

/// Follows a deployment by the run that its jobs belong to. The terminal owns nothing.
fn followed(client: &Client, started: &DeploymentStarted, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/deployments/{}", started.deployment);
    let mut before: Option<Deployment> = None;
    let mut look = |screen: &mut Screen| -> Result<Deployment> {
        let now: Deployment = client.get(&path, &[])?;
        if before.as_ref() != Some(&now) {
            if screen.is_json() {
                screen.json(&now)?;
            } else {
                for line in view::deployment::changes(before.as_ref(), &now, &Reader::here()) {
                    screen.line(&format!(" {line}"))?;
                }
            }
        }
        before = Some(now.clone());
        Ok(now)
    };
    follow::run(client, &started.run, &mut |news| match news {
        News::Line(_) => Ok(()),
        News::Run(_) => match look(screen) {
            // Whether the master is back is for the one who follows the run to find out.
            Err(error) if error.may_pass() => Ok(()),
            looked => looked.map(drop),
        },
    })?;
    let ended = look(screen)?;
    if !screen.is_json() {
        screen.line(&format!(" {}", view::deployment::ended(&ended)))?;
    }
    Ok(Exit::of_deployment(&ended))
}

/// Releases of a service.
pub fn releases(client: &Client, service: &str, number: usize, screen: &mut Screen) -> Result<Exit> {
    let releases: Vec<Release> = client.list("/releases", &[("service", Some(service.to_owned()))], number)?;
    if screen.is_json() {
        screen.json(&releases)?;
        return Ok(Exit::Done);
    }
    if releases.is_empty() {
        screen.note(&format!("{service} has no release"))?;
        return Ok(Exit::Done);
    }
    let reader = Reader::here();
    let row = |release: &Release| {
        let made = reader.time(release.created);
        let title = format!("\"{}\"", release.title);
        let revision = short(&release.revision).to_owned();
        vec![release.name.clone(), run_id(&release.run), revision, size(release.artifact_bytes), made, title]
    };
    screen.line(&table(&releases.iter().map(row).collect::<Vec<_>>()))?;
    Ok(Exit::Done)
}
