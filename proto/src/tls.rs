//! The one place that knows the rustls settings of both ends of the agent link (port 8471).
//!
//! Called by the master's listener and by the agent's connector. Invariant: TLS 1.3 only, both sides authenticated by the cluster's
//! own CA, the peer known by the one URI in its certificate and by nothing else: not by its address, not by what it says.
//! Deliberately absent: the HTTP port, making certificates, the register (a valid certificate may belong to a removed agent).

mod names;
mod verify;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig, version};

pub use names::{MASTER_DNS, Names, NotAnAgent, agent_id_of, cluster_of_agent, cluster_of_master};
use verify::{AgentVerifier, MasterVerifier};
use windlass_core::model::AgentId;

/// What both ends speak inside TLS.
const ALPN_HTTP2: &[u8] = b"h2";

/// Why the settings could not be made, or a certificate is not what it must be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not PEM, or nothing in it.
    #[error("{what} is not readable PEM: {why}")]
    Pem {
        /// `CA`, `certificate` or `key`.
        what: &'static str,
        /// What the reader said.
        why: String,
    },
    /// The certificate does not name what it must name.
    #[error("the certificate is not one of an agent: {0}")]
    Agent(#[from] NotAnAgent),
    /// The master's own certificate lacks its URI.
    #[error("the certificate does not name a master: {0}")]
    Master(String),
    /// The key is not the one of the certificate.
    #[error("the certificate was made for another key")]
    OtherKey,
    /// rustls refused.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// The CA cannot be a root.
    #[error("the CA cannot be used: {0}")]
    Root(String),
}

/// The provider of every TLS connection of Windlass; named, so that no other crate's feature can change it.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// What the master listens with. The cluster is the one that its own certificate names. The chain may hold several certificates, the
/// leaf first.
pub fn server_config(ca_pem: &[u8], cert_pem: &[u8], key_pem: &[u8]) -> Result<ServerConfig, Error> {
    let chain = certificates("certificate", cert_pem)?;
    let cluster = cluster_of_master(&chain[0])?;
    let verifier = Arc::new(AgentVerifier::new(client_verifier(ca_pem)?, cluster));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key(key_pem)?)?;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    // A resumed session would carry the certificate of an earlier handshake past the checks of this one.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// What an agent dials with. The cluster is the one that its own certificate names; connect with the server name [`MASTER_DNS`],
/// whatever the address is.
pub fn client_config(ca_pem: &[u8], cert_pem: &[u8], key_pem: &[u8]) -> Result<ClientConfig, Error> {
    let chain = certificates("certificate", cert_pem)?;
    let cluster = cluster_of_agent(&chain[0])?;
    let verifier = Arc::new(MasterVerifier::new(roots(ca_pem)?, cluster)?);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(chain, key(key_pem)?)?;
    config.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// Whether a fresh certificate is an agent's of this cluster: it chains to the CA at this time, was made for this key, and carries
/// exactly the agent's URI. Says whose it is.
pub fn check_agent_identity(
    ca_pem: &[u8],
    chain_pem: &[u8],
    key_pem: &[u8],
    cluster_id: &str,
    now: UnixTime,
) -> Result<AgentId, Error> {
    let chain = certificates("certificate", chain_pem)?;
    client_verifier(ca_pem)?.verify_client_cert(&chain[0], &chain[1..], now)?;
    let signing = ring::sign::any_supported_type(&key(key_pem)?)?;
    let made_for_key = rustls::sign::CertifiedKey::new(chain.clone(), signing).keys_match();
    made_for_key.map_err(|_| Error::OtherKey)?;
    Ok(agent_id_of(&chain[0], cluster_id)?)
}

/// The certificates of a PEM text, at least one.
pub fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| Error::Pem { what, why: error.to_string() })?;
    if read.is_empty() {
        return Err(Error::Pem { what, why: "it holds no certificate".to_owned() });
    }
    Ok(read)
}

fn client_verifier(ca_pem: &[u8]) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, Error> {
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(ca_pem)?), provider());
    builder.build().map_err(|error| Error::Root(error.to_string()))
}

fn roots(ca_pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("CA", ca_pem)? {
        roots.add(certificate).map_err(|error| Error::Root(error.to_string()))?;
    }
    Ok(roots)
}

fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| Error::Pem { what: "key", why: error.to_string() })
}

#[cfg(test)]
mod tests;
