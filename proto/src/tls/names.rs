//! The URIs that say who is who, and reading them out of a certificate.

use rustls::pki_types::CertificateDer;
use windlass_core::model::AgentId;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::Error;

/// The DNS name that every master's certificate carries; never resolved.
pub const MASTER_DNS: &str = "master.windlass.internal";

/// The URIs of one cluster.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The cluster they belong to.
    pub cluster_id: &'a str,
}

impl Names<'_> {
    /// The URI of the master's role.
    pub fn master(&self) -> String {
        format!("spiffe://{}/master", self.cluster_id)
    }

    /// The URI of an agent.
    pub fn agent(&self, agent: AgentId) -> String {
        format!("spiffe://{}/agent/{agent}", self.cluster_id)
    }
}

/// Why a certificate is not one of an agent of this cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAgent {
    /// It cannot be parsed.
    #[error("it is not a certificate")]
    Unreadable,
    /// Its purpose is not clientAuth alone.
    #[error("its extended key usage is not clientAuth alone")]
    Purpose,
    /// It names nothing, several things, or something else than a URI.
    #[error("it does not name exactly one URI")]
    Names,
    /// Its URI is of another cluster or another role.
    #[error("its URI is {0:?}")]
    Uri(String),
}

/// What a certificate claims to be, as far as we look.
pub(super) struct Marks {
    pub(super) uris: Vec<String>,
    pub(super) other_names: usize,
    pub(super) client_only: bool,
    pub(super) server_only: bool,
}

/// Reads the marks; `None` if it is no certificate or has an extension twice.
pub(super) fn marks_of(der: &[u8]) -> Option<Marks> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok()?;
    let usage = certificate.extended_key_usage().ok()?.map(|extension| extension.value);
    let mut marks = Marks { uris: Vec::new(), other_names: 0, client_only: false, server_only: false };
    for name in names.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::URI(uri) => marks.uris.push((*uri).to_owned()),
            _ => marks.other_names += 1,
        }
    }
    if let Some(usage) = usage {
        let more =
            usage.any || usage.code_signing || usage.email_protection || usage.time_stamping || usage.ocsp_signing;
        let more = more || !usage.other.is_empty();
        marks.client_only = usage.client_auth && !usage.server_auth && !more;
        marks.server_only = usage.server_auth && !usage.client_auth && !more;
    }
    rest.is_empty().then_some(marks)
}

/// Whose certificate this is. The chain must have been verified before; this reads the one name that counts.
pub fn agent_id_of(certificate: &CertificateDer<'_>, cluster_id: &str) -> Result<AgentId, NotAnAgent> {
    let (cluster, agent) = agent_uri(certificate)?;
    if cluster != cluster_id {
        return Err(NotAnAgent::Uri(Names { cluster_id: &cluster }.agent(agent)));
    }
    Ok(agent)
}

/// The cluster that an agent's certificate names.
pub fn cluster_of_agent(certificate: &CertificateDer<'_>) -> Result<String, Error> {
    Ok(agent_uri(certificate)?.0)
}

/// The cluster that a master's certificate names.
pub fn cluster_of_master(certificate: &CertificateDer<'_>) -> Result<String, Error> {
    let marks = marks_of(certificate).ok_or_else(|| Error::Master("it is not a certificate".to_owned()))?;
    let [uri] = &marks.uris[..] else {
        return Err(Error::Master("it does not name exactly one URI".to_owned()));
    };
    let cluster = uri.strip_prefix("spiffe://").and_then(|rest| rest.strip_suffix("/master"));
    let cluster = cluster.filter(|cluster| is_cluster_id(cluster));
    cluster.map(str::to_owned).ok_or_else(|| Error::Master(format!("its URI is {uri:?}")))
}

fn agent_uri(certificate: &CertificateDer<'_>) -> Result<(String, AgentId), NotAnAgent> {
    let marks = marks_of(certificate).ok_or(NotAnAgent::Unreadable)?;
    if !marks.client_only {
        return Err(NotAnAgent::Purpose);
    }
    let ([uri], 0) = (&marks.uris[..], marks.other_names) else {
        return Err(NotAnAgent::Names);
    };
    let parsed = uri.strip_prefix("spiffe://").and_then(|rest| rest.split_once("/agent/")).and_then(|(cluster, id)| {
        let agent: AgentId = id.parse().ok()?;
        // One written form only: a UUID in capitals or braces would be a second name for the same agent.
        (is_cluster_id(cluster) && agent.to_string() == id).then(|| (cluster.to_owned(), agent))
    });
    parsed.ok_or_else(|| NotAnAgent::Uri(uri.clone()))
}

fn is_cluster_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
