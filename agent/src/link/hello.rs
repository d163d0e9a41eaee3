//! What we say first.

use std::collections::BTreeMap;

use windlass_core::input::{Held, Hello, KillMode, Offer};
use windlass_core::model::{AgentId, Attempt, Digest, Fence};
use windlass_proto::convert::{self, PROTOCOL, Unheard};
use windlass_proto::v1;

use crate::config::Config;
use crate::work::{self, Greeting, Phase};

/// What an agent says of itself, whatever it holds.
#[derive(Debug, Clone)]
pub struct Introduction {
    /// From the certificate.
    pub agent: AgentId,
    /// The kernel's name for this boot.
    pub boot_id: String,
    /// What it takes.
    pub offer: Offer,
    /// BLAKE3 of its policy.
    pub policy: Digest,
}

impl Introduction {
    /// By the configuration of this host.
    pub fn new(agent: AgentId, boot_id: String, config: &Config, kill: KillMode) -> Self {
        let offer = Offer {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            labels: config.labels.clone(),
            slots: config.slots,
            projects: config.policy.projects.iter().cloned().collect(),
            environments: config.policy.environments.iter().cloned().collect(),
            jobs: config.policy.takes_jobs(),
            same_user: true,
            kill,
            paused: None,
        };
        Self { agent, boot_id, offer, policy: config.policy.digest() }
    }

    /// The same, with a pause for this reason.
    #[must_use]
    pub fn paused(&self, reason: Option<String>) -> Self {
        Self { offer: Offer { paused: reason, ..self.offer.clone() }, ..self.clone() }
    }

    /// The Hello.
    pub fn hello(&self, greeting: &Greeting) -> v1::Hello {
        let held = greeting.holdings.attempts.values().map(|attempt| held(attempt)).collect();
        let hello = Hello {
            agent: self.agent,
            protocol: PROTOCOL,
            program: concat!("windlass-agent ", env!("CARGO_PKG_VERSION")).to_owned(),
            incarnation: greeting.incarnation,
            boot_id: self.boot_id.clone(),
            max_epoch: greeting.max_epoch,
            held,
            offer: self.offer.clone(),
        };
        let phases: BTreeMap<Fence, v1::Phase> =
            greeting.holdings.attempts.iter().map(|(fence, attempt)| (*fence, phase(attempt.phase()))).collect();
        convert::hello::to_wire(&hello, &Unheard { floor: greeting.floor.0, policy: self.policy, phases: &phases })
    }
}

fn held(attempt: &work::Attempt) -> Held {
    let (run, job, number) = match attempt.envelope() {
        Some(envelope) => (envelope.run.to_string(), envelope.job.to_string(), envelope.attempt),
        None => (String::new(), String::new(), Attempt(0)),
    };
    let lines = u32::try_from(attempt.lines.len()).unwrap_or(u32::MAX);
    Held { fence: attempt.fence, lines, run, job, attempt: number }
}

fn phase(phase: Phase) -> v1::Phase {
    match phase {
        Phase::Accepted => v1::Phase::Accepted,
        Phase::Running => v1::Phase::Running,
        Phase::Ended => v1::Phase::Ended,
    }
}
