//! The identity of a cluster: its id, its certificate authority, and the master's own certificate.
//!
//! ```text
//! identity/cluster_id    UUID
//! identity/ca.pem        certificate and key, made once, last
//! identity/master.pem    certificate and key for the agent link, made anew at a start past half of its life
//! ```
//! A certificate and its key share a file, so that one rename changes both. An identity exists from its CA on.

use std::path::Path;

use rcgen::{Issuer, KeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use uuid::Uuid;
use windlass_core::input::JoinToken;
use windlass_core::model::{AgentId, UnixMs};
use windlass_proto::tls;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::csr::check_csr;
use super::join::{JoinGrant, new_join_token};
use super::{Error, Result, certificate, files};

const CLUSTER_FILE: &str = "cluster_id";
const CA_FILE: &str = "ca.pem";
const MASTER_FILE: &str = "master.pem";
const KEY_BEGINS: &str = "-----BEGIN PRIVATE KEY-----";

/// The identity of a cluster, with the keys of its CA and master.
#[derive(Debug)]
pub struct Identity {
    cluster_id: String,
    ca: Pair,
    issuer: Issuer<'static, KeyPair>,
    master: Pair,
}

/// A certificate and its key.
#[derive(Clone)]
struct Pair {
    certificate_pem: String,
    key_pem: String,
}

/// A key never reaches a log.
impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.certificate_pem)
    }
}

impl Identity {
    /// Makes a new cluster in `dir`, which must hold none; whatever an interrupted attempt left is replaced.
    pub fn create(dir: &Path, now: UnixMs) -> Result<Self> {
        files::create_directory(dir)?;
        if Self::exists(dir) {
            return Err(Error::Exists(dir.to_owned()));
        }
        let cluster_id = Uuid::new_v4().to_string();
        let key = KeyPair::generate()?;
        let params = certificate::of_ca(&cluster_id, now)?;
        let ca = Pair { certificate_pem: params.self_signed(&key)?.pem(), key_pem: key.serialize_pem() };
        let issuer = Issuer::new(params, key);
        let master = sign_master(&cluster_id, &issuer, now)?;
        files::write(&dir.join(CLUSTER_FILE), &cluster_id)?;
        files::write(&dir.join(MASTER_FILE), &master.text())?;
        files::write(&dir.join(CA_FILE), &ca.text())?;
        Ok(Self { cluster_id, ca, issuer, master })
    }

    /// Whether `dir` holds an identity.
    pub fn exists(dir: &Path) -> bool {
        dir.join(CA_FILE).exists()
    }

    /// Opens what [`Self::create`] made. A master's certificate that is missing or past half of its life is made anew, with a new key.
    pub fn open(dir: &Path, now: UnixMs) -> Result<Self> {
        let missing = || Error::Missing(dir.to_owned());
        let ca_path = dir.join(CA_FILE);
        let ca = files::read(&ca_path)?.ok_or_else(missing)?;
        files::check_mode(dir, files::DIRECTORY_MODE)?;
        let cluster_id = files::read(&dir.join(CLUSTER_FILE))?.ok_or_else(missing)?;
        let (ca, ca_key) = Pair::parse(&ca_path, &ca)?;
        let issuer = Issuer::from_ca_cert_pem(&ca.certificate_pem, ca_key)?;
        let master_path = dir.join(MASTER_FILE);
        let master = match files::read(&master_path)? {
            Some(text) => Some(Pair::parse(&master_path, &text)?.0).filter(|pair| pair.is_fresh(now)),
            None => None,
        };
        let master = match master {
            Some(master) => master,
            None => {
                let master = sign_master(&cluster_id, &issuer, now)?;
                files::write(&master_path, &master.text())?;
                master
            }
        };
        let identity = Self { cluster_id, ca, issuer, master };
        identity.check(&master_path)?;
        Ok(identity)
    }

    /// The id of the cluster.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// The certificates that agents trust, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca.certificate_pem
    }

    /// SHA-256 of the CA certificate, DER: what a join token pins.
    pub fn ca_pin(&self) -> [u8; 32] {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.ca.der());
        digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }

    /// What the agent link listens with.
    pub fn server_config(&self) -> Result<rustls::ServerConfig> {
        let Pair { certificate_pem, key_pem } = &self.master;
        Ok(tls::server_config(self.ca_pem().as_bytes(), certificate_pem.as_bytes(), key_pem.as_bytes())?)
    }

    /// A certificate for the key of this request, as the certificate of this agent: the chain, PEM.
    pub fn issue_agent(&self, csr_pem: &str, agent: AgentId, now: UnixMs) -> Result<String> {
        let key = check_csr(csr_pem)?.key;
        let params = certificate::of_agent(&self.cluster_id, agent, now)?;
        Ok(params.signed_by(&key, &self.issuer)?.pem())
    }

    /// A new join token of this cluster.
    pub fn join_token(&self, grant: JoinGrant) -> Result<(String, JoinToken)> {
        new_join_token(&self.ca_pin(), grant)
    }

    /// The three files belong together.
    fn check(&self, path: &Path) -> Result<()> {
        let damaged = |why: &str| Error::Damaged { path: path.to_owned(), why: why.to_owned() };
        let (ca, master) = (self.ca.der(), self.master.der());
        if tls::cluster_of_master(&master)? != self.cluster_id {
            return Err(damaged("it was made for another cluster"));
        }
        let (_, ca) = X509Certificate::from_der(&ca).map_err(|_| damaged("its CA is not a certificate"))?;
        let (_, master) = X509Certificate::from_der(&master).map_err(|_| damaged("it is not a certificate"))?;
        let signed_here = master.issuer().as_raw() == ca.subject().as_raw();
        if signed_here { Ok(()) } else { Err(damaged("it was signed by another CA")) }
    }
}

fn sign_master(cluster_id: &str, issuer: &Issuer<'static, KeyPair>, now: UnixMs) -> Result<Pair> {
    let key = KeyPair::generate()?;
    let certificate_pem = certificate::of_master(cluster_id, now)?.signed_by(&key, issuer)?.pem();
    Ok(Pair { certificate_pem, key_pem: key.serialize_pem() })
}

impl Pair {
    fn text(&self) -> String {
        format!("{}{}", self.certificate_pem, self.key_pem)
    }

    fn parse(path: &Path, text: &str) -> Result<(Self, KeyPair)> {
        let damaged = |why: String| Error::Damaged { path: path.to_owned(), why };
        let at = text.find(KEY_BEGINS).ok_or_else(|| damaged("it holds no key".to_owned()))?;
        let (certificate_pem, key_pem) = text.split_at(at);
        let der = PrivatePkcs8KeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|error| damaged(error.to_string()))?;
        let key = KeyPair::try_from(&der).map_err(|error| damaged(error.to_string()))?;
        tls::certificates("certificate", certificate_pem.as_bytes())?;
        Ok((Self { certificate_pem: certificate_pem.to_owned(), key_pem: key_pem.to_owned() }, key))
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).expect("it was made, or read before, as PEM")
    }

    fn is_fresh(&self, now: UnixMs) -> bool {
        let der = self.der();
        let parsed = X509Certificate::from_der(&der);
        parsed.is_ok_and(|(_, found)| !certificate::is_past_half_life(found.validity().not_after.timestamp(), now))
    }
}
