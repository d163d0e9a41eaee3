//! What an agent says first in a session.

use std::collections::BTreeMap;

use windlass_core::input::{Held, Hello, KillMode, Offer};
use windlass_core::model::{AgentId, Attempt, Digest, Fence};

use super::fields::{at_most, counted, fence, known, required};
use super::{Error, HELD_MAX, Result};
use crate::v1;

/// What a Hello says besides what the master decides by: it is logged and checked for form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unheard<'a> {
    /// Of the agent's state.
    pub floor: u64,
    /// BLAKE3 of its policy.
    pub policy: Digest,
    /// Where each attempt is that the Hello says it holds.
    pub phases: &'a BTreeMap<Fence, v1::Phase>,
}

/// A Hello as it travels. The agent's id does not: it stands in the certificate. An attempt without a phase counts as accepted.
pub fn to_wire(hello: &Hello, unheard: &Unheard<'_>) -> v1::Hello {
    let held = |held: &Held| v1::Held {
        fence: held.fence.0,
        phase: unheard.phases.get(&held.fence).copied().unwrap_or(v1::Phase::Accepted).into(),
        lines: held.lines,
        run: held.run.clone(),
        job: held.job.clone(),
        attempt: held.attempt.0,
    };
    v1::Hello {
        protocol: hello.protocol,
        program: hello.program.clone(),
        incarnation: hello.incarnation,
        boot_id: hello.boot_id.clone(),
        max_epoch: hello.max_epoch,
        floor: unheard.floor,
        held: hello.held.iter().map(held).collect(),
        offer: Some(offer_to_wire(&hello.offer, unheard.policy)),
    }
}

/// A Hello of the agent whose certificate the session was opened with.
pub fn from_wire(agent: AgentId, wire: v1::Hello) -> Result<Hello> {
    at_most("hello.held", wire.held.len(), HELD_MAX)?;
    let incarnation = wire.incarnation;
    if incarnation == 0 {
        return Err(Error::Missing { field: "hello.incarnation" });
    }
    if wire.boot_id.is_empty() {
        return Err(Error::Missing { field: "hello.boot_id" });
    }
    Ok(Hello {
        agent,
        protocol: counted("hello.protocol", wire.protocol)?,
        program: wire.program,
        incarnation,
        boot_id: wire.boot_id,
        max_epoch: wire.max_epoch,
        held: wire.held.into_iter().map(held_from_wire).collect::<Result<_>>()?,
        offer: offer_from_wire(required("hello.offer", wire.offer)?)?,
    })
}

fn held_from_wire(wire: v1::Held) -> Result<Held> {
    let _phase: v1::Phase = known("held.phase", wire.phase)?;
    Ok(Held {
        fence: fence("held.fence", wire.fence)?,
        lines: wire.lines,
        run: wire.run,
        job: wire.job,
        attempt: Attempt(wire.attempt),
    })
}

/// Labels travel as `name=value`.
fn offer_to_wire(offer: &Offer, policy: Digest) -> v1::Offer {
    v1::Offer {
        os: offer.os.clone(),
        arch: offer.arch.clone(),
        labels: offer.labels.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        slots: offer.slots,
        kill: kill_to_wire(offer.kill).into(),
        policy_blake3: policy.0.to_vec(),
        projects: offer.projects.clone(),
        environments: offer.environments.clone(),
        jobs: offer.jobs,
        foreign: false,
        same_user: offer.same_user,
        paused: offer.paused.clone().unwrap_or_default(),
    }
}

fn offer_from_wire(wire: v1::Offer) -> Result<Offer> {
    let kill = kill_from_wire(known("offer.kill", wire.kill)?)?;
    super::fields::digest("offer.policy_blake3", &wire.policy_blake3)?;
    let mut labels = BTreeMap::new();
    for label in wire.labels {
        let (name, value) =
            label.split_once('=').ok_or_else(|| Error::invalid("offer.labels", format!("{label:?} has no `=`")))?;
        labels.insert(name.to_owned(), value.to_owned());
    }
    Ok(Offer {
        os: wire.os,
        arch: wire.arch,
        labels,
        slots: wire.slots,
        projects: wire.projects,
        environments: wire.environments,
        jobs: wire.jobs,
        same_user: wire.same_user,
        kill,
        paused: Some(wire.paused).filter(|reason| !reason.is_empty()),
    })
}

fn kill_to_wire(kill: KillMode) -> v1::KillMode {
    match kill {
        KillMode::Group => v1::KillMode::KillGroup,
        KillMode::Cgroup => v1::KillMode::KillCgroup,
    }
}

fn kill_from_wire(wire: v1::KillMode) -> Result<KillMode> {
    match wire {
        v1::KillMode::KillUnspecified => Err(Error::invalid("offer.kill", "it is unset")),
        v1::KillMode::KillGroup => Ok(KillMode::Group),
        v1::KillMode::KillCgroup => Ok(KillMode::Cgroup),
    }
}
