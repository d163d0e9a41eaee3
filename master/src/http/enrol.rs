//! `POST /enrol`: an agent asks for its certificate; the proof of its join token stands in for a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use windlass_proto::api::{self, ProblemKind};

use super::answer::{Answer, ok};
use super::call::Call;
use super::problem::{Refused, internal};
use super::shape;
use crate::clock::wall;
use crate::identity::{EnrolError, EnrolRequest};

/// Carries the request out.
pub(super) async fn enrol(call: Call) -> Answer {
    let asked: api::EnrolRequest = call.json()?;
    let proof = URL_SAFE_NO_PAD.decode(&asked.proof);
    let proof = proof.map_err(|_| Refused::member(ProblemKind::WrongParams, "/proof", "it is not base64url"))?;
    let request = EnrolRequest { token: asked.token_id, csr: asked.csr, proof };
    let enrolled = call.api.enroller.enrol(request, wall()).await.map_err(refused)?;
    let identity = call.api.enroller.identity();
    ok(&api::EnrolAnswer {
        cluster_id: identity.cluster_id().to_owned(),
        agent_id: enrolled.agent.to_string(),
        chain: enrolled.chain.clone(),
        ca: identity.ca_pem().to_owned(),
        agents_port: call.api.agents_port,
        register: shape::register(&enrolled.register),
    })
}

fn refused(error: EnrolError) -> Refused {
    match error {
        EnrolError::NotProven => Refused::new(ProblemKind::NotSignedIn, error.to_string())
            .hint("make a new one: `windlass agents token --name NAME`"),
        EnrolError::Csr(error) => Refused::member(ProblemKind::WrongParams, "/csr", error.to_string()),
        EnrolError::Refused(refusal) => {
            Refused::from(refusal).hint("make a new one: `windlass agents token --name NAME`")
        }
        EnrolError::Issue(error) => internal(&error),
        EnrolError::Stopped(stopped) => stopped.into(),
    }
}
