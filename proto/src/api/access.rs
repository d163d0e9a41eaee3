//! Tokens of people and tools, join tokens, and enrolment of agents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Time;

/// Who the token of this request speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The subject.
    pub subject: String,
    /// What it may do; `admin` is all that exists yet.
    pub grants: Vec<String>,
    /// The public part of the token.
    pub token: String,
    /// After this the token is refused.
    pub expires: Time,
    /// What people call this master.
    pub master: String,
    /// Version of its program.
    pub version: String,
    /// The master's time.
    pub now: Time,
}

/// Asks for an API token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Who it speaks for: a name as `anna` or `ci-shop`.
    pub subject: String,
    /// Days until it expires, 1 to 365.
    #[serde(default = "days_default")]
    pub days: u32,
}

fn days_default() -> u32 {
    90
}

/// An API token. Its text is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenAnswer {
    /// The public part.
    pub id: String,
    /// The whole token, `wl_…`.
    pub token: String,
    /// Who it speaks for.
    pub subject: String,
    /// After this it is refused.
    pub expires: Time,
}

/// Asks for a join token: what it says here is fixed in the master's register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinTokenRequest {
    /// What people will call the agent.
    pub name: String,
    /// Labels that placement and environments trust.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Projects whose jobs it may run; empty: all.
    #[serde(default)]
    pub projects: Vec<String>,
    /// Environments it may be a target of.
    #[serde(default)]
    pub environments: Vec<String>,
    /// Takes jobs of pipelines although it has environments.
    #[serde(default)]
    pub jobs: bool,
    /// Seconds until it expires: 900 unless said otherwise, at most 86,400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_secs: Option<u32>,
}

/// A join token. Its text is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JoinTokenAnswer {
    /// The public part, sixteen hex digits.
    pub id: String,
    /// The whole token, `WLJ1…`.
    pub token: String,
    /// After this it is refused.
    pub expires: Time,
}

/// What a join token fixes about an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Register {
    /// What people call it.
    pub name: String,
    /// Labels that placement and environments trust.
    pub labels: BTreeMap<String, String>,
    /// Projects whose jobs it may run; empty: all.
    pub projects: Vec<String>,
    /// Environments it may be a target of.
    pub environments: Vec<String>,
    /// Takes jobs of pipelines although it has environments.
    pub jobs: bool,
}

/// An agent asks for its certificate. The proof stands for the join token, whose seed is never sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The join token's id, sixteen hex digits.
    pub token_id: String,
    /// Certificate request, PEM. Only its public key is taken.
    pub csr: String,
    /// Ed25519 signature by the token's seed over `"windlass-enrol-1" ‖ ca_pin ‖ token_id ‖ SHA-256(CSR, DER)`, 64 bytes as base64url
    /// without padding. `ca_pin` is the 32 bytes that the token names in hex, `token_id` the text.
    pub proof: String,
}

/// The agent's identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnrolAnswer {
    /// The cluster it belongs to, a UUID.
    pub cluster_id: String,
    /// Its own, a UUID.
    pub agent_id: String,
    /// Its certificate and what lies between it and the CA, PEM.
    pub chain: String,
    /// The CA certificates that it trusts, PEM.
    pub ca: String,
    /// Port of the agent link, on the host that the agent dialled.
    pub agents_port: u16,
    /// What the token fixed.
    pub register: Register,
}
