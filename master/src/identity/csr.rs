//! Reading a certificate request of a stranger: the public key comes out of it, and nothing else.

use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey, VerificationAlgorithm};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;

/// The most bytes a request may have, as PEM.
pub const CSR_MAX_BYTES: usize = 16 * 1024;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// Larger than any honest one.
    #[error("it has more than {CSR_MAX_BYTES} bytes")]
    TooBig,
    /// Not PEM of one certificate request.
    #[error("it is not the PEM of a certificate request")]
    Unreadable,
    /// Another kind of key.
    #[error("its key is neither P-256 nor Ed25519")]
    Key,
    /// Whoever sent it does not have the key.
    #[error("it is not signed by its own key")]
    Signature,
}

/// What is taken from a request.
#[derive(Debug)]
pub struct CheckedCsr {
    /// The key that a certificate is asked for.
    pub(super) key: rcgen::SubjectPublicKeyInfo,
    /// The key as it stands in the request: whoever asks again with it gets the same answer, although each request is signed anew.
    pub public_key: Vec<u8>,
    /// The request itself, which the proof of a join token signs.
    pub der: Vec<u8>,
}

/// Reads a request, and checks that its sender has the key. Names, flags and extensions in it are not even looked at.
pub fn check_csr(pem: &str) -> Result<CheckedCsr, CsrError> {
    if pem.len() > CSR_MAX_BYTES {
        return Err(CsrError::TooBig);
    }
    let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes()).map_err(|_| CsrError::Unreadable)?;
    let (rest, request) = X509CertificationRequest::from_der(&der).map_err(|_| CsrError::Unreadable)?;
    if !rest.is_empty() {
        return Err(CsrError::Unreadable);
    }
    let info = &request.certification_request_info;
    let algorithm = algorithm_of(&info.subject_pki.algorithm, &request.signature_algorithm.algorithm)?;
    UnparsedPublicKey::new(algorithm, info.subject_pki.subject_public_key.as_ref())
        .verify(info.raw, request.signature_value.as_ref())
        .map_err(|_| CsrError::Signature)?;
    let key = rcgen::SubjectPublicKeyInfo::from_der(info.subject_pki.raw).map_err(|_| CsrError::Key)?;
    Ok(CheckedCsr { key, public_key: info.subject_pki.raw.to_vec(), der: der.to_vec() })
}

/// The one algorithm that goes with this kind of key.
fn algorithm_of(
    key: &x509_parser::x509::AlgorithmIdentifier<'_>,
    signature: &Oid<'_>,
) -> Result<&'static dyn VerificationAlgorithm, CsrError> {
    let curve = key.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    if key.algorithm == oid!(1.2.840.10045.2.1) && curve == Some(oid!(1.2.840.10045.3.1.7)) {
        return if *signature == oid!(1.2.840.10045.4.3.2) {
            Ok(&ECDSA_P256_SHA256_ASN1)
        } else {
            Err(CsrError::Signature)
        };
    }
    if key.algorithm == oid!(1.3.101.112) && key.parameters.is_none() {
        return if *signature == oid!(1.3.101.112) { Ok(&ED25519) } else { Err(CsrError::Signature) };
    }
    Err(CsrError::Key)
}
