//! Carrying the request to the master's HTTP port.

use std::path::Path;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};
use windlass_proto::api::{EnrolAnswer, EnrolRequest, Problem};

use super::pinned;
use crate::exit::{Failure, NOT_NOW, USAGE};

/// For all of it.
const WITHIN: Duration = Duration::from_secs(30);
/// The most bytes of an answer.
const ANSWER_MAX: u64 = 64 * 1024;

/// A checked address of a master.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    is_tls: bool,
    host: String,
    port: u16,
}

impl Address {
    /// `https://host:port`, or `http://` on loopback.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::new(USAGE, format!("{url:?}: {why}"))
                .hint("give the master's HTTP address, as https://windlass.example.com:8470")
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no https://"))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("it begins with https://, or http:// on loopback")),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host, port.parse().map_err(|_| wrong("its port is not a number"))?)
            }
            Some(_) | None => (authority, if is_tls { 443 } else { 80 }),
        };
        if host.is_empty() || host.contains(['/', '@', '?', '#']) {
            return Err(wrong("it is no plain host"));
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !is_tls && !is_loopback(&bare) {
            return Err(wrong("plain http is taken on loopback only"));
        }
        Ok(Self { is_tls, host: bare, port })
    }

    /// The host alone, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}/enrol", self.port)
    }
}

/// Posts the request; says what the master answered, or why it refused.
pub(super) fn post(
    address: &Address,
    request: &EnrolRequest,
    pin: &[u8; 32],
    tls_ca: Option<&Path>,
) -> Result<EnrolAnswer, Failure> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(WITHIN))
        .max_redirects(0)
        .proxy(None);
    if address.is_tls {
        config = config.tls_config(tls_config(address, pin, tls_ca)?);
    }
    let agent = config.build().new_agent();
    let away = |error: ureq::Error| {
        Failure::new(NOT_NOW, format!("{} does not answer: {error}", address.url()))
            .hint("is the address right, and does the master run?")
    };
    let mut answer = agent.post(&address.url()).send_json(request).map_err(away)?;
    let status = answer.status();
    let text = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string().map_err(away)?;
    if status.is_success() {
        serde_json::from_str(&text)
            .map_err(|error| Failure::new(NOT_NOW, format!("the master's answer is not understood: {error}")))
    } else {
        Err(refused(status.as_u16(), &text))
    }
}

fn refused(status: u16, text: &str) -> Failure {
    let hint = "`windlass agents token --name NAME` makes a new token";
    let (why, hint) = match serde_json::from_str::<Problem>(text) {
        Ok(problem) => (problem.detail, problem.hint.unwrap_or_else(|| hint.to_owned())),
        Err(_not_a_problem) => ("it does not say why".to_owned(), "is this the address of a master?".to_owned()),
    };
    Failure::new(NOT_NOW, format!("the master refuses to enrol this host ({status}): {}", shown(&why)))
        .hint(shown(&hint))
}

/// Text from outside, fit for a terminal.
fn shown(text: &str) -> String {
    crate::release::log::shown(text, 500)
}

/// The roots are those of `--tls-ca`, else the pinned CA where the server's chain holds it.
fn tls_config(address: &Address, pin: &[u8; 32], tls_ca: Option<&Path>) -> Result<TlsConfig, Failure> {
    let roots = match tls_ca {
        Some(path) => {
            let unreadable =
                |error: &dyn std::fmt::Display| Failure::new(USAGE, format!("{}: {error}", path.display()));
            let pem = std::fs::read(path).map_err(|error| unreadable(&error))?;
            windlass_proto::tls::certificates("CA", &pem).map_err(|error| unreadable(&error))?
        }
        None => {
            let found = pinned::root(&address.host, address.port, pin)
                .map_err(|error| Failure::new(NOT_NOW, format!("{} does not answer: {error}", address.url())))?;
            let hint = "--tls-ca FILE names the roots of that certificate";
            let unknown =
                || Failure::new(NOT_NOW, "the web certificate does not come from the CA that the token names");
            vec![found.ok_or_else(|| unknown().hint(hint))?]
        }
    };
    let roots: Vec<_> = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    Ok(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
