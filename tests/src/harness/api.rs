//! The HTTP API, as a tool would use it.

use std::time::Duration;

use serde_json::Value;
use ureq::Body;
use ureq::http::Response;

use super::wait::until;

/// Asks one master. A new connection for each question, so that a restart in between does not matter.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    token: String,
}

/// Names, lower-case, and values.
pub type Headers = Vec<(String, String)>;

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status.
    pub status: u16,
    /// Body; null if it is no JSON.
    pub body: Value,
}

impl Api {
    pub(super) fn new(address: &str, token: &str) -> Self {
        Self { base: format!("http://{address}"), token: token.to_owned() }
    }

    /// `http://127.0.0.1:…`
    pub fn url(&self) -> &str {
        &self.base
    }

    /// The token it asks with.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// GET below `/api/v1`.
    pub fn get(&self, path: &str) -> Reply {
        let request = agent().get(format!("{}/api/v1{path}", self.base));
        reply(request.header("Authorization", format!("Bearer {}", self.token)).call())
    }

    /// POST of JSON below `/api/v1`.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &[], body)
    }

    /// The same with an idempotency key: asked again it is the same request.
    pub fn post_once(&self, path: &str, key: &str, body: &Value) -> Reply {
        self.post_with(path, &[("Idempotency-Key", key)], body)
    }

    fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let request = agent().post(format!("{}/api/v1{path}", self.base));
        let mut request = request.header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        reply(request.header("Content-Type", "application/json").send(body.to_string()))
    }

    /// All bytes of a log, once it is sealed, and its headers by lower-case name.
    pub fn log(&self, run: &str, job: &str, step: &str) -> (Vec<u8>, Headers) {
        until(&format!("the log of {run} {job} {step} is sealed"), || {
            let (bytes, headers) = self.log_now(run, job, step)?;
            let sealed = ("windlass-log-state".to_owned(), "sealed".to_owned());
            headers.contains(&sealed).then_some((bytes, headers))
        })
    }

    fn log_now(&self, run: &str, job: &str, step: &str) -> Option<(Vec<u8>, Headers)> {
        self.bytes(&format!("/runs/{run}/jobs/{job}/steps/{step}/log"))
    }

    /// GET below `/api/v1` of what is no JSON, and its headers by lower-case name; none without an answer, or with another than 200.
    pub fn bytes(&self, path: &str) -> Option<(Vec<u8>, Headers)> {
        let request = agent().get(format!("{}/api/v1{path}", self.base));
        let mut response = request.header("Authorization", format!("Bearer {}", self.token)).call().ok()?;
        if response.status() != 200 {
            return None;
        }
        let named = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
        };
        let headers = response.headers().iter().map(named).collect();
        let bytes = response.body_mut().with_config().limit(1 << 30).read_to_vec().ok()?;
        Some((bytes, headers))
    }

    /// GET below `/api/v1` as a stream that ends with its connection, or after so long.
    pub fn stream(&self, path: &str, after: u64, limit: Duration) -> Option<Box<dyn std::io::Read>> {
        let config = ureq::Agent::config_builder().http_status_as_error(true).timeout_recv_body(Some(limit));
        let agent: ureq::Agent = config.build().into();
        let request = agent.get(format!("{}/api/v1{path}", self.base)).header("Last-Event-ID", after.to_string());
        let response = request.header("Authorization", format!("Bearer {}", self.token)).call().ok()?;
        Some(Box::new(response.into_body().into_reader()))
    }

    /// Waits until a run has ended, and returns it.
    pub fn ended(&self, run: &str) -> Value {
        until(&format!("{run} has ended"), || {
            let reply = self.get(&format!("/runs/{run}?wait=2s"));
            (reply.body["state"] == "ended").then_some(reply.body)
        })
    }

    /// Waits until a deployment has ended, and returns it.
    pub fn deployed(&self, deployment: &str) -> Value {
        until(&format!("{deployment} has ended"), || {
            let reply = self.get(&format!("/deployments/{deployment}?wait=2s"));
            (!reply.body["outcome"].is_null()).then_some(reply.body)
        })
    }

    /// Waits until a step has written so many bytes of log.
    pub fn log_reaches(&self, run: &str, job: &str, step: &str, bytes: usize) {
        until(&format!("the log of {run} {job} {step} has {bytes} bytes"), || {
            let (stored, _) = self.log_now(run, job, step)?;
            (stored.len() >= bytes).then_some(())
        });
    }
}

fn agent() -> ureq::Agent {
    let config =
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
    config.build().into()
}

fn reply(result: Result<Response<Body>, ureq::Error>) -> Reply {
    match result {
        Ok(mut response) => {
            let status = response.status().as_u16();
            let text = response.body_mut().read_to_string().unwrap_or_default();
            Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
        }
        // The master is away for a moment; whoever waits asks again.
        Err(_) => Reply { status: 0, body: Value::Null },
    }
}
