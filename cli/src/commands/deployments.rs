//! `windlass status`, `plan`, `deploy`, `rollback`, `abort`, `approve`, `pause`, `resume`, `lock`, `unlock`, `allow`,
//! `converge`, `forget`, `lane adopt`, `stop-all`, `releases`.

use windlass_core::model::DeploymentId;
use windlass_proto::api::{
    AbortRequest, Agent, AllowRequest, ApproveRequest, ConvergeRequest, DeployRequest, Deployment, DeploymentStarted,
    ForgetRequest, Lane, Master, Plan, ReasonRequest, Release, RollbackRequest, StopAllRequest,
};

use crate::args::{DeployArguments, DeploymentsVerb, LaneArguments, LaneVerb};
use crate::client::Client;
use crate::error::Result;
use crate::exit::Exit;
use crate::follow::{self, Follow, News};
use crate::output::Screen;
use crate::text::{Reader, deployment_id, run_id, short, size, table};
use crate::view;

/// Does what was asked.
pub fn run(client: &Client, verb: DeploymentsVerb, screen: &mut Screen) -> Result<Exit> {
    match verb {
        DeploymentsVerb::Status => status(client, screen),
        DeploymentsVerb::Plan(lane) => plan(client, &lane, screen),
        DeploymentsVerb::Deploy(arguments) => deploy(client, &arguments, screen),
        DeploymentsVerb::Rollback { service, environment, to, reason, follow } => {
            rollback(client, &(service, environment), to, reason, follow, screen)
        }
        DeploymentsVerb::Approve { deployment, plan } => approve(client, &deployment, plan, screen),
        DeploymentsVerb::Pause { deployment, reason } => pause(client, &deployment, reason, screen),
        DeploymentsVerb::Resume { deployment, reason, follow } => resume(client, &deployment, reason, follow, screen),
        DeploymentsVerb::Lock { service, environment, reason } => {
            lane(client, &(service, environment), "lock", reason, screen)
        }
        DeploymentsVerb::Unlock { service, environment, reason } => {
            lane(client, &(service, environment), "unlock", reason, screen)
        }
        DeploymentsVerb::Allow { service, environment, release, reason } => {
            allow(client, &(service, environment), release, reason, screen)
        }
        DeploymentsVerb::Converge { service, environment, target, reason } => {
            let path = format!("/lanes/{service}/{environment}/converge");
            show_lane(client, &client.post(&path, &ConvergeRequest { target, reason })?, screen)
        }
        DeploymentsVerb::Forget { target, reason } => forget(client, &target, &reason, screen),
        DeploymentsVerb::Lane(LaneVerb::Adopt { service, environment, reason }) => {
            lane(client, &(service, environment), "adopt", reason, screen)
        }
        DeploymentsVerb::StopAll { lift, reason } => stop_all(client, lift, reason, screen),
        DeploymentsVerb::Abort { deployment, revert: _, hold: _, desired, reason } => {
            abort(client, &deployment, AbortRequest { hold: desired, reason }, screen)
        }
        DeploymentsVerb::Releases { service, number } => releases(client, &service, number, screen),
    }
}

