//! The one route table. There is no second way to add a route; the right stands in every row.

use windlass_core::model::secret::SECRET_MAX;
use windlass_proto::api;

use super::limits::{ENROL_BYTES, HOOK_BYTES, LINT_BYTES};
use super::table::{Handler, Right, Route, Why};
use super::{
    access, agents, artifacts, deployments, enrol, events, exposed, health, hooks, lanes, lint, log, openapi, own,
    projects, releases, run_log, runs, secrets, start,
};

const LIMIT: (&str, &str) = ("limit", "items of the page, 1 to 1000; default 50");
const WAIT: (&str, &str) = ("wait", "as `30s`: answers when it changes, or after this time, at most 60s");

/// Every route.
pub(super) fn routes() -> Vec<Route> {
    let mut routes = for_runs();
    routes.extend(for_logs());
    routes.extend(for_projects());
    routes.extend(for_secrets());
    routes.extend(for_agents());
    routes.extend(for_deployments());
    routes.extend(for_holding());
    routes.extend(for_everybody());
    routes
}

fn for_runs() -> Vec<Route> {
    vec![
        Route::get("/api/v1/runs", Right::Read, "Runs, newest first", |c| Box::pin(runs::list(c)))
            .query(&[
                ("project", "only of this project"),
                ("branch", "only of this branch"),
                ("outcome", "only those that ended so"),
                LIMIT,
                ("cursor", "`next` of the page before"),
            ])
            .pages::<api::Run>(),
        Route::get("/api/v1/runs/{run}", Right::Read, "One run", |c| Box::pin(runs::get(c)))
            .query(&[WAIT])
            .gives::<api::Run>(200),
        Route::get("/api/v1/runs/{run}/plan", Right::Read, "What a run does", |c| Box::pin(runs::plan(c)))
            .gives::<api::RunPlan>(200),
        Route::get("/api/v1/runs/{run}/why", Right::Read, "Why jobs of a run wait", |c| Box::pin(runs::why(c)))
            .gives::<api::Why>(200),
        Route::get("/api/v1/queue", Right::Read, "All jobs that wait, older runs first", |c| Box::pin(runs::queue(c)))
            .pages::<api::QueuedJob>(),
        Route::get("/api/v1/runs/{run}/jobs/{job}", Right::Read, "A job with its attempts", |c| Box::pin(runs::job(c)))
            .gives::<api::JobDetail>(200),
        Route::get("/api/v1/runs/{run}/jobs/{job}/attempts/{attempt}", Right::Read, "An attempt with its steps", |c| {
            Box::pin(runs::attempt(c))
        })
        .gives::<api::Attempt>(200),
        Route::post("/api/v1/runs/{run}/cancel", Right::Run, "Cancels jobs of a run", |c| Box::pin(runs::cancel(c)))
            .takes::<api::CancelRequest>()
            .status(202),
        Route::post("/api/v1/runs/{run}/retry", Right::Run, "Has jobs of a run done again", |c| {
            Box::pin(runs::retry(c))
        })
        .takes::<api::RetryRequest>()
        .gives::<api::Run>(200),
        Route::post("/api/v1/runs/{run}/jobs/{job}/settle", Right::Run, "Says how an unknown job counts", |c| {
            Box::pin(runs::settle(c))
        })
        .takes::<api::SettleRequest>()
        .gives::<api::Job>(200),
        Route::get("/api/v1/runs/{run}/artifacts", Right::Read, "Artifacts of a run", |c| Box::pin(artifacts::list(c)))
            .pages::<api::Artifact>(),
        Route::get("/api/v1/runs/{run}/artifacts/{name}", Right::Read, "Bytes of an artifact", |c| {
            Box::pin(artifacts::get(c))
        })
        .query(&[("job", "the job that made it, if two made one of this name")])
        .other("application/octet-stream"),
    ]
}

fn for_logs() -> Vec<Route> {
    vec![
        Route::get(
            "/api/v1/runs/{run}/jobs/{job}/steps/{step}/log",
            Right::Read,
            "The log of a step as it was written",
            |c| Box::pin(log::get(c)),
        )
        .query(log::QUERY)
        .other("text/plain"),
        Route::get("/api/v1/runs/{run}/log", Right::Read, "All logs of a run as JSON lines", |c| {
            Box::pin(run_log::get(c))
        })
        .query(run_log::QUERY)
        .other("application/jsonl"),
        Route::get("/api/v1/events", Right::Read, "What happens, as server-sent events", |c| Box::pin(events::get(c)))
            .query(events::QUERY)
            .other("text/event-stream"),
    ]
}

