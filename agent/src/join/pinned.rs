//! The root of a web server whose chain ends in the pinned CA. Found by a handshake that sends nothing and trusts nothing.

use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};
use windlass_proto::tls;

const WITHIN: Duration = Duration::from_secs(10);

/// The certificate in the server's chain that hashes to the pin; none if there is none.
pub(super) fn root(host: &str, port: u16, pin: &[u8; 32]) -> std::io::Result<Option<CertificateDer<'static>>> {
    let seen = Arc::new(Seen(Mutex::default()));
    let config = ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions();
    let config =
        config.map_err(std::io::Error::other)?.dangerous().with_custom_certificate_verifier(Arc::clone(&seen) as _);
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    let mut tls = ClientConnection::new(Arc::new(config.with_no_client_auth()), name).map_err(std::io::Error::other)?;
    let mut tcp = TcpStream::connect((host, port))?;
    tcp.set_read_timeout(Some(WITHIN))?;
    tcp.set_write_timeout(Some(WITHIN))?;
    // It always fails: the verifier looks and refuses. Whether it saw the chain before is all that counts.
    let _refused = tls.complete_io(&mut tcp);
    let chain = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(chain.iter().find(|certificate| digest(&SHA256, certificate).as_ref() == pin).cloned())
}

/// Remembers the chain it was shown, and accepts none.
#[derive(Debug)]
struct Seen(Mutex<Vec<CertificateDer<'static>>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let shown = std::iter::once(end_entity).chain(intermediates);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            shown.map(|shown| shown.clone().into_owned()).collect();
        Err(refused())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(refused())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Err(refused())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        tls::provider().signature_verification_algorithms.supported_schemes()
    }
}

fn refused() -> TlsError {
    TlsError::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}
