//! The one GET of probes: no redirects, no proxy, one time-out for all of it, a bounded body.

use std::io::Read;

use windlass_core::model::Duration;

use super::clock;

/// The most bytes of a body that are looked at.
const BODY_MAX: u64 = 64 * 1024;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// The word for it, such as `OK`.
    pub reason: String,
    /// Values of all headers.
    pub headers: Vec<String>,
    /// The first 64 KiB; what is not UTF-8 is replaced.
    pub body: String,
}

/// Asks; the error is a text for people.
pub fn get(url: &str, timeout: Duration) -> Result<Answer, String> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(clock::std(timeout)))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .proxy(None)
        .user_agent("windlass-agent")
        .build();
    let mut response = config.new_agent().get(url).call().map_err(|error| plain(&error))?;
    let status = response.status();
    let values = response.headers().values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let headers = values.collect();
    let mut body = Vec::new();
    response.body_mut().as_reader().take(BODY_MAX).read_to_end(&mut body).map_err(|error| error.to_string())?;
    Ok(Answer {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or("").to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn plain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(source) if source.kind() == std::io::ErrorKind::ConnectionRefused => {
            "connection refused".to_owned()
        }
        other => other.to_string(),
    }
}