/// Every lane, and what is wrong with the master or with clocks.
fn status(client: &Client, screen: &mut Screen) -> Result<Exit> {
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
fn plan(client: &Client, arguments: &LaneArguments, screen: &mut Screen) -> Result<Exit> {
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
fn deploy(client: &Client, arguments: &DeployArguments, screen: &mut Screen) -> Result<Exit> {
    let LaneArguments { service, environment, release } = &arguments.lane;
    let request = DeployRequest {
        release: release.clone(),
        plan: arguments.plan.clone(),
        take_over: arguments.take_over,
        downgrade: arguments.downgrade,
        skip_self_test: arguments.skip_self_test,
        reason: arguments.reason.clone().unwrap_or_default(),
    };
    let started: DeploymentStarted = client.post(&format!("/lanes/{service}/{environment}/deploy"), &request)?;
    told(client, &started, arguments.follow, screen)
}

/// Goes back.
fn rollback(
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
fn abort(client: &Client, id: &DeploymentId, request: AbortRequest, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/deployments/{}", id.in_path());
    let _accepted: serde_json::Value = client.post(&format!("{path}/abort"), &request)?;
    show(id, &client.get(&path, &[])?, screen)
}

/// Approves a plan.
fn approve(client: &Client, id: &DeploymentId, plan: String, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/deployments/{}/approve", id.in_path());
    show(id, &client.post(&path, &ApproveRequest { plan })?, screen)
}

/// Has a deployment admit nothing more.
fn pause(client: &Client, id: &DeploymentId, reason: String, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/deployments/{}/pause", id.in_path());
    show(id, &client.post(&path, &ReasonRequest { reason })?, screen)
}

/// Goes on with a paused one.
fn resume(client: &Client, id: &DeploymentId, reason: String, follow: bool, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/deployments/{}/resume", id.in_path());
    let deployment: Deployment = client.post(&path, &ReasonRequest { reason })?;
    if follow {
        return followed(client, &deployment.id, &deployment.run, screen);
    }
    show(id, &deployment, screen)
}

fn show(id: &DeploymentId, deployment: &Deployment, screen: &mut Screen) -> Result<Exit> {
    if screen.is_json() {
        screen.json(deployment)?;
    } else {
        screen.line(&format!("{id} is {}", deployment.outcome.as_deref().unwrap_or(&deployment.state)))?;
    }
    Ok(Exit::Done)
}

/// Has nothing start on a lane (`lock`), opens it (`unlock`), or lets it act again (`adopt`).
fn lane(
    client: &Client,
    (service, environment): &(String, String),
    verb: &str,
    reason: String,
    screen: &mut Screen,
) -> Result<Exit> {
    let path = format!("/lanes/{service}/{environment}/{verb}");
    show_lane(client, &client.post(&path, &ReasonRequest { reason })?, screen)
}

/// Takes a refusal back.
fn allow(
    client: &Client,
    (service, environment): &(String, String),
    release: String,
    reason: String,
    screen: &mut Screen,
) -> Result<Exit> {
    let path = format!("/lanes/{service}/{environment}/allow");
    show_lane(client, &client.post(&path, &AllowRequest { release, reason })?, screen)
}

fn show_lane(client: &Client, lane: &Lane, screen: &mut Screen) -> Result<Exit> {
    if screen.is_json() {
        screen.json(lane)?;
    } else {
        let agents: Vec<Agent> = client.all("/agents", &[])?;
        screen.line(&view::lanes::status(std::slice::from_ref(lane), &agents))?;
    }
    Ok(Exit::Done)
}

/// Lists a target no more, on each lane whose environment it left.
fn forget(client: &Client, target: &str, reason: &str, screen: &mut Screen) -> Result<Exit> {
    let lanes: Vec<Lane> = client.all("/lanes", &[])?;
    let lists = |lane: &&Lane| lane.left.iter().any(|stray| stray.target == target);
    let listed: Vec<&Lane> = lanes.iter().filter(lists).collect();
    if listed.is_empty() {
        screen.note(&format!("no lane lists {target} among those that left its environment"))?;
        return Ok(Exit::Refused);
    }
    for lane in listed {
        let path = format!("/lanes/{}/{}/forget", lane.service, lane.environment);
        let request = ForgetRequest { target: target.to_owned(), reason: reason.to_owned() };
        show_lane(client, &client.post(&path, &request)?, screen)?;
    }
    Ok(Exit::Done)
}

/// Stops whatever happens by itself to targets, or lets it go on.
fn stop_all(client: &Client, lift: bool, reason: String, screen: &mut Screen) -> Result<Exit> {
    let master: Master = client.post("/stop-all", &StopAllRequest { lift, reason })?;
    if screen.is_json() {
        screen.json(&master)?;
    } else if lift {
        screen.line("targets are changed by themselves again; what was paused waits for `windlass resume`")?;
    } else {
        screen.line("no target is changed by itself any more, forward or back; `rollback` and `abort` work")?;
    }
    Ok(Exit::Done)
}

fn told(client: &Client, started: &DeploymentStarted, follow: bool, screen: &mut Screen) -> Result<Exit> {
    if follow {
        return followed(client, &started.deployment, &started.run, screen);
    }
    if screen.is_json() {
        screen.json(started)?;
    } else {
        let (id, run) = (deployment_id(&started.deployment), run_id(&started.run));
        screen.line(&format!("{id} is asked for, by {run}"))?;
    }
    Ok(Exit::Done)
}

/// Follows a deployment by the run that its jobs belong to, to its end or to a pause. The terminal owns nothing.
fn followed(client: &Client, deployment: &str, run: &str, screen: &mut Screen) -> Result<Exit> {
    let path = format!("/deployments/{deployment}");
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
    follow::until_left(client, run, &mut |news| match news {
        News::Line(_) => Ok(Follow::On),
        News::Run(_) => match look(screen) {
            // Whether the master is back is for the one who follows the run to find out.
            Err(error) if error.may_pass() => Ok(Follow::On),
            Err(error) => Err(error),
            Ok(now) if now.paused.is_some() => Ok(Follow::Leave),
            Ok(_) => Ok(Follow::On),
        },
    })?;
    let now = look(screen)?;
    if !screen.is_json() {
        screen.line(&format!(" {}", view::deployment::ended(&now)))?;
    }
    Ok(Exit::of_deployment(&now))
}

/// Releases of a service.
fn releases(client: &Client, service: &str, number: usize, screen: &mut Screen) -> Result<Exit> {
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
