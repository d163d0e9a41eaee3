//! Key, certificate request, and the proof that we hold the token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::digest::{SHA256, digest};
use ring::signature::Ed25519KeyPair;
use windlass_proto::api::EnrolRequest;

use super::token::JoinToken;

/// Why no request could be made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The key is unreadable or no request can be made with it.
    #[error("the key: {0}")]
    Key(#[from] rcgen::Error),
    /// The seed is no key.
    #[error("the token's seed is not usable")]
    Seed,
}

/// A new P-256 key, PEM.
pub(super) fn new_key() -> Result<String, RequestError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?.serialize_pem())
}

/// A request with this key: the same key and token make a request that the master knows again. Whoever reads or relays it gains nothing.
pub fn request(token: &JoinToken, key_pem: &str) -> Result<EnrolRequest, RequestError> {
    let key = KeyPair::from_pem(key_pem)?;
    let csr = CertificateParams::default().serialize_request(&key)?;
    let message = proof_message(&token.ca_pin, &token.id, csr.der());
    let signer = Ed25519KeyPair::from_seed_unchecked(&token.seed).map_err(|_| RequestError::Seed)?;
    let proof = URL_SAFE_NO_PAD.encode(signer.sign(&message));
    Ok(EnrolRequest { token_id: token.id.clone(), csr: csr.pem()?, proof })
}

/// What the proof signs: the purpose, the CA, the token, and the request.
pub fn proof_message(ca_pin: &[u8; 32], token_id: &str, csr_der: &[u8]) -> Vec<u8> {
    let mut message = b"windlass-enrol-1".to_vec();
    message.extend_from_slice(ca_pin);
    message.extend_from_slice(token_id.as_bytes());
    message.extend_from_slice(digest(&SHA256, csr_der).as_ref());
    message
}
