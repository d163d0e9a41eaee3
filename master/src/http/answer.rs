//! Successes on their way out.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

use super::problem::Refused;

/// What a handler returns.
pub(super) type Answer = Result<Response<Body>, Refused>;

/// 200 with JSON.
pub(super) fn ok(body: &impl Serialize) -> Answer {
    json(StatusCode::OK, body)
}

/// JSON with this status.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(body).expect("the shapes of the API are plain data");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    put(&mut response, header::CONTENT_TYPE, "application/json");
    Ok(response)
}

/// A status and nothing else.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    Ok(response)
}

/// Bytes of a stranger: shown as what they are, never executed by a browser.
pub(super) fn raw(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    put(&mut response, header::CONTENT_TYPE, content_type);
    put(&mut response, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    response
}

/// A body that is sent as it comes.
pub(super) fn streamed(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    use futures_util::StreamExt;
    Body::from_stream(pieces.map(Ok::<_, Infallible>))
}

/// Sets a header whose value is ours.
pub(super) fn put(response: &mut Response<Body>, name: HeaderName, value: &str) {
    match HeaderValue::from_str(value) {
        Ok(value) => {
            response.headers_mut().insert(name, value);
        }
        Err(_) => tracing::warn!(header = %name, "a header value cannot be sent"),
    }
}
