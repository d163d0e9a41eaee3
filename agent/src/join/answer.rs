//! What the master answers, and whether it is to be believed.

use ring::digest::{SHA256, digest};
use rustls::pki_types::UnixTime;
use windlass_core::model::{AgentId, AgentName, EnvironmentName, InvalidName, ProjectName};
use windlass_proto::api::EnrolAnswer;
use windlass_proto::tls;

use super::token::JoinToken;

/// An answer that was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Our certificate and what leads to the CA, PEM.
    pub chain: String,
    /// The CA, PEM.
    pub ca: String,
    /// The cluster.
    pub cluster_id: String,
    /// Our identity.
    pub agent: AgentId,
    /// What the token calls us.
    pub name: AgentName,
    /// Where the master listens for agents: `host:port`.
    pub master: String,
    /// Projects that the token fixes; empty: all.
    pub projects: Vec<ProjectName>,
    /// Environments that the token fixes.
    pub environments: Vec<EnvironmentName>,
    /// Whether jobs of pipelines are taken beside environments.
    pub jobs: bool,
}

/// Why an answer is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Unbelievable {
    /// The first CA is not the one that the token pins.
    #[error("its CA is not the one that the token names")]
    Ca,
    /// The certificate is not ours.
    #[error("its certificate is not for us: {0}")]
    Certificate(#[from] tls::Error),
    /// The certificate names another agent than the answer.
    #[error("its certificate names agent {0}")]
    Agent(AgentId),
    /// A name breaks the rule for names.
    #[error(transparent)]
    Name(#[from] InvalidName),
}

impl Enrolled {
    /// Believed only if the CA hashes to the pin, and the certificate chains to it with our key and the URI of the id. `host` is the
    /// one that was dialled, where the master listens for agents too.
    pub fn check(
        answer: EnrolAnswer,
        token: &JoinToken,
        key_pem: &str,
        host: &str,
        now: UnixTime,
    ) -> Result<Self, Unbelievable> {
        let certificates = tls::certificates("CA", answer.ca.as_bytes())?;
        let [ca] = &certificates[..] else { return Err(Unbelievable::Ca) };
        if digest(&SHA256, ca).as_ref() != token.ca_pin {
            return Err(Unbelievable::Ca);
        }
        let (ca, chain) = (answer.ca.as_bytes(), answer.chain.as_bytes());
        let agent = tls::check_agent_identity(ca, chain, key_pem.as_bytes(), &answer.cluster_id, now)?;
        if agent.to_string() != answer.agent_id {
            return Err(Unbelievable::Agent(agent));
        }
        let register = answer.register;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Ok(Self {
            chain: answer.chain,
            ca: answer.ca,
            cluster_id: answer.cluster_id,
            agent,
            name: AgentName::new(&register.name)?,
            master: format!("{host}:{}", answer.agents_port),
            projects: register.projects.iter().map(|name| ProjectName::new(name)).collect::<Result<_, _>>()?,
            environments: register
                .environments
                .iter()
                .map(|name| EnvironmentName::new(name))
                .collect::<Result<_, _>>()?,
            jobs: register.jobs,
        })
    }
}