fn for_projects() -> Vec<Route> {
    vec![
        Route::get("/api/v1/projects", Right::Read, "Projects", |c| Box::pin(projects::list(c)))
            .pages::<api::Project>(),
        Route::get("/api/v1/projects/{project}", Right::Read, "One project", |c| Box::pin(projects::get(c)))
            .gives::<api::Project>(200),
        Route::get("/api/v1/projects/{project}/deliveries", Right::Read, "What was delivered, newest first", |c| {
            Box::pin(projects::deliveries(c))
        })
        .query(&[LIMIT])
        .pages::<api::Delivery>(),
        Route::post("/api/v1/projects/{project}/runs", Right::Run, "Starts a run", |c| Box::pin(start::start(c)))
            .takes::<api::StartRun>()
            .gives::<api::Run>(201),
        Route::post("/api/v1/projects/{project}/start", Right::Admin, "Lets a project go on after a restore", |c| {
            Box::pin(projects::start(c))
        })
        .takes::<api::ReasonRequest>()
        .status(202),
        Route::post("/api/v1/lint", Right::Read, "What is wrong with a pipeline file", |c| Box::pin(lint::check(c)))
            .body_bytes(LINT_BYTES)
            .takes::<api::LintRequest>()
            .gives::<api::LintAnswer>(200),
    ]
}

fn for_secrets() -> Vec<Route> {
    const PATH: &str = "/api/v1/projects/{project}/secrets/{name}";
    const ENVIRONMENT: (&str, &str) = ("environment", "only for jobs that change a target of this environment");
    vec![
        Route::get("/api/v1/projects/{project}/secrets", Right::Admin, "Secrets of a project, without values", |c| {
            Box::pin(secrets::list(c))
        })
        .pages::<api::Secret>(),
        Route::get("/api/v1/secrets/exposed", Right::Admin, "Which values agents got", |c| Box::pin(exposed::list(c)))
            .query(exposed::QUERY)
            .gives::<api::ExposedSecrets>(200),
        Route::put(PATH, Right::Admin, "Sets a secret; the body is its value", |c| Box::pin(secrets::set(c)))
            .query(&[ENVIRONMENT, ("unprotected", "`true`: runs that are not of the main branch get it too")])
            .body_bytes(SECRET_MAX)
            .gives::<api::SecretSet>(201),
        Route::delete(PATH, Right::Admin, "Deletes a secret and erases its values", |c| Box::pin(secrets::delete(c)))
            .query(&[ENVIRONMENT, ("reason", "why")])
            .status(204),
    ]
}

fn for_agents() -> Vec<Route> {
    vec![
        Route::get("/api/v1/agents", Right::Read, "Agents, by name", |c| Box::pin(agents::list(c)))
            .pages::<api::Agent>(),
        Route::get("/api/v1/agents/{agent}", Right::Read, "One agent", |c| Box::pin(agents::get(c)))
            .gives::<api::Agent>(200),
        of_agent("/api/v1/agents/{agent}/pause", "Places nothing new on an agent", |c| Box::pin(agents::pause(c))),
        of_agent("/api/v1/agents/{agent}/resume", "Ends a pause", |c| Box::pin(agents::resume(c))),
        of_agent("/api/v1/agents/{agent}/readmit", "Ends a quarantine", |c| Box::pin(agents::readmit(c))),
        of_agent("/api/v1/agents/{agent}/remove", "Removes an agent for ever", |c| Box::pin(agents::remove(c))),
        Route::post("/api/v1/join-tokens", Right::Admin, "Makes a join token", |c| Box::pin(access::join_token(c)))
            .keyless()
            .takes::<api::JoinTokenRequest>()
            .gives::<api::JoinTokenAnswer>(201),
        Route::post("/api/v1/tokens", Right::Admin, "Makes an API token", |c| Box::pin(access::token(c)))
            .keyless()
            .takes::<api::TokenRequest>()
            .gives::<api::TokenAnswer>(201),
        Route::get("/api/v1/me", Right::Read, "Who the token speaks for", |c| Box::pin(access::me(c)))
            .gives::<api::Me>(200),
    ]
}

/// What people do to an agent: each with a reason.
fn of_agent(path: &'static str, about: &'static str, handler: Handler) -> Route {
    Route::post(path, Right::Admin, about, handler).takes::<api::ReasonRequest>().gives::<api::Agent>(200)
}

