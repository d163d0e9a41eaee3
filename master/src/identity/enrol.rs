//! Enrolment: a stranger with a join token becomes an agent with a certificate.
//!
//! Checked here: the form of the request, the proof, the request's own signature. Decided in `core`, in one commit: whether the token
//! is still good, and the agent's place in the register.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;
use windlass_core::answer::{Answer, Refusal};
use windlass_core::input::{Enrolled, Enrolment, Input};
use windlass_core::model::{AgentId, Digest, UnixMs};

use super::csr::check_csr;
use super::join::{proof_message, verify_proof};
use super::{CsrError, Error, Identity};
use crate::engine::Published;
use crate::inbox::{Inbox, Stopped};

/// So many bad proofs burn a token until the master starts again.
const BAD_PROOFS_MAX: u32 = 5;

/// What a stranger posts.
#[derive(Debug, Clone)]
pub struct EnrolRequest {
    /// The join token's id.
    pub token: String,
    /// The certificate request, PEM.
    pub csr: String,
    /// Signature of [`proof_message`] by the token's seed, 64 bytes.
    pub proof: Vec<u8>,
}

/// Why a stranger stays one.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// No such token, or it is burnt, or the proof is wrong: a stranger is not told which.
    #[error("the join token or its proof is not good")]
    NotProven,
    /// The certificate request cannot be used.
    #[error("the certificate request is refused: {0}")]
    Csr(#[from] CsrError),
    /// The proof is good, and the answer is no: used, expired, or the name is taken.
    #[error("{0}")]
    Refused(Refusal),
    /// No certificate could be made.
    #[error("cannot issue a certificate: {0}")]
    Issue(Error),
    /// Nothing more is decided.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Enrols agents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Enroller {
    identity: Arc<Identity>,
    published: Published,
    inbox: Inbox,
    bad_proofs: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Enroller {
    /// Enrols agents of this cluster.
    pub fn new(identity: Arc<Identity>, published: Published, inbox: Inbox) -> Self {
        Self { identity, published, inbox, bad_proofs: Arc::default() }
    }

    /// The identity whose CA bundle goes with each answer.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Token used and agent enrolled are one commit; the same request again gets the same answer.
    pub async fn enrol(&self, request: EnrolRequest, now: UnixMs) -> Result<Enrolled, EnrolError> {
        let csr = check_csr(&request.csr)?;
        self.check_proof(&request, &csr.der)?;
        let agent = AgentId(Uuid::new_v4());
        let chain = self.identity.issue_agent(&request.csr, agent, now).map_err(EnrolError::Issue)?;
        let enrolment = Enrolment { token: request.token, csr: Digest::of(&csr.public_key), agent, chain };
        match self.inbox.submit(Input::Enrol(enrolment)).await? {
            Answer::Enrolled(enrolled) => Ok(*enrolled),
            Answer::Refused(refusal) => Err(EnrolError::Refused(refusal)),
            other => unreachable!("an enrolment is answered by Enrolled or Refused, not by {other:?}"),
        }
    }

    fn check_proof(&self, request: &EnrolRequest, csr_der: &[u8]) -> Result<(), EnrolError> {
        let state = self.published.state();
        let known = state.join_tokens.get(&request.token).ok_or(EnrolError::NotProven)?;
        let mut bad_proofs = self.bad_proofs.lock().unwrap_or_else(PoisonError::into_inner);
        let bad = bad_proofs.get(&request.token).copied().unwrap_or(0);
        if bad >= BAD_PROOFS_MAX {
            return Err(EnrolError::NotProven);
        }
        let message = proof_message(&self.identity.ca_pin(), &request.token, csr_der);
        if verify_proof(&known.token.public_key, &message, &request.proof) {
            return Ok(());
        }
        tracing::warn!(token = %request.token, bad = bad + 1, "a proof for a join token is wrong");
        // Only tokens that exist are counted, so that strangers cannot fill the memory.
        bad_proofs.insert(request.token.clone(), bad + 1);
        Err(EnrolError::NotProven)
    }
}
