//! Join tokens: one line that lets one agent enrol.
//!
//! ```text
//! WLJ1<64 hex: SHA-256 of the CA certificate, DER>::<16 hex: token id>:<43 base64url: Ed25519 seed>
//! ```
//! The master keeps the public half only, so neither its journal nor a backup can enrol anything. The seed is never sent: the agent
//! signs with it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use windlass_core::input::JoinToken;
use windlass_core::model::{AgentRegister, UnixMs};

use super::{Error, Result, random};

const PROOF_PREFIX: &[u8] = b"windlass-enrol-1";

/// What a join token is made for.
#[derive(Debug, Clone)]
pub struct JoinGrant {
    /// What it fixes about the agent.
    pub register: AgentRegister,
    /// After this it is refused.
    pub expires: UnixMs,
    /// Who makes it.
    pub by: String,
}

/// A new token for the cluster with this CA: the line, which is shown once, and what the master keeps of it.
pub fn new_join_token(ca_pin: &[u8; 32], grant: JoinGrant) -> Result<(String, JoinToken)> {
    let id = hex(&random::bytes::<8>()?);
    let seed = random::bytes::<32>()?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| Error::Random)?;
    let text = format!("WLJ1{}::{id}:{}", hex(ca_pin), URL_SAFE_NO_PAD.encode(seed));
    let public_key = hex(pair.public_key().as_ref());
    let JoinGrant { register, expires, by } = grant;
    Ok((text, JoinToken { id, public_key, register, expires, by }))
}

/// What an agent signs: the CA it was told to trust, its token's id as text, and the SHA-256 of its certificate request, DER.
pub fn proof_message(ca_pin: &[u8; 32], token_id: &str, csr_der: &[u8]) -> Vec<u8> {
    let csr = ring::digest::digest(&ring::digest::SHA256, csr_der);
    [PROOF_PREFIX, ca_pin, token_id.as_bytes(), csr.as_ref()].concat()
}

/// Whether `proof` is the signature of `message` by the seed of this public key.
pub fn verify_proof(public_key_hex: &str, message: &[u8], proof: &[u8]) -> bool {
    from_hex(public_key_hex).is_some_and(|key| UnparsedPublicKey::new(&ED25519, key).verify(message, proof).is_ok())
}

/// Lower-case hex digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let (pairs, rest) = digits.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