fn for_deployments() -> Vec<Route> {
    vec![
        Route::get("/api/v1/releases", Right::Read, "Releases, newest first", |c| Box::pin(releases::list(c)))
            .query(&[("service", "only of this service"), LIMIT])
            .pages::<api::Release>(),
        Route::get("/api/v1/lanes", Right::Read, "Lanes", |c| Box::pin(lanes::list(c))).pages::<api::Lane>(),
        Route::get("/api/v1/lanes/{service}/{environment}", Right::Read, "One lane", |c| Box::pin(lanes::get(c)))
            .gives::<api::Lane>(200),
        Route::get("/api/v1/lanes/{service}/{environment}/plan", Right::Read, "What a deployment would do now", |c| {
            Box::pin(lanes::plan(c))
        })
        .query(&[("release", "as `r18`; default: the newest of the service")])
        .gives::<api::Plan>(200),
        Route::post("/api/v1/lanes/{service}/{environment}/deploy", Right::Deploy, "Deploys a release", |c| {
            Box::pin(lanes::deploy(c))
        })
        .takes::<api::DeployRequest>()
        .gives::<api::DeploymentStarted>(202),
        Route::post(
            "/api/v1/lanes/{service}/{environment}/rollback",
            Right::Deploy,
            "Returns to an earlier release",
            |c| Box::pin(lanes::rollback(c)),
        )
        .takes::<api::RollbackRequest>()
        .gives::<api::DeploymentStarted>(202),
        Route::get("/api/v1/deployments", Right::Read, "Deployments, newest first", |c| Box::pin(deployments::list(c)))
            .query(&[("lane", "only along this lane, as `shop/production`"), LIMIT])
            .pages::<api::Deployment>(),
        Route::get("/api/v1/deployments/{deployment}", Right::Read, "One deployment", |c| {
            Box::pin(deployments::get(c))
        })
        .query(&[WAIT])
        .gives::<api::Deployment>(200),
        Route::post(
            "/api/v1/deployments/{deployment}/abort",
            Right::Deploy,
            "Ends a deployment with the way back, or where it is",
            |c| Box::pin(deployments::abort(c)),
        )
        .takes::<api::AbortRequest>()
        .status(202),
        Route::post("/api/v1/deployments/{deployment}/approve", Right::Deploy, "Approves exactly this plan", |c| {
            Box::pin(deployments::approve(c))
        })
        .takes::<api::ApproveRequest>()
        .gives::<api::Deployment>(200),
        Route::post(
            "/api/v1/deployments/{deployment}/pause",
            Right::Deploy,
            "Admits no target any more; what is in flight reaches its end",
            |c| Box::pin(deployments::pause(c)),
        )
        .takes::<api::ReasonRequest>()
        .gives::<api::Deployment>(200),
        Route::post(
            "/api/v1/deployments/{deployment}/resume",
            Right::Deploy,
            "Goes on with a paused deployment, or with its next batch",
            |c| Box::pin(deployments::resume(c)),
        )
        .takes::<api::ReasonRequest>()
        .gives::<api::Deployment>(200),
    ]
}

fn for_holding() -> Vec<Route> {
    vec![
        Route::post(
            "/api/v1/lanes/{service}/{environment}/lock",
            Right::Deploy,
            "Nothing starts on the lane; the way back is open",
            |c| Box::pin(lanes::lock(c)),
        )
        .takes::<api::ReasonRequest>()
        .gives::<api::Lane>(200),
        Route::post("/api/v1/lanes/{service}/{environment}/unlock", Right::Deploy, "Opens a lane", |c| {
            Box::pin(lanes::unlock(c))
        })
        .takes::<api::ReasonRequest>()
        .gives::<api::Lane>(200),
        Route::post(
            "/api/v1/lanes/{service}/{environment}/allow",
            Right::Deploy,
            "Takes a refusal of a release back",
            |c| Box::pin(lanes::allow(c)),
        )
        .takes::<api::AllowRequest>()
        .gives::<api::Lane>(200),
        Route::post(
            "/api/v1/lanes/{service}/{environment}/converge",
            Right::Deploy,
            "Brings targets to what their lane wants, also what is held by hand or stuck",
            |c| Box::pin(lanes::converge(c)),
        )
        .takes::<api::ConvergeRequest>()
        .gives::<api::Lane>(200),
        Route::post(
            "/api/v1/lanes/{service}/{environment}/forget",
            Right::Deploy,
            "Lists a target no more that has left the environment",
            |c| Box::pin(lanes::forget(c)),
        )
        .takes::<api::ForgetRequest>()
        .gives::<api::Lane>(200),
        Route::post(
            "/api/v1/lanes/{service}/{environment}/adopt",
            Right::Deploy,
            "Lets a restored lane act again, above all that its targets have seen",
            |c| Box::pin(lanes::adopt(c)),
        )
        .takes::<api::ReasonRequest>()
        .gives::<api::Lane>(200),
        Route::post(
            "/api/v1/stop-all",
            Right::Deploy,
            "Stops whatever happens by itself to targets, forward and back, or lets it go on",
            |c| Box::pin(own::stop_all(c)),
        )
        .takes::<api::StopAllRequest>()
        .gives::<api::Master>(200),
    ]
}

fn for_everybody() -> Vec<Route> {
    vec![
        Route::get("/api/v1/master", Right::Read, "How the master is", |c| Box::pin(own::get(c)))
            .gives::<api::Master>(200),
        Route::get("/api/v1/openapi.json", Right::Read, "This document", |c| Box::pin(openapi::get(c)))
            .other("application/json"),
        Route::get("/healthz", Right::Public(Why::Health), "The process answers", |c| Box::pin(health::alive(c)))
            .other("text/plain"),
        Route::get("/readyz", Right::Public(Why::Health), "The master decides", |c| Box::pin(health::ready(c)))
            .other("text/plain"),
        Route::post("/hooks/{project}", Right::Public(Why::SignedDelivery), "A signed delivery", |c| {
            Box::pin(hooks::deliver(c))
        })
        .body_bytes(HOOK_BYTES)
        .takes::<api::HookDelivery>()
        .gives::<api::Delivered>(202),
        Route::post("/enrol", Right::Public(Why::Enrolment), "An agent asks for its certificate", |c| {
            Box::pin(enrol::enrol(c))
        })
        .body_bytes(ENROL_BYTES)
        .takes::<api::EnrolRequest>()
        .gives::<api::EnrolAnswer>(200),
    ]
}
