//! `ok`, and no more: what is missing is nobody's business who has no token.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use super::answer::{Answer, raw};
use super::call::Call;
use crate::history::RunFilter;

/// `GET /healthz`: the process answers.
pub(super) async fn alive(_: Call) -> Answer {
    Ok(say(StatusCode::OK, "ok\n"))
}

/// `GET /readyz`: it decides, and the history can be asked.
pub(super) async fn ready(call: Call) -> Answer {
    let decides = call.api.published.state().epoch > 0 && !call.api.tasks.shutdown.is_cancelled();
    let answers = call.api.history.list_runs(RunFilter::default(), None, 1).await.is_ok();
    Ok(if decides && answers {
        say(StatusCode::OK, "ok\n")
    } else {
        say(StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    })
}

fn say(status: StatusCode, text: &'static str) -> Response<Body> {
    raw(status, "text/plain; charset=utf-8", Body::from(text))
}
