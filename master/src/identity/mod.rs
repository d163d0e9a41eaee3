//! Who is who: the cluster's own certificate authority, the certificates it signs, join tokens and API tokens.
//!
//! Called by `app` (create, open), by `http` (enrolment, the check of tokens) and by `link` (TLS settings, renewal). Invariant: of a
//! request for a certificate the public key is taken and nothing else; of a token only its public half or its digest is kept. Keys
//! stand in files of mode 0600 in a directory of mode 0700. Deliberately absent: rights, the register of agents, key export.
//!
//! Reading order: [`authority`], [`certificate`], [`csr`], then [`join`], [`enrol`] and [`api_token`].

pub mod api_token;
pub mod authority;
mod base32;
mod certificate;
pub mod csr;
pub mod enrol;
mod error;
mod files;
pub mod join;
mod random;

pub use api_token::{new_api_token, parse_api_token, same_digest};
pub use authority::Identity;
pub use csr::CsrError;
pub use enrol::{EnrolError, EnrolRequest, Enroller};
pub use error::{Error, Result};
pub use join::{JoinGrant, new_join_token, proof_message, verify_proof};

#[cfg(test)]
mod tests;
